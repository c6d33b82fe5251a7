"""How much two samples differ, and whether by more than chance.

The effect size is Cliff's delta: how much more often a value of b is greater than one of a than the reverse,
from -1 to 1. It asks nothing of the distributions, which of delays and outages are neither normal nor of one
width, is not moved by a few far values, and is what the test of Mann and Whitney tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

LEVEL = 0.95
RESAMPLES = 1999
EXACT = 10_000  # arrangements of two samples that are all tried; beyond them the normal distribution serves
SEED = 1  # of resampling: the same data give the same interval
# Romano et al. 2006, of Cliff's delta.
WORDS = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"), (math.inf, "large"))

Statistic = Callable[[np.ndarray], float]


def cliffs_delta(a: np.ndarray, b: np.ndarray) -> float:
    """P(b > a) less P(b < a), over all pairs."""
    from scipy import stats  # takes a second, which who compares nothing need not spend

    return float(2 * stats.mannwhitneyu(b, a, method="asymptotic").statistic / (len(a) * len(b)) - 1)


def word(delta: float) -> str:
    """For the size of a Cliff's delta."""
    return next(name for least, name in WORDS if abs(delta) < least)


def p_value(a: np.ndarray, b: np.ndarray) -> float:
    """Of Mann and Whitney's test, two-sided: by all arrangements where they are few, ties and all."""
    from scipy import stats

    if math.comb(len(a) + len(b), len(a)) > EXACT:
        return float(stats.mannwhitneyu(a, b, method="asymptotic").pvalue)
    return float(stats.mannwhitneyu(a, b, method=stats.PermutationMethod(n_resamples=EXACT)).pvalue)


def smallest_p(n: int, m: int) -> float:
    """The least that `p_value` can be for samples of n and m: those that do not overlap."""
    return 2 / math.comb(n + m, n)


def medians_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Of the difference of medians, b less a: 95 %, by bootstrap; nan of single values."""
    if min(len(a), len(b)) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(SEED)
    medians = [np.median(rng.choice(x, (RESAMPLES, len(x))), axis=1) for x in (b, a)]
    return _middle(medians[0] - medians[1])


def series_interval(a: np.ndarray, b: np.ndarray, statistic: Statistic) -> tuple[float, float]:
    """Of the difference of a statistic, b less a, of two series in time: 95 %, by bootstrap of blocks.

    What follows one another is alike, so blocks of it are drawn, of the square root of the series' length.
    From series of one length the same blocks: what moves both, as an orbit does, is then no chance.
    """
    rng = np.random.default_rng(SEED)
    differences = np.empty(RESAMPLES)
    for n in range(RESAMPLES):
        at_a = _blocks(len(a), rng)
        at_b = at_a if len(a) == len(b) else _blocks(len(b), rng)
        differences[n] = statistic(b[at_b]) - statistic(a[at_a])
    return _middle(differences)


def _blocks(length: int, rng: np.random.Generator) -> np.ndarray:
    """Places in a series: so many as it has, in blocks that run on from its end to its beginning."""
    size = math.isqrt(length)
    first = rng.integers(length, size=-(-length // size))
    return ((first[:, None] + np.arange(size)) % length).ravel()[:length]


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Where 95 % of them lie; nan where the statistic could not be told of any."""
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
