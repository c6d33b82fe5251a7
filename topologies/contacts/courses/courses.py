"""All that changes of links, beside carrier, delay and silence: from their classes to EVENTs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from skybed.topologies.contacts import listed, nodes
from skybed.topologies.contacts.courses import bursts, given, rules, signals, slots
from skybed.topologies.contacts.courses.steps import (
    Steps,
    Table,
    combined,
    constant,
    joined,
    over,
    without_repeats,
)
from skybed.topologies.contacts.motion import Motion
from skybed.topologies.contacts.nodes import FIELDS, LEAST_MBPS, MOST, Link
from skybed.topologies.contacts.overhead import over_stations
from skybed.topologies.contacts.properties import EVENT, Direction, Property, in_order
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import over_time
from skybed.topologies.model.code import CodeError
from skybed.topologies.model.over_time import Course


def values(motion: Motion, links: list[Link], contacts: pd.DataFrame, duration_s: float) -> np.ndarray:
    """EVENTs of what is not the same all the time. contacts: as in Network.contacts, before any fault."""
    parts: dict[Property, list[Steps]] = {what: [] for what in Property}
    varying = np.isnan(nodes.values(links)).any(axis=(1, 2))
    kinds = ((links[n].class_name, links[n].given) for n in np.flatnonzero(varying).tolist())
    for kind in dict.fromkeys(kinds):
        numbers = [n for n, link in enumerate(links) if (link.class_name, link.given) == kind]
        for up in (True, False):
            of_way = Directions(motion, links, numbers, up, contacts, duration_s)
            for what, steps in of_way.values().items():
                parts[what].append(steps)
    every = [_events(joined(steps), what) for what, steps in parts.items() if steps]
    return in_order(np.concatenate([np.zeros(0, EVENT), *every]))


class Directions:
    """The directions of links of one class that go one way, up or down."""

    def __init__(
        self, motion: Motion, links: list[Link], numbers: list[int], up: bool, contacts: pd.DataFrame,
        duration_s: float,
    ) -> None:  # fmt: skip
        self.motion, self.links, self.numbers, self.duration_s = motion, links, numbers, duration_s
        self.seed = motion.scenario.seed
        side = {n: links[n].side(up) for n in numbers}
        self.name, self.link_class, self.up = links[numbers[0]].class_name, links[numbers[0]].link_class, up
        self.capable = self.link_class.capable(up)
        of_class = contacts[contacts["link"].isin(numbers) & (contacts["start_s"] < duration_s)]
        link = of_class["link"].to_numpy(np.int64)
        key = 2 * link + np.array([side[n] for n in link.tolist()], np.int64)
        starts_s, ends_s = (of_class[name].to_numpy() for name in ("start_s", "end_s"))
        order = np.lexsort((starts_s, key))
        self.contacts = Spans(key[order], starts_s[order], ends_s[order])

    def values(self) -> dict[Property, Steps]:
        """Those that change."""
        steps: dict[Property, Steps] = {}
        given = self._given() if self.links[self.numbers[0]].given else {}
        steps |= given
        for field, (what, scale) in FIELDS.items():
            course = getattr(self.capable, field)
            if isinstance(course, Course) and what not in given:
                own = self._course(course, field)
                steps[what] = own._replace(value=own.value * (scale * course.factor))
        if self.capable.slots:
            self._reconfigure(steps)
        for limit in self._limits():
            usual = self._as_steps(steps, Property.RATE, self.capable.rate_mbps)
            steps[Property.RATE] = combined(usual, limit, np.minimum)
        if Property.RATE in steps:
            rates = steps[Property.RATE]
            steps[Property.RATE] = rates._replace(value=np.where(rates.value < LEAST_MBPS, 0.0, rates.value))
        return steps

    def _given(self) -> dict[Property, Steps]:
        """Rates and delays of links of which a table has them."""
        motion, parts = self.motion, dict[Property, list[Steps]]()
        tables = listed.given(motion.scenario, motion.names)
        for key in np.unique(self.contacts.key).tolist():
            link, side = self.links[key // 2], key % 2
            own = tables[motion.names[link.a], motion.names[link.b]]
            t_s = np.array([row.t_s for row in own])
            contacts = self.contacts.where(self.contacts.key == key)
            for what, values in (
                (Property.RATE, [row.rate_mbps[side] * motion.scenario.rate_scale for row in own]),
                (Property.EXTRA, [row.delay_ms[side] * 1e3 for row in own]),
            ):
                parts.setdefault(what, []).append(over(contacts, Table(t_s, np.array(values))))
        return {what: joined(steps) for what, steps in parts.items()}

    def _limits(self) -> list[Steps]:
        """Of the rate, by what is between the ends."""
        limits, optical = [], self.links[self.numbers[0]].link_class.optical
        if self.capable.radio or optical:
            links = [self.links[key // 2] for key in self.contacts.key.tolist()]
            ends = signals.ends(links, self.contacts.key % 2)
            through = self.motion.sky, over_stations(self.motion.scenario, self.motion.names)
            if self.capable.radio:
                limits.append(signals.rates(self.capable.radio, self.contacts, ends, *through))
            if optical:
                limits.append(signals.light(self.contacts, ends, *through))
        return limits

    def _course(self, course: Course, field: str) -> Steps:
        if isinstance(course, over_time.Steps):
            return over(self.contacts, given.listed(course))
        if isinstance(course, over_time.Table):
            return self._of_tables(given.tables(course, field), field)
        if isinstance(course, over_time.Trace):
            return over(self.contacts, given.recorded(course, field))
        if isinstance(course, over_time.Bursts):
            names = self._names(lambda link, side: f"{link.name}/{side}")
            return bursts.drawn(course, self.contacts, names, self.seed, self.duration_s)
        assert isinstance(course, over_time.Rule)
        ends = [self.links[key // 2] for key in self.contacts.key.tolist()]
        a, b = (np.array([getattr(link, end) for link in ends], np.int64) for end in ("a", "b"))
        try:
            return rules.asked(course, self.contacts, self.motion.sky, a, b, MOST.get(field, np.inf))
        except CodeError as error:
            raise ScenarioError(f"{self._where(field)} cannot be used: {error}") from None

    def _where(self, field: str) -> str:
        return self.motion.scenario.where("links", self.name, *self.way(field), field)

    def way(self, field: str) -> tuple[str, ...]:
        """Where in its class a field stands: in a direction, or in neither."""
        name = "up" if self.up else "down"
        return (name,) if getattr(self.link_class.ways[name], field) is not None else ()

    def _of_tables(self, tables: dict[frozenset[str], Table], field: str) -> Steps:
        """Of a CSV: the rows of a link's own, else those of all."""
        parts = []
        for key in np.unique(self.contacts.key).tolist():
            link = self.links[key // 2]
            ends = frozenset((self.motion.names[link.a], self.motion.names[link.b]))
            table = tables.get(ends, tables.get(frozenset()))
            if table is None:
                raise ScenarioError(
                    f"{self._where(field)} has no rows for {' and '.join(sorted(ends))}, and none for all "
                    "links; add some without a and b."
                )
            parts.append(over(self.contacts.where(self.contacts.key == key), table))
        return joined(parts)

    def _reconfigure(self, steps: dict[Property, Steps]) -> None:
        """Put slots on top of what there is."""
        assert self.capable.slots
        names, begin = self._names(lambda link, _: link.name), self.motion.scenario.begin
        of_slots = slots.drawn(self.capable.slots, self.contacts, names, self.seed, begin, self.duration_s)
        steps[Property.SPIKE] = of_slots.spike_us
        if of_slots.rate_mbps is not None:
            usual = self._as_steps(steps, Property.RATE, self.capable.rate_mbps)
            steps[Property.RATE] = combined(usual, of_slots.rate_mbps, np.minimum)
        usual = self._as_steps(steps, Property.LOSS, self.capable.loss_pct)
        steps[Property.LOSS] = combined(usual, of_slots.loss_pct, _either)

    def _as_steps(self, steps: dict[Property, Steps], what: Property, value: float | Course | None) -> Steps:
        """value: of the class; None: no limit."""
        if what in steps:
            return steps[what]
        assert not isinstance(value, Course)
        return constant(self.contacts, np.inf if value is None else value)

    def _names(self, name: Callable[[Link, int], str]) -> dict[int, str]:
        keys = np.unique(self.contacts.key).tolist()
        return {key: name(self.links[key // 2], key % 2) for key in keys}


def _either(a_pct: np.ndarray, b_pct: np.ndarray) -> np.ndarray:
    """The loss of two that lose packets by themselves."""
    both: np.ndarray = 100 - (100 - a_pct) * (100 - b_pct) / 100
    return both


def _events(steps: Steps, what: Property) -> np.ndarray:
    """One event where both directions of a link take the same value at once."""
    steps = without_repeats(steps)
    link, side = steps.key // 2, steps.key % 2
    order = np.lexsort((side, steps.value, steps.t_s, link))
    changes = np.zeros(len(order), EVENT)
    changes["t_s"], changes["link"], changes["value"] = steps.t_s[order], link[order], steps.value[order]
    changes["property"] = what
    changes["direction"] = np.where(side[order] == 0, Direction.THERE, Direction.BACK)
    same = np.ones(max(len(order) - 1, 0), bool)
    for name in ("t_s", "link", "value"):
        same &= changes[name][1:] == changes[name][:-1]
    changes["direction"][:-1][same] = Direction.BOTH
    return changes[np.append(True, ~same)[: len(order)]]
