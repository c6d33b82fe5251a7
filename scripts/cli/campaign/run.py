"""Run what is missing of a campaign, and write its table.

CAMPAIGN is a file, or a name that `skybed list` shows. One that was interrupted or killed goes on where it
stopped. The exit code is 3 if a run is invalid or broke off, though it was tried again; it is 1 if every
run fails.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from skybed.analysis.campaign.table import exit_code
from skybed.scripts.cli.campaign import options
from skybed.scripts.running import campaigns
from skybed.scripts.running.live_campaign import CampaignView
from skybed.topologies.errors import ScenarioError
from skybed.topologies.scenario import campaign


@click.command("run", help=__doc__)
@options.file_argument
@options.jobs
@click.option("--scheduler", metavar="ADDRESS",
              help="Run in the workers of this Dask cluster, such as tcp://10.0.0.1:8786.")  # fmt: skip
@options.out
@click.option("--view", "looked_at", is_flag=True, help="Show how far each run is in a browser: a page on "
              "127.0.0.1, whose address is told.")  # fmt: skip
def command(file: Path, jobs: int | None, scheduler: str | None, out: Path | None, looked_at: bool) -> None:
    if scheduler and jobs:
        raise ScenarioError("--jobs is for this machine; with --scheduler each worker has its --nthreads.")
    loaded, cases = campaign.load(file)
    folder, jobs = out or options.folder(loaded), jobs or campaigns.default_jobs(loaded)
    if not scheduler:
        for warning in campaigns.estimate(loaded, campaigns.missing(cases, folder), jobs).warnings:
            click.echo(f"Warning: {warning}", err=True)
    try:
        with contextlib.ExitStack() as shown:
            view = shown.enter_context(CampaignView()) if looked_at else None
            counts = campaigns.run(loaded, cases, folder, jobs, scheduler, view)
    except KeyboardInterrupt:
        done = len(cases) - len(campaigns.missing(cases, folder))
        click.echo(
            f"skybed: interrupted; {done} of {len(cases)} runs are done and kept in {folder}.", err=True
        )
        sys.exit(130)
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    click.echo(f"{len(cases)} runs: {statuses}. Table: {folder / 'table'}")
    sys.exit(exit_code(counts.keys()))
