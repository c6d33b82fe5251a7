"""Satellites from published element sets (OMM as JSON, CSV or XML; TLE), and those of a whole scenario.

The formats are those of CelesTrak and Space-Track (CCSDS 502.0 for OMM). An object that cannot be used is
dropped with the reason; a file without any usable object is an error.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import math
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sgp4 import omm
from sgp4.api import SGP4_ERRORS, WGS72, Satrec
from sgp4.conveniences import jday_datetime, sat_epoch_datetime
from sgp4.io import compute_checksum

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits import walker
from skybed.topologies.orbits.walker import Satellite

MAX_AGE_DAYS = 30  # SGP4 is off by 1-3 km a day; after a month a low satellite is not where it says
LARGEST_SGP4_NUMBER = 339_999  # what the TLE's five places can hold ("Z9999"); OMM has nine

_NEEDED = (
    "NORAD_CAT_ID", "EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER", "MEAN_ANOMALY",
)  # fmt: skip
_OTHERS = {
    "CLASSIFICATION_TYPE": "U", "OBJECT_ID": "", "EPHEMERIS_TYPE": 0, "ELEMENT_SET_NO": 0, "REV_AT_EPOCH": 0,
    "BSTAR": 0, "MEAN_MOTION_DOT": 0, "MEAN_MOTION_DDOT": 0,
}  # fmt: skip


class Dropped(NamedTuple):
    """An object left out. line: where it stands in a TLE or CSV text, from 1; None in JSON and XML."""

    name: str
    line: int | None
    reason: str


class _Object(NamedTuple):
    name: str
    line: int | None
    number: int  # NORAD
    satrec: Satrec


class _Unusable(Exception):
    """Why one object cannot be used."""


_Record = tuple[str, int | None, Callable[[], tuple[int, Satrec]]]  # name, line, and what reads it or raises


def layer_satellites(scenario: ScenarioModel) -> list[Satellite]:
    """Satellites of all layers, in the order of the file. Raises ScenarioError."""
    layers = scenario.layers.items()
    return [satellite for name, layer in layers for satellite in of_layer(name, layer, scenario.epoch)]


def dropped(scenario: ScenarioModel) -> list[tuple[str, Dropped]]:
    """What element files hold and cannot be used, with the name of its layer, in the order of the file."""
    layers = [(name, layer) for name, layer in scenario.layers.items() if layer.elements is not None]
    return [(name, drop) for name, layer in layers for drop in satellites(name, layer, scenario.epoch)[1]]


def of_layer(layer_name: str, layer: Layer, epoch: dt.datetime) -> list[Satellite]:
    """Satellites of a layer, however it is given."""
    if layer.elements is not None:
        return satellites(layer_name, layer, epoch)[0]
    return walker.satellites(layer_name, layer, epoch)


def satellites(layer_name: str, layer: Layer, epoch: dt.datetime) -> tuple[list[Satellite], list[Dropped]]:
    """Satellites of a layer given by `elements` (the text, as Scenario.load leaves it), in its order.

    Dropped are objects whose elements are damaged, of another theory or over MAX_AGE_DAYS from the epoch,
    those for which SGP4 fails at the epoch (decayed), and older sets of an object that is there twice.
    Raises ScenarioError when the text is in none of the formats or nothing is left.
    """
    newest: dict[int, _Object] = {}
    dropped: list[Dropped] = []
    for name, line, read in _records(layer.elements or ""):
        try:
            number, satrec = read()
            _check(satrec, epoch)
        except _Unusable as problem:
            dropped.append(Dropped(name, line, str(problem)))
            continue
        new, old = _Object(name, line, number, satrec), newest.get(number)
        if old is not None and sat_epoch_datetime(old.satrec) >= sat_epoch_datetime(satrec):
            new, old = old, new
        if old is not None:
            dropped.append(Dropped(old.name, old.line, f"a newer set of NORAD {number} is there too"))
        newest[number] = new
    if not newest:
        first = f", the first, {dropped[0].name}, because {dropped[0].reason}" if dropped else ""
        raise ScenarioError(f"none of its {len(dropped)} objects can be used{first}")
    return _named(layer_name, layer, list(newest.values())), dropped


def _check(satrec: Satrec, epoch: dt.datetime) -> None:
    age_days = abs((sat_epoch_datetime(satrec) - epoch).total_seconds()) / 86_400
    if age_days > MAX_AGE_DAYS:
        raise _Unusable(
            f"its elements are of {sat_epoch_datetime(satrec):%Y-%m-%d}, "
            f"{age_days:.0f} days from the epoch (at most {MAX_AGE_DAYS})"
        )
    error, position, _ = satrec.sgp4(*jday_datetime(epoch))
    if error or not all(map(math.isfinite, position)):
        raise _Unusable(f"SGP4 fails at the epoch: {SGP4_ERRORS.get(error, 'no finite position')}")


def _named(layer_name: str, layer: Layer, objects: list[_Object]) -> list[Satellite]:
    """Give each object a name that a node can have; a NORAD number tells apart those that would share one."""
    satellites, used = [], set()
    for n, thing in enumerate(objects):
        name = node_name(thing.name) or f"NORAD-{thing.number}"
        if layer.names is not None:
            name = layer.names.format(layer=layer_name, n=n, name=name, id=thing.number)
        elif name in used:
            end = f"-{thing.number}"
            name = name[: 15 - len(end)].rstrip("-") + end
        used.add(name)
        satellites.append(Satellite(name, layer_name, None, None, thing.satrec))
    return satellites


def node_name(text: str) -> str:
    """The letters and digits of a text, with single hyphens between them, at most 15 characters.

    >>> node_name("ISS (ZARYA)"), node_name("CSS (TIANHE-1 CORE)")
    ('ISS-ZARYA', 'CSS-TIANHE-1-CO')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:15].rstrip("-")


