"""Delay as lines: a value and a slope, which the kernel moves by itself (netem-slope.patch).

A chord of the delay over a span of time, moved to the middle of what it misses. Spans that miss too much are
halved, so those of all links begin at the same instants: the player tells a node of all its links at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybed.topologies.arrays import Array, DelayAt
from skybed.topologies.routing import windowed

SPAN_S = 450.0  # the longest; a part of windowed.WINDOW_S
FINEST_S = 1e-3  # two satellites that pass within metres of each other are followed no closer
RESERVE = 1 / 32  # of the bound, for the kernel's ticks
QUARTERS = np.linspace(0, 1, 5)
# What bends one way misses its chord by at most so much more than it does at the worst of three quarters; and
# where the slope jumps, as much again, the other way.
BETWEEN, BENT = 4 / 3, 2

DelayPieces = tuple[np.ndarray, Array, Array, Array]  # (contact, t_s from which, delay_us then, slope_us_s)


def pieces(
    link: np.ndarray, start_s: Array, end_s: Array, delay_at: DelayAt, bound_us: float, until_s: float,
    bends_s: Array,
) -> Iterator[DelayPieces]:  # fmt: skip
    """Pieces for contacts, the first of each at its start: those that begin in each WINDOW_S up to until_s.
    bends_s: of each contact, the least time between two jumps of the slope of its delay; inf: it is smooth.
    """
    constant_us = np.full(len(link), np.nan)  # of each contact, the delay in force if its slope is 0
    for window in range(windowed.count(until_s)):
        begin, finish = window * windowed.WINDOW_S, min((window + 1) * windowed.WINDOW_S, until_s)
        over = []
        for left in np.arange(begin, finish, SPAN_S):
            part = left, min(left + SPAN_S, finish)
            over += _chords(link, start_s, end_s, delay_at, bound_us, bends_s, *part)
        row, t_s, delay_us, slope_us_s = (np.concatenate(part) for part in zip(*over, strict=True))
        order = np.lexsort((t_s, row))
        row, t_s, delay_us, slope_us_s = (part[order] for part in (row, t_s, delay_us, slope_us_s))
        flat_us = np.where(slope_us_s == 0, delay_us, np.nan)
        goes_on = row[1:] == row[:-1]
        before_us = constant_us[row]
        before_us[1:][goes_on] = flat_us[:-1][goes_on]
        last = np.append(~goes_on, True)[: len(row)]
        constant_us[row[last]] = flat_us[last]
        new = flat_us != before_us
        yield row[new], t_s[new], delay_us[new], slope_us_s[new]


def _chords(
    link: np.ndarray, start_s: Array, end_s: Array, delay_at: DelayAt, bound_us: float, bends_s: Array,
    begin: float, finish: float,
) -> list[DelayPieces]:  # fmt: skip
    """Of all contacts from begin to finish."""
    row = np.flatnonzero((start_s < finish) & (end_s > begin))
    left, right = np.maximum(start_s[row], begin), np.minimum(end_s[row], finish)
    over = []
    while True:
        delay_us = delay_at(link[row, None], left[:, None] + (right - left)[:, None] * QUARTERS) * 1e6
        first, last = delay_us[:, :1], delay_us[:, -1:]
        off_us = delay_us - (first + (last - first) * QUARTERS)
        off_us *= np.where(np.isinf(bends_s[row]), BETWEEN, BETWEEN * BENT)[:, None]
        least, most = off_us.min(axis=1), off_us.max(axis=1)
        length_s = right - left
        good = ((most - least) / 2 <= bound_us * (1 - RESERVE)) & (length_s <= bends_s[row] / 2)
        good |= length_s <= FINEST_S
        value = delay_us[good, 0] + (least + most)[good] / 2
        over.append((row[good], left[good], value, (last - first)[good, 0] / length_s[good]))
        if good.all():
            return over
        row, left, right = row[~good], left[~good], right[~good]
        middle = (left + right) / 2
        row, left, right = np.tile(row, 2), np.append(left, middle), np.append(middle, right)
