"""Least-cost routes: next hops of a small network by hand, of random ones by Bellman and Ford's search."""

import itertools

import numpy as np
import pytest

from skybed.topologies.contacts.spans import minus, spans
from skybed.topologies.routing.routes import Graph, Mesh, meshes, windows
from skybed.topologies.routing.windowed import WINDOW_S

#      2 -- 3      four satellites in a square, and two ground nodes:
#      |    |      4 below 0 and 1 (so it could relay between them), 5 below 3
#      0 -- 1
A = np.array([0, 1, 2, 0, 0, 1, 3])
B = np.array([1, 3, 3, 2, 4, 4, 5])
MS = np.array([5.0, 5.0, 5.0, 5.0, 2.0, 2.0, 2.0])


def hops(ground_relay, delay_ms=MS):
    mesh = Mesh(6, 4, A, B, ground_relay)
    return mesh.next_hops(np.asarray(delay_ms) / 1000, np.arange(6))


def test_of_equal_ways_the_lower_node_wins():
    via, _ = hops(False)
    assert (via[3, 0], via[0, 3]) == (1, 1)  # not 2
    assert (via[2, 1], via[1, 2]) == (0, 0)  # not 3


def test_delays_add_up():
    _, far_ns = hops(True)
    assert far_ns[5, 4] == pytest.approx(9e6)  # 4-1-3-5
    assert far_ns[4].tolist() == far_ns[:, 4].tolist()
    assert np.diagonal(far_ns).tolist() == [0] * 6


def test_a_ground_node_relays_only_if_it_may():
    """0 to 1 through the ground takes 4 ms, directly 5."""
    assert hops(True)[0][1, 0] == 4
    via, far_ns = hops(False)
    assert via[1, 0] == 1
    assert far_ns[5, 4] == pytest.approx(9e6)
    assert via[4, 0] == via[4, 1] == 4


def test_no_way_is_no_route():
    mesh = Mesh(6, 4, A[:4], B[:4], True)
    via, far_ns = mesh.next_hops(MS[:4] / 1000, np.array([5, 3]))
    assert (via[0] == -1).all()
    assert np.isinf(far_ns[0, :5]).all()
    assert via[1].tolist() == [1, 3, 3, -1, -1, -1]


def test_a_node_is_not_routed_to_itself():
    for ground_relay in (True, False):
        assert (np.diagonal(hops(ground_relay)[0]) == -1).all()


def test_only_differences_are_told():
    """Link 0-1 goes at 10 s and returns at 12.5 s; it takes packets from 0 to 3 over 2 meanwhile."""
    usable = minus(spans(range(7), 0.0, 100.0), spans(0, 10.0, 12.5))
    graph = Graph(6, 4, A, B, lambda link, t: MS[link] / 1000, False)
    times_s = np.union1d(np.arange(0.0, 20.0), [10.0, 12.5])
    changes = np.concatenate(list(windows(graph, usable, np.array([3]), times_s, 20.0, lambda share: None)))
    later = changes[changes["t_s"] > 0]
    assert later[["t_s", "node", "via"]].tolist() == [(10.0, 0, 2), (12.5, 0, 1)]
    assert len(changes[changes["t_s"] == 0]) == 5


def test_windows_lie_end_to_end():
    """Three and a bit: the link goes at the first edge of a window, and in the third nothing happens."""
    usable = minus(spans(range(7), 0.0, 9e9), spans(0, WINDOW_S, 9e9))
    graph = Graph(6, 4, A, B, lambda link, t: MS[link] / 1000, False)
    duration_s = 3 * WINDOW_S + 5
    parts = list(
        windows(graph, usable, np.array([3]), np.array([0.0, WINDOW_S]), duration_s, lambda share: None)
    )
    assert [len(part) for part in parts] == [5, 1, 0, 0]
    assert parts[1]["t_s"] == WINDOW_S


