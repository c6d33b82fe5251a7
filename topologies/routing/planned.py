"""Which changes of forwarding tables are planned, which of these the player makes, and over which links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.spans import Spans, joined
from skybed.topologies.model.protocols import PROTOCOLS, RoutingProtocol
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
    parts = [
        PLANNERS[protocol.filled_by](network, protocol.name)
        for protocol in _within(network)
        if protocol.filled_by in PLANNERS
    ]
    return changes.merged(parts or [iter(windowed.cut(np.empty(0, changes.CHANGE), network.duration_s))])


def usable(network: Network) -> Spans:
    """When the oracle, where it routes, uses each link; nobody else learns of what is not planned."""
    return joined(_of_oracle(network))


def looks_s(network: Network) -> Array:
    """When the oracle, where it routes, looks at the network, ascending."""
    return np.unique(np.concatenate([[], *(oracle.looks_s(network, used) for used in _of_oracle(network))]))


def _of_oracle(network: Network) -> list[Spans]:
    """When it uses which links, of the whole, or of domains that it routes."""
    by = network.scenario.routing.means.filled_by
    if by == "daemons":
        return [oracle.usable(network, x.name) for x in _within(network) if x.filled_by == "oracle"]
    return [oracle.usable(network)] if by == "oracle" else []


def _within(network: Network) -> list[RoutingProtocol]:
    """The protocols within domains, each once."""
    within = {group.protocol for group in domains.groups(network.scenario.routing, network.nodes)}
    return [protocol for name, protocol in PROTOCOLS.items() if name in within]
