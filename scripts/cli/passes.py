"""Show the passes of satellites over a station.

STATION is a ground node, also one that moves; SATELLITE a satellite or a layer, without it all are meant.
PLAN is a scenario, or the directory of a plan or of a run. A pass is above the least elevation that the
scenario gives for the link, or else above the horizon.

\b
  skybed passes pair miyun --until 86400
  skybed passes pair miyun eo-0-0 --step 30 --frequency-ghz 20
  skybed passes pair miyun eo-0-0 --figure pass.pdf --frequency-ghz 20
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import pandas as pd
from rich.console import Console

from skybed.analysis.pages import pass_figures, saving
from skybed.analysis.pages.pass_figures import Drawn
from skybed.analysis.pages.style import FORMATS
from skybed.scripts.cli import scenarios
from skybed.scripts.cli.tables import columns, rounded
from skybed.scripts.cli.terminal import Terminal
from skybed.topologies import files
from skybed.topologies.contacts.lookangles import COLUMNS, Column
from skybed.topologies.errors import ScenarioError
from skybed.topologies.files import whole
from skybed.topologies.plan.plan import Plan

WIDTH = 160  # lines break in the terminal, not here
ROWS = 40  # passes shown
STEPS = 200  # rows of passes over time shown
MOST = 1_000_000  # rows of passes over time
FINEST_STEP_S = 1e-3
POINTS = 400  # of a curve
DIGITS = 6  # of what is written
UNITS = {"Mbit/s": "mbps"}  # as names have them


@click.command("passes", help=__doc__)
@click.argument("plan", metavar="PLAN", type=click.Path(path_type=Path))
@click.argument("station")
@click.argument("satellite", required=False)
@click.option("--from", "from_s", type=float, default=0.0, metavar="SECONDS",
              help="Those in view after that run time, which may be negative.  [default: 0]")  # fmt: skip
@click.option("--until", "until_s", type=float, metavar="SECONDS",
              help="And before that one, also beyond the plan.  [default: the plan's end]")  # fmt: skip
@click.option(
    "--min-elevation", "min_elevation_deg", type=float, metavar="DEG", help="Above which a pass is."
)
@click.option("--step", "step_s", type=float, metavar="SECONDS",
              help="Show each over time: angles, range, delay, Doppler.")  # fmt: skip
@click.option("--frequency-ghz", type=float, metavar="GHZ", help="The carrier of the Doppler shift.")
@click.option(
    "--csv", type=click.Path(path_type=Path), metavar="FILE", help="Write all that is shown there, too."
)
@click.option("--figure", type=click.Path(path_type=Path), metavar="FILE",
              help="Draw them there over time: .svg, .pdf or .png.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON.")
@scenarios.start_option
@scenarios.duration_option
def command(
    plan: Path, station: str, satellite: str | None, from_s: float, until_s: float | None,
    min_elevation_deg: float | None, step_s: float | None, frequency_ghz: float | None, csv: Path | None,
    figure: Path | None, as_json: bool, start: str | None, duration_s: float | None,
) -> None:  # fmt: skip
    _check(step_s, csv, figure)
    if plan.is_dir() and (start or duration_s):
        raise ScenarioError(f"{plan} has its plan already: --start and --duration are for scenarios.")
    if frequency_ghz is not None and step_s is None and figure is None:
        raise ScenarioError("--frequency-ghz is of passes over time; give --step or --figure, too.")
    of = scenarios.saved_or_planned(plan, duration_s, start)
    until_s = of.duration_s if until_s is None else until_s
    rows = of.passes(station, satellite, min_elevation_deg=min_elevation_deg, from_s=from_s, until_s=until_s)
    asked = Asked(of, station, satellite, from_s, until_s, frequency_ghz, rows)
    looks = [] if step_s is None else asked.at_steps(step_s)
    if csv is not None:
        with whole(csv) as file:
            written = rows if step_s is None else _joined(rows, looks)
            written.round(DIGITS).to_csv(file, index=False, lineterminator="\n")
    if figure is not None:
        asked.draw(figure)
    if as_json:
        json.dump(_as_json(asked, looks), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _render(asked, looks, Terminal(width=WIDTH))


def _check(step_s: float | None, csv: Path | None, figure: Path | None) -> None:
    """What of them can be told to be wrong before the plan is worked out."""
    if step_s is not None and not FINEST_STEP_S <= step_s < np.inf:
        raise ScenarioError(f"--step is {step_s:g}; it must be at least {FINEST_STEP_S:g} s.")
    if csv is not None:
        files.check(csv, "--csv")
    if figure is not None:
        if figure.suffix[1:] not in FORMATS:
            endings = ", ".join(f".{name}" for name in FORMATS)
            raise ScenarioError(f"{figure} cannot be drawn: its name must end in one of {endings}.")
        files.check(figure, "--figure")


class Asked(NamedTuple):
    """What was asked for, and the passes."""

    plan: Plan
    station: str
    satellite: str | None
    from_s: float
    until_s: float
    frequency_ghz: float | None
    rows: pd.DataFrame

    @property
    def ends_s(self) -> pd.DataFrame:
        """start_s, end_s of each pass; of what never rises, or sets, those of the time asked for."""
        return pd.DataFrame(
            {
                "start_s": self.rows["rise_s"].fillna(self.from_s),
                "end_s": self.rows["set_s"].fillna(self.until_s),
            }
        )

    def looks(self, number: int, t_s: np.ndarray) -> pd.DataFrame:
        """A pass at times."""
        name = self.rows["satellite"][number]
        return self.plan.look_angles(self.station, name, t_s, frequency_ghz=self.frequency_ghz)

    def at_steps(self, step_s: float) -> list[pd.DataFrame]:
        """Each pass as it begins, at multiples of a step, and as it ends."""
        start_s, end_s = self.ends_s.to_numpy().T
        first, last = np.floor(start_s / step_s) + 1, np.ceil(end_s / step_s)
        if (count := int((last - first + 2).sum())) > MOST:
            raise ScenarioError(
                f"--step is {step_s:g}; that would be {count:,} rows, and {MOST:,} are the most: take a "
                "longer step, or less time (--from, --until)."
            )
        grids = (np.arange(*ends) * step_s for ends in zip(first, last, strict=True))
        spans = zip(start_s, grids, end_s, strict=True)
        return [self.looks(n, np.concatenate([[a], grid, [b]])) for n, (a, grid, b) in enumerate(spans)]

    def draw(self, path: Path) -> None:
        """A figure of the highest passes."""
        if self.rows.empty:
            raise ScenarioError(f"{path} is not drawn: {_none(self)}")
        highest = self.rows["max_elevation_deg"].nlargest(pass_figures.MOST).index.sort_values()
        start_s, end_s = self.ends_s.to_numpy().T
        drawn = []
        for number in highest.tolist():
            row = self.rows.loc[number]
            looks = self.looks(number, np.linspace(start_s[number], end_s[number], POINTS))
            when = _utc(self, row["culmination_s"])
            label = f"{row['satellite']} at {when} UTC, {row['max_elevation_deg']:.0f} deg"
            drawn.append(Drawn(label, row["culmination_s"], looks))
        title = f"Passes over {self.station}, {self.plan.scenario.begin:%Y}"
        saving.write(pass_figures.over_time(title, drawn, self.frequency_ghz), path)
        which = f", the {len(drawn)} highest of {len(self.rows)}" if len(drawn) < len(self.rows) else ""
        click.echo(f"Figure: {path}{which}", err=True)


def _joined(rows: pd.DataFrame, looks: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All passes over time, each row with its satellite and the number of its pass, from 1."""
    parts = [
        look.assign(satellite=name, number=number)[["satellite", "number", *look.columns]]
        for number, (name, look) in enumerate(zip(rows["satellite"], looks, strict=True), start=1)
    ]
    return pd.concat(parts or [pd.DataFrame(columns=["satellite", "number", "t_s"])], ignore_index=True)


