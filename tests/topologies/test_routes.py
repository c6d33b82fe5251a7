import numpy as np
import pytest

from skybed.topologies.contacts.spans import minus, spans
from skybed.topologies.routing.routes import Graph, Mesh, windows
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
