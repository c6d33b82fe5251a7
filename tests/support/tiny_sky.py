"""A small sky, planned as any other, and run directories made from a plan.

The tiny sky: two satellites, one behind the other in one orbit, pass between Miyun and Sanya, eastwards.
Both stations see both all the time and take the nearer one every 30 s: s1 first, and from 30 s on s2, which
takes 2 s to acquire. So the path is over s1 until 30 s and over s2 from 32 s, and between them there is none.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import skybed
from skybed.analysis.manifest import Manifest
from skybed.analysis.measures import truth
from skybed.analysis.run import LONG, Run
from skybed.topologies.contacts import properties
from skybed.topologies.contacts.properties import Direction, Property
from skybed.topologies.model import kinds
from skybed.topologies.model.tables import CONTROL, FLOWS, PATHS, PROBES, Table
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

DURATION_S = 60.0
BOUND_US = 50.0
WIRE_US = 106 * 8 / 10  # of a probe on a link, with headers, at 10 Mbit/s
S1_MIYUN, S1_SANYA, S2_MIYUN, S2_SANYA = range(4)  # numbers of links

PROBE = {"kind": "probe", "name": "p1", "from": "Miyun", "to": "Sanya", "rate_hz": 10}
TRACE = {"kind": "trace", "name": "t1", "from": "Miyun", "to": "Sanya"}
RADIO = {"rate_mbps": 10, "setup_s": 2, "min_elevation_deg": 5}
ELEMENTS = """\
OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,MEAN_ANOMALY,\
EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,MEAN_MOTION_DOT,MEAN_MOTION_DDOT
s1,2026-001A,2026-01-01T00:00:00,13.1,0.0001,35,92,0,128.18,0,U,90001,1,1,0,0,0
s2,2026-002A,2026-01-01T00:00:00,13.1,0.0001,35,92,0,104.18,0,U,90002,1,1,0,0,0
"""
TINY = {
    "name": "tiny",
    "about": "Two stations under two satellites.",
    "epoch": "2026-01-01T00:00:00Z",
    "duration_s": DURATION_S,
    "delay_bound_us": BOUND_US,
    "layers": {"leo": {"elements": ELEMENTS}},
    "stations": [
        dict(name="Miyun", lat_deg=40.45, lon_deg=116.86),
        dict(name="Sanya", lat_deg=18.3, lon_deg=109.3),
    ],
    "links": {"radio": RADIO},
    "access": [
        {"from": "ground", "to": "leo", "link": "radio", "policy": "slots", "slot_s": 30, "terminals": 1}
    ],
    "routing": {"drain_ms": 0},
    "traffic": [PROBE, TRACE],
}  # fmt: skip
PLANS: dict[str, Plan] = {}  # by hash of what a plan depends on


def plan_of(fields: dict) -> Plan:
    return planned(Scenario.model_validate(fields))


def planned(scenario: Scenario) -> Plan:
    """Worked out once for all scenarios that differ in traffic and limits only."""
    if scenario.plan_sha256 not in PLANS:
        PLANS[scenario.plan_sha256] = Plan.make(scenario)
    return replace(PLANS[scenario.plan_sha256], scenario=scenario)


def one_way_s(plan: Plan, t_s, *links):
    """How long light takes over links, one after the other, from t_s on."""
    at_s = np.asarray(t_s, float)
    for link in links:
        at_s = at_s + plan.delay_s(link, at_s)
    return at_s - t_s


def ways_ms() -> tuple[np.ndarray, np.ndarray]:
    """Of the probes of p1 that come back, by geometry: how long each takes there and back."""
    sent_s = np.append(np.arange(0, 30, 0.1), np.arange(32, 60, 0.1))
    over_s1 = sent_s < 30
    miyun, sanya = (np.where(over_s1, *links) for links in ((S1_MIYUN, S2_MIYUN), (S1_SANYA, S2_SANYA)))
    plan = plan_of(TINY)
    there_s = one_way_s(plan, sent_s, miyun, sanya) + 2e-6 * WIRE_US
    back_s = one_way_s(plan, sent_s + there_s, sanya, miyun) + 2e-6 * WIRE_US
    return 1e3 * there_s, 1e3 * back_s


MANIFEST = {
    "format": 1, "scenario": "tiny", "player_cpu_s": 0.1, "clock_stepped_ms": 0.0,
    "skybed": "0.1.0", "python": "3.11.2", "kernel": "6.12.0", "lane": "uml", "clock": "real",
    "scenario_sha256": "3b0c" * 16, "seed": 1, "started_utc": "2026-01-01T08:00:00Z",
    "cpu_count": 2, "host_load_1m": [0.4, 1.1], "steal_pct": 0.0, "build_s": 1.2, "teardown_s": 0.3,
    "versions": {"scapy": "2.8.0"}, "finished": True, "traffic": {"dropped_by_sink": {}},
}  # fmt: skip


def events(plan: Plan) -> pd.DataFrame:
    happens = plan.events.whole()
    told, delay_us, slope_us_s = properties.rows(happens)
    rows = happens[told]
    names, kinds = np.array([link.name for link in plan.links], object), np.array(properties.KINDS, object)
    a, b = (np.array([plan.nodes[getattr(x, end)].name for x in plan.links], object) for end in "ab")
    directions = np.array([None, *(name.lower() for name in Direction.__members__)], object)
    whats = np.array([what.name.lower() for what in Property], object)
    return pd.DataFrame({
        "event": np.arange(len(rows)), "t_s": rows["t_s"], "kind": kinds[properties.kind(rows)],
        "link": names[rows["link"]], "a": a[rows["link"]], "b": b[rows["link"]], "delay_us": delay_us[told],
        "slope_us_s": slope_us_s[told],
        "direction": directions[rows["direction"]], "property": whats[rows["property"]],
        "value": rows["value"],
    })  # fmt: skip


def routes(plan: Plan) -> pd.DataFrame:
    changes = plan.routes.whole()
    names = np.array([*(node.name for node in plan.nodes), None], object)
    ends = {end: names[changes[end]] for end in ("node", "dst", "via")}
    times = {"t_s": changes["t_s"], "applied_s": changes["t_s"] + 80e-6}
    return pd.DataFrame(times | ends | {"family": "both"})


def probes(plan: Plan, flow, error_us: float = 40.0) -> pd.DataFrame:
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


def proofs(plan: Plan, flow) -> pd.DataFrame:
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


class Told(Run):
    """A run whose plan and tables are in memory, so that they may be few and need no directory."""

    def __init__(self, plan: Plan, manifest: dict, tables: dict[str, pd.DataFrame]) -> None:
        super().__init__(Path("told"), Manifest.model_validate(manifest))
        self.plan, self.tables = plan, tables

    def table(self, name: str) -> pd.DataFrame:
        return self.tables[name].astype(dict.fromkeys(LONG.get(name, ()), "category"))

    def wrote(self, table: Table) -> bool:
        return table.name in self.tables

    def long(self, name: str) -> bool:
        return False


class Builder:
    """Manifest and tables of a good run, open to changes; `load` writes and loads the run directory."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.dir, self.plan = folder, plan
        self.manifest = MANIFEST | {"duration_s": plan.duration_s, "played_s": plan.duration_s}
        timeline = events(plan)
        flows = plan.scenario.traffic
        self.tables = {
            "events": timeline,
            "applied": timeline.assign(applied_s=timeline["t_s"] + 50e-6, late_us=50.0, skipped=False),
            "probes": pd.concat(
                [empty(PROBES.dtypes), *(probes(plan, f) for f in kinds.writing(flows, PROBES))]
            ),
            "paths": pd.concat(
                [proofs(plan, f) for f in kinds.writing(flows, PATHS)] or [empty(PATHS.dtypes)]
            ),
            "flows": empty(FLOWS.dtypes),
            "routes": routes(plan),
            "control": empty(CONTROL.dtypes),
        }
        self.tables = {name: table.reset_index(drop=True) for name, table in self.tables.items()}

    def flow_rows(self, name: str, kind: str, throughput_mbps: float) -> None:
        """Add what a udp or tcp flow measured that ran at one rate all its time, losing 1 packet in 100."""
        (flow,) = [flow for flow in self.plan.scenario.flows if flow.name == name]
        start_s, stop_s = flow.window_s(self.plan.duration_s)
        start_s, size = np.arange(start_s, stop_s, 1.0), int(throughput_mbps * 1e6 / 8)
        sent = round((stop_s - start_s[0]) * 1e9 / flow.gap_ns) if kind == "udp" else 100 * len(start_s)
        sent, lost = (np.diff(np.linspace(0, n, len(start_s) + 1).astype(int)) for n in (sent, sent // 100))
        rows = pd.DataFrame({
            "flow": name, "kind": kind, "src": flow.source, "dst": flow.target, "start_s": start_s,
            "end_s": start_s + 1, "sent_packets": sent, "received_packets": sent - lost, "lost_packets": lost,
            "reordered_packets": 0, "sent_bytes": size, "received_bytes": size,
            "throughput_mbps": throughput_mbps, "retransmits": 0 if kind == "tcp" else None,
            "rtt_us": 20_000.0 if kind == "tcp" else np.nan,
        })  # fmt: skip
        self.tables["flows"] = pd.concat([self.tables["flows"], rows.astype(FLOWS.dtypes)], ignore_index=True)

    def told(self) -> Told:
        return Told(self.plan, self.manifest, self.tables)

    def load(self) -> skybed.Run:
        self.dir.mkdir(exist_ok=True)
        (self.dir / "manifest.json").write_text(json.dumps(self.manifest))
        for name, table in self.tables.items():
            table.to_parquet(self.dir / f"{name}.parquet")
        self.plan.save(self.dir / "plan")
        return skybed.load(self.dir)
