"""The oracle: every node knows the shortest paths at once, and planned events beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from skybed.topologies.contacts import faults
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.routing import domains, routes
from skybed.topologies.routing.routes import Graph


def graph(network: Network) -> Graph:
    """The network as numbers, for searches."""
    relay = network.scenario.routing.ground_relay
    return Graph(len(network.nodes), len(network.orbits), *network.ends, network.cost_s, relay)


def windows(
    network: Network, within: str = "", progress: Progress = quiet, may: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Arrays of changes.CHANGE, one for each WINDOW_S.

    within: only in domains of this protocol, and over their own links. may: see routes.windows.
    """
    rule, tell = network.scenario.routing, partial(progress, "routes")
    yield from routes.windows(
        graph(network), usable(network, within), _destinations(network), rule.interval_s,
        network.duration_s, tell, may, network.values.closed,
    )  # fmt: skip


def usable(network: Network, within: str = "") -> Spans:
    """When it uses each link. within: see `windows`."""
    rule = network.scenario.routing
    routed = faults.routed(network.contacts, network.lost, rule)
    if within:
        inside = domains.links_within(domains.groups(rule, network.nodes), within, *network.ends)
        routed = routed.where(inside[routed.key])
    return routed


def _destinations(network: Network) -> np.ndarray:
    """The nodes to which every node keeps a route."""
    wanted = network.scenario.routing.destinations
    if wanted == "all":
        return np.arange(len(network.nodes))
    if wanted == "ground":
        return np.arange(len(network.orbits), len(network.nodes))
    return np.unique([network.node(name) for name in wanted])
