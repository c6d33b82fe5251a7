"""`skybed campaign`: many runs of one scenario."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from skybed.topologies.errors import ScenarioError


@click.group()
def campaign() -> None:
    """Run a scenario many times with other values, into one table."""


file_argument = click.argument("file", type=click.Path(path_type=Path))
jobs_option = click.option("--jobs", type=click.IntRange(min=1), metavar="N",
                           help="Runs at once.  [default: a processor each; in real time 1]")  # fmt: skip
out_option = click.option("--out", type=click.Path(path_type=Path), metavar="DIRECTORY",
                          help="For runs and table.  [default: campaigns/NAME]")  # fmt: skip


@campaign.command()
@file_argument
@jobs_option
@out_option
def plan(file: Path, jobs: int | None, out: Path | None) -> None:
    """List the runs, and estimate time and memory of those not done."""
    from skybed.scripts.running import campaigns
    from skybed.topologies.scenario import campaign as model

    loaded, cases = model.load(file)
    todo = campaigns.missing(cases, out or _folder(loaded.name))
    told = campaigns.estimate(loaded, todo, jobs or campaigns.default_jobs(loaded))
    campaigns.render(loaded, cases, told, len(cases) - len(todo), Console())


@campaign.command()
@file_argument
@jobs_option
@click.option("--scheduler", metavar="ADDRESS",
              help="Run in the workers of this Dask cluster, such as tcp://10.0.0.1:8786.")  # fmt: skip
@out_option
def run(file: Path, jobs: int | None, scheduler: str | None, out: Path | None) -> None:
    """Run what is missing of a campaign, and write its table.

    A campaign that was interrupted or killed goes on where it stopped. The exit code is 3 if a run is invalid
    or broke off, though it was tried again.
    """
    from skybed.scripts.running import campaigns
    from skybed.scripts.running import run as running
    from skybed.topologies.scenario import campaign as model

    if scheduler and jobs:
        raise ScenarioError("--jobs is for this machine; with --scheduler each worker has its --nthreads.")
    running.interrupt_on_sigterm()
    loaded, cases = model.load(file)
    folder, jobs = out or _folder(loaded.name), jobs or campaigns.default_jobs(loaded)
    if not scheduler:
        for warning in campaigns.estimate(loaded, campaigns.missing(cases, folder), jobs).warnings:
            click.echo(f"Warning: {warning}", err=True)
    try:
        counts = campaigns.run(loaded, cases, folder, jobs, scheduler)
    except KeyboardInterrupt:
        done = len(cases) - len(campaigns.missing(cases, folder))
        click.echo(
            f"skybed: interrupted; {done} of {len(cases)} runs are done and kept in {folder}.", err=True
        )
        sys.exit(130)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    click.echo(f"{len(cases)} runs: {told}. Table: {folder / 'table'}")
    sys.exit(3 if counts.keys() & {"invalid", "error"} else 0)


@campaign.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def report(directory: Path, as_json: bool) -> None:
    """Summarise a campaign from its table, and draw its figures.

    DIRECTORY is what `skybed campaign run` made. report.html, summary.csv and summary.parquet in it are
    written anew. The exit code is 3 if a run cannot be used.
    """
    from skybed.analysis.campaign import statistics, table
    from skybed.analysis.pages import campaign as page

    results = table.read(directory)
    summary = statistics.summarise(results)
    path = page.write(results, summary)
    if as_json:
        click.echo(json.dumps(statistics.as_json(results, summary), indent=2))
    else:
        statistics.render(results, summary, Console())
        click.echo(f"Report: {path}")
    sys.exit(3 if len(statistics.unusable(results)) else 0)


def _folder(name: str) -> Path:
    return Path("campaigns") / name