# -- formats ------------------------------------------------------------------------------------


def _records(text: str) -> Iterator[_Record]:
    start = text.lstrip()
    if re.match(r"<(!doctype )?html", start, re.IGNORECASE):
        raise ScenarioError("it is a web page, not an element file")
    if start[:1] in ("[", "{"):
        return _json(text)
    if start[:1] == "<":
        return _xml(start)
    if "NORAD_CAT_ID" in start.partition("\n")[0]:
        return _csv(text)
    if re.search(r"^[12] .{60}", text, re.MULTILINE):
        return _tle(text)
    raise ScenarioError(f"it is neither OMM (JSON, CSV, XML) nor TLE; it begins {start[:40]!r}")


def _json(text: str) -> Iterator[_Record]:
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        raise ScenarioError(f"it is not JSON: line {error.lineno}, {error.msg}") from None
    for record in records if isinstance(records, list) else [records]:
        yield _omm(record if isinstance(record, dict) else {}, None)


def _csv(text: str) -> Iterator[_Record]:
    rows = csv.DictReader(io.StringIO(text))
    for row in rows:
        yield _omm(row, rows.line_num)


def _xml(text: str) -> Iterator[_Record]:
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ScenarioError(f"it is not XML: {error}") from None
    for segment in root.iter("segment"):
        yield _omm({field.tag: field.text for field in segment.iter() if len(field) == 0}, None)


def _omm(fields: dict[str, Any], line: int | None) -> _Record:
    def read() -> tuple[int, Satrec]:
        lacking = [name for name in _NEEDED if fields.get(name) in (None, "")]
        if lacking:
            raise _Unusable(f"it lacks {lacking[0]}")
        full = {**_OTHERS, **{name: value for name, value in fields.items() if value not in (None, "")}}
        try:
            if int(full["EPHEMERIS_TYPE"]) not in (0, 2):
                raise _Unusable("its elements are not for SGP4")
            number = int(full["NORAD_CAT_ID"])
            full["NORAD_CAT_ID"] = number if number <= LARGEST_SGP4_NUMBER else 0
            when = dt.datetime.fromisoformat(str(full["EPOCH"])).replace(tzinfo=None)
            full["EPOCH"] = when.strftime("%Y-%m-%dT%H:%M:%S.%f")
            satrec = Satrec()
            omm.initialize(satrec, full, WGS72)
        except (ValueError, TypeError) as error:
            raise _Unusable(f"a field cannot be read: {error}") from None
        return number, satrec

    return str(fields.get("OBJECT_NAME") or ""), line, read


def _tle(text: str) -> Iterator[_Record]:
    """Sets of two lines, each after a line with the name (which Space-Track begins with "0 ") or not."""
    lines = [(n, line.rstrip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    name, at = "", 0
    while at < len(lines):
        n, line = lines[at]
        following = lines[at + 1][1] if at + 1 < len(lines) else ""
        at += 1
        if line.startswith("1 ") and following.startswith("2 "):
            at += 1
            yield name or f"NORAD {line[2:7].strip()}", n, _two_lines(line, following)
        elif re.match(r"[12] .{60}", line):
            yield name or f"NORAD {line[2:7].strip()}", n, _widow
        else:
            name = line.removeprefix("0 ").strip()
            continue
        name = ""


def _widow() -> tuple[int, Satrec]:
    raise _Unusable("its other line is missing")


def _two_lines(first: str, second: str) -> Callable[[], tuple[int, Satrec]]:
    def read() -> tuple[int, Satrec]:
        for line in (first, second):
            if len(line) < 69:
                raise _Unusable(f"line {line[0]} of its set is {len(line)} characters long instead of 69")
            checksum = str(compute_checksum(line))
            if line[68] != checksum:
                raise _Unusable(
                    f"line {line[0]} of its set has the checksum {line[68]} instead of {checksum}"
                )
        if first[2:7] != second[2:7]:
            raise _Unusable(f"its lines are of two objects, {first[2:7]} and {second[2:7]}")
        if first[62] not in " 02":
            raise _Unusable("its elements are not for SGP4")
        try:
            satrec = Satrec.twoline2rv(first[:69], second[:69], WGS72)
        except ValueError as error:
            raise _Unusable(f"its lines cannot be read: {error}") from None
        return satrec.satnum, satrec

    return read
