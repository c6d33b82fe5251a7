"""The formats in which element sets are published: OMM as JSON, JSON lines, CSV, XML and KVN; TLE.

They are those of CelesTrak and Space-Track (CCSDS 502.0 for OMM), also as they look once they have been
pasted, or saved by a spreadsheet.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sgp4 import omm
from sgp4.api import WGS72, Satrec
from sgp4.io import compute_checksum

from skybed.topologies.errors import ScenarioError

LARGEST_SGP4_NUMBER = 339_999  # what the TLE's five places can hold ("Z9999"); OMM has nine

_NEEDED = (
    "NORAD_CAT_ID", "EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE",
    "ARG_OF_PERICENTER", "MEAN_ANOMALY",
)  # fmt: skip
_OTHERS = {
    "CLASSIFICATION_TYPE": "U", "OBJECT_ID": "", "EPHEMERIS_TYPE": 0, "ELEMENT_SET_NO": 0, "REV_AT_EPOCH": 0,
    "BSTAR": 0, "MEAN_MOTION_DOT": 0, "MEAN_MOTION_DDOT": 0,
}  # fmt: skip
# What SGP4 takes for granted, and most files leave out: what may stand there, and what is wrong otherwise.
_TAKEN = {
    "CENTER_NAME": ({"EARTH"}, "its orbit is around {}, not the Earth"),
    "MEAN_ELEMENT_THEORY": ({"SGP4", "SGP/SGP4", "SGP4/SDP4"}, "its elements are of the theory {}, not SGP4"),
    "REF_FRAME": ({"TEME", "TEMEOFDATE"}, "its elements are in the frame {}, not TEME"),
    "TIME_SYSTEM": ({"UTC"}, "its epoch is in {}, not UTC"),
}
_LINE = re.compile(r"^\s*[12] .{60}", re.MULTILINE)
_DAY_OF_YEAR = re.compile(r"(\d{4}-\d{3})(?!\d)(.*)", re.DOTALL)
_PASTED = str.maketrans({"\u00a0": " ", "\u2212": "-", "\u2013": "-", "\ufeff": None})


class Unusable(Exception):
    """Why one object cannot be used."""


class Record(NamedTuple):
    """An object as it stands in a text. name, number (NORAD): empty if it has none. line: from 1; None in
    JSON, XML and KVN. read: gives its number and elements, or raises Unusable.
    """

    name: str
    number: str
    line: int | None
    read: Callable[[], tuple[int, Satrec]]

    @property
    def title(self) -> str:
        return self.name or (f"NORAD {self.number}" if self.number else "an object without a name")


def records(text: str) -> Iterator[Record]:
    """What a text holds, in its order. Raises ScenarioError, a phrase that begins with "it", for a text in
    none of the formats.
    """
    start = text.lstrip("\ufeff \t\r\n")
    if re.match(r"<(!doctype )?html", start, re.IGNORECASE):
        raise ScenarioError("it is a web page, not an element file")
    if start[:1] in ("[", "{"):
        return _json(start)
    if start[:1] == "<":
        return _xml(start)
    header = start.partition("\n")[0]
    if "NORAD_CAT_ID" in header or ("MEAN_MOTION" in header and "EPOCH" in header):
        return _csv(start, text[: len(text) - len(start)].count("\n"))
    if re.search(r"^\s*(CCSDS_OMM_VERS|EPOCH)\s*=", start, re.MULTILINE):
        return _kvn(start)
    if _LINE.search(text):
        return _tle(text)
    raise ScenarioError(f"it is neither OMM (JSON, CSV, XML, KVN) nor TLE; it begins {start[:40]!r}")


# -- OMM -----------------------------------------------------------------------------------------


def _json(text: str) -> Iterator[Record]:
    """A list of objects, alone or in an envelope; one object; or one in each line."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise ScenarioError(f"it is not JSON: line {error.lineno}, {error.msg}") from None
    except ValueError:
        raise ScenarioError("it has an integer of thousands of digits") from None
    except RecursionError:
        raise ScenarioError("it is nested hundreds of levels deep") from None
    if isinstance(found, dict) and "EPOCH" not in found:
        found = next((part for part in found.values() if isinstance(part, list)), found)
    for fields in found if isinstance(found, list) else [found]:
        yield _omm(fields if isinstance(fields, dict) else {}, None)


def _csv(text: str, before: int) -> Iterator[Record]:
    """Parted by commas, semicolons (then numbers may have decimal commas) or tabs. before: lines above it."""
    header = text.partition("\n")[0]
    mark = max(",;\t", key=header.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=mark, skipinitialspace=True)
    try:
        for row in rows:
            fields = {(name or "").strip(): value for name, value in row.items() if isinstance(value, str)}
            if mark == ";":
                fields = {
                    name: value if name == "OBJECT_NAME" else value.replace(",", ".")
                    for name, value in fields.items()
                }
            yield _omm(fields, before + rows.line_num)
    except csv.Error as error:  # such as a cell of more than csv.field_size_limit()
        raise ScenarioError(f"it is not CSV: line {before + rows.line_num + 1}, {error}") from None


