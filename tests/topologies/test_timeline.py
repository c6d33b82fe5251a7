"""Delay as a piecewise constant: never off by more than the bound, and in no more pieces than that takes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skybed.topologies.plan.lines import RESERVE
from skybed.topologies.plan.steps import pieces
from skybed.topologies.routing.windowed import WINDOW_S, count

C_KM_US = 0.299792458


def fly_by(nearest_km, speed_km_s, at_s):
    """Delay of a link to something that passes by on a straight line, as steps wants it."""

    def delay_s(link, t_s):
        way_km = np.sqrt(nearest_km**2 + (speed_km_s * (np.asarray(t_s) - at_s)) ** 2)
        return way_km / C_KM_US / 1e6 + 0 * link

    return delay_s


def played(link, start_s, end_s, delay_s, bound_us):
    """contact, t_s, delay_us of all pieces; that windows hold what begins in them is seen to on the way."""
    link, start_s, end_s = (np.atleast_1d(x) for x in (link, start_s, end_s))
    parts = list(pieces(link, start_s, end_s, delay_s, bound_us, end_s.max()))
    assert len(parts) == count(end_s.max())
    for number, (_, t_s, _) in enumerate(parts):
        assert ((t_s >= number * WINDOW_S) & (t_s < (number + 1) * WINDOW_S)).all()
    return (np.concatenate(part) for part in zip(*parts, strict=True))


def steps(delay_s, start_s, end_s, bound_us):
    """t_s and delay_us of the pieces of one contact."""
    _, t_s, delay_us = played(0, start_s, end_s, delay_s, bound_us)
    order = np.argsort(t_s)
    return t_s[order], delay_us[order]


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.5, 3000), st.floats(0.01, 15), st.floats(0, 500), st.floats(0, 300), st.floats(0.002, 500),
    st.sampled_from([1.0, 10.0, 50.0]),
)  # fmt: skip
@example(1.5, 7.0, 0.0, 0.0, 13.0, 50.0)  # begins where it turns
def test_a_fly_by_stays_within_the_bound(nearest_km, speed_km_s, at_s, start_s, long_s, bound_us):
    delay_s = fly_by(nearest_km, speed_km_s, at_s)
    t_s, delay_us = steps(delay_s, start_s, start_s + long_s, bound_us)
    assert t_s[0] == start_s
    assert (np.diff(t_s) > 0).all()
    around = np.concatenate([t_s, t_s - 1e-6, at_s + np.linspace(-1, 1, 2001), np.linspace(0, 900, 9001)])
    t = around[(around >= start_s) & (around < start_s + long_s)]
    applied_us = delay_us[np.searchsorted(t_s, t, side="right") - 1]
    assert np.abs(applied_us - delay_s(0, t) * 1e6).max() <= bound_us


def test_a_steady_climb_takes_one_piece_per_two_bounds():
    delay_s = fly_by(0.0, 3.0, -1000.0)  # 3 km/s straight away: 10 us/s
    t_s, _ = steps(delay_s, 0.0, 500.0, 50.0)
    assert len(t_s) == np.ceil(500 * 3 / C_KM_US / (100 * (1 - RESERVE)))


def test_what_hardly_changes_takes_one_piece():
    t_s, delay_us = steps(lambda link, t: 0.015 + 40e-6 * np.sin(t / 300) + 0 * link, 0.0, 5000.0, 50.0)
    assert len(t_s) == 1
    assert abs(delay_us[0] - 15000) < 1


def test_contacts_do_not_disturb_each_other():
    delay_s = fly_by(700, 7, 200)
    start, end = np.array([0.0, 100.0, 350.0]), np.array([90.0, 300.0, 600.0])
    row, t_s, delay_us = played([0, 1, 0], start, end, delay_s, 50.0)
    for n in range(3):
        alone = steps(delay_s, start[n], end[n], 50.0)
        order = np.argsort(t_s[row == n])
        assert np.allclose(t_s[row == n][order], alone[0], atol=0.05)
        assert np.allclose(delay_us[row == n][order], alone[1], atol=1)


def test_what_changes_slowly_gets_its_value_before_it_is_over():
    """0.002 us/s, 13 hours in two bounds: the value is that of the first hour, good for over half of them."""
    day_s = 86400.0
    delay_s = fly_by(0.0, 0.002 * C_KM_US, -1e6)
    t_s, delay_us = steps(delay_s, 0.0, 3 * day_s, 50.0)
    assert delay_us[0] - delay_s(0, 0.0) * 1e6 == pytest.approx(0.002 * WINDOW_S, abs=0.1)
    t = np.arange(0, 3 * day_s, 60)
    applied_us = delay_us[np.searchsorted(t_s, t, side="right") - 1]
    assert np.abs(applied_us - delay_s(0, t) * 1e6).max() <= 50.0
    assert len(t_s) <= np.ceil(0.002 * 3 * day_s / (50 * (1 - RESERVE)))


def test_what_does_not_change_takes_one_piece_however_long():
    t_s, _ = steps(lambda link, t: 0.12 + 0 * t + 0 * link, 0.0, 5 * 86400.0, 50.0)
    assert t_s.tolist() == [0.0]


def test_a_longer_plan_needs_no_more_memory():
    """30 links, delays to and fro: 20 events a second, of which a few windows are held."""

    def delay_s(link, t_s):
        return 0.01 + 0.005 * np.sin(np.asarray(t_s) / 50 + link)

    def peak_bytes(windows):
        links, end_s = np.arange(30), np.full(30, windows * WINDOW_S)
        tracemalloc.start()
        events = sum(len(t_s) for _, t_s, _ in pieces(links, 0 * end_s, end_s, delay_s, 50.0, end_s[0]))
        assert events > windows * 3e4
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(5) < 1.2 * peak_bytes(2)
