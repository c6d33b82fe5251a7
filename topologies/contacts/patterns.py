"""Which satellites of a layer point lasers at each other: the candidate inter-satellite links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skybed.topologies.arrays import Index
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits.walker import goes_round


class Pairs(NamedTuple):
    """Pairs of satellites by their number within the layer, a < b; between: of two planes."""

    a: Index
    b: Index
    between: NDArray[np.bool_]


def pairs(layer: Layer, plane: Index, slot: Index) -> Pairs:
    """The links that a layer's pattern asks for, whether or not the satellites ever see each other.

    `ring` closes each plane on itself. `grid` adds, for each satellite, the one with the same slot in the
    next plane (the usual +Grid); across the seam of planes that go round the whole Earth slot s meets slot
    s + F, F the Walker phasing to the nearest integer, because that is where the phase of the planes has got
    to after a whole turn.
    """
    none = np.zeros(0, np.int64)
    if layer.isl.pattern == "none":
        return Pairs(none, none, none.astype(bool))
    planes, slots = int(plane.max()) + 1, int(slot.max()) + 1
    at = np.full((planes, slots), -1)
    at[plane, slot] = np.arange(len(plane))
    along = np.stack([at, np.roll(at, -1, axis=1)], axis=-1).reshape(-1, 2)
    across = np.zeros((0, 2), np.int64)
    if layer.isl.pattern == "grid":
        across = np.stack([at[:-1], at[1:]], axis=-1).reshape(-1, 2)
        if layer.isl.seam:
            seam = np.stack([at[-1], np.roll(at[0], -_turn(layer))], axis=-1)
            across = np.concatenate([across, seam])
    ends = np.sort(np.concatenate([along, across]), axis=1)
    between = np.arange(len(ends)) >= len(along)
    keep = ends[:, 0] != ends[:, 1]  # a ring of one
    ends, first = np.unique(ends[keep], axis=0, return_index=True)  # a ring of two has one link
    return Pairs(ends[:, 0], ends[:, 1], between[keep][first])


def _turn(layer: Layer) -> int:
    """Slots by which the phase has advanced after the last plane."""
    walker = layer.walker
    if walker is None or not goes_round(walker) or isinstance(walker.phasing, str):
        return 0
    return round(walker.phasing) % walker.per_plane