def _xml(text: str) -> Iterator[Record]:
    """With or without a namespace."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ScenarioError(f"it is not XML: {error}") from None
    for segment in root.iter():
        if _tag(segment) == "segment":
            yield _omm({_tag(field): field.text for field in segment.iter() if len(field) == 0}, None)


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _kvn(text: str) -> Iterator[Record]:
    """Lines `KEY = value [unit]`; a key that comes again begins the next object."""
    fields: dict[str, Any] = {}
    for line in text.splitlines():
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or key.startswith("COMMENT"):
            continue
        if key in fields:
            yield _omm(fields, None)
            fields = {}
        fields[key] = re.sub(r"\s*\[[^\]]*\]$", "", value)
    yield _omm(fields, None)


def _omm(fields: dict[str, Any], line: int | None) -> Record:
    given = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in fields.items()
        if value is not None and str(value).strip()
    }

    def read() -> tuple[int, Satrec]:
        for name, value in given.items():
            if isinstance(value, list | dict):
                raise Unusable(f"its {name} is a {'list' if isinstance(value, list) else 'mapping'}")
        for name, (right, wrong) in _TAKEN.items():
            if name in given and str(given[name]).upper().replace(" ", "") not in right:
                raise Unusable(wrong.format(given[name]))
        lacking = [name for name in _NEEDED if name not in given]
        if lacking:
            raise Unusable(f"it lacks {lacking[0]}")
        full: dict[str, Any] = {**_OTHERS, **given}
        try:
            if int(full["EPHEMERIS_TYPE"]) not in (0, 2):
                raise Unusable("its elements are not for SGP4")
            number = int(full["NORAD_CAT_ID"])
            full["NORAD_CAT_ID"] = number if number <= LARGEST_SGP4_NUMBER else 0
            full["EPOCH"] = _utc(str(full["EPOCH"])).strftime("%Y-%m-%dT%H:%M:%S.%f")
            satrec = Satrec()
            omm.initialize(satrec, full, WGS72)
        except (ValueError, TypeError, OverflowError) as error:
            raise Unusable(f"a field cannot be read: {error}") from None
        return number, satrec

    return Record(str(given.get("OBJECT_NAME", "")), str(given.get("NORAD_CAT_ID", "")), line, read)


def _utc(epoch: str) -> dt.datetime:
    """A date and time, with the day of the month or of the year; UTC unless it has another zone. Raises
    ValueError.
    """
    if re.fullmatch(r"[\d.]+", epoch):
        raise ValueError(f"EPOCH is {epoch}, not a date and time")
    if of_year := _DAY_OF_YEAR.fullmatch(epoch):
        epoch = dt.datetime.strptime(of_year[1], "%Y-%j").strftime("%Y-%m-%d") + of_year[2]
    when = dt.datetime.fromisoformat(epoch)
    return when.astimezone(dt.UTC) if when.tzinfo else when


# -- TLE -----------------------------------------------------------------------------------------


def _tle(text: str) -> Iterator[Record]:
    """Sets of two lines, each after a line with the name (which Space-Track begins with "0 ") or not."""
    lines = [(n, line.strip()) for n, line in enumerate(text.translate(_PASTED).splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    name, at = "", 0
    while at < len(lines):
        n, line = lines[at]
        following = lines[at + 1][1] if at + 1 < len(lines) else ""
        at += 1
        if line.startswith("1 ") and following.startswith("2 "):
            at += 1
            yield Record(name, line[2:7].strip(), n, _two_lines(line, following))
        elif _LINE.match(line):
            yield Record(name, line[2:7].strip(), n, _widow)
        else:
            name = line.removeprefix("0 ").strip()
            continue
        name = ""


def _widow() -> tuple[int, Satrec]:
    raise Unusable("its other line is missing")


def _two_lines(first: str, second: str) -> Callable[[], tuple[int, Satrec]]:
    def read() -> tuple[int, Satrec]:
        for line in (first, second):
            if len(line) == 68:
                raise Unusable(f"line {line[0]} of its set lacks its last digit, the checksum")
            if len(line) < 69:
                raise Unusable(f"line {line[0]} of its set is {len(line)} characters long instead of 69")
            checksum = str(compute_checksum(line))
            if line[68] != checksum:
                raise Unusable(f"line {line[0]} of its set has the checksum {line[68]} instead of {checksum}")
        if first[2:7] != second[2:7]:
            raise Unusable(f"its lines are of two objects, {first[2:7]} and {second[2:7]}")
        if first[62] not in " 02":
            raise Unusable("its elements are not for SGP4")
        try:
            satrec = Satrec.twoline2rv(first[:69], second[:69], WGS72)
        except ValueError as error:
            raise Unusable(f"its lines cannot be read: {error}") from None
        return satrec.satnum, satrec

    return read
