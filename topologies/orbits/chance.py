"""Chance that follows the scenario's seed and the name of what it is for, and nothing else.

So nothing else in the scenario, nor the order of the work, changes what is drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import cache

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.model.draws import Distribution, Draw

RARE = 1 - 1e-7
FAR_Z, Z_STEPS = 8.0, 16_001  # of the normal distribution: beyond lies 1e-15; between two steps a line


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


def uniform(*name: object) -> float:
    """A number from 0 to 1, both excluded."""
    return (_digest(name) + 0.5) / 2.0**64


def quantile(draw: Draw, share: Array) -> Array:
    """Below which a share (0 to 1, both excluded) of what is drawn lies."""
    if not isinstance(draw, Distribution):
        low, high = draw if isinstance(draw, tuple) else (draw, draw)
        return low + (high - low) * share
    if draw.values is not None:
        values = np.sort(np.array(draw.values))
        return values[np.minimum((share * len(values)).astype(int), len(values) - 1)]
    if draw.pareto is not None:
        least, exponent = draw.pareto
        return least * (1 - share) ** (-1 / exponent)
    z, below = _normal()
    deviations = np.interp(share, below, z)
    if draw.lognormal is not None:
        median, sigma = draw.lognormal
        return median * np.exp(sigma * deviations)
    assert draw.normal is not None
    mean, deviation = draw.normal
    return np.maximum(mean + deviation * deviations, 0.0)


def greatest(draw: Draw) -> float:
    """What is nearly never exceeded: once in ten million draws."""
    with np.errstate(over="ignore"):
        return float(quantile(draw, np.array([RARE]))[0])


@cache
def _normal() -> tuple[Array, Array]:
    """Standard deviations, and the share of the normal distribution below each."""
    z = np.linspace(-FAR_Z, FAR_Z, Z_STEPS)
    return z, np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in z.tolist()])


def _source(name: tuple[object, ...]) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(_digest(name)))


def _digest(name: tuple[object, ...]) -> int:
    text = "/".join(map(str, name))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
