"""Bundles over TCP and nothing else (MTCP, draft-ietf-dtn-mtcpcl): byte strings of CBOR, one after another.

Nothing comes back but what TCP says itself. So a bundle counts as handed on once all of it has been given to
TCP; what is under way when a contact ends is lost.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from skybed.topologies.bundles.sabr import Contact
from skybed.traffic.bundles import adjacent, codec
from skybed.traffic.bundles.adjacent import IDLE_S, PATIENCE_MS, SEGMENT_BYTES, Agent, received
from skybed.traffic.bundles.codec import Unreadable
from skybed.traffic.bundles.held import Held
from skybed.traffic.nodes import NodeHandle

PORT = 16_162  # the draft has none; it is that of dtn7
BYTE_STRING = 0x40  # of CBOR: the major type of a head
SHORT, LONGEST = 24, 27  # a length below SHORT stands in the first byte; others in 1, 2, 4 or 8 more
MOST_BYTES = 1 << 40


class Malformed(Unreadable):
    """What is no byte string of CBOR with a length."""


class Outgoing(adjacent.Outgoing):
    """The end that sends, until it has been idle for some seconds or the contact is over."""

    layer = "mtcp"

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle, contact: Contact) -> None:
        super().__init__(agent, peer, neighbour, contact)
        self._held: Held | None = None  # what is being sent
        self._data = memoryview(b"")  # that TCP does not have yet
        self._busy_s = agent.now_s()

    def connect(self) -> None:
        if self._dial(PORT, self._turn):
            self.agent.after(IDLE_S, self._look)

    def wake(self) -> None:
        if self._held is None:
            self._write()

    def _unsent(self) -> list[tuple[Held, int]]:
        held, self._held = self._held, None
        return [(held, 0)] if held else []

    def _look(self) -> None:
        """From time to time: end it when there is nothing to send, or there is nobody."""
        idle = self._held is None and self.agent.now_s() - self._busy_s >= IDLE_S
        late = not self.was_ready and self.agent.now_s() - self._busy_s >= PATIENCE_MS / 1000
        if late or (self.was_ready and idle):
            self._is_ending = not late
            self.close()
        elif self._sock:
            self.agent.after(IDLE_S, self._look)

    def _turn(self) -> None:
        if self._sock is None:
            return
        if not self.was_ready:
            with contextlib.suppress(OSError):  # it has not connected
                self._sock.getpeername()
                self.was_ready = True
        if not self.was_ready or received(self._sock) == b"":
            self.close()
        else:
            self._write()

    def _write(self) -> None:
        """One call, then wait for room: little is to lie in TCP, for what has more priority waits for it."""
        if self._sock is None or not self.was_ready:
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


class Incoming(adjacent.Incoming):
    """The end that receives. What has come of a bundle is no use without the rest."""

    def __init__(self, agent: Agent, peer: int, sock: socket.socket) -> None:
        super().__init__(agent, peer, sock)
        self._reader = Reader()

    def _take(self, data: bytes) -> None:
        for whole in self._reader.feed(data):
            self.agent.came(self.peer, codec.decode(whole), len(whole))


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
