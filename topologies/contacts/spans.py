"""Spans of time by key, such as those in which each link stands, and what is common to two sets of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index

Combine = Callable[[np.ndarray, np.ndarray], np.ndarray]  # in a, in b -> in the result


class Spans(NamedTuple):
    """From start_s (included) to end_s (not; may be inf) of each key. What the functions below give is sorted
    by key and start, disjoint, and without empty spans; what they take need not be.
    """

    key: Index
    start_s: Array
    end_s: Array

    def where(self, which: np.ndarray) -> Spans:
        """Some of them; which: bool."""
        return Spans(self.key[which], self.start_s[which], self.end_s[which])

    def of(self, key: int) -> list[tuple[float, float]]:
        """The spans of one key."""
        _, start_s, end_s = self.where(self.key == key)
        return list(zip(start_s.tolist(), end_s.tolist(), strict=True))


def spans(key: ArrayLike = (), start_s: ArrayLike = (), end_s: ArrayLike = ()) -> Spans:
    """Of columns or single values, which broadcast together."""
    columns = np.broadcast_arrays(
        np.asarray(key, np.int64), np.asarray(start_s, float), np.asarray(end_s, float)
    )
    return Spans(*(np.atleast_1d(column) for column in columns))


def by_key(spans: Spans) -> dict[int, list[tuple[float, float]]]:
    """The spans of each key that has any, as `of` gives them."""
    spans_of: dict[int, list[tuple[float, float]]] = {}
    for key, start_s, end_s in zip(*(column.tolist() for column in spans), strict=True):
        spans_of.setdefault(key, []).append((start_s, end_s))
    return spans_of


def joined(parts: list[Spans]) -> Spans:
    """All of them, one after the other."""
    return Spans(*(np.concatenate(columns) for columns in zip(*parts, spans(), strict=True)))


def union(a: Spans, b: Spans | None = None) -> Spans:
    """What is in a or in b; spans that touch are one."""
    return _swept(a, spans() if b is None else b, np.logical_or)


def common(a: Spans, b: Spans) -> Spans:
    """What is in both."""
    return _swept(a, b, np.logical_and)


def minus(a: Spans, b: Spans) -> Spans:
    """What is in a and not in b."""
    return _swept(a, b, lambda in_a, in_b: in_a & ~in_b)


def _swept(a: Spans, b: Spans, combine: Combine) -> Spans:
    """Goes through the edges of all spans in order and counts how many of a, and of b, are open after each.

    Edges are compared and copied, never computed with: they stay exact however many keys there are.
    """
    a, b = (x.where(x.start_s < x.end_s) for x in (a, b))
    key = np.concatenate([a.key, a.key, b.key, b.key])
    t_s = np.concatenate([a.start_s, a.end_s, b.start_s, b.end_s])
    step = np.repeat([1, -1, 1, -1], [len(x.key) for x in (a, a, b, b)])
    of_a = np.arange(len(key)) < 2 * len(a.key)
    order = np.lexsort((t_s, key))
    key, t_s, step, of_a = key[order], t_s[order], step[order], of_a[order]
    inside = combine(np.cumsum(step * of_a) > 0, np.cumsum(step * ~of_a) > 0)
    last = np.append((np.diff(key) != 0) | (t_s[1:] != t_s[:-1]), True)[: len(key)]  # edge at its instant
    key, t_s, inside = key[last], t_s[last], inside[last]
    before = np.append(False, inside)[: len(inside)]  # the last edge of a key leaves nothing open
    starts, ends = inside & ~before, before & ~inside
    return Spans(key[starts], t_s[starts], t_s[ends])


def covered_s(a: Spans, key: Index, start_s: Array, end_s: Array) -> Array:
    """How long spans of a (sorted and disjoint) of each key are open between two times of it."""
    if not len(a.key):
        return np.zeros(len(key))
    before_s = np.append(0, np.cumsum(a.end_s - a.start_s))
    first = np.searchsorted(a.key, key)

    def until(t_s: Array) -> Array:
        row = latest(a, key, t_s)
        return np.where(
            row < 0, before_s[first], before_s[row] + np.minimum(t_s, a.end_s[row]) - a.start_s[row]
        )

    return until(end_s) - until(start_s)


def latest(a: Spans, key: Index, t_s: Array) -> Index:
    """Row of the span of a (sorted) of each key that began last, not after each time; -1: none did."""
    keys, times = np.concatenate([a.key, key]), np.concatenate([a.start_s, t_s])
    asks = np.arange(len(keys)) >= len(a.key)
    order = np.lexsort((asks, times, keys))
    row = np.empty(len(keys), np.int64)
    row[order] = np.cumsum(~asks[order]) - 1
    last = row[len(a.key) :]
    return np.where((last >= 0) & (a.key[last] == key), last, -1) if len(a.key) else last
