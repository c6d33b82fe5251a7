"""The Earth in figures: the outlines of land, those of the page of a sky, and where the Sun stands."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skybed.topologies.arrays import Array

LAND = Path(__file__).parents[1] / "view" / "land-110m.json"


class Shore(NamedTuple):
    """A ring of points (n, 2), longitude and latitude in deg, the first again at the end; inside is to the
    right. lake: water is inside.
    """

    ring: Array
    lake: bool


@cache
def shores() -> list[Shore]:
    """Natural Earth, 1:110 million, as world-atlas has it in TopoJSON; lakes come after land."""
    topology = json.loads(LAND.read_text(encoding="utf-8"))
    scale, translate = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + translate for arc in topology["arcs"]]
    shapes = topology["objects"]["land"]["geometries"]
    polygons = [rings for shape in shapes for rings in _polygons(shape)]
    land = [Shore(_joined(rings[0], arcs), False) for rings in polygons]
    return land + [Shore(_joined(ring, arcs)[::-1], True) for rings in polygons for ring in rings[1:]]


def _polygons(shape: dict[str, Any]) -> list[list[list[int]]]:
    arcs: list[Any] = shape["arcs"]
    return arcs if shape["type"] == "MultiPolygon" else [arcs]


def _joined(ring: list[int], arcs: list[Array]) -> Array:
    """A negative number is that of an arc from its end; the first point of each next arc is there already."""
    parts = [arcs[~number][::-1] if number < 0 else arcs[number] for number in ring]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def flat_shores() -> list[Shore]:
    """Without jumps of longitude, which may go beyond 180 deg. A ring round a pole is closed over it."""
    return [Shore(_flat(ring), lake) for ring, lake in shores()]


def _flat(ring: Array) -> Array:
    lon = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    flat = np.stack([lon, ring[:, 1]], axis=-1)
    if abs(lon[-1] - lon[0]) < 180:
        return flat
    pole = 90.0 if ring[0, 1] > 0 else -90.0
    return np.concatenate([flat, [[lon[-1], pole], [lon[0], pole]]])


def unit(lon_deg: Array, lat_deg: Array) -> Array:
    """Unit vectors of a sphere, Earth-fixed; shape + (3,)."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def sun(when: dt.datetime) -> Array:
    """Unit vector to the Sun, Earth-fixed: within 0.02 deg from 1950 to 2050 (Astronomical Almanac, C5)."""
    n = when.timestamp() / 86400 + 2440587.5 - 2451545
    g = np.radians(357.528 + 0.9856003 * n)
    longitude = np.radians(280.46 + 0.9856474 * n + 1.915 * np.sin(g) + 0.02 * np.sin(2 * g))
    tilt = np.radians(23.439 - 4e-7 * n)
    x, y, z = np.cos(longitude), np.cos(tilt) * np.sin(longitude), np.sin(tilt) * np.sin(longitude)
    turn = np.radians(280.46061837 + 360.98564736629 * n)
    return np.array([x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn), z])
