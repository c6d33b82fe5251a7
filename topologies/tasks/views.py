"""When satellites have places on the ground in view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.contacts.spans import Spans
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.tracks import standing
from skybed.topologies.plan.plan import Plan


def views(
    plan: Plan,
    satellites: ArrayLike,
    places: Sequence[tuple[float, ...]],
    *,
    min_elevation_deg: float | None = None,
    max_off_nadir_deg: float | None = None,
    swath_km: float | None = None,
    until_s: float,
) -> Spans:
    """When each satellite has each place in view, from run time 0 to until_s, which may be after the plan's
    end; by satellite * len(places) + place, both by index. All limits that are given hold, and the horizon.

    satellites: numbers of nodes. places: lat, lon in deg (WGS84), and height in m if it is not 0.
    min_elevation_deg: of the satellite over the place's horizon, without refraction. max_off_nadir_deg: of
    the place, from the line between the satellite and the Earth's centre. swath_km: the place is within half
    of it of the point below the satellite, on that line, along a sphere of the mean Earth radius: so while a
    camera that sees all of such a circle does. One that scans across its track does so in the middle.
    """
    flying = np.asarray(satellites, np.int64)
    orbits = plan.orbits.iloc[flying].reset_index(drop=True)
    ground = [standing(*place) for place in places]
    sky = ephemeris.make(orbits, ground, plan.scenario.begin, until_s)
    conditions = Conditions(
        min_elevation_deg=min_elevation_deg or 0.0,
        max_off_nadir_deg=max_off_nadir_deg,
        max_apart_km=None if swath_km is None else swath_km / 2,
    )
    a, b = np.arange(len(ground))[None] + len(flying), np.arange(len(flying))[:, None]
    return Spans(*intervals(sky, a, b, conditions, until_s))
