"""Bundles (RFC 9171): stored where there is no way yet, carried, and forwarded from neighbour to neighbour.

What they do in a lane is in `traffic.bundles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import BUFFERS, BUNDLES, CONTACT_USE, HOPS
from skybed.traffic.bundles import tcpcl
from skybed.traffic.bundles.crossing import Agency, Crossed
from skybed.traffic.shared import Shared

MODEL, TABLE, UNIT, LOADS = BundleFlow, BUNDLES, "bundles", False
MORE = (HOPS, CONTACT_USE, BUFFERS)
METRICS = (
    "created", "delivered", "delivered_pct", "delay_mean_s", "delay_p50_s", "delay_p90_s", "delay_max_s",
    "wait_s", "sending_s", "hops_mean", "fragments", "duplicates", "reported", "carried_ratio",
    "contact_use_pct",
)  # fmt: skip


def packets(flow: BundleFlow, until_s: float) -> float:
    return 0.0  # only the orbits show


def ports(_traffic: Sequence[Flow]) -> Ports:
    return Ports(tcp=(range(tcpcl.PORT, tcpcl.PORT + 1),))


def due(flow: BundleFlow, until_s: float, _place: int, _of: int) -> float:
    return len(flow.times_s(until_s))


def sent(run: Played, flow: BundleFlow) -> Any:
    return run.rows(flow)["created_s"]


def start(shared: Shared, flows: Sequence[BundleFlow]) -> Sequence[Crossed]:
    return Agency(shared, flows).crossings


# -- of a run that was played --------------------------------------------------------------------------


def measure(run: Played, flow: BundleFlow) -> dict[str, float]:
    rows, hops = run.rows(flow), run.rows(flow, HOPS)
    there = rows[rows["delivered_s"].notna()]
    delay_s = there["delivered_s"] - there["created_s"]
    carried = hops[~hops["report"] & hops["number"].isin(there["number"])]
    waited_s = (carried["began_s"] - carried["queued_s"]).groupby(carried["number"]).sum()
    sending_s = (carried["arrived_s"] - carried["began_s"]).groupby(carried["number"]).sum()
    payload, used = there["bytes"].sum(), run.rows(flow, CONTACT_USE)
    return {
        "created": len(rows),
        "delivered": len(there),
        "delivered_pct": share_pct(len(there), len(rows)),
        "delay_mean_s": delay_s.mean(),
        "delay_p50_s": delay_s.quantile(0.5),
        "delay_p90_s": delay_s.quantile(0.9),
        "delay_max_s": delay_s.max(),
        "wait_s": waited_s.mean(),
        "sending_s": sending_s.mean(),
        "hops_mean": there["hops"].mean(),
        "fragments": rows["fragments"].sum(),
        "duplicates": rows["duplicates"].sum(),
        "reported": rows["reported_s"].notna().sum(),
        "carried_ratio": hops["carried_bytes"].sum() / payload if payload else np.nan,
        "contact_use_pct": share_pct(used["carried_bytes"].sum(), used["capacity_bytes"].sum()),
    }
