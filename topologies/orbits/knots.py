"""A long table over time, of which what was asked for last is in memory: (nodes, knots, 6).

It is worked out when it is asked for, a part of the time and a block of nodes at once, as often as it takes.
So who goes through time in order has each part worked out once, and memory does not grow with the duration.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skybed.topologies.arrays import Array, Index

PART = 60  # knots
BLOCK = 64  # nodes
KEPT_MIB, MIB = 128, 2**20  # as many parts are kept as take so much,
FEWEST = 4  # but so many at least

WorkOut = Callable[[slice, slice], Array]  # (nodes, knots) -> (nodes, knots, 6)


class Knots:
    """blocks: the first node of each, and the end, ascending: nodes that are worked out at once."""

    def __init__(self, blocks: Index, count: int, work_out: WorkOut) -> None:
        self.nodes, self.count, self._blocks, self._work_out = int(blocks[-1]), count, blocks, work_out
        self.parts, wide = -(-(count - 1) // PART), min(PART + 1, count)  # its last is the next one's first
        fit = int(KEPT_MIB * MIB / max(1, self.nodes * wide * 6 * 8))
        slots = min(self.parts, max(FEWEST, fit))
        self._table = np.empty((self.nodes, slots, wide, 6))
        self._rows = self._table.reshape(-1, 6)
        self._part = np.full(slots, -1)  # in each slot
        self._block = np.repeat(np.arange(len(blocks) - 1), np.diff(blocks))  # of each node
        self._done = np.zeros((slots, len(blocks) - 1), bool)

    def pair(self, node: Index, k: Index) -> tuple[Array, Array]:
        """Knots k and k + 1 of nodes; the two broadcast; (..., 6) each."""
        slots, wide = self._table.shape[1:3]
        part = k // PART
        first, last = (int(part.min()), int(part.max())) if part.size else (0, 0)
        if last - first < slots:
            for number in range(first, last + 1):
                self._make(node, number)
            row = (node * slots + part % slots) * wide + k - part * PART
            return self._rows.take(row, axis=0), self._rows.take(row + 1, axis=0)
        node, k, part = np.broadcast_arrays(node, k, part)
        here, there = np.empty((*k.shape, 6)), np.empty((*k.shape, 6))
        for begin in range(first, last + 1, slots):
            some = (part >= begin) & (part < begin + slots)
            here[some], there[some] = self.pair(node[some], k[some])
        return here, there

    def at(self, node: Index, k: Index) -> Array:
        """Knots k of nodes; the two broadcast; (..., 6)."""
        last = k == self.count - 1
        here, there = self.pair(node, k - last)
        return np.where(last[..., None], there, here)

    def part(self, number: int) -> Array:
        """The knots of a part, and the one after them, of all nodes: (nodes, knots, 6)."""
        self._make(np.arange(self.nodes), number)
        knots = min(PART + 1, self.count - number * PART)
        return self._table[:, number % self._table.shape[1], :knots]

    def _make(self, node: Index, number: int) -> None:
        """See to it that a part is there of some nodes."""
        slot = number % len(self._part)
        if self._part[slot] != number:
            self._part[slot], self._done[slot] = number, False
        if self._done[slot].all():
            return
        block = self._block[node]
        done = self._done[slot, block]
        knots = slice(number * PART, min((number + 1) * PART + 1, self.count))
        for missing in np.unique(block[~done]).tolist():
            nodes = slice(*self._blocks[missing : missing + 2].tolist())
            self._table[nodes, slot, : knots.stop - knots.start] = self._work_out(nodes, knots)
            self._done[slot, missing] = True
