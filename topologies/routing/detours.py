"""Ways around links that are lost against the plan: for the nodes whose planned way crosses one of them.

All others keep their planned next hops, whose ways do not cross a lost link: so new and old ones never make a
circle, and where planned ways are the best ones, new ones are too. In plain Python, as few nodes are
concerned, and a lane has no scipy. What a link costs one way may not be what it costs the other way.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping

import numpy as np

Costs = Mapping[int, Mapping[int, int]]  # ns, from each node to its neighbours over links in use
NextHops = dict[tuple[int, int], int]  # by node and destination; -1: none


def around(
    via: np.ndarray, lost: Iterable[tuple[int, int]], costs_ns: Costs, may_relay: np.ndarray
) -> NextHops:
    """The next hops that lead around lost links, of the nodes that need another than the planned one.

    via: int[node, destination], as planned, -1 for none. lost: the nodes at both ends of each lost link.
    costs_ns: of the links in use, without the lost ones. may_relay: bool[node], whether packets may pass
    through it. Of equal ways the one by the lowest next hop counts.
    """
    heads: dict[int, list[int]] = {}  # by destination, the nodes whose next hop is over a lost link
    for a, b in lost:
        for node, hop in ((a, b), (b, a)):
            for destination in np.flatnonzero(via[node] == hop).tolist():
                heads.setdefault(destination, []).append(node)
    into: dict[int, list[int]] = {}  # of each node the neighbours that reach it
    for node, ways in costs_ns.items():
        for hop in ways:
            into.setdefault(hop, []).append(node)
    relays, hops = may_relay.tolist(), NextHops()
    for destination, nodes in sorted(heads.items()):
        planned = via[:, destination].tolist()
        hops |= {
            (node, destination): hop
            for node, hop in _to_one(destination, planned, nodes, costs_ns, into, relays).items()
            if hop != planned[node]
        }
    return hops


def _to_one(
    destination: int,
    planned: list[int],
    heads: list[int],
    costs_ns: Costs,
    into: Mapping[int, list[int]],
    relays: list[bool],
) -> dict[int, int]:
    """Next hops of the nodes that are cut off from one destination. planned: next hop of each node there."""
    cut = _behind(heads, planned, into)
    far_ns: dict[int, float] = {destination: 0}
    queue = [
        (cost_ns + _far_ns(hop, planned, costs_ns, far_ns), hop, node)
        for node in cut
        for hop, cost_ns in costs_ns.get(node, {}).items()
        if hop not in cut and (relays[hop] or hop == destination)
    ]
    heapq.heapify(queue)
    found = dict.fromkeys(sorted(cut), -1)
    while queue:
        way_ns, hop, node = heapq.heappop(queue)
        if found[node] >= 0 or way_ns == math.inf:
            continue
        found[node] = hop
        if relays[node]:
            for other in into.get(node, ()):
                if found.get(other) == -1:
                    heapq.heappush(queue, (way_ns + costs_ns[other][node], node, other))
    return found


def _behind(heads: list[int], planned: list[int], into: Mapping[int, list[int]]) -> set[int]:
    """The nodes whose planned way leads to one of the heads, and these."""
    behind, ahead = set(heads), [*heads]
    while ahead:
        node = ahead.pop()
        for other in into.get(node, ()):
            if planned[other] == node and other not in behind:
                behind.add(other)
                ahead.append(other)
    return behind


def _far_ns(node: int, planned: list[int], costs_ns: Costs, far_ns: dict[int, float]) -> float:
    """What the planned way from a node costs; inf: there is none. far_ns: what is known, which grows."""
    way: list[int] = []
    while node not in far_ns and planned[node] in costs_ns.get(node, {}) and len(way) < len(planned):
        way.append(node)
        node = planned[node]
    length_ns = far_ns.setdefault(node, math.inf)
    for node in reversed(way):
        length_ns += costs_ns[node][planned[node]]
        far_ns[node] = length_ns
    return length_ns
