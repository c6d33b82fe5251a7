"""A small sky whose every value can be worked out by hand, and run directories made from it.

Miyun and Sanya, each in view of s1 and s2. Until 30 s the path is over s1, from 32 s over s2, between
them there is none. One-way delays change linearly: Miyun--s1 5 ms + 20 us/s, the others are constant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from topologies.scenario import LinkClass, Scenario

DURATION_S = 60.0
GAP_S = (30.0, 32.0)
BASE_S = np.array([5e-3, 4e-3, 6e-3, 4e-3])
RATE = np.array([20e-6, 0.0, 0.0, 0.0])
BOUND_US = 50.0
SERIALISATION_US = 4 * 106 * 8 / 10  # a 64 byte probe and its answer, two hops each, 10 Mbit/s


@dataclass(frozen=True)
class Node:
    name: str
    kind: str
    layer: str
    ip: str = ""
    ip6: str = ""


@dataclass(frozen=True)
class Link:
    a: int
    b: int
    kind: str
    name: str
    link_class: LinkClass


@dataclass
class TinyPlan:
    """The plan's interface over the sky described above."""

    scenario: Scenario
    duration_s: float = DURATION_S
    nodes: list[Node] = field(default_factory=lambda: [
        Node("s1", "satellite", "leo"), Node("s2", "satellite", "leo"), Node("Miyun", "ground", ""),
        Node("Sanya", "ground", ""),
    ])  # fmt: skip
    links: list[Link] = field(default_factory=lambda: [
        Link(a, b, "access", name, LinkClass(rate_mbps=10))
        for a, b, name in [(0, 2, "s1--Miyun"), (0, 3, "s1--Sanya"), (1, 2, "s2--Miyun"), (1, 3, "s2--Sanya")]
    ])  # fmt: skip

    @property
    def contacts(self) -> pd.DataFrame:
        start_s, end_s = [0.0, 0.0, 32.0, 32.0], [30.0, 30.0, 60.0, 60.0]
        return pd.DataFrame({
            "link": np.arange(4, dtype=np.int32), "start_s": start_s, "end_s": end_s, "route_start_s": start_s,
            "route_end_s": end_s,
        })  # fmt: skip

    def delay_s(self, link, t_s):
        return BASE_S[link] + RATE[link] * np.asarray(t_s)

    def trace(self, src, dst, t_s):
        t_s = np.asarray(t_s, float)
        first = 2 if src == "Miyun" else 3
        paths = [(first, 0, 5 - first), (first, 1, 5 - first)]
        number = np.where(t_s < GAP_S[0], 0, np.where(t_s >= GAP_S[1], 1, -1))
        up, down = np.where(number == 0, 0, 2) + (first - 2), np.where(number == 0, 0, 2) + (3 - first)
        middle_s = t_s + self.delay_s(up, t_s)
        arrival_s = middle_s + self.delay_s(down, middle_s)
        return np.where(number < 0, np.nan, arrival_s), number, paths

    def events(self) -> pd.DataFrame:
        """The timeline: Miyun--s1 is set anew whenever the value would leave the bound."""
        step_s = 2 * BOUND_US * 1e-6 / RATE[0]
        rows = [(0.0, "up", "s1--Sanya", 4000.0), (0.0, "up", "s1--Miyun", 5050.0)]
        rows += [(t, "delay", "s1--Miyun", 5050.0 + t * 20) for t in np.arange(step_s, GAP_S[0], step_s)]
        rows += [(30.0, "down", name, np.nan) for name in ("s1--Sanya", "s1--Miyun")]
        rows += [(32.0, "up", "s2--Sanya", 4000.0), (32.0, "up", "s2--Miyun", 6000.0)]
        frame = pd.DataFrame(rows, columns=["t_s", "kind", "link", "delay_us"])
        frame.insert(0, "event", np.arange(len(frame)))
        return frame


def scenario(**changes) -> Scenario:
    return Scenario.model_validate({
        "name": "tiny", "about": "Two stations under two satellites.", "epoch": "2026-01-01T00:00:00Z",
        "duration_s": DURATION_S, "delay_bound_us": BOUND_US,
        "layers": {"leo": {"walker": {"planes": 1, "per_plane": 2, "inclination_deg": 60, "altitude_km": 600}}},
        "stations": [
            {"name": "Miyun", "lat_deg": 40.45, "lon_deg": 116.86}, {"name": "Sanya", "lat_deg": 18.3, "lon_deg": 109.3}
        ],
        "traffic": [
            {"kind": "probe", "name": "p1", "from": "Miyun", "to": "Sanya", "rate_hz": 10},
            {"kind": "trace", "name": "t1", "from": "Miyun", "to": "Sanya"},
        ],
    } | changes)  # fmt: skip


