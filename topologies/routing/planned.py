"""Which changes of forwarding tables are planned, and which of these the player makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.routing import changes, domains, oracle, schedule, windowed


def windows(network: Network, progress: Progress = quiet) -> Iterator[np.ndarray]:
    """Arrays of changes.CHANGE, one for each WINDOW_S: the schedule's where it routes, else the oracle's.
    They are what daemons are measured by.
    """
    by = schedule if network.scenario.routing.by_schedule else oracle
    yield from by.windows(network, progress=progress)
    progress("routes", 1.0)


def played(network: Network, planned: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Of what is planned, what daemons do not do: beside them, the routes within some domains, which see
    nothing else.
    """
    if not network.scenario.routing.by_daemons:
        return iter(planned)
    within = {group.protocol for group in domains.groups(network.scenario.routing, network.nodes)}
    parts = []
    if "oracle" in within:
        parts.append(oracle.windows(network, "oracle"))
    if "schedule" in within:
        parts.append(schedule.windows(network, "schedule"))
    return changes.merged(parts or [iter(windowed.cut(np.empty(0, changes.CHANGE), network.duration_s))])
