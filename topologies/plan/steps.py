"""Delay as steps, for kernels that know no other.

Each piece is as long as it can be with its value, the midpoint of the delays within, off by no more than the
bound at any instant: the number of events follows the physics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, DelayAt
from skybed.topologies.plan.lines import FINEST_S, RESERVE
from skybed.topologies.routing import windowed

CHUNK_S = 180.0  # how much of it is sampled at a time; a part of windowed.WINDOW_S
SAMPLE_S = 15.0
ROUNDING = 1e-9  # of the bound
BENT = 2  # second differences that one jump of the slope makes, beside those of what is smooth


class Open(NamedTuple):
    """The piece being made of each contact: delays met in it, us; since when; whether it has its value."""

    low: Array
    high: Array
    since_s: Array
    valued: np.ndarray


DelayPieces = tuple[np.ndarray, Array, Array]  # (contact, t_s from which, delay_us)


def pieces(
    link: np.ndarray, start_s: Array, end_s: Array, delay_at: DelayAt, bound_us: float, until_s: float,
    bends_s: Array | None = None,
) -> Iterator[DelayPieces]:  # fmt: skip
    """Pieces for contacts, the first of each at its start: those that begin in each WINDOW_S up to until_s.
    bends_s: of each contact, the least time between two jumps of the slope of its delay; None: it is smooth.

    All contacts advance together, sample by sample. Between samples the delay is taken as a line; what that
    may miss is covered by RESERVE, and the samples come closer until it is. A piece gets its value when it is
    over, or one to two windows after it began; it then goes on for as long as the value is good.
    """
    unknown = np.full(len(link), np.nan)
    now = Open(unknown, unknown.copy(), start_s.copy(), np.zeros(len(link), bool))
    inner_us = bound_us * (1 - RESERVE)
    bends_s = np.full(len(link), np.inf) if bends_s is None else bends_s
    over: list[DelayPieces] = []
    for window in range(windowed.count(until_s)):
        begin, finish = window * windowed.WINDOW_S, min((window + 1) * windowed.WINDOW_S, until_s)
        for left in np.arange(begin, finish, CHUNK_S):
            part = left, min(left + CHUNK_S, finish)
            over += _sampled(link, start_s, end_s, delay_at, bound_us, bends_s, now, *part)
        over.append(_settle(now, ~now.valued & ((now.since_s < begin) | (end_s <= finish)), inner_us))
        if window:
            done, over = _parted(over, begin)
            yield done
    over.append(_settle(now, ~now.valued, inner_us))
    yield _parted(over, np.inf)[0]


def _settle(now: Open, which: np.ndarray, inner_us: float) -> DelayPieces:
    """Give the pieces of `which` contacts their value; they may then take in all that it is good for."""
    value, wide_us = (now.low[which] + now.high[which]) / 2, inner_us * (1 - ROUNDING)
    now.low[which], now.high[which], now.valued[which] = value - wide_us, value + wide_us, True
    return np.flatnonzero(which), now.since_s[which], value


def _parted(over: list[DelayPieces], before_s: float) -> tuple[DelayPieces, list[DelayPieces]]:
    """Pieces that begin before a time, and the others."""
    row, t_s, value = (np.concatenate(part) for part in zip(*over, strict=True))
    early = t_s < before_s
    return (row[early], t_s[early], value[early]), [(row[~early], t_s[~early], value[~early])]


def _sampled(
    link: np.ndarray, start_s: Array, end_s: Array, delay_at: DelayAt, bound_us: float, bends_s: Array,
    now: Open, begin: float, finish: float,
) -> list[DelayPieces]:  # fmt: skip
    """Take all contacts from begin to finish; returns the pieces that were over."""
    here = np.flatnonzero((start_s < finish) & (end_s > begin))
    fresh = here[start_s[here] >= begin]
    now.low[fresh] = now.high[fresh] = delay_at(link[fresh], start_s[fresh]) * 1e6
    over, step = [], SAMPLE_S
    while len(here):
        left, right = np.maximum(start_s[here], begin), np.minimum(end_s[here], finish)
        samples = max(3, int(np.ceil((right - left).max() / step)) + 1)
        t = np.linspace(left, right, samples, axis=1)
        delay_us = delay_at(link[here, None], t) * 1e6
        missed_us = np.where(np.isinf(bends_s[here]), 1, BENT) * _missed(delay_us)
        good = (missed_us < bound_us * RESERVE) & (step <= bends_s[here] / 2) | (step <= FINEST_S)
        over += _advance(here[good], t[good], delay_us[good], bound_us * (1 - RESERVE), now)
        here, step = here[~good], step / 4
    return over


def _missed(delay_us: Array) -> Array:
    """By how much a line between samples may be off, per row, if the delay bends one way: a bend right beside
    the first or the last sample can be as large as the second difference.
    """
    return np.abs(np.diff(delay_us, n=2, axis=1)).max(axis=1, initial=0.0)


def _advance(rows: np.ndarray, t: Array, delay_us: Array, inner_us: float, now: Open) -> list[DelayPieces]:
    """Take the pieces of `rows` through the samples t, delay_us (rows, samples)."""
    over = []
    lo, hi, begun, valued = now.low[rows], now.high[rows], now.since_s[rows], now.valued[rows]
    for k in range(1, delay_us.shape[1]):
        before, d = delay_us[:, k - 1], delay_us[:, k]
        while True:
            i = np.flatnonzero(np.maximum(hi, d) - np.minimum(lo, d) > 2 * inner_us)
            if not len(i):
                break
            up = d[i] > hi[i]
            level = np.where(up, lo[i] + 2 * inner_us, hi[i] - 2 * inner_us)
            part = (level - before[i]) / (d[i] - before[i])
            value, new = np.where(up, level - inner_us, level + inner_us), ~valued[i]
            over.append((rows[i][new], begun[i][new], value[new]))
            lo[i], hi[i], begun[i] = level, level, t[i, k - 1] + part * (t[i, k] - t[i, k - 1])
            valued[i] = False
        lo, hi = np.minimum(lo, d), np.maximum(hi, d)
    now.low[rows], now.high[rows], now.since_s[rows], now.valued[rows] = lo, hi, begun, valued
    return over
