"""Values of directions of links in steps, and what is made of several.

A direction is numbered 2 * link + side, the end that sends: 0 is node a of the link.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.spans import Spans, latest
from skybed.topologies.errors import ScenarioError

MOST = 20_000_000  # steps of a plan: half a gigabyte
TooMany = ScenarioError(
    f"The values of links over time are more than {MOST} steps in this plan; let them change less often, or "
    "plan a shorter time."
)


class Steps(NamedTuple):
    """From t_s on a direction has a value. Sorted by key and time, which no two share; the first of a key is
    at the begin of its first contact, or before.
    """

    key: Index
    t_s: Array
    value: Array


class Table(NamedTuple):
    """Values from ascending times on, s; before the first, its value. period_s: after which it begins anew;
    inf: never.
    """

    t_s: Array
    value: Array
    period_s: float = np.inf


def nothing() -> Steps:
    return Steps(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def joined(parts: list[Steps]) -> Steps:
    """Of different keys."""
    parts = [nothing(), *parts]
    if sum(len(part.key) for part in parts) > MOST:
        raise TooMany
    key, t_s, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return sorted_by_key(Steps(key, t_s, value))


def sorted_by_key(steps: Steps) -> Steps:
    order = np.lexsort((steps.t_s, steps.key))
    return Steps(steps.key[order], steps.t_s[order], steps.value[order])


def constant(contacts: Spans, value: float) -> Steps:
    """The same value for all directions in contact."""
    key = np.unique(contacts.key)
    return Steps(key, np.zeros(len(key)), np.full(len(key), value))


def over(contacts: Spans, table: Table) -> Steps:
    """The values of a table, for all directions in contact while they are."""
    parts, rows = [], 0
    for key, start_s, end_s in zip(*contacts, strict=True):
        t_s, value = _between(table, float(start_s), float(end_s))
        rows += len(t_s)
        if rows > MOST:
            raise TooMany
        parts.append(Steps(np.full(len(t_s), key), t_s, value))
    return without_repeats(joined(parts))


def _between(table: Table, start_s: float, end_s: float) -> tuple[Array, Array]:
    """What it has at start_s, and each of its steps until end_s."""
    t_s, value = table.t_s, table.value
    if np.isfinite(table.period_s):
        rounds = np.arange(start_s // table.period_s - 1, end_s // table.period_s + 1)
        if len(rounds) * len(t_s) > MOST:
            raise TooMany
        t_s = (rounds[:, None] * table.period_s + t_s).ravel()
        value = np.tile(value, len(rounds))
    begun, last = int(np.searchsorted(t_s, start_s, "right")), int(np.searchsorted(t_s, end_s, "left"))
    first = max(begun - 1, 0)
    last = max(last, first + 1)
    return np.maximum(t_s[first:last], start_s), value[first:last]


def instants(contacts: Spans, every_s: float) -> tuple[Index, Array]:
    """(row of a contact, time): its begin, and each multiple of every_s within it."""
    first, last = np.floor(contacts.start_s / every_s) + 1, np.ceil(contacts.end_s / every_s) - 1
    counts = np.maximum(last - first + 1, 0).astype(np.int64)
    if counts.sum() + len(counts) > MOST:
        raise TooMany
    row = np.repeat(np.arange(len(counts)), counts + 1)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts + 1) - (counts + 1), counts + 1)
    later = (first[row] + place - 1) * every_s
    return row, np.where(place == 0, contacts.start_s[row], later)


def without_repeats(steps: Steps) -> Steps:
    """Without what changes nothing."""
    same = (steps.key[1:] == steps.key[:-1]) & (steps.value[1:] == steps.value[:-1])
    changes = np.append(True, ~same)[: len(steps.key)]
    return Steps(steps.key[changes], steps.t_s[changes], steps.value[changes])


def combined(a: Steps, b: Steps, combine: Callable[[Array, Array], Array]) -> Steps:
    """Whenever either changes: what is made of both. They have the same keys."""
    key, t_s = np.concatenate([a.key, b.key]), np.concatenate([a.t_s, b.t_s])
    order = np.lexsort((t_s, key))
    key, t_s = key[order], t_s[order]
    last = np.append((np.diff(key) != 0) | (np.diff(t_s) != 0), True)[: len(key)]
    key, t_s = key[last], t_s[last]
    values = [_at(steps, key, t_s) for steps in (a, b)]
    return without_repeats(Steps(key, t_s, combine(*values)))


def _at(steps: Steps, key: Index, t_s: Array) -> Array:
    """The value in force; before the first step, its value."""
    row = latest(Spans(steps.key, steps.t_s, steps.t_s), key, t_s)
    return steps.value[np.where(row >= 0, row, np.searchsorted(steps.key, key))]
