"""What `skybed compare` and `skybed baseline` print and write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from skybed.analysis import verdict
from skybed.analysis.compare import baseline, comparison, exact, junit
from skybed.analysis.measures.metrics import label
from skybed.analysis.run import Run
from skybed.topologies.errors import InvalidRun


def exactly(a: Run, b: Run) -> dict[str, Any]:
    """Two runs to the bit, for JSON: what differs, what may explain it, and the hashes of both."""
    found, hashes = exact.compare(a, b)
    told = ("table", "rows", "differing", "row", "column")
    return {
        "same": not found,
        "differences": [{name: getattr(x, name) for name in told} | {"says": str(x)} for x in found],
        "circumstances": exact.circumstances(a, b) if found else [],
        "tables_sha256": list(hashes),
    }


def render_exactly(told: dict[str, Any], console: Console) -> None:
    """One line where two runs are the same, else a line for each table that is not."""
    tables = len(told["tables_sha256"][0])
    if told["same"]:
        console.print(Text(f"The same to the bit: all {tables} tables."))
    for difference in told["differences"]:
        console.print(Text(difference["says"]), soft_wrap=True)
    for line in told["circumstances"]:
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)


def figures(a: Run, b: Run) -> dict[str, Any]:
    """The figures of two runs, for JSON: both verdicts, and a row for each flow and figure."""
    table = comparison.compare(a, b)
    judged = [verdict.judge(run) for run in (a, b)]
    runs = [{"run": str(run.dir), "status": v.status, "reasons": v.reasons}
            for run, v in zip((a, b), judged, strict=True)]  # fmt: skip
    return {"runs": runs, "figures": comparison.records(table)}


def render_figures(told: dict[str, Any], console: Console) -> None:
    """Two runs side by side."""
    render_runs("AB", told["runs"], console)
    table = columns("flow", "", "unit", numbers=("A", "B", "difference"))
    table.add_column("")
    flow = None
    for row in told["figures"]:
        numbers = [number(row[key], row["unit"]) for key in ("a", "b")]
        difference = row["difference"]
        change = "" if difference is None else f"{difference:+.3f}" if row["unit"] else f"{difference:+.0f}"
        name = row["flow"] if row["flow"] != flow else ""
        flow = row["flow"]
        table.add_row(name, label(row["figure"])[0], row["unit"], *numbers, change, row["outcome"])
    console.print(table)
    for row in told["figures"]:
        if row["outcome"] == "beyond noise":
            console.print(Text(row["says"]), soft_wrap=True)


def render_runs(letters: str, runs: Sequence[dict[str, Any]], console: Console) -> None:
    """A line for each run: its letter in the tables, how it ended, where it is."""
    for letter, run in zip(letters, runs, strict=True):
        reasons = f"  {run['reasons'][0]}" if run["status"] == "invalid" else ""
        console.print(Text(f"{letter}  {run['status'].upper()}  {run['run']}{reasons}"), soft_wrap=True)


def write_junit(told: dict[str, Any], file: Path, sides: Sequence[Path]) -> int:
    """A case for each figure of a comparison; returns how many did not pass.

    A failure is beyond the noise; of an error one side has no figure; what cannot be told is skipped.
    """
    outcomes: dict[str, junit.Outcome] = {
        "beyond noise": "failure", "identical": "passed", "within noise": "passed", "missing": "error",
    }  # fmt: skip
    cases = []
    for row in [*told["figures"], *told.get("overall", ())]:
        at = [f"{at}={row[at]}" for at in told.get("parameters", ()) if at in row]
        name = ".".join([*at, row["flow"], row["figure"]])
        cases.append(junit.Case(name, outcomes.get(row["outcome"], "skipped"), row["says"]))
    junit.write(file, "compare", cases, dict(zip("AB", sides, strict=True)))
    return sum(case.outcome in ("failure", "error") for case in cases)


def hold(run: Run, file: Path, junit_file: Path | None) -> baseline.Outcome:
    """A run against a baseline, also written as JUnit XML; of an invalid run that is the last thing done."""
    suite = f"baseline.{file.stem}"
    facts: dict[str, object] = {
        name: getattr(run.manifest, name) for name in ("skybed", "clock", "started_utc")
    }
    try:
        verdict.refuse_invalid(run, verdict.judge(run))
    except InvalidRun as why:
        if junit_file is not None:
            junit.write(junit_file, suite, [junit.Case("valid", "error", f"invalid: {why}")], facts)
        raise
    outcome = baseline.check(run, file)
    if junit_file is not None:
        junit.write(junit_file, suite, [_case(check) for check in outcome.checks], facts)
    return outcome


def _case(check: baseline.Check) -> junit.Case:
    name = f"{check.flow}.{check.figure}"
    return junit.Case(name) if check.kept else junit.Case(name, "failure", str(check))


def render_outcome(outcome: baseline.Outcome, file: Path, console: Console) -> None:
    """How many figures left their tolerance, and a line for each."""
    left, checked = len(outcome.left), len(outcome.checks)
    head = f"FAIL  {file}: {left} of {checked} figures left the tolerance"
    if not left:
        head = f"PASS  {file}: {checked} figures within tolerance"
    console.print(Text(head), soft_wrap=True)
    for line in [*map(str, outcome.left), *outcome.notes]:
        console.print(Text(f"  {line}"), soft_wrap=True)


def number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.3f}" if unit else f"{value:.0f}"


def columns(*texts: str, numbers: Sequence[str]) -> Table:
    """An empty table with columns of texts and of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table
