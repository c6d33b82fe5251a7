"""Two campaigns over the same parameters: what changed, by how much, and whether by more than chance.

A figure is compared in each combination of parameters by itself, its repeats in one campaign with those in
the other: the difference of medians, Cliff's delta, and Mann and Whitney's test. Of many tests some are
beyond any limit by chance, so p values are adjusted as Benjamini and Hochberg do: of what is called beyond
the noise, at most one in twenty is expected not to be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from skybed.analysis.campaign.statistics import long
from skybed.analysis.campaign.table import Results
from skybed.analysis.compare.comparison import WORDS, sentence
from skybed.analysis.measures import effect
from skybed.topologies.errors import RunError
from skybed.topologies.model.metrics import label

FALSE_SHARE = 0.05  # of what is called beyond the noise
ENOUGH = next(n for n in range(1, 99) if effect.smallest_p(n, n) < FALSE_SHARE)  # repeats in each, at least


def compare(a: Results, b: Results) -> pd.DataFrame:
    """A row for each combination, flow and figure of both campaigns that either measured.

    Columns: the parameters, flow, figure, unit, n_a, n_b (runs with a figure), a, b (medians), difference
    (b less a), low, high (its 95 % interval), cliffs_delta, p (adjusted), outcome, says (a sentence). What is
    nan could not be told.

    outcome: identical      the same values
             within noise   or beyond noise
             too few runs   for any values to be beyond the noise
             missing        no run with a figure in one of the two
    """
    _comparable(a, b)
    keys = [*a.parameters, "flow", "figure"]
    values_a, values_b = ({key: x.to_numpy() for key, x in _values(c, keys)} for c in (a, b))
    rows = [
        (*key, *compared(values_a.get(key), values_b.get(key), str(key[-1])))
        for key in dict.fromkeys([*values_a, *values_b])
    ]
    table = pd.DataFrame(rows, columns=[*keys, *COLUMNS])
    _adjust(table)
    return table.assign(says=[_says(row, list(a.parameters)) for row in table.to_dict("records")])


COLUMNS = [
    "unit", "n_a", "n_b", "a", "b", "difference", "low", "high", "cliffs_delta", "p", "outcome",
]  # fmt: skip


def _comparable(a: Results, b: Results) -> None:
    odd = [at for at in (*a.parameters, *b.parameters) if at not in a.parameters or at not in b.parameters]
    if odd:
        raise RunError(
            f"{a.dir} and {b.dir}: only one of them varies {odd[0]}; compare two of one campaign file."
        )
    if not set(a.metrics) & set(b.metrics):
        raise RunError(
            f"{a.dir} and {b.dir}: they have no metric in common; compare two of one campaign file."
        )


def _values(results: Results, keys: list[str]) -> Any:
    """Groups of the values of each row to be, those of runs without a figure left out."""
    return (
        long(results)
        .rename(columns={"metric": "figure"})
        .dropna(subset="value")
        .groupby(keys, sort=False)["value"]
    )


def compared(a: np.ndarray | None, b: np.ndarray | None, metric: str) -> tuple[Any, ...]:
    """From `unit` on; p is that of the one test, nan where there is none to make."""
    a, b = (np.empty(0) if x is None else x for x in (a, b))
    medians = [np.median(x) if len(x) else np.nan for x in (a, b)]
    head = (label(metric)[1], len(a), len(b), *medians, medians[1] - medians[0])
    if not len(a) or not len(b):
        return *head, np.nan, np.nan, np.nan, np.nan, "missing"
    if np.array_equal(np.sort(a), np.sort(b)):
        return *head, 0.0, 0.0, 0.0, np.nan, "identical"
    enough = effect.smallest_p(len(a), len(b)) < FALSE_SHARE
    return (
        *head, *effect.medians_interval(a, b), effect.cliffs_delta(a, b),
        effect.p_value(a, b) if enough else np.nan, "too few runs",
    )  # fmt: skip


def _says(row: dict[str, Any], parameters: list[str]) -> str:
    at = ", ".join(f"{at} {row[at]}" for at in parameters)
    return (f"{at}: " if at else "") + sentence(**row)


def overall(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each flow and figure of a comparison: whether it changed over all combinations together.

    Columns: flow, figure, unit, combinations (with a figure in both), difference (the median of theirs), p
    (Wilcoxon's signed ranks of their differences, adjusted), outcome (as above; `missing` if in all of them),
    says. A change that is the same in many combinations is seen here though each has few runs.
    """
    rows = [(*key, *_all(group)) for key, group in table.groupby(["flow", "figure"], sort=False)]
    by_figure = pd.DataFrame(
        rows, columns=["flow", "figure", "unit", "combinations", "difference", "p", "outcome"]
    )
    _adjust(by_figure)
    groups = [group for _, group in table.groupby(["flow", "figure"], sort=False)]
    says = [_overall(row, group) for row, group in zip(by_figure.to_dict("records"), groups, strict=True)]
    return by_figure.assign(says=says)


def _all(rows: pd.DataFrame) -> tuple[Any, ...]:
    """From `unit` on."""
    both = rows.dropna(subset="difference")
    differences = both["difference"].to_numpy()
    head = rows["unit"].iloc[0], len(both), np.median(differences) if len(both) else np.nan
    if both.empty:
        return *head, np.nan, "missing"
    if (both["outcome"] == "identical").all():
        return *head, np.nan, "identical"
    moved = np.count_nonzero(differences)
    enough = moved and 2 / 2**moved < FALSE_SHARE
    return *head, float(stats.wilcoxon(differences).pvalue) if enough else np.nan, "too few runs"


def _adjust(table: pd.DataFrame) -> None:
    """Make p what it is as one of many, and the outcome what it says, where there is a p."""
    tested = table["p"].notna()
    if tested.any():
        table.loc[tested, "p"] = stats.false_discovery_control(table.loc[tested, "p"])
        beyond = table.loc[tested, "p"] < FALSE_SHARE
        table.loc[tested, "outcome"] = np.where(beyond, "beyond noise", "within noise")


def _overall(row: dict[str, Any], rows: pd.DataFrame) -> str:
    if len(rows) == 1:
        return str(rows["says"].iloc[0])
    name, unit = f"{row['flow']} {label(row['figure'])[0]}", f" {row['unit']}".rstrip()
    if row["outcome"] in ("identical", "missing"):
        return f"{name}: {row['outcome']} in all {len(rows)} combinations."
    counts = rows["outcome"].value_counts()
    outcomes = ", ".join(f"{WORDS.get(name, name)} in {counts[name]}" for name in OUTCOMES if name in counts)
    p = "" if np.isnan(row["p"]) else f" (p {row['p']:.2g})"
    return (
        f"{name}: {outcomes} of {len(rows)} combinations; "
        f"over all {row['difference']:+.3g}{unit} in the median, {WORDS[row['outcome']]}{p}."
    )


OUTCOMES = ("beyond noise", "within noise", "too few runs", "identical", "missing")
