"""What routing cost in several runs, beside each other: the same sky and events under other routing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skybed.analysis.compare import comparison
from skybed.analysis.measures import forwarding, probed
from skybed.analysis.routing import control, convergence
from skybed.analysis.run import Run
from skybed.topologies.model.metrics import compared, label

Named = tuple[str, Run]
KEYS = ["t_s", "kind", "what", "flow"]  # the same event in two runs


def named(runs: Sequence[Run]) -> list[Named]:
    """Each with a name of its own: that of its scenario, or of its directory or its path where that is not
    enough; where one run is given twice, its path and its number."""
    choices = (
        [run.scenario.name for run in runs],
        [run.name for run in runs],
        [str(run.dir) for run in runs],
        [f"{run.dir} ({number})" for number, run in enumerate(runs, 1)],
    )
    names = next(names for names in choices if len(set(names)) == len(runs))
    return list(zip(names, runs, strict=True))


def events(runs: Sequence[Named]) -> pd.DataFrame:
    """The tables of `routing`, with the column run, by time; without events that cost no flow of any run
    anything and were on no path."""
    every = pd.concat([convergence.table(run).assign(run=name) for name, run in runs], ignore_index=True)
    every["t_s"] = every["t_s"].round(3)
    matters = (every["lost"] > 0) | every["on_path"]
    kept = matters.groupby([every[key] for key in KEYS]).transform("any")
    return every[kept.astype(bool)].sort_values(["t_s", "kind", "what"], kind="stable", ignore_index=True)


def totals(runs: Sequence[Named]) -> pd.DataFrame:
    """A row for each run: control traffic of all protocols (as `control.summary`), changes of IPv4 routes,
    stretch of all its probes, and probes that expired."""
    rows = []
    for name, run in runs:
        by_protocol = control.summary(run, convergence.busy(run, convergence.table(run)))
        sent = by_protocol.iloc[-1].drop("protocol").to_dict() if len(by_protocol) else {}
        stretch = probed.of_run(run).stretch
        rows.append({
            "run": name, **sent, "route_changes": forwarding.churn(run, 4)["changes"].sum(),
            "path_stretch_p50": stretch.p50, "path_stretch_p99": stretch.p99,
            "path_stretch_pct": stretch.above_pct,
            "expired": sum(probes.expired for probes in convergence.probes(run).values()),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=TOTALS)


TOTALS = [
    "run", *control.COLUMNS[1:], "route_changes", "path_stretch_p50", "path_stretch_p99",
    "path_stretch_pct", "expired",
]  # fmt: skip


def side_by_side(runs: Sequence[Named]) -> pd.DataFrame:
    """The figures of `comparison` run by run: columns flow, figure, unit, then one for each run."""
    every = comparison.comparable([run for _, run in runs])
    figures = {name: by_flow for (name, _), by_flow in zip(runs, every, strict=True)}
    flows = dict.fromkeys(flow for by_flow in figures.values() for flow in by_flow)
    rows = [
        {"flow": flow, "figure": figure, "unit": label(figure)[1]}
        | {name: by_flow.get(flow, {}).get(figure) for name, by_flow in figures.items()}
        for flow in flows
        for figure in compared(name for by_flow in figures.values() for name in by_flow.get(flow, {}))
        if any(figure in by_flow.get(flow, {}) for by_flow in figures.values())
    ]
    return pd.DataFrame(rows, columns=["flow", "figure", "unit", *figures])
