"""Formulas of the spherical Earth: what a satellite sees, for how long, and how far away it is.

All take arrays that broadcast together. Distances in km, angles in deg, times in s.
Standard relations (Vallado 2013, ch. 2 and 11); the symbols: R Earth radius, r orbit radius, h altitude.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array

C_KM_S = 299_792.458
EARTH_RADIUS_KM = 6378.137  # WGS84, equatorial
MEAN_RADIUS_KM = 6371.0
MU_KM3_S2 = 398_600.4418  # WGS84
J2 = 1.08262668e-3
FIBRE_INDEX = 1.47  # light in fibre travels at 0.68 c
FIBRE_STRETCH = 1.4  # laid length over great circle
TROPICAL_YEAR_DAYS = 365.2422
ROUNDING = 1e-12  # of a sine; 1e-9 km of range

# SGP4 is defined with these (Spacetrack Report 3; WGS72).
WGS72_RADIUS_KM = 6378.135
WGS72_MU_KM3_S2 = 398_600.8


def slant_range_km(
    altitude_km: ArrayLike, elevation_deg: ArrayLike, radius_km: float = EARTH_RADIUS_KM
) -> Array:
    """Distance from a ground station to a satellite it sees; 550 km at 25 deg is 1123.4 km. Law of sines."""
    r = radius_km + np.asarray(altitude_km, float)
    e = np.radians(elevation_deg)
    return np.sqrt(r**2 - (radius_km * np.cos(e)) ** 2) - radius_km * np.sin(e)


def elevation_deg(altitude_km: ArrayLike, range_km: ArrayLike, radius_km: float = EARTH_RADIUS_KM) -> Array:
    """Elevation of a satellite at a slant range: inverse of slant_range_km; nan when it cannot be so near."""
    r, d = radius_km + np.asarray(altitude_km, float), np.asarray(range_km, float)
    sine = (r**2 - radius_km**2 - d**2) / (2 * radius_km * d)
    possible = np.abs(sine) <= 1 + ROUNDING  # overhead it often comes out a little above 1
    return np.degrees(np.arcsin(np.where(possible, np.clip(sine, -1, 1), np.nan)))


def central_angle_deg(
    altitude_km: ArrayLike, elevation_deg: ArrayLike, radius_km: float = EARTH_RADIUS_KM
) -> Array:
    """Angle at the Earth's centre between a station and the satellite it sees at this elevation."""
    e = np.radians(elevation_deg)
    r = radius_km + np.asarray(altitude_km, float)
    return np.degrees(np.arccos(radius_km / r * np.cos(e)) - e)


def orbit_rate_rad_s(altitude_km: ArrayLike) -> Array:
    """Mean motion of a circular orbit around a point mass."""
    return np.sqrt(MU_KM3_S2 / (EARTH_RADIUS_KM + np.asarray(altitude_km, float)) ** 3)


def period_s(altitude_km: ArrayLike) -> Array:
    """Time of one revolution; 95.65 min at 550 km."""
    return 2 * np.pi / orbit_rate_rad_s(altitude_km)


def overhead_pass_s(altitude_km: ArrayLike, elevation_deg: ArrayLike) -> Array:
    """Longest pass above an elevation, through the zenith of a station that does not rotate."""
    return 2 * np.radians(central_angle_deg(altitude_km, elevation_deg)) / orbit_rate_rad_s(altitude_km)


def range_rate_km_s(altitude_km: ArrayLike, elevation_deg: ArrayLike) -> Array:
    """Speed along the line of sight, at this elevation of an overhead pass."""
    psi = np.radians(central_angle_deg(altitude_km, elevation_deg))
    r = EARTH_RADIUS_KM + np.asarray(altitude_km, float)
    rate = EARTH_RADIUS_KM * r * orbit_rate_rad_s(altitude_km) * np.sin(psi)
    return rate / slant_range_km(altitude_km, elevation_deg)


def chord_km(altitude_km: ArrayLike, per_plane: ArrayLike, radius_km: float = EARTH_RADIUS_KM) -> Array:
    """Distance between neighbours among satellites spaced evenly in one circular orbit."""
    return 2 * (radius_km + np.asarray(altitude_km, float)) * np.sin(np.pi / np.asarray(per_plane, float))


def grazing_range_km(
    altitude_km: ArrayLike, grazing_altitude_km: ArrayLike = 80.0, radius_km: float = EARTH_RADIUS_KM
) -> Array:
    """Longest line between two satellites of one altitude that stays above the grazing altitude."""
    r = radius_km + np.asarray(altitude_km, float)
    g = radius_km + np.asarray(grazing_altitude_km, float)
    return 2 * np.sqrt(np.maximum(r**2 - g**2, 0.0))


def ring_minimum(altitude_km: float, reach_km: float, radius_km: float = EARTH_RADIUS_KM) -> int:
    """Fewest satellites, evenly in one circular orbit, whose neighbours are within reach of each other.

    As far as the Earth lets them see (grazing_range_km) that is 9 at 500 km, 6 at 1145 km.
    """
    half_angle = np.arcsin(min(1.0, reach_km / (2 * (radius_km + altitude_km))))
    return max(3, int(np.ceil(np.pi / half_angle)))


def sun_synchronous_inclination_deg(altitude_km: ArrayLike) -> Array:
    """Inclination whose node J2 turns once a year, circular orbit; nan where none does (above 5,975 km)."""
    ratio = EARTH_RADIUS_KM / (EARTH_RADIUS_KM + np.asarray(altitude_km, float))
    year = 2 * np.pi / (TROPICAL_YEAR_DAYS * 86_400)
    cosine = -year / (1.5 * orbit_rate_rad_s(altitude_km) * J2 * ratio**2)
    return np.degrees(np.arccos(np.where(cosine >= -1, cosine, np.nan)))


def great_circle_km(
    lat_a_deg: ArrayLike,
    lon_a_deg: ArrayLike,
    lat_b_deg: ArrayLike,
    lon_b_deg: ArrayLike,
    radius_km: float = MEAN_RADIUS_KM,
) -> Array:
    """Shortest way over a sphere of the mean Earth radius. Haversine formula: exact for near points too."""
    a, b = np.radians(lat_a_deg), np.radians(lat_b_deg)
    half_lon = np.radians(np.asarray(lon_b_deg, float) - np.asarray(lon_a_deg, float)) / 2
    h = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(half_lon) ** 2
    return 2 * radius_km * np.arcsin(np.sqrt(np.minimum(h, 1.0)))


def fibre_delay_s(great_circle_km: ArrayLike, stretch: float = FIBRE_STRETCH) -> Array:
    """One-way delay of a terrestrial line between two places this far apart."""
    return np.asarray(great_circle_km, float) * stretch / (C_KM_S / FIBRE_INDEX)
