"""Campaigns: what one will cost, and its runs, each whole or not there at all.

A run is made and judged by a worker (scripts.running.cluster), stored in OUT/.unfinished/KEY and renamed to
OUT/runs/KEY. Whatever ends a campaign, the next one into the same directory does only what is missing.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from distributed import Client

from skybed.analysis.campaign import table
from skybed.analysis.verdict import Verdict
from skybed.emulator.lanes import lanes
from skybed.scripts.running import cluster, folders
from skybed.scripts.running.live_campaign import CampaignView
from skybed.scripts.running.progress import ProgressBar
from skybed.scripts.running.run import memory_mb
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import kinds
from skybed.topologies.orbits import elements
from skybed.topologies.scenario.campaign import Campaign, Case
from skybed.topologies.scenario.file import Scenario

UNFINISHED = ".unfinished"
# The rule for a run's time on the wall, from ready scenarios on two cores: right within a factor of two.
RUN_S = 6.0  # start, plan and end
NODE_S = 0.03  # plan and build, each node
PACKET_S = 150e-6  # virtual time only: a packet of traffic, all its hops
SECOND_S = 1.5e-3  # virtual time only: a second of a sky that moves
LINKS_PER_NODE = 4
WORKER_MB = 400  # the process that plans a run and judges it
LONG_S = 86_400.0


@dataclass(frozen=True)
class Estimate:
    """Of a campaign, by the rule above: jobs at once, s on the wall, MB at most, what to beware of."""

    jobs: int
    wall_s: float
    memory_mb: int
    warnings: list[str]


def default_jobs(campaign: Campaign) -> int:
    """In virtual time a run on each processor; by the clock one at a time, so that none disturbs another."""
    return len(os.sched_getaffinity(0)) if campaign.clock == "virtual" else 1


def estimate(campaign: Campaign, cases: Sequence[Case], jobs: int) -> Estimate:
    """What these runs will take."""
    if not cases:
        return Estimate(jobs, 0.0, 0, [])
    jobs = min(jobs, len(cases))
    virtual, cpus = campaign.clock == "virtual", len(os.sched_getaffinity(0))
    sizes = [_nodes(case.scenario) for case in cases]
    runs_s = [_run_s(case.scenario, nodes, virtual) for case, nodes in zip(cases, sizes, strict=True)]
    wall_s = max(max(runs_s), sum(runs_s) / (min(jobs, cpus) if virtual else jobs))
    each_mb = (_memory_mb(case.scenario, nodes) for case, nodes in zip(cases, sizes, strict=True))
    greatest = sorted(each_mb, reverse=True)
    memory_mb, free_mb = sum(greatest[:jobs]), psutil.virtual_memory().available / 2**20
    warnings = []
    if memory_mb > free_mb:
        warnings.append(
            f"{jobs} runs at once may need {memory_mb} MB, {free_mb:.0f} MB are free; take fewer --jobs."
        )
    if virtual and jobs > cpus:
        warnings.append(f"--jobs {jobs} is more than the {cpus} processors: it will not be faster.")
    if not virtual and jobs > 1:
        warnings.append(
            "By the clock, runs beside each other disturb each other; take --jobs 1 if any is invalid."
        )
    if wall_s > LONG_S:
        warnings.append(f"It will take {wall_s / 86_400:.1f} days.")
    return Estimate(jobs, wall_s, memory_mb, warnings)


def _run_s(scenario: Scenario, nodes: int, virtual: bool) -> float:
    length_s = scenario.duration_s
    playing_s = _packets(scenario) * PACKET_S + length_s * SECOND_S if virtual else length_s
    return RUN_S + NODE_S * nodes + playing_s


def _packets(scenario: Scenario) -> float:
    """How many packets of traffic are sent."""
    return sum(kinds.of(flow).packets(flow, scenario.duration_s) for flow in scenario.flows)


def _nodes(scenario: Scenario) -> int:
    return len(elements.layer_satellites(scenario)) + len(scenario.stations)


def _memory_mb(scenario: Scenario, nodes: int) -> int:
    return WORKER_MB + memory_mb(scenario, nodes, LINKS_PER_NODE * nodes)


def missing(cases: Sequence[Case], folder: Path) -> list[Case]:
    """Those that are not done."""
    return [case for case in cases if not (folder / "runs" / case.key).is_dir()]


# -- running -----------------------------------------------------------------------------------------


def run(
    campaign: Campaign,
    cases: Sequence[Case],
    folder: Path,
    jobs: int,
    scheduler: str | None = None,
    view: CampaignView | None = None,
) -> dict[str, int]:
    """Do what is missing and write the table. Returns how many runs have each verdict. view: shows it.

    jobs: runs at once in this machine's own processes; with the address of a Dask scheduler its workers are
    taken instead, as many runs at once as they have threads.
    """
    folder = folder.resolve()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "runs").is_dir():
        raise ScenarioError(
            f"{folder} is neither empty nor of a campaign; name another directory with --out."
        )
    if scheduler is None:
        lanes.choose("auto", campaign.clock == "virtual")  # says at once what this machine lacks
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    with folders.claimed(folder, "another campaign"):
        _sweep(folder)
        if view:
            view.planned(campaign, cases, folder)
        try:
            if todo := missing(cases, folder):
                with (
                    cluster.at(scheduler, campaign.clock)
                    if scheduler
                    else cluster.of_this_machine(min(jobs, len(todo)), campaign.retries, folder / UNFINISHED)
                ) as client:
                    run_all(client, todo, folder, campaign.retries, view)
        finally:
            _sweep(folder)
        table.describe(campaign, cases, folder)
        table.write(cases, folder / "runs", campaign.metrics, folder / "table")
    counts: dict[str, int] = {}
    for case in cases:
        status = Verdict.read(folder / "runs" / case.key).status
        counts[status] = counts.get(status, 0) + 1
    return counts


def run_all(
    client: Client, cases: Sequence[Case], folder: Path, retries: int, view: CampaignView | None = None
) -> None:
    """Each is stored in the folder as it ends."""
    began_s = time.monotonic()
    if view:
        cluster.listen(client, view.told)
    with ProgressBar() as bar:
        at_once = min(len(cases), sum(client.nthreads().values()))
        bar.at("running", 0.0, f"{len(cases)} runs, {at_once} at once")
        for done, (case, run) in enumerate(cluster.results(client, cases, retries), 1):
            keep(case, folder, run)
            if view:
                view.done(case)
            left_s = (time.monotonic() - began_s) / done * (len(cases) - done)
            bar.at("running", done / len(cases), f"{done} of {len(cases)} runs, {duration(left_s)} left")


def keep(case: Case, folder: Path, run: bytes | str) -> None:
    """Store a run, or why there is none, with a note which one it is."""
    out = folder / UNFINISHED / case.key
    out.mkdir(parents=True)
    if isinstance(run, str):
        cluster.write_verdict(case, out, "error", run)
    else:
        cluster.unpack(run, out)
    record = {"parameters": case.parameters, "repeat": case.repeat, "seed": case.scenario.seed}
    record |= {"skybed": importlib.metadata.version("skybed")}
    (out / "case.json").write_text(json.dumps(record, indent=2) + "\n")
    out.rename(folder / "runs" / case.key)


def _sweep(folder: Path) -> None:
    """Remove what a killed campaign left unfinished here, and what its lanes left elsewhere."""
    lanes.end_processes()
    lanes.remove_leftovers()
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)


# -- what is shown -----------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """A time as one says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
