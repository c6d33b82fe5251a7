"""When the kernel got a packet."""

from __future__ import annotations

import struct
from collections.abc import Iterable

SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>; also the type of the control message that answers it
_TIMESPEC = struct.Struct("=qq")


def stamp_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int:
    """By CLOCK_REALTIME; ancillary: what recvmsg gives of a socket with SO_TIMESTAMPNS."""
    (stamp,) = (value for _, kind, value in ancillary if kind == SO_TIMESTAMPNS)
    seconds, nanoseconds = _TIMESPEC.unpack(stamp)
    return int(seconds * 1_000_000_000 + nanoseconds)
