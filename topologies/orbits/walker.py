"""Satellites from parameters: Walker constellations and geostationary slots, as SGP4 element sets.

Convention (Walker delta i:T/P/F): plane p has right ascension raan0 + p * spread / P; slot s of plane p has
mean anomaly M0 + 360 s / S + 360 F p / T, T = P * S, so a positive F moves the next plane ahead. The sign
matters: an offset of 5/32 by which the next plane lags is F = -5, which in 32 planes is 27, not 5.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sgp4.api import SGP4_ERRORS, WGS72, Satrec, jday
from sgp4.propagation import gstime

from skybed.topologies.arrays import Array
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.space import Layer, Walker
from skybed.topologies.orbits.geometry import WGS72_MU_KM3_S2, WGS72_RADIUS_KM
from skybed.topologies.orbits.states import States

_SGP4_EPOCH_JD = 2433281.5  # 1949 December 31 00:00
_SIDEREAL_REV_DAY = 1.00273791  # revolutions of the Earth per day, to the digits of an element set
_KEPLER_STEPS = 20
_CIRCLE = 1e-6  # eccentricities below are no more than what SGP4 likes better than 0


class Satellite(NamedTuple):
    """A satellite of a scenario. plane and slot count from 0. states: of one whose file gives them, counted
    from the epoch of its satrec, which then has the elements of the middle one.
    """

    name: str
    layer: str
    plane: int
    slot: int
    satrec: Satrec
    states: States | None = None


def satellites(layer_name: str, layer: Layer, epoch: dt.datetime) -> list[Satellite]:
    """Satellites of a layer given by `walker` or `geostationary`, plane by plane, with elements of the epoch.

    Raises ScenarioError where SGP4 cannot fly such an orbit.
    """
    if layer.walker:
        planes, slots = np.divmod(
            np.arange(layer.walker.planes * layer.walker.per_plane), layer.walker.per_plane
        )
        raan_deg, anomaly_deg = angles_deg(layer.walker)
        shape = (layer.walker.inclination_deg, layer.walker.eccentricity, mean_motion_rev_day(layer.walker))
        perigee_deg, epoch = layer.walker.arg_perigee_deg, layer.walker.epoch or epoch
        template = layer.names or "{layer}-{plane}-{slot}"
    elif layer.geostationary:
        longitudes = np.array(layer.geostationary.longitudes_deg)
        slots = np.arange(len(longitudes))
        planes = np.zeros_like(slots)
        raan_deg, anomaly_deg = np.zeros(len(slots)), _sidereal_deg(epoch) + longitudes
        shape = (0.0, 1e-7, _SIDEREAL_REV_DAY)
        perigee_deg = 0.0
        template = layer.names or "{layer}-{n}"
    else:
        raise ScenarioError("it has neither walker nor geostationary")
    satellites = []
    for n, (plane, slot) in enumerate(zip(planes.tolist(), slots.tolist(), strict=True)):
        satrec = _satrec(n + 1, epoch, *shape, perigee_deg, raan_deg[n], anomaly_deg[n])
        if satrec.error:
            raise ScenarioError(f"SGP4 cannot fly the orbit: {SGP4_ERRORS[satrec.error]}")
        name = template.format(layer=layer_name, n=n, plane=plane, slot=slot)
        satellites.append(Satellite(name, layer_name, plane, slot, satrec))
    return satellites


def angles_deg(walker: Walker) -> tuple[Array, Array]:
    """Right ascension and mean anomaly of all satellites, each [planes * per_plane], in 0..360."""
    p, s = np.divmod(np.arange(walker.planes * walker.per_plane, dtype=float), walker.per_plane)
    if walker.phasing == "half-slot":
        shift = np.where(p % 2 == 1, 180.0 / walker.per_plane, 0.0)
    else:
        shift = 360.0 * walker.phasing * p / (walker.planes * walker.per_plane)
    if walker.raan_spacing_deg is not None:
        raan = walker.raan0_deg + p * walker.raan_spacing_deg
    else:
        raan = walker.raan0_deg + p * _spread_deg(walker) / walker.planes
    anomaly = walker.mean_anomaly0_deg + 360.0 * s / walker.per_plane + shift
    return raan % 360.0, anomaly % 360.0


def _spread_deg(walker: Walker) -> float:
    return walker.raan_spread_deg or (180.0 if walker.pattern == "star" else 360.0)


def goes_round(walker: Walker) -> bool:
    """Whether the first plane is as far from the last as any from the one before."""
    spacing_deg = walker.raan_spacing_deg
    spread_deg = _spread_deg(walker) if spacing_deg is None else abs(spacing_deg) * walker.planes
    return abs(spread_deg - 360) < 1e-6


def mean_motion_rev_day(walker: Walker) -> float:
    """Kozai mean motion as an element set has it: given, or Kepler's third law at the altitude, with WGS72's
    radius and mu. (J2 makes the osculating altitude swing by a few km about it.)"""
    if walker.mean_motion_rev_day is not None:
        return walker.mean_motion_rev_day
    assert walker.altitude_km is not None  # the loader has seen to it
    rate_rad_s = np.sqrt(WGS72_MU_KM3_S2 / (WGS72_RADIUS_KM + walker.altitude_km) ** 3)
    return float(rate_rad_s * 86_400 / (2 * np.pi))


def semi_major_axis_km(walker: Walker) -> float:
    """From the mean motion, by Kepler's third law, WGS72."""
    return _axis_km(mean_motion_rev_day(walker))


