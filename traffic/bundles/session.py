"""Sessions of the TCP convergence layer between two neighbours, over the link that joins them.

Who has something to send opens one, for as long as a contact lasts; what comes back in it are
acknowledgements.
"""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from dataclasses import dataclass

from skybed.topologies.bundles.sabr import Contact
from skybed.traffic.bundles import adjacent, codec, tcpcl
from skybed.traffic.bundles.adjacent import IDLE_S, PATIENCE_MS, SEGMENT_BYTES, Agent, received
from skybed.traffic.bundles.codec import Bundle
from skybed.traffic.bundles.held import Held
from skybed.traffic.bundles.tcpcl import END, START, Message
from skybed.traffic.nodes import NodeHandle

MRU = 1 << 40  # of a transfer
KEEPALIVE_S = 15
FEW_BYTES = 4096


@dataclass(eq=False)
class Transfer:
    """One bundle on its way over a session. sent, acked: bytes of its data."""

    held: Held
    bundle: Bundle
    data: memoryview
    number: int
    sent: int = 0
    acked: int = 0
    is_refused: bool = False

    @property
    def there(self) -> int:
        """The bytes of its payload that are acknowledged, if it is more than 0."""
        return self.acked - (len(self.data) - 1 - len(self.bundle.payload))


class Outgoing(adjacent.Outgoing):
    """The end that sends."""

    layer = "tcp"

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle, contact: Contact) -> None:
        super().__init__(agent, peer, neighbour, contact)
        self._transfers: dict[int, Transfer] = {}  # not acknowledged, by number
        self._reader = tcpcl.Reader()
        self._outbox: deque[memoryview] = deque()
        self._current: Transfer | None = None
        self._heard_s = self._busy_s = agent.now_s()

    def connect(self) -> None:
        if self._dial(tcpcl.PORT, self._turn):
            self._outbox.append(memoryview(tcpcl.CONTACT_HEADER))
            self._look()

    def wake(self) -> None:
        if self.is_ready and not self._is_ending:
            self._write()

    def _unsent(self) -> list[tuple[Held, int]]:
        left, self._transfers = list(self._transfers.values()), {}
        return [(transfer.held, transfer.there) for transfer in left]

    def _look(self) -> None:
        """From time to time: end it when there is nothing to send, or nothing is heard any more."""
        if self._sock is None:
            return
        now_s = self.agent.now_s()
        if self.is_ready and not self._transfers and not self._outbox and now_s - self._busy_s >= IDLE_S:
            self._end()
        elif now_s - self._heard_s > 2 * KEEPALIVE_S:
            self.close()
        else:
            self.agent.after(IDLE_S, self._look)

    def _end(self) -> None:
        self._is_ending = True
        self._outbox.append(memoryview(tcpcl.terminate(tcpcl.IDLE, is_reply=False)))
        self._write()
        self.agent.after(IDLE_S, self.close)

    def _turn(self) -> None:
        if self._sock is None:
            return
        data = received(self._sock)
        if data == b"":
            self.close()
        elif data:
            self._heard_s = self.agent.now_s()
            try:
                for message in self._reader.feed(data):
                    self._take(message)
            except tcpcl.Malformed:
                self.close()
        if self._sock:
            self._write()

    def _take(self, message: Message) -> None:
        match message:
            case tcpcl.ContactHeader(version):
                if version != tcpcl.VERSION:
                    self.close()
                name = f"ipn:{self.agent.number}.0"
                self._outbox.append(memoryview(tcpcl.init(name, KEEPALIVE_S, MRU, MRU)))
            case tcpcl.Init():
                self.was_ready = True
            case tcpcl.Ack(number, flags, size) if number in self._transfers:
                transfer = self._transfers[number]
                transfer.acked = size
                if flags & END and size == len(transfer.data):
                    del self._transfers[number]
                    self.agent.sent(self.peer, transfer.held)
            case tcpcl.Refuse(number, reason) if number in self._transfers:
                transfer = self._transfers.pop(number)
                transfer.is_refused = True
                self.agent.refused(self.peer, transfer.held, reason)
            case tcpcl.Terminate():
                self.close()

    def _write(self) -> None:
        """One call, then wait for room: little is to lie in TCP, for what has more priority waits for it."""
        while not self._outbox or self._outbox_bytes() < SEGMENT_BYTES:
            if not self._fill():
                break
        if not self._outbox or self._sock is None:
            self._heed(False)
            return
        try:
            count = self._sock.sendmsg(list(self._outbox))
        except BlockingIOError:
            count = 0
        except OSError:
            self.close()
            return
        while count:
            part = self._outbox[0]
            if count < len(part):
                self._outbox[0], count = part[count:], 0
            else:
                count -= len(part)
                self._outbox.popleft()
        self._heed(bool(self._outbox) or self._current is not None or self.is_ready)

    def _outbox_bytes(self) -> int:
        return sum(len(part) for part in self._outbox)

    def _fill(self) -> bool:
        """Put the next segment into the outbox; whether there was one."""
        if not self.is_ready or self._is_ending:
            return False
        if self._current is None or self._current.is_refused:
            self._current = self._begin()
        transfer = self._current
        if transfer is None:
            return False
        size = min(SEGMENT_BYTES, len(transfer.data) - transfer.sent)
        last = transfer.sent + size == len(transfer.data)
        flags = (START if transfer.sent == 0 else 0) | (END if last else 0)
        self._outbox.append(memoryview(tcpcl.segment_head(transfer.number, flags, size, len(transfer.data))))
        self._outbox.append(transfer.data[transfer.sent : transfer.sent + size])
        transfer.sent += size
        self._busy_s = self.agent.now_s()
        if last:
            self._current = None
        return True

    def _begin(self) -> Transfer | None:
        chosen = self.agent.next(self.peer, "tcp")
        if chosen is None:
            return None
        held, bundle = chosen
        transfer = Transfer(held, bundle, memoryview(codec.encode(bundle)), self.agent.hand(self.peer, held))
        self._transfers[transfer.number] = transfer
        return transfer


