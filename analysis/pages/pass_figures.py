"""The figure of passes: elevation, range and Doppler shift over time, one pass over the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybed.analysis.pages.style import INK, SERIES, Picture
from skybed.topologies.orbits.geometry import C_KM_S

MINUTE_S = 60.0
MOST = len(SERIES)
THIN, THICK, PANEL_IN = 1.0, 2.6, 1.6
RADIO = [("c_n_down_db", 1.0, "C/N down (dB)"), ("rate_down_mbps", 1.0, "rate down\n(Mbit/s)")]


class Drawn(NamedTuple):
    """A pass. looks: as lookangles.table makes them."""

    label: str
    culmination_s: float
    looks: pd.DataFrame


def over_time(title: str, passes: Sequence[Drawn], frequency_ghz: float | None) -> Picture:
    """Of up to MOST passes, with the shift at a carrier frequency, or else the rate of the delay."""
    last = ("delay_rate_us_s", 1.0, "delay rate (µs/s)")
    if frequency_ghz is not None:
        last = ("doppler_hz", 1e-3, f"Doppler at {frequency_ghz:g} GHz\n(kHz)")
    panels = [("elevation_deg", 1.0, "elevation (deg)"), ("range_km", 1.0, "range (km)"), last]
    panels += [panel for panel in RADIO if any(panel[0] in one.looks for one in passes)]

    def paint(canvas: Figure) -> None:
        grid = canvas.subplots(len(panels), 1, sharex=True)
        for axes, (column, scale, words) in zip(grid, panels, strict=True):
            for one, colour in zip(passes, SERIES, strict=False):
                if column in one.looks:
                    _curve(axes, one, one.looks[column].to_numpy() * scale, colour)
            axes.set_ylabel(words)
        above, middle, below = grid[0], grid[1], grid[-1]
        above.set_title(title)
        above.set_ylim(bottom=0)
        delay_ms = 1e3 / C_KM_S
        right = middle.secondary_yaxis(
            "right", functions=(lambda km: km * delay_ms, lambda ms: ms / delay_ms)
        )
        right.set_ylabel("delay (ms)")
        below.set_xlabel("time from culmination (min)")
        if any(one.looks["contact"].any() for one in passes):
            above.plot([], [], color=INK, lw=THICK, label="contact of the plan")
        canvas.legend(*above.get_legend_handles_labels(), loc="outside lower left", ncols=2, handlelength=1.4)

    return Picture(PANEL_IN * len(panels) + 0.4 + 0.1 * len(passes), paint)


def _curve(axes: Axes, one: Drawn, values: np.ndarray, colour: str) -> None:
    """Thick while a contact stands."""
    minutes = (one.looks["t_s"].to_numpy() - one.culmination_s) / MINUTE_S
    axes.plot(minutes, values, color=colour, lw=THIN, label=one.label)
    axes.plot(minutes, np.where(one.looks["contact"], values, np.nan), color=colour, lw=THICK)
