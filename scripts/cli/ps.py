"""List the runs that go on on this machine."""

from __future__ import annotations

import click

from skybed.scripts.running import entering

HEAD = ("scenario", "lane", "clock", "pid", "run")


@click.command("ps", help=__doc__)
def command() -> None:
    runs = list(entering.going_on())
    if not runs:
        click.echo("No run goes on here.")
        return
    rows = [HEAD]
    for begun in runs:
        about = entering.manifest(begun)
        facts = (about.scenario, about.lane, about.clock) if about else ("", "", "")
        rows.append((*facts, str(begun.pid), str(begun.run)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
