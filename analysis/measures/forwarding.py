"""Which way forwarding tables sent packets, by the table `routes`: as recorded, or as they were planned."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from skybed.analysis.measures import hand
from skybed.analysis.run import Run, kept
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.routing.forwarding import crossings, over

BOTH = "both"
# How much later than it was made a change may be noted, in virtual time and else.
NOTED_S = {True: 1e-4, False: 0.01}
Path = tuple[int, ...]
Trace = Callable[..., tuple[np.ndarray, np.ndarray, list[Path]]]


@kept
def changes(run: Run, family: int) -> pd.DataFrame:
    """The rows of `routes` of one IP version that were done, by when: they begin with the first tables."""
    rows = run.routes
    rows = rows[rows["family"].isin([str(family), BOTH]) & rows["applied_s"].notna()]
    return rows.sort_values("applied_s", kind="stable")


@kept
def traces(run: Run, family: int) -> tuple[Trace, ...]:
    """What became of packets of one IP version, as `Plan.trace` tells it: by the plan, or (`by_record`) by
    the tables that were recorded. Of these there are several, and the way of a packet is known where they
    agree: of next hops of equal cost, of which a kernel takes one by an unknown hash, the first takes the
    first by name, the second the last; and changes were made a little before they were noted, which is the
    third.
    """
    if not by_record(run):
        return (run.plan.trace,)
    down, silent = hand.held(run, Property.CARRIER), hand.held(run, Property.SILENCE)
    recorded = [(_recorded(run, family, which), down, silent) for which in (0, -1)]
    noted_s = NOTED_S[run.manifest.virtual]
    earlier = recorded[0][0].copy()
    earlier["t_s"] -= noted_s
    recorded.append((earlier, _earlier(down, noted_s), _earlier(silent, noted_s)))
    keeps_path = run.scenario.routing.means.keeps_path
    return tuple(
        partial(run.plan.trace, by=over(run.plan.network, changed, keeps_path, *lost))
        for changed, *lost in recorded
    )


def by_record(run: Run) -> bool:
    """Whether the plan does not know which way packets went: where daemons route, or links were changed by
    hand."""
    return run.scenario.routing.means.filled_by == "daemons" or not hand.changed(run).empty


def _earlier(held: Spans, by_s: float) -> Spans:
    return Spans(held.key, held.start_s - by_s, held.end_s - by_s)


def _recorded(run: Run, family: int, which: int) -> np.ndarray:
    """Array of CHANGE: what was noted; of several next hops the first (0) or the last (-1)."""
    rows = changes(run, family)
    number = {node.name: place for place, node in enumerate(run.plan.nodes)}
    hop = {via: number.get(via.split(" ")[which], -1) for via in rows["via"].cat.categories}
    changed = np.empty(len(rows), CHANGE)
    changed["t_s"] = rows["applied_s"]
    for column, numbers in (("node", number), ("dst", number), ("via", hop)):
        changed[column] = rows[column].map(numbers).astype("float64").fillna(-1)
    return changed


class Ways:
    """The way to one destination over time. rows: as `changes` gives them, of all destinations or this one.

    Of several next hops of equal cost the first by name counts. changed_s: when any next hop changed, sorted.
    """

    def __init__(self, rows: pd.DataFrame, dst: str):
        self.dst = dst
        rows = rows[rows["dst"] == dst]
        self.changed_s = rows["applied_s"].to_numpy()
        self._hops: dict[str, tuple[list[float], list[str | None]]] = {}
        for node, of_node in rows.groupby("node", sort=False, observed=True):
            via = [None if pd.isna(hop) else hop.split(" ")[0] for hop in of_node["via"]]
            self._hops[str(node)] = of_node["applied_s"].tolist(), via

    def hop(self, node: str, t_s: float) -> str | None:
        """A node's next hop at a time; None for no route."""
        times_s, via = self._hops.get(node, ([], []))
        last = bisect_right(times_s, t_s) - 1
        return via[last] if last >= 0 else None

    def path(self, src: str, t_s: float) -> list[str]:
        """The nodes from src to the destination by the tables of one instant; those until it ends, or comes
        back to where it was, if it does."""
        path = [src]
        while path[-1] != self.dst and path[-1] not in path[:-1]:
            following = self.hop(path[-1], t_s)
            if following is None:
                break
            path.append(following)
        return path

    def loops(self, src: str, t_s: float) -> bool:
        """Whether the tables of one instant send packets from src in a circle."""
        path = self.path(src, t_s)
        return path[-1] in path[:-1]


def links_of(path: list[str]) -> set[frozenset[str]]:
    """The pairs of nodes that a path crosses."""
    return {frozenset(pair) for pair in pairwise(path)}


def link_numbers(plan: Plan, path: Path) -> list[int]:
    """The links that a path crosses, in its order."""
    return [plan.network.link_between[pair] for pair in pairwise(path)]


def passing(plan: Plan, t_s: np.ndarray, path_id: np.ndarray, paths: list[Path]) -> np.ndarray:
    """Probability that a packet, sent at t_s over paths[path_id] (-1: lost), is not lost by a link on its
    way.
    """
    passes, values = np.where(path_id >= 0, 1.0, 0.0), plan.network.values
    for rows, _, link, side, at_s in crossings(plan.network, t_s, path_id, paths):
        passes[rows] *= 1 - values.at(Property.LOSS, link, side, at_s) / 100
    return passes


def slowest(
    plan: Plan, t_s: np.ndarray, path_id: np.ndarray, paths: list[Path]
) -> tuple[np.ndarray, np.ndarray]:
    """Of packets sent at t_s over paths[path_id]: the rate of the slowest link on the way, Mbit/s (inf: there
    is none), and which it is: 2 * link + side.
    """
    rate_mbps, which = np.full(len(t_s), np.inf), np.full(len(t_s), -1)
    for rows, _, link, side, at_s in crossings(plan.network, t_s, path_id, paths):
        own = plan.network.values.at(Property.RATE, link, side, at_s)
        slower = own < rate_mbps[rows]
        rate_mbps[rows[slower]], which[rows[slower]] = own[slower], 2 * link + side
    return rate_mbps, which


def most_mbps(plan: Plan, paths: list[Path]) -> np.ndarray:
    """What each path carries at most: the greatest rate of its slowest link; nan: it has none."""
    greatest = plan.network.values.greatest(Property.RATE)
    rates = [
        [greatest[plan.network.link_between[node, via], int(node > via)] for node, via in pairwise(path)]
        for path in paths
    ]
    return np.array([min(on_the_way, default=np.nan) for on_the_way in rates])


def churn(run: Run, family: int) -> pd.DataFrame:
    """How often tables changed after run time 0, a row for each second: t_s, changes (of routes), nodes and
    destinations (how many had any)."""
    rows = _later(run, family)
    second = np.floor(rows["applied_s"].to_numpy())
    by_second = rows.groupby(second).agg(
        changes=("node", "size"), nodes=("node", "nunique"), destinations=("dst", "nunique")
    )
    every = pd.Index(np.arange(np.ceil(run.played_s)), name="t_s")
    return by_second.reindex(every, fill_value=0).reset_index()


def churn_by_destination(run: Run, family: int) -> pd.Series:
    """How often routes to each destination changed after run time 0, most first."""
    counts = _later(run, family)["dst"].value_counts()  # of all categories
    return counts[counts > 0]


def _later(run: Run, family: int) -> pd.DataFrame:
    """Without the first tables."""
    rows = changes(run, family)
    return rows[~(rows["t_s"] <= 0) & (rows["applied_s"] > 0) & (rows["applied_s"] <= run.played_s)]
