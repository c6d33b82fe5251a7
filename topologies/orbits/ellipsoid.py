"""The WGS84 ellipsoid: points over it, and the direction to their zenith.

Positions are in km in any frame that is turned about the Earth's axis: Earth-fixed, or TEME. A point is told
by its normal, the unit vector to its zenith (the n-vector of Gade 2010, J. Navigation 63(3)), and its height.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array

A_KM, FLATTENING = 6378.137, 1 / 298.257223563
B_KM = A_KM * (1 - FLATTENING)
E2 = FLATTENING * (2 - FLATTENING)  # eccentricity squared
SECOND_E2 = E2 / (1 - E2)


def normal(lat_deg: ArrayLike, lon_deg: ArrayLike) -> Array:
    """Unit vectors to the zenith of geodetic latitudes and longitudes, Earth-fixed; shape + (3,)."""
    lat, lon = np.radians(np.asarray(lat_deg, float)), np.radians(np.asarray(lon_deg, float))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def point_km(up: Array, height_km: ArrayLike) -> Array:
    """Points with these normals (..., 3) at heights (...) over the ellipsoid."""
    h = np.asarray(height_km, float)
    n = A_KM / np.sqrt(1 - E2 * up[..., 2] ** 2)
    return up * np.stack([n + h, n + h, n * (1 - E2) + h], axis=-1)


def latitude_and_height(r_km: Array) -> tuple[Array, Array]:
    """Geodetic latitude, deg, and height, km, of points (..., 3) on or above the ellipsoid."""
    up = zenith(r_km)
    below_km = A_KM * np.sqrt(1 - E2 * up[..., 2] ** 2)
    return np.degrees(np.arcsin(np.clip(up[..., 2], -1, 1))), np.einsum("...i,...i", r_km, up) - below_km


def elevation_deg(from_km: Array, to_km: Array) -> Array:
    """Of points as seen from others, on or above the ellipsoid; both (..., 3), which broadcast together."""
    line = to_km - from_km
    sine = np.einsum("...i,...i", line, zenith(from_km)) / np.sqrt(np.einsum("...i,...i", line, line))
    return np.degrees(np.arcsin(np.clip(sine, -1, 1)))


def azimuth_deg(from_km: Array, to_km: Array) -> Array:
    """Of points as seen from others, from north over east, 0 to 360; both (..., 3), which broadcast."""
    x, y, z = np.moveaxis(zenith(from_km), -1, 0)
    level = np.maximum(np.hypot(x, y), np.finfo(float).tiny)
    east = np.stack([-y, x, 0 * z], axis=-1)
    north = np.stack([-x * z, -y * z, level * level], axis=-1)
    line = to_km - from_km
    across, along = np.einsum("...i,...i", line, east), np.einsum("...i,...i", line, north)
    return np.degrees(np.arctan2(across, along)) % 360


def zenith(r_km: Array) -> Array:
    """Unit vectors to the zenith of points (..., 3) on or above the ellipsoid.

    Bowring 1985, Survey Review 28: up to 100 km high within 1e-11 rad.
    """
    x, y, z = np.moveaxis(r_km, -1, 0)
    p2, z2 = x * x + y * y, z * z
    bk = B_KM * (1 + SECOND_E2 * B_KM / np.sqrt(p2 + z2))
    w2 = A_KM**2 * p2 + bk * bk * z2
    w3 = w2 * np.sqrt(w2)
    across = 1 - E2 * A_KM**4 * p2 / w3
    along = 1 + SECOND_E2 * B_KM * bk * bk * bk * z2 / w3
    length = np.sqrt(across * across * p2 + along * along * z2)
    across /= length
    return np.moveaxis(np.stack([x * across, y * across, z * along / length]), 0, -1)
