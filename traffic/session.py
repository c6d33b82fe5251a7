"""All traffic of a run in one process: build, wait for the start, run, write the tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

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
from skybed.traffic.loop import stopped_by_sigterm
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.stage import Stage

GRACE_S = 1.0  # how long after the end an answer still counts
REHEARSAL_NS = 100_000_000


def run(
    flows: Sequence[Flow], nodes: Mapping[str, NodeHandle], clock: Clock, until_s: float, out: Path
) -> dict[str, dict[str, int]]:
    """Run the flows until until_s and write the tables probes, paths and flows into out. Blocks.

    Sockets and processes are made before the first flow starts. Nothing is sent after until_s, but
    answers are awaited for a grace of 1 s, and iperf3's last words for some seconds more; the network
    has to stand that long.
    SIGTERM ends the run early; the tables are written all the same.

    Returns what the manifest says of it: `dropped_by_sink`, packets of each udp flow that its own sink had no
    room for.
    """
    out.mkdir(parents=True, exist_ok=True)
    stage = Stage(nodes, clock, until_s, out)
    logs: list[ProbeLog] = []
    tracers: list[trace.Tracer] = []
    loads: list[udp.Stream | tcp.Transfer] = []
    with stopped_by_sigterm(stage.loop):
        try:
            with stage.closing:
                logs += probes(stage, [flow for flow in flows if isinstance(flow, ProbeFlow)])
                traces = [flow for flow in flows if isinstance(flow, TraceFlow)]
                for i, traced in enumerate(traces):
                    tracers.append(trace.Tracer(stage, traced, traced.instants(until_s, i, len(traces))))
                for number, flow in enumerate(flows):
                    if isinstance(flow, UdpFlow):
                        loads.append(udp.Stream(stage, flow, number))
                    elif isinstance(flow, TcpFlow):
                        loads.append(tcp.Transfer(stage, flow, number))
                end_s = max((stage.window_s(flow)[1] for flow in flows), default=-GRACE_S)
                stage.loop.run(int(clock.to_realtime_ns(end_s + GRACE_S)))
        finally:
            tables.write(PROBES, [log.columns() for log in logs], out)
            tables.write(PATHS, [tracer.columns() for tracer in tracers], out)
            tables.write(FLOWS, [load.columns() for load in loads], out)
    streams = [load for load in loads if isinstance(load, udp.Stream)]
    return {"dropped_by_sink": {str(stream.flow.name): stream.dropped for stream in streams}}


def ports(flows: Sequence[Flow]) -> Ports:
    """That these flows listen or send at."""
    used = [kinds.named(name).ports(flows) for name in dict.fromkeys(flow.kind for flow in flows)]
    udp, tcp = (tuple(chain.from_iterable(ranges)) for ranges in zip(Ports(), *used, strict=True))
    return Ports(udp, tcp)


def probes(stage: Stage, flows: Sequence[ProbeFlow]) -> list[ProbeLog]:
    """Make ready the probe flows, one reflector and one echo prober to a node and family."""
    probers: dict[tuple[str, int], echo.Prober] = {}
    reflectors: dict[tuple[str, int], stamp.Reflector] = {}
    sessions: dict[int, ProbeLog] = {}

    def sender(log: ProbeLog, number: int) -> Send:
        """number: the session identifier or the ICMP identifier, which must not be 0."""
        flow = log.flow
        if flow.protocol == "stamp":
            sessions[number] = log
            place = flow.target, flow.family
            if place not in reflectors:
                reflectors[place] = stamp.Reflector(stage, stage.nodes[flow.target], flow.family, sessions)
            return stamp.Sender(stage, log, number).send
        place = flow.source, flow.family
        if place not in probers:
            probers[place] = echo.Prober(stage, stage.nodes[flow.source], flow.family)
        return probers[place].add(log, number, stage.nodes[flow.target])

    logs = [ProbeLog(flow, stage.clock) for flow in flows]
    for i, (flow, log) in enumerate(zip(flows, logs, strict=True)):
        stage.every(flow.instants(stage.until_s, i, len(logs)), sender(log, i + 1))
    # The first packets pay for every page of memory touched for the first time: 0.5 ms each way in a
    # User Mode Linux guest after a fork. So some go from a node to itself before the start.
    for i, flow in enumerate({flow.protocol: flow for flow in flows}.values()):
        rehearsal = ProbeLog(flow.model_copy(update={"source": flow.target}), stage.clock)
        send = sender(rehearsal, len(logs) + 1 + i)
        now_ns = time.time_ns()
        end_ns = min(now_ns + REHEARSAL_NS, stage.start_ns(flow))
        stage.loop.every(Instants(now_ns, REHEARSAL_NS / 20, end_ns), send)
    return logs
