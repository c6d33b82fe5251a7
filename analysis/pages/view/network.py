"""What of a plan a page is given: nodes, links, when they stand, what was set on them, and routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.pages.view import places, rules
from skybed.analysis.pages.view.packing import narrow, offsets
from skybed.topologies.contacts.faults import SILENT
from skybed.topologies.contacts.nodes import LINK_KINDS
from skybed.topologies.contacts.properties import Property
from skybed.topologies.model.flows import EndToEndFlow
from skybed.topologies.orbits import elements
from skybed.topologies.plan.plan import Plan

Arrays = dict[str, np.ndarray]
USUAL = (Property.RATE, Property.LOSS, Property.EXTRA, Property.SPIKE, Property.JITTER)
NOT_SET = (Property.CARRIER, Property.DELAY)  # contacts say the one; the other has a table of its own


def facts(plan: Plan) -> dict[str, Any]:
    scenario = plan.scenario
    satellites = elements.layer_satellites(scenario)
    layers, in_planes = list(scenario.layers), [(one.plane, one.slot) for one in satellites]
    in_planes += [(-1, -1)] * (len(plan.nodes) - len(satellites))
    return {
        "name": scenario.name,
        "about": scenario.about,
        "begin_s": scenario.begin.timestamp(),
        "duration_s": plan.duration_s,
        "bound_us": scenario.bound_us,
        "layers": [
            {"name": layer.label or name, "role": layer.role} for name, layer in scenario.layers.items()
        ],
        "satellites": len(satellites),
        "nodes": [
            [node.name, layers.index(node.layer) if node.layer else -1, *where, node.ip, label]
            for node, where, label in zip(plan.nodes, in_planes, plan.labels, strict=True)
        ],
        "flows": [[str(flow.name), str(flow.kind), *flow.ends] for flow in scenario.flows],
        "properties": {what.name.lower(): int(what) for what in Property},
        "protocol": scenario.routing.means.name,
        "ground_relay": scenario.routing.ground_relay,
        "rules": rules.facts(plan.network),
        "decays": [[decay.satellite, decay.t_s] for decay in plan.network.sky.decays],
    }


def arrays(plan: Plan, with_routes: bool = True, reached: Sequence[str] = ()) -> Arrays:
    """Times in s. Offsets: where the rows of each link (or key) begin, and after the last one the end.
    reached: further nodes of which it is to have the routes that lead there.
    """
    routes = _routes(plan, destinations(plan, reached)) if with_routes else {}
    return _places(plan) | _links(plan) | _events(plan) | routes


def _places(plan: Plan) -> Arrays:
    step_s, knots = places.knots(plan.network.sky, plan.duration_s)
    counts, t_s, points_km = places.ground(plan.network.sky, plan.duration_s)
    return {
        "step_s": np.array([step_s]), "knots": knots.ravel(), "ground": offsets(counts), "ground_s": t_s,
        "ground_km": points_km.ravel(),
    }  # fmt: skip


def _links(plan: Plan) -> Arrays:
    """fixed_s: of the delay of a link, what does not follow its length; of fibre, and what is given, all
    (`laid`). usual: of each link, there and then back, what holds all the time, in units of
    properties.Property; nan: see `_events`.
    """
    links, network = plan.links, plan.network
    a, b = network.ends
    kinds = np.array([LINK_KINDS.index(link.kind) for link in links], int)
    laid = (kinds == LINK_KINDS.index("fibre")) | np.array([link.given for link in links], bool)
    usual = {f"usual_{what.name.lower()}": network.values.constant[:, :, what].ravel() for what in USUAL}
    fixed_s = np.array([link.link_class.fixed_delay_ms / 1e3 for link in links])
    fixed_s[laid] = network.delay_s(np.flatnonzero(laid), 0.0)
    contacts, lost = plan.contacts.sort_values("start_s", kind="stable"), plan.lost
    return {
        "link_a": narrow(a), "link_b": narrow(b), "link_kind": narrow(kinds), "link_fixed_s": fixed_s,
        "link_laid": narrow(laid.astype(int)),
        **usual, **_spans("contact", contacts), **_spans("lost", lost),
        "lost_silent": narrow((lost["kind"] == SILENT).to_numpy(int)),
    }  # fmt: skip


def _spans(name: str, rows: pd.DataFrame) -> Arrays:
    times = {f"{name}_{edge}": rows[edge].to_numpy(float) for edge in ("start_s", "end_s")}
    return {f"{name}_link": narrow(rows["link"].to_numpy(int))} | times


def _events(plan: Plan) -> Arrays:
    """By link and time: the delays that were set (delay_ns, as a kernel takes them, and delay_slope, ns a
    second), and the values of other properties. direction: see properties.Direction.
    """
    delays, others = [], []
    for events in plan.events:
        delays.append(events[events["property"] == Property.DELAY])
        others.append(events[~np.isin(events["property"], NOT_SET)])
    delay, other = (_by(np.concatenate(parts), "link") for parts in (delays, others))
    counts = [np.bincount(rows["link"], minlength=len(plan.links)) for rows in (delay, other)]
    return {
        "delay": offsets(counts[0]), "delay_s": delay["t_s"], "delay_direction": delay["direction"],
        "delay_ns": np.rint(delay["value"] * 1e3).astype("u4"), "delay_slope": delay["slope"] * 1e3,
        "set": offsets(counts[1]), "set_s": other["t_s"], "set_direction": other["direction"],
        "set_property": other["property"], "set_value": other["value"],
    }  # fmt: skip


def destinations(plan: Plan, reached: Sequence[str] = ()) -> np.ndarray:
    """Of which nodes a page has the routes there: the stations, where flows end, and those reached."""
    flows = [flow for flow in plan.scenario.flows if isinstance(flow, EndToEndFlow)]
    ends = [plan.node(end) for end in (*(end for flow in flows for end in flow.ends), *reached)]
    return np.union1d(np.arange(len(plan.orbits), len(plan.nodes)), np.array(ends, int))


def _routes(plan: Plan, wanted: np.ndarray) -> Arrays:
    """Changes of routes by key, then time. key: the place of the destination among `destinations`, times the
    number of nodes, plus the node. instant: number of its time in route_s. via: a node and 1, 0 for none.
    """
    kept = [changes[np.isin(changes["dst"], wanted)] for changes in plan.routes]
    rows = _by(np.concatenate(kept), "dst", "node")
    key = np.searchsorted(wanted, rows["dst"]) * len(plan.nodes) + rows["node"]
    keys, counts = np.unique(key, return_counts=True)
    route_s, instant = np.unique(rows["t_s"], return_inverse=True)
    return {
        "destination": narrow(wanted), "route_key": narrow(keys), "route": offsets(counts),
        "route_s": route_s, "route_instant": narrow(instant),
        "route_via": narrow(rows["via"].astype(int) + 1),
    }  # fmt: skip


def _by(rows: np.ndarray, *columns: str) -> np.ndarray:
    """Sorted by columns, then by time."""
    return rows[np.lexsort((rows["t_s"], *(rows[name] for name in reversed(columns))))]
