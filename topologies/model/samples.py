"""Quantiles of more numbers than are worth holding."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array

HELD = 2**16  # numbers; of more a part is looked at, at a time
BITS = 16  # of a number, by which those that are near a quantile are told apart
SIGN = np.uint64(1 << 63)


class Sample:
    """Numbers (float64), nan left out. n: how many; least, greatest: nan of none.

    Quantiles are exact. Beyond HELD the numbers are in a temporary file, 8 bytes each, until the block ends:
    memory does not grow with them.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(8 * HELD)  # noqa: SIM115, it is open as long as this
        self.n, self.least, self.greatest = 0, np.nan, np.nan

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, values: ArrayLike) -> None:
        numbers = np.asarray(values, "f8")
        numbers = numbers[~np.isnan(numbers)]
        if len(numbers):
            self.n += len(numbers)
            self.least = float(np.fmin(self.least, numbers.min()))
            self.greatest = float(np.fmax(self.greatest, numbers.max()))
            self._file.write(numbers.tobytes())

    def quantile(self, share: float, less: float = 0.0) -> float:
        """As numpy has it, between the two nearest numbers; of all numbers less `less`; nan of none."""
        if not self.n:
            return np.nan
        place = (self.n - 1) * share
        low, high = (self._ranked(rank) - less for rank in (int(place), min(int(place) + 1, self.n - 1)))
        return float(np.quantile([low, high], place - int(place)))

    def _ranked(self, rank: int) -> float:
        """The number with so many before it: among those that have its first bits, ever more of them."""
        first, rest, count = 0, 64, self.n
        while count > HELD and rest:
            rest -= BITS
            counts, last = np.zeros(1 << BITS, int), np.uint64((1 << BITS) - 1)
            for keys in self._keys(first, rest + BITS):
                counts += np.bincount((keys >> np.uint64(rest)) & last, minlength=len(counts))
            before = np.cumsum(counts) - counts
            here = int(np.searchsorted(before, rank, side="right")) - 1
            first, rank, count = first << BITS | here, rank - int(before[here]), int(counts[here])
        if not rest:  # they are one number
            return float(_numbers(np.array([first], np.uint64))[0])
        keys = np.concatenate([*self._keys(first, rest)])
        return float(_numbers(np.partition(keys, rank)[rank : rank + 1])[0])

    def _keys(self, first: int, rest: int) -> Iterator[np.ndarray]:
        """Of those whose bits, but for the last `rest`, are `first`: whole numbers in the same order."""
        self._file.seek(0)
        while part := self._file.read(8 * HELD):
            bits = np.frombuffer(part, np.uint64)
            keys = np.where(bits & SIGN, ~bits, bits | SIGN)
            yield keys if rest == 64 else keys[keys >> np.uint64(rest) == first]


def _numbers(keys: np.ndarray) -> Array:
    return np.where(keys & SIGN, keys ^ SIGN, ~keys).view("f8")
