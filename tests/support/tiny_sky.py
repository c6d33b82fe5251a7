"""A small sky whose every value can be worked out by hand, and run directories made from a plan.

The tiny sky: Miyun and Sanya, each in view of s1 and s2. Until 30 s the path is over s1, from 32 s over
s2, between them there is none. Delays, one way: Miyun--s1 5 ms + 20 us/s, s1--Sanya 4 ms, Miyun--s2 6 ms,
s2--Sanya 4 ms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

import skybed
from skybed.analysis.measures import truth
from skybed.topologies.contacts import properties
from skybed.topologies.contacts.properties import Direction, Property
from skybed.topologies.model.flows import HOPS
from skybed.topologies.model.links import LinkClass
from skybed.topologies.model.tables import CONTROL, FLOWS, PATHS, PROBES
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario
from support import hand_made

DURATION_S = 60.0
GAP_S = (30.0, 32.0)
BASE_S = np.array([5e-3, 4e-3, 6e-3, 4e-3])
RATE = np.array([20e-6, 0.0, 0.0, 0.0])
BOUND_US = 50.0


@dataclass
class TinyPlan:
    """The plan's interface over the sky described above."""

    scenario: Scenario
    duration_s: float = DURATION_S
    nodes: list[SimpleNamespace] = field(default_factory=list)
    links: list[SimpleNamespace] = field(default_factory=list)
    lost: pd.DataFrame = field(default_factory=lambda: empty(LOST))

    def __post_init__(self) -> None:
        for name in ("s1", "s2"):
            self.nodes.append(SimpleNamespace(name=name, kind="satellite", layer="leo"))
        for name in ("Miyun", "Sanya"):
            self.nodes.append(SimpleNamespace(name=name, kind="ground", layer=""))
        for a, b in ((0, 2), (0, 3), (1, 2), (1, 3)):
            name = f"{self.nodes[a].name}--{self.nodes[b].name}"
            self.links.append(
                SimpleNamespace(a=a, b=b, kind="access", name=name, link_class=LinkClass(rate_mbps=10))
            )

    @property
    def contacts(self) -> pd.DataFrame:
        start_s, end_s = [0.0, 0.0, 32.0, 32.0], [30.0, 30.0, 60.0, 60.0]
        return pd.DataFrame({"link": range(4), "start_s": start_s, "end_s": end_s, "route_end_s": end_s})

    def delay_s(self, link, t_s):
        return BASE_S[link] + RATE[link] * np.asarray(t_s)

    def trace(self, src, dst, t_s, most=HOPS):
        t_s = np.asarray(t_s, float)
        first = 2 if src == "Miyun" else 3
        number = np.where(t_s < GAP_S[0], 0, np.where(t_s >= GAP_S[1], 1, 2))
        up, down = np.where(number == 0, 0, 2) + (first - 2), np.where(number == 0, 0, 2) + (3 - first)
        middle_s = t_s + self.delay_s(up, t_s)
        arrival_s = middle_s + self.delay_s(down, middle_s)
        paths = [(first, 0, 5 - first), (first, 1, 5 - first), (first,)]
        return np.where(number == 2, np.nan, arrival_s), number, paths

    @property
    def events(self) -> Pieces:
        """Miyun--s1 is set anew whenever the value would leave the bound."""
        step_s = 2 * BOUND_US * 1e-6 / RATE[0]
        rows = [(0.0, "up", 1, 4000.0), (0.0, "up", 0, 5050.0)]
        rows += [(t_s, "delay", 0, 5050.0 + t_s * 20) for t_s in np.arange(step_s, GAP_S[0], step_s)]
        rows += [(30.0, "down", 1), (30.0, "down", 0), (32.0, "up", 3, 4000.0), (32.0, "up", 2, 6000.0)]
        return Pieces(lambda: iter([hand_made.events(rows)]))

    @property
    def routes(self) -> Pieces:
        return Pieces(lambda: iter([np.array([(0.0,), (0.0,), (30.0,), (32.0,)], dtype=[("t_s", "f8")])]))


