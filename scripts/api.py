"""What `import skybed` gives: scenarios are run, campaigns too, and their results are DataFrames."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import pandas as pd

from skybed.analysis import tested, verdict
from skybed.analysis.campaign import table
from skybed.analysis.measures import metrics, truth
from skybed.analysis.pages.view.embedding import Embedded, Shown, embedded
from skybed.analysis.run import Run
from skybed.analysis.tested import TestedRun
from skybed.analysis.verdict import Verdict
from skybed.scripts.running import folders
from skybed.scripts.running.live import View
from skybed.scripts.running.run import Options, execute, new_directory
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.campaign import load
from skybed.topologies.scenario.file import Scenario

if TYPE_CHECKING:
    from skybed.scripts.running.script import Function


@dataclass(frozen=True)
class RunResults:
    """What a run measured, and its verdict.

    metrics: a row for each flow (measures.metrics.flow_metrics). probes: with what each should have measured
    (measures.truth.probes). paths, flows: as in the run directory (docs/run-directory.md).
    """

    verdict: Verdict
    metrics: pd.DataFrame
    probes: pd.DataFrame
    paths: pd.DataFrame
    flows: pd.DataFrame


def run(
    scenario: Scenario | str | Path,
    out: str | Path | None = None,
    *,
    clock: Literal["virtual", "real"] = "virtual",
    lane: Literal["auto", "native", "uml"] = "auto",
    wall_limit_s: float | None = None,
    script: str | Path | Function | None = None,
    view: bool = False,
    cores: int = 1,
) -> TestedRun:
    """Run a scenario into a directory (None: runs/NAME-TIME), and judge it.

    scenario: itself, its file, or the name of a ready one.

    script: a function that is given the network while it runs, or FILE or FILE:FUNCTION (docs/programs.md).
    view: show it in a browser while it is played, as `skybed run --view` does.
    cores: on how many the sky is played, in virtual time (docs/cores.md).
    clock, lane, wall_limit_s: as of `skybed run`, but time is virtual unless told otherwise. The run answers
    questions (analysis.tested), such as run.rtt("beijing", "eo-0-0").p99. Raises ScenarioError, MachineError,
    and InvalidRun where the emulation was distorted.
    """
    loaded = scenario if isinstance(scenario, Scenario) else Scenario.load(scenario)
    wanted = new_directory(loaded) if out is None else Path(out)
    options = Options(lane=lane, clock=clock, wall_limit_s=wall_limit_s, script=script, cores=cores)
    with ExitStack() as shown:
        beside = shown.enter_context(View()) if view else None
        with folders.fresh(wanted, unused=out is None) as folder:
            execute(loaded, options, folder, beside=beside)
        judged = tested.judge(folder)
        if beside:
            beside.over(judged.verdict)
    verdict.refuse_invalid(judged, judged.verdict)
    return judged


def campaign(
    file: str | Path, out: str | Path | None = None, *, jobs: int | None = None, scheduler: str | None = None
) -> table.Results:
    """Run what is missing of a campaign, as `skybed campaign run` does; its table is `.table`.

    file: of the campaign, or the name of a ready one.

    In a script, call it under `if __name__ == "__main__":`, because each process that makes runs imports the
    script first.
    """
    from skybed.scripts.running import campaigns  # Dask takes a second to import

    loaded, cases = load(Path(file))
    folder = Path("campaigns", loaded.name) if out is None else Path(out)
    campaigns.run(loaded, cases, folder, jobs or campaigns.default_jobs(loaded), scheduler)
    return table.read(folder)


def view(what: Scenario | Plan | Run | str | Path, **shown: Unpack[Shown]) -> Embedded:
    """The page of a sky, as `skybed view` writes it, for a notebook: of a scenario, a plan, or a run.

    what: itself, the file or name of a scenario, or the directory of a run. shown: see embedding.Shown.
    """
    if isinstance(what, str | Path):
        what = tested.load(what) if Path(what).is_dir() else Scenario.load(what)
    if isinstance(what, Run):
        return embedded(what.plan, what, **shown)
    return embedded(Plan.make(what) if isinstance(what, Scenario) else what, **shown)


def results(where: Run | str | Path) -> RunResults | table.Results:
    """The results of a run, or of the run or the campaign in a directory."""
    if not isinstance(where, Run):
        if table.is_campaign(Path(where)):
            return table.read(Path(where))
        where = tested.load(where)
    return RunResults(
        verdict=verdict.judge(where),
        metrics=metrics.flow_metrics(where),
        probes=truth.probes(where),
        paths=where.paths,
        flows=where.flows,
    )
