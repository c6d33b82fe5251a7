"""What changed between two plans: contacts that came or went, edges that moved, delays that changed.

Links are matched by the names of their nodes, contacts of a link by the time they have in common. Plans with
different epochs are compared in UTC, and only where both say something.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan

EDGE_S = 0.01  # edges are exact to a millisecond; less than this is no change
DELAY_MS = 0.05  # the usual bound on delays in an emulation
COLUMNS = (
    "link", "change", "start_s", "end_s", "delay_ms", "was_start_s", "was_end_s", "was_delay_ms",
)  # fmt: skip

Contact = tuple[float, float]


class Common(NamedTuple):
    """The time that two plans have in common, in run time of the new one; the old one's is ahead_s more."""

    start_s: float
    end_s: float
    ahead_s: float


class Difference(NamedTuple):
    """The contacts that changed, see compare; how many did not; and the time that was looked at."""

    changes: pd.DataFrame
    same: int
    common: Common

    def count(self, change: str) -> int:
        """How many contacts changed so: added, removed, moved or delay."""
        return int(self.changes["change"].str.contains(change).sum())


def compare(new: Plan, old: Plan, *, edge_s: float = EDGE_S, delay_ms: float = DELAY_MS) -> Difference:
    """The contacts of `new` that are not as in `old`, sorted by time, all in run time of `new`.

    change: added; removed; moved (an edge by more than edge_s); delay (in the middle of the time that both
    stand, by more than delay_ms); or "moved, delay". The columns of a plan that has no such contact are nan;
    so are delays of contacts that only one has. Raises ScenarioError if no instant is in both plans.
    """
    common = _common(new, old)
    in_new, in_old = _contacts(new, common, 0.0), _contacts(old, common, common.ahead_s)
    rows, same = [], 0
    for ends in in_new.keys() | in_old.keys():
        link, contacts = in_new.get(ends, (-1, []))
        was_link, were = in_old.get(ends, (-1, []))
        name = new.links[link].name if link >= 0 else old.links[was_link].name
        for is_now, was in _matched(contacts, were):
            delays = (np.nan, np.nan)
            if is_now and was:
                t_s = (max(is_now[0], was[0]) + min(is_now[1], was[1])) / 2
                delays = (
                    float(new.delay_s(link, t_s)) * 1e3,
                    float(old.delay_s(was_link, t_s + common.ahead_s)) * 1e3,
                )
            change = _change(is_now, was, delays, edge_s, delay_ms)
            same += not change
            if change:
                nothing = (np.nan, np.nan)
                rows.append((name, change, *(is_now or nothing), delays[0], *(was or nothing), delays[1]))
    changes = pd.DataFrame(rows, columns=list(COLUMNS))
    first_s = changes[["start_s", "was_start_s"]].min(axis=1)
    changes = changes.assign(at=first_s).sort_values(["at", "link"], ignore_index=True).drop(columns="at")
    return Difference(changes, same, common)


def _common(new: Plan, old: Plan) -> Common:
    ahead_s = (new.scenario.begin - old.scenario.begin) / dt.timedelta(seconds=1)
    start_s, end_s = max(0.0, -ahead_s), min(new.duration_s, old.duration_s - ahead_s)
    if start_s >= end_s:
        raise ScenarioError(
            f"The plans of {new.scenario.name} and {old.scenario.name} have no time in common: they begin "
            f"{abs(ahead_s):g} s apart; compare plans of the same time."
        )
    return Common(start_s, end_s, ahead_s)


def _contacts(plan: Plan, common: Common, ahead_s: float) -> dict[frozenset[str], tuple[int, list[Contact]]]:
    """By the names of the two nodes: the number of their link and its contacts in the common time."""
    by_ends: dict[frozenset[str], tuple[int, list[Contact]]] = {}
    start_s = np.maximum(plan.contacts.start_s - ahead_s, common.start_s)
    end_s = np.minimum(plan.contacts.end_s - ahead_s, common.end_s)
    for n, start, end in zip(plan.contacts.link, start_s, end_s, strict=True):
        if start < end:
            link = plan.links[n]
            ends = frozenset((plan.nodes[link.a].name, plan.nodes[link.b].name))
            by_ends.setdefault(ends, (int(n), []))[1].append((float(start), float(end)))
    return by_ends


def _matched(
    contacts: list[Contact], were: list[Contact]
) -> list[tuple[Contact | None, Contact | None]]:  # fmt: skip
    """Contacts of one link in two plans, both sorted, in pairs that overlap; None where one has none."""
    pairs: list[tuple[Contact | None, Contact | None]] = []
    i = j = 0
    while i < len(contacts) and j < len(were):
        if contacts[i][1] <= were[j][0]:
            pairs.append((contacts[i], None))
            i += 1
        elif were[j][1] <= contacts[i][0]:
            pairs.append((None, were[j]))
            j += 1
        else:
            pairs.append((contacts[i], were[j]))
            i, j = i + 1, j + 1
    return pairs + [(c, None) for c in contacts[i:]] + [(None, c) for c in were[j:]]


def _change(
    is_now: Contact | None, was: Contact | None, delays: tuple[float, float], edge_s: float, delay_ms: float
) -> str:
    """As in compare; empty: none."""
    if is_now is None or was is None:
        return "added" if was is None else "removed"
    moved = max(abs(is_now[0] - was[0]), abs(is_now[1] - was[1])) > edge_s
    delayed = abs(delays[0] - delays[1]) > delay_ms
    return ", ".join(word for word, holds in (("moved", moved), ("delay", delayed)) if holds)
