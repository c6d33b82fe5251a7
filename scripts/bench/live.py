"""Benchmark, outside the lane: one run as a user starts it, timed from the command on, with its verdict."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from skybed.analysis.manifest import Manifest
from skybed.analysis.verdict import FullVerdict
from skybed.emulator.lanes import lanes
from skybed.scripts.bench.figures import Section, figure
from skybed.topologies.errors import InvalidRun, RunError, ScenarioError
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.scenario.file import Scenario

SKYBED = [sys.executable, "-c", "from skybed.scripts.cli.main import main; main()"]
STAGES = ("planning", "starting", "building", "playing", "ending")
PARTS = {  # of the time from the command to the first ping
    "command": "Python and its packages",
    "planning": "planning",
    "boot": "boot of the lane, plan loaded",
    "build": "bring-up with all routes",
    "ready": "hop cost, traffic prepared",
}
PROBES = 4
LAST_LINES = 8
POLITE_S = 30.0


def live(scenario: Scenario, duration_s: float, lane: str, folder: Path) -> Section:
    """Run a scenario so long, with a few of its probes alone, in `folder`."""
    file, out = folder / "scenario.yaml", folder / "out"
    file.write_text(_quiet(scenario, duration_s).dump())
    started_s = time.monotonic()
    stages, said = follow([*SKYBED, "run", str(file), "--lane", lane, "--out", str(out)])
    try:
        manifest, verdict = Manifest.read(out), FullVerdict.read(out)
        probes = pd.read_parquet(out / "probes.parquet").dropna(subset="rtt_us")
        at_s = {name: stages[name][0] - started_s for name in STAGES}
        late, error = verdict.events, verdict.rtt_error
        first_s = at_s["ending"] - manifest.played_s + min(probes["sent_s"] + probes["rtt_us"] * 1e-6)
        player_pct = 100 * noted(manifest.player_cpu_s) / manifest.played_s
        parts_s = {
            "command": at_s["planning"],
            "planning": at_s["starting"] - at_s["planning"],
            "boot": at_s["building"] - at_s["starting"],
            "build": noted(manifest.build_s),
        }
        parts_s["ready"] = first_s - sum(parts_s.values())
        teardown_s = noted(manifest.teardown_s)
    except (OSError, KeyError, ValueError, RunError):
        raise InvalidRun("\n  ".join(["The live run left nothing to judge:", *said[-LAST_LINES:]])) from None
    return {
        "about": f"Live: {scenario.name} for {duration_s:g} s, {stages['building'][1]}; {verdict.status}",
        "scenario": scenario.name,
        "status": verdict.status,
        "notes": verdict.reasons,
        "figures": [
            figure("first_ping_s", "command to first ping, s", [first_s]),
            *(figure(f"{name}_s", f"  {PARTS[name]}, s", [value]) for name, value in parts_s.items()),
            figure("teardown_s", "tear-down, end of the lane, s", [teardown_s]),
            figure("late_p50_us", "events late, median, us", [late.late_p50_us]),
            figure("late_p99_us", "events late, 99 %, us", [late.late_p99_us]),
            figure("late_max_us", "events late, most, us", [late.late_max_us]),
            figure("rtt_error_p50_us", "RTT off geometry, median, us", [error.p50_us]),
            figure("rtt_error_p99_us", "RTT off geometry, 99 %, us", [error.p99_us]),
            figure("player_pct", "player, % of one CPU", [player_pct]),
        ],
    }


def noted(fact: float | None) -> float:
    """What a run notes at its end. ValueError where it did not come to it."""
    if fact is None:
        raise ValueError("the run broke off")
    return fact


def _quiet(scenario: Scenario, duration_s: float) -> Scenario:
    probes = [flow for flow in scenario.flows if isinstance(flow, ProbingFlow)][:PROBES]
    if not probes:
        raise ScenarioError(f"{scenario.name} has no probe in its traffic; the benchmark needs one.")
    always = [flow.model_copy(update={"start_s": 0.0, "stop_s": None}) for flow in probes]
    return scenario.model_copy(
        update={"duration_s": duration_s, "traffic": always, "faults": [], "accept": []}
    )


def follow(
    command: list[str], look: Callable[[int], object] | None = None
) -> tuple[dict[str, tuple[float, str]], list[str]]:
    """Run it to its end. When each stage was first told of (monotonic s) and its note; all lines. look: is
    called with the process's number then."""
    stages: dict[str, tuple[float, str]] = {}
    said = []
    with _ended(command) as process:
        for line in process.stdout:  # type: ignore[union-attr]
            stage, _, note = line.strip().partition(": ")
            if stage in STAGES and stage not in stages:
                stages[stage] = time.monotonic(), note
                if look:
                    look(process.pid)
            said.append(line.rstrip())
    return stages, said


@contextlib.contextmanager
def _ended(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, gone after the block. Asked politely, `skybed run` cleans up behind itself."""
    process = subprocess.Popen(
        command, cwd=lanes.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, preexec_fn=_die_with_parent,
    )  # fmt: skip
    with process:
        try:
            yield process
        except BaseException:
            process.terminate()
            try:
                process.communicate(timeout=POLITE_S)
            except subprocess.TimeoutExpired:
                process.kill()  # its lane dies with it
            raise


def _die_with_parent() -> None:
    """In the child: be killed when the benchmark is, even by kill -9."""
    ctypes.CDLL(None).prctl(lanes.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
