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
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skybed.analysis.compare import exact
from skybed.analysis.manifest import Manifest
from skybed.emulator.daemons import daemons
from skybed.emulator.lanes import lanes
from skybed.emulator.sky import tables
from skybed.scripts.running.progress import Stages, report_every_s
from skybed.topologies.errors import InvalidRun, MachineError
from skybed.topologies.model import kinds
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.scenario.file import Scenario

PACKAGES = ("mininet", "scapy", "pyroute2", "sgp4", "skyfield", "numpy", "scipy", "pandas")
GUEST_MEMORY_MB = 1024
NODE_MEMORY_MB = 1  # a third of it the namespace, the rest for routes
LINK_MEMORY_MB = 0.1  # 80 KiB for two interfaces, 12 more once they are up and have queues; 5 in Python
PATIENCE_S = 180  # beyond the scenario's duration, for the lane to boot, build, collect and end
VIRTUAL_PATIENCE = 20  # how much slower than the clock on the wall virtual time may be
SILENCE_S = 180  # and for it to say nothing, beyond the time from one report to the next
WATCH_S = 0.5  # from one look at a lane to the next
FLOODING_S = 2e-3  # and, times its nodes squared, for what daemons compute in a second of virtual time
GRACE_S = 30  # for a lane that was asked to stop to write its tables
LAST_LINES = 8


@dataclass(frozen=True)
class Options:
    """How to run. wall_limit_s: of the lane, by the clock on the wall; None: enough for most."""

    lane: str = "auto"
    clock: str = "real"
    interactive: bool = False
    wall_limit_s: float | None = None

    @property
    def virtual(self) -> bool:
        return self.clock == "virtual"


def run(
    scenario: Scenario, options: Options, out: Path, stages: Stages | None = None, plan: Plan | None = None
) -> bool:
    """Run a scenario into the empty directory `out`. Whether there is something to judge: not if a prompt was
    left before the end. stages: that are told how far it is; None: a bar. plan: one that was worked out
    before, with the same `plan_sha256`."""
    lane = lanes.choose(options.lane, options.virtual)
    daemons.require(scenario)  # if it is missing, say so before anything is made
    scenario = scenario.in_virtual_time() if options.virtual else scenario
    before = _host_state()
    with stages or Stages() as stages:
        if plan is None:
            plan = Plan.make(scenario, progress=lambda what, share: stages.at("planning", share, what))
        plan = replace(plan, scenario=scenario)
        daemons.check(plan)
        _write_plan(plan, out)
        manifest = _manifest(scenario, lane, options.clock)
        manifest.write(out)
        zero_ns = round(scenario.begin.timestamp() * 1e9)
        virtual = lanes.VirtualTime(zero_ns, scenario.seed) if options.virtual else None
        with lanes.running(
            lane,
            _command(out, options, virtual, scenario),
            out,
            _memory_mb(plan),
            options.interactive,
            virtual,
        ) as process:
            if options.interactive:
                stages.pause()
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for what runs at the prompt
                process.wait()
            else:
                stages.at("starting", 0.0, f"the {lane} lane")
                _follow(process, out, plan, options, stages)
    inside = _inside(out, options.interactive)
    hashes = {"tables_sha256": exact.hashes(out)}
    manifest = manifest.with_(inside | _host_state(before) | hashes)
    manifest.write(out)
    return manifest.finished or not options.interactive


def new_directory(scenario: Scenario) -> Path:
    """runs/NAME-DATE-TIME, which sorts by time."""
    return Path("runs") / f"{scenario.name}-{dt.datetime.now():%Y%m%d-%H%M%S}"


def _write_plan(plan: Plan, out: Path) -> None:
    plan.save(out / "plan")
    stored = Plan.load(out / "plan")  # its events are read, not worked out again
    tables.write_events(stored, out / "events.parquet")
    (out / "scenario.yaml").write_text(plan.scenario.dump())


def _follow(process: subprocess.Popen, out: Path, plan: Plan, options: Options, stages: Stages) -> None:
    """Show how far the lane is until it ends. One Ctrl-C stops it early, a second at once."""
    tell = _narrator(plan, stages)
    slow = VIRTUAL_PATIENCE if options.virtual else 1
    floods = options.virtual and plan.scenario.routing.by_daemons
    flooding_s = FLOODING_S * len(plan.nodes) ** 2 if floods else 0.0
    limit_s = options.wall_limit_s or PATIENCE_S + plan.duration_s * slow + flooding_s
    silence_s = SILENCE_S + 2 * slow * report_every_s(plan.duration_s) + flooding_s
    with _watched(process, limit_s, silence_s) as watch, open(out / "log.txt", "w") as log:
        asked = False
        while True:
            try:
                for line in _lines(process):
                    watch.heard_s = time.monotonic()
                    if line.startswith("@ "):
                        tell(json.loads(line[2:]))
                    else:
                        log.write(line + "\n")
                break
            except KeyboardInterrupt:
                if asked:
                    raise
                asked = True
                stages.at("stopping", 0.0, "once more Ctrl-C to kill")
                _ask_to_stop(process)
    if watch.killed:
        raise InvalidRun(f"{watch.killed} What it had written by then is in {out}.")


def _ask_to_stop(process: subprocess.Popen) -> None:
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write("stop\n")  # type: ignore[union-attr]


