"""What nodes held of tasks that went as bundles, from hop to hop: at least, and at most.

A node that receives keeps room for all of a bundle from some instant on after its neighbour begins to send,
and one that sends lets go when it has learnt what is there. Neither is told, so there are two bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skybed.analysis.measures.ledger import CLOCK_S, in_bundles, prospect
from skybed.analysis.run import Run, kept
from skybed.topologies.arrays import Array
from skybed.topologies.bundles import contacts
from skybed.topologies.bundles.sabr import Contact
from skybed.topologies.model.tables import TASKS, TRANSFERS
from skybed.topologies.tasks.responses import WAYS

LEARNT_S = 2.0  # after the last byte has come, by when its sender knows, if their contact lasts


Changes = list[tuple[float, float]]  # run time, bytes


class Steps(NamedTuple):
    """Changes of a bound, by time."""

    t_s: Array
    size: Array

    def at(self, t_s: float) -> float:
        return float(self.size[self.t_s <= t_s].sum())


class Custody(NamedTuple):
    least: Steps
    most: Steps


@kept
def hops(run: Run) -> pd.DataFrame:
    """Rows of `transfers` that are hops of bundles, with the stage, its ends, and what came of it: source,
    target, queued_s, in_bytes, row_ended_s, outcome, step.
    """
    rows = stages(run).rename(columns={"node": "source", "peer": "target", "ended_s": "row_ended_s"})
    parts = run.table(TRANSFERS.name)
    told = ["flow", "number", "place", "stage", "source", "target", "queued_s", "in_bytes", "row_ended_s",
            "outcome", "step"]  # fmt: skip
    return parts[parts["flow"].isin(in_bundles(run))].merge(rows[told], on=["flow", "number", "place"])


@kept
def stages(run: Run) -> pd.DataFrame:
    """Rows of `tasks` that are ways of bundles."""
    rows = run.table(TASKS.name)
    return rows[rows["flow"].isin(in_bundles(run)) & rows["stage"].isin([*WAYS, "command"])]


@kept
def by_node(run: Run) -> dict[str, Custody]:
    """Of each node that held a part of one, from when it was queued at its source until it is there whole."""
    least: dict[str, Changes] = {}
    most: dict[str, Changes] = {}
    rows = hops(run)
    parts = dict(iter(rows.groupby(["flow", "number", "place"])))
    for row in stages(run).itertuples():
        of = parts.get((row.flow, row.number, row.place), rows[:0])
        for node, low, high in _of_one(run, row, of):
            least.setdefault(node, []).extend(low)
            most.setdefault(node, []).extend(high)
    return {node: Custody(_steps(least[node]), _steps(most[node])) for node in least}


def _steps(changes: Changes) -> Steps:
    t_s, size = np.array(sorted(changes), float).reshape(-1, 2).T
    return Steps(t_s, size)


def _of_one(run: Run, row: Any, hops: pd.DataFrame) -> Iterator[tuple[str, Changes, Changes]]:
    """Changes of what each node holds of one bundle at least, and at most. hops: of this one.

    The first node of a command holds nothing of it: it makes it.
    """
    clock_s = CLOCK_S[run.manifest.clock]
    ended_s = np.inf if row.outcome == "held" else float(row.ended_s)
    for node in sorted({row.node, row.peer, *hops["node"], *hops["peer"]}):
        into, out = hops[hops["peer"] == node], hops[hops["node"] == node]
        got = list(zip(into["ended_s"], into["bytes"].astype(float), strict=True))
        if node == row.node and (row.stage != "command" or row.place > 0):
            got.append((row.queued_s, float(row.in_bytes)))
        gone = list(zip(out["ended_s"], out["bytes"].astype(float), strict=True))
        until_s = np.inf if row.outcome == "done" and node != row.peer else ended_s
        ends_s = [*(start_s for start_s, _ in prospect(run).dead.of(run.plan.node(node))), until_s]
        low = held_surely([
            *((t_s + clock_s, next_s(ends_s, t_s) - clock_s, size) for t_s, size in got),
            *((t_s - clock_s, next_s(ends_s, t_s) - clock_s, -size) for t_s, size in gone),
        ])  # fmt: skip
        ends_s.append(_released_s(run, out, sum(size for _, size in got), sum(size for _, size in gone)))
        had = [(t_s, np.inf, size) for t_s, size in got]
        had += [(part.began_s, part.ended_s, float(row.in_bytes)) for part in into.itertuples()]  # at most
        high = Changes()
        for begin_s, end_s, size in had:
            over_s = min(t_s for t_s in [*ends_s, end_s] if t_s >= begin_s)
            high += [(begin_s - clock_s, size), (over_s + clock_s, -size)]
        yield node, low, high


def next_s(ends_s: list[float], t_s: float) -> float:
    """When what is there at t_s ends; -inf: it has ended."""
    return min((end_s for end_s in ends_s if end_s >= t_s), default=-np.inf)


def held_surely(spans: list[tuple[float, float, float]]) -> Changes:
    """spans: begin_s, end_s, bytes. What ended before the clocks tell it came was never there for sure."""
    sums = [(begin_s, size) for begin_s, end_s, size in spans if begin_s < end_s]
    sums += [(end_s, -size) for begin_s, end_s, size in spans if begin_s < end_s < np.inf]
    low, total = Changes(), 0.0
    for t_s, size in sorted(sums):
        low.append((t_s, max(0.0, total + size) - max(0.0, total)))
        total += size
    return low


def _released_s(run: Run, out: pd.DataFrame, got: float, gone: float) -> float:
    """By when a node has let go of all that it had; inf: it is not known that it has."""
    if not len(out) or got != gone:
        return np.inf
    last = out.loc[out["ended_s"].idxmax()]
    ends = run.plan.node(last["node"]), run.plan.node(last["peer"])
    by_s = float(last["ended_s"]) + LEARNT_S
    lasts = any(
        contact.start_s <= last["began_s"] and by_s <= contact.end_s
        for contact in _contacts(run).get(ends, ())
    )
    return by_s if lasts else np.inf


@kept
def _contacts(run: Run) -> dict[tuple[int, int], list[Contact]]:
    found: dict[tuple[int, int], list[Contact]] = {}
    for contact in contacts.contacts(run.plan.network):
        found.setdefault((contact.node, contact.peer), []).append(contact)
    return found
