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
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sgp4.api import WGS72, Satrec, SatrecArray, jday
from skyfield.api import load
from skyfield.sgp4lib import theta_GMST1982
from skyfield.timelib import Timescale

from skybed.topologies.arrays import Array
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import trust
from skybed.topologies.orbits.geometry import WGS72_MU_KM3_S2

WGS84_A_KM, WGS84_F = 6378.137, 1 / 298.257223563
KNOT_S = 30.0
PART = 240  # knots that SGP4 works out at a time
DAY_S = 86400.0
SGP4_EPOCH_JD = 2433281.5  # 1949-12-31 00:00 UT, from which sgp4init counts days


class Decay(NamedTuple):
    """A satellite that SGP4 has no position for any more: number, run time of its last knot, and why."""

    satellite: int
    t_s: float
    reason: str


@dataclass(frozen=True)
class Ephemeris:
    """Positions of satellites (first) and ground nodes at knots.

    knots: (nodes, knots, 6), position in km and velocity in km/s, TEME; knot k is at run time k * KNOT_S.
    up_scale: (ground nodes, 3): a ground node's position times this is its unit vector towards the zenith.
    decays: by time. Such a satellite then stands still in the table, and can have no link.
    """

    knots: Array
    up_scale: Array
    decays: Sequence[Decay] = ()

    @property
    def satellites(self) -> int:
        return len(self.knots) - len(self.up_scale)

    @cached_property
    def ends_s(self) -> Array:
        """Until when each node is somewhere; inf: always."""
        ends_s = np.full(len(self.knots), np.inf)
        for decay in self.decays:
            ends_s[decay.satellite] = decay.t_s
        return ends_s

    @cached_property
    def extremes(self) -> Extremes:
        r, v = (np.sqrt(np.einsum("nki,nki->nk", x, x)) for x in (self.knots[..., :3], self.knots[..., 3:]))
        return Extremes(r.min(axis=1), r.max(axis=1), v.max(axis=1))

    def position_km(self, node: ArrayLike, t_s: ArrayLike) -> Array:
        """Positions of nodes (indices) at run times, which broadcast together; shape + (3,), TEME.

        In memory all x lie together, then all y and all z: what is done with them next runs over long rows.
        """
        t, count = np.asarray(t_s, dtype=float), self.knots.shape[1]
        k = np.minimum((t / KNOT_S).astype(np.int64), count - 2)
        s = t / KNOT_S - k
        u = 1.0 - s
        row, rows = np.asarray(node) * count + k, self.knots.reshape(-1, 6)
        here, there = rows.take(row, axis=0), rows.take(row + 1, axis=0)
        w0, w1, d0, d1 = (1 + 2 * s) * u * u, s * s * (3 - 2 * s), KNOT_S * s * u * u, -KNOT_S * s * s * u
        r_km = np.empty((3, *row.shape))
        for i in range(3):
            r_km[i] = w0 * here[..., i] + d0 * here[..., i + 3] + w1 * there[..., i] + d1 * there[..., i + 3]
        return r_km.transpose(*range(1, r_km.ndim), 0)

    def zenith(self, node: ArrayLike, r_km: Array) -> Array:
        """Unit vectors normal to the WGS84 ellipsoid at ground nodes (indices), given their positions r_km
        (..., 3).
        """
        return r_km * self.up_scale[np.asarray(node) - self.satellites]

    def distance_km(self, a: ArrayLike, b: ArrayLike, t_s: ArrayLike) -> Array:
        d = self.position_km(a, t_s) - self.position_km(b, t_s)
        return np.sqrt(np.einsum("...i,...i", d, d))


class Extremes(NamedTuple):
    """Of each node at the knots: least and greatest distance from the Earth's centre, and greatest speed."""

    lowest_km: Array
    highest_km: Array
    fastest_km_s: Array


def make(elements: pd.DataFrame, stations: pd.DataFrame, epoch: dt.datetime, until_s: float) -> Ephemeris:
    """Positions of the satellites of `elements` and the ground nodes of `stations` (name, lat_deg, lon_deg,
    alt_m), for run times 0 to `until_s`. Raises ScenarioError for a satellite without a position at 0.
    """
    knots_s = np.arange(int(np.ceil(until_s / KNOT_S)) + 2) * KNOT_S
    fixed_km, up_scale = ground(stations)
    knots = np.empty((len(elements) + len(stations), len(knots_s), 6))
    decays = propagate(elements, epoch, knots_s, knots[: len(elements)])
    knots[len(elements) :] = rotate(fixed_km, epoch, knots_s)
    return Ephemeris(knots, up_scale, decays)


