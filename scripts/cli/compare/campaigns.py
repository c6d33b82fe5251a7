"""Two campaigns: what changed, by combination and over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from skybed.analysis.campaign import difference, statistics, table
from skybed.analysis.compare import comparison

SHOWN = 20  # figures that changed


def figures(folders: Sequence[Path]) -> dict[str, Any]:
    """Two campaigns, for JSON: how their runs ended, a row for each figure, and one over all combinations."""
    a, b = (table.read(folder) for folder in folders)
    rows = difference.compare(a, b)
    return {
        "campaigns": [
            {
                "campaign": str(results.dir),
                "runs": results.runs["verdict"].value_counts().sort_index().to_dict(),
                "not_used": statistics.unusable(results)["run"].tolist(),
            }
            for results in (a, b)
        ],
        "parameters": list(a.parameters),
        "figures": comparison.records(rows),
        "overall": comparison.records(difference.overall(rows)) if a.parameters else [],
    }


def render(compared: dict[str, Any], console: Console) -> None:
    """How the runs ended, a sentence for each metric, and each figure that changed."""
    for letter, one in zip("AB", compared["campaigns"], strict=True):
        counts = ", ".join(f"{count} {verdict}" for verdict, count in one["runs"].items())
        console.print(Text(f"{letter}  {one['campaign']}: {counts}"), soft_wrap=True)
    for row in compared["overall"] or compared["figures"]:
        console.print(Text(row["says"]), soft_wrap=True)
    changed = [row["says"] for row in compared["figures"] if row["outcome"] == "beyond noise"]
    if changed and compared["overall"]:
        console.print("Beyond the noise:")
        for line in changed[:SHOWN]:
            console.print(Text(f"  {line}"), soft_wrap=True)
        if len(changed) > SHOWN:
            console.print(f"  ... and {len(changed) - SHOWN} more; --json has all.")
    if any(row["outcome"] == "too few runs" for row in compared["figures"]):
        enough = difference.ENOUGH
        console.print(f"From {enough} repeats in each campaign a combination can be told by itself.")


def exit_code(compared: dict[str, Any]) -> int:
    """3 if a run of either cannot be used."""
    return 3 if any(one["not_used"] for one in compared["campaigns"]) else 0
