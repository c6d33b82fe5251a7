"""Two runs side by side: what changed beyond the noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from skybed.analysis import verdict
from skybed.analysis.compare import comparison
from skybed.analysis.run import Run
from skybed.scripts.cli import tables
from skybed.topologies.model.metrics import label


def figures(a: Run, b: Run) -> dict[str, Any]:
    """The figures of two runs, for JSON: both verdicts, and a row for each flow and figure."""
    table = comparison.compare(a, b)
    judged = [verdict.judge(run) for run in (a, b)]
    runs = [{"run": str(run.dir), "status": v.status, "reasons": v.reasons}
            for run, v in zip((a, b), judged, strict=True)]  # fmt: skip
    return {"runs": runs, "figures": comparison.records(table)}


def render(compared: dict[str, Any], console: Console) -> None:
    """Two runs side by side, and a sentence for each figure that changed."""
    render_runs("AB", compared["runs"], console)
    table = tables.columns("flow", "", "unit", numbers=("A", "B", "difference"))
    table.add_column("")
    flow = None
    for row in compared["figures"]:
        numbers = [tables.figure(row[key], row["unit"]) for key in ("a", "b")]
        difference = row["difference"]
        change = "" if difference is None else f"{difference:+.3f}" if row["unit"] else f"{difference:+.0f}"
        name = row["flow"] if row["flow"] != flow else ""
        flow = row["flow"]
        table.add_row(name, label(row["figure"])[0], row["unit"], *numbers, change, row["outcome"])
    console.print(table)
    in_a, in_b = (
        list(dict.fromkeys(row["flow"] for row in compared["figures"] if row[key] is not None))
        for key in "ab"
    )
    if in_a and in_b and not set(in_a) & set(in_b):
        told = f"A has {', '.join(in_a)}, B has {', '.join(in_b)}"
        console.print(
            Text(f"The runs have no flow in common, so nothing is compared: {told}."), soft_wrap=True
        )
    for row in compared["figures"]:
        if row["outcome"] == "beyond noise":
            console.print(Text(row["says"]), soft_wrap=True)


def render_runs(letters: str, runs: Sequence[dict[str, Any]], console: Console) -> None:
    """A line for each run: its letter in the tables, how it ended, where it is."""
    for letter, run in zip(letters, runs, strict=True):
        reasons = f"  {run['reasons'][0]}" if run["status"] == "invalid" else ""
        console.print(Text(f"{letter}  {run['status'].upper()}  {run['run']}{reasons}"), soft_wrap=True)


def exit_code(compared: dict[str, Any]) -> int:
    """3 if a run is invalid."""
    return 3 if "invalid" in [run["status"] for run in compared["runs"]] else 0
