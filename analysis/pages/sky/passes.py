"""The passes over a station: when each satellite is in view, how high it comes, and its way over the sky."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from skybed.analysis.pages.style import GREY, INK, PALE, Picture
from skybed.topologies.plan.plan import Plan

MOST = 30  # satellites in rows
BAR, CONTACT = 0.62, 0.16  # heights, of a row
POINTS = 60  # of a way over the sky
HEIGHT_IN = 3.4
HIGH = Normalize(0, 90)
COLOURS = colormaps["viridis_r"]


class Chart(NamedTuple):
    """rows: passes, as passes.table has them, between two run times."""

    plan: Plan
    station: str
    rows: pd.DataFrame
    from_s: float
    until_s: float

    @property
    def satellites(self) -> list[str]:
        """By their first pass; where there are too many those that come highest."""
        highest = self.rows.groupby("satellite")["max_elevation_deg"].max().nlargest(MOST).index
        return [name for name in self.rows["satellite"].unique() if name in highest]

    @property
    def shown(self) -> pd.DataFrame:
        """The passes of these satellites, with start_s and end_s: rise and set, or the time asked for where
        there is none.
        """
        rows = self.rows[self.rows["satellite"].isin(self.satellites)]
        edges = {"start_s": rows["rise_s"].fillna(self.from_s), "end_s": rows["set_s"].fillna(self.until_s)}
        return rows.assign(**edges)


def picture(chart: Chart) -> Picture:
    rows = len(chart.satellites)

    def paint(canvas: Figure) -> None:
        heights_in = [HEIGHT_IN, canvas.get_figheight() - HEIGHT_IN + 0.01]
        grid = canvas.add_gridspec(2, 2, width_ratios=[1.75, 1], height_ratios=heights_in)
        left, right = canvas.add_subplot(grid[:, 0]), canvas.add_subplot(grid[0, 1], projection="polar")
        _bars(left, chart)
        _sky(right, chart)
        canvas.colorbar(ScalarMappable(HIGH, COLOURS), ax=right, location="bottom", shrink=0.9, aspect=30,
                        label="greatest elevation (deg)")  # fmt: skip

    return Picture(max(HEIGHT_IN, 1.5 + 0.15 * rows), paint)


def _bars(axes: Axes, chart: Chart) -> None:
    """A row for each satellite; below each pass, in ink, what of it is a contact of the plan."""
    begin = chart.plan.scenario.begin
    names = chart.satellites
    place = {name: y for y, name in enumerate(names)}
    for row in chart.shown.itertuples():
        y = place[row.satellite]
        colour = COLOURS(HIGH(row.max_elevation_deg))
        axes.broken_barh([(row.start_s, row.end_s - row.start_s)], (y - BAR / 2, BAR), color=colour, lw=0)
        if row.contacts:
            span_s = (row.contact_start_s, row.contact_end_s - row.contact_start_s)
            axes.broken_barh([span_s], (y + BAR / 2, CONTACT), color=INK, lw=0)
    axes.set_yticks(range(len(names)), names, fontsize=7.5 if len(names) <= 25 else 6)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(chart.from_s, chart.until_s)
    axes.set_xlabel(f"run time (s), from {begin:%Y-%m-%d %H:%M:%S} UTC on")
    left_out = chart.rows["satellite"].nunique() - len(names)
    more = f"; satellites left out: {left_out}" if left_out else ""
    axes.set_title(f"{len(chart.rows)} passes over {chart.station}{more}")


def _sky(axes: Axes, chart: Chart) -> None:
    """Azimuth from north over east, the zenith in the middle."""
    axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    axes.set_rlim(90, 0)  # type: ignore[attr-defined]
    axes.set_rticks([30, 60], [])  # type: ignore[attr-defined]
    axes.set_xticks(np.radians([0, 90, 180, 270]), ["N", "E", "S", "W"], fontsize=8)
    axes.grid(color=PALE, lw=0.7)
    axes.spines["polar"].set_color(GREY)
    for row in chart.shown.itertuples():
        t_s = np.linspace(row.start_s, row.end_s, POINTS)
        looks = chart.plan.look_angles(chart.station, row.satellite, t_s)
        azimuth, elevation_deg = np.radians(looks["azimuth_deg"]), looks["elevation_deg"]
        axes.plot(azimuth, elevation_deg, color=COLOURS(HIGH(row.max_elevation_deg)), lw=0.9)
