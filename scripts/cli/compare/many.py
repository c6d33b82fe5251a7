"""More than two runs side by side, and the page of any number."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from skybed.analysis import verdict
from skybed.analysis.compare import many
from skybed.analysis.pages import comparison
from skybed.analysis.run import Run
from skybed.scripts.cli import tables
from skybed.scripts.cli.compare.pair import render_runs
from skybed.scripts.cli.tables import rounded
from skybed.topologies.model.metrics import label


def figures(runs: Sequence[Run]) -> dict[str, Any]:
    """The figures of several runs, for JSON: verdicts, a row for each flow and figure, with the value of each
    run, and what routing cost: a row for each event, flow and run, and one for each run."""
    named = many.named(runs)
    judged = [verdict.judge(run) for run in runs]
    tabled = {
        "figures": many.side_by_side(named),
        "events": many.events(named),
        "totals": many.totals(named),
    }
    summaries = [
        {"run": str(run.dir), "name": name, "status": v.status, "reasons": v.reasons}
        for (name, run), v in zip(named, judged, strict=True)
    ]
    return {"runs": summaries} | {
        name: table.astype(object).where(table.notna(), None).to_dict("records")
        for name, table in tabled.items()
    }


def render(compared: dict[str, Any], console: Console) -> None:
    """Runs side by side, the first of them first."""
    names = [run["name"] for run in compared["runs"]]
    letters = string.ascii_uppercase[: len(names)]
    render_runs(letters, compared["runs"], console)
    table = tables.columns("flow", "", "unit", numbers=letters)
    for row in compared["figures"]:
        numbers = [tables.figure(row[name], row["unit"]) for name in names]
        table.add_row(row["flow"], label(row["figure"])[0], row["unit"], *numbers)
    console.print(table)
    if compared["events"]:
        console.print(Text("Loss-derived convergence time, in s:"))
        table = tables.columns("flow", "at (s)", "event", numbers=letters)
        for row in _by_event(compared["events"]):
            values = [rounded(row["by_run"].get(name), 2) for name in names]
            table.add_row(row["flow"], f"{row['t_s']:.1f}", f"{row['kind']} {row['what']}", *values)
        console.print(table)
    table = tables.columns("what routing cost", "unit", numbers=letters)
    for key, (what, unit, digits) in TOTALS.items():
        table.add_row(what, unit, *(rounded(row[key], digits) for row in compared["totals"]))
    console.print(table)


TOTALS = {  # what, unit, digits
    "link_bytes_s": ("control of a link, mean", "B/s", 0),
    "link_max_bytes_s": ("control of a link, most", "B/s", 0),
    "route_changes": ("changes of routes", "", 0),
    "path_stretch_p99": ("path stretch p99", "", 3),
    "path_stretch_pct": ("path stretch above 1.05", "%", 2),
    "expired": ("probes out of hops", "", 0),
}


def _by_event(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each event and flow once, with `by_run`: the convergence time in each run that had it."""
    by_event: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in many.KEYS)
        by_event.setdefault(key, row | {"by_run": {}})["by_run"][row["run"]] = row["loss_derived_s"]
    return list(by_event.values())


def write_page(runs: Sequence[Run], path: Path) -> None:
    """The runs compared, as one page that needs nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(comparison.render(many.named(runs)))
