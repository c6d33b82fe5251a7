"""What the flows of a run experienced: the metrics that `topologies.model.metrics` tells.

These come from the run's tables and its plan alone; the truth to compare them with is that of
`measures.truth`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from skybed.analysis.run import Run
from skybed.topologies.errors import RunError
from skybed.topologies.model.flows import AnyFlow
from skybed.topologies.model.metrics import METRICS
from skybed.topologies.orbits.geometry import C_KM_S, great_circle_km

MIN_LOST = 2  # RFC 3357: a loss period; a single lost packet is loss, not an outage


def flow_metrics(run: Run) -> pd.DataFrame:
    """One row per flow of the scenario, in its order; nan (counts: NA) where a flow does not measure one.

    Columns: flow, kind, src, dst, and the metrics but for those that `routing.convergence` works out.
    """
    rows = []
    for flow in run.scenario.traffic:
        row: dict[str, object] = dict(flow=flow.name, kind=flow.kind, src=flow.source, dst=flow.target)
        if flow.kind == "probe":
            row |= _of_probes(run, str(flow.name))
        elif flow.kind in ("udp", "tcp"):
            row |= _of_intervals(run.flows[run.flows["flow"] == flow.name], flow.kind)
        row |= _of_ends(run, flow, row.get("rtt_p50_ms"))
        rows.append(row)
    found = [metric for metric in METRICS.values() if not metric.of_routing]
    table = pd.DataFrame(rows, columns=["flow", "kind", "src", "dst", *(metric.name for metric in found)])
    return table.astype({metric.name: "Int64" for metric in found if metric.whole})


def _of_probes(run: Run, name: str) -> dict[str, float]:
    probes = run.probes[run.probes["flow"] == name]
    if probes.empty:  # stopped before the flow began
        return {"sent": 0, "lost": 0}
    rtt_ms, owd_ms = probes["rtt_us"].dropna() / 1e3, probes["owd_us"].dropna() / 1e3
    delay_ms = owd_ms if len(owd_ms) else rtt_ms
    pdv_ms = delay_ms - delay_ms.min()
    length_s = outages(run, name).eval("end_s - start_s")
    return {
        "sent": len(probes),
        "lost": int(probes["lost"].sum()),
        "loss_pct": _pct(probes["lost"].sum(), len(probes)),
        "reordered_pct": _pct(probes["reordered"].sum(), (~probes["lost"]).sum()),
        "rtt_min_ms": rtt_ms.min(),
        "rtt_p50_ms": rtt_ms.quantile(0.5),
        "rtt_p99_ms": rtt_ms.quantile(0.99),
        "owd_p50_ms": owd_ms.quantile(0.5),
        "owd_p99_ms": owd_ms.quantile(0.99),
        "pdv_p50_ms": pdv_ms.quantile(0.5),
        "pdv_p99_ms": pdv_ms.quantile(0.99),
        "outages": len(length_s),
        "outage_s": length_s.sum(),
        "outage_max_s": length_s.max() if len(length_s) else 0.0,
    }


def _of_intervals(rows: pd.DataFrame, kind: str) -> dict[str, float]:
    total = rows.sum(numeric_only=True, min_count=1)
    length_s = rows["end_s"].max() - rows["start_s"].min()
    found = {
        "sent": total["sent_packets"],
        "throughput_mbps": total["received_bytes"] * 8e-6 / length_s if length_s > 0 else np.nan,
        "retransmits": total["retransmits"],
    }
    if kind == "udp":
        found |= {
            "lost": total["lost_packets"],
            "loss_pct": _pct(total["lost_packets"], total["sent_packets"]),
            "reordered_pct": _pct(total["reordered_packets"], total["received_packets"]),
        }
    else:
        rtt_ms = rows["rtt_us"].dropna() / 1e3
        for name, share in (("min", 0.0), ("p50", 0.5), ("p99", 0.99)):
            found[f"rtt_{name}_ms"] = rtt_ms.quantile(share)
    return found


def _of_ends(run: Run, flow: AnyFlow, rtt_ms: object) -> dict[str, object]:
    """What depends on where a flow begins and ends. rtt_ms: its median, of a probe flow.

    Whatever access link comes after the start is a handover, also with the policy `all`, and after a fault.
    """
    plan, ends = run.plan, {flow.source, flow.target}
    ground = [station for station in run.scenario.stations if station.name in ends]
    if not ground:
        return {}
    names = {station.name for station in ground}
    theirs = [
        number
        for number, link in enumerate(plan.links)
        if link.kind == "access" and names & {plan.nodes[link.a].name, plan.nodes[link.b].name}
    ]
    start_s = plan.contacts.loc[plan.contacts["link"].isin(theirs), "start_s"]
    found: dict[str, object] = {"handovers": int(((start_s > 0) & (start_s <= run.played_s)).sum())}
    if flow.kind == "probe" and isinstance(rtt_ms, float) and len(ground) == 2:
        a, b = ground
        way_km = great_circle_km(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)
        found["stretch_p50"] = rtt_ms / (2e3 * way_km / C_KM_S)
    return found


def outages(run: Run, flow: str) -> pd.DataFrame:
    """Outages of a probe flow: columns start_s (first lost probe sent) and end_s (next received one sent).

    The last outage ends with the last probe where none comes through after it.
    """
    probes = of_flow(run.probes, flow, "probe").sort_values("sent_s")
    sent_s = probes["sent_s"].to_numpy()
    first, after = loss_periods(probes["lost"].to_numpy())
    long = after - first >= MIN_LOST
    first, after = first[long], after[long]
    return pd.DataFrame({"start_s": sent_s[first], "end_s": sent_s[np.minimum(after, len(sent_s) - 1)]})


def loss_periods(lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where runs of lost packets (bool, in the order of sending) begin, and where they are over."""
    edge = np.diff(lost.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)


def throughput(run: Run, flow: str) -> pd.DataFrame:
    """Received rate of a udp or tcp flow per interval: columns start_s, end_s, throughput_mbps."""
    rows = of_flow(run.flows, flow, "udp or tcp").reset_index(drop=True)
    return rows[["start_s", "end_s", "throughput_mbps"]]


def of_flow(table: pd.DataFrame, flow: str, kind: str) -> pd.DataFrame:
    """The rows of one flow; RunError where there are none."""
    rows = table[table["flow"] == flow]
    if rows.empty:
        raise RunError(f"the run has no measurements of a {kind} flow {flow}; name another flow.")
    return rows


def _pct(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else np.nan
