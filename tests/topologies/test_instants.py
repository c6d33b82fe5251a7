"""Next hops at many instants are those of a search at each of them."""

import numpy as np
import pytest

from skybed.topologies.contacts.spans import minus, spans
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.routing.routes import Graph, windows

NODES, SATELLITES, LINKS = 30, 24, 90
TIMES_S = np.arange(20.0)


def sky(seed, spread, relay, way_back=1.0):
    """A random network whose links cost 1 to 5 ms, so that many ways are equal, and change by a spread; some
    come and go. way_back: what a link costs from its node b, in costs from a.
    """
    random = np.random.default_rng(seed)
    pairs = random.choice(NODES * (NODES - 1) // 2, LINKS, replace=False)
    a, b = (end[pairs] for end in np.triu_indices(NODES, 1))
    base, slope = random.integers(1, 6, LINKS), random.integers(-1, 2, LINKS)

    def cost_s(link, t_s):
        there = 1e-3 * np.maximum(base[link] + spread * slope[link] * (t_s - 10), 1e-6)
        return there if way_back == 1.0 else np.stack([there, way_back * there])

    gone = random.choice(LINKS, 20, replace=False)
    start_s = random.uniform(0, 20, 20)
    usable = minus(spans(np.arange(LINKS), 0.0, 100.0), spans(gone, start_s, start_s + 4))
    return Graph(NODES, SATELLITES, a, b, cost_s, relay), usable


def tables(changes, destinations):
    """[time, node, destination]: what the changes leave in force at each time."""
    table, at = np.full((NODES, NODES), -1), []
    for t_s in TIMES_S:
        now = changes[changes["t_s"] == t_s]
        table[now["node"], now["dst"]] = now["via"]
        at.append(table[:, destinations].copy())
    return np.array(at)


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("spread, way_back", [(0.0, 1.0), (0.001, 1.0), (0.02, 1.0), (0.3, 1.0), (0.3, 2.0)])
@pytest.mark.parametrize("seed", range(4))
def test_next_hops_are_those_of_a_search_at_each_instant(seed, spread, way_back, relay):
    graph, usable = sky(seed, spread, relay, way_back)
    destinations = np.array([1, 5, 24, 27, 29])
    changes = np.concatenate(list(windows(graph, usable, destinations, TIMES_S, 20.0, lambda share: None)))
    assert changes.dtype == CHANGE
    keys = np.lexsort((changes["dst"], changes["node"], changes["t_s"]))
    assert np.array_equal(keys, np.arange(len(changes)))
    found = tables(changes, destinations)
    for k, t_s in enumerate(TIMES_S):
        now = (usable.start_s <= t_s) & (usable.end_s > t_s)
        links = np.unique(usable.key[now])
        via, _ = graph.mesh(links).next_hops(graph.cost_s(links, t_s), destinations)
        assert np.array_equal(found[k], via.T)


def test_without_links_there_are_no_routes():
    graph, _ = sky(0, 0.0, False)
    told = list(windows(graph, spans(), np.array([1, 29]), TIMES_S, 20.0, lambda share: None))
    assert [len(part) for part in told] == [0]
