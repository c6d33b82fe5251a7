"""Attenuation by oxygen and water vapour on the way to a satellite.

The approximation of ITU-R P.676-10, annex 2 (specific attenuation at the station times equivalent heights),
which later editions replace by other ones over new maps. At sea level and up to 54 GHz it is within 6 % of
the sum over all spectral lines (P.676-12, annex 1) where the air holds 7.5 g/m3 of water vapour, and up to
15 % above it where it holds 20. Clouds are not in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.radio.rain import EFFECTIVE_RADIUS_KM

HIGHEST_KM = 11.0  # of a station
STANDARD_VAPOUR_G_M3 = 7.5  # at the ground, ITU-R P.835
_LAPSE_K_KM, _GROUND_K, _GROUND_HPA = 6.5, 288.15, 1013.25

# Water vapour lines: strength, its exponent in 1 - r_t, centre in GHz, width times eta_1^2 (0: far away), and
# the frequency of the factor g (0: none).
_LINES = (
    (3.98, 2.23, 22.235, 9.42, 22.0), (11.96, 0.70, 183.310, 11.14, 0.0), (0.081, 6.44, 321.226, 6.29, 0.0),
    (3.660, 1.60, 325.153, 9.22, 0.0), (25.37, 1.09, 380.0, 0.0, 0.0), (17.40, 1.46, 448.0, 0.0, 0.0),
    (844.6, 0.17, 557.0, 0.0, 557.0), (290.0, 0.41, 752.0, 0.0, 752.0),
)  # fmt: skip
_CONTINUUM = 8.3328e4, 0.99, 1780.0


def slant_db(
    frequency_ghz: ArrayLike,
    elevation_deg: ArrayLike,
    vapour_g_m3: ArrayLike = STANDARD_VAPOUR_G_M3,
    altitude_km: ArrayLike = 0.0,
) -> Array:
    """From a station to space; arrays broadcast together.

    frequency_ghz: up to model.radio.HIGHEST_GHZ. vapour_g_m3: at the station. altitude_km: of the station, up
    to HIGHEST_KM.
    The path through each gas is that through a shell of its equivalent height over an Earth of 8,500 km: the
    cosecant law, but finite at the horizon (at 5 deg by 4 % less than the cosecant for oxygen).
    """
    dry, wet = specific_db_km(frequency_ghz, vapour_g_m3, altitude_km)
    dry_km, wet_km = _equivalent_heights_km(np.asarray(frequency_ghz, float), _standard(altitude_km)[1])
    return dry * _through_km(dry_km, elevation_deg) + wet * _through_km(wet_km, elevation_deg)


def specific_db_km(
    frequency_ghz: ArrayLike, vapour_g_m3: ArrayLike, altitude_km: ArrayLike = 0.0
) -> tuple[Array, Array]:
    """Of oxygen and of water vapour, dB per km, in the standard atmosphere (ITU-R P.835) at a height."""
    f, rho = np.asarray(frequency_ghz, float), np.asarray(vapour_g_m3, float)
    rt, rp = _standard(altitude_km)
    return _oxygen(f, rp, rt), _water(f, rp, rt, rho)


def _standard(altitude_km: ArrayLike) -> tuple[Array, Array]:
    """288 K over the temperature, and the pressure over 1013 hPa."""
    kelvin = _GROUND_K - _LAPSE_K_KM * np.asarray(altitude_km, float)
    return 288 / kelvin, _GROUND_HPA / 1013 * (kelvin / _GROUND_K) ** 5.2559


def _oxygen(f: Array, rp: Array, rt: Array) -> Array:
    """Eq. 22a."""

    def phi(a: float, b: float, c: float, d: float) -> Array:
        return rp**a * rt**b * np.exp(c * (1 - rp) + d * (1 - rt))

    x1, x2 = phi(0.0717, -1.8132, 0.0156, -1.6515), phi(0.5146, -4.6368, -0.1921, -5.7416)
    x3 = phi(0.3414, -6.5851, 0.2130, -8.5854)
    low = 7.2 * rt**2.8 / (f**2 + 0.34 * rp**2 * rt**1.6)
    return (low + 0.62 * x3 / ((54 - f) ** (1.16 * x1) + 0.83 * x2)) * f**2 * rp**2 * 1e-3


def _water(f: Array, rp: Array, rt: Array, rho: Array) -> Array:
    """Eq. 23a."""
    eta_1 = 0.955 * rp * rt**0.68 + 0.006 * rho
    eta_2 = 0.735 * rp * rt**0.50 + 0.0353 * rt**4 * rho

    def g(centre: float) -> Array | float:
        return 1 + ((f - centre) / (f + centre)) ** 2 if centre else 1.0

    total = sum(
        strength * eta_1 * np.exp(power * (1 - rt)) / ((f - centre) ** 2 + width * eta_1**2) * g(factor)
        for strength, power, centre, width, factor in _LINES
    )
    strength, power, centre = _CONTINUUM
    total += strength * eta_2 * np.exp(power * (1 - rt)) / (f - centre) ** 2 * g(centre)
    return total * f**2 * rt**2.5 * rho * 1e-4


def _equivalent_heights_km(f: Array, rp: Array) -> tuple[Array, Array]:
    """Of oxygen and of water vapour. Eq. 25 to 26."""
    t1 = 4.64 / (1 + 0.066 * rp**-2.3) * np.exp(-(((f - 59.7) / (2.87 + 12.4 * np.exp(-7.9 * rp))) ** 2))
    t2 = 0.14 * np.exp(2.21 * rp) / ((f - 118.75) ** 2 + 0.031 * np.exp(2.2 * rp))
    t3 = 0.0114 / (1 + 0.14 * rp**-2.6) * f * (-0.0247 + 0.0001 * f + 1.61e-6 * f**2)
    t3 /= 1 - 0.0169 * f + 4.1e-5 * f**2 + 3.2e-7 * f**3
    oxygen = np.minimum(6.1 / (1 + 0.17 * rp**-1.1) * (1 + t1 + t2 + t3), 10.7 * rp**0.3)
    sigma = 1.013 / (1 + np.exp(-8.6 * (rp - 0.57)))
    lines = ((1.39, 22.235, 2.56), (3.37, 183.31, 4.69), (1.58, 325.1, 2.89))
    near = sum(a * sigma / ((f - centre) ** 2 + b * sigma) for a, centre, b in lines)
    return oxygen, 1.66 * (1 + near)


def _through_km(height_km: Array, elevation_deg: ArrayLike) -> Array:
    sine = np.sin(np.radians(elevation_deg))
    return 2 * height_km / (np.sqrt(sine**2 + 2 * height_km / EFFECTIVE_RADIUS_KM) + sine)
