"""The oracle: every node knows the shortest paths at once, and planned events beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import faults
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import Spans, latest
from skybed.topologies.model.routing import belongs
from skybed.topologies.routing import domains, metric, routes
from skybed.topologies.routing.routes import Graph

SIDES = np.array([0, 1])  # of links: what their nodes a and b send


def graph(network: Network) -> Graph:
    """The network as numbers, for searches."""
    relay = network.scenario.routing.ground_relay
    return Graph(len(network.nodes), len(network.orbits), *network.ends, partial(cost_s, network), relay)


def windows(
    network: Network, within: str = "", progress: Progress = quiet, may: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Arrays of changes.CHANGE, one for each WINDOW_S.

    within: only in domains of this protocol, and over their own links. may: see routes.windows.
    """
    used, tell = usable(network, within), partial(progress, "routes")
    yield from routes.windows(
        graph(network), used, destinations(network), looks_s(network, used), network.duration_s, tell, may
    )


def delay_s(network: Network, link: Index, t_s: ArrayLike) -> Array:
    """One-way delay of links as routing takes it, at a time or one for each: with extra delay, without what
    lasts for a moment. The two broadcast. Of each link or, where directions are not alike, [side, link].
    """
    light_s, values = network.delay_s(link, t_s), network.values
    sides = SIDES.reshape(-1, *[1] * light_s.ndim)
    return light_s + values.at(Property.EXTRA, link, sides, t_s) * 1e-6 if values.varying else light_s


def cost_s(network: Network, link: Index, t_s: ArrayLike) -> Array:
    """What crossing links costs by the scenario's metric, see metric.cost_s; as `delay_s`."""
    values, t_s = network.values, np.asarray(t_s)
    sides = SIDES.reshape(-1, *[1] * np.broadcast(link, t_s).ndim) if values.varying else np.array(0)
    rate_mbps = values.at(Property.RATE, link, sides, t_s)
    if network.scenario.routing.means.keeps_path and len((left := _left(network)).key):
        key, at_s = (x.ravel() for x in np.broadcast_arrays(2 * link + sides, t_s))
        row = latest(left, key, at_s)
        gone = (row >= 0) & (at_s < left.end_s[row])
        rate_mbps = np.where(gone.reshape(rate_mbps.shape), 0.0, rate_mbps)
    return metric.cost_s(network.scenario.routing, delay_s(network, link, t_s), rate_mbps)


def _left(network: Network) -> Spans:
    """When it uses no directions of links (2 * link + side) because of their rate: while it is 0, and where
    packets keep their path, as long before as it leaves a link that ends.
    """
    rule, closed = network.scenario.routing, network.values.closed
    return closed._replace(start_s=closed.start_s - rule.drain_s * rule.means.keeps_path)


def looks_s(network: Network, used: Spans) -> Array:
    """When it looks, ascending: when links that it uses change, when directions of them carry nothing or do
    again, and every interval_s. By a metric with rates also when rates change, but once in an interval.
    """
    rule, left = network.scenario.routing, _left(network)
    regular_s = np.arange(0.0, network.duration_s, rule.interval_s)
    times_s = np.unique(np.concatenate([regular_s, *used[1:], *left[1:]]))
    if rule.weights.rate:
        _, steps_s, _ = network.values.steps(Property.RATE)
        steps_s = np.setdiff1d(steps_s, times_s)
        _, first = np.unique(np.floor(steps_s / rule.interval_s), return_index=True)
        times_s = np.union1d(times_s, steps_s[first])
    return times_s[(times_s >= 0) & (times_s < network.duration_s)]


def usable(network: Network, within: str = "") -> Spans:
    """When it uses each link. within: see `windows`."""
    rule = network.scenario.routing
    routed = faults.routed(network.contacts, network.lost, rule)
    if within:
        inside = domains.links_within(domains.groups(rule, network.nodes), within, *network.ends)
        routed = routed.where(inside[routed.key])
    return routed


def destinations(network: Network) -> np.ndarray:
    """The nodes to which every node keeps a route."""
    wanted = network.scenario.routing.destinations
    if wanted == "all":
        return np.arange(len(network.nodes))
    names = ["ground"] if wanted == "ground" else wanted
    return np.array([n for n, node in enumerate(network.nodes) if belongs(names, node.name, node.layer)], int)
