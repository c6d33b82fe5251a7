"""Routes that each node installs from its own copy of the contact plan, in the manner of IETF TVR (RFC 9657).

A copy holds planned contacts and planned outages, as far as it is right; nobody corrects it during the run.
A node takes the shortest paths of its own copy, whatever others do, and sees nothing but its own interfaces:
a route to a neighbour that it never has a link to is none, and one over a link without carrier waits for it,
as in the kernel (and in topologies.routing.forwarding).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.model.routing import Copy, belongs
from skybed.topologies.routing import changes, oracle


def windows(network: Network, within: str = "", progress: Progress = quiet) -> Iterator[np.ndarray]:
    """Arrays of changes.CHANGE, one for each WINDOW_S. Each distinct copy is worked out once. within: see
    oracle.windows.
    """
    linked = network.linked()
    copies, number = held(network)
    return changes.merged(
        [
            oracle.windows(
                network.believed(copies[k], progress), within, progress, linked & (number == k)[:, None]
            )
            for k in np.unique(number).tolist()
        ]
    )


def held(network: Network) -> tuple[list[Copy], np.ndarray]:
    """All copies, the right one first, and the number of that which each node holds."""
    copies = [Copy(), *network.scenario.routing.copies]
    number = np.zeros(len(network.nodes), np.int64)
    for k, copy in enumerate(copies):
        for n, node in enumerate(network.nodes):
            if copy.nodes == "all" or belongs(copy.nodes, node.name, node.layer):
                number[n] = k
    return copies, number
