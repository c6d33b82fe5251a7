"""Many packets per system call: recvmmsg and sendmmsg over buffers made once.

The ctypes layouts are those of <bits/socket.h> on 64-bit Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator

import numpy as np

SO_TIMESTAMPNS = 35  # also the type of the control message that answers it
MSG_DONTWAIT, MSG_ERRQUEUE = 0x40, 0x2000
NAME_BYTES = 28  # struct sockaddr_in6, the larger of the two
CONTROL_BYTES = 192  # a time stamp, a TTL, an extended error with its sender
DATA_BYTES = 2048
AT_ONCE = 64

_CMSG = struct.Struct("=QII")  # length with this header, level, type
_TIMESPEC = struct.Struct("=qq")
_FAMILY = struct.Struct("=H")
_INT = struct.Struct("=i")
_NAME4, _NAME6 = struct.Struct("!H4s8x"), struct.Struct("!H4x16s4x")  # after the family: port, address

# What an ICMP error about an earlier packet, or a route that is gone, makes of a call. Not a fault of ours.
_NETWORK_ERRORS = frozenset(
    {errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO,
     errno.EACCES, errno.ENOBUFS, errno.ENETDOWN, errno.EHOSTDOWN, errno.EMSGSIZE, errno.ENOPROTOOPT,
     errno.EINVAL, errno.EPERM}
)  # fmt: skip

_libc = ctypes.CDLL(None, use_errno=True)


class _Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Header(ctypes.Structure):
    """struct msghdr."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class _Message(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = [("header", _Header), ("length", ctypes.c_uint32)]


def _messages(data: np.ndarray, names: np.ndarray | None, control: np.ndarray | None) -> tuple:
    """An mmsghdr array over rows of data, names and control; with what must outlive it."""
    messages = (_Message * len(data))()
    vectors = (_Iovec * len(data))()
    for i, message in enumerate(messages):
        vectors[i] = _Iovec(data[i].ctypes.data, data.shape[1])
        header = message.header
        header.iov, header.iov_count = ctypes.addressof(vectors[i]), 1
        if names is not None:
            header.name, header.name_length = names[i].ctypes.data, names.shape[1]
        if control is not None:
            header.control, header.control_length = control[i].ctypes.data, control.shape[1]
    return messages, vectors


class Inbox:
    """Room for up to AT_ONCE datagrams, shared by every socket of a process.

    `read` fills it; the accessors speak of what the last `read` brought.
    """

    def __init__(self) -> None:
        self.data = np.zeros((AT_ONCE, DATA_BYTES), np.uint8)
        self._names = np.zeros((AT_ONCE, NAME_BYTES), np.uint8)
        self._control = np.zeros((AT_ONCE, CONTROL_BYTES), np.uint8)
        self._messages, self._vectors = _messages(self.data, self._names, self._control)
        self._pristine = bytes(self._messages)  # the kernel overwrites the lengths at every read
        self._data_view = self.data.data.cast("B")
        self._names_view = self._names.data.cast("B")
        self._control_view = self._control.data.cast("B")

    def read(self, fd: int, flags: int = 0, at_most: int = AT_ONCE) -> int:
        """Take what waits on the socket, without blocking. Returns the number of datagrams."""
        ctypes.memmove(self._messages, self._pristine, at_most * ctypes.sizeof(_Message))
        count = _libc.recvmmsg(fd, self._messages, at_most, flags | MSG_DONTWAIT, None)
        if count < 0:
            _raise_unless_network(ctypes.get_errno())
            return 0
        return count

    def packet(self, i: int) -> memoryview:
        """The bytes of datagram i, valid until the next `read`."""
        return self._data_view[i * DATA_BYTES : i * DATA_BYTES + self._messages[i].length]

    def name(self, i: int) -> memoryview:
        """The raw socket address that goes with datagram i."""
        length = self._messages[i].header.name_length
        return self._names_view[i * NAME_BYTES : i * NAME_BYTES + length]

    def stamp_ns(self, i: int) -> int:
        """The kernel's receive time stamp of datagram i, which it puts first among the control messages."""
        seconds, ns = _TIMESPEC.unpack_from(self._control_view, i * CONTROL_BYTES + _CMSG.size)
        return seconds * 1_000_000_000 + ns

    def stamps_ns(self, count: int) -> np.ndarray:
        """The same for the first `count` datagrams at once, int64."""
        words = self._control.view(np.int64)
        return words[:count, 2] * 1_000_000_000 + words[:count, 3]

    def control(self, i: int) -> Iterator[tuple[int, int, memoryview]]:
        """The control messages of datagram i: (level, type, payload)."""
        start = i * CONTROL_BYTES
        end = start + self._messages[i].header.control_length
        while start + _CMSG.size <= end:
            length, level, kind = _CMSG.unpack_from(self._control_view, start)
            yield level, kind, self._control_view[start + _CMSG.size : start + length]
            start += (length + 7) & ~7


class Outbox:
    """Datagrams of one size to one address, made once, patched in place and sent many at a time.

    data: uint8[count, size], to be filled by the caller. to: a raw socket address. The socket is not
    connected, for that takes a route, and there may be none yet.
    control: a control message for each datagram, or None.
    """

    def __init__(self, count: int, size: int, to: bytes, control: list[bytes] | None = None) -> None:
        self.data = np.zeros((count, size), np.uint8)
        names = np.broadcast_to(np.frombuffer(to, np.uint8), (count, len(to)))
        controls = None if control is None else np.array([list(c) for c in control], np.uint8)
        self._messages, self._vectors = _messages(self.data, names, controls)
        self._kept = names, controls  # the messages point into them

    def send(self, fd: int, count: int, first: int = 0) -> int:
        """Send the datagrams from `first` up to, not including, number `count`. Returns how many are gone.

        A refusal for want of a route may be news of an earlier datagram, so it is asked for once more; then
        all the rest counts as gone, as if lost on the way. A full socket buffer ends the batch.
        """
        at, refused = first, False
        while at < count:
            start = ctypes.byref(self._messages, at * ctypes.sizeof(_Message))
            sent = _libc.sendmmsg(fd, start, count - at, MSG_DONTWAIT)
            if sent > 0:
                at, refused = at + sent, False
                continue
            code = ctypes.get_errno()
            _raise_unless_network(code)
            if code == errno.EAGAIN:
                break
            if refused:
                return count - first
            refused = True
        return at - first


def control_message(level: int, kind: int, value: int) -> bytes:
    """A control message that holds one int, such as a packet's TTL."""
    return _CMSG.pack(_CMSG.size + _INT.size, level, kind) + _INT.pack(value).ljust(8, b"\0")


def raw_address(ip: str, port: int) -> bytes:
    """struct sockaddr_in or sockaddr_in6."""
    if ":" in ip:
        return _FAMILY.pack(socket.AF_INET6) + _NAME6.pack(port, socket.inet_pton(socket.AF_INET6, ip))
    return _FAMILY.pack(socket.AF_INET) + _NAME4.pack(port, socket.inet_pton(socket.AF_INET, ip))


def socket_address(name: memoryview) -> tuple[str, int]:
    """(address, port) of a struct sockaddr_in or sockaddr_in6."""
    family = _FAMILY.unpack_from(name)[0]
    port, ip = (_NAME4 if family == socket.AF_INET else _NAME6).unpack_from(name, _FAMILY.size)
    return socket.inet_ntop(family, ip), port


def _raise_unless_network(code: int) -> None:
    if code not in _NETWORK_ERRORS:
        raise OSError(code, os.strerror(code))
