"""Where nodes are over the ground: Earth-fixed positions, the points below them, what sees a satellite.

Longitudes are from -180 to 180 deg. A line that crosses the antimeridian is cut there, as RFC 7946, section
3.1.9, asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.orbits import ellipsoid, ephemeris
from skybed.topologies.orbits.ephemeris import KNOT_S, SPIN_RAD_S, Ephemeris
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM
from skybed.topologies.orbits.knots import BLOCK


class Below(NamedTuple):
    """Geodetic places: deg, deg, and km over the ellipsoid."""

    lon_deg: Array
    lat_deg: Array
    height_km: Array


def fixed_km(sky: Ephemeris, node: Index, t_s: Array) -> Array:
    """Earth-fixed positions of nodes at run times, which broadcast together and may begin a little before 0;
    shape + (3,).
    """
    knots_s = np.arange(len(sky.sidereal_rad)) * KNOT_S
    turn_rad = -np.interp(t_s, knots_s, sky.sidereal_rad) - np.minimum(t_s, 0) * SPIN_RAD_S
    return np.moveaxis(ephemeris.turned(np.moveaxis(sky.position_km(node, t_s), -1, 0), turn_rad), 0, -1)


def each_fixed_km(sky: Ephemeris, times_s: Sequence[Array]) -> Iterator[Array]:
    """Of every node in turn the Earth-fixed positions at run times of its own, (times, 3). So many nodes are
    placed at once that knots, however long the plan, are worked out once.
    """
    for first in range(0, len(times_s), BLOCK):
        some = times_s[first : first + BLOCK]
        counts = [len(t_s) for t_s in some]
        node = np.repeat(np.arange(first, first + len(some)), counts)
        yield from np.split(fixed_km(sky, node, np.concatenate(some)), np.cumsum(counts)[:-1])


def below(r_km: Array) -> Below:
    """Of Earth-fixed points (..., 3)."""
    lat_deg, height_km = ellipsoid.latitude_and_height(r_km)
    return Below(np.degrees(np.arctan2(r_km[..., 1], r_km[..., 0])), lat_deg, height_km)


def wrapped_deg(lon_deg: Array) -> Array:
    """Longitudes as -180 to 180 deg, without 180 itself."""
    return (lon_deg + 180) % 360 - 180


def cut(lon_deg: Array, lat_deg: Array) -> list[Array]:
    """A line of points as pieces (n, 2), longitude and latitude, none of which crosses the antimeridian:
    where it does, one ends and the next begins, at the latitude of the straight line between the two points.
    """
    step_deg = np.diff(lon_deg)
    turns = np.concatenate([[0], np.cumsum(np.round(step_deg / 360))]) * 360
    points = np.stack([lon_deg, lat_deg], axis=-1)
    pieces, begin, first = [], 0, points[:0]
    for k in np.flatnonzero(np.diff(turns)).tolist():
        edge = 180.0 if turns[k + 1] < turns[k] else -180.0
        step = step_deg[k] - (turns[k + 1] - turns[k])
        share = (edge - lon_deg[k]) / step if step else 0.0
        lat = lat_deg[k] + share * (lat_deg[k + 1] - lat_deg[k])
        pieces.append(np.concatenate([first, points[begin : k + 1], [[edge, lat]]]))
        begin, first = k + 1, np.array([[-edge, lat]])
    return [*pieces, np.concatenate([first, points[begin:]])]


def half_angle_deg(distance_km: Array | np.floating, min_elevation_deg: float) -> Array:
    """The angle at the Earth's centre, a sphere, between the point below a satellite and those from which it
    stands so high: 550 km at 25 deg is 8.46 deg, 940.7 km (law of sines).
    """
    e = np.radians(min_elevation_deg)
    cosine = np.clip(MEAN_RADIUS_KM / distance_km * np.cos(e), -1, 1)
    return np.degrees(np.arccos(cosine) - e)


def footprint(r_km: Array, min_elevation_deg: float, count: int = 72) -> Array:
    """Where on a sphere a satellite, an Earth-fixed point (3,), stands at an elevation: unit vectors
    (count, 3), anticlockwise as seen from it.
    """
    distance_km = np.linalg.norm(r_km)
    up = r_km / distance_km
    lambda_rad = np.radians(half_angle_deg(distance_km, min_elevation_deg))
    east = np.cross([0.0, 0.0, 1.0] if np.hypot(*up[:2]) > 1e-9 else [0.0, -1.0, 0.0], up)
    east /= np.linalg.norm(east)
    around = 2 * np.pi * np.arange(count)[:, None] / count
    ring = np.cos(around) * east + np.sin(around) * np.cross(up, east)
    return np.cos(lambda_rad) * up + np.sin(lambda_rad) * ring
