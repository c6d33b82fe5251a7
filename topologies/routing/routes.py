"""Who forwards to whom: least cost over the links that routing uses, as differences over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.routing import instants, windowed
from skybed.topologies.routing.changes import CHANGE

# Routes are worked out for so many looks together at most, which span so long; few are, one by one.
MOST, SPAN_S, FEW = 32, 10.0, 4
LOT = 100_000  # next hops at a time


class Mesh:
    """The links in use at an instant as a graph, kept while they stay the same and only costs change.

    Costs are rounded to 1 ns, so that sums are exact and ties are ties; of equal next hops the lowest node
    wins. Without ground relay a ground node is entered but not left, except by paths that begin there: it is
    split into the node, which only receives, and a copy behind all nodes, which only sends.
    """

    def __init__(self, nodes: int, satellites: int, a: Index, b: Index, ground_relay: bool) -> None:
        self.nodes, self.satellites, self.ground_relay = nodes, satellites, ground_relay
        # Searched from the destination outwards: an edge leads from the next hop to the node that would use
        # it.
        hop, node = _edges(a, b)
        self.edge = order = np.lexsort((hop, node))
        self.hop, self.node = hop[order], node[order]
        self.groups = np.flatnonzero(np.diff(self.node, prepend=-1))  # where the edges of each node begin
        self.sender = self.origin(self.hop)
        self.size = int(self.origin(np.array(nodes)))  # where one more would start
        by_sender = np.lexsort((self.node, self.sender))
        self.into_csr = by_sender
        self.columns = self.node[by_sender]
        self.starts = np.searchsorted(self.sender[by_sender], np.arange(self.size + 1))

    def origin(self, node: Index) -> Index:
        """Where paths that begin (or end) at nodes start in the graph."""
        if self.ground_relay:
            return node
        return np.where(node >= self.satellites, node + self.nodes - self.satellites, node)

    # scipy is the fastest measured. Distances in starlink-550, 3,402 links, to 24 and to all 1,608 nodes, ms:
    # scipy 3.2 and 222, igraph 4.2 and 311, rustworkx 7.2 and 283, networkx 47 to 24. next_hops: 5.5 and 395.
    def next_hops(self, cost_s: Array, destinations: Index) -> tuple[Index, Array]:
        """Next hop (-1: none) and cost in ns (inf: none) for costs per link, or [side, link] (side 0: from
        its node a; inf: not that way); both (destinations, nodes).
        """
        ns = _ns(np.broadcast_to(cost_s, (2, cost_s.shape[-1])))[self.edge]
        graph = csr_array((ns[self.into_csr], self.columns, self.starts), shape=(self.size, self.size))
        far = dijkstra(graph, indices=self.origin(destinations))
        via = np.full((len(destinations), self.nodes), -1, np.int32)
        reached = far[:, self.node]
        best = (far[:, self.sender] + ns == reached) & np.isfinite(reached)
        first = np.minimum.reduceat(np.where(best, self.hop, self.nodes), self.groups, axis=1)
        via[:, self.node[self.groups]] = np.where(first < self.nodes, first, -1)
        rows = np.arange(len(destinations))
        via[rows, destinations] = -1
        far = far[:, : self.nodes]
        far[rows, destinations] = 0.0
        return via, far


@dataclass(frozen=True)
class Graph:
    """A network as numbers. nodes: how many, of which the first `satellites` are in space; a, b: the ends of
    each link; cost_s: of crossing links at a time, see Mesh.next_hops."""

    nodes: int
    satellites: int
    a: Index
    b: Index
    cost_s: Callable[[Index, ArrayLike], Array]
    ground_relay: bool

    def mesh(self, links: Index) -> Mesh:
        return Mesh(self.nodes, self.satellites, self.a[links], self.b[links], self.ground_relay)

    def next_hops(self, in_use: np.ndarray, t_s: Array, destinations: Index) -> Index:
        """int32[destination, time, node], -1 for none. in_use: bool[time, link].

        Few times are searched one by one, which is then faster.
        """
        if len(t_s) < FEW:
            looks = zip(t_s.tolist(), map(np.flatnonzero, in_use), strict=True)
            found = [self.mesh(links).next_hops(self.cost_s(links, t), destinations)[0] for t, links in looks]
            return np.stack(found, axis=1)
        links = np.flatnonzero(in_use.any(axis=0))
        cost_s = np.where(in_use[:, links].T, self.cost_s(links[:, None], t_s), np.inf)
        ns = _ns(np.broadcast_to(cost_s, (2, len(links), len(t_s))))
        relays = (np.arange(self.nodes) < self.satellites) | self.ground_relay
        return instants.next_hops(self.nodes, *_edges(self.a[links], self.b[links]), relays, ns, destinations)


def _edges(a: Index, b: Index) -> tuple[Index, Index]:
    """Of links as edges of a search that begins at the destination: the next hop, and the node that would use
    it; all from a to b, then all from b to a.
    """
    return np.concatenate([a, b]), np.concatenate([b, a])


def _ns(cost_s: Array) -> Array:
    """Costs [side, link, ...] as whole ns of `_edges`: what node b sends crosses the first of them."""
    return np.maximum(np.round(np.concatenate([cost_s[1], cost_s[0]]) * 1e9), 1.0)


def windows(
    graph: Graph,
    usable: Spans,
    destinations: Index,
    times_s: Array,
    duration_s: float,
    progress: Callable[[float], None],
    may: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Routes of every node to the destinations, worked out at ascending times before duration_s.

    usable: when routing uses each link. may: bool[node, next hop], and a last column of False: routes that
    count, others are none. Arrays of CHANGE, one for each WINDOW_S.
    """
    table: Index = np.full((len(destinations), graph.nodes), -1, np.int32)
    parts, window = [np.empty(0, CHANGE)], 0
    lots = np.array_split(np.arange(len(destinations)), max(1, len(table) * graph.nodes // LOT))
    states = _states(graph, usable, times_s)
    for looks_s in _together(times_s):
        progress(float(looks_s[0]) / duration_s)
        while looks_s[0] >= (window + 1) * windowed.WINDOW_S:
            yield np.concatenate(parts)
            parts, window = [np.empty(0, CHANGE)], window + 1
        in_use, found = np.array([state for _, state in itertools.islice(states, len(looks_s))]), []
        for lot in lots:
            new = graph.next_hops(in_use, looks_s, destinations[lot])
            if may is not None:
                new = np.where(may[np.arange(graph.nodes), new], new, -1)
            row, look, node = np.nonzero(new != np.concatenate([table[lot, None], new[:, :-1]], axis=1))
            found.append((lot[row], node, look, new[row, look, node]))
            table[lot] = new[:, -1]
        row, node, look, via = (np.concatenate(column) for column in zip(*found, strict=True))
        part = np.empty(len(node), CHANGE)
        part["t_s"], part["node"], part["dst"], part["via"] = looks_s[look], node, destinations[row], via
        parts.append(part[np.lexsort((row, node, look))])
    yield np.concatenate(parts)
    for _ in range(window + 1, windowed.count(duration_s)):
        yield np.empty(0, CHANGE)


def _together(times_s: Array) -> Iterator[Array]:
    """Ascending times in runs of MOST, which span SPAN_S, at most, and lie in one window."""
    begin = 0
    while begin < len(times_s):
        t_s = float(times_s[begin])
        until_s = min(t_s + SPAN_S, (windowed.index(t_s) + 1) * windowed.WINDOW_S)
        end = min(begin + MOST, int(np.searchsorted(times_s, until_s)))
        yield times_s[begin:end]
        begin = end


def meshes(graph: Graph, usable: Spans, times_s: Array) -> Iterator[tuple[float, Index, Mesh]]:
    """(time, links in use, their mesh) at each of the ascending times."""
    before = None
    for t, in_use in _states(graph, usable, times_s):
        if in_use is not before:
            before, links = in_use, np.flatnonzero(in_use)
            mesh = graph.mesh(links)
        yield t, links, mesh


def _states(graph: Graph, usable: Spans, times_s: Array) -> Iterator[tuple[float, np.ndarray]]:
    """(time, bool[link]: whether in use) at ascending times; the same array while nothing changes."""
    at_s = np.concatenate([usable.start_s, usable.end_s])
    link = np.concatenate([usable.key, usable.key])
    on = np.arange(len(at_s)) < len(usable.key)
    order = np.lexsort((on, at_s))
    link, on = link[order], on[order]
    due_by = np.searchsorted(at_s[order], times_s, side="right")
    in_use, done = np.zeros(len(graph.a), bool), 0
    for t, due in zip(times_s.tolist(), due_by.tolist(), strict=True):
        if due > done:
            in_use = in_use.copy()
            in_use[link[done:due]] = on[done:due]  # where a link is repeated the last one counts
            done = due
        yield t, in_use
