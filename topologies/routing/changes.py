"""A change of a forwarding table: at t_s `node` takes `via` as its next hop to `dst`, -1 for none.

Rows are sorted by time, node, destination. Before its first row about a destination a node has no route
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

CHANGE = np.dtype([("t_s", "f8"), ("node", "i4"), ("dst", "i4"), ("via", "i4")])


def merged(parts: Sequence[Iterator[np.ndarray]]) -> Iterator[np.ndarray]:
    """Changes of several, window by window, as those of one."""
    for each in zip(*parts, strict=True):
        changes = np.concatenate(each)
        yield changes[np.lexsort((changes["dst"], changes["node"], changes["t_s"]))]
