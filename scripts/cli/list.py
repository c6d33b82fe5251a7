"""List the scenarios and campaigns that come with skybed.

A name will do wherever a command takes the file of a scenario or campaign.
"""

from __future__ import annotations

import click

from skybed.topologies.model import ready


@click.command("list", help=__doc__)
def command() -> None:
    width = max(len(name) for what in ready.FOLDERS for name in ready.names(what))
    for what in ready.FOLDERS:
        click.echo(f"{what}s")
        for name, sentence in ready.about(what).items():
            click.echo(f"  {name:{width}}  {sentence}")
