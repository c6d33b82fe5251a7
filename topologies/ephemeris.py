"""Where every node is: SGP4 at knots, cubic Hermite between them.

Frame: TEME, the inertial frame of SGP4 (true equator, mean equinox), km, origin at the Earth's centre. Ground
nodes are WGS84 points turned into TEME by Greenwich mean sidereal time (IAU 1982) from UT1 (skyfield's
built-in table); polar motion is left out (under 15 m). Run time is seconds since the scenario's epoch (UTC; a
leap second within a run is ignored).

Error of the interpolation against SGP4 itself, with knots 30 s apart: under 10 cm (0.3 ns) for near-circular
orbits, 20 cm for geostationary ones, some metres at eccentricity 0.2. The Hermite term h^4/384 |x''''| is 2
cm of that; the rest is SGP4's own, whose velocity is not exactly the derivative of its position.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sgp4.api import SGP4_ERRORS, WGS72, Satrec, SatrecArray, jday
from skyfield.api import load
from skyfield.sgp4lib import theta_GMST1982
from skyfield.timelib import Timescale

from topologies.errors import ScenarioError

WGS84_A_KM, WGS84_F = 6378.137, 1 / 298.257223563
KNOT_S = 30.0
DAY_S = 86400.0
SGP4_EPOCH_JD = 2433281.5  # 1949-12-31 00:00 UT, from which sgp4init counts days

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Ephemeris:
    """Positions of satellites (first) and ground nodes at knots.

    r_km, v_km_s: (nodes, knots, 3), TEME; knot k is at run time k * KNOT_S.
    up_scale: (ground nodes, 3): a ground node's position times this is its unit vector towards the zenith.
    """

    r_km: Array
    v_km_s: Array
    up_scale: Array

    @property
    def satellites(self) -> int:
        return len(self.r_km) - len(self.up_scale)

    def position_km(self, node: ArrayLike, t_s: ArrayLike) -> Array:
        """Positions of nodes (indices) at run times, which broadcast together; shape + (3,), TEME."""
        node, t = np.broadcast_arrays(np.asarray(node), np.asarray(t_s, dtype=float))
        k = np.clip((t / KNOT_S).astype(np.int64), 0, self.r_km.shape[1] - 2)
        s = t / KNOT_S - k
        u = 1.0 - s
        r0, r1 = self.r_km[node, k], self.r_km[node, k + 1]
        v0, v1 = self.v_km_s[node, k], self.v_km_s[node, k + 1]
        w0, w1 = (1 + 2 * s) * u * u, s * s * (3 - 2 * s)
        d0, d1 = KNOT_S * s * u * u, -KNOT_S * s * s * u
        return w0[..., None] * r0 + w1[..., None] * r1 + d0[..., None] * v0 + d1[..., None] * v1

    def zenith(self, node: ArrayLike, r_km: Array) -> Array:
        """Unit vectors normal to the WGS84 ellipsoid at ground nodes (indices), given their positions r_km
        (..., 3).
        """
        return r_km * self.up_scale[np.asarray(node) - self.satellites]

    def distance_km(self, a: ArrayLike, b: ArrayLike, t_s: ArrayLike) -> Array:
        d = self.position_km(a, t_s) - self.position_km(b, t_s)
        return np.sqrt(np.einsum("...i,...i", d, d))


def make(elements: pd.DataFrame, stations: pd.DataFrame, epoch: dt.datetime, until_s: float) -> Ephemeris:
    """Positions of the satellites of `elements` and the ground nodes of `stations` (name, lat_deg, lon_deg,
    alt_m), for run times 0 to `until_s`.
    """
    knots_s = np.arange(int(np.ceil(until_s / KNOT_S)) + 2) * KNOT_S
    r_sat, v_sat = propagate(elements, epoch, knots_s)
    ecef_km, up_scale = ground(stations)
    r_ground, v_ground = rotate(ecef_km, epoch, knots_s)
    return Ephemeris(np.concatenate([r_sat, r_ground]), np.concatenate([v_sat, v_ground]), up_scale)


# -- satellites ----------------------------------------------------------------------------------

ELEMENTS = ("bstar", "ndot", "nddot", "ecco", "argpo", "inclo", "mo", "no_kozai", "nodeo")


def elements_table(names: list[str], satrecs: list[Satrec]) -> pd.DataFrame:
    """The mean elements of satellites as SGP4 takes them (rad, rad/min), one row each, so that they can be
    stored.
    """
    rows = {key: [getattr(s, key) for s in satrecs] for key in ("jdsatepoch", "jdsatepochF", *ELEMENTS)}
    return pd.DataFrame({"name": names, **rows})


def satrec(row: pd.Series) -> Satrec:
    s = Satrec()
    days = (row.jdsatepoch - SGP4_EPOCH_JD) + row.jdsatepochF
    s.sgp4init(WGS72, "i", 0, days, *(row[key] for key in ELEMENTS))
    s.jdsatepoch, s.jdsatepochF = row.jdsatepoch, row.jdsatepochF  # the sum above lost some microseconds
    return s


def propagate(elements: pd.DataFrame, epoch: dt.datetime, t_s: Array) -> tuple[Array, Array]:
    """SGP4 (WGS72) positions and velocities, each (satellites, times, 3), TEME, km and km/s."""
    if elements.empty:
        return np.zeros((0, len(t_s), 3)), np.zeros((0, len(t_s), 3))
    jd, fraction = julian_utc(epoch)
    array = SatrecArray([satrec(row) for _, row in elements.iterrows()])
    error, r, v = array.sgp4(np.full(len(t_s), jd), fraction + t_s / DAY_S)
    if error.any():
        sat, k = np.argwhere(error)[0]
        raise ScenarioError(
            f"satellite {elements.name[sat]}: SGP4 cannot propagate it to {t_s[k]:.0f} s of run time "
            f"({SGP4_ERRORS[error[sat, k]]}); leave it out, take fresher elements or a shorter duration."
        )
    return r, v


# -- ground --------------------------------------------------------------------------------------


def ground(stations: pd.DataFrame) -> tuple[Array, Array]:
    """WGS84 points: Earth-fixed positions in km, and the factors of Ephemeris.up_scale; both (stations, 3).

    The factors hold in any frame turned about the Earth's axis, TEME too.
    """
    lat, lon = np.radians(stations.lat_deg.to_numpy(float)), np.radians(stations.lon_deg.to_numpy(float))
    h = stations.alt_m.to_numpy(float) / 1000
    e2 = WGS84_F * (2 - WGS84_F)
    n = WGS84_A_KM / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    size = np.stack([n + h, n + h, n * (1 - e2) + h], axis=-1)
    return up * size, 1 / size


def rotate(fixed_km: Array, epoch: dt.datetime, t_s: Array) -> tuple[Array, Array]:
    """Earth-fixed points (points, 3) turned into TEME at run times: positions and velocities (points, times,
    3).
    """
    jd, fraction = julian_utc(epoch)
    t = timescale().tai_jd(jd, fraction + (leap_seconds(epoch) + t_s) / DAY_S)
    theta, rate_day = theta_GMST1982(t.whole, t.ut1_fraction)
    cos, sin, rate = np.cos(theta), np.sin(theta), rate_day / DAY_S
    x, y, z = fixed_km[:, :, None].transpose(1, 0, 2)
    px, py = x * cos - y * sin, x * sin + y * cos
    r = np.stack([px, py, z + 0 * px], axis=-1)
    v = np.stack([-py * rate, px * rate, 0 * px], axis=-1)
    return r, v


# -- time ----------------------------------------------------------------------------------------


@cache
def timescale() -> Timescale:
    return load.timescale(builtin=True)


def julian_utc(epoch: dt.datetime) -> tuple[float, float]:
    """Julian date (UTC) of the epoch as a whole-and-half day and a fraction."""
    u = utc(epoch)
    return jday(u.year, u.month, u.day, u.hour, u.minute, u.second + u.microsecond / 1e6)


def leap_seconds(epoch: dt.datetime) -> float:
    """TAI - UTC at the epoch, s."""
    t = timescale().from_datetime(utc(epoch))
    jd, fraction = julian_utc(epoch)
    return float(np.round(((t.whole - jd) + (t.tai_fraction - fraction)) * DAY_S, 3))


def utc(epoch: dt.datetime) -> dt.datetime:
    """A datetime without a zone is taken as UTC."""
    return epoch.replace(tzinfo=dt.UTC) if epoch.tzinfo is None else epoch.astimezone(dt.UTC)
