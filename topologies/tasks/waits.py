"""How long one waits from a random instant until something begins, such as a path."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.spans import Spans, spans, union

SHARES = np.array([0.5, 0.9])


class Waits(NamedTuple):
    """Waits from an instant that may be any of a stretch of time, in s; nan: none is known.

    now: share of the time in which one waits for nothing, 0 to 1. max_s: the longest wait. open_s: how much
    of the stretch, at its end, has no end of its wait within what is planned: it counts in `now` alone.
    """

    now: float
    mean_s: float
    median_s: float
    p90_s: float
    max_s: float
    open_s: float


def waits(ways: Spans, from_s: float, until_s: float) -> Waits:
    """From an instant between two run times until any of the ways stands; their keys do not matter.

    Exact: over a gap of length g the wait falls evenly from g to 0. So its mean is the sum of g^2 / 2 over
    the stretch, and the share of instants that wait for longer than w the sum of all that gaps are longer
    than w. Ways that begin after until_s end waits, too.
    """
    stands = union(spans(0, ways.start_s, ways.end_s))
    began_s = np.concatenate([[from_s], np.maximum(stands.end_s, from_s)])
    ends_s = np.concatenate([np.maximum(stands.start_s, from_s), [np.inf]])
    # The instants of each gap that are within the stretch wait for longest_s to shortest_s.
    asked_s = np.clip(np.minimum(ends_s, until_s) - began_s, 0.0, None)
    idle_s = float(asked_s.sum())
    open_s = float(asked_s[-1])
    longest_s = (ends_s - began_s)[:-1]
    some = asked_s[:-1] > 0
    longest_s, asked_s = longest_s[some], asked_s[:-1][some]
    known_s = until_s - from_s - open_s
    now = 1 - idle_s / (until_s - from_s)
    if known_s <= 0:
        return Waits(now, np.nan, np.nan, np.nan, np.nan, open_s)
    shortest_s = longest_s - asked_s
    mean_s = float((longest_s + shortest_s) @ asked_s) / 2 / known_s
    median_s, p90_s = _quantiles_s(longest_s, shortest_s, known_s)
    return Waits(now, mean_s, median_s, p90_s, float(longest_s.max(initial=0.0)), open_s)


def _quantiles_s(longest_s: Array, shortest_s: Array, of_s: float) -> list[float]:
    """The waits that SHARES of of_s instants do not exceed; those of gaps fall evenly, others are 0."""
    bends_s = np.unique(np.concatenate([[0.0], longest_s, shortest_s]))
    begun, over = (np.searchsorted(np.sort(x), bends_s, side="right") for x in (shortest_s, longest_s))
    waits_s = np.concatenate([[0.0], np.cumsum((begun - over)[:-1] * np.diff(bends_s))])  # less than bends_s
    at_once_s = of_s - waits_s[-1]
    quantiles_s: list[float] = np.interp(of_s * SHARES - at_once_s, waits_s, bends_s).tolist()
    return quantiles_s
