"""Frames in which orbits are given and told, and how they are turned into TEME, that of SGP4 and of the plan.

ICRF here has its origin at the Earth's centre, which others call GCRF; EME2000 differs from it by the frame
bias (up to 0.8 m at 7,000 km); ITRF is Earth-fixed, polar motion left out, as everywhere here. Precession and
nutation are skyfield's (IAU 2006, 2000A). Turning frames are taken as at rest for velocities, but ITRF.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
from skyfield.framelib import ICRS_to_J2000
from skyfield.sgp4lib import TEME

from skybed.topologies.arrays import Array
from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.ephemeris import DAY_S


def icrf_of_teme(states: Array, epoch: dt.datetime, t_s: Array) -> Array:
    """States (times, 6), km and km/s, from TEME into ICRF; t_s: run times."""
    turn = _teme(epoch, t_s)
    return _turned(states, turn.transpose(0, 2, 1))


def teme_of_icrf(states: Array, epoch: dt.datetime, t_s: Array) -> Array:
    return _turned(states, _teme(epoch, t_s))


def _teme_of_eme2000(states: Array, epoch: dt.datetime, t_s: Array) -> Array:
    return _turned(states, _teme(epoch, t_s) @ ICRS_to_J2000.T)


def _teme_of_itrf(states: Array, epoch: dt.datetime, t_s: Array) -> Array:
    theta, rate = ephemeris.sidereal(epoch, t_s)
    r_km, v_km_s = (ephemeris.turned(states[:, part].T, theta).T for part in (slice(3), slice(3, 6)))
    carried = np.stack([-r_km[:, 1] * rate, r_km[:, 0] * rate, np.zeros(len(t_s))], axis=-1)
    return np.concatenate([r_km, v_km_s + carried], axis=1)


def _teme(epoch: dt.datetime, t_s: Array) -> Array:
    """Rotations [times, 3, 3] from ICRF into TEME."""
    jd, fraction = ephemeris.julian_utc(epoch)
    leap_s = ephemeris.leap_seconds(epoch)
    at = ephemeris.timescale().tai_jd(jd, fraction + (leap_s + np.asarray(t_s, float)) / DAY_S)
    return np.moveaxis(np.asarray(TEME.rotation_at(at)), -1, 0)


def _turned(states: Array, turn: Array) -> Array:
    parts = [np.einsum("tij,tj->ti", turn, states[:, part]) for part in (slice(3), slice(3, 6))]
    return np.concatenate(parts, axis=1)


# Of frames by the names that CCSDS's registry and STK have for them: what turns their states into TEME.
Turn = Callable[[Array, dt.datetime, Array], Array]
INTO_TEME: dict[str, Turn] = {
    "TEME": lambda states, _epoch, _t_s: states,
    "ICRF": teme_of_icrf,
    "EME2000": _teme_of_eme2000,
    "ITRF": _teme_of_itrf,
}
