"""Probe packets: where in them is what. They are built once (traffic.wire.built); the senders patch sequence
numbers, identifiers and time stamps in place.

STAMP: RFC 8762 section 4.2.1 and 4.3.1 (unauthenticated), RFC 8972 for the session identifier and
the Extra Padding TLV.  Offsets are those of the UDP or ICMP packet.
"""

from __future__ import annotations

import struct

STAMP_PORT = 862
STAMP_BYTES = 44
STAMP_HEAD = struct.Struct("!IQHH")  # sequence number, time stamp, error estimate, session id
STAMP_REFLECTED = struct.Struct("!QIQHHB")  # at 16: received, sender's: sequence, time stamp, error, 0, TTL
STAMP_REFLECTED_AT = 16

ECHO_HEAD = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
ECHO_PAYLOAD = struct.Struct("!4sI")  # at 8: mark, the whole sequence number
ECHO_MARK = b"skyb"

STAMP_REPLY = "stamp reply"  # names of built packets

NTP_UNIX_S = 2_208_988_800  # from 1900 to 1970
_NS = 1_000_000_000


def stamp_request(size_bytes: int) -> str:
    """The name of a built Session-Sender packet of this size."""
    return f"stamp {size_bytes}"


def echo_request(family: int, size_bytes: int) -> str:
    """The name of a built echo request with so much payload."""
    return f"echo{family} {size_bytes}"


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


def identify_echo(packet: bytearray, ident: int, checksummed: bool) -> None:
    """Give an echo request, built with identifier 0, another. checksummed: whether it has a checksum."""
    struct.pack_into("!H", packet, 4, ident)
    if checksummed:
        _, _, checksum, _, _ = ECHO_HEAD.unpack_from(packet)
        struct.pack_into("!H", packet, 2, _updated(checksum, ident))


def set_echo_sequence(packet: bytearray, seq: int, checksum0: int | None) -> None:
    """Number an echo request. checksum0: its checksum when seq was 0, or None for ICMPv6."""
    low = seq & 0xFFFF
    struct.pack_into("!H", packet, 6, low)
    struct.pack_into("!I", packet, 12, seq)
    if checksum0 is not None:
        struct.pack_into("!H", packet, 2, _updated(checksum0, 2 * low + (seq >> 16)))


def _updated(checksum: int, added: int) -> int:
    """A checksum after words of a packet grew by so much together (RFC 1624)."""
    total = (~checksum & 0xFFFF) + added
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
