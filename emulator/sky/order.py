"""In which order to change routes so that no packet ever runs in a circle.

Routes to one destination form a tree; at an instant some nodes change their next hop, and the kernels are
told one after another. If a node is told only after every changing node on its own new path, no mixture of
old and new routes has a loop. From a node already told, the new path is followed to its end: all on it are
told or do not change. From one not yet told, the old tree is followed, to its end or to a node that is told.

Where nodes route by schedules that contradict each other, new routes may run in a circle themselves: no order
helps the packets of those that lead into it.
"""

from __future__ import annotations

import numpy as np

from skybed.topologies.arrays import Index
from skybed.topologies.model.flows import HOPS


def rounds(node: Index, destination: Index, via: Index) -> Index:
    """The round (0, 1, ...) in which each change may be made, once the rounds before are done.

    node, destination: int[n], the changes; via: int[nodes, nodes], the next hops [node, destination] after
    all of them, -1 for none.
    """
    changing = np.zeros(via.shape, bool)
    changing[node, destination] = True
    order = np.zeros(len(node), np.int64)
    walking, at = np.arange(len(node)), via[node, destination]
    hops = 0
    while len(walking) and hops < HOPS:
        hops += 1
        on = (at >= 0) & (at != destination[walking])
        walking, at = walking[on], at[on]
        order[walking] += changing[at, destination[walking]]
        at = via[at, destination[walking]]
    order[walking] = 0  # in a circle, or on a way that no packet gets to the end of
    return order
