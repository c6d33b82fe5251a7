"""The topology at an instant as GraphML, which networkx, Gephi, yEd and others read."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np

from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import ground_tracks
from skybed.topologies.plan.plan import Plan

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
TYPES = {str: "string", float: "double"}


def text(plan: Plan, at_s: float) -> str:
    """Nodes are named; the links that stand at run time at_s are edges without a direction, whose rates and
    delays are those from `source` to `target`, and back. Raises ScenarioError for a time outside of the plan.
    """
    if not 0 <= at_s <= plan.duration_s:
        raise ScenarioError(f"--at is {at_s:g}; this plan is of 0 to {plan.duration_s:g} s.")
    root = ET.Element("graphml", xmlns=NAMESPACE)
    graph = ET.Element("graph", id=plan.scenario.name, edgedefault="undirected")
    keys: dict[tuple[str, str], str] = {}

    def add(tag: str, attributes: dict[str, str], values: dict[str, Any]) -> None:
        part = ET.SubElement(graph, tag, attributes)
        for name, value in values.items():
            if (tag, name) not in keys:
                key = keys[tag, name] = f"{tag[0]}{len(keys)}"
                told = {"id": key, "for": tag, "attr.name": name, "attr.type": TYPES[type(value)]}
                ET.SubElement(root, "key", told)
            ET.SubElement(part, "data", key=keys[tag, name]).text = str(value)

    for values in _nodes(plan, at_s):
        add("node", {"id": values.pop("name")}, values)
    for link, values in _edges(plan, at_s):
        ends = (plan.nodes[end].name for end in (plan.links[link].a, plan.links[link].b))
        add("edge", dict(zip(("source", "target"), ends, strict=True)), values)
    root.append(graph)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _nodes(plan: Plan, at_s: float) -> list[dict[str, Any]]:
    """lat_deg, lon_deg, height_km: over WGS84; x, y, z: Earth-fixed, km."""
    r_km = ground_tracks.fixed_km(plan.network.sky, np.arange(len(plan.nodes)), np.array(at_s))
    below = ground_tracks.below(r_km)
    return [
        {
            "name": node.name,
            "kind": node.kind,
            "layer": node.layer,
            "ip": node.ip,
            "ip6": node.ip6,
            "lat_deg": round(float(below.lat_deg[n]), 6),
            "lon_deg": round(float(below.lon_deg[n]), 6),
            "height_km": round(float(below.height_km[n]), 6),
            **{f"{axis}_km": round(float(x), 6) for axis, x in zip("xyz", r_km[n], strict=True)},
        }
        for n, node in enumerate(plan.nodes)
    ]


def _edges(plan: Plan, at_s: float) -> list[tuple[int, dict[str, Any]]]:
    network, standing = plan.network, plan.network.standing(at_s)
    link, side = np.broadcast_arrays(standing[:, None], np.array([0, 1]))
    delay_ms = 1e3 * network.one_way_s(link, side, at_s)
    rate_mbps, loss_pct = (
        network.values.at(what, link, side, at_s) for what in (Property.RATE, Property.LOSS)
    )
    return [
        (
            number,
            {
                "kind": plan.links[number].kind,
                "link_class": plan.links[number].class_name,
                **{
                    f"delay{back}_ms": round(float(delay_ms[n, k]), 6) for k, back in enumerate(("", "_back"))
                },
                **{f"rate{back}_mbps": float(rate_mbps[n, k]) for k, back in enumerate(("", "_back"))},
                **{f"loss{back}_pct": float(loss_pct[n, k]) for k, back in enumerate(("", "_back"))},
            },
        )
        for n, number in enumerate(standing.tolist())
    ]
