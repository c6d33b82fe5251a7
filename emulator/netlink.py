"""A netlink connection into one namespace, kept open: a batch is one send, whatever its length."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from emulator.netns import Namespace

NLMSG_ERROR = 2
NETLINK_EXT_ACK, SOL_NETLINK, NETLINK_CAP_ACK = 11, 270, 10
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
CHUNK_BYTES = 1 << 17  # one send; the kernel copies it into one buffer
NLMSGERR_ATTR_MSG = 1


class Refused(OSError):
    """The kernel refused a message of a batch; `position` is its place in the batch."""

    def __init__(self, code: int, text: str, position: int):
        super().__init__(code, f"{os.strerror(code)}{f' ({text})' if text else ''}")
        self.position = position


class Connection:
    """Sends batches of rtnetlink messages (emulator/messages.py) into a namespace."""

    def __init__(self, namespace: Namespace):
        self._socket = namespace.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        for option in (SO_SNDBUFFORCE, SO_RCVBUFFORCE):
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, option, 4 * CHUNK_BYTES)
            except PermissionError:
                self._socket.setsockopt(
                    socket.SOL_SOCKET, option - 25, 4 * CHUNK_BYTES
                )  # SO_SNDBUF, SO_RCVBUF
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)
        self._socket.bind((0, 0))

    def send(self, messages: Sequence[bytes], ignore: frozenset[int] = frozenset()) -> list[Refused]:
        """Apply all messages in order; what the kernel refuses comes back, but for errno values in `ignore`.

        The kernel works through a batch within send() and goes on after a message that it refuses.
        """
        refused: list[Refused] = []
        for first, chunk in _chunks(messages):
            # The sequence number is the place in the chunk: it names the message in an error.
            data = b"".join(m[:8] + struct.pack("=I", i + 1) + m[12:] for i, m in enumerate(chunk))
            self._socket.send(data)
            refused += self._errors(first)
        return [error for error in refused if error.errno not in ignore]

    def apply(self, messages: Sequence[bytes]) -> None:
        """As `send`, but the first refusal is raised."""
        for error in self.send(messages):
            raise error

    def _errors(self, first: int) -> list[Refused]:
        errors: list[Refused] = []
        while True:
            try:
                data = self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return errors
            while data:
                length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
                if kind == NLMSG_ERROR:
                    (code,) = struct.unpack_from("=i", data, 16)
                    if code:
                        errors.append(Refused(-code, _extended(data[36:length]), first + sequence - 1))
                data = data[(length + 3) & ~3 :]

    def close(self) -> None:
        self._socket.close()


def _chunks(messages: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """(position of the first, messages) of pieces that fit a send."""
    start = size = 0
    for i, message in enumerate(messages):
        if size + len(message) > CHUNK_BYTES:
            yield start, messages[start:i]
            start, size = i, 0
        size += len(message)
    if start < len(messages):
        yield start, messages[start:]


def _extended(attributes: bytes) -> str:
    """The kernel's own words, where it gives any."""
    while len(attributes) >= 4:
        length, kind = struct.unpack_from("=HH", attributes)
        if kind == NLMSGERR_ATTR_MSG:
            return attributes[4:length].rstrip(b"\0").decode()
        attributes = attributes[max(4, (length + 3) & ~3) :]
    return ""


GONE = frozenset({errno.ESRCH, errno.ENOENT, errno.ENODEV})  # deleting what is no longer there
