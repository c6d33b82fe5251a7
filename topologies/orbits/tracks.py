"""Ground nodes that move: ships, trains, aircraft, platforms high in the air.

A track is a list of way points with times. Between two of them a node follows the great circle at an even
speed, and climbs at an even rate; before the first and after the last it stands. Great circles are those of
a sphere of geodetic latitudes and longitudes, as most formulas take them: up to 10,000 km long they lie
within 9 km of the geodesic of the ellipsoid, and their length, on a sphere of the mean radius, is within
0.6 % of its length. Along them positions are exact, at the way points too, where the velocity jumps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import rows
from skybed.topologies.model.ground import HIGHEST_M, LOWEST_M, Station
from skybed.topologies.orbits import ellipsoid
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM, great_circle_km

SHORTEST_S = 0.1  # between two way points
FASTEST_KM_S = 1.0  # what is faster is no aircraft; see contacts.margins.FASTEST_KM_S
KMH = 3600.0  # a km/s
OPPOSITE_DEG = 179.9  # apart: great circles then lead anywhere


class Track(NamedTuple):
    """Way points: ascending run times, degrees, m over the ellipsoid. One that has a single point stands."""

    t_s: Array
    lat_deg: Array
    lon_deg: Array
    alt_m: Array

    def later(self, t_s: float) -> Track:
        """The same, in a run time that begins t_s later."""
        return self._replace(t_s=self.t_s - t_s)


def standing(lat_deg: float, lon_deg: float, alt_m: float = 0.0) -> Track:
    t_s, lat, lon, alt = np.array([[0.0], [lat_deg], [lon_deg], [alt_m]])
    return Track(t_s, lat, lon, alt)


def of_station(station: Station, begin: dt.datetime) -> Track:
    """Where a station is; begin: of run time. Raises ScenarioError, see read."""
    if station.track_file is not None:
        return read(station.track_file, begin, station.alt_m)
    if station.track is None:
        return standing(*station.place, station.alt_m)
    lat_deg, lon_deg = (
        np.array([getattr(p, name) for p in station.track]) for name in ("lat_deg", "lon_deg")
    )
    alt_m = np.array([station.alt_m if p.alt_m is None else p.alt_m for p in station.track])
    legs_km = great_circle_km(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:]).tolist()
    t_s: list[float] = []
    for point, leg_km in zip(station.track, [0.0, *legs_km], strict=True):
        if point.speed_kmh is not None:
            t_s.append(t_s[-1] + leg_km / point.speed_kmh * KMH)
        elif point.at is not None:
            t_s.append((point.at - begin).total_seconds())
        else:
            t_s.append(point.t_s or 0.0)
    return Track(np.array(t_s), lat_deg, lon_deg, alt_m)


def read(text: str, begin: dt.datetime, alt_m: float = 0.0) -> Track:
    """The track in a CSV text, a row for each way point. begin: of run time. alt_m: without heights.

    Raises ScenarioError, which names the line.
    """
    table = rows.read(text, (rows.TIMES, "lat_deg", "lon_deg"), ("alt_m",))
    if len(table) < 2:
        few = ("no way point", "one way point")[len(table)]
        raise ScenarioError(f"it has {few}; give two or more, or lat_deg and lon_deg of a node that stands")
    points = [
        (row.run_time_s(begin), row.number("lat_deg"), row.number("lon_deg"), row.number("alt_m", alt_m))
        for row in table
    ]
    return Track(*np.array(points).T)


def problem(track: Track) -> tuple[int, str] | None:
    """The first way point that cannot be (from 0) and why, a sentence for after its name; None: all can."""
    limits = {"lat_deg": (-90, 90), "lon_deg": (-180, 360), "alt_m": (LOWEST_M, HIGHEST_M)}
    wrong: list[tuple[int, str]] = []
    for name, (least, most) in limits.items():
        values = getattr(track, name)
        for row in np.flatnonzero((values < least) | (values > most))[:1].tolist():
            wrong.append(
                (row, f"has {name} {values[row]:g}; it must be at least {least:g} and at most {most:g}")
            )
    if not wrong:
        wrong = _legs_that_cannot_be(track)
    return min(wrong, default=None)


def _legs_that_cannot_be(track: Track) -> list[tuple[int, str]]:
    wrong = []
    long_s = np.diff(track.t_s)
    arc_km = great_circle_km(track.lat_deg[:-1], track.lon_deg[:-1], track.lat_deg[1:], track.lon_deg[1:])
    climb_km = np.diff(track.alt_m) / 1000
    kmh = np.hypot(arc_km, climb_km) / np.maximum(long_s, SHORTEST_S) * KMH
    for row in np.flatnonzero(long_s < SHORTEST_S * (1 - 1e-9))[:1].tolist():
        says = f"is at {track.t_s[row + 1]:.10g} s, the one before at {track.t_s[row]:.10g} s"
        wrong.append((row + 1, f"{says}; give times that rise by {SHORTEST_S:g} s or more"))
    for row in np.flatnonzero(arc_km > np.radians(OPPOSITE_DEG) * MEAN_RADIUS_KM)[:1].tolist():
        says = "is on the other side of the Earth from the one before"
        wrong.append((row + 1, f"{says}, where any way is as long; give one between"))
    for row in np.flatnonzero(kmh > FASTEST_KM_S * KMH * (1 + 1e-9))[:1].tolist():
        says = f"is reached at {kmh[row]:,.0f} km/h; at most {FASTEST_KM_S * KMH:,.0f} km/h"
        wrong.append((row + 1, f"{says} are allowed for what is not in orbit"))
    return wrong


@dataclass(frozen=True)
class Tracks:
    """The tracks of nodes that move: their legs, one node after the other, and of each node one more after
    the last way point, at rest.

    nodes: their numbers, ascending. first: of each, its first leg. of: each leg's node. start_s: run time.
    up, ahead: (legs, 3), unit vectors, Earth-fixed: the normal at its start, and the way it then turns, at
    rate_rad_s. height_km: at its start, rising by climb_km_s.
    """

    nodes: Index
    first: Index
    of: Index
    start_s: Array
    up: Array
    ahead: Array
    rate_rad_s: Array
    height_km: Array
    climb_km_s: Array

    @cached_property
    def _key(self) -> np.ndarray:
        return _key(self.of, self.start_s)

    def position_km(self, node: Index, t_s: Array) -> Array:
        """Earth-fixed positions of nodes at run times, two lists of one length; (times, 3)."""
        leg = np.searchsorted(self._key, _key(node, t_s), side="right") - 1
        leg = np.maximum(leg, self.first[np.searchsorted(self.nodes, node)])
        since_s = np.maximum(t_s - self.start_s[leg], 0.0)
        angle = (self.rate_rad_s[leg] * since_s)[:, None]
        up = np.cos(angle) * self.up[leg] + np.sin(angle) * self.ahead[leg]
        return ellipsoid.point_km(up, self.height_km[leg] + self.climb_km_s[leg] * since_s)

    def bends_s(self, node: int) -> Array:
        """When the velocity of a node may jump: at its way points, ascending; of one that stands never."""
        return self.start_s[self.of == node]

    @property
    def fastest_km_s(self) -> Array:
        """Of each of the nodes, no less than its greatest speed over the ground."""
        across = self.rate_rad_s * (ellipsoid.A_KM + HIGHEST_M / 1000)
        return np.maximum.reduceat(across + np.abs(self.climb_km_s), self.first)


def _key(node: Index, t_s: ArrayLike) -> np.ndarray:
    """Ordered by node, then by time, which is how complex numbers are sorted."""
    key = np.empty(len(node), complex)
    key.real, key.imag = node, t_s
    return key


def together(nodes: Index, tracks: Sequence[Track]) -> Tracks:
    """Tracks of nodes (ascending numbers), none of which has a problem."""
    lengths = np.array([len(track.t_s) for track in tracks], np.int64)
    first = np.cumsum(lengths) - lengths
    of = np.repeat(nodes, lengths)
    t_s, lat_deg, lon_deg, alt_m = (np.concatenate(column) for column in zip(*tracks, strict=True))
    up, last = ellipsoid.normal(lat_deg, lon_deg), first + lengths - 1
    there = np.roll(up, -1, axis=0)
    there[last] = up[last]
    long_s = np.roll(t_s, -1) - t_s
    long_s[last] = np.inf
    climb_km = (np.roll(alt_m, -1) - alt_m) / 1000
    climb_km[last] = 0.0
    pole = np.cross(up, there)
    sine = np.linalg.norm(pole, axis=1)
    angle = np.arctan2(sine, np.einsum("ni,ni->n", up, there))
    ahead = np.cross(pole, up) / np.where(sine > 0, sine, 1.0)[:, None]
    return Tracks(nodes, first, of, t_s, up, ahead, angle / long_s, alt_m / 1000, climb_km / long_s)
