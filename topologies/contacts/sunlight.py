"""When the Sun shines on satellites.

The Earth's shadow is that of its WGS84 ellipsoid, without air, in the light of the Sun's centre: light ends,
and comes back, halfway through the penumbra, when half of the Sun is behind the horizon. In a low orbit the
penumbra lasts some 8 s, in the geostationary one 2 minutes. Refraction and the Moon are left out.
"""

from __future__ import annotations

import datetime as dt

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.margins import changes, edges, paired
from skybed.topologies.contacts.spans import Spans, spans
from skybed.topologies.orbits import sun
from skybed.topologies.orbits.ellipsoid import A_KM, B_KM
from skybed.topologies.orbits.ephemeris import Ephemeris

GRID_S = 20.0  # less than between knots, as positions are asked for before the first one
BATCH = 500_000  # margins in memory at a time


def margin_km(r_km: Array, sun_km: Array) -> Array:
    """By how much the lines from satellites to the Sun, both (..., 3) and TEME, pass over the Earth: negative
    in its shadow. Distances are those after the ellipsoid is stretched along its axis into a sphere: lines
    stay straight, and those that met it still do.
    """
    stretch = np.array([1.0, 1.0, A_KM / B_KM])
    r_km, line = r_km * stretch, (sun_km - r_km) * stretch
    line2 = np.einsum("...i,...i", line, line)
    ahead = np.clip(-np.einsum("...i,...i", r_km, line) / line2, 0, 1)  # of the point nearest to the centre
    nearest = r_km + ahead[..., None] * line
    return np.sqrt(np.einsum("...i,...i", nearest, nearest)) - A_KM


def sunlit(sky: Ephemeris, epoch: dt.datetime, nodes: Index, until_s: float) -> Spans:
    """When satellites (ascending numbers) are in sunlight between 0 and until_s, with the numbers as keys;
    edges to a microsecond. epoch: what run time 0 is. One that has decayed is in sunlight no more.
    """
    if not len(nodes):
        return spans()
    t = np.arange(-1, np.ceil(until_s / GRID_S) + 1) * GRID_S
    sun_km = sun.position_km(epoch, t)

    def margin_at(row: Index, t_s: Array) -> Array:
        return margin_km(sky.position_km(nodes[row], t_s), sun.position_km(epoch, t_s))

    standing, found = [], []
    per_lot = max(1, BATCH // len(t))
    for first in range(0, len(nodes), per_lot):
        row = np.arange(first, min(first + per_lot, len(nodes)))
        margins = margin_km(sky.position_km(nodes[row][:, None], t), sun_km)
        standing.append(row[margins[:, 1] > 0])
        found.append(edges(margin_at, [changes(row, np.broadcast_to(t, margins.shape), margins, GRID_S)]))
    lit = paired(np.concatenate(standing), found, until_s)
    ends_s = sky.ends_s[nodes[lit.pair]]
    there = lit.start_s < ends_s
    return Spans(nodes[lit.pair], lit.start_s, np.minimum(lit.end_s, ends_s)).where(there)
