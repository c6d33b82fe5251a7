"""Give a shell in a node of a run that goes on.

RUN is its directory, the last part of it, or the name of its scenario: `skybed ps` lists all.
"""

from __future__ import annotations

import sys

import click

from skybed.scripts.running import entering


@click.command("shell", help=__doc__)
@click.argument("run")
@click.argument("node")
def command(run: str, node: str) -> None:
    sys.exit(entering.enter(entering.find(run), node, ["bash", "--norc"]))
