"""Run a command in a node of a run that goes on.

RUN is its directory, the last part of it, or the name of its scenario: `skybed ps` lists all. NODE is a
satellite or a station.

\b
  skybed exec sc-mini beijing -- ping -c 3 eo-0-0
"""

from __future__ import annotations

import sys

import click

from skybed.scripts.running import entering


@click.command("exec", help=__doc__, context_settings={"ignore_unknown_options": True})
@click.argument("run")
@click.argument("node")
@click.argument("words", metavar="-- COMMAND", nargs=-1, required=True, type=click.UNPROCESSED)
def command(run: str, node: str, words: tuple[str, ...]) -> None:
    sys.exit(entering.enter(entering.find(run), node, list(words)))