PROBE = {"kind": "probe", "name": "p1", "from": "Miyun", "to": "Sanya", "rate_hz": 10}
TRACE = {"kind": "trace", "name": "t1", "from": "Miyun", "to": "Sanya"}
TINY = {
    "name": "tiny",
    "about": "Two stations under two satellites.",
    "epoch": "2026-01-01T00:00:00Z",
    "duration_s": DURATION_S,
    "delay_bound_us": BOUND_US,
    "layers": {"leo": {"walker": dict(planes=1, per_plane=2, inclination_deg=60, altitude_km=600)}},
    "stations": [
        dict(name="Miyun", lat_deg=40.45, lon_deg=116.86),
        dict(name="Sanya", lat_deg=18.3, lon_deg=109.3),
    ],
    "traffic": [PROBE, TRACE],
}  # fmt: skip

MANIFEST = {
    "format": 1, "scenario": "tiny", "player_cpu_s": 0.1, "clock_stepped_ms": 0.0,
    "skybed": "0.1.0", "python": "3.11.2", "kernel": "6.12.0", "lane": "uml", "clock": "real",
    "scenario_sha256": "3b0c" * 16, "seed": 1, "started_utc": "2026-01-01T08:00:00Z",
    "cpu_count": 2, "host_load_1m": [0.4, 1.1], "steal_pct": 0.0, "build_s": 1.2, "teardown_s": 0.3,
    "versions": {"scapy": "2.8.0"}, "finished": True, "traffic": {"dropped_by_sink": {}},
}  # fmt: skip

LOST = {"link": "int32", "kind": "str", "planned": "bool", "start_s": "float64", "end_s": "float64"}


def events(plan) -> pd.DataFrame:
    happens = plan.events.whole()
    told, delay_us = properties.rows(happens)
    rows = happens[told]
    names, kinds = np.array([link.name for link in plan.links], object), np.array(properties.KINDS, object)
    a, b = (np.array([plan.nodes[getattr(x, end)].name for x in plan.links], object) for end in "ab")
    directions = np.array([None, *(name.lower() for name in Direction.__members__)], object)
    whats = np.array([what.name.lower() for what in Property], object)
    return pd.DataFrame({
        "event": np.arange(len(rows)), "t_s": rows["t_s"], "kind": kinds[properties.kind(rows)],
        "link": names[rows["link"]], "a": a[rows["link"]], "b": b[rows["link"]], "delay_us": delay_us[told],
        "direction": directions[rows["direction"]], "property": whats[rows["property"]],
        "value": rows["value"],
    })  # fmt: skip


def routes(plan) -> pd.DataFrame:
    """The changes of a plan; those of the tiny sky have no nodes: Miyun to Sanya over s1, none, over s2."""
    changes = plan.routes.whole()
    found = pd.DataFrame({"t_s": changes["t_s"], "applied_s": changes["t_s"] + 80e-6})
    if isinstance(plan, TinyPlan):
        return found.assign(
            node=["Miyun", "Sanya", "Miyun", "Miyun"], dst=["Sanya", "Miyun", "Sanya", "Sanya"],
            via=["s1", "s1", None, "s2"], family="both",
        )  # fmt: skip
    names = np.array([*(node.name for node in plan.nodes), None], object)
    return found.assign(**{end: names[changes[end]] for end in ("node", "dst", "via")}, family="both")


def probes(plan, flow, error_us: float = 40.0) -> pd.DataFrame:
    """A flow's probes; each comes back `error_us` later than it should, or not where there is no path."""
    src, dst = flow.source, flow.target
    sent_s = np.arange(*flow.window_s(plan.duration_s), 1 / flow.rate_hz)
    owd_us, _, _ = truth.one_way(plan, plan.trace, src, dst, sent_s, flow)
    arrived = ~np.isnan(owd_us)
    owd_back_us = np.full(len(sent_s), np.nan)
    owd_back_us[arrived], _, _ = truth.one_way(
        plan, plan.trace, dst, src, (sent_s + owd_us / 1e6)[arrived], flow
    )
    rtt_us = owd_us + owd_back_us + error_us
    return pd.DataFrame({
        "flow": flow.name, "protocol": "stamp", "src": src, "dst": dst, "seq": np.arange(len(sent_s)),
        "sent_s": sent_s, "rtt_us": rtt_us, "owd_us": owd_us + error_us / 2,
        "owd_back_us": owd_back_us + error_us / 2, "lost": np.isnan(rtt_us), "expired_at": None,
        "reordered": False,
    })  # fmt: skip


