"""Which ways there are over the links that stand, whatever routing makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.contacts import faults
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.routing import metric, oracle, routes

LOOKS = 5  # at the best paths, to tell how long any of them is


@dataclass(frozen=True)
class Paths:
    """The best paths at instants, by the metric of routing: t_s, rtt_ms (nan: unreachable), path_id (-1:
    unreachable) into paths (node names).
    """

    t_s: Array
    rtt_ms: Array
    path_id: np.ndarray
    paths: list[tuple[str, ...]]


def longest_s(network: Network, ends: Sequence[tuple[str, str]]) -> float:
    """The longest one-way delay by the best paths between pairs of nodes, s; 0 if they never have one.

    Looked at LOOKS times, and over all links that ever stand, as if they all did.
    """
    if not ends:
        return 0.0
    src, dst = (np.array([network.node(pair[n]) for pair in ends]) for n in (0, 1))
    standing, graph = _standing(network), oracle.graph(network)
    times = np.linspace(0.0, network.duration_s, LOOKS)
    every, first = np.unique(standing.key, return_index=True)
    looks = [
        (links, mesh, graph.cost_s(links, t), oracle.delay_s(network, links, t))
        for t, links, mesh in routes.meshes(graph, standing, times)
    ]
    light_s, usual_mbps = network.delay_s(every, standing.start_s[first]), network.values.usual(Property.RATE)
    cost_s = metric.cost_s(network.scenario.routing, light_s, usual_mbps[every].T)
    looks.append((every, graph.mesh(every), cost_s, light_s))
    longest_ns = 0.0
    for links, mesh, costs_s, delays_s in looks:
        via, far = mesh.next_hops(costs_s, dst)
        ways = _Crossed(network, links, costs_s, delays_s)
        for row, (start, end) in enumerate(zip(src.tolist(), dst.tolist(), strict=True)):
            if np.isfinite(far[row, start]):
                longest_ns = max(longest_ns, ways.there_ns(_walk(via[row], start, end)))
    return longest_ns * 1e-9


def _standing(network: Network) -> Spans:
    """When links stand; those that do at the end go on."""
    standing = faults.of_contacts(network.contacts)
    beyond = standing.end_s >= network.duration_s
    return standing._replace(end_s=np.where(beyond, np.inf, standing.end_s))


def shortest(network: Network, src: str, dst: str, t_s: ArrayLike) -> Paths:
    """The best path, by the metric of routing, at each of the ascending times."""
    t_s = np.array(t_s, dtype=float, ndmin=1)
    start, end = network.node(src), network.node(dst)
    standing = _standing(network)
    rtt_ms, path_id = np.full(len(t_s), np.nan), np.full(len(t_s), -1)
    known: dict[tuple[int, ...], int] = {}
    graph = oracle.graph(network)
    for k, (t, links, mesh) in enumerate(routes.meshes(graph, standing, t_s)):
        costs_s = graph.cost_s(links, t)
        via, far = mesh.next_hops(costs_s, np.array([end]))
        if np.isfinite(far[0, start]):
            walk = _walk(via[0], start, end)
            ways = _Crossed(network, links, costs_s, oracle.delay_s(network, links, t))
            rtt_ms[k] = 1e-6 * ways.there_ns(walk) + 1e-6 * ways.there_ns(walk[::-1])
            path_id[k] = known.setdefault(tuple(walk), len(known))
    return Paths(t_s, rtt_ms, path_id, [tuple(network.nodes[n].name for n in walk) for walk in known])


def _walk(via: np.ndarray, start: int, end: int) -> list[int]:
    """The nodes of the way to an end, by the next hop of every node."""
    walk = [start]
    while walk[-1] != end:
        walk.append(int(via[walk[-1]]))
    return walk


class _Crossed:
    """Links in use at an instant, ascending; what each costs, how long it takes, of each or [side, link]."""

    def __init__(self, network: Network, links: np.ndarray, costs_s: Array, delays_s: Array) -> None:
        self._link_between = network.link_between
        self._links = links
        taken_s = np.where(np.isinf(costs_s), np.inf, delays_s)
        self._ns = np.round(np.broadcast_to(taken_s, (2, len(links))) * 1e9)

    def there_ns(self, walk: Sequence[int]) -> float:
        """How long a way takes; inf: it carries nothing."""
        crossed = [(int(node > via), self._link_between[node, via]) for node, via in pairwise(walk)]
        return float(sum(self._ns[side, np.searchsorted(self._links, link)] for side, link in crossed))
