"""Delay as lines: never off by more than the bound, and in far fewer pieces than as steps."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan import lines, steps
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.windowed import WINDOW_S, count
from skybed.topologies.scenario.file import Scenario

C_KM_US = 0.299792458
SMOOTH = np.array([np.inf])


def fly_by(nearest_km, speed_km_s, at_s):
    """Delay of a link to something that passes by on a straight line."""

    def delay_s(link, t_s):
        way_km = np.sqrt(nearest_km**2 + (speed_km_s * (np.asarray(t_s) - at_s)) ** 2)
        return way_km / C_KM_US / 1e6 + 0 * link

    return delay_s


def to_and_fro(leg_s, speed_us_s):
    """Delay of a link to something that drives up and down a road, turning at once at each end."""

    def delay_s(link, t_s):
        there = np.abs((np.asarray(t_s) + 0.3 * leg_s) % (2 * leg_s) - leg_s)
        return (3000 + speed_us_s * there) * 1e-6 + 0 * link

    return delay_s


def played(delay_s, start_s, end_s, bound_us, bends_s=SMOOTH, until_s=None):
    """t_s, delay_us, slope_us_s of the pieces of one contact; windows hold what begins in them."""
    until_s = end_s if until_s is None else until_s
    start, end = np.array([start_s]), np.array([end_s])
    parts = list(lines.pieces(np.array([0]), start, end, delay_s, bound_us, until_s, bends_s))
    assert len(parts) == count(until_s)
    for number, (_, t_s, *_) in enumerate(parts):
        assert ((t_s >= number * WINDOW_S) & (t_s < (number + 1) * WINDOW_S)).all()
    return [np.concatenate(part) for part in zip(*parts, strict=True)][1:]


def off_us(delay_s, pieces, t_s, link=0):
    """By how much the pieces are off at times."""
    begun_s, delay_us, slope_us_s = pieces
    assert (np.diff(begun_s) > 0).all()
    at = np.searchsorted(begun_s, t_s, side="right") - 1
    return delay_us[at] + slope_us_s[at] * (t_s - begun_s[at]) - delay_s(link, t_s) * 1e6


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.5, 3000), st.floats(0.01, 15), st.floats(0, 500), st.floats(0, 300), st.floats(0.002, 2500),
    st.sampled_from([1.0, 50.0, 500.0]),
)  # fmt: skip
@example(1.5, 7.0, 0.0, 0.0, 13.0, 50.0)  # begins where it turns
@example(0.5, 15.0, 225.0, 0.0, 450.0, 1.0)  # turns sharply in the middle of the first span
def test_a_fly_by_stays_within_the_bound(nearest_km, speed_km_s, at_s, start_s, long_s, bound_us):
    delay_s = fly_by(nearest_km, speed_km_s, at_s)
    pieces = played(delay_s, start_s, start_s + long_s, bound_us)
    assert pieces[0][0] == start_s
    around = np.concatenate([pieces[0], at_s + np.linspace(-1, 1, 2001), np.linspace(0, 2800, 28001)])
    t_s = around[(around >= start_s) & (around < start_s + long_s)]
    assert np.abs(off_us(delay_s, pieces, t_s)).max() <= bound_us


@pytest.mark.parametrize("leg_s", [7.0, 60.0, 150.0, 450.0])
def test_who_turns_at_once_is_followed(leg_s):
    delay_s = to_and_fro(leg_s, speed_us_s=0.1)
    pieces = played(delay_s, 0.0, 2000.0, 1.0, np.array([leg_s]))
    assert np.abs(off_us(delay_s, pieces, np.linspace(0, 1999.9, 100_001))).max() <= 1


def test_a_satellite_takes_few_lines_where_it_takes_thousands_of_steps():
    """A pass at 630 km: a step every 0.1 s, a line every few seconds."""
    delay_s, start, end = fly_by(630, 7.5, 150.0), np.array([0.0]), np.array([300.0])
    stepped = sum(len(part[0]) for part in steps.pieces(np.array([0]), start, end, delay_s, 1.0, 300.0))
    assert stepped > 2000
    assert len(played(delay_s, 0.0, 300.0, 1.0)[0]) < stepped / 25


def test_what_never_changes_is_told_once():
    pieces = played(lambda link, t_s: 0.012 + 0 * link + 0 * t_s, 100.0, 5000.0, 1.0)
    assert [part.tolist() for part in pieces] == [[100.0], [12000.0], [0.0]]


def test_a_longer_plan_begins_with_the_same_lines():
    delay_s = fly_by(900, 7.0, 2500.0)
    short, long = (played(delay_s, 10.0, 9000.0, 1.0, until_s=until_s) for until_s in (3700.0, 9000.0))
    within = [part[short[0] < WINDOW_S] for part in short]
    assert len(within[0]) > 5
    for mine, theirs in zip(within, long, strict=True):
        np.testing.assert_array_equal(mine, theirs[: len(mine)])


def test_a_sky_in_virtual_time_keeps_its_promise_in_few_events():
    scenario = Scenario.load("sc-mini").in_virtual_time()
    assert scenario.bound_us == 1
    plan = Plan.make(scenario, duration_s=900)
    events = plan.events.whole()
    events = events[events["property"] == Property.DELAY]
    assert len(events) < 20 * len(plan.links)
    for link, start_s, end_s in plan.contacts[["link", "start_s", "end_s"]].itertuples(index=False):
        mine, t_s = events[events["link"] == link], np.linspace(start_s, end_s - 1e-6, 997)
        pieces = mine["t_s"], mine["value"], mine["slope"]
        assert np.abs(off_us(plan.delay_s, pieces, t_s, link)).max() <= 1
