"""Next hops at many instants at once, between which costs change little.

The least and the greatest cost of each edge within these instants bound what a way from each node costs. A
hop that is too dear at its cheapest is the next one at none of them: most nodes have a single one left. Over
these, costs are added up from the destination outwards, for all instants in one go.

What ways cost jumps where a destination gets or loses a link of its own. So from then on it counts as another
one: a piece is a destination and the instants between two such changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from skybed.topologies.arrays import Array, Index

AHEAD = 4096  # rows looked at for where a step ends


class Rows(NamedTuple):
    """Nodes that can be reached in a piece: a row for each, in the order in which its way can be known.

    piece, node, first (of its hops), many (how many), sure (its one hop is the next one at every instant):
    of each row. head (the row it leads to; behind the last: the destination), edge: of each hop that may be
    the next one.
    """

    piece: Index
    node: Index
    first: Index
    many: Index
    sure: np.ndarray
    head: Index
    edge: Index


def next_hops(
    nodes: int, hop: Index, node: Index, relays: np.ndarray, cost_ns: Array, destinations: Index
) -> Index:
    """int32[destination, instant, node], -1 for none; of equal next hops the lowest.

    hop, node: of each edge the next hop and the node that would use it. relays: bool[nodes], whether packets
    may pass through it. cost_ns: whole numbers, [edge, instant]; inf: it is not in use.
    """
    number, of = _pieces(hop, cost_ns, destinations)
    rows = _rows(nodes, hop, node, relays, cost_ns, destinations, number, of)
    far_ns = _outwards(rows, cost_ns)

    table = np.full((len(of), nodes), -1, np.int32)
    table[rows.piece, rows.node] = hop[rows.edge[rows.first]]
    via = table[number]
    unsure = np.flatnonzero(~rows.sure)
    piece, count, least_ns = rows.piece[unsure], rows.many[unsure], far_ns[unsure]
    hops = _runs(rows.first[unsure], count)
    way_ns = far_ns[rows.head[hops]] + cost_ns[rows.edge[hops]]
    best = (way_ns == np.repeat(least_ns, count, axis=0)) & (way_ns < np.inf)
    lowest = np.where(best, hop[rows.edge[hops], None], nodes)
    lowest = np.minimum.reduceat(lowest, np.cumsum(count) - count, axis=0)
    row, instant = np.nonzero(number[of[piece]] == piece[:, None])
    found = lowest[row, instant]
    via[of[piece[row]], instant, rows.node[unsure[row]]] = np.where(found < nodes, found, -1)
    via[np.arange(len(destinations)), :, destinations] = -1
    return via


def _pieces(hop: Index, cost_ns: Array, destinations: Index) -> tuple[Index, Index]:
    """The number of the piece of each destination and instant; of each piece the destination (its place)."""
    used = np.isfinite(cost_ns)
    edge, instant = np.nonzero(used[:, 1:] != used[:, :-1])
    begins = np.zeros((max(hop.max(initial=0), destinations.max(initial=0)) + 1, cost_ns.shape[1]), bool)
    begins[:, 0] = begins[hop[edge], instant + 1] = True
    begins = begins[destinations]
    return np.cumsum(begins).reshape(begins.shape) - 1, np.nonzero(begins)[0]


def _rows(
    nodes: int, hop: Index, node: Index, relays: np.ndarray, cost_ns: Array, destinations: Index,
    number: Index, of: Index,
) -> Rows:  # fmt: skip
    """number, of: see _pieces. Each piece has a source behind all nodes, where the edges of its destination
    begin once more.
    """
    pieces, size = np.arange(len(of)), nodes + len(of)
    by_hop, passing = np.argsort(hop, kind="stable"), np.flatnonzero(relays[hop])
    begin, end = (np.searchsorted(hop[by_hop], destinations[of], side) for side in ("left", "right"))
    own, piece = by_hop[_runs(begin, end - begin)], np.repeat(pieces, end - begin)
    during = number[of[piece]] == piece[:, None]
    least_ns = np.append(cost_ns[passing].min(axis=1), np.where(during, cost_ns[own], np.inf).min(axis=1))
    most_ns = np.append(cost_ns[passing].max(axis=1), np.where(during, cost_ns[own], 0.0).max(axis=1))
    edge, sender = np.append(passing, own), np.append(hop[passing], nodes + piece)
    by_node = np.argsort(node[edge])
    edge, sender, least_ns, most_ns = edge[by_node], sender[by_node], least_ns[by_node], most_ns[by_node]
    low_ns, high_ns = (
        dijkstra(csr_array((ns, (sender, node[edge])), shape=(size, size)), indices=nodes + pieces)
        for ns in (least_ns, most_ns)
    )
    through_ns = low_ns.take(sender, axis=1) + least_ns
    reached, way = np.nonzero((through_ns <= high_ns.take(node[edge], axis=1)) & (through_ns < np.inf))

    here = reached * size + node[edge[way]]
    first = np.flatnonzero(np.diff(here, prepend=-1))
    outwards = np.argsort(low_ns.ravel()[here[first]])
    count = np.diff(np.append(first, len(here)))[outwards]
    hops = _runs(first[outwards], count)
    row, at = np.full(len(of) * size, len(count)), here[first[outwards]]
    row[at] = np.arange(len(count))
    sure = (count == 1) & np.isfinite(high_ns.ravel()[at])
    head = row[reached[hops] * size + sender[way[hops]]]
    return Rows(at // size, at % size, np.cumsum(count) - count, count, sure, head, edge[way[hops]])


def _outwards(rows: Rows, cost_ns: Array) -> Array:
    """What the best way from each row costs, [row, instant]; and a last row of 0, where ways end.

    Rows of which no hop leads to another of them are worked out in one step. Hops that lead to a row that
    comes later (links so short that costs change by more) are what it is gone through again for, until
    nothing becomes less.
    """
    _, _, first, count, _, head, edge = rows
    far_ns = np.full((len(first) + 1, cost_ns.shape[1]), np.inf)
    far_ns[-1] = 0.0
    row = np.repeat(np.arange(len(first)), count)
    back = np.flatnonzero((head >= row) & (head < len(first)))
    several = np.flatnonzero(count > 1)
    beside = _runs(first[several] + 1, count[several] - 1)
    begin = np.append(0, np.cumsum(count[several] - 1))

    def ways_ns(hops: Index) -> Array:
        return far_ns.take(head[hops], axis=0) + cost_ns.take(edge[hops], axis=0)

    steps = list(_steps(np.maximum.reduceat(np.where(head < row, head, -1), first)))
    while True:
        for here, there in steps:
            best_ns = ways_ns(first[here:there])
            i, j = np.searchsorted(several, [here, there])
            if i < j:
                others_ns = ways_ns(beside[begin[i] : begin[j]])
                least_ns = np.minimum.reduceat(others_ns, begin[i:j] - begin[i], axis=0)
                best_ns[several[i:j] - here] = np.minimum(best_ns[several[i:j] - here], least_ns)
            far_ns[here:there] = best_ns
        if not (ways_ns(back) < far_ns[row[back]]).any():
            return far_ns


def _steps(last: Index) -> Iterator[tuple[int, int]]:
    """Rows (from, to) none of which needs another of them. last: of each the last row that it needs."""
    here = 0
    while here < len(last):
        needs = last[here : here + AHEAD] >= here
        there = here + (int(needs.argmax()) if needs.any() else len(needs))
        yield here, there
        here = there


def _runs(begin: Index, count: Index) -> Index:
    """begin, begin + 1, ... of each run, one after the other."""
    return np.repeat(begin - (np.cumsum(count) - count), count) + np.arange(count.sum())
