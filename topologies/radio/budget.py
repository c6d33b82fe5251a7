"""The budget of a radio link: from transmitted power to the signal-to-noise ratio of a symbol.

All functions take arrays that broadcast together. Losses are positive, in dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.orbits.geometry import C_KM_S

BOLTZMANN_DBW_K_HZ = -228.599_167_8  # 10 log10 of 1.380649e-23 (SI 2019)
RAIN_K, SPACE_K = 275.0, 2.7  # radiating temperatures, ITU-R P.618-14, section 3


def free_space_db(range_km: ArrayLike, frequency_ghz: ArrayLike) -> Array:
    """(4 pi d f / c)^2; 2,000 km at 8.2 GHz are 176.7 dB. ITU-R P.525."""
    turns = np.asarray(range_km, float) * np.asarray(frequency_ghz, float) * 1e9 / C_KM_S
    return 20 * np.log10(4 * np.pi * turns)


def pointing_db(error_deg: ArrayLike, half_power_beamwidth_deg: ArrayLike) -> Array:
    """What an antenna loses that points beside the other: 3 dB at half its beamwidth. Parabolic main lobe."""
    return 12 * (np.asarray(error_deg, float) / np.asarray(half_power_beamwidth_deg, float)) ** 2


def noise_rise_db(attenuation_db: ArrayLike, system_temperature_k: ArrayLike) -> Array:
    """How much noisier a receiver becomes that sees the sky through so much rain.

    system_temperature_k: under a clear sky, that of its G/T. The rain covers the cold sky with its own 275 K
    (ITU-R P.618-14, section 3). It is the antenna on the ground that sees this; a satellite's looks at the
    warm Earth with rain or without.
    """
    more = (RAIN_K - SPACE_K) * (1 - 10 ** (-np.asarray(attenuation_db, float) / 10))
    return 10 * np.log10(1 + more / np.asarray(system_temperature_k, float))


def c_n0_dbhz(eirp_dbw: ArrayLike, g_over_t_db_k: ArrayLike, losses_db: ArrayLike) -> Array:
    """Carrier power over noise density; losses_db is their sum."""
    gain = np.asarray(eirp_dbw, float) + np.asarray(g_over_t_db_k, float)
    return gain - np.asarray(losses_db, float) - BOLTZMANN_DBW_K_HZ


def symbol_rate_mbd(bandwidth_mhz: ArrayLike, roll_off: ArrayLike) -> Array:
    """Millions of symbols a second that a band carries, with root raised cosine filters."""
    return np.asarray(bandwidth_mhz, float) / (1 + np.asarray(roll_off, float))


def es_n0_db(c_n0_dbhz: ArrayLike, symbol_rate_mbd: ArrayLike) -> Array:
    """Energy of a symbol over noise density: C/N in the bandwidth of the symbol rate."""
    return np.asarray(c_n0_dbhz, float) - 10 * np.log10(np.asarray(symbol_rate_mbd, float) * 1e6)


def doppler_khz(range_rate_km_s: ArrayLike, frequency_ghz: ArrayLike) -> Array:
    """Shift of the carrier as it is received; above it while the two approach. First order in v/c."""
    return -np.asarray(range_rate_km_s, float) / C_KM_S * np.asarray(frequency_ghz, float) * 1e6
