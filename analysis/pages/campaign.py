"""The report of a campaign: figures, summary and the runs that cannot be used, in one HTML file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from skybed.analysis.campaign.statistics import unusable
from skybed.analysis.campaign.table import Results
from skybed.analysis.pages import page
from skybed.analysis.pages.campaign_figures import all_figures
from skybed.analysis.verdict import Verdict
from skybed.topologies.files import whole
from skybed.topologies.model.metrics import label


def write(results: Results, summary: pd.DataFrame) -> Path:
    """Write report.html, and the summary as summary.csv and summary.parquet, beside the table."""
    summary.to_csv(results.dir / "summary.csv", index=False)
    summary.to_parquet(results.dir / "summary.parquet", index=False)
    context = {
        "results": results,
        "counts": results.runs["verdict"].value_counts().sort_index().to_dict(),
        "unusable": [_unusable(results, run) for run in unusable(results).to_dict("records")],
        "figures": all_figures(results),
        "flows": [_flow(results, str(flow), rows) for flow, rows in summary.groupby("flow", sort=False)],
        "provenance": _provenance(results.table),
    }
    path = results.dir / "report.html"
    with whole(path) as file:
        file.write_text(page.render("campaign.html", context))
    return path


def _unusable(results: Results, run: dict[str, Any]) -> dict[str, Any]:
    """A run, with what its verdict says."""
    return run | {"reasons": " ".join(Verdict.read(results.dir / "runs" / run["run"]).reasons)}


def _flow(results: Results, flow: str, rows: pd.DataFrame) -> dict[str, Any]:
    """The summary of one flow: a line for each combination, with a cell for each metric."""
    metrics = list(rows["metric"].unique())
    lines = []
    for key, group in rows.groupby([*results.parameters, "flow"], sort=False):
        cells = group.set_index("metric").to_dict("index")
        lines.append((key[:-1], group["n"].max(), group["runs"].iloc[0], [cells[name] for name in metrics]))
    return {"flow": flow, "metrics": [label(name) for name in metrics], "lines": lines}


def _provenance(table: pd.DataFrame) -> list[tuple[str, str]]:
    """What the rows' provenance has, each value once."""
    provenance = []
    for name in ("skybed", "kernel", "packages", "clock", "seed"):
        values = sorted(table[name].dropna().unique())
        texts = [_packages(value) if name == "packages" else str(value) for value in values]
        provenance.append((name, (", " if name != "packages" else "; ").join(texts) or "none"))
    return [*provenance, ("scenarios", f"{table['scenario_sha256'].nunique()}, by their hash")]


def _packages(text: str) -> str:
    return ", ".join(f"{name} {version}" for name, version in json.loads(text).items())
