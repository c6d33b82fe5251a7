"""Quantiles are exact, however many numbers there are, and losses do not depend on how they come."""

import numpy as np
import pytest

from skybed.topologies.model.losses import loss_periods
from skybed.topologies.model.samples import HELD, Sample

RNG = np.random.default_rng(1)
NUMBERS = {
    "few": lambda n: RNG.integers(-3, 4, n).astype(float),
    "far apart": lambda n: RNG.normal(0, 1, n) * 10.0 ** RNG.integers(-300, 300, n),
    "close together": lambda n: RNG.normal(1e5, 1e-6, n),
    "one": lambda n: np.full(n, -7.5),
}


@pytest.mark.parametrize("count", [1, 2, 1000, HELD, 3 * HELD + 1])
@pytest.mark.parametrize("kind", NUMBERS)
def test_quantiles_are_those_of_numpy(kind, count):
    numbers = NUMBERS[kind](count)
    with Sample() as sample:
        for part in np.array_split(numbers, 5):
            sample.add(np.append(part, np.nan))
        assert (sample.n, sample.least, sample.greatest) == (count, numbers.min(), numbers.max())
        for share in (0, 0.123, 0.5, 0.99, 1):
            assert sample.quantile(share) == np.quantile(numbers, share)
        assert sample.quantile(0.99, less=sample.least) == np.quantile(numbers - numbers.min(), 0.99)


def test_nothing_has_no_quantile():
    with Sample() as sample:
        sample.add([np.nan])
        assert sample.n == 0 and np.isnan([sample.quantile(0.5), sample.least, sample.greatest]).all()


@pytest.mark.parametrize("last", [False, True])
def test_a_run_of_losses_may_go_on_in_the_next_piece(last):
    lost = np.append(RNG.random(999) < 0.4, last)
    sent_s = np.arange(1000.0) / 10
    whole = loss_periods([(sent_s, lost)])
    pieces = loss_periods(zip(np.split(sent_s, [0, 300, 301]), np.split(lost, [0, 300, 301]), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(whole, pieces, strict=True))
    assert (whole.after - whole.first).sum() == lost.sum() and whole.after_s[-1] <= sent_s[-1]
    assert (whole.after[-1] == 1000) == last
