"""The figures of a run that tell whether its network did as well as another's, side by side.

Two runs have one number per flow and figure. How far it might have been another is told by what it was taken
from: the single probes, or the intervals of a load. Of many runs `campaign_comparison` tells more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.measures import effect, metrics
from skybed.analysis.run import Run
from skybed.topologies.errors import RunError
from skybed.topologies.model.metrics import compared, label
from skybed.topologies.model.tables import MEASURES

Figures = dict[str, dict[str, float]]  # by flow and figure; flows and figures that were not measured lack


def figures(run: Run) -> Figures:
    """What the flows of a run experienced."""
    table = metrics.flow_metrics(run).set_index("flow")
    table = table[compared(table.columns.drop(["kind", "src", "dst"]))].astype(float)
    rows = {str(flow): row.dropna().to_dict() for flow, row in table.iterrows()}
    return {flow: row for flow, row in rows.items() if row}


def comparable(runs: Sequence[Run]) -> list[Figures]:
    """The figures of runs that are to be put beside each other.

    Raises RunError for a metric that their programs printed in different units.
    """
    first: dict[str, tuple[str, Run]] = {}
    for run in runs:
        for metric, (unit, *others) in run.units.items():
            if others:  # it is not measured
                continue
            known, before = first.setdefault(metric, (unit, run))
            if unit != known:
                raise RunError(
                    f"{run.dir}: its programs printed {metric} in {unit}, those of {before.dir} in {known}; "
                    "print it in one unit, or under another name."
                )
    return [figures(run) for run in runs]


def compare(a: Run, b: Run) -> pd.DataFrame:
    """Two runs side by side: a row for each figure that either measured, in the order of a's flows.

    Columns: flow, figure, unit, a, b, difference (b less a); low, high: where 95 % of the differences lie
    when blocks of packets are drawn anew; cliffs_delta, of single round trips or intervals; outcome; says,
    a sentence. What is nan could not be told.

    outcome: identical      all that it was taken from is the same
             within noise   or beyond noise, as the interval holds 0 or not
             unknown        one number in a run, or measured by one of the two only
    """
    figures_a, figures_b = comparable([a, b])
    rows = []
    for flow in dict.fromkeys([*figures_a, *figures_b]):
        both = _series(a, flow), _series(b, flow)
        for figure in compared([*figures_a.get(flow, {}), *figures_b.get(flow, {})]):
            if figure in figures_a.get(flow, {}) or figure in figures_b.get(flow, {}):
                unit = label(figure)[1]
                values = [by_flow.get(flow, {}).get(figure, np.nan) for by_flow in (figures_a, figures_b)]
                rows.append((flow, figure, unit, *values, values[1] - values[0], *_noise(figure, *both)))
    columns = ["flow", "figure", "unit", "a", "b", "difference", "low", "high", "cliffs_delta", "outcome"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(says=[sentence(**row) for row in table.to_dict("records")])


# What a figure is of a series; a lost probe is nan.
STATISTICS: dict[str, tuple[str, effect.Statistic]] = {
    "rtt_p50_ms": ("rtt", lambda x: _quantile(x, 0.5)),
    "rtt_p99_ms": ("rtt", lambda x: _quantile(x, 0.99)),
    "loss_pct": ("rtt", lambda x: 100 * float(np.isnan(x).mean())),
    "throughput_mbps": ("throughput", lambda x: float(np.nanmean(x))),
}  # fmt: skip
EFFECTS = ("rtt_p50_ms", "throughput_mbps")  # those that are of the middle of their series

Series = dict[str, np.ndarray]


def _series(run: Run, flow: str) -> Series:
    """What a flow measured, in order of time: round trips of its probes, throughput of its intervals, what a
    program printed.
    """
    probes = run.probes[run.probes["flow"] == flow].sort_values("sent_s")
    intervals = run.flows[run.flows["flow"] == flow].dropna(subset="sent_bytes").sort_values("start_s")
    measured = {"rtt": probes["rtt_us"] / 1e3, "throughput": intervals["throughput_mbps"]}
    if run.wrote(MEASURES):
        printed = run.table(MEASURES.name)
        measured |= {str(name): x for name, x in printed[printed["flow"] == flow].groupby("metric")["value"]}
    return {name: values.to_numpy(float) for name, values in measured.items() if len(values)}


def _noise(figure: str, a: Series, b: Series) -> tuple[float, float, float, str]:
    """low, high, cliffs_delta and outcome of a figure."""
    none = np.nan, np.nan, np.nan
    if a and a.keys() == b.keys() and all(np.array_equal(a[name], b[name], equal_nan=True) for name in a):
        return 0.0, 0.0, 0.0, "identical"
    name, statistic = STATISTICS.get(figure, (figure, lambda x: _quantile(x, 0.5)))
    if name not in a or name not in b:
        return *none, "unknown"
    low, high = effect.series_interval(a[name], b[name], statistic)
    if np.isnan(low):
        return *none, "unknown"
    met = [x[~np.isnan(x)] for x in (a[name], b[name])]
    delta = effect.cliffs_delta(*met) if figure in EFFECTS or figure == name else np.nan
    return low, high, delta, "within noise" if low <= 0 <= high else "beyond noise"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, for JSON: null where there is no number."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def sentence(
    *, flow: str, figure: str, unit: str, a: float, b: float, difference: float, low: float, high: float,
    cliffs_delta: float, outcome: str, p: float = np.nan, **_: object,
) -> str:  # fmt: skip
    """A row of a comparison in words."""
    name, unit = f"{flow} {label(figure)[0]}", f" {unit}".rstrip()
    if outcome == "identical":
        return f"{name}: identical, {a:.4g}{unit}."
    if np.isnan(difference):
        lacking = [letter for letter, value in (("A", a), ("B", b)) if np.isnan(value)]
        return f"{name}: {' and '.join(lacking)} has none."
    text = f"{name}: {a:.4g} to {b:.4g}{unit}, {difference:+.3g}{unit}"
    text += "" if np.isnan(low) else f" (95 %: {low:+.3g} to {high:+.3g})"
    text += f": {WORDS.get(outcome, outcome)}"
    text += "" if np.isnan(p) else f" (p {p:.2g})"
    if not np.isnan(cliffs_delta):
        text += f", Cliff's delta {cliffs_delta:+.2f} ({effect.word(cliffs_delta)})"
    return f"{text}."


WORDS = {
    "within noise": "within the noise", "beyond noise": "beyond the noise",
    "unknown": "how much of it is noise is not known", "too few runs": "too few runs to tell it from noise",
}  # fmt: skip


def _quantile(values: np.ndarray, share: float) -> float:
    met = values[~np.isnan(values)]
    return float(np.quantile(met, share)) if len(met) else np.nan
