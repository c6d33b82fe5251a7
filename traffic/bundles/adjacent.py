"""What all convergence layers share: what they ask of an agent, and sockets over the link to its neighbour.

Both ends are bound to the interface of that link, so whatever routes are, nothing takes another way.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Protocol

from skybed.topologies.bundles.sabr import Contact
from skybed.traffic.bundles.codec import Bundle, Key, Unreadable
from skybed.traffic.bundles.held import Held
from skybed.traffic.bundles.tcpcl import Malformed
from skybed.traffic.loop import Loop
from skybed.traffic.nodes import NodeHandle, bound_socket

SEGMENT_BYTES = 1 << 14
IDLE_S = 5.0  # with nothing to send, after which a session is ended
PATIENCE_MS = 10_000  # for which TCP acknowledges nothing: then the link is taken to be silent
BUFFER_BYTES = 1 << 16  # beside what is in flight, at the sender
AT_ONCE = 1 << 18
NO_LINGER = struct.pack("=ii", 1, 0)


class Agent(Protocol):
    """What is asked of the agent at either end. accepts: None, or a reason to refuse."""

    number: int
    node: NodeHandle
    loop: Loop

    def now_s(self) -> float: ...
    def after(self, wait_s: float, call: Callable[[], None]) -> None: ...
    def next(self, peer: int, layer: str) -> tuple[Held, Bundle] | None: ...
    def may_be_cut(self, bundle: Bundle) -> bool: ...
    def hand(self, peer: int, held: Held, key: Key | None = None) -> int: ...
    def sent(self, peer: int, held: Held) -> None: ...
    def refused(self, peer: int, held: Held, reason: int) -> None: ...
    def broken(self, peer: int, held: Held, there: int) -> None: ...
    def ended(self, outgoing: Outgoing, peer: int, was_ready: bool) -> None: ...
    def accepts(self, bundle: Bundle, size: int) -> int | None: ...
    def came(self, peer: int, bundle: Bundle, size: int) -> None: ...
    def arrived(self, peer: int, transfer: int, accepted: Bundle, bundle: Bundle, size: int) -> None: ...
    def abandoned(self, bundle: Bundle) -> None: ...
    def left(self, incoming: Incoming) -> None: ...


class Outgoing(ABC):
    """The end that sends, over a contact with a peer. was_ready: whether it ever could."""

    layer: ClassVar[str]

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle, contact: Contact) -> None:
        self.agent, self.peer, self.neighbour, self.contact = agent, peer, neighbour, contact
        self.was_ready = False
        self._is_heeding = self._is_ending = False
        self._sock: socket.socket | None = None

    @abstractmethod
    def connect(self) -> None: ...

    @abstractmethod
    def wake(self) -> None:
        """There may be more to send."""

    @abstractmethod
    def _unsent(self) -> list[tuple[Held, int]]:
        """What has to be sent again, and how much of its payload need not; it is asked for once."""

    @property
    def is_ready(self) -> bool:
        return self.was_ready and self._sock is not None

    def close(self) -> None:
        """At once."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        hang_up(sock, at_once=not self._is_ending)
        unsent = self._unsent()
        self.agent.ended(self, self.peer, self.was_ready)
        for held, there in unsent:
            self.agent.broken(self.peer, held, there)

    def _dial(self, port: int, turn: Callable[[], None]) -> bool:
        """Connect by TCP, with room for what is in flight there. turn: when there is something to read or to
        write. Whether it connects.
        """
        self._sock = sock = bound_socket(self.agent.node, 4, socket.SOCK_STREAM)
        try:
            bind_to(sock, self.neighbour.name)
        except OSError:  # the link has not been made yet
            self.close()
            return False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        in_flight = min(int(self.contact.bytes_s * 2 * self.contact.light_s), 1 << 26)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, in_flight + BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SEGMENT_BYTES)
        if sock.connect_ex((self.neighbour.ip, port)) not in (0, errno.EINPROGRESS):
            self.close()
            return False
        self.agent.loop.watch(sock.fileno(), turn)
        self._heed(True)
        return True

    def _heed(self, writable: bool) -> None:
        if self._sock and writable != self._is_heeding:
            self._is_heeding = writable
            self.agent.loop.heed(self._sock.fileno(), writable)


class Incoming(ABC):
    """The end that receives from a peer, over TCP."""

    def __init__(self, agent: Agent, peer: int, sock: socket.socket) -> None:
        self.agent, self.peer = agent, peer
        self._is_ending = False
        self._sock: socket.socket | None = sock
        sock.setblocking(False)
        agent.loop.watch(sock.fileno(), self._read)

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """What has come. Raises Malformed, Unreadable."""

    def cut(self) -> None:
        """The link has gone, or the other end has."""
        sock, self._sock = self._sock, None
        if sock:
            hang_up(sock, at_once=not self._is_ending)
            self.agent.left(self)

    def _read(self) -> None:
        data = received(self._sock) if self._sock else None
        if data == b"":
            self.cut()
        elif data:
            try:
                self._take(data)
            except (Malformed, Unreadable):
                self.cut()


def bind_to(sock: socket.socket, interface: str) -> None:
    """Only what comes and goes over an interface, from now on; raises OSError if there is none."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())


def received(sock: socket.socket) -> bytes | None:
    """What has come; None: nothing yet; b"": nothing will, as the other end has gone."""
    try:
        return sock.recv(AT_ONCE)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def hang_up(sock: socket.socket, at_once: bool) -> None:
    """at_once: nobody is to be told, as the link has gone."""
    if at_once:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    sock.close()
