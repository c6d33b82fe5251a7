"""A campaign in short: for each combination of parameters, flow and metric how its runs did.

Columns, beside the parameters: flow, metric, unit, runs (of the combination), n (those with a figure: the
others are invalid, broke off, or measured nothing), median, median_low, median_high, mean, mean_low,
mean_high, sd, min, max. Intervals are of 95 %, and nan where there are too few runs to give one:
median   by order statistics, which asks nothing of the distribution; from 6 runs
mean     Student's t; from 2 runs
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from skybed.analysis.campaign.table import USABLE, Results
from skybed.analysis.compare.comparison import records
from skybed.topologies.model.metrics import label

LEVEL = 0.95
COLUMNS = [
    "runs", "n", "median", "median_low", "median_high", "mean", "mean_low", "mean_high", "sd", "min", "max",
]  # fmt: skip


def summarise(results: Results) -> pd.DataFrame:
    """The rows that the module tells, in the campaign's order; none for what no run of it measured."""
    keys = [*results.parameters, "flow"]
    table = long(results)
    measured = table.dropna(subset="value")[["flow", "metric"]].drop_duplicates()
    groups = table.merge(measured, how="inner").groupby([*keys, "metric"], sort=False)
    rows = [(*key, label(str(key[-1]))[1], *_of(group["value"])) for key, group in groups]
    return pd.DataFrame(rows, columns=[*keys, "metric", "unit", *COLUMNS])


def long(results: Results) -> pd.DataFrame:
    """A row for each run, flow and metric: parameters, flow, run, repeat, seed, metric, value (nan: none).

    In the order of the combinations, then of flows and of the metrics.
    """
    keys = [*results.parameters, "flow"]
    table = results.table[[*keys, "run", "repeat", "seed", *results.metrics]]
    table = table.astype(dict.fromkeys(results.metrics, "float64"))
    table["row"] = table.groupby(keys, sort=False).ngroup()
    values = table.melt([*keys, "run", "repeat", "seed", "row"], var_name="metric", value_name="value")
    return values.sort_values("row", kind="stable", ignore_index=True).drop(columns="row")


def _of(values: pd.Series) -> tuple[float, ...]:
    measured = values.dropna().to_numpy()
    n = len(measured)
    if not n:
        return len(values), 0, *[np.nan] * (len(COLUMNS) - 2)
    sd = measured.std(ddof=1) if n > 1 else np.nan
    return (
        len(values), n, np.median(measured), *median_interval(measured), measured.mean(),
        *mean_interval(measured), sd, measured.min(), measured.max(),
    )  # fmt: skip


def median_interval(values: np.ndarray) -> tuple[float, float]:
    """Of order statistics, 95 % at least; nan from fewer than 6 values."""
    low, high = stats.quantile_test(values, p=0.5).confidence_interval(LEVEL)
    return float(low), float(high)


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Student's, 95 %; nan from fewer than 2 values."""
    n = len(values)
    if n < 2:
        return np.nan, np.nan
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean() - half), float(values.mean() + half)


def unusable(results: Results) -> pd.DataFrame:
    """The runs whose figures may not be used; columns as in `Results.runs`."""
    runs = results.runs
    return runs[~runs["verdict"].isin(USABLE)]


def as_json(results: Results, summary: pd.DataFrame) -> dict[str, Any]:
    """Of the campaign, for JSON: how many runs have each verdict, those that cannot be used, the summary."""
    return {
        "campaign": results.name,
        "runs": results.runs["verdict"].value_counts().sort_index().to_dict(),
        "not_used": unusable(results).to_dict("records"),
        "summary": records(summary),
    }
