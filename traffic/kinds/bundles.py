"""Bundles (RFC 9171): stored where there is no way yet, carried, and forwarded from neighbour to neighbour.

What they do in a lane is in `traffic.bundles`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import BUFFERS, BUNDLES, CONTACT_USE, HOPS
from skybed.traffic.bundles import datagrams, mtcp, tcpcl
from skybed.traffic.bundles.crossing import Agency, Crossed
from skybed.traffic.shared import Shared

MODEL, TABLE, UNIT, LOADS = BundleFlow, BUNDLES, "bundles", False
MORE = (HOPS, CONTACT_USE, BUFFERS)
METRICS = (
    "created", "delivered", "delivered_pct", "delay_mean_s", "delay_p50_s", "delay_p90_s", "delay_max_s",
    "wait_s", "sending_s", "hops_mean", "fragments", "duplicates", "reported", "carried_ratio",
    "contact_use_pct",
)  # fmt: skip

SHOWN = (
    "created", "delivered_pct", "delay_p50_s", "delay_max_s", "wait_s", "hops_mean",
    "contact_use_pct",
)  # fmt: skip

SAME_S = 1e-6  # how well times agree that are the same


def packets(flow: BundleFlow, until_s: float) -> float:
    return 0.0  # only the orbits show


def ports(_traffic: Sequence[Flow]) -> Ports:
    over_tcp = tuple(range(port, port + 1) for port in (tcpcl.PORT, mtcp.PORT))
    return Ports(udp=(range(datagrams.PORT, datagrams.PORT + 1),), tcp=over_tcp)


def due(flow: BundleFlow, until_s: float, _place: int, _of: int) -> float:
    return len(flow.times_s(until_s))


def sent(run: Played, flow: BundleFlow) -> Any:
    return run.rows(flow)["created_s"]


def start(shared: Shared, flows: Sequence[BundleFlow]) -> Sequence[Crossed]:
    return shared.one(Agency).crossings


# -- of a run that was played --------------------------------------------------------------------------


def so_far(_flow: BundleFlow, figures: Mapping[str, Any], _t_s: float) -> dict[str, float]:
    created, delivered = figures["created"], figures["delivered"]
    return {"created": created, "delivered": delivered, "delivered_pct": share_pct(delivered, created)}


def measure(run: Played, flow: BundleFlow) -> dict[str, float]:
    rows, hops = run.rows(flow), run.rows(flow, HOPS)
    there = rows[rows["delivered_s"].notna()]
    delay_s = there["delivered_s"] - there["created_s"]
    waited_s, sending_s = zip(*ways_s(hops[~hops["report"]], there), strict=True) if len(there) else ((), ())
    payload, used = there["bytes"].sum(), run.rows(flow, CONTACT_USE)
    return {
        "created": len(rows),
        "delivered": len(there),
        "delivered_pct": share_pct(len(there), len(rows)),
        "delay_mean_s": delay_s.mean(),
        "delay_p50_s": delay_s.quantile(0.5),
        "delay_p90_s": delay_s.quantile(0.9),
        "delay_max_s": delay_s.max(),
        "wait_s": np.mean(waited_s) if waited_s else np.nan,
        "sending_s": np.mean(sending_s) if sending_s else np.nan,
        "hops_mean": there["hops"].mean(),
        "fragments": rows["fragments"].sum(),
        "duplicates": rows["duplicates"].sum(),
        "reported": rows["reported_s"].notna().sum(),
        "carried_ratio": hops["carried_bytes"].sum() / payload if payload else np.nan,
        "contact_use_pct": share_pct(used["carried_bytes"].sum(), used["capacity_bytes"].sum()),
    }


def ways_s(hops: Any, there: Any) -> list[tuple[float, float]]:
    """Of each bundle that is there, how long it waited in nodes, and how long it was sent, on its way: back
    from its last part that came, hop by hop. hops, there: rows of the tables.
    """
    came: dict[tuple[int, str], list[Any]] = {}
    for hop in hops.sort_values("arrived_s").itertuples():
        came.setdefault((hop.number, hop.peer), []).append(hop)
    ways = []
    for bundle in there.itertuples():
        place, by_s, sending_s = bundle.dst, bundle.delivered_s, 0.0
        while place != bundle.src:
            hop = next(hop for hop in reversed(came[bundle.number, place]) if hop.arrived_s <= by_s + SAME_S)
            sending_s += hop.arrived_s - hop.began_s
            place, by_s = hop.node, hop.queued_s
        ways.append((bundle.delivered_s - bundle.created_s - sending_s, sending_s))
    return ways