def _axis_km(motion_rev_day: float) -> float:
    rate_rad_s = motion_rev_day * 2 * np.pi / 86_400
    return float((WGS72_MU_KM3_S2 / rate_rad_s**2) ** (1 / 3))


def axis_km(layer: Layer) -> float:
    """Semi-major axis of a layer given by `walker` or `geostationary`."""
    return semi_major_axis_km(layer.walker) if layer.walker else _axis_km(_SIDEREAL_REV_DAY)


def positions_km(walker: Walker, turn_deg: float = 0.0) -> Array:
    """Positions [n, 3] on Kepler's ellipses, inertial, when each mean anomaly has grown by `turn_deg`."""
    raan, anomaly = np.radians(angles_deg(walker)) + np.array([[0.0], [np.radians(turn_deg)]])
    i = np.radians(walker.inclination_deg)
    e = walker.eccentricity if walker.eccentricity > _CIRCLE else 0.0
    eccentric = _eccentric_anomaly(anomaly, e)
    true = 2 * np.arctan2(np.sqrt(1 + e) * np.sin(eccentric / 2), np.sqrt(1 - e) * np.cos(eccentric / 2))
    u = np.radians(walker.arg_perigee_deg) + true
    xyz = [
        np.cos(raan) * np.cos(u) - np.sin(raan) * np.sin(u) * np.cos(i),
        np.sin(raan) * np.cos(u) + np.cos(raan) * np.sin(u) * np.cos(i),
        np.sin(u) * np.sin(i),
    ]
    radius_km = semi_major_axis_km(walker) * (1 - e * np.cos(eccentric))
    return radius_km[:, None] * np.stack(xyz, axis=-1)


def _eccentric_anomaly(mean: Array, e: float) -> Array:
    """Kepler's equation, rad, by Newton's method from a start that serves every e < 1."""
    mean = (mean + np.pi) % (2 * np.pi) - np.pi
    eccentric = np.where(mean < 0, -np.pi, np.pi) if e > 0.5 else mean
    for _ in range(_KEPLER_STEPS if e else 0):
        eccentric = eccentric - (eccentric - e * np.sin(eccentric) - mean) / (1 - e * np.cos(eccentric))
    return eccentric


def geostationary_km(longitudes_deg: Sequence[float]) -> Array:
    """Positions [n, 3], Earth-fixed."""
    longitude = np.radians(longitudes_deg)
    ring = np.stack([np.cos(longitude), np.sin(longitude), 0 * longitude], axis=-1)
    return _axis_km(_SIDEREAL_REV_DAY) * ring


def _sidereal_deg(epoch: dt.datetime) -> float:
    """Greenwich mean sidereal time (IAU 1982), with UT1 = UTC."""
    return float(np.degrees(gstime(sum(_jday(epoch)))))


def _jday(epoch: dt.datetime) -> tuple[float, float]:
    seconds = epoch.second + epoch.microsecond * 1e-6
    return jday(epoch.year, epoch.month, epoch.day, epoch.hour, epoch.minute, seconds)


def _satrec(
    number: int,
    epoch: dt.datetime,
    inclination_deg: float,
    eccentricity: float,
    motion_rev_day: float,
    perigee_deg: float,
    raan_deg: float,
    anomaly_deg: float,
) -> Satrec:
    """An SGP4 satellite without drag, its elements rounded to the digits of a two-line element set."""
    day, fraction = _jday(epoch)
    satrec = Satrec()
    satrec.sgp4init(
        WGS72,
        "i",
        number,
        day - _SGP4_EPOCH_JD + fraction,
        0.0,  # B*
        0.0,  # drag terms that SGP4 does not use
        0.0,
        round(eccentricity, 7),
        np.radians(round(perigee_deg % 360.0, 4) % 360.0),
        np.radians(round(inclination_deg, 4)),
        np.radians(round(anomaly_deg % 360.0, 4) % 360.0),
        round(motion_rev_day, 8) * 2 * np.pi / 1440,
        np.radians(round(raan_deg % 360.0, 4) % 360.0),
    )
    return satrec
