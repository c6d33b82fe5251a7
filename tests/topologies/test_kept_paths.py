"""Paths that packets keep: what they cross, and how much longer they are."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts.spans import spans
from skybed.topologies.routing import srv6
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.routing.forwarding import Forwarding

#      1 ---- 2        four satellites, 0 to 3, and two ground nodes: 4 below 0, 5 below 3
#      |      |        each link takes 10 ms
#  4 - 0 ---- 3 - 5
A = np.array([0, 1, 2, 0, 0, 3])
B = np.array([1, 2, 3, 3, 4, 5])
DELAY_S = 0.01
NETWORK = SimpleNamespace(
    nodes=range(6), orbits=range(4), ends=(A, B), duration_s=100.0, values=SimpleNamespace(closed=spans()),
    one_way_s=lambda link, side, t_s: np.full(len(link), DELAY_S),
)  # fmt: skip
STANDS = pd.DataFrame({"link": range(6), "start_s": 0.0, "end_s": 100.0})
NONE = pd.DataFrame({"link": [], "kind": [], "start_s": [], "end_s": []})


def forwarding(rows, keeps_path, contacts=STANDS):
    changes = np.sort(np.array(rows, CHANGE), order=["t_s", "node"])
    return Forwarding(NETWORK, changes, contacts, NONE, keeps_path)


TO_5 = [(0.0, 4, 5, 0), (0.0, 0, 5, 3), (0.0, 3, 5, 5), (0.0, 1, 5, 2), (0.0, 2, 5, 3)]
MOVED = [*TO_5, (10.0, 0, 5, 1)]  # 0 sends by way of 1 and 2 from 10 s on


def walked(rows, src, t_s, keeps_path, **more):
    arrival_s, path_id, paths = forwarding(rows, keeps_path, **more).walk(src, 5, np.array([t_s]))
    return paths[path_id[0]], arrival_s[0]


@pytest.mark.parametrize("sent_s, hop_by_hop, kept", [
    (9.5, (4, 0, 3, 5), (4, 0, 3, 5)),
    (9.995, (4, 0, 1, 2, 3, 5), (4, 0, 3, 5)),  # it is on its way to 0 when 0 changes its mind
    (10.0, (4, 0, 1, 2, 3, 5), (4, 0, 1, 2, 3, 5)),
])  # fmt: skip
def test_a_packet_keeps_the_path_of_its_entry(sent_s, hop_by_hop, kept):
    for keeps_path, path in ((False, hop_by_hop), (True, kept)):
        found, arrival_s = walked(MOVED, 4, sent_s, keeps_path)
        assert found == path
        assert arrival_s == pytest.approx(sent_s + DELAY_S * (len(path) - 1))


def test_a_satellite_s_packets_go_hop_by_hop():
    assert walked([*TO_5, (10.0, 3, 5, -1)], 1, 9.985, keeps_path=True)[0] == (1, 2, 3)


def test_a_kept_path_runs_into_a_link_that_is_gone():
    """0--3 ends at 10 s, when its route moves: what is on its way to it is lost if it keeps its path."""
    contacts = STANDS.assign(end_s=np.where(STANDS.link == 3, 10.0, 100.0))
    assert walked(MOVED, 4, 9.995, keeps_path=False, contacts=contacts)[1] == pytest.approx(10.045)
    assert np.isnan(walked(MOVED, 4, 9.995, keeps_path=True, contacts=contacts)[1])


MOVES = st.tuples(st.floats(1e-3, 9), st.sampled_from([(4, 0), (0, 3), (0, 1), (4, -1)]))


@given(st.lists(MOVES, max_size=6, unique_by=lambda move: move[0]), st.floats(0, 9))
def test_a_kept_path_is_that_of_the_routes_of_one_instant(moves, sent_s):
    """As walked by hand over the table of the time of sending."""
    rows = [*TO_5, *((t_s, node, 5, via) for t_s, (node, via) in moves)]
    table = {}
    for t_s, node, _, via in sorted(rows, key=lambda row: row[0]):
        if t_s <= sent_s:
            table[node] = via
    expected = [4]
    while expected[-1] != 5 and table[expected[-1]] >= 0:
        expected.append(table[expected[-1]])
    assert walked(rows, 4, sent_s, keeps_path=True)[0] == tuple(expected)


def test_each_node_has_an_identifier_of_its_own():
    assert [srv6.sid(node) for node in (0, 9, 65_535)] == ["fd5b:1::1", "fd5b:1::a", "fd5b:1::1:0"]


@pytest.mark.parametrize("path, added", [
    ((4, 0, 3, 5), [40 + 8 + 3 * 16] * 3),
    ((4, 5), [64]),  # fibre
    ((0, 4, 1, 5), [0, 80, 80]),  # from a satellite: once it has touched the ground
    ((0, 3, 5), [0, 0]),
    ((4,), []),
])  # fmt: skip
def test_packets_are_longer_from_the_ingress_on(path, added):
    assert srv6.added_bytes(path, 4) == added
