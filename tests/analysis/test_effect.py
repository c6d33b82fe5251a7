"""Effect sizes and intervals against hand-made samples, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from skybed.analysis.measures import effect

samples = st.lists(st.integers(-50, 50), min_size=2, max_size=9).map(lambda x: np.array(x, float))


def test_cliffs_delta_counts_pairs():
    """Of nine pairs b is greater in six and less in two: 4 / 9."""
    assert effect.cliffs_delta(np.array([1.0, 2, 5]), np.array([2.0, 3, 6])) == approx(4 / 9)
    assert effect.cliffs_delta(np.array([1.0, 2]), np.array([3.0, 4, 5])) == 1


@pytest.mark.parametrize(
    "delta, name", [(0.1, "negligible"), (-0.2, "small"), (0.4, "medium"), (-1, "large")]
)
def test_sizes_have_names(delta, name):
    assert effect.word(delta) == name


def test_p_values_are_those_of_the_published_tables():
    """Samples of 4 and 5 with U = 2: two-sided 0.0635 (8 of 126 arrangements)."""
    assert effect.p_value(np.array([1.0, 2, 3, 6]), np.array([4.0, 5, 7, 8, 9])) == approx(8 / 126)
    assert effect.p_value(np.arange(4.0), np.arange(4.0) + 10) == effect.smallest_p(4, 4) == approx(2 / 70)


def test_ties_are_arrangements_too():
    """Equal values in each of two samples that do not overlap: still only the two extreme arrangements."""
    assert effect.p_value(np.full(4, 8.2), np.full(4, 9.0)) == approx(2 / 70)


@given(samples, samples)
@settings(max_examples=40, deadline=None)
def test_what_holds_of_any_two_samples(a, b):
    delta = effect.cliffs_delta(a, b)
    assert -1 <= delta <= 1 and effect.cliffs_delta(b, a) == approx(-delta) and effect.cliffs_delta(a, a) == 0
    assert effect.smallest_p(len(a), len(b)) <= effect.p_value(a, b) + 1e-12 <= 1 + 1e-9
    low, high = effect.medians_interval(a, b)
    assert b.min() - a.max() <= low <= high <= b.max() - a.min()


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    """200 times two samples of 12 whose medians differ by 3."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        low, high = effect.medians_interval(rng.normal(0, 1, 12), rng.normal(3, 1, 12))
        held += low <= 3 <= high
    assert held / 200 >= 0.91


def test_what_moves_two_series_alike_is_no_noise_and_blocks_keep_what_follows_one_another():
    rng = np.random.default_rng(7)
    drift = np.linspace(0, 100, 400)
    one, other = drift + rng.normal(0, 1, 400), drift + 0.5 + rng.normal(0, 1, 400)
    low, high = effect.series_interval(one, other, np.mean)
    assert 0 < low < 0.5 < high < 1
    bursts = np.repeat(rng.integers(0, 2, 20), 20).astype(float)  # what is lost is lost twenty times over
    low, high = effect.series_interval(bursts, np.zeros(401), np.mean)
    assert high - low > 2 * 1.96 * 0.5 / np.sqrt(400)  # wider than of single ones
