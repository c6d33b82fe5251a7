"""TCP, resumed: a connection begins with HEADER, which tells which send it is, from which byte on, and of how
many. Who has received all of them answers with RECEIPT; then the sender need not keep them.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct

from skybed.traffic.nodes import NodeHandle, address, bound_socket
from skybed.traffic.tasks.sending import PATIENCE_S, PORT, Mail, Part, Port, Send

HEADER, RECEIPT = struct.Struct("!QQQ"), b"\x01"
CHUNK_BYTES, AT_LEAST_BYTES = 1 << 17, 1 << 14
NO_LINGER = struct.pack("=ii", 1, 0)
_INFO = struct.Struct("=100xI16xQ")  # of struct tcp_info: total_retrans, bytes_acked (and 1 for the SYN)
_ZEROS, _SINK = memoryview(bytes(CHUNK_BYTES)), bytearray(1 << 20)


def listen(mail: Mail, node: NodeHandle) -> None:
    listener = mail.shared.closing.enter_context(bound_socket(node, 4, socket.SOCK_STREAM, port=PORT))
    listener.listen(512)

    def accept() -> None:
        with contextlib.suppress(OSError):  # it has gone again
            Arrival(mail, listener.accept()[0])

    mail.shared.loop.watch(listener.fileno(), accept)


def connection(port: Port, send: Send) -> Connection:
    return Connection(port, send)


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
        self._part = Part(self.send.node, self.send.peer, now_s)
        self.send.parts.append(self._part)
        sock = self._sock = bound_socket(self.port.node, 4, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(PATIENCE_S * 1e3))
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
        if self._at > send.arrived:
            self._part.size += self._at - send.arrived
            self._part.arrived_s = self._mail.timers.now_s()
            send.arrived = self._at
        left = send.size - self._at
        if 0 < left < AT_LEAST_BYTES:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, left)
        if left == 0:
            with contextlib.suppress(OSError):  # it has gone again, and will ask once more
                self._sock.send(RECEIPT)
            if not send.done.over:
                if self._part.ended_s is None:  # else the sender has turned to something else meanwhile
                    self._part.ended_s = self._mail.timers.now_s()
                send.done.come()

    def _close(self) -> None:
        self._mail.shared.loop.leave(self._sock.fileno())
        self._sock.close()
