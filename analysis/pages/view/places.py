"""Where all nodes are over time, as a page interpolates it: Earth-fixed, km.

Satellites have knots at equal steps, positions and velocities, and a cubic Hermite between them: within
ERROR_M of the plan's own positions, plus what a float32 leaves out (0.25 m in low orbits, 2 m in
geostationary ones). Ground nodes that move have way points at most LEG_KM apart and go straight between
them, within 2 m.
"""

from __future__ import annotations

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.orbits.ephemeris import KNOT_S, Ephemeris
from skybed.topologies.orbits.ground_tracks import fixed_km

ERROR_M = 5.0
STEPS_S = (240.0, 120.0, 60.0, KNOT_S)  # about; so many that the last knot is at the end
LOOKED_AT = 60  # steps of which the error is worked out
DIFFERENCE_S = 0.5
LEG_KM = 10.0


def knots(sky: Ephemeris, duration_s: float) -> tuple[float, np.ndarray]:
    """The longest step that is good enough, s, and (satellites, knots, 6) km and km/s, float32."""
    for about_s in STEPS_S:
        count = int(np.ceil(duration_s / about_s))
        step_s, table = duration_s / count, _table(sky, duration_s, count)
        if about_s == STEPS_S[-1] or _error_m(sky, step_s, table) <= ERROR_M:
            break
    return step_s, table.astype("f4")


def _table(sky: Ephemeris, duration_s: float, count: int) -> Array:
    node, t_s = np.arange(sky.satellites)[:, None], np.linspace(0, duration_s, count + 1)
    before, after = (fixed_km(sky, node, t_s + by) for by in (-DIFFERENCE_S, DIFFERENCE_S))
    return np.concatenate([fixed_km(sky, node, t_s), (after - before) / (2 * DIFFERENCE_S)], axis=-1)


def _error_m(sky: Ephemeris, step_s: float, table: Array) -> float:
    """The greatest in the middle of steps, where that of a cubic Hermite is greatest."""
    k = np.unique(np.linspace(0, table.shape[1] - 2, LOOKED_AT).astype(int))
    here, there = table[:, k], table[:, k + 1]
    middle = (here + there)[..., :3] / 2 + step_s / 8 * (here - there)[..., 3:]
    true = fixed_km(sky, np.arange(sky.satellites)[:, None], (k + 0.5) * step_s)
    return float(1e3 * np.linalg.norm(middle - true, axis=-1).max(initial=0))


def ground(sky: Ephemeris, duration_s: float) -> tuple[np.ndarray, Array, Array]:
    """Way points of the ground nodes, one node after the other: how many each has, their run times (s), and
    (points, 3) km. Those that stand have one.
    """
    counts: list[int] = []
    times: list[Array] = [np.zeros(0)]
    places: list[Array] = [np.zeros((0, 3))]
    for node in range(sky.satellites, sky.table.nodes):
        t_s = np.zeros(1) if sky.stays[node] else _way_points_s(sky, node, duration_s)
        counts.append(len(t_s))
        times.append(t_s)
        places.append(fixed_km(sky, np.array(node), t_s))
    return np.array(counts, int), np.concatenate(times), np.concatenate(places)


def _way_points_s(sky: Ephemeris, node: int, duration_s: float) -> Array:
    assert sky.tracks is not None
    fastest_km_s = float(sky.tracks.fastest_km_s[sky.tracks.nodes == node][0])
    legs = int(np.ceil(fastest_km_s * duration_s / LEG_KM)) + 1
    bends_s = sky.tracks.bends_s(node)
    within = bends_s[(bends_s > 0) & (bends_s < duration_s)]
    return np.union1d(np.linspace(0, duration_s, legs + 1), within)