MANIFEST = {
    "skybed": "0.1.0", "python": "3.11.2", "kernel": "6.12.0", "lane": "uml", "clock": "real",
    "scenario_sha256": "3b0c" * 16, "seed": 1, "started_utc": "2026-01-01T08:00:00Z", "duration_s": DURATION_S,
    "played_s": DURATION_S, "cpu_count": 2, "host_load_1m": [0.4, 1.1], "steal_pct": 0.0, "build_s": 1.2,
    "teardown_s": 0.3, "versions": {"scapy": "2.8.0"}, "finished": True,
}  # fmt: skip


def probes(plan: TinyPlan, error_us: float = 40.0) -> pd.DataFrame:
    """A probe every 100 ms; each comes back `error_us` later than it should, or not where there is no path."""
    sent_s = np.arange(0, DURATION_S, 0.1)
    there_s, _, _ = plan.trace("Miyun", "Sanya", sent_s)
    back_s, _, _ = plan.trace("Sanya", "Miyun", there_s + SERIALISATION_US / 2e6)
    owd_us = (there_s - sent_s) * 1e6 + SERIALISATION_US / 2 + error_us / 2
    owd_back_us = (back_s - there_s) * 1e6 + error_us / 2
    return pd.DataFrame({
        "flow": "p1", "protocol": "stamp", "src": "Miyun", "dst": "Sanya", "seq": np.arange(len(sent_s)),
        "sent_s": sent_s, "rtt_us": owd_us + owd_back_us, "owd_us": owd_us, "owd_back_us": owd_back_us,
        "lost": np.isnan(back_s), "reordered": False,
    })  # fmt: skip


def proofs(plan: TinyPlan) -> pd.DataFrame:
    rows = []
    for t_s in np.arange(0, DURATION_S, 1.0):
        _, number, found = plan.trace("Miyun", "Sanya", np.array([t_s]))
        names = [plan.nodes[i].name for i in found[number[0]][1:]] if number[0] >= 0 else [None, None]
        rows += [
            ("t1", "Miyun", "Sanya", t_s, hop + 1, name, name == "Sanya") for hop, name in enumerate(names)
        ]
    return pd.DataFrame(rows, columns=["flow", "src", "dst", "sent_s", "hop", "node", "reached"])


FLOWS = {
    "flow": "str", "kind": "str", "src": "str", "dst": "str", "start_s": float, "end_s": float, "sent_packets": "Int64",
    "received_packets": "Int64", "lost_packets": "Int64", "reordered_packets": "Int64", "sent_bytes": "Int64",
    "received_bytes": "Int64", "throughput_mbps": float, "retransmits": "Int64", "rtt_us": float,
}  # fmt: skip


class Builder:
    """Tables of a good run, open to changes; `load` writes them as a run directory and loads that."""

    def __init__(self, folder: Path, **changes) -> None:
        self.dir = folder
        self.plan = TinyPlan(scenario(**changes))
        self.manifest = dict(MANIFEST)
        events = self.plan.events()
        applied = events.assign(applied_s=events["t_s"] + 50e-6, late_us=50.0, skipped=False)
        flows = pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in FLOWS.items()})
        self.tables = {
            "events": events, "applied": applied, "probes": probes(self.plan), "paths": proofs(self.plan), "flows": flows,
        }  # fmt: skip

    def flow_rows(self, name: str, kind: str, throughput_mbps: float) -> None:
        """Add a udp or tcp flow that ran at one rate for the whole run, losing 1 packet in 100."""
        start_s, size = np.arange(0, DURATION_S, 1.0), int(throughput_mbps * 1e6 / 8)
        rows = pd.DataFrame({
            "flow": name, "kind": kind, "src": "Miyun", "dst": "Sanya", "start_s": start_s, "end_s": start_s + 1,
            "sent_packets": 100, "received_packets": 99, "lost_packets": 1, "reordered_packets": 0,
            "sent_bytes": size, "received_bytes": size, "throughput_mbps": throughput_mbps,
            "retransmits": 0 if kind == "tcp" else None, "rtt_us": 20_000.0 if kind == "tcp" else np.nan,
        })  # fmt: skip
        self.tables["flows"] = pd.concat([self.tables["flows"], rows.astype(FLOWS)], ignore_index=True)

    def load(self) -> analysis.Run:
        self.dir.mkdir(exist_ok=True)
        (self.dir / "plan").mkdir(exist_ok=True)
        (self.dir / "manifest.json").write_text(json.dumps(self.manifest))
        for name, table in self.tables.items():
            table.to_parquet(self.dir / f"{name}.parquet")
        run = analysis.load(self.dir)
        run.__dict__["plan"] = self.plan
        return run


@pytest.fixture
def builder(tmp_path):
    """Makes a Builder in a fresh directory; keyword arguments change the scenario."""
    return lambda **changes: Builder(tmp_path / "run", **changes)
