"""List the runs that go on on this machine."""

from __future__ import annotations

import click
from rich.console import Console

from skybed.scripts.cli import tables
from skybed.scripts.running import entering


@click.command("ps", help=__doc__)
def command() -> None:
    runs = list(entering.going_on())
    if not runs:
        click.echo("No run goes on here.")
        return
    table = tables.columns("run", "scenario", "lane", "clock", numbers=["pid"])
    for begun in runs:
        about = entering.manifest(begun)
        facts = (about.scenario, about.lane, about.clock) if about else ("", "", "")
        table.add_row(str(begun.run), *facts, str(begun.pid))
    Console(soft_wrap=True).print(table)
