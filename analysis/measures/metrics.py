"""What the flows of a run experienced: the metrics that `topologies.model.metrics` tells.

These come from the run's tables and its plan alone; the truth to compare them with is that of
`measures.truth`.
"""

from __future__ import annotations

import pandas as pd

from skybed.analysis.run import Run
from skybed.topologies.errors import RunError
from skybed.topologies.model import kinds, losses
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.metrics import METRICS
from skybed.topologies.model.tables import PROBES
from skybed.topologies.orbits.geometry import C_KM_S, great_circle_km


def flow_metrics(run: Run) -> pd.DataFrame:
    """One row per flow of the scenario, in its order; nan (counts: NA) where a flow does not measure one.

    Columns: flow, kind, src, dst, the metrics but for those that `routing.convergence` works out, and those
    that only the run tells.
    """
    rows = []
    for flow in run.traffic:
        src, dst = flow.ends
        row: dict[str, object] = dict(flow=flow.name, kind=flow.kind, src=src, dst=dst)
        row |= kinds.of(flow).measure(run, flow)
        row |= _of_ends(run, flow, row.get("rtt_p50_ms"))
        rows.append(row)
    measured = [metric for metric in METRICS.values() if not metric.of_routing]
    known = ["flow", "kind", "src", "dst", *(metric.name for metric in measured)]
    printed = dict.fromkeys(name for row in rows for name in row if name not in known)
    table = pd.DataFrame(rows, columns=[*known, *printed])
    return table.astype({metric.name: "Int64" for metric in measured if metric.whole})


def _of_ends(run: Run, flow: Flow, rtt_ms: object) -> dict[str, object]:
    """What depends on where a flow begins and ends. rtt_ms: its median round trip.

    Whatever access link comes after the start is a handover, also with the policy `all`, and after a fault.
    """
    plan, ends = run.plan, set(flow.ends)
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
    standing = [station for station in ground if not station.moves]
    figures: dict[str, object] = {"handovers": int(((start_s > 0) & (start_s <= run.played_s)).sum())}
    if "stretch_p50" in kinds.of(flow).METRICS and isinstance(rtt_ms, float) and len(standing) == 2:
        a, b = standing
        way_km = great_circle_km(*a.place, *b.place)
        figures["stretch_p50"] = rtt_ms / (2e3 * way_km / C_KM_S)
    return figures


def outages(run: Run, flow: str) -> pd.DataFrame:
    """Outages of a probe flow: columns start_s (first lost probe sent) and end_s (next received one sent).

    The last outage ends with the last probe where none comes through after it.
    """
    if flow not in run.flow_names(PROBES):
        raise none_of(flow, "probe")
    gaps = losses.outages(run, next(one for one in run.traffic if one.name == flow))
    return pd.DataFrame({"start_s": gaps.first_s, "end_s": gaps.after_s})


def throughput(run: Run, flow: str) -> pd.DataFrame:
    """Received rate of a udp or tcp flow per interval: columns start_s, end_s, throughput_mbps."""
    rows = of_flow(run.flows, flow, "udp or tcp").reset_index(drop=True)
    return rows[["start_s", "end_s", "throughput_mbps"]]


def of_flow(table: pd.DataFrame, flow: str, kind: str) -> pd.DataFrame:
    """The rows of one flow; RunError where there are none."""
    rows = table[table["flow"] == flow]
    if rows.empty:
        raise none_of(flow, kind)
    return rows


def none_of(flow: str, kind: str) -> RunError:
    return RunError(f"the run has no measurements of a {kind} flow {flow}; name another flow.")
