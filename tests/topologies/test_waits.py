"""How long one waits for a way: in general, and from a remote sensing satellite to the ground."""

from functools import cache

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts.spans import spans
from skybed.topologies.model import ready
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from skybed.topologies.tasks.reach import reach, thinned
from skybed.topologies.tasks.waits import waits

DAY_S = 86_400.0
DOMESTIC = ["miyun", "kashi", "sanya", "lijiang", "mohe"]
FIELDS = yaml.safe_load((ready.SCENARIOS / "ways-down.yaml").read_text())


# -- in general ----------------------------------------------------------------------------------


def test_a_bus_every_ten_minutes_that_stops_for_none():
    """On average five minutes, nine in ten wait at most nine, and as good as nobody leaves at once."""
    stops_s = np.arange(600, 6001, 600)
    found = waits(spans(0, stops_s, stops_s + 1e-9), 0, 6000)
    assert found == pytest.approx((0, 300, 300, 540, 600, 0), abs=1e-6)


def test_a_way_that_stands_a_quarter_of_the_time():
    """Gaps of 30 in 40: a quarter wait for nothing, half for 10 at most, 90 % for 26, the mean is 45/4."""
    found = waits(spans([0, 1, 0], [0, 40, 80], [10, 50, 90]), 0, 80)
    assert found == pytest.approx((0.25, 11.25, 10, 26, 30, 0))


def test_after_the_last_way_nobody_knows():
    """Who asks then counts as not at once, and in no wait; one that begins later makes it known."""
    ways = spans(0, [10, 60], [40, 70])
    assert waits(ways, 0, 100) == pytest.approx((0.4, (50 + 200) / 70, 0, 13, 20, 30))
    later = spans(0, [10, 60, 110], [40, 70, 120])
    assert waits(later, 0, 100) == pytest.approx((0.4, (50 + 200 + 750) / 100, 5, 30, 40, 0))


def test_without_a_way_there_is_no_wait_to_tell():
    found = waits(spans(), 0, 100)
    assert found.now == 0 and found.open_s == 100
    assert np.isnan(found[1:5]).all()
    assert waits(spans(3, -10, 200), 0, 100) == (1, 0, 0, 0, 0, 0)


EDGES = st.lists(st.tuples(st.floats(-50, 150), st.floats(0.1, 30)), max_size=8)


@given(EDGES)
def test_many_who_ask_find_the_same(edges):
    start_s, long_s = np.array(edges).reshape(-1, 2).T
    ways = spans(np.arange(len(edges)), start_s, start_s + long_s)
    asked_s = (np.arange(20_000) + 0.5) / 200
    begins_s = np.where(ways.end_s > asked_s[:, None], np.maximum(ways.start_s, asked_s[:, None]), np.inf)
    waited_s = begins_s.min(axis=1, initial=np.inf) - asked_s
    known_s = waited_s[np.isfinite(waited_s)]
    found = waits(ways, 0, 100)
    assert found.now == pytest.approx((waited_s == 0).mean(), abs=1e-3)
    assert found.open_s == pytest.approx(100 - len(known_s) / 200, abs=0.02)
    if len(known_s) > 200:
        assert found.mean_s == pytest.approx(known_s.mean(), abs=0.2)
        assert found.max_s == pytest.approx(known_s.max(), abs=0.02)
        for share, told_s in ((0.5, found.median_s), (0.9, found.p90_s)):
            assert (known_s <= told_s + 0.02).mean() >= share - 0.02
            assert (known_s < told_s - 0.02).mean() <= share + 0.02


# -- REFERENCE: one week of a satellite at 535 km over five domestic stations, above 5 deg -----------


@cache
def plan(*layers, days=7):
    """Of some layers of the ready scenario alone."""
    rules = [
        {**rule, "to": [name for name in np.atleast_1d(rule["to"]).tolist() if name in layers]}
        for rule in FIELDS["access"]
        if rule["from"] in ("ground", *layers)
    ]
    routing = {name: value for name, value in FIELDS["routing"].items() if name != "destinations"}
    fewer = {"layers": {name: FIELDS["layers"][name] for name in layers}, "access": rules, "routing": routing}
    return Plan.make(Scenario.model_validate({**FIELDS, **fewer}), duration_s=days * DAY_S)


def waits_min(plan, stations):
    """Share at once in %, the others in minutes."""
    pairs = [(0, plan.node(name)) for name in stations]
    found = waits(reach(thinned(plan, pairs), pairs), 0, plan.duration_s)
    return 100 * found.now, *(value_s / 60 for value_s in found[1:5])


@pytest.mark.parametrize(
    ("layer", "stations", "published"),
    [
        ("alone", DOMESTIC, (7.1, 127.9, 70.7, 335, 493)),
        ("alone", [*DOMESTIC, "kiruna"], (12.6, 43.0, 37.2, 82, 201)),
        ("ring", DOMESTIC, (53.5, 71.1, 0, 243, 387)),
    ],
)
def test_waits_for_a_station(layer, stations, published):
    assert waits_min(plan(layer), stations) == pytest.approx(published, rel=0.03)


def test_a_ring_and_kiruna_leave_a_tenth_to_wait():
    """Published: mean 4.7 and p90 1.0 min. As 11.3 % of the time has no way, the p90 is at the edge."""
    now, mean, median, p90, longest = waits_min(plan("ring"), [*DOMESTIC, "kiruna"])
    assert (now, longest) == pytest.approx((88.7, 116), rel=0.03)
    assert (mean, median, p90) == pytest.approx((4.7, 0, 1.0), abs=0.3)


@pytest.mark.parametrize(
    ("layers", "published"),
    [(("under-one", "one"), (66.0, 6.3, 25.8, 41)), (("under-two", "two"), (90.1, 1.4, 0.0, 31.5))],
)
def test_waits_for_a_geostationary_relay(layers, published):
    """With 90.1 % at once the p90 is published as 0; with 89.85 % it is 0.4 min."""
    now, mean, median, p90, longest = waits_min(plan(*layers), DOMESTIC)
    assert (now, longest) == pytest.approx((published[0], published[3]), rel=0.03)
    assert (mean, median) == pytest.approx((published[1], 0), abs=0.05)
    assert p90 == pytest.approx(published[2], rel=0.03, abs=0.5)


@pytest.mark.parametrize(("layers", "days"), [(("under-three", "three"), 7), (("under-relay", "relay"), 1)])
def test_three_geostationary_relays_or_fifty_low_ones_leave_no_wait(layers, days):
    assert waits_min(plan(*layers, days=days), DOMESTIC) == (100, 0, 0, 0, 0)


def test_a_plan_for_one_question_answers_it_as_the_whole_plan_does():
    scenario = Scenario.load("sc-mini").with_({"routing.interval_s": 60}, duration_s=7200)
    whole = Plan.make(scenario)
    pairs = [(whole.node(a), whole.node(b)) for a in ("eo-0-0", "eo-0-1") for b in ("beijing", "miyun")]
    few = reach(thinned(whole, pairs), pairs)
    assert len(few.key) > len(pairs)
    assert all(map(np.array_equal, few, reach(whole, pairs)))
