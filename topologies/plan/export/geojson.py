"""The sky as GeoJSON (RFC 7946): ground tracks and footprints of satellites, stations and their tracks.

Places are longitude and latitude in degrees, WGS84. Footprints are those of a sphere. What crosses the
antimeridian is cut there (section 3.1.9), outlines go anticlockwise (3.1.6), and one that holds a pole is
closed along it.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts import passes
from skybed.topologies.orbits import ground_tracks
from skybed.topologies.orbits.ephemeris import utc_texts
from skybed.topologies.orbits.ground_tracks import Below
from skybed.topologies.plan.plan import Plan

STEP_S = 30.0  # of tracks
DIGITS = 4  # of degrees: 11 m
Feature = dict[str, Any]


def text(plan: Plan) -> str:
    """Of each satellite its track over the plan (`track`), and its footprint at the beginning (`footprint`);
    of each station its place (`station`), or its track.
    """
    sky = plan.network.sky
    masks_deg = _masks_deg(plan)
    until_s = np.where(sky.stays, 0.0, np.minimum(sky.ends_s, plan.duration_s)).tolist()
    times_s = [np.linspace(0.0, end_s, int(np.ceil(end_s / STEP_S)) + 1) for end_s in until_s]
    features = []
    for number, r_km in enumerate(ground_tracks.each_fixed_km(sky, times_s)):
        below = ground_tracks.below(r_km)
        if sky.stays[number]:
            features.append(_station(plan, number, below))
        else:
            features.append(_track(plan, number, below, until_s[number]))
        if number < sky.satellites:
            features.append(_footprint(plan, number, r_km[0], float(masks_deg[number])))
    return json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":")) + "\n"


def _masks_deg(plan: Plan) -> Array:
    """Of each satellite the least elevation that the link of a station with it needs; without stations 0."""
    satellites = np.arange(len(plan.orbits))
    of_stations = [
        passes.masks_deg(plan.network, station, satellites)
        for station in range(len(plan.orbits), len(plan.nodes))
    ]
    return np.min(of_stations, axis=0) if of_stations else np.zeros(len(satellites))


def _feature(plan: Plan, number: int, kind: str, geometry: Feature, **more: Any) -> Feature:
    node = plan.nodes[number]
    properties = {"name": node.name, "kind": kind, "layer": node.layer or None, **more}
    return {"type": "Feature", "id": f"{kind} {node.name}", "geometry": geometry, "properties": properties}


def _utc(plan: Plan, t_s: float) -> str:
    return utc_texts(plan.scenario.begin, np.array([t_s]))[0]


def _track(plan: Plan, number: int, below: Below, until_s: float) -> Feature:
    lines = [line.round(DIGITS).tolist() for line in ground_tracks.cut(below.lon_deg, below.lat_deg)]
    geometry = {"type": "MultiLineString", "coordinates": lines}
    return _feature(plan, number, "track", geometry, start_utc=_utc(plan, 0.0), end_utc=_utc(plan, until_s))


def _footprint(plan: Plan, number: int, r_km: Array, mask_deg: float) -> Feature:
    x, y, z = ground_tracks.footprint(r_km, mask_deg).T
    outline = np.degrees(np.stack([np.arctan2(y, x), np.arcsin(np.clip(z, -1, 1))], axis=-1))
    parts = [[part.round(DIGITS).tolist()] for part in cut(outline)]
    geometry = {"type": "MultiPolygon", "coordinates": parts}
    return _feature(plan, number, "footprint", geometry, at_utc=_utc(plan, 0.0), min_elevation_deg=mask_deg)


def _station(plan: Plan, number: int, below: Below) -> Feature:
    place = np.concatenate([below.lon_deg, below.lat_deg]).round(DIGITS).tolist()
    return _feature(plan, number, "station", {"type": "Point", "coordinates": place})


# -- outlines --------------------------------------------------------------------------------------


def cut(outline: Array) -> list[Array]:
    """An outline (n, 2), longitude and latitude in deg, anticlockwise, as closed rings (m, 2) from -180 to
    180 deg. It is unrolled and cut along each antimeridian; one that goes round the Earth has a pole inside.
    """
    ring = np.concatenate([outline, outline[:1]])
    lon_deg = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    flat = np.stack([lon_deg, ring[:, 1]], axis=-1)
    if abs(lon_deg[-1] - lon_deg[0]) > 180:
        pole_deg = 90.0 if lon_deg[-1] > lon_deg[0] else -90.0  # round the north pole that is eastwards
        flat = np.concatenate([flat, [[lon_deg[-1], pole_deg], [lon_deg[0], pole_deg]]])
    first, last = (int(np.floor((edge + 180) / 360)) for edge in (flat[:, 0].min(), flat[:, 0].max()))
    parts = []
    for turn in range(first, last + 1):
        west, east = 360.0 * turn - 180, 360.0 * turn + 180
        part = _beyond(_beyond(flat, west, 1.0), east, -1.0)
        if len(part) > 2:
            parts.append(np.concatenate([part, part[:1]]) - [360.0 * turn, 0.0])
    return parts


def _beyond(ring: Array, edge_deg: float, side: float) -> Array:
    """The part of a ring to the east (side 1) or west (-1) of a meridian: Sutherland and Hodgman 1974."""
    kept: list[Array] = []
    for here, there in itertools.pairwise([*ring, ring[0]]):
        inside, next_inside = side * (here[0] - edge_deg) >= 0, side * (there[0] - edge_deg) >= 0
        if inside:
            kept.append(here)
        if inside != next_inside:
            share = (edge_deg - here[0]) / (there[0] - here[0])
            kept.append(np.array([edge_deg, here[1] + share * (there[1] - here[1])]))
    return np.array(kept).reshape(-1, 2)