def proofs(plan, flow) -> pd.DataFrame:
    sent_s = np.arange(*flow.window_s(plan.duration_s), flow.every_s)
    arrival_s, number, found = plan.trace(flow.source, flow.target, sent_s)
    rows = []
    for t_s, lost, path in zip(sent_s, np.isnan(arrival_s), (found[n] for n in number), strict=True):
        hops = [None, None] if lost else [plan.nodes[node].name for node in path[1:]]
        ends = (flow.name, flow.source, flow.target)
        rows += [(*ends, t_s, hop, name, name == flow.target) for hop, name in enumerate(hops, 1)]
    return pd.DataFrame(rows, columns=["flow", "src", "dst", "sent_s", "hop", "node", "reached"])


def empty(columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


class Builder:
    """Manifest and tables of a good run, open to changes; `load` writes and loads the run directory."""

    def __init__(self, folder: Path, plan) -> None:
        self.dir, self.plan = folder, plan
        self.manifest = MANIFEST | {"duration_s": plan.duration_s, "played_s": plan.duration_s}
        timeline = events(plan)
        flows = plan.scenario.traffic
        self.tables = {
            "events": timeline,
            "applied": timeline.assign(applied_s=timeline["t_s"] + 50e-6, late_us=50.0, skipped=False),
            "probes": pd.concat(
                [empty(PROBES.dtypes), *(probes(plan, f) for f in flows if f.kind == "probe")]
            ),
            "paths": pd.concat(
                [proofs(plan, f) for f in flows if f.kind == "trace"] or [empty(PATHS.dtypes)]
            ),
            "flows": empty(FLOWS.dtypes),
            "routes": routes(plan),
            "control": empty(CONTROL.dtypes),
        }
        self.tables = {name: table.reset_index(drop=True) for name, table in self.tables.items()}

    def flow_rows(self, name: str, kind: str, throughput_mbps: float) -> None:
        """Add what a udp or tcp flow measured that ran at one rate all its time, losing 1 packet in 100."""
        (flow,) = [flow for flow in self.plan.scenario.traffic if flow.name == name]
        start_s, stop_s = flow.window_s(self.plan.duration_s)
        start_s, size = np.arange(start_s, stop_s, 1.0), int(throughput_mbps * 1e6 / 8)
        sent = round((stop_s - start_s[0]) * 1e9 / flow.gap_ns) if kind == "udp" else 100 * len(start_s)
        sent, lost = (np.diff(np.linspace(0, n, len(start_s) + 1).astype(int)) for n in (sent, sent // 100))
        rows = pd.DataFrame({
            "flow": name, "kind": kind, "src": "Miyun", "dst": "Sanya", "start_s": start_s,
            "end_s": start_s + 1, "sent_packets": sent, "received_packets": sent - lost, "lost_packets": lost,
            "reordered_packets": 0, "sent_bytes": size, "received_bytes": size,
            "throughput_mbps": throughput_mbps, "retransmits": 0 if kind == "tcp" else None,
            "rtt_us": 20_000.0 if kind == "tcp" else np.nan,
        })  # fmt: skip
        self.tables["flows"] = pd.concat([self.tables["flows"], rows.astype(FLOWS.dtypes)], ignore_index=True)

    def load(self) -> skybed.Run:
        self.dir.mkdir(exist_ok=True)
        (self.dir / "manifest.json").write_text(json.dumps(self.manifest))
        for name, table in self.tables.items():
            table.to_parquet(self.dir / f"{name}.parquet")
        if not isinstance(self.plan, TinyPlan):
            self.plan.save(self.dir / "plan")
            return skybed.load(self.dir)
        run = skybed.load(self.dir)
        run.__dict__["plan"] = self.plan
        return run
