"""Which changes of forwarding tables are planned, and which of these the player makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.model.protocols import PROTOCOLS
from skybed.topologies.routing import changes, domains, oracle, schedule, windowed

PLANNERS = {"oracle": oracle.windows, "schedule": schedule.windows}


def windows(network: Network, progress: Progress = quiet) -> Iterator[np.ndarray]:
    """Arrays of changes.CHANGE, one for each WINDOW_S: the schedule's where it routes, else the oracle's.
    They are what daemons are measured by.
    """
    planner = PLANNERS.get(network.scenario.routing.means.filled_by, oracle.windows)
    yield from planner(network, progress=progress)
    progress("routes", 1.0)


def played(network: Network, planned: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Of what is planned, what daemons do not do: beside them, the routes within some domains, which see
    nothing else.
    """
    if network.scenario.routing.means.filled_by != "daemons":
        return iter(planned)
    within = {group.protocol for group in domains.groups(network.scenario.routing, network.nodes)}
    by = {name: PLANNERS.get(protocol.filled_by) for name, protocol in PROTOCOLS.items() if name in within}
    parts = [planner(network, name) for name, planner in by.items() if planner]
    return changes.merged(parts or [iter(windowed.cut(np.empty(0, changes.CHANGE), network.duration_s))])
