"""What one process tells another, of which only the newest counts: neither ever waits for the other."""

from __future__ import annotations

import contextlib
import socket

ROOM_BYTES = 4 << 20  # for what was told and not taken yet, where the kernel allows so much
SO_SNDBUFFORCE = 32  # <asm-generic/socket.h>


class Newest:
    """Made before the processes part. What is too long, or does not fit any more, is left out."""

    def __init__(self) -> None:
        self._taker, self._teller = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._taker, self._teller):
            end.setblocking(False)
        with contextlib.suppress(PermissionError):
            self._teller.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, ROOM_BYTES)

    def tell(self, what: bytes) -> None:
        with contextlib.suppress(OSError):
            self._teller.send(what)

    def take(self) -> bytes | None:
        """What was told last since it was taken; None: nothing was."""
        newest = None
        with contextlib.suppress(BlockingIOError):
            while told := self._taker.recv(ROOM_BYTES):
                newest = told
        return newest

    def close(self) -> None:
        self._taker.close()
        self._teller.close()
