"""No mixture of old and new routes has a loop, whatever the graph and wherever the telling has come to."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from skybed.emulator.sky.order import rounds


def next_hops(weights):
    """int[node, destination]: shortest paths over a symmetric matrix of weights (0: no link)."""
    _, before = dijkstra(weights, directed=False, return_predecessors=True)
    return np.where(before < 0, -1, before).T  # the node before `node` on the way from `destination`


@st.composite
def skies(draw):
    """A sky before and after: weights of the same nodes, some links other or gone."""
    n = draw(st.integers(3, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    before, after = (np.triu(rng.random((n, n)) * (rng.random((n, n)) < 0.4), 1) for _ in range(2))
    after = np.where(rng.random((n, n)) < 0.5, before, after)
    return (before + before.T, after + after.T), rng


def has_loop(via, destination):
    at = np.arange(len(via))
    for _ in range(len(via) + 1):
        at = np.where(at < 0, at, np.where(at == destination, -1, via[at, destination]))
    return bool((at >= 0).any())


@given(skies())
def test_no_loop_at_any_moment_of_a_change(sky):
    (before, after), rng = sky
    old, new = next_hops(before), next_hops(after)
    node, destination = np.nonzero(old != new)
    turn = rounds(node, destination, new)
    told = old.copy()
    for i in np.lexsort((rng.random(len(node)), turn)):  # within a round in any order
        told[node[i], destination[i]] = new[node[i], destination[i]]
        assert not has_loop(told, destination[i])
    assert np.array_equal(told, new)


def test_a_reversed_chain_would_loop_if_told_from_its_far_end():
    """0 - 1 - 2 - 3 around a ring whose link 0 - 3 breaks: 2 sent by way of 3, and must wait for 1."""
    old = np.array([[-1, -1], [0, -1], [3, -1], [0, -1]])[:, :1]
    new = np.array([[-1], [0], [1], [2]])
    wrong = old.copy()
    wrong[3] = 2
    assert has_loop(wrong, 0)
    node, destination = np.nonzero(old != new)
    assert dict(zip(node.tolist(), rounds(node, destination, new).tolist(), strict=True)) == {2: 0, 3: 1}


def test_routes_that_run_in_a_circle_are_told_at_once():
    """0 and 1 send by way of each other, 2 into their circle; 3 still waits for the node on its way, 4."""
    via = np.array([[1], [0], [0], [4], [5], [-1]])
    assert rounds(np.array([0, 1, 2, 3, 4]), np.zeros(5, int) + 5, np.tile(via, 6)).tolist() == [
        0,
        0,
        0,
        1,
        0,
    ]
