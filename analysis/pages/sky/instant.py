"""A plan at an instant, as all figures of a sky take it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from skybed.analysis.pages.sky import earth
from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.faults import SILENT
from skybed.topologies.orbits import ground_tracks
from skybed.topologies.orbits.ground_tracks import Below
from skybed.topologies.plan.plan import Plan

MOST_NAMED, MOST_BESIDE = 30, 12


@dataclass(frozen=True)
class Instant:
    """t_s: run time within the plan. ends: names of two nodes whose best path is shown, as `skybed path` has
    it; None: of none.
    """

    plan: Plan
    t_s: float
    ends: tuple[str, str] | None = None

    @property
    def when(self) -> dt.datetime:
        return self.plan.scenario.begin + dt.timedelta(seconds=self.t_s)

    @property
    def between(self) -> str:
        """The two ends in words; "": there are none."""
        return " to ".join(self.plan.labels[self.plan.node(end)] for end in self.ends or ())

    @property
    def title(self) -> str:
        return f"{self.plan.scenario.name} at {self.t_s:g} s, {self.when:%Y-%m-%d %H:%M:%S} UTC"

    @cached_property
    def fixed_km(self) -> Array:
        """(nodes, 3), Earth-fixed."""
        sky = self.plan.network.sky
        return ground_tracks.fixed_km(sky, np.arange(len(self.plan.nodes)), np.array(self.t_s))

    @cached_property
    def below(self) -> Below:
        return ground_tracks.below(self.fixed_km)

    @property
    def sun(self) -> Array:
        return earth.sun(self.when)

    @cached_property
    def layers(self) -> dict[str, Index]:
        """The satellites of each layer that are still up."""
        ends_s = self.plan.network.sky.ends_s
        members = {name: self.plan.network.layer(name) for name in self.plan.scenario.layers}
        return {name: nodes[ends_s[nodes] > self.t_s] for name, nodes in members.items()}

    @property
    def stations(self) -> Index:
        return np.arange(len(self.plan.orbits), len(self.plan.nodes))

    @cached_property
    def links(self) -> pd.DataFrame:
        """Those that stand: a, b (numbers), kind; and silent, whether a fault keeps what is sent. At the end
        of the plan those that stand until then.
        """
        network = self.plan.network
        t_s = min(self.t_s, np.nextafter(network.duration_s, 0))
        standing, lost = network.standing(t_s), network.lost
        now = lost[(lost["kind"] == SILENT) & (lost["start_s"] <= t_s) & (t_s < lost["end_s"])]
        return pd.DataFrame({
            "a": network.ends[0][standing], "b": network.ends[1][standing],
            "kind": [network.links[n].kind for n in standing.tolist()],
            "silent": np.isin(standing, now["link"]),
        })  # fmt: skip

    @cached_property
    def path(self) -> tuple[int, ...]:
        """The nodes of the way between the ends; (): there is none."""
        if not self.ends:
            return ()
        t_s = min(self.t_s, float(np.nextafter(self.plan.duration_s, 0)))
        found = self.plan.path(*self.ends, [t_s])
        return tuple(self.plan.node(name) for name in found.paths[0]) if found.paths else ()

    @property
    def hops(self) -> Index:
        """(hops, 2)."""
        return np.array([*pairwise(self.path)], np.int64).reshape(-1, 2)

    @property
    def named(self) -> list[int]:
        """Nodes that a figure names: those on the way, and stations, if they are not too many beside it."""
        most = MOST_BESIDE if self.path else MOST_NAMED
        some = self.stations.tolist() if len(self.stations) <= most else []
        return list(dict.fromkeys([*some, *self.path]))
