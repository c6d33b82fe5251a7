"""The sky as CZML, which Cesium shows: nodes with their positions, links while they stand.

Positions are Earth-fixed (FIXED), in m. Those of satellites are STEP_S apart, to be interpolated by Lagrange
polynomials of degree DEGREE: within 1 m of the plan near circular orbits. Nodes that move over the ground
have way points, and go straight between them. Links are polylines between two positions, available while a
contact lasts.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Array
from skybed.topologies.orbits import ground_tracks
from skybed.topologies.orbits.ephemeris import utc_texts
from skybed.topologies.plan.plan import Plan

STEP_S, DEGREE = 60.0, 5
TRAIL_S, FEW = 1200.0, 100  # behind each satellite, where there are no more than so many
MULTIPLIER = 10  # seconds of the sky in one of who looks at it
M_PER_KM = 1000.0
DIGITS = 2  # of m and s
Packet = dict[str, Any]

COLOURS = [  # of layers: Okabe and Ito's
    [86, 180, 233, 255], [240, 228, 66, 255], [204, 121, 167, 255], [0, 158, 115, 255], [230, 159, 0, 255],
]  # fmt: skip
OF_GROUND = [255, 255, 255, 255]
OF_LINKS = {"isl": [126, 178, 226, 140], "access": [240, 177, 58, 255], "fibre": [53, 194, 154, 255]}


def text(plan: Plan) -> str:
    contacts = plan.contacts.sort_values("start_s", kind="stable").groupby("link")
    packets = [_document(plan)]
    times_s = [_times_s(plan, number) for number in range(len(plan.nodes))]
    places_km = ground_tracks.each_fixed_km(plan.network.sky, times_s)
    packets += [_node(plan, *each) for each in zip(itertools.count(), times_s, places_km)]
    packets += [_link(plan, int(number), rows) for number, rows in contacts]
    return json.dumps(packets, separators=(",", ":")) + "\n"


def _interval(plan: Plan, start_s: float, end_s: float) -> str:
    return "/".join(utc_texts(plan.scenario.begin, np.array([start_s, end_s])))


def _begin(plan: Plan) -> str:
    return utc_texts(plan.scenario.begin, np.zeros(1))[0]


def _document(plan: Plan) -> Packet:
    return {
        "id": "document",
        "name": plan.scenario.name,
        "version": "1.0",
        "clock": {
            "interval": _interval(plan, 0.0, plan.duration_s),
            "currentTime": _begin(plan),
            "multiplier": MULTIPLIER,
            "range": "LOOP_STOP",
            "step": "SYSTEM_CLOCK_MULTIPLIER",
        },
    }


def _until_s(plan: Plan, number: int) -> float:
    return float(min(plan.network.sky.ends_s[number], plan.duration_s))


def _node(plan: Plan, number: int, t_s: Array, r_km: Array) -> Packet:
    """t_s, r_km: where it is when."""
    node = plan.nodes[number]
    flies = number < len(plan.orbits)
    colour = COLOURS[[*plan.scenario.layers].index(node.layer) % len(COLOURS)] if flies else OF_GROUND
    packet = {
        "id": node.name,
        "name": f"{node.name} ({node.layer or 'ground'})",
        "availability": _interval(plan, 0.0, _until_s(plan, number)),
        "position": _position(plan, number, t_s, r_km * M_PER_KM),
        "point": {"pixelSize": 6 if flies else 9, "color": {"rgba": colour}},
    }
    if not flies:
        above = {"cartesian2": [0, -16]}
        packet["label"] = {"text": node.name, "font": "13px sans-serif", "pixelOffset": above}
    elif len(plan.orbits) <= FEW:
        faint = {"solidColor": {"color": {"rgba": [*colour[:3], 110]}}}
        packet["path"] = {"leadTime": 0, "trailTime": TRAIL_S, "width": 1, "material": faint}
    return packet


def _position(plan: Plan, number: int, t_s: Array, r_m: Array) -> Packet:
    """A point, or times and points one after the other."""
    if plan.network.sky.stays[number]:
        return {"referenceFrame": "FIXED", "cartesian": r_m[0].round(DIGITS).tolist()}
    way = {"interpolationAlgorithm": "LINEAR", "interpolationDegree": 1}
    if number < len(plan.orbits):
        way = {"interpolationAlgorithm": "LAGRANGE", "interpolationDegree": DEGREE}
    rows = np.concatenate([t_s[:, None], r_m], axis=1).round(DIGITS)
    return {"epoch": _begin(plan), **way, "referenceFrame": "FIXED", "cartesian": rows.ravel().tolist()}


def _times_s(plan: Plan, number: int) -> Array:
    """Some STEP_S apart, as many as a polynomial needs, and those at which a node on the ground turns; one of
    a node that stays.
    """
    sky, until_s = plan.network.sky, _until_s(plan, number)
    if sky.stays[number]:
        return np.zeros(1)
    count = max(DEGREE + 1, int(np.ceil(until_s / STEP_S)) + 1)
    even_s = np.linspace(0.0, until_s, count).round(DIGITS)
    if number < sky.satellites or sky.tracks is None:
        return even_s
    bends_s = sky.tracks.bends_s(number).round(DIGITS)
    return np.union1d(even_s, bends_s[(bends_s > 0) & (bends_s < until_s)])


def _link(plan: Plan, number: int, contacts: pd.DataFrame) -> Packet:
    link = plan.links[number]
    a, b = (plan.nodes[end].name for end in (link.a, link.b))
    spans = contacts[["start_s", "end_s"]].to_numpy().tolist()
    return {
        "id": f"link {link.name}",
        "name": f"{a} to {b} ({link.kind})",
        "availability": [_interval(plan, *span) for span in spans],
        "polyline": {
            "positions": {"references": [f"{a}#position", f"{b}#position"]},
            "arcType": "NONE",
            "width": 1 if link.kind == "isl" else 2,
            "material": {"solidColor": {"color": {"rgba": OF_LINKS[link.kind]}}},
        },
    }
