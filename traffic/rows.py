"""What a flow keeps of each of its packets until the end: the newest in memory, what is older in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from struct import Struct
from typing import Any, BinaryIO

import numpy as np

HELD_ROWS = 1024  # at least, where there are so many, and less than twice


class Rows:
    """Rows of numbers, from 0 in the order in which they came. Any of them may change, however old it is.

    fields: of a row, by name a code that struct and NumPy share: `q`, `i`, or several, as `8i`; the first is
    never 0. make_file: makes a file, when it is first needed. held: see HELD_ROWS.
    """

    def __init__(
        self, fields: Mapping[str, str], make_file: Callable[[], BinaryIO], held: int = HELD_ROWS
    ) -> None:
        self._struct, self._dtype = Struct("=" + "".join(fields.values())), np.dtype([*fields.items()])
        self._make_file, self._held = make_file, held
        self._file: BinaryIO | None = None
        self._written = 0  # rows that are in the file
        self._newest = bytearray()  # those that follow

    def __len__(self) -> int:
        return self._written + len(self._newest) // self._struct.size

    def append(self, *row: int) -> None:
        self._newest += self._struct.pack(*row)
        if len(self._newest) >= 2 * self._held * self._struct.size:
            self._write()

    def _write(self) -> None:
        """The older half of what is held: a write is short, and what still changes is mostly in the other."""
        self._file = self._file or self._make_file()
        half = self._held * self._struct.size
        self._file.seek(self._written * self._struct.size)
        self._file.write(self._newest[:half])
        del self._newest[:half]
        self._written += self._held

    def __getitem__(self, number: int) -> tuple[int, ...]:
        if number >= self._written:
            return self._struct.unpack_from(self._newest, (number - self._written) * self._struct.size)
        assert self._file, "written"
        self._file.seek(number * self._struct.size)
        return self._struct.unpack(self._file.read(self._struct.size))

    def __setitem__(self, number: int, row: tuple[int, ...]) -> None:
        if number >= self._written:
            self._struct.pack_into(self._newest, (number - self._written) * self._struct.size, *row)
            return
        assert self._file, "written"
        self._file.seek(number * self._struct.size)
        self._file.write(self._struct.pack(*row))

    def array(self, first: int, end: int) -> np.ndarray:
        """A copy of the rows from first up to, not including, end: a structured array with their fields.

        Raises OSError where the disk has not kept them: a guest hears too late that it is full.
        """
        size, old = self._struct.size, b""
        if self._file and first < self._written:
            self._file.seek(first * size)
            old = self._file.read((min(end, self._written) - first) * size)
        begin, stop = (max(0, number - self._written) * size for number in (first, end))
        rows: np.ndarray[Any, Any] = np.frombuffer(old + self._newest[begin:stop], self._dtype)
        if not rows[self._dtype.names[0]].all():  # type: ignore[index]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rows

    def pieces(self, rows: int) -> Iterator[tuple[int, np.ndarray]]:
        """All, so many at once: the number of the first, and `array` of them."""
        for first in range(0, len(self), rows):
            yield first, self.array(first, min(first + rows, len(self)))
