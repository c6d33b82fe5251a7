"""Benchmark, outside the lane: virtual time against the clock on the wall, and whether runs repeat."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from skybed.analysis.manifest import Manifest
from skybed.analysis.verdict import FullVerdict
from skybed.emulator.lanes import umlkernel
from skybed.scripts.bench.figures import Section, figure
from skybed.scripts.bench.live import LAST_LINES, SKYBED, follow
from skybed.scripts.bench.start import NEEDS_KERNEL
from skybed.topologies.errors import InvalidRun, RunError
from skybed.topologies.scenario.file import Scenario

# Two stations and a line between them, for a TCP that fills it: a packet in one way or the other every 80 us.
LINE: dict[str, Any] = {
    "name": "line",
    "epoch": "2026-05-09T00:00:00Z",
    "duration_s": 10,
    "layers": {"eo": {"walker": {"planes": 1, "per_plane": 1, "inclination_deg": 97, "altitude_km": 535}}},
    "stations": ["beijing", "miyun"],
    "links": {"line": {"rate_mbps": 100, "fixed_delay_ms": 10, "queue_packets": 300}},
    "fibre": [{"a": "beijing", "b": "miyun", "link": "line"}],
    "routing": {"destinations": "ground"},
}
TCP = {"kind": "tcp", "name": "tcp", "from": "beijing", "to": "miyun"}
PROBE = TCP | {"kind": "probe", "name": "probe"}  # a campaign wants to measure something


def virtual(scenario: Scenario, tcp_s: float, rounds: int, folder: Path) -> Section:
    """Run a scenario, a TCP flow of tcp_s and next to nothing in virtual time, so many times each; the last
    in a campaign too."""
    about = (
        f"Virtual time: {scenario.name}, {scenario.duration_s:g} s with its load; a TCP flow; a run of 1 s"
    )
    if umlkernel.built_kernel() is None:
        return {"about": about, "figures": [], "notes": [NEEDS_KERNEL]}
    cases = {
        "scenario": scenario,
        "tcp": Scenario.model_validate(LINE | {"duration_s": tcp_s, "traffic": [TCP]}),
        "short": Scenario.model_validate(LINE | {"duration_s": 1, "traffic": [PROBE]}),
    }
    by_case = {
        name: [_run(case, folder / f"{name}-{i}") for i in range(rounds)] for name, case in cases.items()
    }
    hashes = [json.dumps(run["tables_sha256"], sort_keys=True) for run in by_case["scenario"]]
    played = {name: [run["playing_s"] for run in runs] for name, runs in by_case.items()}
    rtt_us = [run["rtt_p99_us"] for run in by_case["scenario"]]

    def against_clock(name: str, what: str) -> Iterator[dict[str, Any]]:
        clock_s = [cases[name].duration_s] * rounds
        yield figure(f"{name}_s", f"{what}, playing, s on the wall", played[name], clock_s, "clock")
        whole_s = [run["total_s"] for run in by_case[name]]
        yield figure(f"{name}_whole_s", "  from the command to its end", whole_s, clock_s, "clock")

    return {
        "about": about,
        "figures": [
            *against_clock("scenario", scenario.name),
            *against_clock("tcp", "TCP at 100 Mbit/s"),
            figure("run_s", "a run beyond its emulation, s", [run["total_s"] for run in by_case["short"]]),
            figure("campaign_run_s", "a campaign's run, s", _in_campaign(cases["short"], rounds, folder)),
            figure("rtt_error_p99_us", "RTT off geometry, 99 %, us", rtt_us),
            figure("distinct", "different results of as many runs", [len(set(hashes))], [rounds], "runs"),
        ],
    }


def _in_campaign(scenario: Scenario, rounds: int, folder: Path) -> list[float]:
    """s on the wall that each run of a campaign takes, one after another, made, judged and stored."""
    (folder / "short.yaml").write_text(scenario.dump())
    file, out = folder / "campaign.yaml", folder / "campaign"
    file.write_text(json.dumps({"name": "short", "scenario": "short.yaml", "repeats": rounds + 1}))
    _, said = follow([*SKYBED, "campaign", "run", str(file), "--jobs", "1", "--out", str(out)])
    ended_s = sorted(path.stat().st_mtime for path in out.glob("runs/*/case.json"))
    if len(ended_s) != rounds + 1:
        raise InvalidRun("\n  ".join(["The campaign did not end:", *said[-LAST_LINES:]]))
    return [after - before for before, after in pairwise(ended_s)]  # the first waits for its process


def _run(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """playing_s and total_s on the wall; rtt_p99_us; tables_sha256."""
    folder.mkdir()
    file, out = folder / "scenario.yaml", folder / "out"
    file.write_text(scenario.dump())
    started_s = time.monotonic()
    stages, said = follow([*SKYBED, "run", str(file), "--clock", "virtual", "--out", str(out)])
    total_s = time.monotonic() - started_s
    try:
        manifest, verdict = Manifest.read(out), FullVerdict.read(out)
        return {
            "playing_s": stages["ending"][0] - stages["playing"][0],
            "total_s": total_s,
            "rtt_p99_us": verdict.rtt_error.p99_us,
            "tables_sha256": manifest.tables_sha256,
        }
    except (KeyError, RunError):
        raise InvalidRun("\n  ".join(["A virtual run left nothing to judge:", *said[-LAST_LINES:]])) from None
