"""Bundles over TCP and nothing else (MTCP, draft-ietf-dtn-mtcpcl): byte strings of CBOR, one after another.

Nothing comes back but what TCP says itself. So a bundle counts as handed on once all of it has been given to
TCP; what is under way when a contact ends is lost. Both ends are bound to the interface of the link.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Protocol

from skybed.topologies.bundles.sabr import Contact
from skybed.traffic.bundles import codec
from skybed.traffic.bundles.codec import Bundle, Key
from skybed.traffic.bundles.held import Held
from skybed.traffic.bundles.session import AT_ONCE, IDLE_S, PATIENCE_MS, SEGMENT_BYTES, dialled, hang_up
from skybed.traffic.loop import Loop
from skybed.traffic.nodes import NodeHandle

PORT = 16_162  # the draft has none; it is that of dtn7
BYTE_STRING = 0x40  # of CBOR: the major type of a head
SHORT, LONGEST = 24, 27  # a length below SHORT stands in the first byte; others in 1, 2, 4 or 8 more
MOST_BYTES = 1 << 40


class Malformed(Exception):
    """What is no byte string of CBOR with a length."""


class Agent(Protocol):
    """What is asked of the agent at either end."""

    node: NodeHandle
    loop: Loop

    def now_s(self) -> float: ...
    def after(self, wait_s: float, call: Callable[[], None]) -> None: ...
    def next(self, peer: int, layer: str) -> tuple[Held, Bundle] | None: ...
    def hand(self, peer: int, held: Held, key: Key | None = None) -> int: ...
    def sent(self, peer: int, held: Held) -> None: ...
    def broken(self, peer: int, held: Held, there: int) -> None: ...
    def ended(self, session: object, peer: int, layer: str, was_ready: bool) -> None: ...
    def came(self, peer: int, bundle: Bundle, size: int) -> None: ...
    def left(self, session: Incoming) -> None: ...


class Outgoing:
    """The end that sends, until it has been idle for some seconds or the contact is over."""

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle, contact: Contact) -> None:
        self.agent, self.peer, self.contact = agent, peer, contact
        self._neighbour = neighbour
        self._sock: socket.socket | None = None
        self._held: Held | None = None  # what is being sent
        self._data = memoryview(b"")  # that TCP does not have yet
        self._is_ready = self._is_heeding = self._is_ending = False
        self._busy_s = agent.now_s()

    def connect(self) -> None:
        self._sock, begun = dialled(self.agent.node, self._neighbour, self.contact, PORT)
        if not begun:
            self.close()
            return
        self.agent.loop.watch(self._sock.fileno(), self._turn)
        self._heed(True)
        self.agent.after(IDLE_S, self._look)

    def wake(self) -> None:
        """There may be more to send."""
        if self._held is None:
            self._write()

    def close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        hang_up(sock, at_once=not self._is_ending)
        held, self._held = self._held, None
        self.agent.ended(self, self.peer, "mtcp", self._is_ready)
        if held:
            self.agent.broken(self.peer, held, 0)

    def _heed(self, writable: bool) -> None:
        if self._sock and writable != self._is_heeding:
            self._is_heeding = writable
            self.agent.loop.heed(self._sock.fileno(), writable)

    def _look(self) -> None:
        """From time to time: end it when there is nothing to send, or there is nobody."""
        idle = self._held is None and self.agent.now_s() - self._busy_s >= IDLE_S
        late = not self._is_ready and self.agent.now_s() - self._busy_s >= PATIENCE_MS / 1000
        if late or (self._is_ready and idle):
            self._is_ending = not late
            self.close()
        elif self._sock:
            self.agent.after(IDLE_S, self._look)

    def _turn(self) -> None:
        if self._sock is None:
            return
        try:
            if not self._is_ready:
                self._sock.getpeername()
                self._is_ready = True
            over = self._sock.recv(AT_ONCE) == b""
        except BlockingIOError:
            over = False
        except OSError:
            over = True
        if over:
            self.close()
        else:
            self._write()

    def _write(self) -> None:
        """One call, then wait for room: little is to lie in TCP, for what has more priority waits for it."""
        if self._sock is None or not self._is_ready:
            return
        if self._held is None and not self._begin():
            self._heed(False)
            return
        try:
            count = self._sock.send(self._data[:SEGMENT_BYTES])
        except BlockingIOError:
            count = 0
        except OSError:
            self.close()
            return
        self._data, self._busy_s = self._data[count:], self.agent.now_s()
        self._heed(True)
        if not self._data:
            held, self._held = self._held, None
            assert held
            self.agent.sent(self.peer, held)

    def _begin(self) -> bool:
        chosen = self.agent.next(self.peer, "mtcp")
        if chosen is None:
            return False
        self._held, bundle = chosen
        data = codec.encode(bundle)
        self._data = memoryview(head(len(data)) + data)
        self.agent.hand(self.peer, self._held, bundle.key)
        return True


class Incoming:
    """The end that receives, over the link to a peer."""

    def __init__(self, agent: Agent, peer: int, sock: socket.socket) -> None:
        self.agent, self.peer = agent, peer
        self._sock: socket.socket | None = sock
        sock.setblocking(False)
        self._reader = Reader()
        agent.loop.watch(sock.fileno(), self._read)

    def cut(self) -> None:
        """What has come of a bundle is no use without the rest."""
        sock, self._sock = self._sock, None
        if sock:
            hang_up(sock, at_once=True)
            self.agent.left(self)

    def _read(self) -> None:
        if self._sock is None:
            return
        try:
            data = self._sock.recv(AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.cut()
            return
        try:
            for whole in self._reader.feed(data):
                self.agent.came(self.peer, codec.decode(whole), len(whole))
        except (Malformed, codec.Unreadable):
            self.cut()


class Reader:
    """Byte strings out of a stream that comes in pieces."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Those that are whole by now. Raises Malformed."""
        self._data += data
        while span := _span(self._data):
            first, last = span
            if len(self._data) < last:
                return
            whole = bytes(self._data[first:last])
            del self._data[:last]
            yield whole


def head(size: int) -> bytes:
    """Of a byte string (RFC 8949, 3): its type and its length, as short as it can be."""
    if size < SHORT:
        return bytes([BYTE_STRING | size])
    more = next(place for place in range(4) if size < 1 << (8 << place))
    return bytes([BYTE_STRING | SHORT + more]) + size.to_bytes(1 << more, "big")


def _span(data: bytearray) -> tuple[int, int] | None:
    """Where the first byte string begins and ends, if there is enough to know."""
    if not data:
        return None
    kind, length = data[0] & 0xE0, data[0] & 0x1F
    if kind != BYTE_STRING or length > LONGEST:
        raise Malformed(f"{data[0]:#x} begins no byte string with a length")
    more = 0 if length < SHORT else 1 << (length - SHORT)
    if len(data) < 1 + more:
        return None
    size = int.from_bytes(data[1 : 1 + more], "big") if more else length
    if size > MOST_BYTES:
        raise Malformed(f"a byte string of {size} bytes is too long")
    return 1 + more, 1 + more + size
