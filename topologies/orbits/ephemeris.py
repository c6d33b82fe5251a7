"""Where every node is: SGP4 at knots, cubic Hermite between them.

Frame: TEME, the inertial frame of SGP4 (true equator, mean equinox), km, origin at the Earth's centre. Ground
nodes are WGS84 points turned into TEME by Greenwich mean sidereal time (IAU 1982) from UT1 (skyfield's
built-in table); polar motion is left out (under 15 m). Run time is seconds since the scenario's epoch (UTC; a
leap second within a run is ignored). Ground nodes that move follow their tracks, without knots.

Error of the interpolation against SGP4 itself, with knots 30 s apart: under 10 cm (0.3 ns) for near-circular
orbits, 20 cm for geostationary ones, some metres at eccentricity 0.2. The Hermite term h^4/384 |x''''| is 2
cm of that; the rest is SGP4's own, whose velocity is not exactly the derivative of its position.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sgp4.api import WGS72, Satrec, SatrecArray, jday
from skyfield.api import load
from skyfield.sgp4lib import theta_GMST1982
from skyfield.timelib import Timescale

from skybed.topologies.arrays import Array, Index
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.ground import HIGHEST_M, LOWEST_M
from skybed.topologies.orbits import ellipsoid, tracks, trust
from skybed.topologies.orbits.geometry import WGS72_MU_KM3_S2
from skybed.topologies.orbits.states import States
from skybed.topologies.orbits.tracks import Track, Tracks

KNOT_S = 30.0
PART = 240  # knots that SGP4 works out at a time
DAY_S = 86400.0
SPIN_RAD_S = 7.2921159e-5  # the Earth's, against the stars
SGP4_EPOCH_JD = 2433281.5  # 1949-12-31 00:00 UT, from which sgp4init counts days


class Decay(NamedTuple):
    """A satellite that SGP4 has no position for any more: number, run time of its last knot, and why."""

    satellite: int
    t_s: float
    reason: str


@dataclass(frozen=True)
class Ephemeris:
    """Positions of satellites (first) and ground nodes.

    knots: (nodes, knots, 6), position in km and velocity in km/s, TEME; knot k is at run time k * KNOT_S.
    sidereal_rad: by how much the Earth is turned at each knot. tracks: where ground nodes that move are;
    their knots are those of their first way point. decays: by time. Such a satellite then stands still in the
    table, and can have no link.
    """

    satellites: int
    knots: Array
    sidereal_rad: Array
    tracks: Tracks | None = None  # None: nothing on the ground moves
    decays: Sequence[Decay] = ()

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
        low, high, fast = r.min(axis=1), r.max(axis=1), v.max(axis=1)
        if self.tracks is not None:
            top_km = ellipsoid.A_KM + HIGHEST_M / 1000
            low[self.tracks.nodes], high[self.tracks.nodes] = ellipsoid.B_KM + LOWEST_M / 1000, top_km
            fast[self.tracks.nodes] = self.tracks.fastest_km_s + SPIN_RAD_S * top_km
        return Extremes(low, high, fast)

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
        if self.tracks is not None:
            turn_rad = self.sidereal_rad[k] + s * (self.sidereal_rad[k + 1] - self.sidereal_rad[k])
            each, at_s, turn_rad = np.broadcast_arrays(node, t, turn_rad)
            follow(self.tracks, each, at_s, turn_rad, r_km)
        return r_km.transpose(*range(1, r_km.ndim), 0)

    def distance_km(self, a: ArrayLike, b: ArrayLike, t_s: ArrayLike) -> Array:
        d = self.position_km(a, t_s) - self.position_km(b, t_s)
        return np.sqrt(np.einsum("...i,...i", d, d))


class Extremes(NamedTuple):
    """Of each node at the knots: least and greatest distance from the Earth's centre, and greatest speed. Of
    one that moves over the ground: bounds of them.
    """

    lowest_km: Array
    highest_km: Array
    fastest_km_s: Array


def make(elements: pd.DataFrame, places: Sequence[Track], epoch: dt.datetime, until_s: float) -> Ephemeris:
    """Positions of the satellites of `elements` and of the ground nodes at `places`, for run times 0 to
    `until_s`. Raises ScenarioError for a satellite without a position at 0.
    """
    knots_s = np.arange(int(np.ceil(until_s / KNOT_S)) + 2) * KNOT_S
    knots = np.empty((len(elements) + len(places), len(knots_s), 6))
    decays = propagate(elements, epoch, knots_s, knots[: len(elements)])
    theta, rate = sidereal(epoch, knots_s)
    routes = {n: place for n, place in enumerate(places, start=len(elements)) if len(place.t_s) > 1}
    starts = np.array([[x[0] for x in place[1:]] for place in places], float).reshape(-1, 3)
    fixed_km = ellipsoid.point_km(ellipsoid.normal(starts[:, 0], starts[:, 1]), starts[:, 2] / 1000)
    rows = knots[len(elements) :]
    rows[..., :3] = np.moveaxis(turned(fixed_km.T[..., None], theta), 0, -1)
    rows[..., 3:] = np.stack([-rows[..., 1] * rate, rows[..., 0] * rate, 0 * rows[..., 0]], axis=-1)
    moving = tracks.together(np.array(list(routes)), list(routes.values())) if routes else None
    return Ephemeris(len(elements), knots, theta, moving, decays)


def excerpt(
    orbits: pd.DataFrame,
    places: Sequence[Track],
    nodes: Index,
    epoch: dt.datetime,
    begin_s: float,
    span_s: float,
) -> Ephemeris:
    """As make, of some nodes (ascending numbers) in their order, from run time begin_s on, which is 0 in it,
    for span_s. begin_s may be negative; whole microseconds.
    """
    flying = nodes < len(orbits)
    return make(
        orbits.iloc[nodes[flying]].reset_index(drop=True),
        [places[n].later(begin_s) for n in nodes[~flying] - len(orbits)],
        epoch + dt.timedelta(seconds=begin_s),
        span_s,
    )


# -- satellites ----------------------------------------------------------------------------------

ELEMENTS = ("bstar", "ndot", "nddot", "ecco", "argpo", "inclo", "mo", "no_kozai", "nodeo")


def elements_table(
    names: list[str], satrecs: list[Satrec], states: Sequence[States | None] | None = None
) -> pd.DataFrame:
    """The mean elements of satellites as SGP4 takes them (rad, rad/min), one row each, so that they can be
    stored. states: of those whose file gives them, counted from the epoch of the elements.
    """
    rows = {key: [getattr(s, key) for s in satrecs] for key in ("jdsatepoch", "jdsatepochF", *ELEMENTS)}
    flat = [own.flat() if own else None for own in states or [None] * len(names)]
    return pd.DataFrame({"name": names, **rows, "states": pd.Series(flat, dtype=object)})


def states_of(elements: pd.DataFrame) -> dict[int, States]:
    """By row, of those that have some."""
    rows = enumerate(elements["states"])
    return {n: States.of_flat(np.asarray(flat)) for n, flat in rows if isinstance(flat, list | np.ndarray)}


def aloft(row: pd.Series, at: dt.datetime) -> bool:
    """Whether a satellite has a position at a time."""
    (own,) = states_of(row.to_frame().T).values() or (None,)
    if own is None:
        return trust.problem(satrec(row), at, "") is None
    jd, fraction = julian_utc(at)
    return bool(own.covers(np.array([_since_s(row, jd, fraction)])).all())


def _since_s(row: pd.Series, jd: float, fraction: float) -> float:
    """From a row's epoch to a Julian date."""
    return ((jd - row.jdsatepoch) + (fraction - row.jdsatepochF)) * DAY_S


