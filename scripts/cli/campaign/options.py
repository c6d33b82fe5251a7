"""What more than one of the commands takes."""

from __future__ import annotations

from pathlib import Path

import click

from skybed.topologies.scenario.campaign import Campaign

file_argument = click.argument("file", metavar="CAMPAIGN", type=click.Path(path_type=Path))
jobs = click.option("--jobs", type=click.IntRange(min=1), metavar="N",
                    help="Runs at once.  [default: a processor each; in real time 1]")  # fmt: skip
out = click.option("--out", type=click.Path(path_type=Path), metavar="DIRECTORY",
                   help="For runs and table.  [default: campaigns/NAME]")  # fmt: skip


def folder(campaign: Campaign) -> Path:
    """Where its runs and table are, unless another place is given."""
    return Path("campaigns") / campaign.name
