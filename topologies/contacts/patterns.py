"""Which satellites of a layer point lasers at each other by their planes: candidate inter-satellite links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skybed.topologies.arrays import Array, Index
from skybed.topologies.model.space import Isl, Offset
from skybed.topologies.orbits.planes import Arrangement

OFFSETS: dict[str, list[Offset]] = {"ring": [(0, 1)], "grid": [(0, 1), (1, 0)]}


class Pairs(NamedTuple):
    """Pairs of satellites by their number within the layer, a < b; between: of two planes."""

    a: Index
    b: Index
    between: NDArray[np.bool_]


def pairs(isl: Isl, arranged: Arrangement) -> Pairs:
    """The links that a pattern of offsets asks for, whether or not the satellites ever see each other.

    An offset is how many planes on, and then how many satellites on in that plane, the other end is, as in
    the motifs of Bhattacherjee and Singla (CoNEXT 2019). In another plane the satellite is meant that has the
    nearest phase, and to which no other of the own plane is nearer. So planes of equal numbers, as a
    Walker's, are linked slot to slot (`grid` is the usual +Grid), and of others some satellites stay without.
    Across the seam of planes that go round the whole Earth the phase has got on by the arrangement's turn: in
    a Walker slot s meets slot s + F.
    """
    order = np.lexsort((arranged.slot, arranged.plane))
    planes = np.split(order, np.flatnonzero(np.diff(arranged.plane[order])) + 1)
    links = [np.zeros((0, 3), np.int64)]
    for on, along in OFFSETS.get(isl.pattern) or isl.offsets or []:
        if on < 0:
            on, along = -on, -along
        for first, count, turn in arranged.chains:
            for p in range(count if on == 0 or (isl.seam and on < count) else count - on):
                a, b = planes[first + p], planes[first + (p + on) % count]
                here, there = _matched(arranged.phase[a], arranged.phase[b], turn if p + on >= count else 0.0)
                other = b[(there + along) % len(b)]
                links.append(np.stack([a[here], other, np.full(len(here), on)], axis=-1))
    every = np.concatenate(links)
    ends, first_row = np.unique(np.sort(every[:, :2], axis=1), axis=0, return_index=True)
    between, keep = every[first_row, 2] != 0, ends[:, 0] != ends[:, 1]  # a ring of one links to itself
    return Pairs(ends[keep, 0], ends[keep, 1], between[keep])


def _matched(phase: Array, others: Array, turn: float) -> tuple[Index, Index]:
    """Pairs of a satellite of one plane and one of another that are each the nearest in phase to the other;
    both ascending. turn: how far on the others' phase is.
    """
    there, back = _nearest(phase + turn, others), _nearest(others - turn, phase)
    here = np.flatnonzero(back[there] == np.arange(len(phase)))
    return here, there[here]


def _nearest(phase: Array, others: Array) -> Index:
    """Which of others, ascending in 0..1, is nearest to each phase, on the circle."""
    right = np.searchsorted(others, phase % 1)
    left, right = (right - 1) % len(others), right % len(others)
    behind, ahead = (np.abs((others[end] - phase + 0.5) % 1 - 0.5) for end in (left, right))
    return np.where(behind < ahead, left, right)
