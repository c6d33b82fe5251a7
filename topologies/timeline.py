"""The plan as a sorted list of things to do to links.

Delay is played as a piecewise constant. Each piece is as long as it can be with its value, the midpoint of
the delays within, off by no more than the bound at any instant: the number of events follows the physics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pandas as pd

from topologies.ephemeris import Array
from topologies.faults import silences

SAMPLE_S = 1.0
FINEST_S = 1e-3  # two satellites that pass within metres of each other are sampled no closer
CHUNK_S = 200.0  # how much of the plan is in memory at a time
RESERVE = 1 / 32  # of the bound, for what happens between samples

DelayAt = Callable[[Array, Array], Array]  # (links, times) -> one-way delay in s, broadcasting


class EventKind(IntEnum):
    """In the order in which they are played at one instant.

    UP: the link stands, with the delay of the event. DELAY: its delay changes. SILENCE, HEAL: both directions
    drop everything, or do so no longer, while the carrier stays. DOWN: the carrier goes.
    """

    UP = 0
    DELAY = 1
    SILENCE = 2
    HEAL = 3
    DOWN = 4


EVENT = np.dtype([("t_s", "f8"), ("kind", "u1"), ("link", "i4"), ("delay_us", "f8")])


@dataclass(frozen=True)
class Timeline:
    """events: array of EVENT by time, then kind, then link; delay_us is nan where there is none to set."""

    events: np.ndarray


def make(
    contacts: pd.DataFrame, lost: pd.DataFrame, delay_at: DelayAt, bound_us: float, duration_s: float
) -> Timeline:
    """Events of the contacts within the duration. A link that still stands at the end gets no DOWN."""
    link = contacts.link.to_numpy()
    start, end = contacts.start_s.to_numpy(), contacts.end_s.to_numpy()
    row, t_s, delay_us = steps(link, start, end, delay_at, bound_us)
    first = t_s == start[row]
    silent = np.array(silences(contacts, lost)).reshape(-1, 3)
    down = end < duration_s
    healed = silent[:, 2] < duration_s
    parts = [
        _events(t_s, np.where(first, EventKind.UP, EventKind.DELAY), link[row], delay_us),
        _events(silent[:, 1], EventKind.SILENCE, silent[:, 0]),
        _events(silent[healed, 2], EventKind.HEAL, silent[healed, 0]),
        _events(end[down], EventKind.DOWN, link[down]),
    ]
    events = np.concatenate(parts)
    return Timeline(events[np.lexsort((events["link"], events["kind"], events["t_s"]))])


def _events(t_s: Array, kind: object, link: Array, delay_us: object = np.nan) -> np.ndarray:
    events = np.empty(len(t_s), EVENT)
    events["t_s"], events["kind"], events["link"], events["delay_us"] = t_s, kind, link, delay_us
    return events


# -- delay as a piecewise constant -----------------------------------------------------------------


def steps(
    link: np.ndarray, start_s: Array, end_s: Array, delay_at: DelayAt, bound_us: float
) -> tuple[np.ndarray, Array, Array]:
    """Pieces for contacts: (contact, t_s from which, delay_us), the first of each contact at its start.

    All contacts advance together, sample by sample. Between samples the delay is taken as a line; what that
    may miss (step^2 / 8 times the second derivative) is covered by RESERVE, and the samples come closer until
    it is.
    """
    rows = np.arange(len(link))
    low, high = np.full(len(link), np.nan), np.full(len(link), np.nan)  # of the piece being made
    since = start_s.copy()
    made: list[tuple[np.ndarray, Array, Array]] = []
    until = float(end_s.max(initial=0.0))
    for begin in np.arange(0.0, until, CHUNK_S):
        finish = min(begin + CHUNK_S, until)
        here = rows[(start_s < finish) & (end_s > begin)]
        fresh = here[start_s[here] >= begin]
        low[fresh] = high[fresh] = delay_at(link[fresh], start_s[fresh]) * 1e6
        step = SAMPLE_S
        while len(here):
            left, right = np.maximum(start_s[here], begin), np.minimum(end_s[here], finish)
            samples = max(3, int(np.ceil((right - left).max() / step)) + 1)
            t = np.linspace(left, right, samples, axis=1)
            delay_us = delay_at(link[here, None], t) * 1e6
            good = (_missed(delay_us) < bound_us * RESERVE) | (step <= FINEST_S)
            made += _advance(here[good], t[good], delay_us[good], bound_us * (1 - RESERVE), low, high, since)
            here, step = here[~good], step / 4
    made.append((rows, since, (low + high) / 2))
    row, t_s, value = (np.concatenate(part) for part in zip(*made, strict=True))
    return row, t_s, value


def _missed(delay_us: Array) -> Array:
    """By how much a line between samples may be off, per row: from second differences, doubled for safety."""
    return np.abs(np.diff(delay_us, n=2, axis=1)).max(axis=1, initial=0.0) / 4


def _advance(
    rows: np.ndarray, t: Array, delay_us: Array, bound_us: float, low: Array, high: Array, since: Array
) -> list[tuple[np.ndarray, Array, Array]]:
    """Take the pieces of `rows` through the samples t, delay_us (rows, samples); low, high, since follow.

    Returns the pieces that were closed.
    """
    made = []
    lo, hi, begun = low[rows], high[rows], since[rows]
    for k in range(1, delay_us.shape[1]):
        before, d = delay_us[:, k - 1], delay_us[:, k]
        while True:
            i = np.flatnonzero(np.maximum(hi, d) - np.minimum(lo, d) > 2 * bound_us)
            if not len(i):
                break
            up = d[i] > hi[i]
            level = np.where(up, lo[i] + 2 * bound_us, hi[i] - 2 * bound_us)
            part = (level - before[i]) / (d[i] - before[i])
            made.append((rows[i], begun[i], np.where(up, level - bound_us, level + bound_us)))
            lo[i], hi[i], begun[i] = level, level, t[i, k - 1] + part * (t[i, k] - t[i, k - 1])
        lo, hi = np.minimum(lo, d), np.maximum(hi, d)
    low[rows], high[rows], since[rows] = lo, hi, begun
    return made
