"""Benchmark, outside the lane: how exact runs in real time are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skybed.scripts.bench import live
from skybed.scripts.bench.figures import Section, figure
from skybed.scripts.running.progress import Listener
from skybed.topologies.scenario.file import Scenario

KEPT = ("rtt_error_p50_us", "rtt_error_p99_us", "late_p50_us", "late_p99_us", "late_max_us")


def accuracy(
    scenarios: Sequence[Path], duration_s: float, rounds: int, lane: str, folder: Path, listener: Listener
) -> Section:
    """Run each scenario so long, as many times, one after the other."""
    figures, notes = [], []
    for scenario in map(Scenario.load, scenarios):
        found: list[Section] = []
        for number in range(rounds):
            listener.at("accuracy", 0.0, f"{scenario.name}, round {number + 1} of {rounds}")
            out = folder / f"{scenario.name}-{number}"
            out.mkdir()
            found.append(live.live(scenario, duration_s, lane, out))
        passed = sum(section["status"] == "pass" for section in found)
        reasons = sorted({reason for section in found for reason in section["notes"]})
        notes.append(" ".join([f"{scenario.name}: {passed} of {rounds} runs passed.", *reasons]))
        samples = [{row["key"]: row for row in section["figures"]} for section in found]
        for key in KEPT:
            what = f"{scenario.name}, {samples[0][key]['what']}"
            values = [sample[key]["skybed"] for sample in samples]
            figures.append(figure(f"{scenario.name}_{key}", what, values))
    return {
        "about": f"How exact real time is: runs of {duration_s:g} s in the {lane} lane",
        "figures": figures,
        "notes": notes,
    }
