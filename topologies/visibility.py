"""When a link can stand: intervals in which all its rules hold, edges exact.

Each rule is a margin in km, positive where the rule holds. The smallest margin of a pair is sampled on a
coarse grid; wherever a sampled extremum could hide a sign change between the samples the extremum itself is
sought, so that a pass shorter than the grid is found; edges are bisected to EDGE_S.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from topologies.ephemeris import Array, Ephemeris
from topologies.patterns import Index

GRID_S = 10.0
EDGE_S = 1e-6
FASTEST_KM_S = 20.0  # no margin changes faster than this: two low orbits close at 16 km/s
BATCH = 2_000_000  # margins in memory at a time

MarginAt = Callable[[Index, Array], Array]  # (pairs, times) -> margins in km


@dataclass(frozen=True)
class Rule:
    """What must hold for a link; None where a rule does not apply."""

    max_range_km: float | None = None
    min_radius_km: float | None = None  # the line keeps this far from the Earth's centre (grazing height)
    max_latitude_deg: float | None = None  # geocentric, of both ends
    min_elevation_deg: float | None = (
        None  # of b over the ellipsoid's horizon at ground node a; no refraction
    )


class Intervals(NamedTuple):
    """pair: index into the pairs asked for; sorted by (pair, start), disjoint. Cut at 0 and at the end asked
    for.
    """

    pair: Index
    start_s: Array
    end_s: Array


def margin_km(sky: Ephemeris, a: Index, b: Index, rule: Rule, ra: Array, rb: Array) -> Array:
    """The smallest margin of pairs at positions ra, rb (pairs..., 3), shape (pairs...)."""
    line = rb - ra
    length2 = np.einsum("...i,...i", line, line)
    length = np.sqrt(length2)
    margin = np.full(length.shape, np.inf)
    if rule.max_range_km is not None:
        margin = np.minimum(margin, rule.max_range_km - length)
    if rule.min_radius_km is not None:
        # Most pairs of a large sky are far out of range, and how far does not matter then.
        close = margin > -FASTEST_KM_S * GRID_S
        start, way = np.broadcast_to(ra, line.shape)[close], line[close]
        nearest = np.clip(-np.einsum("...i,...i", start, way) / length2[close], 0, 1)
        foot = start + nearest[..., None] * way
        height = np.sqrt(np.einsum("...i,...i", foot, foot)) - rule.min_radius_km
        margin[close] = np.minimum(margin[close], height)
    if rule.max_latitude_deg is not None:
        for r in (ra, rb):
            radius = np.sqrt(np.einsum("...i,...i", r, r))
            highest = np.sin(np.radians(rule.max_latitude_deg)) * radius
            margin = np.minimum(margin, highest - np.abs(r[..., 2]))
    if rule.min_elevation_deg is not None:
        height = np.einsum("...i,...i", line, sky.zenith(a, ra))
        margin = np.minimum(margin, height - length * np.sin(np.radians(rule.min_elevation_deg)))
    return margin


def intervals(sky: Ephemeris, a: Index, b: Index, rule: Rule, until_s: float) -> Intervals:
    """When each of the pairs (a, b) of nodes can hold a link, between 0 and until_s.

    A link to the ground needs an elevation rule or a range; between satellites, a grazing height.
    """
    if not len(a):
        return Intervals(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    grid = np.linspace(0.0, until_s, int(np.ceil(until_s / GRID_S)) + 1)
    nodes, at = np.unique(np.concatenate([a, b]), return_inverse=True)
    r = sky.position_km(nodes[:, None], grid)
    batch = max(1, BATCH // len(grid))
    found = []
    for i in range(0, len(a), batch):
        some = slice(i, i + batch)
        ra, rb = r[at[: len(a)][some]], r[at[len(a) :][some]]
        margins = margin_km(sky, a[some, None], b[some, None], rule, ra, rb)
        found.append(_batch(sky, a[some], b[some], rule, grid, margins))
    pair = np.concatenate([f.pair + i * batch for i, f in enumerate(found)])
    start_s, end_s = (np.concatenate([f[n] for f in found]) for n in (1, 2))
    return Intervals(pair, start_s, end_s)


def _batch(sky: Ephemeris, a: Index, b: Index, rule: Rule, grid: Array, m: Array) -> Intervals:
    """Intervals of pairs whose margins m (pairs, times) are sampled at the times of the grid."""

    def margin_at(pair: Index, t: Array) -> Array:
        i, j = a[pair], b[pair]
        return margin_km(sky, i, j, rule, sky.position_km(i, t), sky.position_km(j, t))

    inside = m > 0
    pair, k = np.nonzero(inside[:, 1:] != inside[:, :-1])
    brackets: list[tuple[Index, Array, Array]] = [(pair, grid[k], grid[k + 1])]
    for sign in (1, -1):  # peaks that may rise above zero, dips that may fall below
        pair, left, right = _suspects(sign * m, grid)
        top = _peak(margin_at, sign, pair, left, right)
        hit = sign * margin_at(pair, top) > 0
        pair, left, right, top = pair[hit], left[hit], right[hit], top[hit]
        brackets += [(pair, left, top), (pair, top, right)]
    pair, left, right = (np.concatenate(x) for x in zip(*brackets, strict=True))
    rising = margin_at(pair, right) > 0
    real = rising != (margin_at(pair, left) > 0)  # a peak at the very edge of the span has one side only
    pair, left, right, rising = pair[real], left[real], right[real], rising[real]
    edge = _edges(margin_at, pair, left, right, rising)

    first, last = np.nonzero(inside[:, 0])[0], np.nonzero(inside[:, -1])[0]
    starts = np.concatenate([pair[rising], first]), np.concatenate([edge[rising], np.zeros(len(first))])
    ends = (
        np.concatenate([pair[~rising], last]),
        np.concatenate([edge[~rising], np.full(len(last), grid[-1])]),
    )
    s, e = np.lexsort(starts[::-1]), np.lexsort(ends[::-1])
    return Intervals(starts[0][s], starts[1][s], ends[1][e])


def _suspects(m: Array, grid: Array) -> tuple[Index, Array, Array]:
    """Sampled local maxima of m, not above zero, that may be so between the samples: pair, left, right."""
    padded = np.pad(m, ((0, 0), (1, 1)), constant_values=-np.inf)
    top = (m >= padded[:, :-2]) & (m >= padded[:, 2:]) & (m <= 0) & (m > -FASTEST_KM_S * (grid[1] - grid[0]))
    pair, k = np.nonzero(top)
    return pair, grid[np.maximum(k - 1, 0)], grid[np.minimum(k + 1, len(grid) - 1)]


def _peak(margin_at: MarginAt, sign: int, pair: Index, left: Array, right: Array) -> Array:
    """Time of the maximum of sign * margin in each bracket, by golden section to about 1 ms."""
    ratio = (np.sqrt(5) - 1) / 2
    x, y = right - ratio * (right - left), left + ratio * (right - left)
    fx, fy = sign * margin_at(pair, x), sign * margin_at(pair, y)
    while len(pair) and (right - left).max() > 1e-3:
        up = fx < fy
        left, right = np.where(up, x, left), np.where(up, right, y)
        x, y = np.where(up, y, right - ratio * (right - left)), np.where(up, left + ratio * (right - left), x)
        known = np.where(up, fy, fx)
        new = sign * margin_at(pair, np.where(up, y, x))
        fx, fy = np.where(up, known, new), np.where(up, new, known)
    return (left + right) / 2


def _edges(margin_at: MarginAt, pair: Index, left: Array, right: Array, rising: Array) -> Array:
    """Zero of the margin in each bracket by bisection, on the side where the link stands."""
    while len(pair) and (right - left).max() > EDGE_S:
        middle = (left + right) / 2
        go_right = (margin_at(pair, middle) > 0) != rising
        left, right = np.where(go_right, middle, left), np.where(go_right, right, middle)
    return np.where(rising, right, left)
