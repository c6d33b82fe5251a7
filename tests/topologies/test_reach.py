"""Between which nodes there is a way: where a search for the shortest finds one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.routing import reach
from skybed.topologies.routing.routes import Mesh


@st.composite
def graphs(draw):
    """(nodes, satellites, ends a, ends b)"""
    nodes = draw(st.integers(2, 9))
    pairs = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)).filter(
        lambda ends: ends[0] < ends[1]
    )
    links = np.array(draw(st.lists(pairs, unique=True, max_size=12)), int).reshape(-1, 2)
    return nodes, draw(st.integers(0, nodes)), *links.T


@given(graphs(), st.booleans())
def test_there_is_a_way_where_a_search_finds_one(graph, ground_relay):
    nodes, satellites, a, b = graph
    via, _ = Mesh(nodes, satellites, a, b, ground_relay).next_hops(np.full(len(a), 0.01), np.arange(nodes))
    assert (reach.reachable(a, b, nodes, satellites, ground_relay) == (via.T >= 0)).all()


def test_parts_of_a_graph_have_the_names_of_their_lowest_nodes():
    a, b = np.array([[5, 1], [3, 5], [2, 4]]).T
    assert reach.parts(a, b, 7).tolist() == [0, 1, 2, 1, 2, 1, 6]


def test_a_row_of_a_thousand_nodes_is_one_part():
    row = np.arange(1000)
    assert (reach.parts(row[1:], row[:-1], 1000) == 0).all()
