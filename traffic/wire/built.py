"""Probe packets as Scapy builds them: outside a lane, for in a guest Scapy takes seconds to import."""

from __future__ import annotations

from scapy.contrib.stamp import (
    ErrorEstimate,
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
    STAMPTestTLV,
)
from scapy.layers.inet import ICMP
from scapy.layers.inet6 import ICMPv6EchoRequest

from skybed.traffic.wire.packets import ECHO_MARK, ECHO_PAYLOAD, STAMP_BYTES

EXTRA_PADDING = 1  # TLV type, RFC 8972 section 4.1
TLV_UNRECOGNIZED = 0x80  # the sender sets it, a reflector that knows the TLV clears it


def error_estimate() -> ErrorEstimate:
    """Synchronized (all nodes share one clock), to 53 * 2**(13 - 32) s = 101 us."""
    return ErrorEstimate(S=1, Z=0, scale=13, multiplier=53)


def stamp_request(size_bytes: int) -> bytes:
    """A Session-Sender test packet padded to size_bytes (44 or more) of UDP payload: with an Extra Padding
    TLV, or with zeros where its 4 octets of header do not fit.
    """
    packet = STAMPSessionSenderTestUnauthenticated(err_estimate=error_estimate())
    room = size_bytes - STAMP_BYTES
    if room >= 4:
        value = bytes(room - 4)
        padding = STAMPTestTLV(flags=TLV_UNRECOGNIZED, type=EXTRA_PADDING, len=len(value), value=value)
        packet.tlv_objects = [padding]
    return bytes(packet).ljust(size_bytes, b"\0")


def stamp_reply() -> bytes:
    """The 44 octets of a Session-Reflector test packet; what follows is copied from the request."""
    return bytes(STAMPSessionReflectorTestUnauthenticated(err_estimate=error_estimate()))


def echo_request(family: int, size_bytes: int) -> bytes:
    """An ICMP (family 4) or ICMPv6 (6) echo request with size_bytes of payload, its numbers 0.

    The ICMPv6 checksum is left 0: the kernel fills it in (RFC 3542 section 3.1).
    """
    payload = ECHO_PAYLOAD.pack(ECHO_MARK, 0).ljust(size_bytes, b"\0")
    if family == 4:
        return bytes(ICMP(type=8, id=0, seq=0) / payload)
    return bytes(ICMPv6EchoRequest(id=0, seq=0, cksum=0, data=payload))
