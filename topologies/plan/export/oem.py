"""The orbit of a satellite as an Orbit Ephemeris Message, version 3 (CCSDS 502.0-B-3), in KVN."""

from __future__ import annotations

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import frames
from skybed.topologies.orbits.ephemeris import KNOT_S, utc_texts
from skybed.topologies.plan.plan import Plan

STEP = 2  # knots from one state to the next
DEGREE = 7  # of Lagrange polynomials; Hermite's take velocities as derivatives, which SGP4's are not quite


def text(plan: Plan, node: str) -> str:
    """States in ICRF (origin at the Earth's centre), km and km/s, in UTC, at the plan's own knots, 60 s
    apart; of a short plan 30 s. Interpolated as it says, they are within 1 cm of SGP4 near circular orbits,
    and 25 cm where there are too few states for that. What comes down ends before. Raises ScenarioError for
    what is no satellite, or down at once.
    """
    number = plan.node(node)
    if number >= plan.network.sky.satellites:
        raise ScenarioError(f"{node} is no satellite; an Orbit Ephemeris Message is of one that flies.")
    end_s = float(plan.network.sky.ends_s[number])
    knots = _knots(min(end_s, plan.duration_s), end_s)
    if len(knots) < 2:
        raise ScenarioError(f"{node} comes down within {KNOT_S:g} s: that is no orbit.")
    created = _utc(plan, np.zeros(1))[0]  # of the plan, so that the same plan gives the same text
    header = ["CCSDS_OEM_VERS = 3.0", f"CREATION_DATE = {created}", "ORIGINATOR = SKYBED"]
    return "\n".join([*header, *_segment(plan, number, knots)]) + "\n"


def _knots(until_s: float, end_s: float) -> np.ndarray:
    """Of which there is one at or behind until_s, if the satellite is still there."""
    last = int(min(np.ceil(until_s / KNOT_S), end_s // KNOT_S))
    step = STEP if last >= STEP * DEGREE else 1
    return np.unique(np.append(np.arange(0, last, step), last))


def _segment(plan: Plan, number: int, knots: np.ndarray) -> list[str]:
    t_s = knots * KNOT_S
    times = _utc(plan, t_s)
    states = plan.network.sky.table.at(np.array(number), knots)
    states = frames.icrf_of_teme(states, plan.scenario.begin, t_s)
    name = plan.nodes[number].name
    fields = {
        "OBJECT_NAME": name,
        "OBJECT_ID": name,
        "CENTER_NAME": "EARTH",
        "REF_FRAME": "ICRF",
        "TIME_SYSTEM": "UTC",
        "START_TIME": times[0],
        "STOP_TIME": times[-1],
        "INTERPOLATION": "LAGRANGE" if len(knots) > DEGREE else "HERMITE",
        "INTERPOLATION_DEGREE": DEGREE if len(knots) > DEGREE else 3,
    }
    meta = ["", "META_START", *(f"{key} = {value}" for key, value in fields.items()), "META_STOP", ""]
    rows = [
        f"{time} {' '.join(f'{x:.6f}' for x in r_km)} {' '.join(f'{x:.9f}' for x in v_km_s)}"
        for time, r_km, v_km_s in zip(times, states[:, :3].tolist(), states[:, 3:].tolist(), strict=True)
    ]
    return [*meta, *rows]


def _utc(plan: Plan, t_s: Array) -> list[str]:
    return [text.rstrip("Z") for text in utc_texts(plan.scenario.begin, t_s)]
