"""The values of links: what is in force of each property is what the plan has, or what is held against it."""

from __future__ import annotations

import numpy as np

from skybed.topologies.contacts import nodes
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan.score import Playable


class Values:
    """in_force: float[link, direction, Property], at first what links have of their class; 0 of what changes
    over time.
    """

    def __init__(self, plan: Playable) -> None:
        self.in_force = np.nan_to_num(nodes.values(plan.links))
        self._planned: dict[tuple[int, int, int], float] = {}  # of what is held

    def plan(self, link: int, side: int, what: int, value: float) -> None:
        """Take what the plan has from now on; what is held stays in force."""
        if (link, side, what) in self._planned:
            self._planned[link, side, what] = value
        else:
            self.in_force[link, side, what] = value

    def hold(self, link: int, side: int, what: int, value: float | None) -> None:
        """Hold a value against the plan; None: go back to it."""
        key = link, side, what
        if value is not None:
            self._planned.setdefault(key, float(self.in_force[key]))
            self.in_force[key] = value
        elif key in self._planned:
            self.in_force[key] = self._planned.pop(key)

    def planned(self, link: int, side: int, what: int) -> float:
        """What the plan has."""
        return self._planned.get((link, side, what), float(self.in_force[link, side, what]))

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
        held = {link for (link, side, what), up in self._planned.items() if what == Property.CARRIER and up}
        return {*np.flatnonzero(self.in_force[:, 0, Property.CARRIER]).tolist(), *held}
