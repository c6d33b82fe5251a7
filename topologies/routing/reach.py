"""Between which nodes of a graph there is a way."""

from __future__ import annotations

import numpy as np

Index = np.ndarray


def parts(a: Index, b: Index, nodes: int) -> Index:
    """int[nodes]: the part of a graph that each node is in, named by its lowest node. a, b: ends of links."""
    part = np.arange(nodes)
    while True:
        lower = part.copy()
        for here, there in ((a, b), (b, a)):
            np.minimum.at(lower, here, part[there])
        lower = lower[lower]  # what the lowest node known so far has heard of
        if (lower == part).all():
            return part
        part = lower


def reachable(a: Index, b: Index, nodes: int, satellites: int, ground_relay: bool) -> np.ndarray:
    """bool[node, destination]: between which nodes, of which the first `satellites` are in space, there is a
    way over links with these ends. Without ground relay it passes through no ground node.
    """
    if ground_relay:
        part = parts(a, b, nodes)
        reached = part[:, None] == part
    else:
        space = (a < satellites) & (b < satellites)
        part = parts(a[space], b[space], satellites)
        touches = np.zeros((nodes, satellites), bool)  # which parts of space a node is in, or linked to
        touches[np.arange(satellites), part] = True
        for ground, beside in ((a, b), (b, a)):
            up = (ground >= satellites) & (beside < satellites)
            touches[ground[up], part[beside[up]]] = True
        reached = touches @ touches.T
        reached[a, b] = reached[b, a] = True
    np.fill_diagonal(reached, False)
    return reached
