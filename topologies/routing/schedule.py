"""Routes that each node installs from its own copy of the contact plan, in the manner of IETF TVR (RFC 9657).

A copy holds planned contacts and planned outages, as far as it is right; nobody corrects it during the run.
A node takes the shortest paths of its own copy, whatever others do, and sees nothing but its own interfaces:
a route to a neighbour that it never has a link to is none, and one over a link without carrier waits for it,
as in the kernel (and in topologies.routing.trace).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from skybed.topologies.model.routing import Copy, belongs
from skybed.topologies.routing import routes

if TYPE_CHECKING:
    from skybed.topologies.plan.plan import Plan


def windows(plan: Plan, within: str = "") -> Iterator[np.ndarray]:
    """Arrays like Routes.changes, one for each WINDOW_S. Each distinct copy is worked out once. within: see
    Plan.shortest.
    """
    linked = plan.linked()
    copies = [Copy(), *plan.scenario.routing.copies]
    held = _held(plan, copies)
    return routes.merged(
        [
            plan.believed(copies[k]).shortest(linked & (held == k)[:, None], within)
            for k in np.unique(held).tolist()
        ]
    )


def _held(plan: Plan, copies: list[Copy]) -> np.ndarray:
    """Number of the copy that each node holds."""
    held = np.zeros(len(plan.nodes), np.int64)
    for k, copy in enumerate(copies):
        for n, node in enumerate(plan.nodes):
            if copy.nodes == "all" or belongs(copy.nodes, node.name, node.layer):
                held[n] = k
    return held
