"""The page of several runs: what routing cost in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skybed.analysis import verdict
from skybed.analysis.compare.many import KEYS, Named, events, side_by_side, totals
from skybed.analysis.pages import page, routing_figures
from skybed.analysis.pages.figures import Drawing
from skybed.topologies.model.metrics import label


def drawings(runs: Sequence[Named]) -> list[Drawing]:
    """What routing cost in each."""
    happened = events(runs)
    drawn = [routing_figures.convergence_times(runs, happened)] if len(happened) else []
    if any(len(run.control) for _, run in runs):
        drawn.append(routing_figures.control_rates(runs))
    return [*drawn, routing_figures.stretch(runs), routing_figures.churn(runs)]


def render(runs: Sequence[Named]) -> str:
    """The comparison as a page."""
    happened = events(runs)
    context: dict[str, Any] = {
        "runs": [(name, run, verdict.judge(run)) for name, run in runs],
        "events": [
            (key, rows.set_index("run").to_dict("index")) for key, rows in happened.groupby(KEYS, sort=False)
        ],
        "totals": totals(runs).to_dict("records"),
        "figures": drawings(runs),
        "table": [row | {"what": label(row["figure"])[0]} for row in side_by_side(runs).to_dict("records")],
    }
    return page.render("comparison.html", context)
