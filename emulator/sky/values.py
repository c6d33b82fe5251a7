"""The values of links: what is in force of each property is what the plan has, or what is held against it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts import nodes
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan.score import Playable


class Line(NamedTuple):
    """A value at since_s, and how it goes on from then: slope of it a second, which only delays have."""

    value: float
    slope: float = 0.0
    since_s: float = 0.0


class Values:
    """in_force: float[link, direction, Property], at first what links have of their class; 0 of what changes
    over time. delays: float[link, direction, 2], how the delay in force goes on from then: slope, since_s.
    """

    def __init__(self, plan: Playable) -> None:
        self.in_force = np.nan_to_num(nodes.values(plan.links))
        self.delays = np.zeros((*self.in_force.shape[:2], 2))
        self._planned: dict[tuple[int, int, int], Line] = {}  # of what is held

    def plan(
        self, link: int, side: int, what: int, value: float, slope: float = 0.0, since_s: float = 0.0
    ) -> None:
        """Take what the plan has from now on; what is held stays in force."""
        line = Line(value, slope, since_s)
        if (link, side, what) in self._planned:
            self._planned[link, side, what] = line
        else:
            self._force(link, side, what, line)

    def hold(self, link: int, side: int, what: int, value: float | None) -> None:
        """Hold a value against the plan; None: go back to it."""
        key = link, side, what
        if value is not None:
            self._planned.setdefault(key, self._line(*key))
            self._force(*key, Line(value))
        elif key in self._planned:
            self._force(*key, self._planned.pop(key))

    def _line(self, link: int, side: int, what: int) -> Line:
        value = float(self.in_force[link, side, what])
        return Line(value, *self.delays[link, side].tolist()) if what == Property.DELAY else Line(value)

    def _force(self, link: int, side: int, what: int, line: Line) -> None:
        self.in_force[link, side, what] = line.value
        if what == Property.DELAY:
            self.delays[link, side] = line.slope, line.since_s

    def at(self, t_s: float, links: list[int] | int) -> Array:
        """What is in force of links at a time, as `in_force`."""
        values: Array = self.in_force[links].copy()
        slope, since_s = np.moveaxis(self.delays[links], -1, 0)
        values[..., Property.DELAY] += slope * np.maximum(t_s - since_s, 0)
        return values

    def planned(self, link: int, side: int, what: int) -> float:
        """What the plan has; of a delay, what it had at its last event."""
        return (self._planned.get((link, side, what)) or self._line(link, side, what)).value

    def holds(self, link: int, side: int, what: int) -> bool:
        return (link, side, what) in self._planned

    def held(self) -> list[tuple[int, int, int]]:
        """Link, side and property of all that is held."""
        return sorted(self._planned)

    def holds_lost(self, link: int) -> bool:
        """Whether a link is held down, or silent."""
        return any(self.holds(link, 0, what) for what in (Property.CARRIER, Property.SILENCE))

    def in_contact(self) -> set[int]:
        """The links that stand by plan."""
        held = {
            link for (link, side, what), up in self._planned.items() if what == Property.CARRIER and up.value
        }
        return {*np.flatnonzero(self.in_force[:, 0, Property.CARRIER]).tolist(), *held}