def _none(asked: Asked) -> str:
    """That there is no pass."""
    of = f" of {asked.satellite}" if asked.satellite else ""
    return (
        f"there is no pass{of} over {asked.station} from {asked.from_s:g} to {asked.until_s:g} s; "
        "--until looks further."
    )


def _as_json(asked: Asked, looks: Sequence[pd.DataFrame]) -> dict[str, Any]:
    rows = _plain(asked.rows.round(DIGITS)).to_dict("records")
    for row, look in zip(rows, looks, strict=False):
        row["over_time"] = _plain(look.round(DIGITS)).to_dict("list")
    return {
        "station": asked.station, "from_s": asked.from_s, "until_s": asked.until_s,
        "frequency_ghz": asked.frequency_ghz, "passes": rows,
    }  # fmt: skip


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """With None where there is nothing."""
    return table.astype(object).where(table.notna(), None)


# -- on a terminal -------------------------------------------------------------------------------


def _render(asked: Asked, looks: Sequence[pd.DataFrame], console: Console) -> None:
    if asked.rows.empty:
        console.print(f"T{_none(asked)[1:]}", soft_wrap=True)
        return
    masks = sorted(set(asked.rows["min_elevation_deg"]))
    above = " or ".join(f"{mask:g}" for mask in masks)
    passes = "1 pass" if len(asked.rows) == 1 else f"{len(asked.rows)} passes"
    console.print(
        f"{asked.plan.scenario.name}: {passes} above {above} deg over {asked.station}, "
        f"{asked.from_s:g} to {asked.until_s:g} s from {asked.plan.scenario.begin:%Y-%m-%d %H:%M:%S} UTC on",
        soft_wrap=True,
    )
    if looks:
        _render_looks(asked, looks, console)
    else:
        _render_passes(asked, console)
    if asked.ends_s["end_s"].max() > asked.plan.duration_s:
        end_s = asked.plan.duration_s
        console.print(
            f"The plan ends at {end_s:g} s, and so do its contacts; see --duration.", soft_wrap=True
        )


