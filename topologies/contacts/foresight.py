"""When satellites in view will set, beyond what is planned: what a policy decides does not depend on how long
the run is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.margins import Intervals
from skybed.topologies.contacts.visibility import BLOCK_S, Conditions, intervals
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.tracks import Track

AHEAD_S = 86_400.0  # how far is looked; what sets later counts as setting then
FIRST_S = 1800.0  # how far at first: most low passes are over by then


def resolved(
    scenario: ScenarioModel,
    orbits: pd.DataFrame,
    places: Sequence[Track],
    ends: tuple[Index, Index],
    seen: Intervals,
    conditions: Conditions,
    until_s: float,
) -> Intervals:
    """Intervals of pairs of nodes, those that are cut at until_s with the end that they will have; inf if
    that is over AHEAD_S later. ends: both nodes of each pair. places: of all ground nodes.
    """
    end_s = seen.end_s.copy()
    rows = np.flatnonzero(seen.end_s == until_s)
    begin_s = math.floor(until_s / BLOCK_S) * BLOCK_S
    span_s = FIRST_S
    while len(rows) and begin_s < until_s + AHEAD_S:
        span_s = min(span_s, until_s + AHEAD_S - begin_s)
        pairs = tuple(end[seen.pair[rows]] for end in ends)
        sets_s = begin_s + _sets_s(scenario, orbits, places, pairs, conditions, begin_s, until_s, span_s)
        end_s[rows] = sets_s
        rows = rows[np.isinf(sets_s)]
        begin_s += math.floor(span_s / BLOCK_S) * BLOCK_S or span_s
        span_s *= 2
    return seen._replace(end_s=end_s)


def _sets_s(
    scenario: ScenarioModel,
    orbits: pd.DataFrame,
    places: Sequence[Track],
    pairs: tuple[Index, ...],
    conditions: Conditions,
    begin_s: float,
    until_s: float,
    span_s: float,
) -> Array:
    """When pairs that stand at begin_s, or at until_s if that is later, end, from begin_s on; inf: not within
    span_s.
    """
    nodes, at = np.unique(np.concatenate(pairs), return_inverse=True)
    sky = ephemeris.excerpt(orbits, places, nodes, scenario.begin, begin_s, span_s)
    a, b = np.split(at, 2)
    found = intervals(sky, a, b, conditions, span_s)
    now_s = max(until_s - begin_s, 0.0)
    last = (found.start_s <= now_s) & (found.end_s > now_s)
    sets_s = np.full(len(a), now_s)  # it ends right there
    sets_s[found.pair[last]] = np.where(found.end_s[last] < span_s, found.end_s[last], np.inf)
    return sets_s
