"""Checks of a scenario that involve more than one field: a module for each of its parts.

Each check yields problems: the path of the field in the file, and what to say after its name.
"""

from __future__ import annotations

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.known import Problem
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.orbits import elements
from skybed.topologies.orbits.walker import Satellite
from skybed.topologies.scenario.checks import (
    faults,
    links,
    names,
    routing,
    space,
    stations,
    tasks,
    traffic,
    weather,
)

FILES = ("elements", "ephemeris")  # fields of a layer that name some


def problems(scenario: ScenarioModel) -> list[Problem]:
    """All problems of a scenario; names of nodes are only checked once the layers are sound."""
    wrong = [
        *space.start(scenario),
        *space.layers(scenario),
        *links.classes(scenario),
        *stations.stations(scenario),
    ]
    if wrong:
        return wrong
    satellites: list[Satellite] = []
    for name, layer in scenario.layers.items():
        try:
            satellites += elements.of_layer(name, layer, scenario.epoch, scenario.begin)
        except ScenarioError as error:
            wrong.append(
                (
                    ("layers", name, *(kind for kind in FILES if getattr(layer, kind))),
                    f"cannot be used: {error}.",
                )
            )
    wrong += space.same_orbits(scenario)
    for one in satellites:
        if says := elements.not_covered(one, scenario.begin, scenario.duration_s):
            wrong.append((("layers", one.layer, "ephemeris", one.name), says))
    named: list[tuple[FieldPath, str]] = [(("layers", s.layer), s.name) for s in satellites]
    named += [(("stations", i, "name"), station.name) for i, station in enumerate(scenario.stations)]
    wrong += [*names.names(named), *space.patterns(scenario, satellites)]
    if wrong:
        return wrong
    nodes = {name for _, name in named}
    layers = {s.name: s.layer for s in satellites} | dict.fromkeys((s.name for s in scenario.stations), "")
    return [
        *links.between(scenario),
        *dict.fromkeys(links.listed(scenario, layers)),  # a name may be wrong in many rows of a line
        *links.access(scenario),
        *links.fibre(scenario),
        *routing.routing(scenario, nodes),
        *routing.domains(scenario, layers),
        *traffic.flows(scenario, layers),
        *tasks.tasks(scenario, layers),
        *traffic.captures(scenario, nodes),
        *faults.faults(
            scenario, nodes, {s.layer: s.plane + 1 for s in sorted(satellites, key=lambda s: s.plane)}
        ),
        *weather.weather(scenario),
        *traffic.accept(scenario),
    ]
