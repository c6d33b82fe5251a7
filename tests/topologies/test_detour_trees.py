"""Ways around lost links: where planned ways are the shortest ones, so are these, over what is left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.routing.detours import around
from skybed.topologies.routing.routes import Mesh

GROUND = 3  # of the nodes, the last ones
NODES = 9


def next_hops(links, relay):
    """[node, destination]: the oracle's next hops, and how far it is. links: costs in ns by pair, there and
    back; inf: not that way.
    """
    a, b = (np.array([pair[end] for pair in links], int) for end in (0, 1))
    cost_s = np.array([*links.values()], float).reshape(-1, 2).T / 1e9
    via, far = Mesh(NODES, NODES - GROUND, a, b, relay).next_hops(cost_s, np.arange(NODES))
    return via.T, far.T


def costs_ns(links):
    """By node and hop, of those that carry anything."""
    each = {node: {} for node in range(NODES)}
    for (a, b), (there, back) in links.items():
        for node, hop, cost_ns in ((a, b, there), (b, a, back)):
            if cost_ns < np.inf:
                each[node][hop] = cost_ns
    return each


def alike(links):
    return {pair: (cost_ns, cost_ns) for pair, cost_ns in links.items()}


pairs = st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda pair: pair[0] < pair[1])
costs = st.one_of(st.integers(1, 30), st.just(np.inf))
networks = st.dictionaries(pairs, st.tuples(costs, costs), min_size=3, max_size=24)


@given(networks, st.data(), st.booleans())
def test_new_ways_are_those_of_an_oracle_that_never_had_the_links(links, data, relay):
    lost = data.draw(st.sets(st.sampled_from(sorted(links)), min_size=1, max_size=3))
    left = {pair: cost for pair, cost in links.items() if pair not in lost}
    via, _ = next_hops(links, relay)
    _, far = next_hops(left, relay)
    may_relay = np.arange(NODES) < NODES - GROUND if not relay else np.ones(NODES, bool)
    hops, ways, costs = around(via, lost, costs_ns(left), may_relay), via.copy(), costs_ns(left)
    for key, hop in hops.items():
        assert hop != via[key]
        ways[key] = hop
    for node, destination in np.ndindex(NODES, NODES):
        walked, at = 0, node
        while at != destination and ways[at, destination] >= 0 and walked < 10**6:
            following = int(ways[at, destination])
            walked, at = walked + costs[at][following], following
        reached = walked if at == destination else np.inf
        assert reached == far[node, destination]


def test_of_equal_ways_the_lowest_next_hop_counts():
    """A diamond, 0 to 4 over 1, or over 2 or 3 that are as far."""
    links = {(0, 1): 1, (1, 4): 1, (0, 2): 5, (2, 4): 5, (0, 3): 5, (3, 4): 5}
    via, _ = next_hops(alike(links), True)
    left = {pair: cost_ns for pair, cost_ns in links.items() if pair != (1, 4)}
    assert around(via, [(1, 4)], costs_ns(alike(left)), np.ones(NODES, bool))[0, 4] == 2


def test_who_has_no_way_left_has_no_next_hop():
    links = {(0, 1): 1, (1, 2): 1}
    via, _ = next_hops(alike(links), True)
    hops = around(via, [(1, 2)], costs_ns(alike({(0, 1): 1})), np.ones(NODES, bool))
    assert hops == {(0, 2): -1, (1, 2): -1, (2, 0): -1, (2, 1): -1}


@pytest.mark.parametrize("lost", [[(2, 3)], []])
def test_nothing_changes_for_ways_that_cross_no_lost_link(lost):
    links = {(0, 1): 1, (1, 2): 1, (0, 2): 9, (2, 3): 50}
    via, _ = next_hops(alike(links), True)
    assert all(3 in key for key in around(via, lost, costs_ns(alike(links)), np.ones(NODES, bool)))
