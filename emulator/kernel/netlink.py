"""A netlink connection into one namespace, kept open: a batch is one send, whatever its length."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from skybed.emulator.kernel.netns import Namespace

NLMSG_ERROR, NLMSG_DONE = 2, 3
NETLINK_EXT_ACK, SOL_NETLINK, NETLINK_CAP_ACK = 11, 270, 10
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
CHUNK_BYTES = 1 << 17  # one send; the kernel copies it into one buffer
NLMSGERR_ATTR_MSG = 1
DELETE = 1  # the two last bits of a type of message
GONE = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV})  # to delete what is gone is no error

HEADER = struct.Struct("=IHHII")  # of a message: length, type, flags, sequence number, port
ATTRIBUTE = struct.Struct("=HH")  # length, type
_CODE = struct.Struct("=i")  # of an error; the header of what was refused follows


class Connection:
    """Sends batches of rtnetlink messages (emulator/kernel/messages.py) into a namespace."""

    def __init__(self, namespace: Namespace):
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self.socket = namespace.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        for forced, usual in ((SO_SNDBUFFORCE, socket.SO_SNDBUF), (SO_RCVBUFFORCE, socket.SO_RCVBUF)):
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, forced, 4 * CHUNK_BYTES)
            except PermissionError:
                self.socket.setsockopt(socket.SOL_SOCKET, usual, 4 * CHUNK_BYTES)
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK):
            self.socket.setsockopt(SOL_NETLINK, option, 1)
        self.socket.bind((0, 0))

    def send(self, messages: Sequence[bytes]) -> None:
        """Apply all messages in order, within this call. The kernel goes on after one that it refuses: see
        `refused`."""
        for chunk in _chunks(messages):
            self.socket.send(b"".join(chunk))

    def refused(self) -> list[OSError]:
        """What the kernel refused since the last time, in its own words where it gives any."""
        errors: list[OSError] = []
        while True:
            try:
                data = self.socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return errors
            for kind, start, end in each_message(data):
                if kind == NLMSG_ERROR:
                    (code,) = _CODE.unpack_from(data, start)
                    _, asked, *_ = HEADER.unpack_from(data, start + _CODE.size)
                    said = _extended(data, start + _CODE.size + HEADER.size, end)
                    if code and not (asked & 3 == DELETE and -code in GONE):
                        errors.append(OSError(-code, f"{os.strerror(-code)}{said and f' ({said})'}"))

    def apply(self, messages: Sequence[bytes]) -> None:
        """As `send`, but a refusal is raised."""
        self.send(messages)
        for error in self.refused():
            raise error

    def close(self) -> None:
        self.socket.close()


class Nowhere(Connection):
    """In the place of one into a namespace on another machine, where somebody else sends what is to be."""

    def __init__(self) -> None:
        pass

    def send(self, messages: Sequence[bytes]) -> None:
        pass

    def refused(self) -> list[OSError]:
        return []

    def close(self) -> None:
        pass


def _chunks(messages: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Pieces that fit a send."""
    start = size = 0
    for i, message in enumerate(messages):
        if size + len(message) > CHUNK_BYTES:
            yield messages[start:i]
            start, size = i, 0
        size += len(message)
    if start < len(messages):
        yield messages[start:]


def _extended(data: bytes, at: int, end: int) -> str:
    """The kernel's own words, where it gives any."""
    for kind, start, until in each_attribute(data, at, end):
        if kind == NLMSGERR_ATTR_MSG:
            return data[start:until].rstrip(b"\0").decode()
    return ""


def each_message(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, where its body begins, where it ends) of each message in a datagram."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, at)
        yield kind, at + HEADER.size, at + length
        at += max(HEADER.size, (length + 3) & ~3)


def each_attribute(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(type, where its value begins, where it ends) of each attribute."""
    while at + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, at)
        yield kind & 0x3FFF, at + ATTRIBUTE.size, at + length
        at += max(ATTRIBUTE.size, (length + 3) & ~3)
