"""The plan: what the sky of a scenario does over time, computed before anything is emulated."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import lookangles, network, passes
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model.flows import HOPS
from skybed.topologies.plan import score, store, timeline
from skybed.topologies.plan.score import Window
from skybed.topologies.routing import forwarding, oracle, planned, ways
from skybed.topologies.routing.forwarding import Forwarding, Walks
from skybed.topologies.routing.ways import Paths
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario


@dataclass(frozen=True, eq=False)
class Plan:
    """A network over time, and what is to be done to its links and forwarding tables.

    events, routes: properties.EVENT and changes.CHANGE, worked out, or read, whenever they are gone through.
    Times are run time: s since the scenario begins.
    """

    scenario: Scenario
    network: Network
    events: Pieces
    routes: Pieces

    @staticmethod
    def make(
        scenario: Scenario, *, duration_s: float | None = None, progress: Progress | None = None
    ) -> Plan:
        """Work out the contacts. Raises ScenarioError for what only the orbits show to be wrong."""
        progress = progress or quiet
        duration_s = float(scenario.duration_s if duration_s is None else duration_s)
        sky = network.make(scenario, duration_s, progress)
        events, routes = (partial(of.windows, sky, progress) for of in (timeline, planned))
        return Plan(scenario, sky, Pieces(events), Pieces(routes))

    @staticmethod
    def load(folder: str | pathlib.Path) -> Plan:
        """The plan that save wrote. Raises RunError for a part that is missing or damaged."""
        scenario, stored, events, routes = store.load(pathlib.Path(folder))
        return Plan(scenario, stored, events, routes or Pieces(partial(planned.windows, stored)))

    def save(self, folder: str | pathlib.Path, *, with_routes: bool = True) -> None:
        """Write the plan as a folder. Who loads one without routes and needs them works them out."""
        routes = self.routes if with_routes else None
        store.save(pathlib.Path(folder), self.scenario, self.network, self.events, routes)

    def kept(self) -> Plan:
        """The same with all events and routes in memory. Of a long plan go through windows()."""
        return replace(self, events=self.events.kept(), routes=self.routes.kept())

    # -- the network -----------------------------------------------------------------------------

    @property
    def duration_s(self) -> float:
        return self.network.duration_s

    @property
    def nodes(self) -> list[Node]:
        return self.network.nodes

    @property
    def links(self) -> list[Link]:
        return self.network.links

    @property
    def contacts(self) -> pd.DataFrame:
        return self.network.contacts

    @property
    def lost(self) -> pd.DataFrame:
        return self.network.lost

    @property
    def orbits(self) -> pd.DataFrame:
        return self.network.orbits

    @property
    def index(self) -> dict[str, int]:
        return self.network.index

    @cached_property
    def labels(self) -> list[str]:
        """What nodes are called where people read: a station's label; of a satellite whose layer has one, its
        name with that in the place of the layer's.
        """
        stations = {station.name: station.label for station in self.scenario.stations}
        layers = {name: layer.label for name, layer in self.scenario.layers.items()}
        return [
            (layers.get(node.layer) or node.layer) + node.name.removeprefix(node.layer)
            if node.layer and node.name.startswith(node.layer)
            else stations.get(node.name) or node.name
            for node in self.nodes
        ]

    def node(self, name: str) -> int:
        """Number of a node; raises ScenarioError if there is none of this name."""
        return self.network.node(name)

    def delay_s(self, link: ArrayLike, t_s: ArrayLike) -> Array:
        """One-way delay of links (numbers) at run times, s; the two broadcast."""
        return self.network.delay_s(link, t_s)

    def cost_s(self, link: Index, t_s: ArrayLike) -> Array:
        """What crossing links costs by the metric of routing, see oracle.cost_s."""
        return oracle.cost_s(self.network, link, t_s)

    def passes(
        self,
        station: str,
        satellite: str | None = None,
        *,
        min_elevation_deg: float | None = None,
        from_s: float = 0.0,
        until_s: float | None = None,
    ) -> pd.DataFrame:
        """The passes of a satellite, of those of a layer, or of all over a station: see passes.table."""
        return passes.table(
            self.network,
            station,
            satellite,
            min_elevation_deg=min_elevation_deg,
            from_s=from_s,
            until_s=until_s,
        )

    def look_angles(
        self, station: str, satellite: str, t_s: ArrayLike, *, frequency_ghz: float | None = None
    ) -> pd.DataFrame:
        """Elevation, azimuth, range, delay, Doppler of a satellite over a station at run times, which may lie
        outside of the plan: see lookangles.table.
        """
        ends = passes.station_of(self.network, station), passes.satellite_of(self.network, satellite)
        return lookangles.table(self.network, *ends, np.atleast_1d(t_s), frequency_ghz)

    @property
    def notes(self) -> list[str]:
        """Sentences worth knowing: of satellites that decay, of captures of links that there never are."""
        linked = {frozenset((self.nodes[link.a].name, self.nodes[link.b].name)) for link in self.links}
        return [
            *self.network.decays,
            *(
                f"{self.scenario.where('capture', i)} has no effect: {a} and {b} are never linked here."
                for i, (a, b) in enumerate(self.scenario.capture)
                if frozenset((a, b)) not in linked
            ),
        ]

    @property
    def usable(self) -> Spans:
        """See score.Playable."""
        return planned.usable(self.network)

    @property
    def looks_s(self) -> Array:
        """See score.Playable."""
        return planned.looks_s(self.network)

    # -- what happens ----------------------------------------------------------------------------

    def windows(self) -> Iterator[Window]:
        """See score.Playable."""
        changes = Pieces(partial(planned.played, self.network, self.routes))
        return score.windows(self.events, changes, self.duration_s)

    def path(self, src: str, dst: str, t_s: ArrayLike) -> Paths:
        """The best path by the metric of routing at each of the ascending times, over the links that stand,
        whatever routes.
        """
        return ways.shortest(self.network, src, dst, t_s)

    def trace(
        self, src: str, dst: str, t_s: ArrayLike, most: int = HOPS, by: Forwarding | None = None
    ) -> Walks:
        """Where packets sent at times t_s go, and when they arrive, without queues: by the plan's routes, or
        by other tables. They cross `most` links at most.
        """
        return (by or self.forwarding).walk(self.node(src), self.node(dst), t_s, most)

    @cached_property
    def forwarding(self) -> Forwarding:
        """By the plan's routes, all of which it holds."""
        return forwarding.over(self.network, self.routes.whole(), self.scenario.routing.means.keeps_path)

    @cached_property
    def oracle(self) -> Forwarding:
        """By the oracle's routes, whoever makes those of the run."""
        if self.scenario.routing.means.filled_by != "schedule":
            return self.forwarding
        return forwarding.over(self.network, np.concatenate(list(oracle.windows(self.network))))
