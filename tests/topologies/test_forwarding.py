"""What becomes of packets on links that come, go, are silent or closed: instants on each side of an edge."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skybed.topologies.contacts.spans import spans
from skybed.topologies.routing import forwarding
from skybed.topologies.routing.changes import CHANGE

#  0 -- 1 -- 2      two satellites and a station; links 0 and 1, of 10 ms to the higher node and 20 ms back
WAY_S = np.array([0.01, 0.02])
TO_2, TO_0 = [(0.0, 0, 2, 1), (0.0, 1, 2, 2)], [(0.0, 2, 0, 1), (0.0, 1, 0, 0)]
STANDS = [(0, 10.0, 20.0), (0, 30.0, 100.0), (1, 0.0, 100.0)]
NONE = pd.DataFrame({"link": [], "kind": [], "start_s": [], "end_s": [], "planned": []})


def network(contacts=STANDS, lost=(), closed=()):
    """Of a run of 100 s. lost: (link, start, end) of silence; closed: the same, of 2 * link + side."""
    silent = pd.DataFrame(lost, columns=["link", "start_s", "end_s"])
    return SimpleNamespace(
        nodes=range(3), orbits=range(2), ends=(np.array([0, 1]), np.array([1, 2])), duration_s=100.0,
        contacts=pd.DataFrame(contacts, columns=["link", "start_s", "end_s"]),
        lost=silent.assign(kind="silent", planned=False) if lost else NONE,
        values=SimpleNamespace(closed=spans(*zip(*closed, strict=True)) if closed else spans()),
        link_between={(0, 1): 0, (1, 0): 0, (1, 2): 1, (2, 1): 1}, changes=[],
        one_way_s=lambda link, side, t_s: WAY_S[side] + 0 * t_s,
    )  # fmt: skip


def crossed(made, link, side, t_s):
    """How long a packet takes over a link, in ms; nan: it is lost."""
    links, sides, times_s = np.array([link]), np.array([side]), np.array([t_s])
    (arrival_s,) = forwarding.over(made, np.empty(0, CHANGE)).cross(links, sides, times_s)
    return (arrival_s - t_s) * 1e3


def seen(ms):
    return pytest.approx(ms, nan_ok=True)


@pytest.mark.parametrize("t_s, side, ms", [
    (9.999, 0, np.nan), (10.0, 0, 10), (10.0, 1, 20), (19.98, 0, 10), (19.985, 1, np.nan),
    (19.995, 0, np.nan), (20.0, 0, np.nan), (25.0, 0, np.nan), (30.0, 0, 10), (99.999, 0, 10),
])  # fmt: skip
def test_a_link_stands_when_a_packet_enters_and_when_it_comes_out(t_s, side, ms):
    """But what stands as the plan ends stands on."""
    assert crossed(network(), 0, side, t_s) == seen(ms)


def test_what_comes_out_just_as_a_link_goes_is_lost():
    made = network([(0, 0.0, 0.25)])
    made.one_way_s = lambda link, side, t_s: np.full(len(t_s), 0.125)
    assert crossed(made, 0, 0, 0.125) == seen(np.nan)
    assert crossed(made, 0, 0, 0.0625) == seen(125)


@pytest.mark.parametrize("link", [-1, 0, 1])
def test_no_link_and_a_link_that_never_stands_carry_nothing(link):
    assert crossed(network([]), link, 0, 5.0) == seen(np.nan)
    assert crossed(network([(1, 0.0, 100.0)]), link, 0, 5.0) == seen(10 if link == 1 else np.nan)


@pytest.mark.parametrize(
    "t_s, ms", [(11.999, 10), (12.0, np.nan), (13.999, np.nan), (14.0, 10), (9.0, np.nan)]
)
def test_a_silent_link_loses_what_enters_it(t_s, ms):
    assert crossed(network(lost=[(0, 12.0, 14.0)]), 0, 0, t_s) == seen(ms)


@pytest.mark.parametrize("t_s, lost", [(39.999, False), (40.0, True), (49.999, True), (50.0, False)])
def test_a_direction_that_is_closed_loses_what_is_sent_that_way(t_s, lost):
    made = network(closed=[(3, 40.0, 50.0)])
    assert crossed(made, 1, 1, t_s) == seen(np.nan if lost else 20)
    assert crossed(made, 1, 0, t_s) == seen(10) and crossed(made, 0, 1, t_s) == seen(20)


def test_links_that_were_down_or_silent_against_the_plan_carry_nothing_then():
    """Link 0 from 40 s to 50 s, and link 1 is silent from 60 s to 70 s."""
    changes = np.array(TO_2, CHANGE)
    fell, quiet = spans(0, 40.0, 50.0), spans(1, 60.0, 70.0)
    both = {"down": fell, "silent": quiet}
    for more, lost in (({}, []), ({"down": fell}, [45]), ({"silent": quiet}, [65]), (both, [45, 65])):
        t_s = np.array([35, 45, 55, 65, 75])
        arrival_s, _, _ = forwarding.over(network(), changes, **more).walk(0, 2, t_s)
        assert t_s[np.isnan(arrival_s)].tolist() == lost


def walked(rows, t_s, src=0, dst=2, **more):
    arrival_s, path_id, paths = forwarding.over(network(), np.array(rows, CHANGE)).walk(src, dst, t_s, **more)
    return arrival_s.tolist(), [paths[number] for number in path_id]


def test_packets_go_where_the_routes_of_each_node_say():
    assert walked(TO_2, [5.0, 35.0]) == ([seen(np.nan), seen(35.02)], [(0,), (0, 1, 2)])
    assert walked(TO_0, 35.0, src=2, dst=0) == ([seen(35.04)], [(2, 1, 0)])
    assert walked(TO_2, 35.0, src=2) == ([35.0], [(2,)])  # it is there


def test_silence_against_the_plan_comes_on_top_of_that_of_the_plan():
    made = forwarding.over(
        network(lost=[(0, 12.0, 14.0)]), np.array(TO_2, CHANGE), silent=spans(1, 16.0, 18.0)
    )
    t_s = np.array([11, 13, 15, 17, 19])
    assert t_s[np.isnan(made.walk(0, 2, t_s).arrival_s)].tolist() == [13, 17]


def test_packets_go_hop_by_hop_by_the_routes_in_force_as_they_come():
    """It is on its way from the ground to 1 when 1 loses its route."""
    assert walked([*TO_0, (35.01, 1, 0, -1)], 35.0, src=2, dst=0) == ([seen(np.nan)], [(2, 1)])


def test_a_packet_that_comes_to_a_node_without_a_route_is_lost_there():
    assert walked([(0.0, 0, 2, 1), (0.0, 1, 2, -1)], 35.0) == ([seen(np.nan)], [(0, 1)])


@pytest.mark.parametrize("most, arrives", [(1, False), (2, True), (3, True)])
def test_a_packet_crosses_so_many_links_at_most(most, arrives):
    (arrival_s,), ((*path,),) = walked(TO_2, 35.0, most=most)
    assert np.isfinite(arrival_s) == arrives
    assert path == [0, 1, 2][: most + 1]


def test_a_packet_that_goes_round_is_lost_in_the_end():
    (arrival_s,), (path,) = walked([(0.0, 0, 2, 1), (0.0, 1, 2, 0)], 35.0, most=5)
    assert np.isnan(arrival_s) and path == (0, 1, 0, 1, 0, 1)


@pytest.mark.parametrize("changes, late_s", [([], 0.0), ([1], 0.01)])
def test_each_link_of_each_path_is_told_with_who_crosses_it_when(changes, late_s):
    """When it is crossed is worked out only where links change."""
    made = network()
    made.changes = changes
    t_s, path_id = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, -1, 1])
    told = [
        (one.rows.tolist(), one.place, one.link, one.side, one.t_s.tolist())
        for one in forwarding.crossings(made, t_s, path_id, [(2, 1), (0, 1, 2), (1, 0)])
    ]
    assert told == [
        ([1], 0, 1, 1, [2.0]), ([0, 3], 0, 0, 0, [1.0, 4.0]),
        ([0, 3], 1, 1, 0, pytest.approx([1 + late_s, 4 + late_s])),
    ]  # fmt: skip
