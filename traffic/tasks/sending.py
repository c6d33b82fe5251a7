"""Data from node to node: TCP while there is a way, resumed where it was broken off.

A node sends one thing at a time: of what it has a way for, that of the highest priority, then what waited
longest. A connection begins with a HEADER: which send, from which byte on, of how many. Who receives all of
them answers with a byte; then the sender need not keep them.
"""

from __future__ import annotations

import bisect
import contextlib
import errno
import itertools
import socket
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from skybed.traffic.nodes import NodeHandle, address, bound_socket
from skybed.traffic.shared import Shared
from skybed.traffic.tasks.computer import Timers
from skybed.traffic.tasks.storage import Item
from skybed.traffic.tasks.waiting import Moment

PORT = 5100  # of every node that receives
HEADER = struct.Struct("!QQQ")
RECEIPT = b"\x01"
RETRY_S = 1.0  # from a connection that came to nothing to the next attempt
PATIENCE_MS = 10_000  # for which nothing is acknowledged: then the connection is given up
CHUNK_BYTES, AT_LEAST_BYTES = 1 << 17, 1 << 14
NO_LINGER = struct.pack("=ii", 1, 0)
_INFO = struct.Struct("=100xI16xQ")  # of struct tcp_info: total_retrans, bytes_acked (and 1 for the SYN)
_ZEROS, _SINK = memoryview(bytes(CHUNK_BYTES)), bytearray(1 << 20)

Windows = Sequence[tuple[float, float]]  # ascending, disjoint; run time


@dataclass
class Part:
    """One connection of a send: what the table `transfers` says of it."""

    began_s: float
    ended_s: float | None = None  # it is under way
    size: int = 0
    retransmits: int = 0


@dataclass(eq=False)
class Send:
    """size: in bytes, 1 at least. windows: when there is a way. done: comes when the last byte has arrived.
    freed: comes when the sender has learnt of it.
    """

    node: str
    peer: str
    size: int
    priority: int
    rank: tuple[int, int]
    windows: Windows
    item: Item  # as it will be there
    taken: bool = False  # the receiver keeps room for it
    number: int = 0
    arrived: int = 0  # bytes, at the receiver
    acked: int = 0  # bytes, as the sender knows
    parts: list[Part] = field(default_factory=list)
    done: Moment = field(default_factory=Moment)
    freed: Moment = field(default_factory=Moment)
    queued_s: float = 0.0

    def window(self, now_s: float) -> tuple[float, float] | None:
        """The one that is open now, or the next; None: there is none any more."""
        place = bisect.bisect_right(self.windows, now_s, key=lambda window: window[1])
        return self.windows[place] if place < len(self.windows) else None

    def open_s(self, from_s: float, until_s: float) -> float:
        """For how long of a time there is a way."""
        return sum(max(0.0, min(end_s, until_s) - max(start_s, from_s)) for start_s, end_s in self.windows)

    def worked_s(self, now_s: float) -> float:
        """For how long it was being sent."""
        return sum((now_s if part.ended_s is None else part.ended_s) - part.began_s for part in self.parts)

    def restart(self) -> None:
        """What had arrived is lost."""
        self.taken, self.arrived, self.acked = False, 0, 0


class Port:
    """What a node sends, and receives. sends: told whether it sends, from now on."""

    def __init__(self, mail: Mail, node: NodeHandle, sends: Callable[[bool], None]) -> None:
        self.mail, self.node, self._sends = mail, node, sends
        self._waiting: list[Send] = []  # in the order of their turn
        self.waiting_bytes = Counter[str]()  # of them, by the node that they are for
        self._active: Connection | None = None
        self._look = 0  # which timer counts
        self._listener: socket.socket | None = None

    def listen(self) -> None:
        """To be called before run time 0 of who may receive."""
        shared = self.mail.shared
        self._listener = bound_socket(self.node, 4, socket.SOCK_STREAM, port=PORT)
        shared.closing.enter_context(self._listener)
        self._listener.listen(512)
        shared.loop.watch(self._listener.fileno(), self._accept)

    def add(self, send: Send) -> None:
        self._waiting.append(send)
        self.waiting_bytes[send.peer] += send.size
        self._waiting.sort(key=lambda other: other.rank)
        self.look()

    def drop(self, send: Send, outcome: str) -> None:
        """Send it no more."""
        if self._active and self._active.send is send:
            self._active.close()
            self._active = None
            self._sends(False)
        self._leave(send)
        send.done.end(outcome)
        send.freed.end(outcome)
        self.look()

    def look(self) -> None:
        """Send what is to be sent now, and look again when that may be another."""
        mail, now_s = self.mail, self.mail.timers.now_s()
        if mail.stopped:
            return
        chosen, next_s = None, float("inf")
        for send in self._waiting:
            window = send.window(now_s)
            if window is None:
                continue
            if window[0] > now_s:
                next_s = min(next_s, window[0])
            elif chosen is None and mail.reaches(send) and mail.room(send, self.look):
                chosen = send
                next_s = min(next_s, window[1])
        active = self._active.send if self._active else None
        if active is not chosen:
            if self._active:
                self._active.close()
            self._active = Connection(self, chosen) if chosen else None
            if (active is None) != (chosen is None):
                self._sends(chosen is not None)
            if self._active:
                self._active.connect()
        self._look += 1
        if next_s < float("inf"):
            look = self._look
            mail.timers.at(next_s, lambda: self.look() if look == self._look else None)

    def ended(self, connection: Connection, retry: bool) -> None:
        """Of itself. retry: it came to nothing, and is made anew."""
        if connection is not self._active:
            return
        connection.close()
        self._active = None
        self._sends(False)
        if retry:
            self.mail.timers.at(self.mail.timers.now_s() + RETRY_S, self.look)
        else:
            self.look()

    def acknowledged(self, send: Send) -> None:
        self._leave(send)
        send.freed.come()

    def _leave(self, send: Send) -> None:
        if send in self._waiting:
            self._waiting.remove(send)
            self.waiting_bytes[send.peer] -= send.size

    def stop(self) -> None:
        if self._active:
            self._active.close()
            self._active = None
            self._sends(False)

    def _accept(self) -> None:
        assert self._listener
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        Arrival(self.mail, sock)


