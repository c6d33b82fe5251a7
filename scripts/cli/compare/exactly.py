"""Two runs to the bit: what differs, and what may explain it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from skybed.analysis.compare import exact
from skybed.analysis.run import Run


def figures(a: Run, b: Run) -> dict[str, Any]:
    """Two runs to the bit, for JSON: what differs, what may explain it, and the hashes of both."""
    found, hashes = exact.compare(a, b)
    told = ("table", "rows", "differing", "row", "column")
    return {
        "same": not found,
        "differences": [{name: getattr(x, name) for name in told} | {"says": str(x)} for x in found],
        "circumstances": exact.circumstances(a, b) if found else [],
        "tables_sha256": list(hashes),
    }


def render(told: dict[str, Any], console: Console) -> None:
    """One line where two runs are the same, else a line for each table that is not."""
    tables = len(told["tables_sha256"][0])
    if told["same"]:
        console.print(Text(f"The same to the bit: all {tables} tables."))
    for difference in told["differences"]:
        console.print(Text(difference["says"]), soft_wrap=True)
    for line in told["circumstances"]:
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)


def exit_code(told: dict[str, Any]) -> int:
    """1 if a table differs."""
    return 0 if told["same"] else 1
