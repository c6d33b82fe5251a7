"""The globe as it looks from far away, an orthographic projection. What is behind the Earth is not drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path

from skybed.analysis.pages.sky import earth, marks
from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.style import Picture
from skybed.topologies.arrays import Array
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM

HEIGHT_IN = 5.6
HIGHEST = 2.6  # radii of the Earth that fit; what is higher lies beyond the figure
RAISED = 1.0005  # what stands on the ground is not hidden by it
SAMPLES = np.linspace(0, 1, 129)  # of a line, to tell where it goes behind the Earth
ALONG_DEG = 3.0  # steps along the limb


def picture(instant: Instant, centre_deg: tuple[float, float] | None = None) -> Picture:
    """centre_deg: latitude and longitude in the middle; None: over the stations."""

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        axes.set_title(instant.title)
        marks.bare(axes)
        axes.set_aspect("equal")
        turn = axes_of(*(centre_deg or _over(instant)))
        xyz = instant.fixed_km @ turn.T / MEAN_RADIUS_KM
        far = np.linalg.norm(xyz, axis=1).max(initial=1.0)
        reach = 1.04 * min(far, HIGHEST)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        _earth(axes, turn, instant)
        marks.links(axes, instant, _lines(xyz))
        marks.nodes(axes, instant, xyz[:, :2], ~hidden(xyz))
        marks.legend(axes, instant)

    return Picture(HEIGHT_IN, paint)


def axes_of(lat_deg: float, lon_deg: float) -> Array:
    """Rows: unit vectors to the right, upwards, and towards who looks at a place, Earth-fixed."""
    towards = earth.unit(np.array(lon_deg), np.array(lat_deg))
    lon = np.radians(lon_deg)
    right = np.array([-np.sin(lon), np.cos(lon), 0.0])
    return np.stack([right, np.cross(towards, right), towards])


def hidden(xyz: Array) -> np.ndarray:
    """Whether points (..., 3), seen along z, in radii of the Earth, lie behind it."""
    return (xyz[..., 2] < 0) & ((xyz[..., :2] ** 2).sum(axis=-1) < RAISED)


def _over(instant: Instant) -> tuple[float, float]:
    """Over the middle of the stations, but not so far north or south that the globe stands on its head."""
    middle = instant.fixed_km[instant.stations].sum(axis=0)
    if not len(instant.stations) or np.linalg.norm(middle) < MEAN_RADIUS_KM / 2:
        return 20.0, 0.0
    lat_deg = np.degrees(np.arctan2(middle[2], np.hypot(*middle[:2])))
    return float(np.clip(lat_deg, -50, 50)), float(np.degrees(np.arctan2(middle[1], middle[0])))


def _lines(xyz: Array) -> marks.Line:
    """The part of a line that is in front of the Earth or beside it."""

    def line(a: int, b: int) -> Sequence[Array]:
        ends = xyz[[a, b]]
        seen = ~hidden(ends)
        if seen.all():
            return [ends[:, :2]]
        if not seen.any():
            return []
        points = ends[0] + SAMPLES[:, None] * (ends[1] - ends[0])
        visible = points[~hidden(points)]
        return [visible[[0, -1], :2]]

    return line


def _earth(axes: Axes, turn: Array, instant: Instant) -> None:
    sphere = Circle((0, 0), 1, facecolor=marks.OCEAN, edgecolor="none", zorder=0)
    axes.add_patch(sphere)
    coasts = []
    for ring, lake in earth.shores():
        xyz = earth.unit(*ring.T) @ turn.T
        if (path := outline(xyz)) is not None:
            colour = marks.OCEAN if lake else marks.LAND
            axes.add_patch(PathPatch(path, facecolor=colour, edgecolor="none", lw=0, zorder=1))
        coasts += front(xyz)
    axes.add_collection(LineCollection(coasts, colors=marks.COAST, lw=0.5, zorder=1.1))
    graticule = [piece for line in _graticule() for piece in front(line @ turn.T)]
    axes.add_collection(LineCollection(graticule, colors=marks.GRID, lw=0.35, alpha=0.25, zorder=1.2))
    if (shade := night(turn @ instant.sun)) is not None:
        shadow = PathPatch(Path(shade), facecolor=marks.NIGHT, alpha=marks.NIGHT_ALPHA, lw=0, zorder=2)
        axes.add_patch(shadow)
    axes.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=marks.COAST, lw=0.8, zorder=2.1))


def _graticule() -> list[Array]:
    around, up = np.arange(-180.0, 181, 3), np.arange(-87.0, 88, 3)
    parallels = [earth.unit(around, np.full(len(around), lat)) for lat in np.arange(-60.0, 61, 30)]
    meridians = [earth.unit(np.full(len(up), lon), up) for lon in np.arange(-180.0, 180, 30)]
    return parallels + meridians


def front(xyz: Array) -> list[Array]:
    """The pieces (n, 2) of a line on the sphere that are in front."""
    ahead = xyz[:, 2] > 0
    edges = np.flatnonzero(np.diff(ahead.astype(int))) + 1
    parts = zip(np.split(xyz[:, :2], edges), np.split(ahead, edges), strict=True)
    return [points for points, seen in parts if seen.all() and len(points) > 1]


def outline(xyz: Array) -> Path | None:
    """What is to be filled of a ring on the sphere (n, 3) whose inside is to the right; None: nothing.

    What lies behind is led along the limb. A ring that has the point behind the middle inside is so turned
    inside out: the limb is drawn against it, once round.
    """
    azimuth = np.unwrap(np.arctan2(xyz[:, 1], xyz[:, 0]))
    behind = xyz[:, 2] <= 0
    turn = azimuth[-1] - azimuth[0]
    if behind.all() and abs(turn) < 1:
        return None
    points = np.where(behind[:, None], np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1), xyz[:, :2])
    long = np.flatnonzero(behind[:-1] & behind[1:] & (np.abs(np.diff(azimuth)) > np.radians(ALONG_DEG)))
    for k in long[::-1].tolist():
        count = int(abs(azimuth[k + 1] - azimuth[k]) / np.radians(ALONG_DEG)) + 1
        between = np.linspace(azimuth[k], azimuth[k + 1], count + 1)[1:-1]
        arc = np.stack([np.cos(between), np.sin(between)], axis=-1)
        points = np.insert(points, k + 1, arc, axis=0)
    closed = Path(points, closed=False)
    if turn < 1:
        return closed
    around = -np.arange(0, 361, ALONG_DEG) * np.pi / 180
    return Path.make_compound_path(closed, Path(np.stack([np.cos(around), np.sin(around)], axis=-1)))


def night(sun: Array) -> Array | None:
    """The dark part of the disc as points (n, 2); None: there is none. sun: unit vector in these axes.

    Half an ellipse, where the Sun stands at the horizon, and the limb on the side away from it.
    """
    level = np.hypot(sun[0], sun[1])
    around = np.linspace(0, np.pi, 91)[:, None]
    if level < 1e-9:
        return None if sun[2] > 0 else np.concatenate([_circle(around), -_circle(around)])
    edge = np.array([-sun[1], sun[0], 0]) / level  # where the horizon of the Sun meets the limb
    across = np.cross(sun, edge)
    across *= np.sign(across[2]) or 1
    terminator = np.cos(around) * edge + np.sin(around) * across
    away = -sun[:2] / level
    limb = -np.cos(around) * edge[:2] + np.sin(around) * away
    return np.concatenate([terminator[:, :2], limb])


def _circle(around: Array) -> Array:
    return np.concatenate([np.cos(around), np.sin(around)], axis=1)
