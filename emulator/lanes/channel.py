"""Lines both ways between a program in a lane and who started it, besides its standard input and output.

In the native lane they go through a pair of sockets; in uml too, which leads to a serial line of the guest's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
import threading
import time
from collections.abc import Iterator

DESCRIPTOR = 3  # of the program; the same in each run, for it is in the command line of a uml kernel
AT_ONCE = 1 << 16
LOOK_S = 0.01  # from one look to the next whether there is room
GONE = errno.ECONNRESET, errno.EIO  # what a read says when the other end was killed


class Channel:
    """One end: written to by any thread, read by one. What is sent when the other end is gone is lost.

    listens: whether the other end does already. If not, what is sent is held back until it has spoken: a
    guest is not told of what came before.

    The descriptor may be one that does not block. Then `offer` never waits, and the others do as they would.
    writes: the descriptor to write to, if that is another.
    """

    def __init__(self, descriptor: int, listens: bool, writes: int | None = None) -> None:
        self._fd, self._listens = descriptor, listens
        self._out = descriptor if writes is None else writes
        self._held = b""
        self._unfinished = b""
        self._lock = threading.Lock()
        self._serial = os.isatty(self._out)

    def send(self, line: bytes) -> None:
        with self._lock:
            self._held += line + b"\n"
            if self._listens:
                self._write()

    def offer(self, line: bytes) -> None:
        """Send it, unless the other end has not taken all that came before: then it is left out."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._listens:
                self._write(waits=False)
            if not self._held:
                self._held = line + b"\n"
                if self._listens:
                    self._write(waits=False)
        finally:
            self._lock.release()

    def lines(self) -> Iterator[bytes]:
        """Each as it comes, until the other end is gone. Interrupted, it can be begun again."""
        while more := self._read():
            *whole, self._unfinished = (self._unfinished + more).split(b"\n")
            yield from whole

    def _read(self) -> bytes:
        try:
            more = self._next()
        except OSError as error:
            if error.errno not in GONE:
                raise
            return b""
        with self._lock:
            self._listens = True
            self._write()
        return more

    def _next(self) -> bytes:
        while True:
            with contextlib.suppress(BlockingIOError):
                return os.read(self._fd, AT_ONCE)
            _await(self._fd, select.POLLIN)

    def _write(self, waits: bool = True) -> None:
        with contextlib.suppress(OSError):
            while self._held:
                self._push()
                try:
                    self._held = self._held[os.write(self._out, self._held) :]
                except BlockingIOError:
                    if not waits:
                        return
                    _await(self._out, select.POLLOUT)
            while waits and self._push():
                time.sleep(LOOK_S)

    def _push(self) -> bool:
        """A guest's serial line keeps what there was no room for outside. There it would stay, for the
        interrupt that should send it on is not to be relied on; so the line is told to. Whether it still
        keeps some.
        """
        if not self._serial:
            return False
        termios.tcflush(self._out, termios.TCOFLUSH)  # of uml's driver: writes it out
        (kept,) = struct.unpack("i", fcntl.ioctl(self._out, termios.TIOCOUTQ, bytes(4)))
        return bool(kept)


def _await(fd: int, what: int) -> None:
    """Until a descriptor is ready for it, or one should look again."""
    ready = select.poll()
    ready.register(fd, what)
    ready.poll(None if what == select.POLLIN else LOOK_S * 1e3)
