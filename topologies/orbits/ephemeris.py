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
from numpy.typing import ArrayLike, NDArray
from sgp4.api import WGS72, Satrec, SatrecArray, jday
from skyfield.api import load
from skyfield.sgp4lib import theta_GMST1982
from skyfield.timelib import Timescale

from skybed.topologies.arrays import Array, Index
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.ground import HIGHEST_M, LOWEST_M
from skybed.topologies.orbits import ellipsoid, tracks, trust
from skybed.topologies.orbits.geometry import WGS72_MU_KM3_S2
from skybed.topologies.orbits.knots import BLOCK, Knots
from skybed.topologies.orbits.states import States
from skybed.topologies.orbits.tracks import Track, Tracks

KNOT_S = 30.0
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

    table: (nodes, knots, 6), position in km and velocity in km/s, TEME; knot k is at run time k * KNOT_S.
    sidereal_rad: by how much the Earth is turned at each knot. tracks: where ground nodes that move are;
    their knots are those of their first way point. decays: by time. Such a satellite then stands still in the
    table, and can have no link.
    """

    satellites: int
    table: Knots
    sidereal_rad: Array
    extremes: Extremes
    tracks: Tracks | None = None  # None: nothing on the ground moves
    decays: Sequence[Decay] = ()

    @cached_property
    def ends_s(self) -> Array:
        """Until when each node is somewhere; inf: always."""
        ends_s = np.full(self.table.nodes, np.inf)
        for decay in self.decays:
            ends_s[decay.satellite] = decay.t_s
        return ends_s

    @cached_property
    def stays(self) -> NDArray[np.bool_]:
        """Whether each node keeps its place on the ground."""
        stays = np.arange(self.table.nodes) >= self.satellites
        if self.tracks is not None:
            stays[self.tracks.nodes] = False
        return stays

    def position_km(self, node: ArrayLike, t_s: ArrayLike) -> Array:
        """Positions of nodes (indices) at run times, which broadcast together; shape + (3,), TEME.

        In memory all x lie together, then all y and all z: what is done with them next runs over long rows.
        """
        t = np.asarray(t_s, dtype=float)
        s = t / KNOT_S
        k = np.minimum(s.astype(np.int64), self.table.count - 2)
        s = s - k
        u = 1.0 - s
        here, there = self.table.pair(np.asarray(node), k)
        w0, w1, d0, d1 = (1 + 2 * s) * u * u, s * s * (3 - 2 * s), KNOT_S * s * u * u, -KNOT_S * s * s * u
        r_km = np.empty((3, *here.shape[:-1]))
        for i in range(3):
            r_km[i] = w0 * here[..., i] + d0 * here[..., i + 3] + w1 * there[..., i] + d1 * there[..., i + 3]
        if self.tracks is not None:
            turn_rad = self.sidereal_rad[k] + s * (self.sidereal_rad[k + 1] - self.sidereal_rad[k])
            each, at_s, turn_rad = np.broadcast_arrays(node, t, turn_rad)
            follow(self.tracks, each, at_s, turn_rad, r_km)
        return r_km.transpose(*range(1, r_km.ndim), 0)

    def distance_km(self, a: ArrayLike, b: ArrayLike, t_s: ArrayLike) -> Array:
        """Between nodes at run times; all three broadcast."""
        a, b, t = np.asarray(a), np.asarray(b), np.asarray(t_s)
        if t.ndim == 1 and a.ndim == 2 and a.shape == b.shape and a.shape[1] == 1:
            # Pairs at the same times: each node is placed once, however many others it is paired with.
            nodes, at = np.unique(np.concatenate([a, b]), return_inverse=True)
            r_km = np.moveaxis(self.position_km(nodes[:, None], t), -1, 0)
            of_a, of_b = (np.moveaxis(r_km[:, end], 0, -1) for end in np.split(at.ravel(), 2))
            return apart_km(of_a, of_b)
        return apart_km(self.position_km(a, t), self.position_km(b, t))


def apart_km(a_km: Array, b_km: Array) -> Array:
    """Distances of positions (..., 3)."""
    d = a_km - b_km
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
    count, flying = int(np.ceil(until_s / KNOT_S)) + 2, Flying(elements, epoch)
    theta, rate = sidereal(epoch, np.arange(count) * KNOT_S)
    routes = {n: place for n, place in enumerate(places, start=len(elements)) if len(place.t_s) > 1}
    starts = np.array([[x[0] for x in place[1:]] for place in places], float).reshape(-1, 3)
    fixed_km = ellipsoid.point_km(ellipsoid.normal(starts[:, 0], starts[:, 1]), starts[:, 2] / 1000)

    def work_out(nodes: slice, knots: slice) -> Array:
        if nodes.start < len(elements):
            return flying.at(nodes, np.arange(knots.start, knots.stop) * KNOT_S)
        x, y, z = turned(fixed_km.T[..., None], theta[knots])
        return np.stack([x, y, z, -y * rate[knots], x * rate[knots], 0 * x], axis=-1)

    blocks = np.append(np.arange(0, len(elements), BLOCK), [len(elements), len(elements) + len(places)])
    table = Knots(np.unique(blocks), count, work_out)
    moving = tracks.together(np.array(list(routes)), list(routes.values())) if routes else None
    extremes = _extremes(table, moving)  # which goes through all of it
    decays = sorted((x.decay for x in flying.down.values()), key=lambda x: (x.t_s, x.satellite))
    return Ephemeris(len(elements), table, theta, extremes, moving, decays)


def _extremes(table: Knots, moving: Tracks | None) -> Extremes:
    low, high, fast = np.full(table.nodes, np.inf), np.zeros(table.nodes), np.zeros(table.nodes)
    for part in map(table.part, range(table.parts)):
        r, v = (np.sqrt(np.einsum("nki,nki->nk", x, x)) for x in (part[..., :3], part[..., 3:]))
        np.minimum(low, r.min(axis=1), out=low)
        np.maximum(high, r.max(axis=1), out=high)
        np.maximum(fast, v.max(axis=1), out=fast)
    if moving is not None:
        top_km = ellipsoid.A_KM + HIGHEST_M / 1000
        low[moving.nodes], high[moving.nodes] = ellipsoid.B_KM + LOWEST_M / 1000, top_km
        fast[moving.nodes] = moving.fastest_km_s + SPIN_RAD_S * top_km
    return Extremes(low, high, fast)


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


class Down(NamedTuple):
    """Where a satellite that decays is from then on."""

    decay: Decay
    r_km: Array


class Flying:
    """Satellites by SGP4 (WGS72), or as files give them, TEME, km and km/s.

    From the first position on that cannot be trusted the last one stays, at rest. That is found by who goes
    through time in order, from 0 on.
    """

    def __init__(self, elements: pd.DataFrame, epoch: dt.datetime) -> None:
        self.names = elements["name"].tolist()
        self.down: dict[int, Down] = {}
        self._jd, self._fraction = julian_utc(epoch)
        self._apogee_km = trust.apogee_km(elements.no_kozai, elements.ecco)
        self._satrecs = [satrec(row) for row in elements.itertuples()]
        self._given = states_of(elements)
        self._from_s = {n: _since_s(elements.iloc[n], self._jd, self._fraction) for n in self._given}

    def at(self, satellites: slice, t_s: Array) -> Array:
        """(satellites, times, 6) at ascending times, of which the first may be 0 or was asked for before.

        Raises ScenarioError for a satellite without a position at 0.
        """
        numbers = range(satellites.start, satellites.stop)
        array = SatrecArray(self._satrecs[satellites])
        error, r, v = array.sgp4(np.full(len(t_s), self._jd), self._fraction + t_s / DAY_S)
        states = np.concatenate([r, v], axis=-1)
        bad = ~trust.trusted(error, r, trust.ALLOWED * self._apogee_km[satellites, None])
        for n in self._given.keys() & numbers:
            at_s = self._from_s[n] + t_s
            own = bad[n - satellites.start]
            own[:] = ~self._given[n].covers(at_s)
            states[n - satellites.start, ~own] = self._given[n].at(at_s[~own])
        for row in np.flatnonzero(bad.any(axis=1)).tolist():
            sat, k = numbers[row], int(np.argmax(bad[row]))
            if sat not in self.down:
                self.down[sat] = self._found(sat, t_s, k, states[row], int(error[row, k]))
        for sat in self.down.keys() & numbers:
            gone = t_s > self.down[sat].decay.t_s
            states[sat - satellites.start, gone] = np.append(self.down[sat].r_km, np.zeros(3))
        return states

    def _found(self, sat: int, t_s: Array, k: int, states: Array, error: int) -> Down:
        """k: of the first time at which a satellite has no position."""
        if sat in self._given:
            reason = "its ephemeris file has no position then"
        else:
            reason = trust.why(error, states[k, :3], float(self._apogee_km[sat]))
        if k == 0:
            raise ScenarioError(
                f"satellite {self.names[sat]}: {reason}, at the beginning of the run; "
                f"leave it out or take {'a longer file' if sat in self._given else 'fresher elements'}."
            )
        return Down(Decay(sat, float(t_s[k - 1]), reason), states[k - 1, :3].copy())


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
