"""Draw who is linked with whom by plane and slot, the ground below.

WHAT is a scenario (a file, or a name that `skybed list` shows), the directory of a plan, or that of a run. A
link that goes round a layer leaves it to one side and comes back from the other.

\b
  skybed draw planes sc-mini --at 20
"""

from __future__ import annotations

import click

from skybed.analysis.pages.sky import planes
from skybed.scripts.cli.draw import options
from skybed.scripts.cli.draw.options import Asked


@click.command("planes", help=__doc__)
@options.of_an_instant(path=False)
def command(asked: Asked) -> None:
    options.draw("planes", asked, planes.picture)
