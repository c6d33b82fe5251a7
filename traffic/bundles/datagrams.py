"""Bundles in datagrams (after RFC 7122), a bundle or fragment each, as fast as the link is.

Nothing comes back, so a link of one direction will do. What is sent counts as handed on: if it is lost, so is
the bundle.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from math import ceil

from skybed.topologies.bundles.sabr import Contact
from skybed.traffic.bundles import adjacent, codec
from skybed.traffic.bundles.adjacent import Agent, bind_to
from skybed.traffic.bundles.codec import Bundle
from skybed.traffic.bundles.held import Held
from skybed.traffic.nodes import NodeHandle, bound_socket

PORT = 4556
MOST_BYTES = 1 << 14  # of payload in one, unless the bundle may not be cut
ONE_BYTES = 1 << 16
ROOM_BYTES = 1 << 22
IP_BYTES, ETHERNET_BYTES, UDP_BYTES = 20, 14, 8
MTU = 1500


class Outgoing(adjacent.Outgoing):
    """The end that sends, for as long as a contact lasts."""

    layer = "udp"

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle, contact: Contact) -> None:
        super().__init__(agent, peer, neighbour, contact)
        self.was_ready = self._is_ending = True  # nobody need be told of a begin or an end
        self._parts: Iterator[Bundle] = iter(())
        self._held: Held | None = None  # what is being sent
        self._gone = 0  # bytes of its payload
        self._is_busy = False

    def connect(self) -> None:
        self._sock = sock = bound_socket(self.agent.node, 4, socket.SOCK_DGRAM)
        try:
            bind_to(sock, self.neighbour.name)
            sock.connect((self.neighbour.ip, PORT))
        except OSError:  # the link has not been made yet
            self.close()
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM_BYTES)
        self.wake()

    def wake(self) -> None:
        if not self._is_busy:
            self._send()

    def _unsent(self) -> list[tuple[Held, int]]:
        held, self._held = self._held, None
        return [(held, self._gone)] if held else []

    def _send(self) -> None:
        """The next datagram; that before it has left."""
        self._is_busy = False
        if self._sock is None:
            return
        part = next(self._parts, None)
        if part is None:
            held, self._held = self._held, None
            if held:
                self.agent.sent(self.peer, held)
            chosen = self.agent.next(self.peer, "udp")
            if chosen is None:
                return
            self._held, bundle = chosen
            self._parts, self._gone = self._cut(bundle), 0
            part = next(self._parts)
        assert self._held
        data = codec.encode(part)
        self.agent.hand(self.peer, self._held, part.key)
        with contextlib.suppress(OSError):  # there is no room, or no link any more: it is lost
            self._sock.send(data)
        self._gone += len(part.payload)
        self._is_busy = True
        self.agent.after(on_the_link(len(data)) / self.contact.bytes_s, self._send)

    def _cut(self, bundle: Bundle) -> Iterator[Bundle]:
        size = len(bundle.payload)
        most = MOST_BYTES if self.agent.may_be_cut(bundle) else max(size, 1)
        for first in range(0, max(size, 1), most):
            yield bundle.cut(first, min(first + most, size))


class Incoming:
    """The end that receives, over the link to a peer. Raises OSError if there is none."""

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle) -> None:
        self.agent, self.peer = agent, peer
        self._sock = sock = agent.node.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bind_to(sock, neighbour.name)
            sock.bind((agent.node.ip, PORT))
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)
        agent.loop.watch(sock.fileno(), self._read)

    def close(self) -> None:
        self._sock.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, codec.Unreadable):
            data = self._sock.recv(ONE_BYTES)
            self.agent.came(self.peer, codec.decode(data), len(data))


def on_the_link(size: int) -> int:
    """The bytes that a datagram takes there, in as many packets as it needs."""
    packets = ceil((size + UDP_BYTES) / (MTU - IP_BYTES))
    return size + UDP_BYTES + packets * (IP_BYTES + ETHERNET_BYTES)
