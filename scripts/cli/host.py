"""Carry a part of a sky for another machine.

`skybed run --hosts` runs this on each host but the first, by the command that the file of hosts has for it,
and speaks with it over standard input and output. It needs root, and ends when its standard input does.
"""

from __future__ import annotations

import sys

import click

from skybed.scripts.running import hosting
from skybed.topologies.errors import ScenarioError


@click.command("host", help=__doc__)
def command() -> None:
    if sys.stdin.isatty():
        raise ScenarioError("`skybed host` is run by `skybed run --hosts FILE`; run that on the first host.")
    sys.exit(hosting.serve())
