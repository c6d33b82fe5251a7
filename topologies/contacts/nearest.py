"""Each satellite with those nearest to it, as long as both have a terminal free.

At each decision all pairs in sight are gone through by distance, the shortest first, and each takes a
terminal at both ends if there is one. So of each two in sight that are not linked one at least has nearer
links only. A link that is held counts as nearer by the hysteresis.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.visibility import Conditions, holds
from skybed.topologies.model.space import Lasers
from skybed.topologies.orbits.ephemeris import Ephemeris

BAND = 64  # satellites whose distances from others are worked out at a time
ROUNDING_KM2 = 1.0  # of a squared distance, with much to spare
AT_FIRST = 3.0  # candidates for each terminal within the distance that is looked at first


def decisions(
    sky: Ephemeris, nodes: Index, group: Index, rule: Lasers, conditions: Conditions, times_s: Array
) -> Iterator[Index]:
    """Pairs i < j of nodes (ascending), i * len(nodes) + j each, that hold a terminal for each other from
    each time to the next. group: of each node; only nodes of different groups are linked.
    """
    held: Index = np.zeros(0, np.int64)
    for t_s in times_s.tolist():
        held = _decided(sky, nodes, group, rule, conditions, t_s, held)
        yield held


def _decided(
    sky: Ephemeris, nodes: Index, group: Index, rule: Lasers, conditions: Conditions, t_s: float, held: Index
) -> Index:
    """Pairs that are held from t_s on, given those until then; i * len(nodes) + j, i < j, each."""
    r_km = sky.position_km(nodes, t_s)
    free = np.full(len(nodes), rule.terminals)
    taken: list[int] = []
    i, j = np.divmod(held, len(nodes))
    held_km = np.linalg.norm(r_km[i] - r_km[j], axis=-1) - rule.hysteresis_km
    for low_km, high_km in _shells(r_km, conditions, rule.terminals):
        some = np.flatnonzero(free > 0)
        if len(some) < 2:
            break
        i, j, apart_km = _near(r_km[some], low_km, high_km)
        pair = some[i] * len(nodes) + some[j]
        others = ~np.isin(pair, held)
        here = (held_km > low_km) & (held_km <= high_km)
        pair, apart_km = np.append(pair[others], held[here]), np.append(apart_km[others], held_km[here])
        i, j = np.divmod(pair, len(nodes))
        may = (group[i] != group[j]) & (free[i] > 0) & (free[j] > 0)
        may[may] = holds(sky, nodes[i[may]], nodes[j[may]], conditions, t_s)
        pair = pair[may][np.lexsort((pair[may], apart_km[may]))]
        left = free.tolist()
        for a, b in zip(*(end.tolist() for end in np.divmod(pair, len(nodes))), strict=True):
            if left[a] and left[b]:
                left[a] -= 1
                left[b] -= 1
                taken.append(a * len(nodes) + b)
        free = np.array(left)
    return np.array(taken, np.int64)


def _shells(r_km: Array, conditions: Conditions, terminals: int) -> Iterator[tuple[float, float]]:
    """Distances (more than, at most) one after the other, that do not tell what is chosen, only how fast: the
    first is met by some times as many satellites as each has terminals, were they even on a sphere.
    """
    highest_km = float(np.linalg.norm(r_km, axis=-1).max())
    last_km = min(conditions.max_range_km or np.inf, 2 * highest_km)
    low_km, high_km = -np.inf, 2 * highest_km * np.sqrt(AT_FIRST * terminals / len(r_km))
    while high_km < last_km:
        yield low_km, high_km
        low_km, high_km = high_km, 2 * high_km
    yield low_km, last_km


def _near(r_km: Array, low_km: float, high_km: float) -> tuple[Index, Index, Array]:
    """Pairs i < j of points so far apart, and how far. By bands of x: who is farther in x is farther."""
    order = np.argsort(r_km[:, 0], kind="stable")
    sorted_km = r_km[order]
    square = np.einsum("ni,ni->n", sorted_km, sorted_km)
    found = []
    for begin in range(0, len(order), BAND):
        band = sorted_km[begin : begin + BAND]
        end = np.searchsorted(sorted_km[:, 0], band[-1, 0] + high_km, side="right")
        apart2 = square[begin : begin + BAND, None] + square[begin:end] - 2 * band @ sorted_km[begin:end].T
        i, j = np.nonzero(apart2 <= high_km**2 + ROUNDING_KM2)
        found.append(order[begin + np.stack([i, j])[:, j > i]])
    i, j = np.sort(np.concatenate(found, axis=1), axis=0)
    apart_km = np.linalg.norm(r_km[i] - r_km[j], axis=-1)
    which = (apart_km > low_km) & (apart_km <= high_km)
    return i[which], j[which], apart_km[which]
