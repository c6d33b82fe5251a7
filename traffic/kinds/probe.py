"""Probes: round trip, loss, reordering; by STAMP (RFC 8762) the delay each way too, or by ICMP echo.

A packet that was lost, or its answer, is in the table `probes` too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from skybed.topologies.model.flows import HOPS, STAMP_HOPS, Flow, Instants, ProbingFlow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.losses import outages
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.samples import Sample
from skybed.topologies.model.tables import PROBES
from skybed.traffic.nodes import Clock
from skybed.traffic.probing import echo, stamp
from skybed.traffic.probing.log import ProbeLog, Send
from skybed.traffic.shared import Shared
from skybed.traffic.wire.packets import STAMP_PORT, STAMP_REPLY, echo_request, stamp_request


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


REHEARSAL_NS = 100_000_000
REHEARSALS = 20  # packets

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
    return (rows["sent_s"] for rows in run.pieces(flow, columns=["sent_s"]))


def ports(_traffic: Sequence[Flow]) -> Ports:
    return Ports(udp=(range(STAMP_PORT, STAMP_PORT + 1),))


def so_far(_flow: ProbeFlow, figures: Mapping[str, Any], _t_s: float) -> dict[str, float]:
    sent, lost = figures["sent"], figures["lost"]
    return {"sent": sent, "lost": lost, "loss_pct": share_pct(lost, sent)}


def measure(run: Played, flow: ProbeFlow) -> dict[str, float]:
    sent, lost, late = 0, 0, 0
    with Sample() as rtt_ms, Sample() as owd_ms:
        for rows in run.pieces(flow, columns=["rtt_us", "owd_us", "lost", "reordered"]):
            rtt_ms.add(rows["rtt_us"] / 1e3)
            owd_ms.add(rows["owd_us"] / 1e3)
            sent, lost, late = sent + len(rows), lost + rows["lost"].sum(), late + rows["reordered"].sum()
        if not sent:  # stopped before the flow began
            return {"sent": 0, "lost": 0}
        delay_ms = owd_ms if owd_ms.n else rtt_ms
        figures = {
            "sent": sent,
            "lost": int(lost),
            "loss_pct": share_pct(lost, sent),
            "reordered_pct": share_pct(late, sent - lost),
            "rtt_min_ms": rtt_ms.least,
            "rtt_p50_ms": rtt_ms.quantile(0.5),
            "rtt_p99_ms": rtt_ms.quantile(0.99),
            "owd_p50_ms": owd_ms.quantile(0.5),
            "owd_p99_ms": owd_ms.quantile(0.99),
            "pdv_p50_ms": delay_ms.quantile(0.5, less=delay_ms.least),
            "pdv_p99_ms": delay_ms.quantile(0.99, less=delay_ms.least),
        }
    gaps = outages(run, flow)
    length_s = gaps.after_s - gaps.first_s
    return figures | {
        "outages": len(length_s), "outage_s": length_s.sum(), "outage_max_s": length_s.max(initial=0.0)
    }  # fmt: skip


def build(flows: Sequence[ProbeFlow]) -> dict[str, bytes]:
    from skybed.traffic.wire import built  # Scapy, which is not to be imported in a lane

    packets = {STAMP_REPLY: built.stamp_reply()}
    for flow in flows:
        if flow.protocol == "stamp":
            packets[stamp_request(flow.size_bytes)] = built.stamp_request(flow.size_bytes)
        else:
            packet = built.echo_request(flow.family, flow.size_bytes)
            packets[echo_request(flow.family, flow.size_bytes)] = packet
    return packets


def start(shared: Shared, flows: Sequence[ProbeFlow]) -> list[Probing]:
    probers = Probers(shared)
    crossings = [probers.add(flow) for flow in flows]
    probers.rehearse(flows)
    return crossings


class Probing:
    """One flow."""

    dropped = None

    def __init__(self, shared: Shared, log: ProbeLog, send: Send) -> None:
        self._shared, self._log, self._send = shared, log, send
        self._place = shared.place(log.flow)
        self._clock: Clock | None = None

    def columns(self, clock: Clock) -> Iterator[dict[str, Any]]:
        return self._log.columns(clock)

    def figures(self, t_s: float) -> dict[str, Any]:
        return self._log.figures(t_s, self._clock, self._shared.grace_s) if self._clock else {}

    def begin(self, clock: Clock, flow: ProbeFlow) -> None:
        self._clock = clock
        instants = flow.instants(self._shared.until_s, *self._place)
        self._shared.every(instants, clock, self._send)


class Probers:
    """What all flows share: one reflector and one echo prober to a node and family."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._probers: dict[tuple[str, int], echo.Prober] = {}
        self._reflectors: dict[tuple[str, int], stamp.Reflector] = {}
        self._sessions: dict[int, ProbeLog] = {}
        self._count = 0

    def add(self, flow: ProbeFlow) -> Probing:
        log = ProbeLog(flow, self._shared.spare_file)
        return Probing(self._shared, log, self._sender(log))

    def _sender(self, log: ProbeLog) -> Send:
        shared, flow = self._shared, log.flow
        self._count += 1
        number = self._count  # the session identifier or the ICMP identifier, which must not be 0
        if flow.protocol == "stamp":
            self._sessions[number] = log
            place = flow.target, flow.family
            if place not in self._reflectors:
                reflector = stamp.Reflector(shared, shared.nodes[flow.target], flow.family, self._sessions)
                self._reflectors[place] = reflector
            return stamp.Sender(shared, log, number).send
        place = flow.source, flow.family
        if place not in self._probers:
            self._probers[place] = echo.Prober(shared, shared.nodes[flow.source], flow.family)
        return self._probers[place].add(log, number, shared.nodes[flow.target])

    def rehearse(self, flows: Sequence[ProbeFlow]) -> None:
        """Send some packets from a node to itself. The first packets pay for every page of memory touched for
        the first time: 0.5 ms each way in a User Mode Linux guest after a fork.
        """
        now_ns = time.time_ns()
        for flow in {flow.protocol: flow for flow in flows}.values():
            there = flow.model_copy(update={"source": flow.target})
            send = self._sender(ProbeLog(there, self._shared.spare_file))
            self._shared.loop.every(Instants(now_ns, REHEARSAL_NS / REHEARSALS, now_ns + REHEARSAL_NS), send)
        if flows:
            self._shared.loop.run(now_ns + REHEARSAL_NS)
