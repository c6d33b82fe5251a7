"""Quantities: how they print, and what they refuse."""

import copy

import pytest
from pytest import approx

from skybed.analysis.units import Quantity, kbps, mbps, ms, percent, s, us


@pytest.mark.parametrize(
    "quantity, printed",
    [
        (120 * ms, "120 ms"),
        (ms * 0.25, "250 us"),
        (83.1234 * ms, "83.1234 ms"),
        (1500 * ms, "1.5 s"),
        (0 * ms, "0 s"),
        (-3 * us, "-3 us"),
        (0.02 * us, "0.02 us"),
        (90 * s, "90 s"),
        (3 * mbps, "3 Mbit/s"),
        (64 * kbps, "64 kbit/s"),
        (0.5 * percent, "0.5 %"),
        (Quantity(1, "share"), "100 %"),
    ],
)
def test_a_quantity_prints_in_the_unit_that_suits_it(quantity, printed):
    assert (repr(quantity), str(quantity), f"{quantity}") == (printed, printed, printed)


def test_quantities_of_one_kind_add_up_and_compare():
    assert 80 * ms + 500 * us == approx(80.5 * ms, abs=1e-12)
    assert sum([2 * s, 500 * ms]) == 2.5 * s
    assert 1 * s - 200 * ms > 799 * ms and abs(-3 * ms) >= 3 * ms and -(3 * ms) <= 0
    assert (3 * mbps) / (500 * kbps) == 6
    assert (3 * s) / 2 == 1.5 * s
    assert f"{83.1234 * ms:.3f}" == "0.083"
    assert copy.deepcopy(4 * ms).kind == "time"


def test_pytest_approximates_them():
    assert 83.0001 * ms == approx(83 * ms, abs=1 * us)
    assert 83.1 * ms != approx(83 * ms, abs=1 * us)
    assert 83 * ms == approx(83 * ms) and 3 * mbps == approx(3 * mbps)


@pytest.mark.parametrize("compare", [
    lambda: 130 * ms < 120,
    lambda: max(120, 130 * ms),
    lambda: 130 * ms >= 120.0,
    lambda: 130 * ms + 1,
])  # fmt: skip
def test_a_forgotten_unit_is_told(compare):
    with pytest.raises(TypeError, match=r"has no unit; write a time as in 120 \* ms\.$"):
        compare()


def test_small_bare_numbers_are_in_the_base_unit():
    assert 130 * ms < 0.2 and 0.4 * percent < 0.01 and 0 * ms >= 0


def test_two_kinds_do_not_compare():
    with pytest.raises(TypeError, match="5 % is a share and 1 ms is a time"):
        _ = 5 * percent < 1 * ms
    with pytest.raises(TypeError, match="A time times a time"):
        _ = ms * ms
