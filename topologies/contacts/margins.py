"""When margins are positive: functions of time, many at once, in km, that are smooth between samples.

Wherever a sampled extremum could hide a sign change between the samples a point beyond zero is sought, so
that a time shorter than the grid is found. Edges are refined to a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.orbits.roots import zeros

PEAK_S = 1e-3  # what is positive, or not, for less than this may be missed
FASTEST_KM_S = 20.0  # no margin changes faster than this: two low orbits close at 16 km/s, see also tracks
GOLDEN = (5**0.5 - 1) / 2

MarginAt = Callable[[Index, Array], Array]  # (pairs, times) -> margins in km


class Intervals(NamedTuple):
    """pair: index into the pairs asked for, flattened; sorted by (pair, start), disjoint. Cut at 0 and at the
    end asked for.
    """

    pair: Index
    start_s: Array
    end_s: Array


class Brackets(NamedTuple):
    """Times left_s < right_s of pairs, and their margins in km then."""

    pair: Index
    left_s: Array
    right_s: Array
    left_km: Array
    right_km: Array


class Changes(NamedTuple):
    """Where margins change sign, and where they may between samples: at peaks, at dips."""

    crossed: Brackets
    peaks: Brackets
    dips: Brackets


class Edges(NamedTuple):
    """When the margin of a pair passes zero, on the side where it is positive; rising: from then on it is."""

    pair: Index
    t_s: Array
    rising: np.ndarray


def changes(pair: Index, t: Array, m: Array, grid_s: float) -> Changes:
    """Of the margins m of pairs at times t (rows, samples), grid_s apart at most. The samples of a row begin
    one grid step before the time that it is for, and end with that.
    """

    def brackets(row: Index, left: Index, right: Index) -> Brackets:
        return Brackets(pair[row], t[row, left], t[row, right], m[row, left], m[row, right])

    def extrema(sign: int) -> Brackets:
        """Around samples not beyond zero that are the highest of three, and so near that a peak may be."""
        x = sign * m
        top, beside = x[:, 1:-1], np.maximum(x[:, :-2], x[:, 2:])
        could = (top >= beside) & (top + beside > -FASTEST_KM_S * grid_s)
        row, k = np.nonzero(could & (inside[:, 1:-1] == (sign < 0)))
        return brackets(row, k, k + 2)

    inside = m > 0
    row, k = np.nonzero(inside[:, 1:-1] != inside[:, 2:])
    return Changes(brackets(row, k + 1, k + 2), extrema(1), extrema(-1))


def edges(margin_at: MarginAt, found: Iterable[Changes]) -> Edges:
    """All edges of what was found, in any order."""
    crossed, peaks, dips = (_joined(part) for part in zip(*found, strict=True))
    brackets = _joined([crossed, *_split(margin_at, 1, peaks), *_split(margin_at, -1, dips)])
    pair, left, right, left_km, right_km = brackets
    rising = right_km > 0
    times = np.where(rising, [right, left], [left, right])
    margins = np.where(rising, [right_km, left_km], [left_km, right_km])
    return Edges(pair, zeros(lambda rows, t: margin_at(pair[rows], t), *times, *margins), rising)


def paired(standing: Index, found: Iterable[Edges], until_s: float) -> Intervals:
    """Intervals from the pairs whose margin is positive at 0 and from edges in any order, those outside of
    the span too.
    """
    pair, t_s, rising = (np.concatenate(x) for x in zip(*found, strict=True))
    within = (t_s >= 0) & (t_s < until_s)
    pair = np.concatenate([standing, pair[within]])
    t_s = np.concatenate([np.zeros(len(standing)), t_s[within]])
    up = np.concatenate([standing >= 0, rising[within]])
    order = np.lexsort((t_s, pair))
    pair, t_s, up = pair[order], t_s[order], up[order]
    news = up != np.where(pair == np.roll(pair, 1), np.roll(up, 1), False)  # rounding may tell a change twice
    news[:1] = up[:1]
    pair, t_s, up = pair[news], t_s[news], up[news]
    start = np.flatnonzero(up)
    after = np.append(pair, -1)[start + 1] == pair[start]
    end_s = np.where(after, np.append(t_s, until_s)[start + 1], until_s)
    real = t_s[start] < end_s
    return Intervals(pair[start][real], t_s[start][real], end_s[real])


def _joined(parts: Iterable[Brackets]) -> Brackets:
    return Brackets._make(np.concatenate(x) for x in zip(*parts, strict=True))


def _split(margin_at: MarginAt, sign: int, suspects: Brackets) -> list[Brackets]:
    """Suspects in which sign * margin rises above zero, parted where it does; the others are left out.

    The margin has one extremum in each. Golden section, until a point beyond zero is met or cannot be.
    """
    pair, left, right = suspects.pair, suspects.left_s, suspects.right_s
    which, top_s, top_km = np.arange(len(pair)), np.full(len(pair), np.nan), np.full(len(pair), np.nan)
    inner: Array = left + (1 - GOLDEN) * (right - left)
    height: Array = sign * margin_at(pair, inner)
    while len(which):
        top_s[which], top_km[which] = inner, sign * height
        go = (height <= 0) & (height > -FASTEST_KM_S * (right - left)) & (right - left > PEAK_S)
        which, pair = which[go], pair[go]
        left, right, inner, height = (x[go] for x in (left, right, inner, height))
        other = left + right - inner
        there = sign * margin_at(pair, other)
        better, before = there > height, other < inner
        left = np.where(better == before, left, np.where(better, inner, other))
        right = np.where(better == before, np.where(better, inner, other), right)
        inner, height = np.where(better, other, inner), np.maximum(height, there)
    hit = sign * top_km > 0
    whole = Brackets._make(x[hit] for x in suspects)
    return [
        whole._replace(right_s=top_s[hit], right_km=top_km[hit]),
        whole._replace(left_s=top_s[hit], left_km=top_km[hit]),
    ]
