"""`skybed list` and `skybed show`: what comes with skybed."""

from __future__ import annotations

import click

from skybed.topologies.model import ready


@click.command("list")
def list_() -> None:
    """List the scenarios and campaigns that come with skybed.

    A name will do wherever a command takes the file of a scenario or campaign.
    """
    width = max(len(name) for what in ready.FOLDERS for name in ready.names(what))
    for what in ready.FOLDERS:
        click.echo(f"{what}s")
        for name, sentence in ready.about(what).items():
            click.echo(f"  {name:{width}}  {sentence}")


@click.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the file of what `skybed list` names.

    To make a scenario of your own of it: skybed show sc-mini > mine.yaml
    """
    click.echo(ready.text(name), nl=False)
