"""Draw the passes over a station: when, how high, and where over the sky.

WHAT is a scenario, the directory of a plan, or that of a run; STATION a ground node; SATELLITE a satellite
or a layer, without it all are meant. They are those that `skybed passes` lists.

\b
  skybed draw passes sc-mini miyun --duration 7200
"""

from __future__ import annotations

from pathlib import Path

import click

from skybed.analysis.pages import saving
from skybed.analysis.pages.sky import passes
from skybed.analysis.pages.sky.passes import Chart
from skybed.scripts.cli import scenarios
from skybed.scripts.cli.draw import options
from skybed.topologies.errors import ScenarioError


@click.command("passes", help=__doc__)
@options.argument
@click.argument("station")
@click.argument("satellite", required=False)
@click.option("--from", "from_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
              help="Those in view after that run time.")  # fmt: skip
@click.option("--until", "until_s", type=float, metavar="SECONDS",
              help="And before that one, also beyond the plan.  [default: the plan's end]")  # fmt: skip
@click.option(
    "--min-elevation", "min_elevation_deg", type=float, metavar="DEG", help="Above which a pass is."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw it there: .svg, .pdf or .png.  [default: SCENARIO-passes.svg]")  # fmt: skip
@scenarios.start_option
@scenarios.duration_option
def command(
    what: Path, station: str, satellite: str | None, from_s: float, until_s: float | None,
    min_elevation_deg: float | None, out: Path | None, start: str | None, duration_s: float | None,
) -> None:  # fmt: skip
    options.check(out)
    plan, _ = options.planned(what, start, duration_s)
    until_s = plan.duration_s if until_s is None else until_s
    rows = plan.passes(
        station, satellite, min_elevation_deg=min_elevation_deg, from_s=from_s, until_s=until_s
    )
    if rows.empty:
        raise ScenarioError(
            f"There is no pass over {station} from {from_s:g} to {until_s:g} s; --until looks further."
        )
    path = out or Path(f"{plan.scenario.name}-passes.svg")
    saving.write(passes.picture(Chart(plan, station, rows, from_s, until_s)), path)
    options.told(path)
