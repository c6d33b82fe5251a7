"""Checks of a scenario that involve more than one field.

Each check yields problems: the path of the field in the file, and what to say after its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import kinds
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import NAME_PATTERN
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.metrics import METRICS, Metric
from skybed.topologies.model.scenario import LONGEST_S, ScenarioModel
from skybed.topologies.model.space import Isl, Layer, Walker
from skybed.topologies.model.yamlmarks import Path
from skybed.topologies.orbits import elements, geometry, walker
from skybed.topologies.orbits.walker import Satellite
from skybed.topologies.scenario import routing_checks

LOWEST_PERIGEE_KM = 100.0  # below it there is no orbit, only a re-entry
RESERVED = {"ground", "lo"}  # what `from: ground` in an access means; the loopback interface


def problems(scenario: ScenarioModel) -> list[Problem]:
    """All problems of a scenario; names of nodes are only checked once the layers are sound."""
    found = [*start(scenario), *_layers(scenario), *_links(scenario)]
    if found:
        return found
    satellites: list[Satellite] = []
    for name, layer in scenario.layers.items():
        try:
            satellites += elements.of_layer(name, layer, scenario.epoch)
        except ScenarioError as error:
            found.append(
                (("layers", name, *(["elements"] if layer.elements else [])), f"cannot be used: {error}.")
            )
    names: list[tuple[Path, str]] = [(("layers", s.layer), s.name) for s in satellites]
    names += [(("stations", i, "name"), station.name) for i, station in enumerate(scenario.stations)]
    found += _names(names)
    if found:
        return found
    nodes = {name for _, name in names}
    layers = {s.name: s.layer for s in satellites} | dict.fromkeys((s.name for s in scenario.stations), "")
    return [
        *_access(scenario),
        *_fibre(scenario),
        *routing_checks.routing(scenario, nodes),
        *routing_checks.domains(scenario, layers),
        *_flows(scenario, nodes),
        *routing_checks.faults(scenario, nodes),
        *_accept(scenario),
    ]


def start(scenario: ScenarioModel) -> Iterator[Problem]:
    days = abs(scenario.begin - scenario.epoch).total_seconds() / 86_400
    if days > LONGEST_S / 86_400:
        yield (
            ("start",),
            f"is {days:.0f} days from the epoch; at most {LONGEST_S / 86_400:.0f} are allowed, for elements "
            "are of no use for longer.",
        )


# -- layers -------------------------------------------------------------------------------------


def _layers(scenario: ScenarioModel) -> Iterator[Problem]:
    for name, layer in scenario.layers.items():
        path: Path = ("layers", name)
        kinds = [kind for kind in ("walker", "elements", "geostationary") if getattr(layer, kind) is not None]
        if len(kinds) != 1:
            given = " and ".join(kinds) if kinds else "none of them"
            yield path, f"has {given}; give exactly one of walker, elements, geostationary."
            continue
        yield from _template(path, layer, kinds[0])
        if layer.walker:
            found = list(_orbit((*path, "walker"), layer.walker))
            yield from found
            if found:
                continue
        if layer.isl.pattern != "none" and layer.isl.link in scenario.link_names:
            yield from _pattern((*path, "isl"), scenario, layer)


def _template(path: Path, layer: Layer, kind: str) -> Iterator[Problem]:
    own: dict[str, dict[str, str | int]] = {
        "walker": {"plane": 0, "slot": 0},
        "geostationary": {},
        "elements": {"name": "x", "id": 0},
    }
    fields = {"layer": "x", "n": 0, **own[kind]}
    try:
        (layer.names or "").format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError):
        may = ", ".join(f"{{{field}}}" for field in fields)
        yield (*path, "names"), f"is {layer.names}; for {kind} it may contain {may}."


def _orbit(path: Path, orbit: Walker) -> Iterator[Problem]:
    if (orbit.altitude_km is None) == (orbit.mean_motion_rev_day is None):
        given = "neither of them" if orbit.altitude_km is None else "both"
        yield path, f"has {given}; give exactly one of altitude_km, mean_motion_rev_day."
        return
    perigee_km = walker.semi_major_axis_km(orbit) * (1 - orbit.eccentricity) - geometry.WGS72_RADIUS_KM
    if round(perigee_km, 2) < LOWEST_PERIGEE_KM:
        field = "altitude_km" if orbit.mean_motion_rev_day is None else "mean_motion_rev_day"
        place = (
            f"{-perigee_km:.0f} km below the surface" if perigee_km < 0 else f"only {perigee_km:.0f} km high"
        )
        yield (
            (*path, field),
            f"with eccentricity {orbit.eccentricity:g} puts the perigee {place}; it needs at least 100 km.",
        )


def _pattern(path: Path, scenario: ScenarioModel, layer: Layer) -> Iterator[Problem]:
    """Planes need three satellites: with two, both neighbours are the same one and their link is doubled."""
    isl = layer.isl
    if layer.elements is not None:
        yield (
            (*path, "pattern"),
            f"is {isl.pattern}; satellites from an element file have no planes, so it must be none.",
        )
        return
    planes = layer.walker.planes if layer.walker else 1
    per_plane = layer.walker.per_plane if layer.walker else len(layer.geostationary.longitudes_deg)  # type: ignore[union-attr]
    if per_plane < 3:
        yield (
            (*path, "pattern"),
            f"is {isl.pattern}; it needs at least 3 satellites per plane, here are {per_plane}.",
        )
    elif isl.pattern == "grid" and planes == 1:
        yield (*path, "pattern"), "is grid; with one plane that is a ring."
    elif isl.pattern == "grid" and planes == 2 and isl.seam:
        yield path, "has a seam between 2 planes, which are linked already; set seam: false."
    elif layer.walker:
        yield from _sight((*path, "pattern"), scenario, isl, layer.walker)


def _sight(path: Path, scenario: ScenarioModel, isl: Isl, orbit: Walker) -> Iterator[Problem]:
    """No neighbours of the pattern ever see each other: the links could never exist."""
    radius_km = geometry.WGS72_RADIUS_KM
    altitude_km = walker.semi_major_axis_km(orbit) - radius_km
    sight_km = float(geometry.grazing_range_km(altitude_km, isl.grazing_altitude_km, radius_km))
    range_km = isl.max_range_km or scenario.link_class(isl.link).max_range_km or np.inf
    reach_km = min(sight_km, range_km)
    if reach_km < 1:
        graze = f"grazing_altitude_km {isl.grazing_altitude_km:g}, max_range_km {range_km:g}"
        yield (
            path,
            f"is {isl.pattern}, but no link of satellites {altitude_km:.0f} km high satisfies {graze}.",
        )
        return
    apart_km = float(geometry.chord_km(altitude_km, orbit.per_plane, radius_km))
    if apart_km <= reach_km or (isl.pattern == "grid" and _nearest_km(orbit) <= reach_km):
        return
    why = f"the link reaches {range_km:.0f} km"
    if sight_km < range_km:
        why = f"the Earth hides what is beyond {sight_km:.0f} km"
    need = f"{geometry.ring_minimum(altitude_km, reach_km, radius_km)} satellites per plane would do"
    says = f"is {isl.pattern}, but neighbours are {apart_km:.0f} km apart and {why}: no link could ever exist"
    yield path, f"{says}; {need}."


def _nearest_km(orbit: Walker) -> float:
    """Least distance over a revolution between satellites of the same slot in neighbouring planes."""
    least = np.inf
    for turn_deg in np.linspace(0, 360, 73):
        grid = walker.positions_km(orbit, turn_deg).reshape(orbit.planes, orbit.per_plane, 3)
        least = min(least, float(np.linalg.norm(grid[1:] - grid[:-1], axis=-1).min()))
    return least


# -- names --------------------------------------------------------------------------------------


def _links(scenario: ScenarioModel) -> Iterator[Problem]:
    used: list[tuple[Path, str]] = [
        (("layers", n, "isl", "link"), x.isl.link) for n, x in scenario.layers.items()
    ]
    used += [(("access", i, "link"), access.link) for i, access in enumerate(scenario.access)]
    used += [(("fibre", i, "link"), fibre.link) for i, fibre in enumerate(scenario.fibre)]
    for path, name in used:
        if name not in scenario.link_names:
            yield (
                path,
                f"is {name}, neither in links nor in the catalogue{hint(name, scenario.link_names)}.",
            )
    for name, link in scenario.links.items():
        if isinstance(link.setup_s, tuple) and link.setup_s[0] > link.setup_s[1]:
            yield ("links", name, "setup_s"), f"is {list(link.setup_s)}; the lesser comes first."
    if "ground" in scenario.layers:
        yield ("layers", "ground"), "is a reserved name; choose another."


def _names(names: list[tuple[Path, str]]) -> Iterator[Problem]:
    """Names of nodes are names of interfaces too, and each is of one node. One problem a layer is told."""
    seen: set[str] = set()
    told: set[Path] = set()
    for path, name in names:
        wrong = _wrong_with(name, seen)
        seen.add(name)
        if wrong and path not in told:
            told.add(path)
            yield path, f"has a node named {name}{wrong}."


def _wrong_with(name: str, seen: set[str]) -> str:
    if name in RESERVED:
        return ", which is reserved; choose another name"
    if name in seen:
        return ", but there is one already; each node needs its own name"
    if len(name) > 15:
        return f": {len(name)} characters, but Linux allows 15; shorten `names`"
    if not re.match(NAME_PATTERN, name):
        return "; a name has letters and digits, with single hyphens, dots or underscores between them"
    return ""


def _access(scenario: ScenarioModel) -> Iterator[Problem]:
    stations = {station.name: station for station in scenario.stations}
    for i, access in enumerate(scenario.access):
        path: Path = ("access", i)
        yield from known_name((*path, "to"), access.target, scenario.layers, "layer")
        ground = access.source == "ground" or isinstance(access.source, list)
        if isinstance(access.source, list):
            for name in access.source:
                yield from known_name((*path, "from"), name, stations, "station")
                if name in stations and not stations[name].antenna:
                    yield (*path, "from"), f"names {name}, which has no antenna."
        elif not ground:
            yield from known_name((*path, "from"), access.source, {"ground", *scenario.layers}, "layer")
            if access.source == access.target:
                yield path, "goes from a layer to itself; links within a layer are its isl."
            if access.min_elevation_deg is not None:
                yield (
                    (*path, "min_elevation_deg"),
                    "is for ground stations; between satellites give max_range_km.",
                )
        if access.terminals < access.links:
            yield path, f"keeps {access.links} links with {access.terminals} terminals; each link needs one."
        link = scenario.link_class(access.link)
        limits = (access.min_elevation_deg, access.max_range_km, link.min_elevation_deg, link.max_range_km)
        if ground and all(limit is None for limit in limits):
            yield (
                path,
                f"has no limit: give min_elevation_deg or max_range_km, here or in link class {access.link}.",
            )


def _fibre(scenario: ScenarioModel) -> Iterator[Problem]:
    stations = [station.name for station in scenario.stations]
    seen: set[frozenset[str]] = set()
    for i, fibre in enumerate(scenario.fibre):
        yield from known_name(("fibre", i, "a"), fibre.a, stations, "station")
        yield from known_name(("fibre", i, "b"), fibre.b, stations, "station")
        ends = frozenset((fibre.a, fibre.b))
        if len(ends) == 1:
            yield ("fibre", i), f"goes from {fibre.a} to itself."
        elif ends in seen:
            yield ("fibre", i), f"is a second line between {fibre.a} and {fibre.b}."
        seen.add(ends)


def _flows(scenario: ScenarioModel, nodes: set[str]) -> Iterator[Problem]:
    destinations = scenario.routing.destinations
    if isinstance(destinations, list):
        for name in destinations:
            yield from known_name(("routing", "destinations"), name, nodes, "node")
        routed = set(destinations)
    else:
        routed = nodes if destinations == "all" else {station.name for station in scenario.stations}
    seen: set[str | None] = set()
    for i, flow in enumerate(scenario.traffic):
        path: Path = ("traffic", i)
        if flow.name in seen:
            yield path, f"is a second flow named {flow.name}."
        seen.add(flow.name)
        yield from _times(path, scenario, flow)
        for field, end in (("from", flow.source), ("to", flow.target)):
            yield from known_name((*path, field), end, nodes, "node")
            if end in nodes and end not in routed:
                yield (
                    (*path, field),
                    f"is {end}, to which routing.destinations keeps no route; answers need one too.",
                )
        if flow.source == flow.target:
            yield path, f"goes from {flow.source} to itself."


def _times(path: Path, scenario: ScenarioModel, flow: Flow) -> Iterator[Problem]:
    if flow.start_s >= scenario.duration_s:
        yield (
            (*path, "start_s"),
            f"is {flow.start_s:g}; the run ends at {scenario.duration_s:g} s (duration_s).",
        )
    elif flow.stop_s is not None and flow.stop_s <= flow.start_s:
        yield (*path, "stop_s"), f"is {flow.stop_s:g}; it must be more than start_s, {flow.start_s:g}."


def _accept(scenario: ScenarioModel) -> Iterator[Problem]:
    flows = {flow.name: flow for flow in scenario.traffic if flow.name is not None}
    for i, limit in enumerate(scenario.accept):
        path: Path = ("accept", i)
        yield from known_name((*path, "flow"), limit.flow, flows, "flow")
        if limit.min is None and limit.max is None:
            yield path, "sets no limit; give min, max or both."
        if limit.flow not in flows:
            continue
        yield from _measured((*path, "metric"), scenario, flows[limit.flow], METRICS[limit.metric])


def _measured(path: Path, scenario: ScenarioModel, flow: Flow, metric: Metric) -> Iterator[Problem]:
    known = [other.name for other in kinds.measured(flow)]
    if metric.name not in known:
        there = hint("", known, few=len(known))
        yield path, f"is {metric.name}, which is measured of no {flow.title}{there}."
    ground = {station.name for station in scenario.stations}
    if len(ground & {flow.source, flow.target}) < metric.ground_ends:
        ends = "one end" if metric.ground_ends == 1 else "both ends"
        yield path, f"is {metric.name}, which is measured of flows that have {ends} on the ground."
