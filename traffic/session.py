"""All traffic of a run in one process: open, begin by a clock, run, and at the end the tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from skybed.topologies.model import kinds
from skybed.topologies.model.flows import Flow, Instants
from skybed.topologies.model.kinds import Ports
from skybed.topologies.model.tables import FLOWS, PATHS, PROBES
from skybed.traffic import tables
from skybed.traffic.kinds import echo, stamp, tcp, trace, udp
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.kinds.probes import ProbeLog, Send
from skybed.traffic.kinds.tcp import TcpFlow
from skybed.traffic.kinds.trace import TraceFlow
from skybed.traffic.kinds.udp import UdpFlow
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.stage import Stage

GRACE_S = 1.0  # how long after the end an answer still counts
REHEARSAL_NS = 100_000_000
REHEARSALS = 20  # packets
TABLES = (PROBES, PATHS, FLOWS)


class Crossing(Protocol):
    """One flow, its sockets and processes made."""

    def begin(self, clock: Clock) -> None:
        """Have it send from its start on, by this clock."""

    def columns(self, clock: Clock) -> dict[str, Any]:
        """Its rows of its table."""


class Session:
    """The flows of a run, up to until_s; their tables go into `out`.

        with Session(flows, nodes, until_s, out) as session:
            session.open()  # all that takes time; then there is a clock
            session.begin(clock)
            session.run()

    When the block ends, whyever, what there is is written. `session.loop.stop()` ends `run` early.
    """

    def __init__(
        self, flows: Sequence[Flow], nodes: Mapping[str, NodeHandle], until_s: float, out: Path
    ) -> None:
        self._flows, self._out = flows, out
        self._stage = Stage(nodes, until_s, out)
        self.loop = self._stage.loop
        self._crossings: dict[str, list[Crossing]] = {table.name: [] for table in TABLES}
        self._clock: Clock | None = None
        self._ending = ExitStack()

    def __enter__(self) -> Session:
        self._out.mkdir(parents=True, exist_ok=True)
        self._ending.callback(self._write)
        self._ending.enter_context(self._stage.closing)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.__exit__(kind, error, trace)

    def open(self) -> None:
        """Make sockets and processes, wait until servers listen, rehearse."""
        stage = self._stage
        probe_flows = [flow for flow in self._flows if isinstance(flow, ProbeFlow)]
        probes = Probes(stage)
        for i, flow in enumerate(probe_flows):
            self._crossings["probes"].append(probes.add(flow, i, len(probe_flows)))
        traced = [flow for flow in self._flows if isinstance(flow, TraceFlow)]
        for i, traced_flow in enumerate(traced):
            instants = traced_flow.instants(stage.until_s, i, len(traced))
            self._crossings["paths"].append(trace.Tracer(stage, traced_flow, instants))
        transfers = []
        for number, load in enumerate(self._flows):
            if isinstance(load, UdpFlow):
                self._crossings["flows"].append(udp.Stream(stage, load, number))
            elif isinstance(load, TcpFlow):
                transfers.append(tcp.Transfer(stage, load, number))
                self._crossings["flows"].append(transfers[-1])
        for transfer in transfers:
            transfer.await_listener()
        probes.rehearse(probe_flows)

    def begin(self, clock: Clock) -> None:
        """From now on flows send when they should, by this clock."""
        self._clock = clock
        for crossings in self._crossings.values():
            for crossing in crossings:
                crossing.begin(clock)

    def run(self) -> None:
        """Serve the flows to their end. Nothing is sent after until_s, but answers are awaited for a grace of
        1 s, and iperf3's last words for some seconds more, when the block ends: the network has to stand that
        long.
        """
        assert self._clock, "begun"
        end_s = max((self._stage.window_s(flow)[1] for flow in self._flows), default=-GRACE_S)
        self.loop.run(int(self._clock.to_realtime_ns(end_s + GRACE_S)))

    def facts(self) -> dict[str, dict[str, int]]:
        """What the manifest says of it, once the block has ended: `dropped_by_sink`, packets of each udp flow
        that its own sink had no room for.
        """
        streams = [load for load in self._crossings["flows"] if isinstance(load, udp.Stream)]
        return {"dropped_by_sink": {str(stream.flow.name): stream.dropped for stream in streams}}

    def _write(self) -> None:
        clock = self._clock
        for table in TABLES:
            parts = [crossing.columns(clock) for crossing in self._crossings[table.name]] if clock else []
            tables.write(table, parts, self._out)


def ports(flows: Sequence[Flow]) -> Ports:
    """That these flows listen or send at."""
    used = [kinds.named(name).ports(flows) for name in dict.fromkeys(flow.kind for flow in flows)]
    udp, tcp = (tuple(chain.from_iterable(ranges)) for ranges in zip(Ports(), *used, strict=True))
    return Ports(udp, tcp)


class Probing:
    """A probe flow. instants: when it sends."""

    def __init__(self, stage: Stage, log: ProbeLog, send: Send, instants: Instants) -> None:
        self._stage, self._log, self._send, self._instants = stage, log, send, instants

    def columns(self, clock: Clock) -> dict[str, Any]:
        return self._log.columns(clock)

    def begin(self, clock: Clock) -> None:
        self._stage.every(self._instants, clock, self._send)


class Probes:
    """The probe flows of a session, with one reflector and one echo prober to a node and family."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._probers: dict[tuple[str, int], echo.Prober] = {}
        self._reflectors: dict[tuple[str, int], stamp.Reflector] = {}
        self._sessions: dict[int, ProbeLog] = {}
        self._count = 0

    def add(self, flow: ProbeFlow, place: int, flows: int) -> Probing:
        log = ProbeLog(flow)
        return Probing(self._stage, log, self._sender(log), flow.instants(self._stage.until_s, place, flows))

    def _sender(self, log: ProbeLog) -> Send:
        stage, flow = self._stage, log.flow
        self._count += 1
        number = self._count  # the session identifier or the ICMP identifier, which must not be 0
        if flow.protocol == "stamp":
            self._sessions[number] = log
            place = flow.target, flow.family
            if place not in self._reflectors:
                reflector = stamp.Reflector(stage, stage.nodes[flow.target], flow.family, self._sessions)
                self._reflectors[place] = reflector
            return stamp.Sender(stage, log, number).send
        place = flow.source, flow.family
        if place not in self._probers:
            self._probers[place] = echo.Prober(stage, stage.nodes[flow.source], flow.family)
        return self._probers[place].add(log, number, stage.nodes[flow.target])

    def rehearse(self, flows: Sequence[ProbeFlow]) -> None:
        """Send some packets from a node to itself. The first packets pay for every page of memory touched for
        the first time: 0.5 ms each way in a User Mode Linux guest after a fork.
        """
        now_ns = time.time_ns()
        for flow in {flow.protocol: flow for flow in flows}.values():
            send = self._sender(ProbeLog(flow.model_copy(update={"source": flow.target})))
            self._stage.loop.every(Instants(now_ns, REHEARSAL_NS / REHEARSALS, now_ns + REHEARSAL_NS), send)
        if flows:
            self._stage.loop.run(now_ns + REHEARSAL_NS)
