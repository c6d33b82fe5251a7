"""Sessions of the TCP convergence layer between two neighbours, over the link that joins them.

Who has something to send opens one, for as long as a contact lasts; what comes back in it are
acknowledgements. Both ends are bound to the interface of that link, so whatever routes are, nothing takes
another way.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from skybed.topologies.bundles.sabr import Contact
from skybed.traffic.bundles import codec, tcpcl
from skybed.traffic.bundles.codec import Bundle, Key
from skybed.traffic.bundles.held import Held
from skybed.traffic.bundles.tcpcl import END, START, Message
from skybed.traffic.loop import Loop
from skybed.traffic.nodes import NodeHandle, bound_socket

SEGMENT_BYTES = 1 << 14
MRU = 1 << 40  # of a transfer
KEEPALIVE_S = 15
IDLE_S = 5.0  # with nothing to send, after which a session is ended
PATIENCE_MS = 10_000  # for which TCP acknowledges nothing: then the link is taken to be silent
BUFFER_BYTES = 1 << 16  # beside what is in flight, at the sender
AT_ONCE = 1 << 18
FEW_BYTES = 4096
NO_LINGER = struct.pack("=ii", 1, 0)


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


class Agent(Protocol):
    """What a session asks of the agent at its end. accepts: None, or a reason to refuse."""

    number: int
    node: NodeHandle
    loop: Loop

    def now_s(self) -> float: ...
    def after(self, wait_s: float, call: Callable[[], None]) -> None: ...
    def next(self, peer: int, layer: str) -> tuple[Held, Bundle] | None: ...
    def hand(self, peer: int, held: Held, key: Key | None = None) -> int: ...
    def sent(self, peer: int, held: Held) -> None: ...
    def refused(self, peer: int, held: Held, reason: int) -> None: ...
    def broken(self, peer: int, held: Held, there: int) -> None: ...
    def ended(self, session: object, peer: int, layer: str, was_ready: bool) -> None: ...
    def accepts(self, bundle: Bundle, size: int) -> int | None: ...
    def arrived(self, peer: int, transfer: int, accepted: Bundle, bundle: Bundle, size: int) -> None: ...
    def abandoned(self, bundle: Bundle) -> None: ...
    def left(self, session: Incoming) -> None: ...


class Outgoing:
    """The end that sends."""

    def __init__(self, agent: Agent, peer: int, neighbour: NodeHandle, contact: Contact) -> None:
        self.agent, self.peer, self.contact = agent, peer, contact
        self.transfers: dict[int, Transfer] = {}  # not acknowledged, by number
        self.is_ready = False
        self.was_ready = False
        self._neighbour = neighbour
        self._reader = tcpcl.Reader()
        self._outbox: deque[memoryview] = deque()
        self._current: Transfer | None = None
        self._is_heeding = self._is_ending = False
        self._heard_s = self._busy_s = agent.now_s()
        self._sock: socket.socket | None = None

    def connect(self) -> None:
        self._sock, begun = dialled(self.agent.node, self._neighbour, self.contact, tcpcl.PORT)
        if not begun:
            self.close()
            return
        self._outbox.append(memoryview(tcpcl.CONTACT_HEADER))
        self.agent.loop.watch(self._sock.fileno(), self._turn)
        self._heed(True)
        self._look()

    def wake(self) -> None:
        """There may be more to send."""
        if self.is_ready and not self._is_ending:
            self._write()

    def close(self) -> None:
        """At once; what is not acknowledged has to be sent again."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        self.is_ready = False
        hang_up(sock, at_once=not self._is_ending)
        left, self.transfers = list(self.transfers.values()), {}
        self.agent.ended(self, self.peer, "tcp", self.was_ready)
        for transfer in left:
            self.agent.broken(self.peer, transfer.held, transfer.there)

    def _heed(self, writable: bool) -> None:
        if self._sock and writable != self._is_heeding:
            self._is_heeding = writable
            self.agent.loop.heed(self._sock.fileno(), writable)

    def _look(self) -> None:
        """From time to time: end it when there is nothing to send, or nothing is heard any more."""
        if self._sock is None:
            return
        now_s = self.agent.now_s()
        if self.is_ready and not self.transfers and not self._outbox and now_s - self._busy_s >= IDLE_S:
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
        try:
            data = self._sock.recv(AT_ONCE)
        except BlockingIOError:
            data = None
        except OSError:
            self.close()
            return
        if data == b"":
            self.close()
            return
        if data:
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
                self.is_ready = self.was_ready = True
            case tcpcl.Ack(number, flags, size) if number in self.transfers:
                transfer = self.transfers[number]
                transfer.acked = size
                if flags & END and size == len(transfer.data):
                    del self.transfers[number]
                    self.agent.sent(self.peer, transfer.held)
            case tcpcl.Refuse(number, reason) if number in self.transfers:
                transfer = self.transfers.pop(number)
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
        self.transfers[transfer.number] = transfer
        return transfer


class Incoming:
    """The end that receives."""

    def __init__(self, agent: Agent, peer: int, sock: socket.socket) -> None:
        self.agent, self.peer = agent, peer
        self._sock: socket.socket | None = sock
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)
        self._reader = tcpcl.Reader()
        self._number: int | None = None  # of the transfer that is coming
        self._parts = bytearray()
        self._size = 0
        self._bundle: Bundle | None = None  # as far as it has come at first
        self._is_ending = False
        self._awaited = 1  # bytes, of which there are to be so many before they are looked at
        self._heard_s = agent.now_s()
        agent.loop.watch(sock.fileno(), self._read)
        agent.after(KEEPALIVE_S, self._look)

    def cut(self) -> None:
        """Keep what has come of a bundle, as a fragment of it."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        hang_up(sock, at_once=not self._is_ending)
        self.agent.left(self)
        if self._bundle and self._number is not None:
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
        self._heard_s = self.agent.now_s()
        try:
            for message in self._reader.feed(data):
                self._take(message)
        except (tcpcl.Malformed, codec.Unreadable):
            self.cut()
        self._await(self._reader.wanted)

    def _await(self, wanted: int) -> None:
        """The rest of a segment comes in many packets, each of which would be a turn of the loop."""
        awaited = wanted if wanted >= FEW_BYTES else 1
        if self._sock and awaited != self._awaited:
            self._awaited = awaited
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, awaited)

    def _take(self, message: Message) -> None:
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


def bind_to(sock: socket.socket, interface: str) -> None:
    """Only what comes and goes over an interface, from now on; raises OSError if there is none."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())


def dialled(
    node: NodeHandle, neighbour: NodeHandle, contact: Contact, port: int
) -> tuple[socket.socket, bool]:
    """A socket of TCP over the link to a neighbour, with room for what is in flight there, and whether it
    connects.
    """
    sock = bound_socket(node, 4, socket.SOCK_STREAM)
    try:
        bind_to(sock, neighbour.name)
    except OSError:  # the link has not been made yet
        return sock, False
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    in_flight = min(int(contact.bytes_s * 2 * contact.light_s), 1 << 26)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, in_flight + BUFFER_BYTES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SEGMENT_BYTES)
    return sock, sock.connect_ex((neighbour.ip, port)) in (0, errno.EINPROGRESS)


def hang_up(sock: socket.socket, at_once: bool) -> None:
    """at_once: nobody is to be told, as the link has gone."""
    if at_once:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    sock.close()
