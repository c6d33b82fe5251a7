"""Probes: round trip, loss, reordering; by STAMP (RFC 8762) the delay each way too, or by ICMP echo.

A packet that was lost, or its answer, is in the table `probes` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from skybed.topologies.model.flows import HOPS, STAMP_HOPS, Flow, Instants, ProbingFlow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.losses import outages
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import PROBES
from skybed.traffic.wire.packets import STAMP_PORT


class ProbeFlow(ProbingFlow):
    """RTT, loss, reordering; with `stamp` (RFC 8762) one-way delay too; `echo` is ICMP."""

    kind: Literal["probe"]
    protocol: Literal["stamp", "echo"] = "stamp"
    size_bytes: Annotated[int, Field(ge=44, le=1400)] = 64

    @property
    def title(self) -> str:
        return f"{self.protocol} probe"

    @property
    def hops(self) -> int:
        return STAMP_HOPS if self.protocol == "stamp" else HOPS

    def instants(self, until_s: float, place: int, of: int) -> Instants:
        """When its probes are due in run time. place, of: from 0 among so many probe flows.

        Flows of one rate would all send at once and wait for one another; a phase of its own for each
        (RFC 3432 section 4.2) spreads them over the period.
        """
        period_ns = 1e9 / self.rate_hz
        return self.every(period_ns, until_s, period_ns * place / of)

    def measures(self, metric: str) -> bool:
        return self.protocol == "stamp" or not metric.startswith("owd_")


MODEL, TABLE, UNIT, LOADS = ProbeFlow, PROBES, "probes", False
METRICS = (
    "sent", "lost", "rtt_min_ms", "rtt_p50_ms", "rtt_p99_ms", "owd_p50_ms", "owd_p99_ms", "pdv_p50_ms",
    "pdv_p99_ms", "loss_pct", "reordered_pct", "outages", "outage_s", "outage_max_s", "stretch_p50",
    "convergence_s", "expired", "path_stretch_p50", "path_stretch_p99", "path_stretch_pct",
)  # fmt: skip


def packets(flow: ProbeFlow, until_s: float) -> float:
    return flow.rate_hz * flow.length_s(until_s)


def due(flow: ProbeFlow, until_s: float, place: int, of: int) -> float:
    return flow.instants(until_s, place, of).total


def sent(run: Played, flow: ProbeFlow) -> Any:
    return run.rows(flow)["sent_s"]


def ports(_traffic: Sequence[Flow]) -> Ports:
    return Ports(udp=(range(STAMP_PORT, STAMP_PORT + 1),))


def measure(run: Played, flow: ProbeFlow) -> dict[str, float]:
    probes = run.rows(flow).sort_values("sent_s", kind="stable")
    if probes.empty:  # stopped before the flow began
        return {"sent": 0, "lost": 0}
    rtt_ms, owd_ms = probes["rtt_us"].dropna() / 1e3, probes["owd_us"].dropna() / 1e3
    delay_ms = owd_ms if len(owd_ms) else rtt_ms
    pdv_ms = delay_ms - delay_ms.min()
    start_s, end_s = outages(probes["sent_s"].to_numpy(), probes["lost"].to_numpy())
    lost, arrived = probes["lost"].sum(), (~probes["lost"]).sum()
    return {
        "sent": len(probes),
        "lost": int(lost),
        "loss_pct": share_pct(lost, len(probes)),
        "reordered_pct": share_pct(probes["reordered"].sum(), arrived),
        "rtt_min_ms": rtt_ms.min(),
        "rtt_p50_ms": rtt_ms.quantile(0.5),
        "rtt_p99_ms": rtt_ms.quantile(0.99),
        "owd_p50_ms": owd_ms.quantile(0.5),
        "owd_p99_ms": owd_ms.quantile(0.99),
        "pdv_p50_ms": pdv_ms.quantile(0.5),
        "pdv_p99_ms": pdv_ms.quantile(0.99),
        "outages": len(start_s),
        "outage_s": (end_s - start_s).sum(),
        "outage_max_s": (end_s - start_s).max(initial=0.0),
    }
