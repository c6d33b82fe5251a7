"""Where all nodes of a scenario are, and what follows of it: links that stand for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Index
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.orbits.ephemeris import Ephemeris
from skybed.topologies.orbits.tracks import Track
from skybed.topologies.orbits.walker import Satellite


@dataclass(frozen=True)
class Motion:
    """Where all nodes are until until_s, from which the links follow; names: of all nodes, in order. orbits,
    places: what sky is made of, see ephemeris.make.
    """

    scenario: ScenarioModel
    satellites: Sequence[Satellite]
    names: list[str]
    orbits: pd.DataFrame
    places: Sequence[Track]
    sky: Ephemeris
    until_s: float

    def node(self, name: str) -> int:
        """Its number."""
        return self.names.index(name)

    def layer(self, name: str) -> Index:
        """The numbers of its satellites."""
        return np.array([n for n, s in enumerate(self.satellites) if s.layer == name], dtype=np.int64)


class Span(NamedTuple):
    """A link of a kind and class between two nodes, a < b, from start to end. turned, given: see Link."""

    a: int
    b: int
    kind: str
    link_class: str
    start_s: float
    end_s: float
    turned: bool = False
    given: bool = False
