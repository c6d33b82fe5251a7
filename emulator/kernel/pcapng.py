"""pcapng files (draft-ietf-opsawg-pcapng): one interface of Ethernet, time stamps in ns."""

from __future__ import annotations

import struct
from typing import BinaryIO

FOLDER = "captures"  # of a run directory, where such files are
SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
ETHERNET, SNAP_BYTES = 1, 1 << 18
NAME, RESOLUTION, FLAGS, RECEIVED, DROPPED = 2, 9, 2, 4, 5  # options, each of its block
INBOUND, OUTBOUND = 1, 2


class Writer:
    """name: of the interface. Times are ns since 1970."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._block(SECTION, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))
        options = _option(NAME, name.encode()) + _option(RESOLUTION, b"\x09") + _option(0, b"")
        self._block(INTERFACE, struct.pack("=HHI", ETHERNET, 0, SNAP_BYTES) + options)

    def packet(self, data: bytes, t_ns: int, outbound: bool) -> None:
        head = struct.pack("=IIIII", 0, t_ns >> 32, t_ns & 0xFFFFFFFF, len(data), len(data))
        flags = struct.pack("=I", OUTBOUND if outbound else INBOUND)
        self._block(PACKET, head + _padded(data) + _option(FLAGS, flags) + _option(0, b""))

    def statistics(self, t_ns: int, received: int, dropped: int) -> None:
        """How many packets there were, and how many of them are not in the file."""
        head = struct.pack("=III", 0, t_ns >> 32, t_ns & 0xFFFFFFFF)
        counts = _option(RECEIVED, struct.pack("=Q", received)) + _option(DROPPED, struct.pack("=Q", dropped))
        self._block(STATISTICS, head + counts + _option(0, b""))

    def _block(self, kind: int, body: bytes) -> None:
        length = 12 + len(body)
        self._file.write(struct.pack("=II", kind, length) + body + struct.pack("=I", length))


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