def by_hand(nodes, satellites, edges, relay, destination):
    """Next hop and cost of each node: costs get smaller, an edge at a time, until none does.

    edges: (node, next hop, ns). Who is on the ground passes on only what it may.
    """
    usable = [edge for edge in edges if relay or edge[1] < satellites or edge[1] == destination]
    far, via = np.full(nodes, np.inf), np.full(nodes, -1)
    far[destination] = 0
    for _, (node, hop, ns) in itertools.product(range(nodes), usable):
        far[node] = min(far[node], far[hop] + ns)
    for node, hop, ns in sorted(usable, key=lambda edge: -edge[1]):  # of equal ones the lowest comes last
        if node != destination and np.isfinite(far[node]) and far[hop] + ns == far[node]:
            via[node] = hop
    return via, far


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("lonely", [(), (0,), (7,)])
@pytest.mark.parametrize("seed", range(3))
def test_next_hops_are_those_of_a_search_by_hand(seed, lonely, relay):
    """Nine satellites and four stations; each direction of a link costs 1 to 4 ms; some have no link."""
    random, nodes, satellites = np.random.default_rng(seed), 13, 9
    pairs = [ends for ends in itertools.combinations(range(nodes), 2) if not {*ends} & {*lonely}]
    a, b = np.array(pairs)[np.sort(random.choice(len(pairs), 22, replace=False))].T
    ms = random.integers(1, 5, (2, len(a)))
    edges = [*zip(a, b, ms[0] * 10**6, strict=True), *zip(b, a, ms[1] * 10**6, strict=True)]
    via, far_ns = Mesh(nodes, satellites, a, b, relay).next_hops(ms / 1e3, np.arange(nodes))
    for destination in range(nodes):
        hops, costs_ns = by_hand(nodes, satellites, edges, relay, destination)
        assert via[destination].tolist() == hops.tolist()
        assert far_ns[destination].tolist() == costs_ns.tolist()


@pytest.mark.parametrize("later_ns, via_0", [(0.0, 1), (0.4, 1), (1.0, 2)])
def test_ways_that_differ_by_less_than_half_a_nanosecond_are_equal(later_ns, via_0):
    via, _ = hops(False, MS + 1e-6 * later_ns * (np.arange(7) == 0))
    assert via[3, 0] == via_0


def test_a_link_that_takes_no_time_is_a_link():
    """It counts a nanosecond: the way over 1 to 3 takes two, and the other four."""
    via, far_ns = Mesh(4, 4, A[:4], B[:4], True).next_hops(np.array([0, 0, 2e-9, 2e-9]), np.array([3]))
    assert (via[0, 0], far_ns[0, 0], far_ns[0, 1]) == (1, 2, 1)


def test_without_links_there_is_no_way():
    via, far_ns = Mesh(3, 2, A[:0], B[:0], False).next_hops(np.zeros(0), np.array([0, 2]))
    assert via.tolist() == [[-1] * 3] * 2
    assert far_ns.tolist() == [[0, np.inf, np.inf], [np.inf, np.inf, 0]]


def routed(usable, times_s, duration_s, **more):
    """(t_s, node, via) of routes to 3 in each window, and the shares of the work that were told."""
    shares = []
    graph = Graph(6, 4, A, B, lambda link, t: MS[link] / 1000, False)
    parts = windows(graph, usable, np.array([3]), np.array(times_s, float), duration_s, shares.append, **more)
    return [part[["t_s", "node", "via"]].tolist() for part in parts], shares


def test_looks_that_are_near_each_other_are_in_their_own_windows():
    """A second before the edge of a window the link from 0 to 1 goes, and at the edge it is back."""
    usable = minus(spans(range(7), 0.0, 9e9), spans(0, WINDOW_S - 1, WINDOW_S))
    times_s = [0, WINDOW_S - 1, WINDOW_S, WINDOW_S + 1]
    (first, second), shares = routed(usable, times_s, WINDOW_S + 2)
    assert first[5:] == [(WINDOW_S - 1, 0, 2)] and second == [(WINDOW_S, 0, 1)]
    assert shares[0] == 0 and shares == sorted(shares) and 0.9 < shares[-1] < 1


def test_routes_that_do_not_count_are_none():
    """0 may send to 2 and nothing else, so over 1 it has no way."""
    may = np.zeros((6, 7), bool)
    may[:, :6] = True
    may[0, :6] = np.arange(6) == 2
    always = spans(range(7), 0.0, 100.0)
    (sent,), _ = routed(always, [0.0], 10.0, may=may)
    assert sent == [(0, 1, 3), (0, 2, 3), (0, 4, 1), (0, 5, 3)]
    (sent,), _ = routed(minus(always, spans(0, 5.0, 6.0)), [0.0, 5.0, 6.0], 10.0, may=may)
    assert sent[4:] == [(5, 0, 2), (6, 0, -1)]


def test_a_mesh_stays_while_its_links_do():
    usable = minus(spans(range(7), 0.0, 100.0), spans(0, 10.0, 12.0))
    graph = Graph(6, 4, A, B, lambda link, t: MS[link] / 1000, False)
    looks = list(meshes(graph, usable, np.array([0.0, 9.0, 10.0, 11.0, 12.0, 13.0])))
    assert [len(links) for _, links, _ in looks] == [7, 7, 6, 6, 7, 7]
    kept = [mesh for _, _, mesh in looks]
    assert [one is other for one, other in itertools.pairwise(kept)] == [True, False, True, False, True]
