"""Checks of `layers`, and of when the run begins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybed.topologies.model.known import Problem
from skybed.topologies.model.scenario import LONGEST_S, ScenarioModel
from skybed.topologies.model.space import Isl, Layer, Walker
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.orbits import geometry, walker

LOWEST_PERIGEE_KM = 100.0  # below it there is no orbit, only a re-entry


def start(scenario: ScenarioModel) -> Iterator[Problem]:
    days = abs(scenario.begin - scenario.epoch).total_seconds() / 86_400
    if days > LONGEST_S / 86_400:
        yield (
            ("start",),
            f"is {days:.0f} days from the epoch; at most {LONGEST_S / 86_400:.0f} are allowed, for elements "
            "are of no use for longer.",
        )


def layers(scenario: ScenarioModel) -> Iterator[Problem]:
    for name, layer in scenario.layers.items():
        path: FieldPath = ("layers", name)
        kinds = [kind for kind in ("walker", "elements", "geostationary") if getattr(layer, kind) is not None]
        if len(kinds) != 1:
            given = " and ".join(kinds) if kinds else "none of them"
            yield path, f"has {given}; give exactly one of walker, elements, geostationary."
            continue
        yield from _template(path, layer, kinds[0])
        if layer.walker:
            wrong = list(_orbit((*path, "walker"), layer.walker))
            yield from wrong
            if wrong:
                continue
        if layer.isl.pattern != "none" and layer.isl.link in scenario.link_names:
            yield from _pattern((*path, "isl"), scenario, layer)


def _template(path: FieldPath, layer: Layer, kind: str) -> Iterator[Problem]:
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


def _orbit(path: FieldPath, orbit: Walker) -> Iterator[Problem]:
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


def _pattern(path: FieldPath, scenario: ScenarioModel, layer: Layer) -> Iterator[Problem]:
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


def _sight(path: FieldPath, scenario: ScenarioModel, isl: Isl, orbit: Walker) -> Iterator[Problem]:
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
