"""Probe packets, built once with Scapy; the senders patch sequence numbers and time stamps in place. Scapy
takes a second to import, so it is only where a packet is built.

STAMP: RFC 8762 section 4.2.1 and 4.3.1 (unauthenticated), RFC 8972 for the session identifier and
the Extra Padding TLV.  Offsets are those of the UDP or ICMP packet.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scapy.contrib.stamp import ErrorEstimate
    from scapy.packet import Packet

STAMP_PORT = 862
STAMP_BYTES = 44
STAMP_HEAD = struct.Struct("!IQHH")  # sequence number, time stamp, error estimate, session id
STAMP_REFLECTED = struct.Struct("!QIQHHB")  # at 16: received, sender's: sequence, time stamp, error, 0, TTL
STAMP_REFLECTED_AT = 16
EXTRA_PADDING = 1  # TLV type, RFC 8972 section 4.1
TLV_UNRECOGNIZED = 0x80  # the sender sets it, a reflector that knows the TLV clears it

ECHO_HEAD = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
ECHO_PAYLOAD = struct.Struct("!4sI")  # at 8: mark, the whole sequence number
ECHO_MARK = b"skyb"

NTP_UNIX_S = 2_208_988_800  # from 1900 to 1970
_NS = 1_000_000_000


def ntp_from_ns(ns: int) -> int:
    """CLOCK_REALTIME ns as an NTP 64-bit time stamp (RFC 5905 section 6)."""
    seconds, rest = divmod(ns, _NS)
    return ((seconds + NTP_UNIX_S) & 0xFFFFFFFF) << 32 | (rest << 32) // _NS


def ns_from_ntp(ntp: int) -> int:
    """The inverse, exact to the ns. Seconds below 2**31 belong to the era that begins in 2036 (RFC 4330)."""
    seconds = ntp >> 32
    if seconds < 1 << 31:
        seconds += 1 << 32
    return (seconds - NTP_UNIX_S) * _NS + (((ntp & 0xFFFFFFFF) * _NS + (1 << 31)) >> 32)


def error_estimate() -> ErrorEstimate:
    """Synchronized (all nodes share one clock), to 53 * 2**(13 - 32) s = 101 us."""
    from scapy.contrib.stamp import ErrorEstimate

    return ErrorEstimate(S=1, Z=0, scale=13, multiplier=53)


def stamp_request(size_bytes: int, ssid: int) -> bytearray:
    """A Session-Sender test packet padded to size_bytes (44 or more) of UDP payload."""
    from scapy.contrib.stamp import STAMPSessionSenderTestUnauthenticated

    packet = STAMPSessionSenderTestUnauthenticated(ssid=ssid, err_estimate=error_estimate())
    return _padded(packet, size_bytes)


def stamp_reply() -> bytearray:
    """The 44 octets of a Session-Reflector test packet; what follows is copied from the request."""
    from scapy.contrib.stamp import STAMPSessionReflectorTestUnauthenticated

    return bytearray(bytes(STAMPSessionReflectorTestUnauthenticated(err_estimate=error_estimate())))


def _padded(packet: Packet, size_bytes: int) -> bytearray:
    """Fill up with an Extra Padding TLV, or with zeros where its 4 octets of header do not fit."""
    from scapy.contrib.stamp import STAMPTestTLV

    room = size_bytes - STAMP_BYTES
    if room >= 4:
        value = bytes(room - 4)
        packet.tlv_objects = [
            STAMPTestTLV(flags=TLV_UNRECOGNIZED, type=EXTRA_PADDING, len=len(value), value=value)
        ]
    return bytearray(bytes(packet).ljust(size_bytes, b"\0"))


def echo_request(family: int, ident: int, size_bytes: int) -> bytearray:
    """An ICMP (family 4) or ICMPv6 (6) echo request with size_bytes of payload, sequence number 0.

    The ICMPv6 checksum is left 0: the kernel fills it in (RFC 3542 section 3.1).
    """
    from scapy.layers.inet import ICMP
    from scapy.layers.inet6 import ICMPv6EchoRequest

    payload = ECHO_PAYLOAD.pack(ECHO_MARK, 0).ljust(size_bytes, b"\0")
    if family == 4:
        return bytearray(bytes(ICMP(type=8, id=ident, seq=0) / payload))
    return bytearray(bytes(ICMPv6EchoRequest(id=ident, seq=0, cksum=0, data=payload)))


def set_echo_sequence(packet: bytearray, seq: int, checksum0: int | None) -> None:
    """Number an echo request. checksum0: its checksum when seq was 0, or None for ICMPv6.

    The checksum is updated by the change of its words (RFC 1624).
    """
    low = seq & 0xFFFF
    struct.pack_into("!H", packet, 6, low)
    struct.pack_into("!I", packet, 12, seq)
    if checksum0 is not None:
        total = (~checksum0 & 0xFFFF) + 2 * low + (seq >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into("!H", packet, 2, ~total & 0xFFFF)
