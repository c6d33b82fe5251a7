"""Benchmark, outside the lane: what a run costs beyond what it plays, phase by phase."""

from __future__ import annotations

import resource
import time
from itertools import pairwise
from pathlib import Path

import psutil

from skybed.analysis.manifest import Manifest
from skybed.emulator.lanes import umlkernel
from skybed.scripts.bench.figures import Section, figure
from skybed.scripts.bench.live import LAST_LINES, SKYBED, STAGES, follow
from skybed.topologies.errors import InvalidRun, RunError
from skybed.topologies.scenario.file import Scenario

PHASES = {  # each ends with the word of the next
    "command": "Python and its packages",
    "planning": "planning",
    "starting": "boot of the lane, its imports",
    "building": "nodes, hop cost, traffic ready",
    "playing": "playing",
    "ending": "tables, lane's end, verdict",
}
NEEDS_KERNEL = "Needs `skybed install --kernel`."


def start(scenario: Scenario, rounds: int, folder: Path) -> Section:
    """Run a small scenario in virtual time, so many times: s on the wall and CPU s of all its processes."""
    about = f"Start and end: {scenario.name}, {scenario.duration_s:g} s in virtual time, all in"
    if umlkernel.built_kernel() is None:
        return {"about": about, "figures": [], "notes": [NEEDS_KERNEL]}
    runs = [spent(scenario, folder / f"start-{i}") for i in range(rounds)]
    figures = []
    for place, unit in enumerate(("CPU s", "s on the wall")):
        key = ("cpu_s", "wall_s")[place]
        figures.append(figure(key, f"{scenario.name}, {unit}", [run["whole"][place] for run in runs]))
        for name, what in PHASES.items():
            figures.append(figure(f"{name}_{key}", f"  {what}", [run[name][place] for run in runs]))
    return {"about": about, "figures": figures}


def spent(scenario: Scenario, folder: Path, *options: str) -> dict[str, tuple[float, float]]:
    """Run a scenario in virtual time, into `out` of a new folder. Of each phase, and of the whole: CPU s, and
    s on the wall. options: further ones of the run.
    """
    folder.mkdir()
    file, out = folder / "scenario.yaml", folder / "out"
    file.write_text(scenario.dump())
    cpu_s: list[float] = [0.0]
    before_s, began_s = ended_cpu_s(), time.monotonic()
    command = [*SKYBED, "run", str(file), "--clock", "virtual", *options, "--out", str(out)]
    stages, said = follow(command, lambda pid: cpu_s.append(_cpu_s(pid)))
    wall_s = [0.0, *(stages[name][0] - began_s for name in STAGES if name in stages)]
    wall_s.append(time.monotonic() - began_s)
    cpu_s.append(ended_cpu_s() - before_s)
    try:
        finished = Manifest.read(out).finished
    except RunError:
        finished = False
    if not finished or len(wall_s) != len(PHASES) + 1:
        raise InvalidRun("\n  ".join(["A run did not come to its end:", *said[-LAST_LINES:]]))
    each = zip(PHASES, pairwise(cpu_s), pairwise(wall_s), strict=True)
    phases = {name: (cpu[1] - cpu[0], wall[1] - wall[0]) for name, cpu, wall in each}
    return phases | {"whole": (cpu_s[-1], wall_s[-1])}


def _cpu_s(pid: int) -> float:
    """Of a process and all that it has begun, to 10 ms each."""
    first = psutil.Process(pid)
    total_s = 0.0
    for process in [first, *first.children(recursive=True)]:
        try:
            total_s += sum(process.cpu_times()[:4])  # user, system, and the same of children that have ended
        except psutil.NoSuchProcess:
            continue
    return total_s


def ended_cpu_s() -> float:
    """Of all children of this process that have ended, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
