"""The benchmark: skybed beside what else there is, measured in one go, within the lane.

Each section runs in a lane of its own, so that none finds what another left. Stock Mininet and `tc` never
touch the machine's own network.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import json
import os
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skybed.emulator.lanes import lanes
from skybed.scripts.bench import accuracy, cores, daemons, judging, live, natively, ns3, plan, start, virtual
from skybed.scripts.bench.figures import Section
from skybed.scripts.running import messages
from skybed.scripts.running.progress import Listener, ProgressBar
from skybed.topologies.errors import InvalidRun, ScenarioError
from skybed.topologies.model import ready
from skybed.topologies.model.closest import hint
from skybed.topologies.scenario.file import Scenario

NAMES = ("bring-up", "updates", "planning", "live", "start", "virtual", "judging", "forwarding", "generator")
WHEN_NAMED = ("accuracy", "ns-3", "cores", "daemons")  # take minutes, ten each, and half an hour
PATIENCE_S = 600.0  # for a section, beyond twice what stock Mininet is given
LAST_LINES = 8
SHARED = "The lane had no CPU to itself: all this was slower than it can be."


@dataclass(frozen=True)
class Sizes:
    """How much is measured. Shapes: planes, satellites in each."""

    scenario: Path  # that is run live
    live_s: float
    exact: tuple[Path, ...]  # that are run to see how exact real time is
    virtual: Path  # that is run in virtual time
    tcp_s: float  # of a TCP that fills a line, in virtual time
    planned: Path
    planned_s: float
    judged_s: tuple[float, float]  # runs that are judged: a short and a long one
    routes_s: float  # of routes of the scenario that is run live
    budget_s: float  # for stock Mininet to come up
    memory_mb: int
    rounds: int
    round_s: float
    per_plane: int  # of the grid that stock Mininet makes as large as it can
    hosts: int  # on the machine's own kernel
    large: tuple[int, int]  # the sky that is brought up
    linked: tuple[int, int]  # the sky whose links are changed
    routed: tuple[tuple[int, int], ...]  # skies with a routing daemon in every node
    routed_s: float  # for each of them
    chains: tuple[int, ...]  # hops, beside ns-3
    chains_s: float  # of virtual time, each
    kuiper_s: float
    flow_planes: int  # on one core and on two, with HOPS flows in each
    flows_s: float
    cored: tuple[int, int]  # a sky with a routing daemon in every node, the same

    def of(self, section: str) -> dict[str, Any]:
        """Parameters of a section inside the lane."""
        repeated: dict[str, Any] = {"rounds": self.rounds, "round_s": self.round_s}
        parameters: dict[str, dict[str, Any]] = {
            "bring-up": {
                "budget_s": self.budget_s,
                "per_plane": self.per_plane,
                "shape": self.large,
                "rounds": self.rounds,
            },
            "updates": {"shape": self.linked, **repeated},
            "forwarding": {"hops": (1, 5, 12), **repeated},
            "generator": repeated,
        }
        return parameters[section]


FULL = Sizes(
    scenario=ready.SCENARIOS / "starlink-550.yaml", live_s=30.0,
    exact=tuple(ready.SCENARIOS / f"{name}.yaml" for name in ("pair", "sc-mini", "starlink-550")),
    virtual=ready.SCENARIOS / "sc-mini.yaml", tcp_s=10.0,
    planned=ready.SCENARIOS / "sc-1000.yaml", planned_s=86_400.0, judged_s=(3600.0, 21_600.0), routes_s=60.0,
    budget_s=120.0, memory_mb=2048, rounds=3, round_s=1.0, per_plane=12, hosts=200, large=(72, 22),
    linked=(24, 22),
    routed=((10, 15), (15, 20), (20, 30), (25, 32)), routed_s=1200.0,
    chains=(5, 12), chains_s=60.0, kuiper_s=200.0,
    flow_planes=20, flows_s=60.0, cored=(16, 25),
)  # fmt: skip
QUICK = Sizes(
    scenario=ready.SCENARIOS / "sc-mini.yaml", live_s=10.0,  # until 5.7 s there are no events
    exact=(ready.SCENARIOS / "pair.yaml",),
    virtual=ready.SCENARIOS / "pair.yaml", tcp_s=2.0,
    planned=ready.SCENARIOS / "sc-mini.yaml", planned_s=600.0, judged_s=(60.0, 300.0), routes_s=20.0,
    budget_s=2.0, memory_mb=1024, rounds=2, round_s=0.1, per_plane=3, hosts=4, large=(5, 6), linked=(5, 6),
    routed=((3, 10),), routed_s=120.0,
    chains=(2,), chains_s=1.0, kuiper_s=0.5,
    flow_planes=2, flows_s=1.0, cored=(3, 10),
)  # fmt: skip


def sizes(quick: bool, **given: Any) -> Sizes:
    """The usual or the quick ones, with what is given (not None) in place of theirs."""
    return replace(
        QUICK if quick else FULL, **{name: value for name, value in given.items() if value is not None}
    )


def run(names: Sequence[str], lane: str, sizes: Sizes) -> dict[str, Any]:
    """Measure the sections of these names (none: NAMES); a dict for JSON. Raises ScenarioError for a name
    that is none."""
    every = (*NAMES, *WHEN_NAMED)
    for name in names:
        if name not in every:
            raise ScenarioError(f"{name} is no section of the benchmark{hint(name, every)}.")
    lane = lanes.choose(lane)
    scenario = Scenario.load(sizes.scenario)
    started, load_1m = dt.datetime.now(dt.UTC), os.getloadavg()[0]
    sections: dict[str, Section] = {}
    with ProgressBar() as bar:
        for name in (name for name in every if name in (names or NAMES)):
            bar.at(name, 0.0)
            with _temporary() as folder:
                if name == "planning":
                    made = plan.planning(sizes.planned, sizes.planned_s, sizes.rounds, folder)
                    made["figures"] += plan.routing(sizes.scenario, sizes.routes_s, sizes.rounds)
                    sections[name] = made
                elif name == "live":
                    sections[name] = live.live(scenario, sizes.live_s, lane, folder)
                elif name == "accuracy":
                    exact = sizes.exact, sizes.live_s, sizes.rounds, lane
                    sections[name] = accuracy.accuracy(*exact, folder, bar)
                elif name == "start":
                    small = Scenario.load(ready.SCENARIOS / "pair.yaml")
                    sections[name] = start.start(small, sizes.rounds, folder)
                elif name == "virtual":
                    played = Scenario.load(sizes.virtual)
                    sections[name] = virtual.virtual(played, sizes.tcp_s, sizes.rounds, folder)
                elif name == "judging":
                    played = Scenario.load(ready.SCENARIOS / "sc-mini.yaml")
                    sections[name] = judging.judging(played, sizes.judged_s, folder)
                elif name == "ns-3":
                    beside = sizes.chains, sizes.chains_s, sizes.kuiper_s, sizes.rounds
                    sections[name] = ns3.ns3(*beside, folder, bar)
                elif name == "cores":
                    skies = sizes.flow_planes, sizes.flows_s, sizes.cored
                    sections[name] = cores.cores(*skies, sizes.rounds, folder, bar)
                elif name == "daemons":
                    sections[name] = daemons.daemons(sizes.routed, sizes.routed_s, folder, bar)
                else:
                    sections[name] = _inside(name, lane, sizes, folder, bar)
                if name == "bring-up" and lane != "native":
                    figures, notes = natively.beside(sizes.hosts, sizes.rounds)
                    sections[name]["figures"] += figures
                    sections[name]["notes"] = sections[name].get("notes", []) + notes
    return {
        "skybed": importlib.metadata.version("skybed"),
        "started_utc": started.isoformat(timespec="seconds"),
        "lane": lane,
        "host_kernel": platform.release(),
        "python": platform.python_version(),
        "cpu": _cpu(),
        "cpu_count": os.cpu_count(),
        "machine": _machine(),
        "host_load_1m": [round(load, 2) for load in (load_1m, os.getloadavg()[0])],
        "sections": sections,
    }


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    """A folder of which `skybed clean` knows whose it was."""
    with tempfile.TemporaryDirectory(prefix=lanes.TEMPORARY) as name:
        Path(name, "run").write_text(f"{os.getpid()} {name}\n")
        yield Path(name)


def _inside(name: str, lane: str, sizes: Sizes, folder: Path, listener: Listener) -> Section:
    """Measure a section in the lane."""
    command = [sys.executable, "-m", "skybed.scripts.bench.inside", name, json.dumps(sizes.of(name))]
    section: Section | None = None
    with lanes.running(lane, command, folder, sizes.memory_mb) as begun:
        alone = len(os.sched_getaffinity(begun.process.pid)) == 1  # see emulator.lanes.lanes
        timer = threading.Timer(2 * sizes.budget_s + PATIENCE_S, begun.process.kill)
        timer.start()
        try:
            for message in messages.said(begun.channel):
                match message:
                    case messages.Noted(words):
                        listener.at(name, 0.0, words)
                    case messages.Measured(found):
                        section = found
        finally:
            timer.cancel()
    if section is None:
        last = (folder / lanes.LOG).read_text(errors="replace").splitlines()[-LAST_LINES:]
        raise InvalidRun("\n  ".join([f"The {name} of the benchmark did not end. Its last lines:", *last]))
    return section if alone else section | {"notes": [SHARED]}


def _machine() -> dict[str, str]:
    """What else real time depends on, as far as this machine tells it."""
    files = {
        "made by": "/sys/class/dmi/id/sys_vendor",
        "model": "/sys/class/dmi/id/product_name",
        "clock": "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        "frequency": "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "preemption and build": "/proc/sys/kernel/version",
    }
    told = {name: Path(file).read_text().strip() for name, file in files.items() if os.access(file, os.R_OK)}
    virtual = re.search(r"^flags.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(), re.M)
    return {"virtual machine": "yes" if virtual else "not known"} | told


def _cpu() -> str:
    """The model's name, where this kind of machine tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
