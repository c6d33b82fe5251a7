"""Chance that follows the scenario's seed and the name of what it is for, and nothing else.

So nothing else in the scenario, nor the order of the work, changes what is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from skybed.topologies.arrays import Array


def between(value: float | tuple[float, float], *name: object) -> float:
    """The value, or of a pair a number that is uniform between the two."""
    if not isinstance(value, tuple):
        return value
    low, high = value
    return low + (high - low) * _digest(name) / 2.0**64


def exponential(mean: tuple[float, ...], rows: int, *name: object) -> Iterator[Array]:
    """Exponential numbers in columns of these means, `rows` of them at a time; how many does not change
    them.
    """
    source = _source(name)
    while True:
        yield -np.log1p(-source.random((rows, len(mean)))) * mean


def normal(count: int, *name: object) -> Array:
    """Standard normal numbers; more of them begin with the same. Method of Box and Muller."""
    u, v = _source(name).random((count // 2 + 1, 2)).T
    radius = np.sqrt(-2 * np.log1p(-u))
    return np.stack([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)], axis=1).ravel()[:count]


def _source(name: tuple[object, ...]) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(_digest(name)))


def _digest(name: tuple[object, ...]) -> int:
    text = "/".join(map(str, name))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
