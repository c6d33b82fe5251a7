"""Who is linked with whom by plane and slot: layers side by side, the ground below. Nodes stand still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from skybed.analysis.pages.sky import marks
from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.style import GREY, Picture
from skybed.topologies.arrays import Array, Index
from skybed.topologies.orbits import elements

GAP = 0.06  # between layers, of the width
LEAST = 0.12  # of the width, for a layer
SAG = 0.12  # of the length of a link between two on the ground: in one row it would cover others
STUB = 0.42  # of a step
GROUND = -0.16  # below the layers, whose height is 1
PER_ROW = 12


def picture(instant: Instant) -> Picture:
    rows = -(-len(instant.stations) // PER_ROW)

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        axes.set_title(instant.title)
        marks.bare(axes)
        blocks = _blocks(instant)
        xy = _ground(len(instant.plan.nodes), instant.stations)
        for block in blocks:
            xy[block.nodes] = block.xy
            axes.text(block.middle, 1.06, block.words, ha="center", fontsize=8.5, color=GREY)
        marks.links(axes, instant, _lines(xy, blocks))
        marks.nodes(axes, instant, xy, np.isfinite(xy[:, 0]))
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(GROUND * (rows + 0.75), 1.12)
        marks.legend(axes, instant, night=False)

    return Picture(3.9 + 0.5 * rows, paint)


class _Block:
    """A layer from left to right: plane by plane, and its slots upwards."""

    def __init__(self, name: str, nodes: Index, plane: Index, slot: Index, left: float, width: float) -> None:
        self.nodes, self.plane, self.slot = nodes, np.maximum(plane, 0), np.maximum(slot, 0)
        self.planes, self.slots = int(self.plane.max()) + 1, int(self.slot.max()) + 1
        self.words = f"{name}, {self.planes} × {self.slots}"
        self.middle, self.step = left + width / 2, np.array([width / self.planes, 1 / self.slots])
        self.xy = np.stack([left + (self.plane + 0.5) * self.step[0], (self.slot + 0.5) * self.step[1]], -1)

    def around(self, a: int, b: int) -> Array:
        """By how many steps, in planes and slots, a link goes round the layer: -1, 0 or 1 each."""
        apart = [self.plane[b] - self.plane[a], self.slot[b] - self.slot[a]]
        sizes = (self.planes, self.slots)
        return np.array([
            -np.sign(step) if size > 2 and abs(step) > size / 2 else 0
            for step, size in zip(apart, sizes, strict=True)
        ])  # fmt: skip


def _blocks(instant: Instant) -> list[_Block]:
    satellites = elements.layer_satellites(instant.plan.scenario)
    plane, slot = (np.array([getattr(one, name) for one in satellites], int) for name in ("plane", "slot"))
    members = {name: nodes for name, nodes in instant.layers.items() if len(nodes)}
    planes = np.array([max(1, int(plane[nodes].max()) + 1) for nodes in members.values()], float)
    widths = np.maximum(planes / planes.sum(), LEAST) if len(members) else planes
    widths *= (1 - GAP * (len(members) - 1)) / max(widths.sum(), 1e-9)
    lefts = np.concatenate([[0], np.cumsum(widths + GAP)[:-1]]) if len(members) else widths
    return [
        _Block(name, nodes, plane[nodes], slot[nodes], left, width)
        for (name, nodes), left, width in zip(members.items(), lefts.tolist(), widths.tolist(), strict=True)
    ]


def _ground(count: int, stations: Index) -> Array:
    """Places of all nodes: those of stations, in rows; nan for others."""
    xy = np.full((count, 2), np.nan)
    per_row = min(PER_ROW, max(1, len(stations)))
    number = np.arange(len(stations))
    xy[stations, 0] = (number % per_row + 0.5) / per_row
    xy[stations, 1] = GROUND * (number // per_row + 1)
    return xy


def _lines(xy: Array, blocks: Sequence[_Block]) -> marks.Line:
    """Links that go round a layer leave it to one side and come back from the other."""
    place = {int(node): (block, k) for block in blocks for k, node in enumerate(block.nodes)}

    def line(a: int, b: int) -> Sequence[Array]:
        one, other = place.get(a), place.get(b)
        if one is None and other is None:
            return [_hanging(*xy[[a, b]])]
        if one and other and one[0] is other[0]:
            around = one[0].around(one[1], other[1])
            if around.any():
                stub = around * STUB * one[0].step
                return [np.stack([xy[a], xy[a] + stub]), np.stack([xy[b], xy[b] - stub])]
        return [xy[[a, b]]]

    return line


def _hanging(start: Array, end: Array) -> Array:
    share = np.linspace(0, 1, 25)[:, None]
    below = np.array([0, SAG * np.linalg.norm(end - start)])
    return start + share * (end - start) - 4 * share * (1 - share) * below
