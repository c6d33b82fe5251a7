"""A netlink connection into one namespace, kept open: a batch is one send, whatever its length."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from skybed.emulator.kernel.netns import Namespace

NLMSG_ERROR = 2
NETLINK_EXT_ACK, SOL_NETLINK, NETLINK_CAP_ACK = 11, 270, 10
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
CHUNK_BYTES = 1 << 17  # one send; the kernel copies it into one buffer
NLMSGERR_ATTR_MSG = 1
GONE = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV})  # to delete what is gone is no error


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
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", data, 16)
                    said = _extended(data[36:length])
                    if code and -code not in GONE:
                        errors.append(OSError(-code, f"{os.strerror(-code)}{said and f' ({said})'}"))
                data = data[(length + 3) & ~3 :]

    def apply(self, messages: Sequence[bytes]) -> None:
        """As `send`, but a refusal is raised."""
        self.send(messages)
        for error in self.refused():
            raise error

    def close(self) -> None:
        self.socket.close()


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


def _extended(attributes: bytes) -> str:
    """The kernel's own words, where it gives any."""
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind == NLMSGERR_ATTR_MSG:
            return attributes[4:length].rstrip(b"\0").decode()
        attributes = attributes[max(4, (length + 3) & ~3) :]
    return ""
