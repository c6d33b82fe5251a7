"""How nodes and links look in figures of a sky, wherever they stand: the same marks in each, one legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.style import BAD, INK, SERIES
from skybed.topologies.arrays import Array

OCEAN, LAND, COAST, NIGHT, GRID = "#eef4f9", "#dadccf", "#a2a996", "#1e325a", "#3c5a78"
NIGHT_ALPHA = 0.16
LINKS = {  # by kind: colour, dashes, name
    "isl": ("#5f8fb8", "-", "ISL"),
    "access": ("#b86e00", "-", "access"),
    "fibre": ("#00795a", (0, (1, 1.5)), "fibre"),
}
PER_ROW = 8  # of a legend
SHAPES = ["o", "D", "^", "v", "p", "h"]
HALO = [withStroke(linewidth=2.2, foreground="white", alpha=0.85)]

# Of two nodes the pieces of the line between them, as points (n, 2): none where it is not seen.
Line = Callable[[int, int], Sequence[Array]]


def links(axes: Axes, instant: Instant, line: Line) -> None:
    """Those that stand, and the way on top."""
    many = len(instant.links)
    width, alpha = (0.45, 0.5) if many > 800 else (0.8, 0.8)
    for (kind, silent), rows in instant.links.groupby(["kind", "silent"]):
        colour, dashes, _ = LINKS[kind]
        pieces = [piece for a, b in rows[["a", "b"]].to_numpy().tolist() for piece in line(a, b)]
        dashes = (0, (4, 3)) if silent else dashes
        colour = BAD if silent else colour
        wide = width if kind == "isl" and not silent else 1.1
        axes.add_collection(
            LineCollection(pieces, colors=colour, lw=wide, ls=[dashes], alpha=alpha, zorder=3)
        )
    pieces = [piece for a, b in instant.hops.tolist() for piece in line(a, b)]
    axes.add_collection(LineCollection(pieces, colors="white", lw=4.2, zorder=5))
    axes.add_collection(LineCollection(pieces, colors=INK, lw=2.0, zorder=5.1, capstyle="round"))


def nodes(axes: Axes, instant: Instant, xy: Array, seen: np.ndarray) -> None:
    """xy: (nodes, 2); seen: bool[nodes]."""
    satellites = sum(map(len, instant.layers.values()))
    size = float(np.clip(2200 / max(satellites, 1), 4, 22))
    for number, at in enumerate(instant.layers.values()):
        shown = at[seen[at]]
        axes.scatter(xy[shown, 0], xy[shown, 1], s=size, color=_colour(number), marker=_shape(number),
                     edgecolor="white", lw=0.3, zorder=6)  # fmt: skip
    shown = instant.stations[seen[instant.stations]]
    axes.scatter(xy[shown, 0], xy[shown, 1], s=17, color=INK, marker="s", edgecolor="white", lw=0.5, zorder=7)
    for node in instant.named:
        if seen[node]:
            _name(axes, instant.plan.labels[node], xy[node], under=node in instant.stations)


def _name(axes: Axes, name: str, xy: Array, under: bool) -> None:
    """Stations have their names below, satellites to the right: both can be read where they are close."""
    offset, across, up, size = ((0, -4.5), "center", "top", 7) if under else ((4, 2), "left", "bottom", 6.5)
    axes.annotate(
        name, (xy[0], xy[1]), offset, textcoords="offset points", ha=across, va=up, fontsize=size, color=INK,
        path_effects=HALO, zorder=8, annotation_clip=True,
    )  # fmt: skip


def legend(axes: Axes, instant: Instant, night: bool = True) -> None:
    """Under the figure, what there is of it."""
    labels = [layer.label or name for name, layer in instant.plan.scenario.layers.items()]
    handles: list[Line2D | Patch] = [
        Line2D([], [], ls="", marker=_shape(n), color=_colour(n), ms=4.5, label=label)
        for n, label in enumerate(labels)
    ]
    if len(instant.stations):
        handles.append(Line2D([], [], ls="", marker="s", color=INK, ms=4.5, label="ground"))
    for kind in dict.fromkeys(link.kind for link in instant.plan.links):
        colour, dashes, name = LINKS[kind]
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.2, label=name))
    if instant.links["silent"].any():
        handles.append(Line2D([], [], color=BAD, ls=(0, (4, 3)), lw=1.2, label="silent"))
    if instant.ends:
        handles.append(Line2D([], [], color=INK, lw=2, label=instant.between))
    if night:
        handles.append(Patch(facecolor=NIGHT, alpha=NIGHT_ALPHA, label="night"))
    figure = axes.get_figure(root=True)
    assert figure is not None
    rows = -(-len(handles) // PER_ROW)
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // rows),
                  handlelength=1.4, columnspacing=1.2, fontsize=8)  # fmt: skip


def bare(axes: Axes) -> None:
    """Without ticks, grid and frame."""
    axes.set_axis_off()
    axes.grid(visible=False)


def _colour(layer: int) -> str:
    return SERIES[layer % len(SERIES)]


def _shape(layer: int) -> str:
    return SHAPES[layer % len(SHAPES)]
