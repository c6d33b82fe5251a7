"""Delay as a piecewise constant: never off by more than the bound, and in no more pieces than that takes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.timeline import RESERVE, steps

C_KM_US = 0.299792458


def fly_by(nearest_km, speed_km_s, at_s):
    """Delay of a link to something that passes by on a straight line, as steps wants it."""

    def delay_s(link, t_s):
        way_km = np.sqrt(nearest_km**2 + (speed_km_s * (np.asarray(t_s) - at_s)) ** 2)
        return way_km / C_KM_US / 1e6 + 0 * link

    return delay_s


def pieces(delay_s, start_s, end_s, bound_us):
    _, t_s, delay_us = steps(np.array([0]), np.array([start_s]), np.array([end_s]), delay_s, bound_us)
    order = np.argsort(t_s)
    return t_s[order], delay_us[order]


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.5, 3000), st.floats(0.01, 15), st.floats(0, 500), st.floats(0, 300), st.floats(0.002, 500),
    st.sampled_from([1.0, 10.0, 50.0]),
)  # fmt: skip
def test_a_fly_by_stays_within_the_bound(nearest_km, speed_km_s, at_s, start_s, long_s, bound_us):
    delay_s = fly_by(nearest_km, speed_km_s, at_s)
    t_s, delay_us = pieces(delay_s, start_s, start_s + long_s, bound_us)
    assert t_s[0] == start_s
    assert (np.diff(t_s) > 0).all()
    around = np.concatenate([t_s, t_s - 1e-6, at_s + np.linspace(-1, 1, 2001), np.linspace(0, 900, 9001)])
    t = around[(around >= start_s) & (around < start_s + long_s)]
    applied_us = delay_us[np.searchsorted(t_s, t, side="right") - 1]
    assert np.abs(applied_us - delay_s(0, t) * 1e6).max() <= bound_us


def test_a_steady_climb_takes_one_piece_per_two_bounds():
    delay_s = fly_by(0.0, 3.0, -1000.0)  # 3 km/s straight away: 10 us/s
    t_s, _ = pieces(delay_s, 0.0, 500.0, 50.0)
    assert len(t_s) == np.ceil(500 * 3 / C_KM_US / (100 * (1 - RESERVE)))


def test_what_hardly_changes_takes_one_piece():
    t_s, delay_us = pieces(lambda link, t: 0.015 + 40e-6 * np.sin(t / 300) + 0 * link, 0.0, 5000.0, 50.0)
    assert len(t_s) == 1
    assert abs(delay_us[0] - 15000) < 1


def test_contacts_do_not_disturb_each_other():
    delay_s = fly_by(700, 7, 200)
    start, end = np.array([0.0, 100.0, 350.0]), np.array([90.0, 300.0, 600.0])
    row, t_s, delay_us = steps(np.array([0, 1, 0]), start, end, delay_s, 50.0)
    for n in range(3):
        alone = pieces(delay_s, start[n], end[n], 50.0)
        order = np.argsort(t_s[row == n])
        assert np.allclose(t_s[row == n][order], alone[0], atol=0.05)
        assert np.allclose(delay_us[row == n][order], alone[1], atol=1)
