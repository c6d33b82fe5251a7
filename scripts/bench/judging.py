"""Benchmark, outside the lane: what judging a run takes, which is not to depend on how long the run was.

    python -m skybed.scripts.bench.judging RUN

judges a run directory and prints what that took as JSON. It is a process of its own, so that its greatest
memory is that of judging.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from skybed.analysis import contents, verdict
from skybed.analysis.manifest import Manifest
from skybed.analysis.measures import truth
from skybed.analysis.run import load
from skybed.emulator.sky.player import Played
from skybed.emulator.sky.tables import log, write_events
from skybed.scripts.bench import alone
from skybed.scripts.bench.figures import Section, figure
from skybed.topologies.errors import InvalidRun
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import EndToEndFlow, Instants
from skybed.topologies.model.tables import FLOWS, PATHS, PROBES
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from skybed.traffic import tables
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.kinds.tcp import TcpFlow
from skybed.traffic.kinds.trace import TraceFlow
from skybed.traffic.kinds.udp import UdpFlow

AT_ONCE = 2**17  # packets of which the ways are looked at together
RTT_US = 2e4  # as TCP sees it
# What a run notes of its circumstances, of one that nothing disturbed.
QUIET: dict[str, Any] = {
    "skybed": "", "python": "", "versions": {}, "lane": "uml", "clock": "virtual", "scenario_sha256": "",
    "started_utc": "", "finished": True, "cpu_count": 1, "player_cpu_s": 0.0, "clock_stepped_ms": 0.0,
    "traffic": {"dropped_by_sink": {}}, "host_load_1m": [0.0, 0.0], "steal_pct": 0.0,
}  # fmt: skip


def judging(scenario: Scenario, durations_s: tuple[float, float], folder: Path) -> Section:
    """Judge a short run of a scenario and a long one: CPU s, and memory."""
    figures = []
    for name, duration_s in zip(("short", "long"), durations_s, strict=True):
        probes = write(scenario, duration_s, folder / name)
        took = alone.measured("judging", "judging", folder / name)
        figures += [
            figure(f"{name}_cpu_s", f"{duration_s:,.0f} s, {probes:,} probes, CPU s", [took["cpu_s"]]),
            figure(f"{name}_memory_mib", "  greatest memory, MiB", [took["memory_mib"]]),
        ]
    return {"about": f"Judging runs of {scenario.name}, of which the tables are made up", "figures": figures}


def measure(run: Path) -> dict[str, float]:
    """Judge a run, which is to be a good one."""
    judged = verdict.judge(load(run))
    if judged.status == "invalid":
        raise InvalidRun(" ".join(judged.reasons))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": used.ru_utime + used.ru_stime, "memory_mib": alone.greatest_memory_mib()}


# -- a run directory as of a run in which all went as planned ------------------------------------------------


def write(scenario: Scenario, duration_s: float, folder: Path) -> int:
    """Write the run directory of a run of a scenario as if all had gone as planned, and no packet had waited;
    returns how many probes it has.
    """
    folder.mkdir(parents=True)
    plan = Plan.make(scenario, duration_s=duration_s)
    plan.save(folder / "plan")
    plan = Plan.load(folder / "plan")
    write_events(plan, folder / "events.parquet")
    with log(plan, folder) as append:
        for window in plan.windows():
            done = (window.events["t_s"], np.zeros(len(window.events), bool))
            append(Played(window.events, *done, window.changes, window.changes["t_s"], []))
    for table, parts in ((PROBES, _probes), (PATHS, _paths), (FLOWS, _flows)):
        flows = kinds.writing(scenario.flows, table)
        tables.write(table, (part for flow in flows for part in parts(plan, flow)), folder)
    facts = {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "duration_s": duration_s,
        "played_s": duration_s,
    }
    manifest = Manifest.model_validate(QUIET | facts)
    manifest.with_({"tables_sha256": contents.hashes(folder)}).write(folder)
    return pq.read_metadata(folder / "probes.parquet").num_rows


def _probes(plan: Plan, flow: ProbeFlow) -> Iterator[dict[str, Any]]:
    """Each takes as long as it is to, to the ns, or is lost where there is no way."""
    for first, sent_s in _sent(flow.instants(plan.duration_s, *_among(plan, flow))):
        out_us, back_us = truth.both_ways_us(plan, plan.trace, sent_s, flow)
        yield _ends(flow) | {
            "protocol": flow.protocol, "seq": np.arange(first, first + len(sent_s)),
            "sent_s": sent_s, "rtt_us": (out_us + back_us).round(3), "owd_us": out_us.round(3),
            "owd_back_us": back_us.round(3), "lost": np.isnan(out_us + back_us),
            "expired_at": [None] * len(sent_s), "reordered": np.zeros(len(sent_s), bool),
        }  # fmt: skip


def _paths(plan: Plan, flow: TraceFlow) -> Iterator[dict[str, Any]]:
    """Those of the plan; a hop that nobody answers where there is no way."""
    names = [node.name for node in plan.nodes]
    for _, sent_s in _sent(flow.instants(plan.duration_s, *_among(plan, flow))):
        arrival_s, number, ways = plan.trace(flow.source, flow.target, sent_s)
        nodes: list[list[str | None]] = [[names[node] for node in way[1:]] or [None] for way in ways]
        hops = np.array([len(way) for way in nodes])[number]
        yield _ends(flow) | {
            "sent_s": np.repeat(sent_s, hops), "hop": np.concatenate([np.arange(1, n + 1) for n in hops]),
            "node": [node for n in number for node in nodes[n]],
            "reached": np.repeat(~np.isnan(arrival_s), hops),
        }  # fmt: skip


def _flows(plan: Plan, flow: UdpFlow | TcpFlow) -> Iterator[dict[str, Any]]:
    """At its rate all the time."""
    start_s, stop_s = flow.window_s(plan.duration_s)
    edges_s = np.append(np.arange(start_s, stop_s, flow.bin_s), stop_s)
    udp, bins = isinstance(flow, UdpFlow), len(edges_s) - 1
    size_bytes = flow.size_bytes if isinstance(flow, UdpFlow) else 1
    packets = np.diff(np.round((edges_s - start_s) * (flow.rate_mbps or 1.0) * 1e6 / (8 * size_bytes)))
    columns = {
        "start_s": edges_s[:-1], "end_s": edges_s[1:], "sent_bytes": packets * size_bytes,
        "received_bytes": packets * size_bytes, "throughput_mbps": packets * size_bytes * 8e-6 / flow.bin_s,
    }  # fmt: skip
    of_udp = {"sent_packets": packets, "received_packets": packets}
    of_udp |= dict.fromkeys(("lost_packets", "reordered_packets"), 0.0 * packets)
    of_tcp = {"retransmits": 0.0 * packets, "rtt_us": RTT_US + 0.0 * packets}
    known = columns | (of_udp if udp else of_tcp) | {"kind": flow.kind}
    yield {column.name: [None] * bins for column in FLOWS.columns} | _ends(flow) | known


def _ends(flow: EndToEndFlow) -> dict[str, Any]:
    return {"flow": str(flow.name), "src": flow.source, "dst": flow.target}


def _among(plan: Plan, flow: EndToEndFlow) -> tuple[int, int]:
    """Which of the flows of its kind it is, and of how many."""
    names = [other.name for other in plan.scenario.flows if other.kind == flow.kind]
    return names.index(flow.name), len(names)


def _sent(instants: Instants) -> Iterator[tuple[int, np.ndarray]]:
    """When something is sent, as many at once as are held well; and as how manieth the first of them."""
    for first in range(0, instants.total, AT_ONCE):
        number = np.arange(first, min(first + AT_ONCE, instants.total))
        yield first, (instants.first_ns + np.round(number * instants.period_ns)) * 1e-9


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
