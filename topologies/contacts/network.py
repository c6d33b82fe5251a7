"""The network of a sky: its nodes and links, when each link stands, and its delay at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import faults, undisturbed
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.contacts.undisturbed import Undisturbed
from skybed.topologies.contacts.values import Values
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import LONGEST_S
from skybed.topologies.model.routing import Copy
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.orbits import ephemeris, geometry
from skybed.topologies.orbits.ephemeris import Ephemeris


@dataclass(frozen=True, eq=False)
class Network:
    """Facts, none of which changes. Times are run time: s since the scenario begins.

    contacts: link, start_s, end_s (it stands, carrier faults taken off), route_start_s, route_end_s (routing
    uses it; later than end_s after a fault not yet detected). A contact that lasts beyond duration_s ends
    then. lost: the scenario's faults by link, see faults.outages. orbits: see ephemeris.elements_table.
    changes: EVENTs of what else of links changes, sorted as these are.
    before_faults: what it was made of; None: it was stored, and who needs that works it out.
    """

    scenario: ScenarioModel
    duration_s: float
    nodes: list[Node]
    links: list[Link]
    contacts: pd.DataFrame
    lost: pd.DataFrame
    orbits: pd.DataFrame
    changes: np.ndarray
    before_faults: Undisturbed | None = field(default=None, repr=False)

    @cached_property
    def index(self) -> dict[str, int]:
        """Node number by name."""
        return {node.name: n for n, node in enumerate(self.nodes)}

    def node(self, name: str) -> int:
        """Number of a node; raises ScenarioError if there is none of this name."""
        if name not in self.index:
            raise ScenarioError(f"{self.scenario.name} has no node {name}{hint(name, self.index)}.")
        return self.index[name]

    def layer(self, name: str) -> Index:
        """The numbers of its satellites."""
        return np.array([n for n, node in enumerate(self.nodes) if node.layer == name], np.int64)

    @cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes a and b of every link."""
        return np.array([x.a for x in self.links], np.int64), np.array([x.b for x in self.links], np.int64)

    @cached_property
    def link_between(self) -> dict[tuple[int, int], int]:
        """Number of a link by its nodes, in either order."""
        return {pair: n for n, x in enumerate(self.links) for pair in ((x.a, x.b), (x.b, x.a))}

    def linked(self, links: np.ndarray | slice = slice(None)) -> np.ndarray:
        """bool[node, next hop]: where any of the links leads; a last column of False, for next hop -1."""
        a, b = (end[links] for end in self.ends)
        leads = np.zeros((len(self.nodes), len(self.nodes) + 1), bool)
        leads[a, b] = leads[b, a] = True
        return leads

    def standing(self, t_s: float) -> np.ndarray:
        """The links that stand at a time, ascending."""
        now = (self.contacts["start_s"] <= t_s) & (t_s < self.contacts["end_s"])
        return np.sort(self.contacts["link"].to_numpy(np.int64)[now])

    @cached_property
    def sky(self) -> Ephemeris:
        """Where every node is. Worked out when first asked for if the network was stored."""
        if self.before_faults is not None:
            return self.before_faults.motion.sky
        places = undisturbed.stations(self.scenario)
        return ephemeris.make(self.orbits, places, self.scenario.begin, self.duration_s)

    @property
    def decays(self) -> list[str]:
        """A sentence about each satellite that decays before the end."""
        decays = [decay for decay in self.sky.decays if decay.t_s < self.duration_s]
        names = [self.nodes[decay.satellite].name for decay in decays]
        return [
            f"{name} has no links from {decay.t_s:.0f} s on: {decay.reason}."
            for name, decay in zip(names, decays, strict=True)
        ]

    @cached_property
    def values(self) -> Values:
        """What its links are capable of beside their delay, at any time."""
        return Values(self.links, self.changes, self.duration_s)

    def delay_s(self, link: ArrayLike, t_s: ArrayLike) -> Array:
        """One-way delay of links (numbers) at run times, s; the two broadcast.

        Light time in vacuum between the places of both ends at t_s (fibre: as laid), plus the fixed delay of
        the link's class. What is added to it in a direction, or for a time, is in `values`: all of it, of a
        link whose delay is given.
        """
        link = np.asarray(link)
        fixed_s, moving = self._delay_parts
        a, b = self.ends
        return self.sky.distance_km(a[link], b[link], t_s) / geometry.C_KM_S * moving[link] + fixed_s[link]

    def one_way_s(self, link: ArrayLike, side: ArrayLike, t_s: ArrayLike) -> Array:
        """What a packet takes to cross links in a direction (side 0: from node a), sent at run times, s: the
        delay, and what is added to it. All three broadcast.
        """
        delay_s = self.delay_s(link, t_s)
        return delay_s + self.values.delay_us(link, side, t_s) * 1e-6 if self.values.varying else delay_s

    @cached_property
    def bends_s(self) -> Array:
        """Of each link, the least time between two jumps of the slope of its delay: between way points of an
        end that moves over the ground; inf: there are none.
        """
        apart_s = np.full(len(self.nodes), np.inf)
        if self.sky.tracks is not None:
            for node in self.sky.tracks.nodes.tolist():
                apart_s[node] = np.diff(self.sky.tracks.bends_s(node)).min()
        a, b = self.ends
        return np.minimum(apart_s[a], apart_s[b])

    @cached_property
    def _delay_parts(self) -> tuple[Array, np.ndarray]:
        """Of each link the delay that does not depend on geometry, and whether it has one that does."""
        fixed_s = np.array([link.link_class.fixed_delay_ms / 1000 for link in self.links])
        given = np.array([link.given for link in self.links], bool)
        fixed_s[given] = 0.0
        fibre = np.array([link.kind == "fibre" for link in self.links], bool)
        ground = {station.name: station for station in self.scenario.stations}
        for n in np.flatnonzero(fibre & ~given):
            a, b = (ground[self.nodes[end].name] for end in (self.links[n].a, self.links[n].b))
            way_km = geometry.great_circle_km(*a.place, *b.place)
            fixed_s[n] += geometry.fibre_delay_s(way_km)
        return fixed_s, ~(fibre | given)

    def believed(self, copy: Copy, progress: Progress = quiet) -> Network:
        """This network as a copy of the schedule has it: without surprises, and the sky as the copy takes it
        to be.
        """
        before_faults = self.before_faults
        if before_faults is None or copy.along_track_km:
            orbits = ephemeris.ahead(self.orbits, copy.along_track_km)
            before_faults = undisturbed.make(self.scenario, self.duration_s, progress, orbits)
        return _with_faults(before_faults, self.duration_s, copy.knows)


def make(scenario: ScenarioModel, duration_s: float, progress: Progress = quiet) -> Network:
    """Work out the contacts. Raises ScenarioError for what only the orbits show to be wrong."""
    if not 0 < duration_s <= LONGEST_S:
        raise ScenarioError(
            f"The duration is {duration_s:g} s; it must be more than 0 and at most {LONGEST_S:.0f}."
        )
    before_faults = undisturbed.make(scenario, duration_s, progress)
    faults.check(scenario, before_faults.nodes, before_faults.links)
    return _with_faults(before_faults, duration_s)


def _with_faults(sky: Undisturbed, duration_s: float, known: faults.Known | None = None) -> Network:
    """A sky with all faults of its scenario, or those that are known."""
    scenario = sky.motion.scenario
    lost = faults.outages(sky.motion, sky.links, duration_s, known)
    standing = faults.cut(sky.contacts, lost, scenario.routing)
    return Network(
        scenario, duration_s, sky.nodes, sky.links, standing, lost, sky.motion.orbits, sky.changes, sky
    )  # fmt: skip
