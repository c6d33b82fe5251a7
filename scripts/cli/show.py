"""Print the file of what `skybed list` names.

To make a scenario of your own of it: skybed show sc-mini > mine.yaml
"""

from __future__ import annotations

import click

from skybed.topologies.model import ready


@click.command("show", help=__doc__)
@click.argument("name")
def command(name: str) -> None:
    click.echo(ready.text(name), nl=False)