def _render_passes(asked: Asked, console: Console) -> None:
    table = columns(
        "satellite\n", "rises\nUTC",
        numbers=["rises\n(s)", "culminates\n(s)", "sets\n(s)", "lasts\n(s)", "highest\n(deg)",
                 "azimuths\n(deg)", "sunlit\n(%)", "Sun\n(deg)", "contact\n(s)", "uplink\n(MB)",
                 "downlink\n(MB)"],
    )  # fmt: skip
    for row in asked.rows.head(ROWS).itertuples():
        azimuths = (row.rise_azimuth_deg, row.culmination_azimuth_deg, row.set_azimuth_deg)
        contact = f"{row.contact_start_s:.3f} to {row.contact_end_s:.3f}" if row.contacts else ""
        more = f", {row.contacts} parts" if row.contacts > 1 else ""
        volumes = (row.volume_up_mb, row.volume_down_mb) if row.contacts else (None, None)
        table.add_row(
            row.satellite, _utc(asked, row.rise_s),
            *(_number(x, 3) for x in (row.rise_s, row.culmination_s, row.set_s)), _number(row.duration_s, 1),
            _number(row.max_elevation_deg, 1), " ".join(_number(x, 0) or "-" for x in azimuths),
            _number(row.sunlit_pct, 0), _number(row.sun_elevation_deg, 0),
            contact + more, *(rounded(x, 1) for x in volumes),
        )  # fmt: skip
    console.print(table, soft_wrap=True)
    if len(asked.rows) > ROWS:
        console.print(f"... and {len(asked.rows) - ROWS} more; --csv and --json have all.")


def _render_looks(asked: Asked, looks: Sequence[pd.DataFrame], console: Console) -> None:
    left = STEPS
    for name, look in zip(asked.rows["satellite"], looks, strict=True):
        if left <= 0:
            break
        shown = [column for column in COLUMNS if column.name in look]
        heads = [_head(column) for column in shown]
        table = columns("UTC\n", numbers=["run time\n(s)", *heads])
        for values in look.head(left)[["t_s", *(column.name for column in shown)]].itertuples(index=False):
            cells = (_cell(value, x.digits) for value, x in zip(values[1:], shown, strict=True))
            table.add_row(_utc(asked, values[0]), f"{values[0]:.3f}", *cells)
        console.print(f"\n{name}")
        console.print(table, soft_wrap=True)
        left -= len(look)
    if left < 0:
        console.print(f"... and {sum(map(len, looks)) - STEPS} more rows; --csv and --json have all.")


def _head(column: Column) -> str:
    unit = UNITS.get(column.unit, column.unit.lower().replace("/", "_"))
    words = column.name.removesuffix(f"_{unit}").replace("_", " ").replace("c n", "C/N")
    return f"{words}\n({column.unit})" if column.unit else f"{words}\n"


def _cell(value: float | bool | str, digits: int) -> str:
    if isinstance(value, str):
        return value
    return ("-", "yes")[value] if isinstance(value, bool) else _number(value, digits)


def _number(value: float, digits: int) -> str:
    return rounded(None if np.isnan(value) else value, digits)


def _utc(asked: Asked, t_s: float) -> str:
    if np.isnan(t_s):
        return "before"
    return f"{asked.plan.scenario.begin + dt.timedelta(seconds=t_s):%m-%d %H:%M:%S}"
