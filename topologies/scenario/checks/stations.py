"""Checks of `stations`: each stands at a place, or moves along a track that can be."""

from __future__ import annotations

from collections.abc import Iterator

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.ground import Station, WayPoint
from skybed.topologies.model.known import Problem
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.orbits import tracks


def stations(scenario: ScenarioModel) -> Iterator[Problem]:
    for i, station in enumerate(scenario.stations):
        path: FieldPath = ("stations", i)
        kinds = [kind for kind in ("track", "track_file") if getattr(station, kind) is not None]
        angles = [angle for angle in ("lat_deg", "lon_deg") if getattr(station, angle) is not None]
        if not kinds:
            yield from (((*path, x), "is missing.") for x in ("lat_deg", "lon_deg") if x not in angles)
        elif wrong := [*kinds[1:], *angles]:
            yield path, f"has {kinds[0]} and {wrong[0]}; give one of them."
        else:
            yield from _track((*path, kinds[0]), station, scenario)


def _track(path: FieldPath, station: Station, scenario: ScenarioModel) -> Iterator[Problem]:
    wrong = [
        problem for k, point in enumerate(station.track or ()) for problem in _time((*path, k), k, point)
    ]
    if wrong:
        yield from wrong
        return
    try:
        track = tracks.of_station(station, scenario.begin)
    except ScenarioError as error:
        yield path, f"cannot be used: {error}."
        return
    problem = tracks.problem(track)
    if problem and station.track is not None:
        yield (*path, problem[0]), f"{problem[1]}."
    elif problem:
        yield path, f"cannot be used: way point {problem[0] + 1} {problem[1]}."


def _time(path: FieldPath, number: int, point: WayPoint) -> Iterator[Problem]:
    """Whether one field tells when a way point is passed, and can."""
    given = [name for name in ("t_s", "at", "speed_kmh") if getattr(point, name) is not None]
    if len(given) != 1 and not (number == 0 and not given):  # the first is passed at 0
        has = " and ".join(given) or "no time"
        yield path, f"has {has}; give exactly one of t_s, at, speed_kmh."
    elif number == 0 and given == ["speed_kmh"]:
        yield (*path, "speed_kmh"), "is that from the point before; the first point needs t_s or at."
