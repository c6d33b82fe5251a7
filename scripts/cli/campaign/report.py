"""Summarise a campaign from its table, and draw its figures.

DIRECTORY is what `skybed campaign run` made. report.html, summary.csv and summary.parquet in it are
written anew. The exit code is 3 if a run cannot be used, and 1 if every run fails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from skybed.analysis import numbers
from skybed.analysis.campaign import statistics
from skybed.analysis.campaign.table import Results, exit_code, read
from skybed.analysis.pages import campaign
from skybed.analysis.pages.campaign_figures import all_figures
from skybed.scripts.cli import figures, tables
from skybed.scripts.cli.terminal import Terminal
from skybed.topologies.model.metrics import label

ROWS = 60  # shown


@click.command("report", help=__doc__)
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@figures.options
def command(directory: Path, as_json: bool, folder: Path | None, form: str) -> None:
    results = read(directory)
    summary = statistics.summarise(results)
    page = campaign.write(results, summary)
    if folder is not None:
        figures.save(all_figures(results), folder, form)
    if as_json:
        click.echo(json.dumps(statistics.as_json(results, summary), indent=2))
    else:
        render(results, summary, Terminal())
        click.echo(f"Report: {page}")
    sys.exit(exit_code(results.runs["verdict"]))


def render(results: Results, summary: pd.DataFrame, console: Console) -> None:
    """Print it: for each combination a line for each flow and metric."""
    shown, first = summary.head(ROWS), True
    names = [" ".join(label(metric)) for metric in summary["metric"]]
    whole = [((), shown)] if len(shown) else []  # no run may have a figure
    for key, rows in shown.groupby([*results.parameters], sort=False) if results.parameters else whole:
        if key:
            console.print(
                Text(_told(zip(results.parameters, key, strict=True)), style="bold"), soft_wrap=True
            )
        table = tables.columns(numbers=(), show_header=first)
        first = False
        table.add_column("flow", no_wrap=True, min_width=summary["flow"].str.len().max())
        table.add_column("metric", no_wrap=True, min_width=max(map(len, names)))
        for name, wide in (("n", 6), ("median", 8), ("mean", 8), ("95 % of the mean", 18)):
            table.add_column(name, justify="right", no_wrap=True, min_width=wide)
        flow = None
        for row in rows.to_dict("records"):
            table.add_row(
                row["flow"] if row["flow"] != flow else "", " ".join(label(row["metric"])),
                str(row["n"]) if row["n"] == row["runs"] else f"{row['n']} of {row['runs']}",
                *(numbers.figures(row[name]) for name in ("median", "mean")),
                _interval(row["mean_low"], row["mean_high"]),
            )  # fmt: skip
            flow = row["flow"]
        console.print(table)
    if len(summary) > ROWS:
        console.print(f"... and {len(summary) - ROWS} more, in summary.csv.")
    verdicts = results.runs["verdict"].value_counts().sort_index()
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    console.print(Text(f"{results.name}: {verdicts.sum()} runs: {counts}."))
    for run in statistics.unusable(results).to_dict("records"):
        at = _told((at, run[at]) for at in (*results.parameters, "repeat"))
        console.print(Text(f"  {run['run']} {run['verdict']}: {at}"), soft_wrap=True)


def _told(values: Iterable[tuple[str, Any]]) -> str:
    return ", ".join(f"{at} {value}" for at, value in values)


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{numbers.figures(low)} to {numbers.figures(high)}"
