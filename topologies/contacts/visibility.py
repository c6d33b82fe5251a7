"""When a link can stand: intervals in which all its conditions hold, edges exact.

Each condition is a margin in km, positive where it holds. Time goes in blocks of a minute. Pairs too far
apart in a block for any of them to hold are left out of it; of the others the smallest margin is sampled on a
grid, and at the way points of nodes that move, so that it is smooth between samples. Wherever a sampled
extremum could hide a sign change between the samples a point beyond zero is sought, so that a pass shorter
than the grid is found. Edges are refined to a microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from skybed.topologies.arrays import Array, Index
from skybed.topologies.orbits import ellipsoid
from skybed.topologies.orbits.ephemeris import Ephemeris
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM, slant_range_km
from skybed.topologies.orbits.roots import zeros

GRID_S = 10.0
PER_BLOCK = 6
BLOCK_S = PER_BLOCK * GRID_S
LOT = 60  # blocks whose edges are refined together
BATCH = 500_000  # margins in memory at a time
PEAK_S = 1e-3  # a pass or gap shorter than this may be missed
FASTEST_KM_S = 20.0  # no margin changes faster than this: two low orbits close at 16 km/s, see also tracks
GOLDEN = (5**0.5 - 1) / 2
PLUMB_DEG = 0.2  # more than the normal of the ellipsoid is ever off the line to the Earth's centre
SLACK_KM, SLACK = 2.0, 1.01  # what radii and speeds do between knots

MarginAt = Callable[[Index, Array], Array]  # (pairs, times) -> margins in km


@dataclass(frozen=True)
class Conditions:
    """What must hold for a link to stand; None where that does not matter."""

    max_range_km: float | None = None
    min_radius_km: float | None = None  # the line keeps this far from the Earth's centre (grazing height)
    max_latitude_deg: float | None = None  # geocentric, of both ends
    min_elevation_deg: float | None = (
        None  # of b over the ellipsoid's horizon at ground node a; no refraction
    )
    max_off_nadir_deg: float | None = None  # of a from the line between b and the Earth's centre
    max_apart_km: float | None = None  # on the ground, what is below both: an arc of a sphere


class Intervals(NamedTuple):
    """pair: index into the pairs asked for, flattened; sorted by (pair, start), disjoint. Cut at 0 and at the
    end asked for.
    """

    pair: Index
    start_s: Array
    end_s: Array


def margin_km(conditions: Conditions, ra: Array, rb: Array) -> Array:
    """The smallest margin of pairs of nodes at positions ra, rb (pairs..., 3), TEME; shape (pairs...)."""
    line = rb - ra
    length2 = np.einsum("...i,...i", line, line)
    length = np.sqrt(length2)
    margin = np.full(length.shape, np.inf)
    if conditions.max_range_km is not None:
        margin = np.minimum(margin, conditions.max_range_km - length)
    if conditions.min_radius_km is not None:
        # Most pairs of a large sky are far out of range, and how far does not matter then.
        close = margin > -FASTEST_KM_S * GRID_S
        start, way = np.broadcast_to(ra, line.shape)[close], line[close]
        nearest = np.clip(-np.einsum("...i,...i", start, way) / length2[close], 0, 1)
        foot = start + nearest[..., None] * way
        height = np.sqrt(np.einsum("...i,...i", foot, foot)) - conditions.min_radius_km
        margin[close] = np.minimum(margin[close], height)
    if conditions.max_latitude_deg is not None:
        for r in (ra, rb):
            radius = np.sqrt(np.einsum("...i,...i", r, r))
            highest = np.sin(np.radians(conditions.max_latitude_deg)) * radius
            margin = np.minimum(margin, highest - np.abs(r[..., 2]))
    if conditions.min_elevation_deg is not None:
        height = np.einsum("...i,...i", line, ellipsoid.zenith(ra))
        margin = np.minimum(margin, height - length * np.sin(np.radians(conditions.min_elevation_deg)))
    if conditions.max_off_nadir_deg is not None:
        below_km = np.einsum("...i,...i", line, rb) / np.sqrt(np.einsum("...i,...i", rb, rb))
        margin = np.minimum(margin, below_km - length * np.cos(np.radians(conditions.max_off_nadir_deg)))
    if conditions.max_apart_km is not None:
        cos = np.einsum("...i,...i", ra, rb) / np.sqrt(
            np.einsum("...i,...i", ra, ra) * np.einsum("...i,...i", rb, rb)
        )
        margin = np.minimum(margin, conditions.max_apart_km - MEAN_RADIUS_KM * np.arccos(np.clip(cos, -1, 1)))
    return margin


def holds(sky: Ephemeris, a: Index, b: Index, conditions: Conditions, t_s: float) -> np.ndarray:
    """Whether pairs (a, b) of nodes can hold a link at a time."""
    r_a, r_b = sky.position_km(a, t_s), sky.position_km(b, t_s)
    somewhere = np.minimum(sky.ends_s[a], sky.ends_s[b]) > t_s
    return somewhere & (margin_km(conditions, r_a, r_b) > 0)


class Brackets(NamedTuple):
    """Times left_s < right_s of pairs, and their margins in km then."""

    pair: Index
    left_s: Array
    right_s: Array
    left_km: Array
    right_km: Array


def intervals(sky: Ephemeris, a: Index, b: Index, conditions: Conditions, until_s: float) -> Intervals:
    """When each of the pairs (a, b) of nodes can hold a link between 0 and until_s.

    a, b: of as many dimensions, broadcast together: two lists of one length, or a column and a row.
    A link to the ground needs an elevation or a range; between satellites, a grazing height.
    """
    flat_a, flat_b = (x.ravel() for x in np.broadcast_arrays(a, b))
    if not len(flat_a):
        return Intervals(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    conditions, reach_km = reach(sky, a, b, conditions)

    def margin_at(pair: Index, t: Array) -> Array:
        i, j = (ends[pair].reshape(-1, *[1] * (t.ndim - 1)) for ends in (flat_a, flat_b))
        return margin_km(conditions, sky.position_km(i, t), sky.position_km(j, t))

    standing, edges = [], []
    blocks = int(until_s // BLOCK_S) + 1
    for first in range(0, blocks, LOT):
        changes = []
        for pair, block, m in _samples(sky, a, b, conditions, reach_km, first, min(LOT, blocks - first)):
            standing.append(pair[(block == 0) & (m[:, 1] > 0)])
            t = (block[:, None] * PER_BLOCK - 1 + np.arange(PER_BLOCK + 2)) * GRID_S
            smooth = np.ones(len(pair), bool)
            for rows, bent_t in _bent(sky, flat_a[pair], flat_b[pair], t):
                smooth[rows] = False
                changes.append(_changes(pair[rows], bent_t, margin_at(pair[rows], bent_t)))
            changes.append(_changes(pair[smooth], t[smooth], m[smooth]))
        crossed, peaks, dips = (_joined(part) for part in zip(*changes, strict=True))
        brackets = _joined([crossed, *_split(margin_at, 1, peaks), *_split(margin_at, -1, dips)])
        edges.append((brackets.pair, _edges(margin_at, brackets), brackets.right_km > 0))
    pair, t_s, rising = (np.concatenate(x) for x in zip(*edges, strict=True))
    found = _paired(np.concatenate(standing), pair, t_s, rising, until_s)
    ends_s = np.minimum(sky.ends_s[flat_a], sky.ends_s[flat_b])[found.pair]
    there = found.start_s < ends_s
    return Intervals(found.pair[there], found.start_s[there], np.minimum(found.end_s, ends_s)[there])


def _joined(parts: Sequence[Brackets]) -> Brackets:
    return Brackets._make(np.concatenate(x) for x in zip(*parts, strict=True))


# -- samples -------------------------------------------------------------------------------------


def reach(sky: Ephemeris, a: Index, b: Index, conditions: Conditions) -> tuple[Conditions, float]:
    """The conditions without what cannot bind, and the distance at the middle of a block beyond which no pair
    can meet them anywhere within the block or a grid step beside it.
    """
    low_a, low_b = (sky.extremes.lowest_km[x].min() - SLACK_KM for x in (a, b))
    high_a, high_b = (sky.extremes.highest_km[x].max() + SLACK_KM for x in (a, b))
    closing_km_s = sum(sky.extremes.fastest_km_s[x].max() for x in (a, b)) * SLACK
    reach_km = np.inf if conditions.max_range_km is None else conditions.max_range_km
    if conditions.min_radius_km is not None:
        g = conditions.min_radius_km
        if min(low_a, low_b) > g and reach_km <= np.sqrt(low_a**2 - g**2) + np.sqrt(low_b**2 - g**2):
            # The Earth is in the way of longer lines only.
            conditions = replace(conditions, min_radius_km=None)
        horizon_km = [np.sqrt(max(0.0, high**2 - g**2)) for high in (high_a, high_b)]
        reach_km = min(reach_km, sum(horizon_km))
    if conditions.max_apart_km is not None:
        cos = np.cos(conditions.max_apart_km / MEAN_RADIUS_KM)
        corners = [(ra, rb) for ra in (low_a, high_a) for rb in (low_b, high_b)]
        reach_km = min(reach_km, max(np.sqrt(ra**2 + rb**2 - 2 * ra * rb * cos) for ra, rb in corners))
    if conditions.min_elevation_deg is not None:
        lowest_deg = conditions.min_elevation_deg - PLUMB_DEG
        reach_km = min(reach_km, float(slant_range_km(high_b - low_a, lowest_deg, low_a)))
    return conditions, reach_km + closing_km_s * (BLOCK_S / 2 + GRID_S) + SLACK_KM


def _samples(
    sky: Ephemeris, a: Index, b: Index, conditions: Conditions, reach_km: float, first: int, count: int
) -> Iterator[tuple[Index, Index, Array]]:
    """Of `count` blocks: (pair, block, margins) of the pairs within reach, as often as it takes.

    margins: (rows, PER_BLOCK + 2), from one grid step before the block to its end.
    """
    nodes, at = np.unique(np.concatenate([a.ravel(), b.ravel()]), return_inverse=True)
    at_a, at_b = at[: a.size].reshape(a.shape), at[a.size :].reshape(b.shape)
    row_a, row_b = (x.ravel() for x in np.broadcast_arrays(at_a, at_b))
    t = (first * PER_BLOCK - 1 + np.arange(count * PER_BLOCK + 2)) * GRID_S
    r = np.moveaxis(sky.position_km(nodes[:, None], t), -1, 0)
    middle = r[:, :, 1 + PER_BLOCK // 2 :: PER_BLOCK].transpose(0, 2, 1).astype(np.float32)
    columns = sliding_window_view(r, PER_BLOCK + 2, axis=2)[:, :, ::PER_BLOCK]  # (3, nodes, blocks, samples)
    batch = max(1, BATCH // (len(row_a) * (PER_BLOCK + 2)))
    for begin in range(0, count, batch):
        some = middle[:, begin : begin + batch]
        x, y, z = (axis[:, at_b] - axis[:, at_a] for axis in some)
        near = np.flatnonzero(x * x + y * y + z * z <= reach_km**2)
        block, pair = begin + near // len(row_a), near % len(row_a)
        i, j = row_a[pair], row_b[pair]
        ra, rb = (np.moveaxis(columns[:, row, block], 0, -1) for row in (i, j))
        yield pair, first + block, margin_km(conditions, ra, rb)


def _bent(sky: Ephemeris, a: Index, b: Index, t: Array) -> Iterator[tuple[Index, Array]]:
    """Of rows of times t (rows, samples), of pairs of nodes (a, b), those in which a node passes way points,
    with these among the times. At most one node of a pair moves over the ground.
    """
    if sky.tracks is None:
        return
    for node in sky.tracks.nodes.tolist():
        rows = np.flatnonzero((a == node) | (b == node))
        bends_s = sky.tracks.bends_s(node)
        first, last = (np.searchsorted(bends_s, t[rows, end]) for end in (0, -1))
        rows, first, last = (x[first < last] for x in (rows, first, last))
        if len(rows):
            passed = np.minimum(first[:, None] + np.arange((last - first).max()), last[:, None] - 1)
            yield rows, np.sort(np.concatenate([t[rows], bends_s[passed]], axis=1), axis=1)


def _changes(pair: Index, t: Array, m: Array) -> tuple[Brackets, Brackets, Brackets]:
    """Where the margins m at times t (rows, samples) change sign, and where they may between samples: at
    peaks, at dips.
    """

    def brackets(row: Index, left: Index, right: Index) -> Brackets:
        return Brackets(pair[row], t[row, left], t[row, right], m[row, left], m[row, right])

    def extrema(sign: int) -> Brackets:
        """Around samples not beyond zero that are the highest of three, and so near that a peak may be."""
        x = sign * m
        top, beside = x[:, 1:-1], np.maximum(x[:, :-2], x[:, 2:])
        could = (top >= beside) & (top + beside > -FASTEST_KM_S * GRID_S)
        row, k = np.nonzero(could & (inside[:, 1:-1] == (sign < 0)))
        return brackets(row, k, k + 2)

    inside = m > 0
    row, k = np.nonzero(inside[:, 1:-1] != inside[:, 2:])
    return brackets(row, k + 1, k + 2), extrema(1), extrema(-1)


# -- edges ---------------------------------------------------------------------------------------


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


def _edges(margin_at: MarginAt, brackets: Brackets) -> Array:
    """Zero of the margin in each bracket, on the side where the link stands."""
    pair, left, right, left_km, right_km = brackets
    rising = right_km > 0
    times = np.where(rising, [right, left], [left, right])
    margins = np.where(rising, [right_km, left_km], [left_km, right_km])
    return zeros(lambda rows, t: margin_at(pair[rows], t), *times, *margins)


def _paired(standing: Index, pair: Index, t_s: Array, rising: np.ndarray, until_s: float) -> Intervals:
    """Intervals from the pairs that stand at 0 and from edges in any order, those outside of the span too."""
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
