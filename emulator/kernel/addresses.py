"""Addresses of interfaces and nodes: worked out, and as they stand in messages."""

from __future__ import annotations

import functools
import ipaddress
import socket


def mac(link: int, side: int) -> str:
    """Locally administered, from the link's number: the same in every run."""
    return ":".join(f"{byte:02x}" for byte in (2, side, *link.to_bytes(4, "big")))


def link_local(mac: str) -> str:
    """The IPv6 link-local address that the kernel derives from a MAC address (RFC 4291, appendix A)."""
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + octets[:3] + b"\xff\xfe" + octets[3:])


@functools.cache
def packed(ip: str) -> bytes:
    """4 or 16 bytes, as in a message."""
    return ipaddress.ip_address(ip).packed