class Mail:
    """All sends of a run. reaches: whether both ends of a send are in service; room: whether its receiver has
    room, and if not whom to call when it may have."""

    def __init__(
        self,
        shared: Shared,
        timers: Timers,
        reaches: Callable[[Send], bool],
        room: Callable[[Send, Callable[[], None]], bool],
    ) -> None:
        self.shared, self.timers = shared, timers
        self.reaches, self.room = reaches, room
        self.sends: list[Send] = []
        self.stopped = False
        self._order = itertools.count()

    def post(self, port: Port, send: Send) -> None:
        send.number, send.queued_s = len(self.sends), self.timers.now_s()
        self.sends.append(send)
        port.add(send)

    def rank(self, priority: int) -> tuple[int, int]:
        return -priority, next(self._order)


class Connection:
    """The end of one that sends."""

    def __init__(self, port: Port, send: Send) -> None:
        self.port, self.send = port, send
        self._sock: socket.socket | None = None
        self._left: int = HEADER.size + send.size - send.acked
        self._header = HEADER.pack(send.number, send.acked, send.size)
        self._from = send.acked
        self._connected = False

    def connect(self) -> None:
        mail, now_s = self.port.mail, self.port.mail.timers.now_s()
        self._part = Part(now_s)
        self.send.parts.append(self._part)
        sock = self._sock = bound_socket(self.port.node, 4, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex((address(mail.shared.nodes[self.send.peer], 4), PORT))
        if code not in (0, errno.EINPROGRESS):
            self.port.ended(self, retry=True)
            return
        mail.shared.loop.watch_writable(sock.fileno(), self._write)

    def _write(self) -> None:
        sock = self._sock
        if sock is None:
            return
        if not self._connected:
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self.port.ended(self, retry=True)
                return
            self._connected = True
        try:
            if self._header:
                count = sock.send(self._header)
                self._header = self._header[count:]
            else:
                count = sock.send(_ZEROS[: self._left])
        except BlockingIOError:
            return
        except OSError:
            self.port.ended(self, retry=True)
            return
        self._left -= count
        if not self._left:
            loop = self.port.mail.shared.loop
            loop.leave(sock.fileno())
            loop.watch(sock.fileno(), self._answer)

    def _answer(self) -> None:
        """The receiver's byte; or the connection has ended."""
        assert self._sock
        try:
            receipt = self._sock.recv(len(RECEIPT))
        except BlockingIOError:
            return
        except OSError:
            receipt = b""
        if receipt:
            self.send.acked = self.send.size
            self.port.acknowledged(self.send)
        self.port.ended(self, retry=not receipt)

    def close(self) -> None:
        """At once; what has been acknowledged need not be sent again."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        retransmits, acked = _INFO.unpack(info.ljust(_INFO.size, b"\0"))
        self._part.retransmits = retransmits
        if self._part.ended_s is None:
            self._part.ended_s = self.port.mail.timers.now_s()
        payload = max(0, acked - 1 - HEADER.size)
        self.send.acked = max(self.send.acked, min(self.send.size, self._from + payload))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        sock.close()


class Arrival:
    """The end of a connection that receives."""

    def __init__(self, mail: Mail, sock: socket.socket) -> None:
        self._mail, self._sock, self._header = mail, sock, b""
        self._send: Send | None = None
        self._at = 0
        sock.setblocking(False)
        mail.shared.closing.callback(sock.close)
        mail.shared.loop.watch(sock.fileno(), self._read)

    def _read(self) -> None:
        try:
            if self._send is None:
                data = self._sock.recv(HEADER.size - len(self._header))
                self._header += data
                count = len(data)
                if len(self._header) == HEADER.size:
                    self._begin()
            else:
                count = self._sock.recv_into(_SINK, len(_SINK), socket.MSG_TRUNC)
                self._at += count
                self._count()
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if not count:
            self._close()

    def _begin(self) -> None:
        number, self._at, size = HEADER.unpack(self._header)
        self._send = self._mail.sends[number]
        self._part = self._send.parts[-1]
        self._sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVLOWAT, min(AT_LEAST_BYTES, max(1, size - self._at))
        )
        self._count()

    def _count(self) -> None:
        send = self._send
        assert send
        self._part.size += max(0, self._at - send.arrived)
        send.arrived = max(send.arrived, self._at)
        left = send.size - self._at
        if 0 < left < AT_LEAST_BYTES:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, left)
        if left == 0:
            with contextlib.suppress(OSError):  # it has gone again, and will ask once more
                self._sock.send(RECEIPT)
            if not send.done.over:
                self._part.ended_s = self._mail.timers.now_s()
                send.done.come()

    def _close(self) -> None:
        self._mail.shared.loop.leave(self._sock.fileno())
        self._sock.close()