class Incoming(adjacent.Incoming):
    """The end that receives."""

    def __init__(self, agent: Agent, peer: int, sock: socket.socket) -> None:
        super().__init__(agent, peer, sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)
        self._reader = tcpcl.Reader()
        self._number: int | None = None  # of the transfer that is coming
        self._parts = bytearray()
        self._size = 0
        self._bundle: Bundle | None = None  # as far as it has come at first
        self._awaited = 1  # bytes, of which there are to be so many before they are looked at
        self._heard_s = agent.now_s()
        agent.after(KEEPALIVE_S, self._look)

    def cut(self) -> None:
        """Keep what has come of a bundle, as a fragment of it."""
        was_open = self._sock is not None
        super().cut()
        if was_open and self._bundle and self._number is not None:
            begun = codec.begun(bytes(self._parts), self._size)
            if begun is None:
                self.agent.abandoned(self._bundle)
            else:
                self.agent.arrived(self.peer, self._number, self._bundle, begun, len(self._parts))

    def _look(self) -> None:
        self._read()
        if self._sock is None:
            return
        if self.agent.now_s() - self._heard_s > 2 * KEEPALIVE_S:
            self.cut()
            return
        self._say(tcpcl.keepalive())
        self.agent.after(KEEPALIVE_S, self._look)

    def _say(self, data: bytes) -> None:
        """All that is said here is short, so there is room for it."""
        if self._sock:
            with contextlib.suppress(OSError):
                self._sock.send(data)

    def _take(self, data: bytes) -> None:
        self._heard_s = self.agent.now_s()
        for message in self._reader.feed(data):
            self._answer(message)
        self._await(self._reader.wanted)

    def _await(self, wanted: int) -> None:
        """The rest of a segment comes in many packets, each of which would be a turn of the loop."""
        awaited = wanted if wanted >= FEW_BYTES else 1
        if self._sock and awaited != self._awaited:
            self._awaited = awaited
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, awaited)

    def _answer(self, message: Message) -> None:
        match message:
            case tcpcl.ContactHeader():
                self._say(tcpcl.CONTACT_HEADER)
            case tcpcl.Init():
                self._say(tcpcl.init(f"ipn:{self.agent.number}.0", KEEPALIVE_S, MRU, MRU))
            case tcpcl.Segment():
                self._segment(message)
            case tcpcl.Terminate(is_reply, reason) if not is_reply:
                self._is_ending = True
                self._say(tcpcl.terminate(reason, is_reply=True))

    def _segment(self, segment: tcpcl.Segment) -> None:
        if segment.flags & START:
            self._number, self._bundle, self._parts = segment.transfer, None, bytearray()
            self._size = segment.total or 0
        elif segment.transfer != self._number:
            return  # it was refused
        self._parts += segment.data
        if self._bundle is None:
            self._bundle = codec.glimpsed(bytes(self._parts), self._size)
            reason = self.agent.accepts(self._bundle, self._size)
            if reason is not None:
                self._say(tcpcl.refuse(segment.transfer, reason))
                self._number = self._bundle = None
                return
        self._say(tcpcl.ack(segment.transfer, segment.flags, len(self._parts)))
        if segment.flags & END:
            accepted, self._number, self._bundle = self._bundle, None, None
            whole = codec.decode(bytes(self._parts))
            self.agent.arrived(self.peer, segment.transfer, accepted, whole, len(self._parts))
