"""Which link is between two nodes: many pairs of them at once."""

from __future__ import annotations

import numpy as np

from skybed.topologies.arrays import Index


class Between:
    """Of links by their ends a, b, among so many nodes; two nodes have one link at most."""

    def __init__(self, a: Index, b: Index, nodes: int) -> None:
        self.nodes = nodes
        pair = self._pair(a, b)
        self.link = np.argsort(pair)
        self.pair = pair[self.link]

    def at(self, node: Index, other: Index) -> Index:
        """The link between each two nodes, in either order; -1 where there is none (or no other)."""
        wanted = self._pair(node, other)
        if not len(self.pair):
            return np.full(len(wanted), -1)
        at = np.minimum(np.searchsorted(self.pair, wanted), len(self.pair) - 1)
        return np.where(self.pair[at] == wanted, self.link[at], -1)

    def _pair(self, node: Index, other: Index) -> Index:
        """Both nodes as one number."""
        return np.minimum(node, other) * self.nodes + np.maximum(node, other)
