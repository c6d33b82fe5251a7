"""Checks of `weather`, and of `radio` in `links`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from skybed.topologies.model.closest import hint
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.links import LinkClass, Way
from skybed.topologies.model.radio import ADAPTIVE, Radio
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.weather import KINDS, Weather
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.radio import climate
from skybed.topologies.radio.modcods import TABLES

NEEDS = {  # of a station, by what weather it has
    "rain_mm_h": ("rain_height_km",),
    "exceeded_pct": ("rain_height_km", "rain_001_mm_h"),
    "series": ("rain_height_km", "rain_001_mm_h"),
}


def weather(scenario: ScenarioModel) -> Iterator[Problem]:
    stations = {station.name: station for station in scenario.stations}
    for i, entry in enumerate(scenario.weather):
        path: FieldPath = ("weather", i)
        if len(entry.given) != 1:
            has = " and ".join(entry.given) or "no rain and no clouds"
            yield path, f"has {has}; give exactly one of {', '.join(KINDS)}."
        if entry.until_s is not None and entry.until_s <= entry.from_s:
            yield (*path, "until_s"), f"is {entry.until_s:g}; it must be later than from_s, {entry.from_s:g}."
        for name in scenario.stations_under(entry):
            yield from known_name((*path, "at"), name, stations, "station")
            if name in stations and not stations[name].antenna:
                yield (*path, "at"), f"names {name}, which has no antenna."
            elif name in stations:
                yield from _climate((*path, "at"), entry, name, climate.of_station(stations[name]))


def _climate(path: FieldPath, entry: Weather, name: str, known: climate.Climate) -> Iterator[Problem]:
    needed = [field for kind in entry.given for field in NEEDS.get(kind, ())]
    if lacking := [field for field in needed if math.isnan(getattr(known, field))]:
        yield (
            path,
            f"has rain over {name}, whose climate is not known; give that station {' and '.join(lacking)} "
            "(docs/links.md tells where from).",
        )


def radio(path: FieldPath, part: LinkClass | Way) -> Iterator[Problem]:
    if part.radio is None:
        return
    path, given = (*path, "radio"), part.radio
    if given.pointing_error_deg and given.beamwidth_deg is None:
        yield (*path, "pointing_error_deg"), "costs by the width of the beam; give beamwidth_deg, too."
    if isinstance(given.modcods, str) and given.modcods not in TABLES:
        yield from known_name((*path, "modcods"), given.modcods, TABLES, "table of MODCODs")
        return
    rows = TABLES[given.modcods] if isinstance(given.modcods, str) else given.modcods
    names = [row[0] for row in rows]
    if twice := [name for name in names if names.count(name) > 1]:
        yield (*path, "modcods"), f"has {twice[0]} twice."
    yield from _modcod((*path, "modcod"), given, names)


def _modcod(path: FieldPath, radio: Radio, names: list[str]) -> Iterator[Problem]:
    if radio.modcod == ADAPTIVE:
        return
    plan = [(0.0, radio.modcod)] if isinstance(radio.modcod, str) else radio.modcod
    for _, name in plan:
        if name not in names:
            near = hint(name, [ADAPTIVE, *names])
            yield path, f"names {name}, which is neither {ADAPTIVE} nor one of modcods{near}."
    for (before_s, _), (t_s, _) in pairwise(plan):
        if t_s <= before_s:
            yield path, f"has a step at {t_s:g} s after the one at {before_s:g} s; times ascend."
