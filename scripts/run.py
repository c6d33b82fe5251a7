"""One run, from outside the lane: plan, start the lane, follow it, note the circumstances."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emulator import lanes, tables
from scripts.progress import Stages
from topologies.errors import InvalidRun
from topologies.plan import Plan
from topologies.scenario import Scenario

PACKAGES = ("mininet", "scapy", "pyroute2", "sgp4", "skyfield", "numpy", "scipy", "pandas")
GUEST_MEMORY_MB = 1024
NODE_MEMORY_MB = 1
PATIENCE_S = 180  # beyond the scenario's duration, for the lane to boot, build, collect and end
LAST_LINES = 8


def run(scenario: Scenario, lane: str, out: Path, interactive: bool = False) -> bool:
    """Run a scenario into the empty directory `out`. Whether there is something to judge: not if a prompt was
    left before the end."""
    lane = lanes.choose(lane)
    before = _host_state()
    with Stages() as stages:
        plan = Plan.make(scenario, progress=lambda what, share: stages.at("planning", share, what))
        _write_plan(plan, out)
        manifest = _manifest(scenario, lane)
        _write_manifest(out, manifest)
        if not interactive:
            _follow(lane, out, plan, stages)
    if interactive:
        with lanes.running(lane, _command(out, "--cli"), out, _memory_mb(plan), interactive=True) as process:
            process.wait()
    inside = _inside(out, interactive)
    _write_manifest(out, manifest | inside | _host_state(before))
    return inside["finished"] or not interactive


def new_directory(scenario: Scenario) -> Path:
    """runs/NAME-DATE-TIME, which sorts by time."""
    return Path("runs") / f"{scenario.name}-{dt.datetime.now():%Y%m%d-%H%M%S}"


def _write_plan(plan: Plan, out: Path) -> None:
    plan.save(out / "plan")
    (out / "scenario.yaml").write_text(plan.scenario.dump())
    tables.write(tables.events(plan, plan.timeline().events), out / "events.parquet")


def _follow(lane: str, out: Path, plan: Plan, stages: Stages) -> None:
    """Start the lane and show how far it is until it ends. One Ctrl-C stops it early, a second at once."""
    stages.at("starting", 0.0, f"the {lane} lane")
    with (
        lanes.running(lane, _command(out), out, _memory_mb(plan)) as process,
        _limit(process, plan.duration_s + PATIENCE_S),
        open(out / "log.txt", "w") as log,
    ):
        asked = False
        while True:
            try:
                for line in _lines(process):
                    if line.startswith("@ "):
                        _show(json.loads(line[2:]), plan, stages)
                    else:
                        log.write(line + "\n")
                return
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                stages.at("stopping", 0.0, "once more Ctrl-C to kill")
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write("stop\n")  # type: ignore[union-attr]


def _lines(process: subprocess.Popen) -> Iterator[str]:
    while line := process.stdout.readline():  # type: ignore[union-attr]
        yield line.rstrip("\r\n")


def _show(message: dict, plan: Plan, stages: Stages) -> None:
    if "t_s" in message:
        t_s = max(0.0, message["t_s"])
        stages.at("playing", t_s / plan.duration_s, f"{t_s:.0f} of {plan.duration_s:g} s")
    elif message.get("stage") == "build":
        stages.at("building", 0.0, f"{len(plan.nodes)} nodes, {len(plan.links)} links")
    elif message.get("stage") == "collect":
        stages.at("ending", 0.0, "answers under way, tables")


@contextlib.contextmanager
def _limit(process: subprocess.Popen, limit_s: float) -> Iterator[None]:
    """A lane that hangs is killed; what it wrote stays."""
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _command(out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "scripts.inside", str(out.resolve()), *options]


def _memory_mb(plan: Plan) -> int:
    return GUEST_MEMORY_MB + NODE_MEMORY_MB * len(plan.nodes)


def _inside(out: Path, interactive: bool) -> dict:
    try:
        return json.loads((out / "inside.json").read_text())
    except FileNotFoundError:
        log = out / "log.txt"
        said = log.read_text().strip().splitlines()[-LAST_LINES:] if log.exists() else []
        where = f" Its last lines, of {log}:" if said else ""
        raise InvalidRun("\n  ".join([f"The lane ended before the run did.{where}", *said])) from None


# -- the manifest ------------------------------------------------------------------------------------


def _manifest(scenario: Scenario, lane: str) -> dict:
    return {
        "skybed": importlib.metadata.version("skybed"),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "lane": lane,
        "clock": "real",
        "scenario": scenario.name,
        "scenario_sha256": scenario.sha256,
        "seed": scenario.seed,
        "started_utc": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "duration_s": scenario.duration_s,
        "played_s": 0.0,
        "finished": False,
        "cpu_count": os.cpu_count(),
    }


def _write_manifest(out: Path, manifest: dict) -> None:
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _host_state(before: dict | None = None) -> dict:
    """Load and stolen time of this machine; with `before`, over the time since."""
    times = np.array(Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9], float)
    load_1m = os.getloadavg()[0]
    if before is None:
        return {"times": times, "load_1m": load_1m}
    spent = times - before["times"]
    return {
        "host_load_1m": [round(before["load_1m"], 2), round(load_1m, 2)],
        "steal_pct": round(100 * spent[7] / max(1.0, spent.sum()), 2),
    }


def interrupt_on_sigterm() -> None:
    """A polite kill is a Ctrl-C: the run is stopped and cleaned up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
