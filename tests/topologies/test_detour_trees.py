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
    """[node, destination]: the oracle's next hops, and how far it is. links: delays in ns by pair."""
    a, b = (np.array([pair[end] for pair in links], int) for end in (0, 1))
    delay_s = np.array([*links.values()]) / 1e9
    via, far = Mesh(NODES, NODES - GROUND, a, b, relay).next_hops(delay_s, np.arange(NODES))
    return via.T, far.T


def delays_ns(links):
    both = {node: {} for node in range(NODES)}
    for (a, b), delay_ns in links.items():
        both[a][b] = both[b][a] = delay_ns
    return both


pairs = st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda pair: pair[0] < pair[1])
networks = st.dictionaries(pairs, st.integers(1, 30), min_size=3, max_size=24)


@given(networks, st.data(), st.booleans())
def test_new_ways_are_those_of_an_oracle_that_never_had_the_links(links, data, relay):
    lost = data.draw(st.sets(st.sampled_from(sorted(links)), min_size=1, max_size=3))
    left = {pair: delay_ns for pair, delay_ns in links.items() if pair not in lost}
    via, _ = next_hops(links, relay)
    _, far = next_hops(left, relay)
    may_relay = np.arange(NODES) < NODES - GROUND if not relay else np.ones(NODES, bool)
    hops, ways = around(via, lost, delays_ns(left), may_relay), via.copy()
    for key, hop in hops.items():
        assert hop != via[key]
        ways[key] = hop
    for node, destination in np.ndindex(NODES, NODES):
        walked, at = 0, node
        while at != destination and ways[at, destination] >= 0 and walked < 10**6:
            following = int(ways[at, destination])
            walked, at = walked + left[min(at, following), max(at, following)], following
        reached = walked if at == destination else np.inf
        assert reached == far[node, destination]


def test_of_equal_ways_the_lowest_next_hop_counts():
    """A diamond, 0 to 4 over 1, or over 2 or 3 that are as far."""
    links = {(0, 1): 1, (1, 4): 1, (0, 2): 5, (2, 4): 5, (0, 3): 5, (3, 4): 5}
    via, _ = next_hops(links, True)
    left = {pair: delay_ns for pair, delay_ns in links.items() if pair != (1, 4)}
    assert around(via, [(1, 4)], delays_ns(left), np.ones(NODES, bool))[0, 4] == 2


def test_who_has_no_way_left_has_no_next_hop():
    links = {(0, 1): 1, (1, 2): 1}
    via, _ = next_hops(links, True)
    hops = around(via, [(1, 2)], delays_ns({(0, 1): 1}), np.ones(NODES, bool))
    assert hops == {(0, 2): -1, (1, 2): -1, (2, 0): -1, (2, 1): -1}


@pytest.mark.parametrize("lost", [[(2, 3)], []])
def test_nothing_changes_for_ways_that_cross_no_lost_link(lost):
    links = {(0, 1): 1, (1, 2): 1, (0, 2): 9, (2, 3): 50}
    via, _ = next_hops(links, True)
    assert all(3 in key for key in around(via, lost, delays_ns(links), np.ones(NODES, bool)))