def ahead(elements: pd.DataFrame, along_track_km: float) -> pd.DataFrame:
    """The elements of satellites that are so far ahead on their orbits, measured along a circle of their
    semi-major axis.
    """
    axis_km = (WGS72_MU_KM3_S2 / (elements.no_kozai / 60) ** 2) ** (1 / 3)
    turn_rad = along_track_km / axis_km
    sooner_days = np.where(elements["states"].notna(), turn_rad / elements.no_kozai / 1440, 0.0)
    mo, epoch = (elements.mo + turn_rad) % (2 * np.pi), elements.jdsatepochF - sooner_days
    return elements.assign(mo=mo, jdsatepochF=epoch)


def satrec(row: Any) -> Satrec:
    """A satellite of the sgp4 library. row: of `elements_table`, a Series or (faster) a tuple with names."""
    s = Satrec()
    days = (row.jdsatepoch - SGP4_EPOCH_JD) + row.jdsatepochF
    s.sgp4init(WGS72, "i", 0, days, *(getattr(row, key) for key in ELEMENTS))
    s.jdsatepoch, s.jdsatepochF = row.jdsatepoch, row.jdsatepochF  # the sum above lost some microseconds
    return s


def propagate(elements: pd.DataFrame, epoch: dt.datetime, t_s: Array, into: Array) -> list[Decay]:
    """SGP4 (WGS72) positions and velocities, or those that files give, TEME, km and km/s, into an array
    (satellites, times, 6).

    From the first position on that cannot be trusted the last one stays, at rest. Returns where that was.
    """
    if elements.empty:
        return []
    jd, fraction = julian_utc(epoch)
    apogee_km = trust.apogee_km(elements.no_kozai, elements.ecco)
    decays: dict[int, Decay] = {}
    array = SatrecArray([satrec(row) for row in elements.itertuples()])
    given = states_of(elements)
    from_s = {n: _since_s(elements.iloc[n], jd, fraction) for n in given}
    for begin in range(0, len(t_s), PART):
        part = slice(begin, begin + PART)
        error, r, v = array.sgp4(np.full(len(t_s[part]), jd), fraction + t_s[part] / DAY_S)
        into[:, part, :3], into[:, part, 3:] = r, v
        bad = ~trust.trusted(error, r, trust.ALLOWED * apogee_km[:, None])
        for n, states in given.items():
            at_s = from_s[n] + t_s[part]
            bad[n] = ~states.covers(at_s)
            into[n, part][~bad[n]] = states.at(at_s[~bad[n]])
        bad[list(decays)] = True
        for sat in np.flatnonzero(bad.any(axis=1)).tolist():
            k = int(np.argmax(bad[sat]))
            if sat not in decays:
                if sat in given:
                    reason = "its ephemeris file has no position then"
                else:
                    reason = trust.why(int(error[sat, k]), r[sat, k], float(apogee_km[sat]))
                if begin + k == 0:
                    raise ScenarioError(
                        f"satellite {elements.name[sat]}: {reason}, at the beginning of the run; "
                        f"leave it out or take {'a longer file' if sat in given else 'fresher elements'}."
                    )
                decays[sat] = Decay(sat, float(t_s[begin + k - 1]), reason)
            into[sat, begin + k : part.stop, :3] = into[sat, begin + k - 1, :3]
            into[sat, begin + k : part.stop, 3:] = 0.0
    return sorted(decays.values(), key=lambda decay: (decay.t_s, decay.satellite))


