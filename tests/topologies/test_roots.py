import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.orbits.roots import EDGE_S, zeros


def test_many_functions_at_once():
    """t^3 - n, each from both sides; and one with a corner at its zero."""
    n = np.array([1.0, 8.0, 27.0, 64.0])
    rows, asked = np.arange(4), []

    def value(row, t):
        asked.append(len(row))
        return t**3 - n[row]

    found = zeros(value, np.full(4, 10.0), np.zeros(4), value(rows, 10.0), value(rows, 0.0))
    assert found == pytest.approx([1, 2, 3, 4], abs=EDGE_S)
    assert (value(rows, found) > 0).all()
    assert len(asked) < 20
    corner = zeros(
        lambda row, t: np.where(t < 3, 3 - t, 1e-6 * (3 - t)), *np.array([[0.0], [10.0], [3.0], [-7e-6]])
    )
    assert corner == pytest.approx([3], abs=EDGE_S)


@given(
    st.floats(0, 1e6), st.floats(1e-5, 100), st.floats(0, 1), st.floats(1e-6, 1e6), st.sampled_from([-1, 1])
)
def test_the_side_is_the_positive_one(begin_s, long_s, share, steep, sign):
    """Zero anywhere in the bracket, at its ends too, however unequal the values there."""
    zero_s, end_s = begin_s + share * long_s, begin_s + long_s

    def value(row, t):
        return sign * np.where(t > zero_s, steep * (t - zero_s), t - zero_s)

    inside_s, outside_s = (end_s, begin_s) if sign > 0 else (begin_s, end_s)
    inside, outside = value(0, np.array([inside_s])), value(0, np.array([outside_s]))
    if inside[0] > 0:
        found = zeros(value, np.array([inside_s]), np.array([outside_s]), inside, outside)
        assert value(0, found)[0] > 0
        assert found[0] == pytest.approx(zero_s, abs=EDGE_S)
