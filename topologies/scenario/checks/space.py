"""Checks of `layers`, and of when the run begins."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from string import Formatter

import numpy as np
from sgp4.api import Satrec, SatrecArray

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.patterns import OFFSETS, pairs
from skybed.topologies.model.fields import LONGEST_S
from skybed.topologies.model.known import Problem
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.space import BY_PLANES, ORBITS, PATTERN_OF, Lasers, Layer, Walker
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.orbits import ephemeris, geometry, planes, walker
from skybed.topologies.orbits.walker import Satellite

LOWEST_PERIGEE_KM = 100.0  # below it there is no orbit, only a re-entry
MANY = 500  # satellites among which two are near enough at some time
MOST_SATELLITES = 20_000  # of walkers; with more, who sees whom does not fit into memory
MOMENTS = 73  # of a revolution at which it is looked who sees whom
WIDTH = re.compile(r"0?[1-9]d?", re.ASCII)
NEARLY_CIRCULAR = 0.01  # eccentricity below which one altitude tells how far satellites see


def start(scenario: ScenarioModel) -> Iterator[Problem]:
    yield from _age(("start",), "the epoch", scenario.begin, scenario.epoch)


def _age(path: FieldPath, what: str, one: dt.datetime, other: dt.datetime) -> Iterator[Problem]:
    days = abs(one - other).total_seconds() / 86_400
    if days > LONGEST_S / 86_400:
        yield (
            path,
            f"is {days:.0f} days from {what}; at most {LONGEST_S / 86_400:.0f} are allowed, for elements are "
            "of no use for longer.",
        )


def layers(scenario: ScenarioModel) -> Iterator[Problem]:
    walkers = {name: layer.walker for name, layer in scenario.layers.items() if layer.walker}
    if (total := sum(orbit.planes * orbit.per_plane for orbit in walkers.values())) > MOST_SATELLITES:
        says = f"have {total} satellites; at most {MOST_SATELLITES} can be planned."
        yield ("layers",), says
    for name, layer in scenario.layers.items():
        path: FieldPath = ("layers", name)
        kinds = [kind for kind in ORBITS if getattr(layer, kind) is not None]
        if len(kinds) != 1:
            given = " and ".join(kinds) if kinds else "none of them"
            yield path, f"has {given}; give exactly one of {', '.join(ORBITS)}, constellation."
            continue
        if layer.ephemeris and layer.names is not None:
            yield (*path, "names"), "is given, and so is ephemeris, which names its satellites; leave it out."
            continue
        yield from _template(path, layer, kinds[0])
        if layer.walker:
            yield from _orbit((*path, "walker"), layer.walker)
            if layer.walker.epoch:
                yield from _age(
                    (*path, "walker", "epoch"), "the begin of the run", layer.walker.epoch, scenario.begin
                )


def _template(path: FieldPath, layer: Layer, kind: str) -> Iterator[Problem]:
    own: dict[str, dict[str, str | int]] = {
        "walker": {"plane": 0, "slot": 0},
        "geostationary": {},
        "ephemeris": {},
        "elements": {"plane": 0, "slot": 0, "name": "x", "id": 0},
    }
    fields = {"layer": "x", "n": 0, **own[kind]}
    may = ", ".join(f"{{{field}}}" for field in fields)
    if not _fills(layer.names or "", fields):
        yield (
            (*path, "names"),
            f"is {layer.names}; for {kind} it may contain {may}.",
        )


def _fills(template: str, fields: dict[str, str | int]) -> bool:
    """Whether it names fields, and nothing of what is in them; numbers may have a width."""
    try:
        parts = [*Formatter().parse(template)]
    except ValueError:
        return False
    return all(
        (name is None or name in fields)
        and not conversion
        and (not spec or (WIDTH.fullmatch(spec) and isinstance(fields[str(name)], int)))
        for _, name, spec, conversion in parts
    )


def _orbit(path: FieldPath, orbit: Walker) -> Iterator[Problem]:
    if (orbit.altitude_km is None) == (orbit.mean_motion_rev_day is None):
        given = "neither of them" if orbit.altitude_km is None else "both"
        yield path, f"has {given}; give exactly one of altitude_km, mean_motion_rev_day."
        return
    if orbit.raan_spread_deg is not None and orbit.raan_spacing_deg is not None:
        yield path, "has both raan_spread_deg and raan_spacing_deg; give one of them."
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


def patterns(scenario: ScenarioModel, satellites: Sequence[Satellite]) -> Iterator[Problem]:
    """Of the links within layers, once it is known what flies."""
    for path, rule in scenario.lasers:
        yield from _fields(path, rule)
    for name, layer in scenario.layers.items():
        satrecs = [s.satrec for s in satellites if s.layer == name]
        if layer.isl.pattern in BY_PLANES:
            yield from _pattern(("layers", name, "isl"), scenario, layer, satrecs)
        elif layer.isl.pattern == "nearest" and len(satrecs) <= MANY:
            every = np.triu_indices(len(satrecs), 1)
            yield from _sight(("layers", name, "isl", "pattern"), scenario, layer, satrecs, *every)


def _fields(path: FieldPath, rule: Lasers) -> Iterator[Problem]:
    for field, pattern in PATTERN_OF.items():
        given = getattr(rule, field, None) is not None
        if rule.pattern == pattern and not given:
            yield (*path, "pattern"), f"is {pattern}, and there is no {field}."
        elif rule.pattern != pattern and given:
            yield (*path, field), f"is for the pattern {pattern}, and this is {rule.pattern}."


def _pattern(
    path: FieldPath, scenario: ScenarioModel, layer: Layer, satrecs: Sequence[Satrec]
) -> Iterator[Problem]:
    """Planes need three satellites: with two, both neighbours are the same one and their link is doubled."""
    isl = layer.isl
    if not satrecs:  # which is told of the element file
        return
    wanted = pairs(isl, planes.of_layer(layer, satrecs, scenario.epoch))
    count = layer.walker.planes if layer.walker else 1
    per_plane = len(satrecs) // count
    by_numbers = layer.is_arranged and isl.pattern in OFFSETS
    if by_numbers and per_plane < 3:
        yield (
            (*path, "pattern"),
            f"is {isl.pattern}; it needs at least 3 satellites per plane, here are {per_plane}.",
        )
    elif by_numbers and isl.pattern == "grid" and count == 1:
        yield (*path, "pattern"), "is grid; with one plane that is a ring."
    elif by_numbers and isl.pattern == "grid" and count == 2 and isl.seam:
        yield path, "has a seam between 2 planes, which are linked already; set seam: false."
    elif not len(wanted.a):
        alone = f"no two of the {len(satrecs)} satellites share a plane, or fly in planes next to each other"
        why = "its offsets lead from no satellite to another" if isl.pattern == "motif" else alone
        yield (*path, "pattern"), f"is {isl.pattern}, but {why}."
    else:
        yield from _sight((*path, "pattern"), scenario, layer, satrecs, wanted.a, wanted.b)


def _sight(
    path: FieldPath, scenario: ScenarioModel, layer: Layer, satrecs: Sequence[Satrec], a: Index, b: Index
) -> Iterator[Problem]:
    """No neighbours of the pattern (a, b) ever see each other: the links could never exist."""
    isl, orbit, radius_km = layer.isl, layer.walker, geometry.WGS72_RADIUS_KM
    range_km = isl.max_range_km or scenario.link_class(isl.link).max_range_km or np.inf
    circular = layer.is_arranged and (orbit is None or orbit.eccentricity < NEARLY_CIRCULAR)
    sight_km = np.inf
    if circular:
        altitude_km = walker.axis_km(layer) - radius_km
        sight_km = float(geometry.grazing_range_km(altitude_km, isl.grazing_altitude_km, radius_km))
    reach_km = min(sight_km, range_km)
    if circular and reach_km < 1:
        graze = f"grazing_altitude_km {isl.grazing_altitude_km:g}, max_range_km {range_km:g}"
        yield (
            path,
            f"is {isl.pattern}, but no link of satellites {altitude_km:.0f} km high satisfies {graze}.",
        )
        return
    if not len(a):
        yield path, f"is {isl.pattern}, and there is one satellite only."
        return
    moments = _moments(layer, satrecs, scenario.begin)
    apart_km = _apart_km(moments, a, b, range_km, radius_km + isl.grazing_altitude_km)
    if apart_km is None:
        return
    why = f"the link reaches {range_km:.0f} km"
    if sight_km < range_km if circular else apart_km <= range_km:
        why = f"the Earth hides what is beyond {sight_km:.0f} km" if circular else "the Earth is between them"
    says = f"is {isl.pattern}, but neighbours are {apart_km:.0f} km apart and {why}: no link could ever exist"
    if orbit and circular and isl.pattern in OFFSETS:
        need = geometry.ring_minimum(altitude_km, reach_km, radius_km)
        says += f"; {need} satellites per plane would do"
    elif apart_km > range_km:
        says += "; take a link class of longer range"
    yield path, f"{says}."


def _apart_km(
    moments: Iterable[Array], a: Index, b: Index, range_km: float, grazing_km: float
) -> float | None:
    """Least distance at any moment between satellites that the pattern links; None: a link can exist."""
    least_km = np.inf
    for xyz in moments:
        begin, way = xyz[a], xyz[b] - xyz[a]
        apart_km = np.linalg.norm(way, axis=-1)
        share = np.clip(-np.einsum("ni,ni->n", begin, way) / np.maximum(apart_km, 1e-9) ** 2, 0, 1)
        clear = np.linalg.norm(begin + share[:, None] * way, axis=-1) > grazing_km
        if (clear & (apart_km <= range_km)).any():
            return None
        least_km = min(least_km, float(apart_km.min(initial=np.inf, where=~np.isnan(apart_km))))
    return least_km


def _moments(layer: Layer, satrecs: Sequence[Satrec], begin: dt.datetime) -> Iterable[Array]:
    """Positions [n, 3] of a layer's satellites, some degrees of a revolution apart."""
    if layer.walker:
        return map(partial(walker.positions_km, layer.walker), np.linspace(0, 360, MOMENTS))
    if layer.geostationary:
        return map(walker.geostationary_km, [layer.geostationary.longitudes_deg])
    day, fraction = ephemeris.julian_utc(begin)
    revolution_days = 2 * np.pi / min(satrec.no_kozai for satrec in satrecs) / 1440
    fractions = fraction + np.linspace(0, revolution_days, MOMENTS)
    failed, r_km, _ = SatrecArray(satrecs).sgp4(np.full(MOMENTS, day), fractions)
    r_km[failed > 0] = np.nan
    return r_km.swapaxes(0, 1)


def same_orbits(scenario: ScenarioModel) -> Iterator[Problem]:
    """Two satellites of one ephemeris would be at one place."""
    first: dict[str, str] = {}
    for layer_name, layer in scenario.layers.items():
        for name, text in (layer.ephemeris or {}).items():
            if (other := first.setdefault(text, name)) != name:
                path: FieldPath = ("layers", layer_name, "ephemeris", name)
                yield path, f"is the same as that of {other}; two satellites cannot be at one place."
