"""A plan as the IETF's Time-Variant Routing has it: JSON of the YANG modules ietf-tvr-topology (2026-06-11)
and ietf-tvr-schedule (2026-05-19), on the networks of RFC 8345.
"""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np

from skybed.topologies.contacts.faults import of_contacts
from skybed.topologies.contacts.properties import Property
from skybed.topologies.orbits.ephemeris import utc_texts
from skybed.topologies.plan.plan import Plan

LOOK_S = 10.0  # at the delay, along a contact
DRIFT_S = 1e-3  # by which the delay may change within one entry of a schedule


def text(plan: Plan) -> str:
    """Each node has a termination point for each neighbour, with a schedule of when the link there stands, at
    which rate (bit/s, mean) and one-way delay (us, the middle of what it is). A delay is constant within an
    entry, so a contact is several where it changes by more than DRIFT_S. 64-bit numbers are texts (RFC 7951).
    """
    names = [node.name for node in plan.nodes]
    points: dict[str, dict[str, list[dict[str, Any]]]] = {name: defaultdict(list) for name in names}
    for link, start_s, end_s in zip(*of_contacts(plan.contacts), strict=True):
        ends = plan.links[link].a, plan.links[link].b
        edges_s = _entries_s(plan, link, start_s, end_s)
        utc = utc_texts(plan.scenario.begin, edges_s)
        for side, (node, peer) in enumerate((ends, ends[::-1])):
            schedule = points[names[node]][names[peer]]
            rates = plan.network.values.mean(Property.RATE, link, side, edges_s[:-1], edges_s[1:])
            middle_s = [
                np.mean([way.min(), way.max()])
                for way in (
                    plan.network.one_way_s(link, side, np.linspace(*span, 5)) for span in pairwise(edges_s)
                )
            ]
            for k, (mbps, delay_s) in enumerate(zip(rates, middle_s, strict=True)):
                attributes = {
                    "link-available": True,
                    "bandwidth": str(round(mbps * 1e6)),
                    "delay": str(round(delay_s * 1e6)),
                    "destination-nodes": [names[peer]],
                }
                period = {"period-start": utc[k], "period-end": utc[k + 1]}
                schedule.append({"schedule-id": len(schedule), **period, "link-attributes": attributes})
    network = {
        "network-id": plan.scenario.name,
        "network-types": {"ietf-tvr-topology:tvr-topology": {}},
        "node": [_node(name, points[name]) for name in names],
        "ietf-network-topology:link": [
            _link(node, peer) for node in names for peer in points[node] if points[node][peer]
        ],
    }
    return json.dumps({"ietf-network:networks": {"network": [network]}}, indent=1) + "\n"


def _entries_s(plan: Plan, link: int, start_s: float, end_s: float) -> np.ndarray:
    """Where a contact is cut, its begin and end included."""
    looks_s = np.linspace(start_s, end_s, int((end_s - start_s) / LOOK_S) + 2)
    delay_s = plan.delay_s(link, looks_s)
    edges, least_s, most_s = [0], delay_s[0], delay_s[0]
    for k in range(1, len(looks_s)):
        least_s, most_s = min(least_s, delay_s[k]), max(most_s, delay_s[k])
        if most_s - least_s > DRIFT_S and k - 1 > edges[-1]:
            edges.append(k - 1)
            least_s, most_s = sorted((delay_s[k - 1], delay_s[k]))
    return looks_s[[*edges, len(looks_s) - 1]]


def _node(name: str, points: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "node-id": name,
        "ietf-tvr-topology:available": {"default-node-available": True},
        "ietf-network-topology:termination-point": [
            {
                "tp-id": peer,
                "ietf-tvr-topology:available": {"default-link-available": False, "schedule": schedule},
            }
            for peer, schedule in points.items()
        ],
    }


def _link(node: str, peer: str) -> dict[str, Any]:
    return {
        "link-id": f"{node}--{peer}",
        "source": {"source-node": node, "source-tp": peer},
        "destination": {"dest-node": peer, "dest-tp": node},
    }
