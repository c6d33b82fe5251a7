"""When nodes reach each other by a plan's routes, and what it takes."""

from itertools import pairwise

import numpy as np
import pytest

from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.windowed import WINDOW_S
from skybed.topologies.scenario.file import Scenario
from skybed.topologies.tasks.reach import contacts, delays, reach
from support.tiny_sky import RADIO, S1_MIYUN, S1_SANYA, TINY, one_way_s, plan_of


def numbers(plan, *names):
    return [[plan.node(name) for name in pair] for pair in names]


def tiny(**changes):
    plan = plan_of({**TINY, **changes})
    return plan, numbers(plan, ("Miyun", "Sanya"), ("s1", "Miyun"), ("Miyun", "s1"), ("s1", "s1"))


def lasting(spans):
    return [[tuple(round(x, 3) for x in span) for span in spans.of(n)] for n in range(4)]


def test_stations_reach_each_other_while_both_have_a_satellite():
    plan, pairs = tiny()
    assert lasting(reach(plan, pairs)) == [[(0, 30), (32, 60)], [(0, 30)], [(0, 30)], [(0, 60)]]
    assert lasting(contacts(plan, pairs)) == [[], [(0, 30)], [(0, 30)], []]


@pytest.mark.parametrize("protocol", ["ospf", "schedule", "srv6"])
def test_whoever_routes_a_plan_without_surprises_is_the_same(protocol):
    plan, pairs = tiny(routing={"protocol": protocol, "drain_ms": 0})
    assert lasting(reach(plan, pairs))[0] == [(0, 30), (32, 60)]


def test_a_failure_ends_a_way_once_routing_knows():
    fault = {"kind": "carrier", "node": "Miyun", "at_s": 10, "for_s": 5, "reacquire_s": 0}
    plan, pairs = tiny(faults=[fault], routing={"drain_ms": 0, "detection_ms": 250})
    assert lasting(reach(plan, pairs))[0] == [(0, 10.25), (15, 30), (32, 60)]
    assert lasting(contacts(plan, pairs))[1] == [(0, 10), (15, 30)]


def test_who_is_silenced_has_no_contact():
    fault = {"kind": "silent", "node": "Miyun", "at_s": 10, "for_s": 5, "reacquire_s": 0}
    plan, pairs = tiny(faults=[fault], routing={"drain_ms": 0, "detection_ms": 250})
    assert lasting(contacts(plan, pairs))[1] == [(0, 10), (15, 30)]


def test_a_rate_of_0_one_way_closes_both():
    radio = {**RADIO, "down": {"rate_mbps": [[0, 10], [20, 0]]}}
    plan, pairs = tiny(links={"radio": radio})
    assert lasting(contacts(plan, pairs))[1] == [(0, 20)]
    assert lasting(reach(plan, pairs)) == [[(0, 20)], [(0, 20)], [(0, 20)], [(0, 60)]]
    assert delays(plan, numbers(plan, ("Miyun", "s1")), [25]).rate_mbps == 10  # it can still be told


def test_a_way_takes_light_time_and_has_the_rate_of_its_slowest_link():
    radio = {**RADIO, "up": {"rate_mbps": [[0, 10], [20, 4]], "extra_delay_ms": 3}}
    plan, pairs = tiny(links={"radio": radio})
    there = delays(plan, pairs, [1, 25, 31, 45])
    light_s = one_way_s(plan, np.array([1.0, 25.0]), S1_MIYUN, S1_SANYA)
    assert there.delay_s[0, :2] == pytest.approx(light_s + 3e-3, abs=1e-7)  # s1 moves on meanwhile
    assert np.isinf(there.delay_s[0]).tolist() == [False, False, True, False]
    assert there.rate_mbps.tolist() == [[10, 4, 0, 4], [10, 10, 0, 0], [10, 4, 0, 0], [np.inf] * 4]
    assert there.delay_s[3].tolist() == [0, 0, 0, 0]


@pytest.fixture(scope="module")
def miniature():
    """Longer than a window, with looks 20 s apart."""
    scenario = Scenario.load("sc-mini").with_({"routing.interval_s": 20}, duration_s=WINDOW_S + 400)
    return Plan.make(scenario).kept()


def slowest_mbps(plan, path):
    links = [plan.links[plan.network.link_between[ends]] for ends in pairwise(path)]
    return min(link.link_class.rate_mbps for link in links)


def test_packets_arrive_after_as_long_while_there_is_a_way(miniature):
    """Where the tables lead at the looks, that is where all agree."""
    names = [("eo-0-0", "beijing"), ("beijing", "eo-1-1"), ("comp-0-3", "eo-0-1"), ("kashi", "sanya")]
    t_s = np.arange(0, miniature.duration_s, 20)
    there = delays(miniature, numbers(miniature, *names), t_s)
    for row, (source, target) in enumerate(names):
        arrival_s, number, paths = miniature.trace(source, target, t_s)
        whole = np.isfinite(arrival_s)  # some are lost, as a link is left that they were to cross
        assert whole.mean() > 0.95
        off_s = there.delay_s[row, whole] - (arrival_s - t_s)[whole]
        assert np.median(np.abs(off_s)) < 1e-9
        assert (np.abs(off_s) < 1e-9).mean() > 0.9
        least_mbps = np.array([slowest_mbps(miniature, paths[n]) for n in number])
        assert (there.rate_mbps[row, whole] == least_mbps[whole]).mean() > 0.9


def test_windows_leave_no_mark(miniature, tmp_path):
    pairs = numbers(miniature, ("eo-0-0", "beijing"), ("comp-0-3", "eo-0-1"), ("relay-0-0", "miyun"))
    found = reach(miniature, pairs)
    assert not np.isin(found.start_s, WINDOW_S).any()
    assert not np.isin(found.end_s, WINDOW_S).any()
    miniature.save(tmp_path)
    assert all(map(np.array_equal, found, reach(Plan.load(tmp_path), pairs)))
    t_s = np.arange(0, miniature.duration_s, 20)
    led = np.isfinite(delays(miniature, pairs, t_s).delay_s)
    for number, row in enumerate(led):
        within = [any(a <= t < b for a, b in found.of(number)) for t in t_s]
        assert within == row.tolist()


def test_nobody_asks():
    plan, _ = tiny()
    assert len(reach(plan, []).key) == len(contacts(plan, []).key) == 0
    assert delays(plan, [], [1, 2]).delay_s.shape == (0, 2)
    assert delays(plan, [[0, 1]], []).delay_s.shape == (1, 0)
