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
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.routing import oracle, routes

LOOKS = 5  # at shortest paths, to tell how long any of them is


@dataclass(frozen=True)
class Paths:
    """Shortest paths at instants: t_s, rtt_ms (nan: unreachable), path_id (-1: unreachable) into paths (node
    names).
    """

    t_s: Array
    rtt_ms: Array
    path_id: np.ndarray
    paths: list[tuple[str, ...]]


def longest_s(network: Network, ends: Sequence[tuple[str, str]]) -> float:
    """The longest one-way delay by shortest paths between pairs of nodes, s; 0 if they never have one.

    Looked at LOOKS times, and over all links that ever stand, as if they all did.
    """
    if not ends:
        return 0.0
    src, dst = (np.array([network.node(pair[n]) for pair in ends]) for n in (0, 1))
    standing, graph = _standing(network), oracle.graph(network)
    times = np.linspace(0.0, network.duration_s, LOOKS)
    every, first = np.unique(standing.key, return_index=True)
    looks = [(mesh, network.cost_s(links, t)) for t, links, mesh in routes.meshes(graph, standing, times)]
    looks.append((graph.mesh(every), network.delay_s(every, standing.start_s[first])))
    costs_s = [mesh.next_hops(cost_s, dst)[1][np.arange(len(dst)), src] * 1e-9 for mesh, cost_s in looks]
    return float(max(cost_s[np.isfinite(cost_s)].max(initial=0.0) for cost_s in costs_s))


def _standing(network: Network) -> Spans:
    """When links stand; those that do at the end go on."""
    standing = faults.of_contacts(network.contacts)
    beyond = standing.end_s >= network.duration_s
    return standing._replace(end_s=np.where(beyond, np.inf, standing.end_s))


def shortest(network: Network, src: str, dst: str, t_s: ArrayLike) -> Paths:
    """The shortest path at each of the ascending times."""
    t_s = np.array(t_s, dtype=float, ndmin=1)
    start, end = network.node(src), network.node(dst)
    standing = _standing(network)
    rtt_ms, path_id = np.full(len(t_s), np.nan), np.full(len(t_s), -1)
    known: dict[tuple[int, ...], int] = {}
    for k, (t, links, mesh) in enumerate(routes.meshes(oracle.graph(network), standing, t_s)):
        cost_s = network.cost_s(links, t)
        via, far_ns = mesh.next_hops(cost_s, np.array([end]))
        if np.isfinite(far_ns[0, start]):
            walk = [start]
            while walk[-1] != end:
                walk.append(int(via[0, walk[-1]]))
            rtt_ms[k] = 1e-6 * far_ns[0, start] + 1e-6 * _back_ns(network, links, cost_s, walk)
            path_id[k] = known.setdefault(tuple(walk), len(known))
    return Paths(t_s, rtt_ms, path_id, [tuple(network.nodes[n].name for n in walk) for walk in known])


def _back_ns(network: Network, links: np.ndarray, cost_s: Array, walk: list[int]) -> float:
    """What the way back over the same links costs, ns; inf: there is none."""
    place = {int(link): n for n, link in enumerate(links)}
    sides_s = np.broadcast_to(cost_s, (2, len(links)))
    crossed = [(int(node < via), place[network.link_between[node, via]]) for node, via in pairwise(walk)]
    return float(sum(np.round(sides_s[side, n] * 1e9) for side, n in crossed))
