"""How far SGP4 can be trusted: it may go on long after an object has come down, and report no error.

Its drag is a polynomial of time, so the orbit shrinks, vanishes, and grows again beyond all measure. What is
higher than the apogee that the elements allow is therefore no position, nor is anything after such a moment.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import ArrayLike
from sgp4.api import SGP4_ERRORS, Satrec
from sgp4.conveniences import jday_datetime, sat_epoch_datetime

from skybed.topologies.arrays import Array
from skybed.topologies.orbits.geometry import WGS72_MU_KM3_S2

ALLOWED = 1.1  # of the apogee: more than J2, Moon and Sun do in two months
STEP_S = (
    7200.0  # between looks at the way from the elements' epoch to the run; what is down stays so for longer
)
DAY_S = 86_400.0


def apogee_km(no_kozai: ArrayLike, ecco: ArrayLike) -> Array:
    """Distance from the Earth's centre, of a mean motion (rad/min) and an eccentricity."""
    axis_km = (WGS72_MU_KM3_S2 / (np.asarray(no_kozai, float) / 60) ** 2) ** (1 / 3)
    return axis_km * (1 + np.asarray(ecco, float))


def trusted(error: ArrayLike, r_km: Array, highest_km: ArrayLike) -> np.ndarray:
    """Whether a position (..., 3) that SGP4 gives is one; highest_km: ALLOWED of the apogee."""
    radius_km = np.sqrt(np.einsum("...i,...i", r_km, r_km))
    return (np.asarray(error) == 0) & (radius_km <= highest_km)  # nan is not


def why(error: int, r_km: Array, apogee_km: float) -> str:
    """What is wrong with a position that cannot be trusted."""
    radius_km = float(np.linalg.norm(r_km))
    if error or not np.isfinite(radius_km):
        return f"SGP4 fails: {SGP4_ERRORS.get(error, 'no finite position')}"
    return (
        f"SGP4 puts it {radius_km:.0f} km from the Earth's centre, far beyond its apogee, {apogee_km:.0f} km"
    )


def problem(satrec: Satrec, at: dt.datetime, moment: str) -> str | None:
    """Why a satellite has no position at a time, if so; moment: what that time is called."""
    highest_km = float(apogee_km(satrec.no_kozai, satrec.ecco))
    jd, fraction = jday_datetime(at)
    error, r_km, _ = satrec.sgp4(jd, fraction)
    if not trusted(error, np.array(r_km), ALLOWED * highest_km):
        return why(error, np.array(r_km), highest_km).replace("SGP4 fails", f"SGP4 fails at {moment}")
    before_s = (at - sat_epoch_datetime(satrec)).total_seconds()
    back_s = np.linspace(0, before_s, int(abs(before_s) / STEP_S) + 2)[1:]
    errors, way_km, _ = satrec.sgp4_array(np.full(len(back_s), jd), fraction - back_s / DAY_S)
    if not trusted(errors, way_km, ALLOWED * highest_km).all():
        return f"between its elements' epoch and {moment} SGP4 has it come down"
    return None
