"""Attenuation by rain, as the ITU predicts it.

All functions take arrays that broadcast together. Frequencies in GHz, 1 to 1000 for the coefficients and up
to 55 for what is exceeded; elevations in deg, above 0; rain rates in mm/h; attenuations in dB. `tilt_deg` is
that of the polarisation against the horizontal: 0 horizontal, 90 vertical, 45 circular.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array

EFFECTIVE_RADIUS_KM = 8500.0  # of the Earth, for rays that the air bends
CIRCULAR_DEG = 45.0

# P.838-3, tables 1 to 4: a, b, c of each term, then m and c of the line under them.
_K_H = ((-5.33980, -0.10008, 1.13098), (-0.35351, 1.26970, 0.45400), (-0.23789, 0.86036, 0.15354),
        (-0.94158, 0.64552, 0.16817)), (-0.18961, 0.71147)  # fmt: skip
_K_V = ((-3.80595, 0.56934, 0.81061), (-3.44965, -0.22911, 0.51059), (-0.39902, 0.73042, 0.11899),
        (0.50167, 1.07319, 0.27195)), (-0.16398, 0.63297)  # fmt: skip
_ALPHA_H = ((-0.14318, 1.82442, -0.55187), (0.29591, 0.77564, 0.19822), (0.32177, 0.63773, 0.13164),
            (-5.37610, -0.96230, 1.47828), (16.1721, -3.29980, 3.43990)), (0.67849, -1.95537)  # fmt: skip
_ALPHA_V = ((-0.07771, 2.33840, -0.76284), (0.56727, 0.95545, 0.54039), (-0.20238, 1.14520, 0.26809),
            (-48.2991, 0.791669, 0.116226), (48.5833, 0.791459, 0.116479)), (-0.053739, 0.83433)  # fmt: skip

_Curve = tuple[tuple[tuple[float, float, float], ...], tuple[float, float]]


def coefficients(
    frequency_ghz: ArrayLike, elevation_deg: ArrayLike, tilt_deg: ArrayLike = CIRCULAR_DEG
) -> tuple[Array, Array]:
    """k and alpha of the specific attenuation k R^alpha. ITU-R P.838-3, eq. 2 to 5."""
    x = np.log10(np.asarray(frequency_ghz, float))
    k_h, k_v = 10 ** _curve(_K_H, x), 10 ** _curve(_K_V, x)
    ka_h, ka_v = k_h * _curve(_ALPHA_H, x), k_v * _curve(_ALPHA_V, x)
    turn = np.cos(np.radians(elevation_deg)) ** 2 * np.cos(2 * np.radians(tilt_deg))
    k = (k_h + k_v + (k_h - k_v) * turn) / 2
    return k, (ka_h + ka_v + (ka_h - ka_v) * turn) / (2 * k)


def _curve(curve: _Curve, x: Array) -> Array:
    terms, (slope, offset) = curve
    return sum(a * np.exp(-(((x - b) / c) ** 2)) for a, b, c in terms) + slope * x + offset


def specific_db_km(
    rain_mm_h: ArrayLike,
    frequency_ghz: ArrayLike,
    elevation_deg: ArrayLike,
    tilt_deg: ArrayLike = CIRCULAR_DEG,
) -> Array:
    """Attenuation per km of rain. ITU-R P.838-3, eq. 1."""
    k, alpha = coefficients(frequency_ghz, elevation_deg, tilt_deg)
    return k * np.asarray(rain_mm_h, float) ** alpha


def effective_path_km(
    specific_db_km: ArrayLike,
    frequency_ghz: ArrayLike,
    elevation_deg: ArrayLike,
    depth_km: ArrayLike,
    lat_deg: ArrayLike,
) -> Array:
    """The path through uniform rain that would attenuate as much as the one through a shower.

    depth_km: of the rain above the station, which is its height up to that of rain; 0 or less: no rain.
    ITU-R P.618-14, 2.2.1.1, steps 2 to 8.
    """
    gamma, f = np.asarray(specific_db_km, float), np.asarray(frequency_ghz, float)
    el, lat = np.asarray(elevation_deg, float), np.abs(lat_deg)
    depth = np.maximum(depth_km, 1e-9)
    sine, cosine = np.sin(np.radians(el)), np.cos(np.radians(el))
    flat, bent = depth / sine, 2 * depth / (np.sqrt(sine**2 + 2 * depth / EFFECTIVE_RADIUS_KM) + sine)
    slant = np.where(el >= 5, flat, bent)
    along = slant * cosine
    narrowing = 1 / (1 + 0.78 * np.sqrt(along * gamma / f) - 0.38 * (1 - np.exp(-2 * along)))
    steep = np.arctan2(depth, along * narrowing) > np.radians(el)
    path = np.where(steep, slant * narrowing, flat)
    chi = np.maximum(36 - lat, 0)
    lowered = 31 * (1 - np.exp(-el / (1 + chi))) * np.sqrt(path * gamma) / f**2 - 0.45
    return np.where(np.asarray(depth_km) > 0, path / (1 + np.sqrt(sine) * lowered), 0.0)


def shower_db(
    rain_mm_h: ArrayLike,
    frequency_ghz: ArrayLike,
    elevation_deg: ArrayLike,
    depth_km: ArrayLike,
    lat_deg: ArrayLike,
    tilt_deg: ArrayLike = CIRCULAR_DEG,
) -> Array:
    """While it rains this much at the station: P.838-3 over the effective path of P.618-14.

    That path belongs to the rate which is exceeded 0.01 % of the year; here it is worked out with the rate
    that falls. So a shower of exactly that rate attenuates what P.618 says is exceeded 0.01 % of the year.
    """
    gamma = specific_db_km(rain_mm_h, frequency_ghz, elevation_deg, tilt_deg)
    return gamma * effective_path_km(gamma, frequency_ghz, elevation_deg, depth_km, lat_deg)


def exceeded_db(
    share_pct: ArrayLike,
    rain_001_mm_h: ArrayLike,
    frequency_ghz: ArrayLike,
    elevation_deg: ArrayLike,
    depth_km: ArrayLike,
    lat_deg: ArrayLike,
    tilt_deg: ArrayLike = CIRCULAR_DEG,
) -> Array:
    """What rain attenuates for longer than a share of an average year, model.weather.LEAST_PCT to MOST_PCT.

    rain_001_mm_h: the rate exceeded 0.01 % of the year. ITU-R P.618-14, 2.2.1.1, step 10.
    """
    p, el, lat = np.asarray(share_pct, float), np.asarray(elevation_deg, float), np.abs(lat_deg)
    sine = np.sin(np.radians(el))
    most = shower_db(rain_001_mm_h, frequency_ghz, el, depth_km, lat, tilt_deg)
    beta = np.where(el >= 25, 0.0, 1.8 - 4.25 * sine) - 0.005 * (lat - 36)
    beta = np.where((p >= 1) | (lat >= 36), 0.0, beta)
    some = np.maximum(most, 1e-12)  # that no rain has a logarithm
    power = 0.655 + 0.033 * np.log(p) - 0.045 * np.log(some) - beta * (1 - p) * sine
    return np.where(most > 0, most * (p / 0.01) ** -power, 0.0)
