"""The messages of the TCP convergence layer, version 4 (RFC 9174), as bytes. TLS is not offered."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

PORT = 4556
VERSION = 4
CONTACT_HEADER = b"dtn!" + bytes((VERSION, 0))
SEGMENT, ACK, REFUSE, KEEPALIVE, TERMINATE, REJECT, INIT = range(1, 8)  # types of messages
START, END = 0x02, 0x01  # of a transfer
REPLY = 0x01
COMPLETED, NO_RESOURCES, RETRANSMIT, NOT_ACCEPTABLE = range(1, 5)  # reasons of a refusal
IDLE, VERSION_MISMATCH, BUSY, CONTACT_FAILURE = range(1, 5)  # reasons of a termination

_SEGMENT, _TOTAL, _U64 = struct.Struct("!BBQ"), struct.Struct("!IBHHQ"), struct.Struct("!Q")
_ACK, _REFUSE, _INIT = struct.Struct("!BBQQ"), struct.Struct("!BBQ"), struct.Struct("!BHQQH")
_TOTAL_LENGTH, _CRITICAL = 1, 0x01  # the Transfer Length extension


class Malformed(Exception):
    """What no peer may send."""


class ContactHeader(NamedTuple):
    version: int


class Init(NamedTuple):
    """node: its identifier."""

    keepalive_s: int
    segment_mru: int
    transfer_mru: int
    node: str


class Segment(NamedTuple):
    """total: bytes of the transfer, as its first segment tells; None: it does not."""

    transfer: int
    flags: int
    total: int | None
    data: bytes


class Ack(NamedTuple):
    transfer: int
    flags: int
    size: int


class Refuse(NamedTuple):
    transfer: int
    reason: int


class Keepalive(NamedTuple):
    pass


class Terminate(NamedTuple):
    is_reply: bool
    reason: int


class Reject(NamedTuple):
    reason: int
    kind: int


Message = ContactHeader | Init | Segment | Ack | Refuse | Keepalive | Terminate | Reject


def init(node: str, keepalive_s: int, segment_mru: int, transfer_mru: int) -> bytes:
    name = node.encode()
    return _INIT.pack(INIT, keepalive_s, segment_mru, transfer_mru, len(name)) + name + bytes(4)


def segment_head(transfer: int, flags: int, size: int, total: int) -> bytes:
    """What stands before the data of a segment. total: of the transfer, told by its first segment."""
    extension = _TOTAL.pack(13, _CRITICAL, _TOTAL_LENGTH, 8, total) if flags & START else b""
    return _SEGMENT.pack(SEGMENT, flags, transfer) + extension + _U64.pack(size)


def ack(transfer: int, flags: int, size: int) -> bytes:
    return _ACK.pack(ACK, flags, transfer, size)


def refuse(transfer: int, reason: int) -> bytes:
    return _REFUSE.pack(REFUSE, reason, transfer)


def keepalive() -> bytes:
    return bytes((KEEPALIVE,))


def terminate(reason: int, is_reply: bool) -> bytes:
    return bytes((TERMINATE, REPLY if is_reply else 0, reason))


class Reader:
    """Takes what comes from a peer, and gives the messages in it as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False
        self.wanted = 1  # bytes at least, until there is another message

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises Malformed."""
        self._buffer += data
        self.wanted, at = 1, 0
        try:
            while at < len(self._buffer):
                message, at = self._next(at)
                yield message
        except (struct.error, IndexError):  # more is to come
            pass
        finally:
            del self._buffer[:at]

    def _next(self, at: int) -> tuple[Message, int]:
        buffer = self._buffer
        if not self._greeted:
            head = bytes(buffer[at : at + 6])
            if not CONTACT_HEADER.startswith(head[:4]):
                raise Malformed("a contact header begins with dtn!")
            version = head[4]
            buffer[at + 5]
            self._greeted = True
            return ContactHeader(version), at + 6
        kind = buffer[at]
        if kind == SEGMENT:
            return self._segment(at)
        if kind == ACK:
            _, flags, transfer, size = _ACK.unpack_from(buffer, at)
            return Ack(transfer, flags, size), at + _ACK.size
        if kind == REFUSE:
            _, reason, transfer = _REFUSE.unpack_from(buffer, at)
            return Refuse(transfer, reason), at + _REFUSE.size
        if kind == KEEPALIVE:
            return Keepalive(), at + 1
        if kind == TERMINATE:
            return Terminate(bool(buffer[at + 1] & REPLY), buffer[at + 2]), at + 3
        if kind == REJECT:
            return Reject(buffer[at + 1], buffer[at + 2]), at + 3
        if kind == INIT:
            _, keepalive_s, segment_mru, transfer_mru, size = _INIT.unpack_from(buffer, at)
            end = at + _INIT.size + size
            (extensions,) = struct.unpack_from("!I", buffer, end)
            self._whole(end + 4 + extensions)
            node = buffer[at + _INIT.size : end].decode()
            return Init(keepalive_s, segment_mru, transfer_mru, node), end + 4 + extensions
        raise Malformed(f"there is no message of type {kind}")

    def _segment(self, at: int) -> tuple[Message, int]:
        buffer, total = self._buffer, None
        _, flags, transfer = _SEGMENT.unpack_from(buffer, at)
        at += _SEGMENT.size
        if flags & START:
            (extensions,) = struct.unpack_from("!I", buffer, at)
            self._whole(at + 4 + extensions)
            total = _total(bytes(buffer[at + 4 : at + 4 + extensions]))
            at += 4 + extensions
        (size,) = _U64.unpack_from(buffer, at)
        at += _U64.size
        self._whole(at + size)
        with memoryview(buffer) as view:
            return Segment(transfer, flags, total, bytes(view[at : at + size])), at + size

    def _whole(self, end: int) -> None:
        if len(self._buffer) < end:
            self.wanted = end - len(self._buffer)
            raise IndexError


def _total(extensions: bytes) -> int | None:
    """What the Transfer Length extension says; others are passed over."""
    at = 0
    while at < len(extensions):
        _, kind, size = struct.unpack_from("!BHH", extensions, at)
        if kind == _TOTAL_LENGTH:
            (total,) = _U64.unpack_from(extensions, at + 5)
            return int(total)
        at += 5 + size
    return None
