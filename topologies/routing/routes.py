"""Who forwards to whom: least cost over the links that routing uses, as differences over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.spans import Spans
from skybed.topologies.routing import windowed
from skybed.topologies.routing.changes import CHANGE


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
        hop, node = np.concatenate([a, b]), np.concatenate([b, a])
        self.edge = order = np.lexsort((hop, node))
        self.hop, self.node = hop[order], node[order]
        self.groups = np.flatnonzero(np.diff(self.node, prepend=-1))  # where the edges of each node begin
        self.sender = self.origin(self.hop)
        self.size = nodes if ground_relay else 2 * nodes - satellites
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
        back_s, there_s = np.broadcast_to(cost_s, (2, cost_s.shape[-1]))[::-1]
        ns = np.maximum(np.round(np.concatenate([back_s, there_s]) * 1e9), 1.0)[self.edge]
        graph = csr_array((ns[self.into_csr], self.columns, self.starts), shape=(self.size, self.size))
        far = dijkstra(graph, indices=self.origin(destinations))
        via = np.full((len(destinations), self.nodes), -1, np.int32)
        if len(ns):
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
    cost_s: Callable[[Index, float], Array]
    ground_relay: bool

    def mesh(self, links: Index) -> Mesh:
        return Mesh(self.nodes, self.satellites, self.a[links], self.b[links], self.ground_relay)


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
    for t, links, mesh in meshes(graph, usable, times_s):
        progress(t / duration_s)
        while t >= (window + 1) * windowed.WINDOW_S:
            yield np.concatenate(parts)
            parts, window = [np.empty(0, CHANGE)], window + 1
        new, _ = mesh.next_hops(graph.cost_s(links, t), destinations)
        if may is not None:
            new = np.where(may[np.arange(graph.nodes), new], new, -1)
        node, row = np.nonzero((new != table).T)
        part = np.empty(len(node), CHANGE)
        part["t_s"], part["node"], part["dst"], part["via"] = t, node, destinations[row], new[row, node]
        parts.append(part)
        table = new
    yield np.concatenate(parts)
    for _ in range(window + 1, windowed.count(duration_s)):
        yield np.empty(0, CHANGE)


def meshes(graph: Graph, usable: Spans, times_s: Array) -> Iterator[tuple[float, Index, Mesh]]:
    """(time, links in use, their mesh) at each of the ascending times."""
    at_s, link = np.concatenate([usable.start_s, usable.end_s]), np.tile(usable.key, 2)
    on = np.arange(len(at_s)) < len(usable.key)
    order = np.lexsort((on, at_s))
    link, on = link[order], on[order]
    due_by = np.searchsorted(at_s[order], times_s, side="right")
    in_use, done = np.zeros(len(graph.a), bool), 0
    links = np.zeros(0, np.int64)
    mesh = graph.mesh(links)
    for t, due in zip(times_s.tolist(), due_by.tolist(), strict=True):
        if due > done:
            in_use[link[done:due]] = on[done:due]  # where a link is repeated the last one counts
            done, links = due, np.flatnonzero(in_use)
            mesh = graph.mesh(links)
        yield t, links, mesh
