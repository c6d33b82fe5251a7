"""What a player plays, and on what: of a plan as much as a lane needs, read with Arrow alone.

What makes plans (pandas, scipy) takes seconds to import in a guest.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike

from skybed.topologies import parquet
from skybed.topologies.arrays import Array
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.contacts.properties import EVENT, Property, comes, goes
from skybed.topologies.contacts.spans import Spans, spans
from skybed.topologies.model.carried import Carried
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.plan import folder
from skybed.topologies.routing import domains, windowed
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.routing.windowed import Pieces

USABLE, LOOKS = "usable.parquet", "looks.parquet"


class Window(NamedTuple):
    """What is to be played from begin_s (included) to end_s (not): properties.EVENT and changes.CHANGE."""

    begin_s: float
    end_s: float
    events: np.ndarray
    changes: np.ndarray


class Playable(Protocol):
    """A plan, or a score. events: pieces of properties.EVENT."""

    @property
    def scenario(self) -> ScenarioModel: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def nodes(self) -> list[Node]: ...
    @property
    def links(self) -> list[Link]: ...
    @property
    def events(self) -> Pieces: ...

    @property
    def usable(self) -> Spans:
        """When the oracle, where it routes, uses each link (its number is the key)."""

    @property
    def looks_s(self) -> Array:
        """When it looks whether other ways are better, ascending."""

    def windows(self) -> Iterator[Window]:
        """What is to be played, WINDOW_S (of routing.windowed) at a time, the last up to duration_s; of
        changes of routes only those that daemons do not make.

        Each is worked out, or read, when it is asked for: a plan of days can be played without holding it.
        """


@dataclass(frozen=True, eq=False)
class Score:
    """changes: of routes, pieces of changes.CHANGE. oracle: a folder with what it needs, where it routes."""

    scenario: ScenarioModel
    duration_s: float
    nodes: list[Node]
    links: list[Link]
    events: Pieces
    changes: Pieces
    oracle: pathlib.Path

    @cached_property
    def usable(self) -> Spans:
        """Read when it is first asked for: few runs need it."""
        if not (self.oracle / USABLE).exists():
            return spans()
        rows = parquet.read(self.oracle / USABLE)
        return Spans(*(rows[name].to_numpy() for name in Spans._fields))

    @cached_property
    def looks_s(self) -> Array:
        """Read as `usable` is."""
        if not (self.oracle / LOOKS).exists():
            return np.empty(0)
        looks_s: Array = parquet.read(self.oracle / LOOKS)["t_s"].to_numpy()
        return looks_s

    def windows(self) -> Iterator[Window]:
        return windows(self.events, self.changes, self.duration_s)


def part(score: Score, here: Array) -> Score:
    """What of a score is played where only some nodes stand: events of links with an end there, changes of
    routes in these nodes. here: bool[nodes]."""
    ours = np.array([here[link.a] or here[link.b] for link in score.links], bool)
    events = Pieces(lambda: (rows[ours[rows["link"]]] for rows in score.events))
    changes = Pieces(lambda: (rows[here[rows["node"]]] for rows in score.changes))
    return replace(score, events=events, changes=changes)


def windows(events: Pieces, changes: Pieces, duration_s: float) -> Iterator[Window]:
    for number, (due, routes) in enumerate(zip(events, changes, strict=True)):
        begin_s = number * windowed.WINDOW_S
        yield Window(begin_s, min(begin_s + windowed.WINDOW_S, duration_s), due, routes)


def load(
    plan: pathlib.Path, scenario: ScenarioModel, oracle: pathlib.Path, changes: pathlib.Path | None = None
) -> Score:
    """The score of a stored plan. oracle: where save_for_oracle wrote; changes: of routes, where the player
    does not make those of the plan."""
    duration_s = folder.duration_s(plan)
    nodes = folder.nodes(plan)
    links = folder.links(plan, len(nodes))
    return Score(
        scenario,
        duration_s,
        nodes,
        links,
        folder.pieces(plan / folder.EVENTS, EVENT, duration_s, len(nodes), len(links)),
        folder.pieces(changes or plan / folder.ROUTES, CHANGE, duration_s, len(nodes), len(links)),
        oracle,
    )


def save_for_oracle(plan: Playable, folder: pathlib.Path) -> None:
    """What it needs to know to lead around what is lost against the plan; nothing where it does not route."""
    if len((usable := plan.usable).key):
        pq.write_table(pa.table(usable._asdict()), folder / USABLE)
        pq.write_table(pa.table({"t_s": plan.looks_s}), folder / LOOKS)


def carried(score: Playable, number: int) -> Carried:
    """What a node carries."""
    node = score.nodes[number]
    return score.scenario.carries(node.name, node.layer)


def next_contact_s(score: Playable, link: int, t_s: float) -> float | None:
    """When a link next comes up after a time; None: it does not."""
    for events in score.events:
        due = events[comes(events) & (events["link"] == link) & (events["t_s"] > t_s)]
        if len(due):
            return float(due["t_s"][0])
    return None


def least_delays_us(score: Playable, until_s: float) -> Array:
    """float[links]: the least delay that each ever has, without what is added to it; inf: it never comes.

    A delay with a slope goes on until it is told anew, or its link goes: of those at the end up to until_s.
    """
    least_us = np.full(len(score.links), np.inf)
    lines = np.empty(0, EVENT)  # that go on

    def followed_to(due: np.ndarray, until_s: ArrayLike) -> None:
        last_us = due["value"] + due["slope"] * (until_s - due["t_s"])
        np.minimum.at(least_us, due["link"], np.minimum(due["value"], last_us))

    for events in score.events:
        due = events[(events["property"] == Property.DELAY) | goes(events)]
        due = np.concatenate([lines, due])
        due = due[np.argsort(due["link"], kind="stable")]
        ends = np.append(due["link"][1:] != due["link"][:-1], True)[: len(due)]
        delays = due["property"] == Property.DELAY
        over = np.flatnonzero(delays & ~ends)
        followed_to(due[over], due["t_s"][over + 1])
        lines = due[delays & ends]
    followed_to(lines, until_s)
    return least_us


def reachable(score: Playable, t_s: float) -> np.ndarray:
    """bool[node, destination]: which nodes have a way to which others at a time, over links that stand and
    are not silent, and as domains allow.
    """
    state = np.zeros((len(score.links), len(Property)))
    for events in score.events:
        for _, link, _, what, value, _ in events[events["t_s"] <= t_s].tolist():
            state[link, what] = value
        if len(events) and events["t_s"][-1] > t_s:
            break
    carries = np.flatnonzero((state[:, Property.CARRIER] > 0) & (state[:, Property.SILENCE] == 0))
    ends = [score.links[link] for link in carries.tolist()]
    a, b = (np.array([getattr(link, end) for link in ends], int) for end in ("a", "b"))
    return domains.reached(score.scenario.routing, score.nodes, a, b)
