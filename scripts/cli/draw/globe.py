"""Draw the globe with satellites, links that stand, and night.

WHAT is a scenario (a file, or a name that `skybed list` shows), the directory of a plan, or that of a run.

\b
  skybed draw globe sc-mini --at 20 --from beijing --to eo-0-0
  skybed draw globe sc-mini --until 60 --every 1 --out mini.gif
"""

from __future__ import annotations

import click

from skybed.analysis.pages.sky import globe
from skybed.scripts.cli.draw import options
from skybed.scripts.cli.draw.options import Asked
from skybed.topologies.errors import ScenarioError


@click.command("globe", help=__doc__)
@options.of_an_instant(path=False)
@click.option("--centre", metavar="LAT,LON", help="Which place is in the middle.  [default: the stations]")
def command(asked: Asked, centre: str | None) -> None:
    middle = None if centre is None else _place(centre)
    options.draw("globe", asked, lambda instant: globe.picture(instant, middle))


def _place(text: str) -> tuple[float, float]:
    try:
        lat_deg, lon_deg = (float(part) for part in text.split(","))
    except ValueError:
        lat_deg, lon_deg = float("nan"), 0.0
    if not (-90 <= lat_deg <= 90 and -360 <= lon_deg <= 360):
        raise ScenarioError(f"--centre is {text}; give latitude and longitude in degrees, such as 30,110.")
    return lat_deg, lon_deg
