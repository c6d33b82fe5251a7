"""ICMP errors, as the kernel hands them to the socket whose packet they are about (IP_RECVERR).

Nodes must not limit the rate of their ICMP errors (net.ipv4.icmp_ratemask, net.ipv6.icmp.ratelimit).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from skybed.traffic.wire.batch import MSG_ERRQUEUE, Inbox, socket_address

IP_RECVERR, IPV6_RECVERR = 11, 25  # <linux/in.h>, <linux/in6.h>
_MESSAGES = {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}
_ERROR = struct.Struct("=IBBBxII")  # struct sock_extended_err; the sender's socket address follows
_ICMP = 2, 3  # origins: SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_PORT_UNREACHABLE = {(2, 3, 3), (3, 1, 4)}  # (origin, type, code)
_TIME_EXCEEDED = {(2, 11, 0), (3, 3, 0)}


class IcmpError(NamedTuple):
    """Who says what of a packet. kind: origin, type and code."""

    sender: str
    kind: tuple[int, int, int]

    @property
    def expired(self) -> bool:
        return self.kind in _TIME_EXCEEDED

    @property
    def reached(self) -> bool:
        """Nobody listens at the port: the packet got to where it was sent."""
        return self.kind in _PORT_UNREACHABLE


def keep(sock: socket.socket) -> None:
    """Have the kernel keep the errors about what a socket sends."""
    level, option = (
        (socket.IPPROTO_IP, IP_RECVERR)
        if sock.family == socket.AF_INET
        else (socket.IPPROTO_IPV6, IPV6_RECVERR)
    )
    sock.setsockopt(level, option, 1)


def read(sock: socket.socket, inbox: Inbox) -> Iterator[tuple[memoryview, IcmpError]]:
    """The errors that wait, each with the payload of the packet that it is about, valid until the next."""
    count = inbox.read(sock.fileno(), MSG_ERRQUEUE)
    if count == 0:  # an error that found no room in the queue; left alone it would wake us for ever
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    for i in range(count):
        for level, kind, value in inbox.control(i):
            if (level, kind) in _MESSAGES:
                _, origin, icmp_type, code, _, _ = _ERROR.unpack_from(value)
                if origin in _ICMP:
                    sender = socket_address(value[_ERROR.size :])[0]
                    yield inbox.packet(i), IcmpError(sender, (origin, icmp_type, code))
