"""Rain and clouds over time at one place.

The weather of a place is a number that wanders: standard normal over a long time, and the less like what it
was the longer that is ago (Maseng and Bakken 1981; ITU-R P.1853). The higher it is, the worse the weather:
when it is the number that is exceeded p % of the time, then the attenuation is the one exceeded p % of the
time. So one series gives rain at every frequency and elevation: a satellite that rises is seen through one
shower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.model.weather import LEAST_PCT, MOST_PCT
from skybed.topologies.orbits import chance
from skybed.topologies.radio import rain

RAIN_MEMORY_S = 5000.0  # 1 / 2e-4 per s, ITU-R P.1853-1
CLOUD_MEMORY_S = 3600.0  # an assumption
WET_PCT = 10.0  # of the time there is rain on the path; an assumption, as P.618 ends at 5 %

_BEGINS, _CERTAIN = (NormalDist().inv_cdf(1 - share / 100) for share in (WET_PCT, MOST_PCT))
_erfc = np.vectorize(math.erfc, otypes=[float])


def series(count: int, step_s: float, memory_s: float, *name: object) -> Array:
    """The weather at 0, step_s, 2 step_s and so on.

    memory_s: after it the correlation is 1/e. name: what the series depends on and nothing else does, such as
    the seed, "rain" and the place. A longer one begins with the shorter; another step makes another series.
    """
    kept = math.exp(-step_s / memory_s)
    fresh = chance.normal(count, *name, step_s)
    fresh[1:] *= math.sqrt(1 - kept**2)
    return np.fromiter(accumulate(fresh.tolist(), lambda now, new: kept * now + new), float, count)


def rain_db(
    weather: ArrayLike,
    rain_001_mm_h: ArrayLike,
    frequency_ghz: ArrayLike,
    elevation_deg: ArrayLike,
    depth_km: ArrayLike,
    lat_deg: ArrayLike,
    tilt_deg: ArrayLike = rain.CIRCULAR_DEG,
) -> Array:
    """What rain attenuates in this weather; arrays broadcast together, see rain.exceeded_db.

    Over a long time it is distributed as P.618 predicts, from 0.001 to 5 % of the time. Beyond, the
    attenuation stays that of 0.001 %, and falls from that of 5 % to none at WET_PCT.
    """
    x = np.asarray(weather, float)
    share = np.clip(100 * _exceeded(x), LEAST_PCT, MOST_PCT)
    db = rain.exceeded_db(share, rain_001_mm_h, frequency_ghz, elevation_deg, depth_km, lat_deg, tilt_deg)
    return db * np.clip((x - _BEGINS) / (_CERTAIN - _BEGINS), 0, 1)


def falling_mm_h(showers: Sequence[tuple[float, float, float]], t_s: ArrayLike) -> Array:
    """The rain rate at times: of showers of (from s, until s, mm/h) the heaviest that falls then, or 0."""
    times = np.asarray(t_s, float)
    rates = [np.where((times >= begin) & (times < end), rate, 0.0) for begin, end, rate in showers]
    return np.max([np.zeros_like(times), *rates], axis=0)


def cloudy(weather: ArrayLike, cloud_share: ArrayLike, elevation_deg: ArrayLike) -> np.ndarray:
    """Whether a cloud is in the line of sight.

    cloud_share: how much of the time one is overhead, 0 to 1. A lower line passes through more air, as
    through 1 / sin of its elevation layers that do not depend on each other: it is clear
    (1 - cloud_share)^(1 / sin) of the time.
    """
    layers = 1 / np.sin(np.radians(elevation_deg))
    return _exceeded(np.asarray(weather, float)) < 1 - (1 - np.asarray(cloud_share, float)) ** layers


def _exceeded(weather: Array) -> Array:
    """How much of the time it is worse, 0 to 1."""
    return _erfc(weather / math.sqrt(2)) / 2
