"""When a link can stand: intervals in which all its conditions hold, edges exact.

Each condition is a margin in km, positive where it holds. Time goes in blocks of a minute. Pairs too far
apart in a block for any of them to hold are left out of it; of the others the smallest margin is sampled on a
grid, and at the way points of nodes that move, so that it is smooth between samples. What is between them,
and the edges, are found by `margins`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.margins import FASTEST_KM_S, Intervals, changes, edges, paired
from skybed.topologies.orbits import ellipsoid
from skybed.topologies.orbits.ephemeris import Ephemeris
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM, slant_range_km

GRID_S = 10.0
PER_BLOCK = 6
BLOCK_S = PER_BLOCK * GRID_S
LOT = 60  # blocks whose edges are refined together
BATCH = 500_000  # margins in memory at a time
PLUMB_DEG = 0.2  # more than the normal of the ellipsoid is ever off the line to the Earth's centre
SLACK_KM, SLACK = 2.0, 1.01  # what radii and speeds do between knots


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
        least = np.maximum(length2[close], np.finfo(float).tiny)  # two may be at one place
        nearest = np.clip(-np.einsum("...i,...i", start, way) / least, 0, 1)
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

    standing, found = [], []
    blocks = int(until_s // BLOCK_S) + 1
    for first in range(0, blocks, LOT):
        changed = []
        for pair, block, m in _samples(sky, a, b, conditions, reach_km, first, min(LOT, blocks - first)):
            standing.append(pair[(block == 0) & (m[:, 1] > 0)])
            t = (block[:, None] * PER_BLOCK - 1 + np.arange(PER_BLOCK + 2)) * GRID_S
            smooth = np.ones(len(pair), bool)
            for rows, bent_t in _bent(sky, flat_a[pair], flat_b[pair], t):
                smooth[rows] = False
                changed.append(changes(pair[rows], bent_t, margin_at(pair[rows], bent_t), GRID_S))
            changed.append(changes(pair[smooth], t[smooth], m[smooth], GRID_S))
        found.append(edges(margin_at, changed))
    whole = paired(np.concatenate(standing), found, until_s)
    ends_s = np.minimum(sky.ends_s[flat_a], sky.ends_s[flat_b])[whole.pair]
    there = whole.start_s < ends_s
    return Intervals(whole.pair[there], whole.start_s[there], np.minimum(whole.end_s, ends_s)[there])


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
