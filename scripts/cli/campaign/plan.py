"""List the runs, and estimate time and memory of those not done.

CAMPAIGN is a file, or a name that `skybed list` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skybed.scripts.cli.campaign import options
from skybed.scripts.cli.terminal import Terminal
from skybed.scripts.running import campaigns
from skybed.scripts.running.campaigns import Estimate, duration
from skybed.topologies.scenario import campaign
from skybed.topologies.scenario.campaign import Campaign, Case

ROWS = 40  # runs shown


@click.command("plan", help=__doc__)
@options.file_argument
@options.jobs
@options.out
def command(file: Path, jobs: int | None, out: Path | None) -> None:
    loaded, cases = campaign.load(file)
    todo = campaigns.missing(cases, out or options.folder(loaded))
    estimate = campaigns.estimate(loaded, todo, jobs or campaigns.default_jobs(loaded))
    render(loaded, cases, estimate, len(cases) - len(todo), Terminal())


def render(
    campaign: Campaign, cases: Sequence[Case], estimate: Estimate, done: int, console: Console
) -> None:
    """The runs of a campaign, and what those that are not done will take."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("run", *cases[0].parameters, "repeat", "seed"):
        table.add_column(Text(heading), overflow="fold")
    for case in cases[:ROWS]:
        values = [Text("" if value is None else str(value)) for value in case.parameters.values()]
        table.add_row(case.key, *values, str(case.repeat), str(case.scenario.seed))
    console.print(table)
    if len(cases) > ROWS:
        console.print(f"... and {len(cases) - ROWS} more.")
    already = f", {done} done already" if done else ""
    console.print(f"{campaign.name}: {len(cases)} runs{already}, {campaign.clock} time.", highlight=False)
    if done < len(cases):
        cost = f"about {duration(estimate.wall_s)}, at most {estimate.memory_mb} MB"
        console.print(f"With --jobs {estimate.jobs}: {cost}.", highlight=False)
    for warning in estimate.warnings:
        console.print(f"Warning: {warning}", highlight=False, soft_wrap=True)
