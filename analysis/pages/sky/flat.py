"""The map: longitude to the right, latitude upwards, one degree as long as the other; with ground tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from skybed.analysis.pages.sky import earth, marks
from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.style import SERIES, Picture
from skybed.topologies.arrays import Array
from skybed.topologies.contacts import lookangles
from skybed.topologies.orbits import ground_tracks

HEIGHT_IN = 4.35
TRACK_STEP_S = 20.0
USUAL_TRACK_S, FEW = 1200.0, 100  # behind each satellite, where there are no more than so many


def usual_track_s(instant: Instant) -> float:
    return USUAL_TRACK_S if len(instant.plan.orbits) <= FEW else 0.0


def picture(instant: Instant, track_s: float | None = None) -> Picture:
    """track_s: how much of its track each satellite has behind it; None: see usual_track_s."""

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        onto(axes, instant, usual_track_s(instant) if track_s is None else track_s)
        marks.legend(axes, instant)

    return Picture(HEIGHT_IN, paint)


def onto(axes: Axes, instant: Instant, track_s: float) -> None:
    """The map on axes of a figure."""
    axes.set_title(instant.title)
    axes.set_aspect("equal")
    axes.set_xlim(-180, 180)
    axes.set_ylim(-90, 90)
    axes.set_facecolor(marks.OCEAN)
    axes.set_xticks(range(-180, 181, 60), [_degrees(x, "WE") for x in range(-180, 181, 60)], fontsize=7.5)
    axes.set_yticks(range(-90, 91, 30), [_degrees(x, "SN") for x in range(-90, 91, 30)], fontsize=7.5)
    axes.tick_params(length=2)
    axes.grid(visible=False)
    for ring, lake in earth.flat_shores():
        for turn in (-360, 0, 360):
            copy = ring + np.array([turn, 0])
            if copy[:, 0].max() > -180 and copy[:, 0].min() < 180:
                colour = marks.OCEAN if lake else marks.LAND
                axes.fill(*copy.T, facecolor=colour, edgecolor=marks.COAST, lw=0.4, zorder=1)
    axes.hlines(range(-60, 61, 30), -180, 180, color=marks.GRID, lw=0.35, alpha=0.25, zorder=1.2)
    axes.vlines(range(-150, 151, 30), -90, 90, color=marks.GRID, lw=0.35, alpha=0.25, zorder=1.2)
    lon = np.arange(-180.0, 181, 2)
    edge, pole = terminator(instant.sun, lon)
    axes.fill_between(lon, edge, pole, color=marks.NIGHT, alpha=marks.NIGHT_ALPHA, lw=0, zorder=2)
    _tracks(axes, instant, track_s)
    xy = np.stack([instant.below.lon_deg, instant.below.lat_deg], axis=-1)
    marks.links(axes, instant, _lines(xy))
    marks.nodes(axes, instant, xy, np.ones(len(xy), bool))


def _degrees(value: int, sides: str) -> str:
    return f"{abs(value)}°{sides[value > 0] if value % 180 else ''}"


def terminator(sun: Array, lon_deg: Array) -> tuple[Array, float]:
    """At which latitude, deg, the Sun stands at the horizon, by longitude; and that of the pole that is dark.

    sun: unit vector, Earth-fixed. From sin(h) = 0: tan(lat) = -(x cos lon + y sin lon) / z.
    """
    lon = np.radians(lon_deg)
    along = sun[0] * np.cos(lon) + sun[1] * np.sin(lon)
    z = sun[2] or 1e-12
    return np.degrees(np.arctan(-along / z)), -90.0 if z > 0 else 90.0


def _lines(xy: Array) -> marks.Line:
    """The shorter way round."""

    def line(a: int, b: int) -> Sequence[Array]:
        return ground_tracks.cut(*xy[[a, b]].T)

    return line


def _tracks(axes: Axes, instant: Instant, track_s: float) -> None:
    """Where satellites came from, also before the plan began."""
    if track_s <= 0:
        return
    plan, t_s = instant.plan, instant.t_s
    sky, begin_s = lookangles.sky_of(plan.network, np.arange(len(plan.orbits)), t_s - track_s, t_s)
    at_s = np.linspace(t_s - track_s, t_s, int(track_s / TRACK_STEP_S) + 2)
    for number, nodes in enumerate(instant.layers.values()):
        r_km = ground_tracks.fixed_km(sky, nodes[:, None], at_s - begin_s)
        lon, lat, _ = ground_tracks.below(r_km)
        pieces = [piece for n in range(len(nodes)) for piece in ground_tracks.cut(lon[n], lat[n])]
        colour = SERIES[number % len(SERIES)]
        axes.add_collection(LineCollection(pieces, colors=colour, lw=0.7, alpha=0.45, zorder=2.5))