# -- ground --------------------------------------------------------------------------------------


def sidereal(epoch: dt.datetime, t_s: Array) -> tuple[Array, Array]:
    """Greenwich mean sidereal time at ascending run times, rad, and its rate, rad/s."""
    jd, fraction = julian_utc(epoch)
    t = timescale().tai_jd(jd, fraction + (leap_seconds(epoch) + t_s) / DAY_S)
    theta, rate_day = theta_GMST1982(t.whole, t.ut1_fraction)
    return np.unwrap(theta), rate_day / DAY_S


def follow(routes: Tracks, node: Index, t_s: Array, turn_rad: Array, r_km: Array) -> None:
    """Put those of nodes that move where they are at times, the Earth being turned so far: in r_km (3, ...),
    TEME.
    """
    moves = np.isin(node, routes.nodes)
    r_km[:, moves] = turned(routes.position_km(node[moves], t_s[moves]).T, turn_rad[moves])


def turned(fixed_km: Array, theta: Array) -> Array:
    """Earth-fixed positions (3, ...) turned into TEME by angles; the two broadcast."""
    x, y, z = fixed_km
    cos, sin = np.cos(theta), np.sin(theta)
    return np.stack(np.broadcast_arrays(x * cos - y * sin, x * sin + y * cos, z))


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


def utc_texts(epoch: dt.datetime, t_s: Array) -> list[str]:
    """Run times as dates and times, to a microsecond."""
    return [f"{epoch + dt.timedelta(seconds=t):%Y-%m-%dT%H:%M:%S.%fZ}" for t in t_s.tolist()]


def utc(epoch: dt.datetime) -> dt.datetime:
    """A datetime without a zone is taken as UTC."""
    return epoch.replace(tzinfo=dt.UTC) if epoch.tzinfo is None else epoch.astimezone(dt.UTC)
