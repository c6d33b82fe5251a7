"""Satellites from published element sets, and those of a whole scenario.

An object that cannot be used is left out with the reason; a file without any usable object is an error.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

from sgp4.api import Satrec
from sgp4.conveniences import sat_epoch_datetime

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.space import BY_PLANES, Layer
from skybed.topologies.orbits import formats, given, planes, trust, walker
from skybed.topologies.orbits.formats import Record, Unusable
from skybed.topologies.orbits.states import States
from skybed.topologies.orbits.walker import Satellite

MAX_AGE_DAYS = 30  # SGP4 is off by 1-3 km a day; after a month a low satellite is not where it says
NO_NUMBERS = (0, 99_999)  # what stands in sets of objects that have no NORAD number


class Dropped(NamedTuple):
    """An object left out. line: where it stands in a TLE or CSV text, from 1; None in other formats."""

    name: str
    line: int | None
    reason: str


class _Object(NamedTuple):
    place: int  # in the text
    record: Record
    number: int  # NORAD
    satrec: Satrec

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def epoch(self) -> tuple[float, float]:
        return self.satrec.jdsatepoch, self.satrec.jdsatepochF


def layer_satellites(scenario: ScenarioModel) -> list[Satellite]:
    """Satellites of all layers, in the order of the file. Raises ScenarioError."""
    layers, times = scenario.layers.items(), (scenario.epoch, scenario.begin)
    return [satellite for name, layer in layers for satellite in of_layer(name, layer, *times)]


def dropped(scenario: ScenarioModel) -> list[tuple[str, Dropped]]:
    """What element files hold and cannot be used, with the name of its layer, in the order of the file."""
    layers = [(name, layer) for name, layer in scenario.layers.items() if layer.elements is not None]
    times = scenario.epoch, scenario.begin
    return [(name, drop) for name, layer in layers for drop in satellites(name, layer, *times)[1]]


def strays(scenario: ScenarioModel) -> dict[str, list[str]]:
    """By layer, the satellites of its element file that fit no plane with others, if its pattern of links
    goes by planes.
    """
    alone = {}
    for name, layer in scenario.layers.items():
        if not layer.is_arranged and layer.isl.pattern in BY_PLANES:
            flying = of_layer(name, layer, scenario.epoch, scenario.begin)
            arranged = planes.found([satellite.satrec for satellite in flying], scenario.epoch)
            alone[name] = [flying[n].name for n in arranged.strays]
    return {name: names for name, names in alone.items() if names}


def of_layer(layer_name: str, layer: Layer, epoch: dt.datetime, begin: dt.datetime) -> list[Satellite]:
    """Satellites of a layer, however it is given."""
    if layer.elements is not None:
        return satellites(layer_name, layer, epoch, begin)[0]
    if layer.ephemeris is not None:
        return _flown(layer_name, layer.ephemeris, epoch)
    return walker.satellites(layer_name, layer, epoch)


@lru_cache(maxsize=64)
def _given(text: str) -> tuple[Satrec, States]:
    return given.with_elements(given.read(text))


def _flown(layer_name: str, files: dict[str, str], epoch: dt.datetime) -> list[Satellite]:
    """Those whose files give states."""
    read = []
    for name, text in files.items():
        try:
            read.append(_given(text))
        except ScenarioError as error:
            raise ScenarioError(f"{name}: {error}") from None
    arranged = planes.found([satrec for satrec, _ in read], epoch)
    return [
        Satellite(name, layer_name, int(arranged.plane[n]), int(arranged.slot[n]), *read[n])
        for n, name in enumerate(files)
    ]


def not_covered(satellite: Satellite, begin: dt.datetime, duration_s: float) -> str | None:
    """That the file of a satellite does not have all of a run, if so."""
    if satellite.states is None:
        return None
    middle = sat_epoch_datetime(satellite.satrec)
    first, last = (middle + dt.timedelta(seconds=t_s) for t_s in satellite.states.span_s)
    end = begin + dt.timedelta(seconds=duration_s)
    slack = dt.timedelta(milliseconds=1)
    if first <= begin + slack and end <= last + slack:
        return None
    spans = " to ".join(f"{at:%Y-%m-%dT%H:%M:%S}" for at in (first, last))
    return f"has states of {spans}, and the run is from {begin:%Y-%m-%dT%H:%M:%S} to {end:%Y-%m-%dT%H:%M:%S}."


def satellites(
    layer_name: str, layer: Layer, epoch: dt.datetime, begin: dt.datetime | None = None
) -> tuple[list[Satellite], list[Dropped]]:
    """Satellites of a layer given by `elements` (the text, as Scenario.load leaves it), in its order.

    Dropped are objects whose elements are damaged, of another theory or over MAX_AGE_DAYS from the epoch,
    those that SGP4 has no position for at the begin of the run (None: the epoch; they have decayed), and
    older sets of an object that is there twice. Raises ScenarioError when the text is in none of the formats
    or nothing is left.
    """
    kept, dropped = _read(layer.elements or "", epoch, begin or epoch)
    return _named(layer_name, layer, kept, planes.found([x.satrec for x in kept], epoch)), [*dropped]


@lru_cache(maxsize=4)  # who checks, plans and tells of a scenario asks for the same
def _read(
    text: str, epoch: dt.datetime, begin: dt.datetime
) -> tuple[tuple[_Object, ...], tuple[Dropped, ...]]:
    usable: list[_Object] = []
    left_out: dict[int, Dropped] = {}  # by place
    for place, record in enumerate(formats.records(text)):
        try:
            number, satrec = record.read()
            _check(satrec, epoch, begin)
        except Unusable as problem:
            left_out[place] = Dropped(record.title, record.line, str(problem))
            continue
        usable.append(_Object(place, record, number, satrec))
    kept, repeated = _once(usable)
    for thing, reason in repeated:
        left_out[thing.place] = Dropped(thing.record.title, thing.record.line, reason)
    dropped = tuple(left_out[place] for place in sorted(left_out))
    if not kept:
        first = f", the first, {dropped[0].name}, because {dropped[0].reason}" if dropped else ""
        raise ScenarioError(f"none of its {len(dropped)} objects can be used{first}")
    return tuple(kept), dropped


def _check(satrec: Satrec, epoch: dt.datetime, begin: dt.datetime) -> None:
    age_days = abs((sat_epoch_datetime(satrec) - epoch).total_seconds()) / 86_400
    if age_days > MAX_AGE_DAYS:
        raise Unusable(
            f"its elements are of {sat_epoch_datetime(satrec):%Y-%m-%d}, "
            f"{age_days:.0f} days from the epoch (at most {MAX_AGE_DAYS})"
        )
    if wrong := trust.problem(satrec, begin, "the epoch" if begin == epoch else "the start"):
        raise Unusable(wrong)


# -- objects that are there more than once ---------------------------------------------------------


def _once(objects: list[_Object]) -> tuple[list[_Object], list[tuple[_Object, str]]]:
    """Of several sets of one object the newest; and the others, with the reason.

    A NORAD number names an object. Sets made by hand often share one: where they have one epoch none is the
    newer, so those of different names are different objects. Without a number the name is what names it.
    """
    groups: dict[Hashable, list[_Object]] = {}
    for thing in objects:
        numbered = thing.number not in NO_NUMBERS
        groups.setdefault(thing.number if numbered else thing.name or thing.place, []).append(thing)
    kept: list[_Object] = []
    repeated: list[tuple[_Object, str]] = []
    for things in groups.values():
        newest = max(thing.epoch for thing in things)
        seen: set[Hashable] = set()
        for thing in things:
            numbered = thing.number not in NO_NUMBERS
            what = f"NORAD {thing.number}" if numbered else thing.record.title
            same = thing.name if numbered else (thing.name, _orbit(thing.satrec))
            if thing.epoch < newest:
                repeated.append((thing, f"a newer set of {what} is there too"))
            elif same in seen:
                repeated.append((thing, f"another set of {what} of the same epoch is there too"))
            else:
                seen.add(same)
                kept.append(thing)
    return kept, repeated


def _orbit(satrec: Satrec) -> tuple[float, ...]:
    angles = satrec.inclo, satrec.nodeo, satrec.argpo, satrec.mo
    return (*angles, satrec.no_kozai, satrec.ecco, satrec.bstar)


# -- names -----------------------------------------------------------------------------------------


def _named(
    layer_name: str, layer: Layer, objects: Sequence[_Object], arranged: planes.Arrangement
) -> list[Satellite]:
    """Give each object a name that a node can have; where some would share one, their NORAD number, or else a
    number from 2 on, tells them apart.
    """
    found: list[Satellite] = []
    used: set[str] = set()
    for n, thing in enumerate(objects):
        name = node_name(thing.name) or f"NORAD-{thing.number}"
        plane, slot = int(arranged.plane[n]), int(arranged.slot[n])
        if layer.names is not None:
            place = {"layer": layer_name, "n": n, "plane": plane, "slot": slot}
            name = layer.names.format(name=name, id=thing.number, **place)
        elif name in used:
            ends = [] if thing.number in NO_NUMBERS else [f"-{thing.number}"]
            ends += [f"-{again}" for again in range(2, len(objects) + 2)]
            with_ends = (name[: 15 - len(end)].rstrip("-") + end for end in ends)
            name = next(other for other in with_ends if other not in used)
        used.add(name)
        found.append(Satellite(name, layer_name, plane, slot, thing.satrec))
    return found


def node_name(text: str) -> str:
    """The letters and digits of a text, with single hyphens between them, at most 15 characters.

    >>> node_name("ISS (ZARYA)"), node_name("CSS (TIANHE-1 CORE)")
    ('ISS-ZARYA', 'CSS-TIANHE-1-CO')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:15].rstrip("-")
