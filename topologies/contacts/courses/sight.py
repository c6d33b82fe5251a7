"""What the ends of links have between them at run times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.orbits import ellipsoid
from skybed.topologies.orbits.ephemeris import Ephemeris


class Sight(NamedTuple):
    """Of nodes a and b at times. elevation_deg: of the one in space at the one on the ground, nan where there
    are no such two. lat_deg, height_km: of the one on the ground.
    """

    range_km: Array
    elevation_deg: Array
    lat_deg: Array
    height_km: Array


def seen(sky: Ephemeris, a: Index, b: Index, t_s: Array) -> Sight:
    """All of one length."""
    ground, space = np.maximum(a, b), np.minimum(a, b)  # satellites come first
    from_km, to_km = sky.position_km(ground, t_s), sky.position_km(space, t_s)
    range_km = np.sqrt(np.einsum("ni,ni->n", to_km - from_km, to_km - from_km))
    slant = (ground >= sky.satellites) & (space < sky.satellites)
    elevation_deg = np.where(slant, ellipsoid.elevation_deg(from_km, to_km), np.nan)
    return Sight(range_km, elevation_deg, *ellipsoid.latitude_and_height(from_km))
