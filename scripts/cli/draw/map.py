"""Draw the map with satellites, their ground tracks, links that stand, and night.

WHAT is a scenario (a file, or a name that `skybed list` shows), the directory of a plan, or that of a run.

\b
  skybed draw map sc-mini --at 20
  skybed draw map starlink-550 --from London --to Singapore --out way.pdf
"""

from __future__ import annotations

import click

from skybed.analysis.pages.sky import flat
from skybed.scripts.cli.draw import options
from skybed.scripts.cli.draw.options import Asked

LONGEST_TRACK_S = 86400.0


@click.command("map", help=__doc__)
@options.of_an_instant(path=False)
@click.option("--track", "track_s", type=click.FloatRange(0, LONGEST_TRACK_S), metavar="SECONDS",
              help="How much of its track each satellite has behind it.  "
              f"[default: {flat.USUAL_TRACK_S:g}, or 0 where there are more than {flat.FEW}]")  # fmt: skip
def command(asked: Asked, track_s: float | None) -> None:
    options.draw("map", asked, lambda instant: flat.picture(instant, track_s))
