"""Orbits that a file gives as states over time: CCSDS OEM (502.0-B, KVN) and STK's ephemeris (.e).

Between its states an orbit is interpolated as its file says: Lagrange or Hermite polynomials of a degree
through the states that are nearest; where it says nothing, Lagrange of degree 5. States are kept in TEME, the
frame of the plan.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sgp4.api import WGS72, Satrec

from skybed.topologies.arrays import Array
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import ephemeris, frames
from skybed.topologies.orbits.ephemeris import utc
from skybed.topologies.orbits.geometry import WGS72_MU_KM3_S2
from skybed.topologies.orbits.states import States

USUAL_DEGREE, MOST_DEGREE = 5, 15
OEM_FRAMES = {
    "ICRF": "ICRF", "GCRF": "ICRF", "EME2000": "EME2000", "J2000": "EME2000", "TEME": "TEME",
    "TEMEOFDATE": "TEME", "ITRF": "ITRF", "ITRF2000": "ITRF", "ITRF2008": "ITRF", "ITRF2014": "ITRF",
    "ITRF2020": "ITRF",
}  # fmt: skip
STK_FRAMES = {"ICRF": "ICRF", "J2000": "EME2000", "FIXED": "ITRF", "TEMEOFDATE": "TEME"}
_STK = re.compile(r"^\s*stk\.v\.", re.IGNORECASE)
SHOWN = 40  # characters of what is wrong


class Given(NamedTuple):
    """The orbit of a file. epoch: UTC, from which its states count."""

    epoch: dt.datetime
    states: States


class _Segment(NamedTuple):
    """line: where it begins. rows: (states, 7), s since the epoch, km, km/s."""

    line: int
    frame: str
    method: str
    degree: int
    epoch: dt.datetime
    rows: Array
    usable_s: tuple[float, float]


def read(text: str) -> Given:
    """Raises ScenarioError, a phrase that begins with "it" or the line."""
    if not text.strip():
        raise ScenarioError("it is empty")
    if _STK.match(text):
        segments = [_stk(text)]
    elif text.lstrip().startswith("CCSDS_OEM_VERS"):
        segments = list(_oem(text))
    else:
        raise ScenarioError(f"it is neither an OEM (KVN) nor an STK ephemeris; it begins {text[:SHOWN]!r}")
    if not segments:
        raise ScenarioError("it has no segment of states")
    first = segments[0]
    parts = []
    for number, segment in enumerate(segments):
        if (segment.method, segment.degree) != (first.method, first.degree):
            raise ScenarioError(f"line {segment.line} begins a segment that is interpolated in another way")
        shift_s = (segment.epoch - first.epoch).total_seconds()
        t_s, states = segment.rows[:, 0] + shift_s, segment.rows[:, 1:]
        turned = frames.INTO_TEME[segment.frame](states, first.epoch, t_s)
        parts.append(np.column_stack([np.full(len(t_s), number), t_s, turned]))
    rows = np.concatenate(parts)
    if (back := np.diff(rows[:, 1]) < 0).any():
        raise ScenarioError(
            f"its states are not in the order of time, at {rows[int(back.argmax()) + 1, 1]:g} s"
        )
    shift_s = (segments[-1].epoch - first.epoch).total_seconds()
    span_s = first.usable_s[0], segments[-1].usable_s[1] + shift_s
    return Given(first.epoch, States(first.method == "HERMITE", first.degree, span_s, rows))


def with_elements(orbit: Given) -> tuple[Satrec, States]:
    """SGP4's elements of the middle state, at its time, for whoever looks for planes; and the states counted
    from then. SGP4 of them gives that state, to some m: nobody flies by them.
    """
    middle = orbit.states.rows[len(orbit.states.rows) // 2]
    at = orbit.epoch + dt.timedelta(seconds=float(middle[1]))
    jd, fraction = ephemeris.julian_utc(at)
    wanted = mean = _round_elements(middle[2:5], middle[5:8])
    for _ in range(STEPS):
        satrec = _satrec(mean, jd, fraction)
        error, r, v = satrec.sgp4(jd, fraction)
        if error:
            break
        off = wanted - _round_elements(np.array(r), np.array(v))
        off[4:] = (off[4:] + np.pi) % (2 * np.pi) - np.pi
        mean = mean + off
    return satrec, orbit.states.later(float(middle[1]))


FARTHEST_KM, LOWEST_KM = 1.5e6, 6e3  # beyond the first the Sun holds more; below the second is the Earth
STEPS = 8  # each of which takes off all but some thousandths of what is wrong


def _round_elements(r: Array, v: Array) -> Array:
    """Kepler's elements of a state that are none the worse for a round orbit: semi-major axis (km), e cos w,
    e sin w, inclination, right ascension, mean argument of latitude (rad). Raises ScenarioError for no orbit.
    """
    distance, h = np.linalg.norm(r), np.cross(r, v)
    energy = v @ v / 2 - WGS72_MU_KM3_S2 / distance
    towards = np.cross(v, h) / WGS72_MU_KM3_S2 - r / distance  # perigee, as long as the eccentricity
    eccentricity = float(np.linalg.norm(towards))
    if energy >= 0 or eccentricity >= 1:
        unit = "metres" if distance > FARTHEST_KM else "kilometres" if distance < LOWEST_KM else None
        asked = f", {distance:.6g} km from its centre (are these {unit}?)" if unit else ""
        raise ScenarioError(f"its middle state is of no orbit around the Earth{asked}")
    node = np.array([-h[1], h[0], 0.0])
    ahead = node / np.linalg.norm(node) if np.linalg.norm(node) > 1e-9 else np.array([1.0, 0.0, 0.0])
    up = h / np.linalg.norm(h)
    aside = np.cross(up, ahead)
    perigee = np.arctan2(towards @ aside, towards @ ahead)
    true = np.arctan2(r @ aside, r @ ahead) - perigee
    near, far = np.sqrt(1 - eccentricity), np.sqrt(1 + eccentricity)
    eccentric = 2 * np.arctan2(near * np.sin(true / 2), far * np.cos(true / 2))
    latitude = perigee + eccentric - eccentricity * np.sin(eccentric)
    axis_km = -WGS72_MU_KM3_S2 / (2 * energy)
    angles = np.arccos(np.clip(up[2], -1, 1)), np.arctan2(ahead[1], ahead[0]), latitude
    return np.array([axis_km, towards @ ahead, towards @ aside, *angles])


def _satrec(elements: Array, jd: float, fraction: float) -> Satrec:
    axis_km, along, aside, inclination, raan, latitude = elements.tolist()
    motion, perigee = 60 * np.sqrt(WGS72_MU_KM3_S2 / axis_km**3), np.arctan2(aside, along)
    eccentricity, anomaly = float(np.hypot(along, aside)), (latitude - perigee) % (2 * np.pi)
    angles = float(perigee % (2 * np.pi)), inclination, float(anomaly), float(motion), raan % (2 * np.pi)
    satrec = Satrec()
    days = (jd - ephemeris.SGP4_EPOCH_JD) + fraction
    satrec.sgp4init(WGS72, "i", 0, days, 0.0, 0.0, 0.0, eccentricity, *angles)
    satrec.jdsatepoch, satrec.jdsatepochF = jd, fraction
    return satrec


def _segment(
    line: int, frame: str, method: str, degree: int, epoch: dt.datetime, rows: list[list[float]],
    usable_s: tuple[float, float] | None = None,
) -> _Segment:  # fmt: skip
    """Raises ScenarioError for what cannot be interpolated as it says."""
    if method not in ("LAGRANGE", "HERMITE", "LINEAR"):
        raise ScenarioError(
            f"line {line} has the interpolation {method}; it must be LAGRANGE, HERMITE or LINEAR"
        )
    if method == "LINEAR":
        method, degree = "LAGRANGE", 1
    if not 1 <= degree <= MOST_DEGREE or (method == "HERMITE" and degree % 2 == 0):
        odd = ", an odd number" if method == "HERMITE" else ""
        raise ScenarioError(f"line {line} has the degree {degree}; it must be 1 to {MOST_DEGREE}{odd}")
    needed = (degree + 1) // 2 if method == "HERMITE" else degree + 1
    if len(rows) < needed:
        raise ScenarioError(f"line {line} begins {len(rows)} states, and {method} {degree} takes {needed}")
    states = np.array(rows)
    if not np.isfinite(states).all():
        raise ScenarioError(f"line {line} begins states of which one is no number")
    if (np.diff(states[:, 0]) <= 0).any():
        raise ScenarioError(f"line {line} begins states whose times do not ascend")
    return _Segment(line, frame, method, degree, epoch, states, usable_s or (states[0, 0], states[-1, 0]))


def _numbers(line: int, words: list[str], counts: tuple[int, ...]) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise ScenarioError(f"line {line} has {' '.join(words)[:SHOWN]} where numbers must be") from None
    if len(numbers) not in counts:
        raise ScenarioError(
            f"line {line} has {len(numbers)} numbers; a state has {' or '.join(map(str, counts))}"
        )
    return numbers


# -- OEM -------------------------------------------------------------------------------------------

_TAKEN = {"CENTER_NAME": ("EARTH",), "TIME_SYSTEM": ("UTC",)}


def _oem(text: str) -> Iterator[_Segment]:
    lines = [line.strip() for line in text.split("\n")]
    names: list[str] = []
    at = 0
    while at < len(lines):
        if lines[at] != "META_START":
            at += 1
            continue
        begin = at + 1
        fields: dict[str, str] = {}
        while at + 1 < len(lines) and lines[at + 1] != "META_STOP":
            at += 1
            key, equals, value = (part.strip() for part in lines[at].partition("="))
            if equals and not key.startswith("COMMENT"):
                fields[key] = value
        at += 2
        rows: list[tuple[int, list[str]]] = []
        covariance = False
        while at < len(lines) and lines[at] != "META_START":
            words = lines[at].split()
            covariance = words[:1] == ["COVARIANCE_START"] or (
                covariance and words[:1] != ["COVARIANCE_STOP"]
            )
            if words and words[0] not in ("COMMENT", "COVARIANCE_STOP") and not covariance:
                rows.append((at + 1, words))
            at += 1
        names.append(fields.get("OBJECT_NAME", ""))
        if names[-1] != names[0]:
            raise ScenarioError(
                f"line {begin} begins another object, {names[-1]}; a file is of one satellite"
            )
        yield _oem_segment(begin, fields, rows)


def _oem_segment(line: int, fields: dict[str, str], rows: list[tuple[int, list[str]]]) -> _Segment:
    for field, right in _TAKEN.items():
        if fields.get(field, "").upper() not in right:
            raise ScenarioError(
                f"line {line} begins a segment with {field} {fields.get(field)}, not {right[0]}"
            )
    frame = fields.get("REF_FRAME", "").upper().replace("-", "")
    if frame not in OEM_FRAMES:
        raise ScenarioError(
            f"line {line} begins a segment in the frame {frame}; it must be {', '.join(OEM_FRAMES)}"
        )
    if not rows:
        raise ScenarioError(f"line {line} begins a segment without states")
    epoch = _time(rows[0][0], rows[0][1][0])
    states = [
        [(_time(n, words[0]) - epoch).total_seconds(), *_numbers(n, words[1:], (6, 9))[:6]]
        for n, words in rows
    ]
    usable = [fields.get(f"USEABLE_{end}_TIME") for end in ("START", "STOP")]
    edges = [states[0][0], states[-1][0]]
    for k, text in enumerate(usable):
        if text:
            edges[k] = (_time(line, text) - epoch).total_seconds()
    method = fields.get("INTERPOLATION", "LAGRANGE").upper()
    told = fields.get("INTERPOLATION_DEGREE", str(USUAL_DEGREE))
    degree = int(told) if told.isdecimal() else 0
    return _segment(line, OEM_FRAMES[frame], method, degree, epoch, states, (edges[0], edges[1]))


def _time(line: int, text: str) -> dt.datetime:
    """UTC; with the day of the month, or of the year."""
    of_year = re.fullmatch(r"(\d{4}-\d{3})(T.*)", text)
    try:
        if of_year:
            text = dt.datetime.strptime(of_year[1], "%Y-%j").strftime("%Y-%m-%d") + of_year[2]
        return utc(dt.datetime.fromisoformat(text))
    except ValueError:
        raise ScenarioError(f"line {line} has the time {text[:SHOWN]}, which is no date and time") from None


# -- STK -------------------------------------------------------------------------------------------

_FORMATS = {"ephemeristimeposvel": 7, "ephemeristimepos": 4}
_UNITS_KM = {"meters": 1e-3, "kilometers": 1.0}


def _stk(text: str) -> _Segment:
    """Keywords, then one of _FORMATS, then states, in s after the epoch."""
    fields: dict[str, tuple[int, str]] = {}
    lines = enumerate(text.split("\n"), 1)
    columns = begin = 0
    for n, row in lines:
        key, _, value = row.split("#")[0].strip().partition(" ")
        if key.lower() in _FORMATS:
            columns, begin = _FORMATS[key.lower()], n
            break
        fields[key.lower()] = (n, value.strip())
    if not columns:
        raise ScenarioError(
            "it has neither EphemerisTimePosVel nor EphemerisTimePos, of which skybed reads states"
        )
    rows = []
    for n, row in lines:
        if row.strip().lower().startswith("end ephemeris"):
            break
        if words := row.split("#")[0].split():
            rows.append(_numbers(n, words, (columns,)))
    else:
        raise ScenarioError("it ends without END Ephemeris: it is truncated")

    def said(name: str, usual: str) -> tuple[int, str]:
        return fields.get(name.lower(), (begin, usual))

    line, count = said("NumberOfEphemerisPoints", str(len(rows)))
    if count != str(len(rows)):
        raise ScenarioError(f"line {line} has {count} NumberOfEphemerisPoints, and {len(rows)} states follow")
    line, body = said("CentralBody", "Earth")
    if body.lower() != "earth":
        raise ScenarioError(f"line {line} has the central body {body}, not Earth")
    line, unit = said("DistanceUnit", "Meters")
    if unit.lower() not in _UNITS_KM:
        raise ScenarioError(f"line {line} has the unit {unit}; it must be Meters or Kilometers")
    line, system = said("CoordinateSystem", "Fixed")
    if system.upper() not in STK_FRAMES:
        known = "ICRF, J2000, Fixed or TEMEOfDate"
        raise ScenarioError(f"line {line} has the coordinate system {system}; it must be {known}")
    line, told = said("ScenarioEpoch", "")
    try:
        epoch = dt.datetime.strptime(told[:26], "%d %b %Y %H:%M:%S.%f").replace(tzinfo=dt.UTC)
    except ValueError:
        raise ScenarioError(
            f"line {line} has the ScenarioEpoch {told or 'missing'}; it must be such as "
            "9 May 2026 00:00:00.000"
        ) from None
    method = said("InterpolationMethod", "Lagrange")[1].upper()
    line, order = said("InterpolationSamplesM1", said("InterpolationOrder", str(USUAL_DEGREE))[1])
    degree = int(order) if order.isdecimal() else 0
    if method == "HERMITE" and "interpolationsamplesm1" in fields:
        degree = 2 * degree + 1
    states = np.array(rows).reshape(-1, columns)
    states[:, 1:] *= _UNITS_KM[unit.lower()]
    if columns == 4:
        if method == "HERMITE":
            raise ScenarioError(f"line {begin} begins positions alone, and Hermite takes velocities, too")
        slopes = np.gradient(states[:, 1:], states[:, 0], axis=0, edge_order=2) if len(states) > 2 else 0
        states = np.column_stack([states, np.broadcast_to(slopes, (len(states), 3))])
    return _segment(begin, STK_FRAMES[system.upper()], method, degree, epoch, states.tolist())