def _lines(process: subprocess.Popen) -> Iterator[str]:
    while line := process.stdout.readline():  # type: ignore[union-attr]
        yield line.rstrip("\r\n")


def _narrator(plan: Plan, stages: Stages) -> Callable[[dict], None]:
    """What to do with the messages of a lane: show how far it is, and how much faster than the clock."""
    began: list[tuple[float, float]] = []  # (clock on the wall, run time) of the first

    def tell(message: dict) -> None:
        if "refused" in message:
            error = MachineError if message["exit_code"] == MachineError.exit_code else InvalidRun
            raise error(message["refused"])
        if "t_s" in message:
            t_s, wall_s = max(0.0, message["t_s"]), time.monotonic()
            if not began:
                began.append((wall_s, t_s))
            speed = (t_s - began[0][1]) / max(wall_s - began[0][0], 1e-3)
            faster = f", {speed:.1f} times as fast as the clock" if speed > 1.5 else ""
            stages.at("playing", t_s / plan.duration_s, f"{t_s:.0f} of {plan.duration_s:g} s{faster}")
        elif message.get("stage") == "build":
            stages.at("building", 0.0, f"{len(plan.nodes)} nodes, {len(plan.links)} links")
        elif message.get("stage") == "routing":
            stages.at("routing", 0.0, f"{plan.scenario.routing.title} converges")
        elif message.get("stage") == "collect":
            stages.at("ending", 0.0, "answers under way, tables")

    return tell


@dataclass
class _Watch:
    heard_s: float  # when the lane last said something, monotonic
    killed: str = ""  # why


@contextlib.contextmanager
def _watched(process: subprocess.Popen, limit_s: float, silence_s: float) -> Iterator[_Watch]:
    """A lane that is over its time, or silent for too long, is asked to stop; it is killed if it does not."""
    began_s = time.monotonic()
    watch, over = _Watch(began_s), threading.Event()

    def look() -> None:
        while not over.wait(WATCH_S):
            now_s = time.monotonic()
            if now_s - began_s > limit_s:
                end(f"after {limit_s:g} s on the wall")
            elif now_s - watch.heard_s > silence_s:
                end(f"after {silence_s:g} s without a word from it")
            else:
                continue
            return

    def end(why: str) -> None:
        _ask_to_stop(process)
        if over.wait(GRACE_S):
            return
        running = lanes.crash(process)
        spins = f" It was running {running} all the time, which never waits." if running else ""
        watch.killed = f"The lane was killed: asked to stop {why}, it had not {GRACE_S} s later.{spins}"
        process.kill()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


def _command(out: Path, options: Options, virtual: lanes.VirtualTime | None, scenario: Scenario) -> list[str]:
    prompt = ["--cli"] if options.interactive else []
    zero = [f"--zero-ns={virtual.zero_ns}"] if virtual else []
    every = f"--report-every={report_every_s(scenario.duration_s)}"
    own = [f"--kind={file}" for file in kinds.files(kinds.used(scenario.traffic))]
    program = [sys.executable, "-m", "skybed.scripts.running.inside", str(out.resolve())]
    return [*program, *prompt, *zero, every, *own]


def _memory_mb(plan: Plan) -> int:
    return memory_mb(plan.scenario, len(plan.nodes), _links_at_once(plan))


def memory_mb(scenario: Scenario, nodes: int, links: int) -> int:
    """What a lane with so many nodes, and links at once, is given."""
    node_mb = NODE_MEMORY_MB + daemons.memory_mb(scenario)
    return GUEST_MEMORY_MB + round(node_mb * nodes + LINK_MEMORY_MB * links)


def _links_at_once(plan: Plan) -> int:
    """At most: a link is made in the window before its contact begins, and dropped in that after it ended."""
    start_s, end_s = plan.contacts["start_s"].to_numpy(), plan.contacts["end_s"].to_numpy()
    change = np.zeros(windowed.index(plan.duration_s) + 2, int)
    np.add.at(change, np.maximum(start_s // windowed.WINDOW_S - 1, 0).astype(int), 1)
    np.add.at(change, (end_s // windowed.WINDOW_S).astype(int) + 1, -1)
    return min(int(change.cumsum().max()), len(plan.links))


def _inside(out: Path, interactive: bool) -> dict:
    try:
        return json.loads((out / "inside.json").read_text())
    except FileNotFoundError:
        log = out / "log.txt"
        said = log.read_text().strip().splitlines()[-LAST_LINES:] if log.exists() else []
        where = f" Its last lines, of {log}:" if said else ""
        raise InvalidRun("\n  ".join([f"The lane ended before the run did.{where}", *said])) from None


# -- the manifest ------------------------------------------------------------------------------------


def _manifest(scenario: Scenario, lane: str, clock: str) -> Manifest:
    return Manifest.model_validate({
        "skybed": importlib.metadata.version("skybed"),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "lane": lane,
        "clock": clock,
        "scenario": scenario.name,
        "scenario_sha256": scenario.sha256,
        "seed": scenario.seed,
        "started_utc": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "duration_s": scenario.duration_s,
        "played_s": 0.0,
        "finished": False,
        "cpu_count": os.cpu_count(),
    })  # fmt: skip


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