# -- satellites ----------------------------------------------------------------------------------

ELEMENTS = ("bstar", "ndot", "nddot", "ecco", "argpo", "inclo", "mo", "no_kozai", "nodeo")


def elements_table(names: list[str], satrecs: list[Satrec]) -> pd.DataFrame:
    """The mean elements of satellites as SGP4 takes them (rad, rad/min), one row each, so that they can be
    stored.
    """
    rows = {key: [getattr(s, key) for s in satrecs] for key in ("jdsatepoch", "jdsatepochF", *ELEMENTS)}
    return pd.DataFrame({"name": names, **rows})


def ahead(elements: pd.DataFrame, along_track_km: float) -> pd.DataFrame:
    """The elements of satellites that are so far ahead on their orbits, measured along a circle of their
    semi-major axis.
    """
    axis_km = (WGS72_MU_KM3_S2 / (elements.no_kozai / 60) ** 2) ** (1 / 3)
    return elements.assign(mo=(elements.mo + along_track_km / axis_km) % (2 * np.pi))


def satrec(row: pd.Series) -> Satrec:
    s = Satrec()
    days = (row.jdsatepoch - SGP4_EPOCH_JD) + row.jdsatepochF
    s.sgp4init(WGS72, "i", 0, days, *(row[key] for key in ELEMENTS))
    s.jdsatepoch, s.jdsatepochF = row.jdsatepoch, row.jdsatepochF  # the sum above lost some microseconds
    return s


def propagate(elements: pd.DataFrame, epoch: dt.datetime, t_s: Array, into: Array) -> list[Decay]:
    """SGP4 (WGS72) positions and velocities, TEME, km and km/s, into an array (satellites, times, 6).

    From the first position on that cannot be trusted the last one stays, at rest. Returns where that was.
    """
    if elements.empty:
        return []
    jd, fraction = julian_utc(epoch)
    apogee_km = trust.apogee_km(elements.no_kozai, elements.ecco)
    decays: dict[int, Decay] = {}
    array = SatrecArray([satrec(row) for _, row in elements.iterrows()])
    for begin in range(0, len(t_s), PART):
        part = slice(begin, begin + PART)
        error, r, v = array.sgp4(np.full(len(t_s[part]), jd), fraction + t_s[part] / DAY_S)
        into[:, part, :3], into[:, part, 3:] = r, v
        bad = ~trust.trusted(error, r, trust.ALLOWED * apogee_km[:, None])
        bad[list(decays)] = True
        for sat in np.flatnonzero(bad.any(axis=1)).tolist():
            k = int(np.argmax(bad[sat]))
            if sat not in decays:
                reason = trust.why(int(error[sat, k]), r[sat, k], float(apogee_km[sat]))
                if begin + k == 0:
                    raise ScenarioError(
                        f"satellite {elements.name[sat]}: {reason}, at the beginning of the run; leave it "
                        "out or take fresher elements."
                    )
                decays[sat] = Decay(sat, float(t_s[begin + k - 1]), reason)
            into[sat, begin + k : part.stop, :3] = into[sat, begin + k - 1, :3]
            into[sat, begin + k : part.stop, 3:] = 0.0
    return sorted(decays.values(), key=lambda decay: (decay.t_s, decay.satellite))


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


def rotate(fixed_km: Array, epoch: dt.datetime, t_s: Array) -> Array:
    """Earth-fixed points (points, 3) turned into TEME at run times: positions and velocities (points, times,
    6).
    """
    jd, fraction = julian_utc(epoch)
    t = timescale().tai_jd(jd, fraction + (leap_seconds(epoch) + t_s) / DAY_S)
    theta, rate_day = theta_GMST1982(t.whole, t.ut1_fraction)
    cos, sin, rate = np.cos(theta), np.sin(theta), rate_day / DAY_S
    x, y, z = fixed_km[:, :, None].transpose(1, 0, 2)
    px, py = x * cos - y * sin, x * sin + y * cos
    return np.stack([px, py, z + 0 * px, -py * rate, px * rate, 0 * px], axis=-1)


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
