"""Datagrams with repair, in the manner of CFDP class 2 (CCSDS 727.0-B-5): all is sent at the planned rate,
then who receives tells what is missing, and that is sent again, until nothing is.

A datagram begins with HEADER: which send, and at which byte it stands. One that stands at the end asks for an
answer: which send, and RANGEs that are missing, as many as a datagram holds; none is the receipt.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

from skybed.topologies.tasks.carriers import BURST_S, DATAGRAM_BYTES, HEADERS_BYTES, SHARE
from skybed.traffic.nodes import NodeHandle, address, bound_socket
from skybed.traffic.tasks.sending import PATIENCE_S, PORT, Mail, Part, Port, Send

HEADER, NUMBER, RANGE = struct.Struct("!QQ"), struct.Struct("!Q"), struct.Struct("!QQ")
RANGES = 64  # in an answer
SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>
ASK_AGAIN_S = 1.0  # for an answer that has not come
DATAGRAM_WIRE_BYTES = DATAGRAM_BYTES + HEADERS_BYTES
_ZEROS = bytes(DATAGRAM_BYTES)


def listen(mail: Mail, node: NodeHandle) -> None:
    sock = mail.shared.closing.enter_context(bound_socket(node, 4, socket.SOCK_DGRAM, port=PORT))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    mail.shared.loop.watch(sock.fileno(), lambda: _receive(mail, sock))


def connection(port: Port, send: Send) -> Stream:
    return Stream(port, send)


def _receive(mail: Mail, sock: socket.socket) -> None:
    while True:
        try:
            data, sender = sock.recvfrom(HEADER.size + DATAGRAM_BYTES)
        except OSError:
            return
        number, begin = HEADER.unpack_from(data)
        send = mail.sends[number]
        if begin < send.size:
            _take(mail, send, begin, begin + len(data) - HEADER.size)
        else:
            answer = b"".join(RANGE.pack(*gap) for gap in send.missing[:RANGES])
            with contextlib.suppress(OSError):  # no way back
                sock.sendto(NUMBER.pack(number) + answer, sender)


def _take(mail: Mail, send: Send, begin: int, end: int) -> None:
    """Note that bytes have arrived."""
    left = list[tuple[int, int]]()
    for first, last in send.missing:
        if last <= begin or end <= first:
            left.append((first, last))
        else:
            left += [gap for gap in ((first, begin), (end, last)) if gap[0] < gap[1]]
    new = sum(last - first for first, last in send.missing) - sum(last - first for first, last in left)
    send.missing = left
    send.arrived += new
    part = send.parts[-1]
    if new:
        part.size, part.arrived_s = part.size + new, mail.timers.now_s()
    if not left and not send.done.over:
        part.ended_s = mail.timers.now_s()
        send.done.come()


class Stream:
    """The end that sends."""

    def __init__(self, port: Port, send: Send) -> None:
        self.port, self.send = port, send
        self._mail = port.mail
        self._sock: socket.socket | None = None
        self._asked = 0  # which answer is awaited
        self._heard_s = 0.0

    def connect(self) -> None:
        send, now_s = self.send, self._mail.timers.now_s()
        self._part = Part(send.node, send.peer, now_s)
        send.parts.append(self._part)
        self._sock = bound_socket(self.port.node, 4, socket.SOCK_DGRAM)
        self._sock.connect((address(self._mail.shared.nodes[send.peer], 4), PORT))
        self._mail.shared.loop.watch(self._sock.fileno(), self._answered)
        self._heard_s = now_s
        if send.sent_whole:
            self._ask()
        else:
            send.sent_whole = True
            self._go(_datagrams([(0, send.size)]))

    def _go(self, datagrams: Iterator[tuple[int, int]]) -> None:
        """Send a burst, and the next when that has left."""
        if self._sock is None:
            return
        rate_mbps = SHARE * self.send.rate_mbps()
        count = max(1, round(rate_mbps * 1e6 * BURST_S / (8 * DATAGRAM_WIRE_BYTES)))
        sent = 0
        for begin, end in datagrams:
            with contextlib.suppress(OSError):  # no way, or no room: it is missing
                self._sock.send(HEADER.pack(self.send.number, begin) + _ZEROS[: end - begin])
            sent += 1
            if sent == count:
                break
        timers = self._mail.timers
        if sent == count:
            after_s = sent * DATAGRAM_WIRE_BYTES * 8e-6 / rate_mbps if rate_mbps > 0 else BURST_S
            timers.at(timers.now_s() + after_s, lambda: self._go(datagrams))
        else:
            self._ask()

    def _ask(self) -> None:
        """What is missing, until there is an answer."""
        timers = self._mail.timers
        if self._sock is None:
            return
        if timers.now_s() - self._heard_s > PATIENCE_S + self.send.size * 8e-6 / max(
            self.send.rate_mbps(), 1e-3
        ):
            self.port.ended(self, retry=True)
            return
        with contextlib.suppress(OSError):
            self._sock.send(HEADER.pack(self.send.number, self.send.size))
        self._asked += 1
        asked = self._asked
        timers.at(timers.now_s() + ASK_AGAIN_S, lambda: self._ask() if asked == self._asked else None)

    def _answered(self) -> None:
        assert self._sock
        try:
            data = self._sock.recv(NUMBER.size + RANGES * RANGE.size)
        except OSError:  # nothing listens there, or it has gone
            return
        self._heard_s = self._mail.timers.now_s()
        self._asked += 1
        gaps = list(RANGE.iter_unpack(data[NUMBER.size :]))
        if gaps:
            self._part.retransmits += sum(1 for _ in _datagrams(gaps))
            self._go(_datagrams(gaps))
        else:
            self.send.acked = self.send.size
            self.port.acknowledged(self.send)
            self.port.ended(self, retry=False)

    def close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        if self._part.ended_s is None:
            self._part.ended_s = self._mail.timers.now_s()
        sock.close()


def _datagrams(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The bytes of ranges, a datagram each."""
    for begin, end in ranges:
        for first in range(begin, end, DATAGRAM_BYTES):
            yield first, min(first + DATAGRAM_BYTES, end)
