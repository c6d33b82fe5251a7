"""A sky before any fault: who may talk to whom and when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.contacts import contacts, faults
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.courses import courses
from skybed.topologies.contacts.motion import Motion
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.orbits import elements, ephemeris, tracks
from skybed.topologies.orbits.tracks import Track


class Undisturbed(NamedTuple):
    """contacts, changes: as in Network; motion: what they are worked out from."""

    motion: Motion
    nodes: list[Node]
    links: list[Link]
    contacts: pd.DataFrame
    changes: np.ndarray


def make(
    scenario: ScenarioModel,
    duration_s: float,
    progress: Progress = quiet,
    orbits: pd.DataFrame | None = None,
) -> Undisturbed:
    """orbits: in the place of the scenario's own, of the same satellites; see ephemeris.elements_table."""
    satellites = elements.layer_satellites(scenario)
    for one in satellites:
        if wrong := elements.not_covered(one, scenario.begin, duration_s):
            raise ScenarioError(f"{scenario.where('layers', one.layer, 'ephemeris', one.name)} {wrong}")
    if orbits is None:
        orbits = ephemeris.elements_table(
            [s.name for s in satellites], [s.satrec for s in satellites], [s.states for s in satellites]
        )
    nodes = contacts.nodes(satellites, scenario)
    until_s = contacts.horizon_s(scenario, duration_s)
    progress("orbits", 0.0)
    places = [*stations(scenario), *faults.centres(scenario)]
    sky = ephemeris.make(orbits, places, scenario.begin, until_s)
    motion = Motion(scenario, satellites, [node.name for node in nodes], orbits, places, sky, until_s)
    links, standing = contacts.tables(scenario, nodes, contacts.spans(motion, progress), duration_s)
    changes = courses.values(motion, links, standing, duration_s)
    return Undisturbed(motion, nodes, links, standing, changes)


def stations(scenario: ScenarioModel) -> list[Track]:
    """Where the ground nodes are."""
    return [tracks.of_station(station, scenario.begin) for station in scenario.stations]
