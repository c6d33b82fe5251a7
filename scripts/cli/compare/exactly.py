"""Two runs to the bit: what differs, and what may explain it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from skybed.analysis.compare import exact
from skybed.analysis.run import Run


def figures(a: Run, b: Run) -> dict[str, Any]:
    """Two runs to the bit, for JSON: what differs, what may explain it, and the hashes of both."""
    differences, hashes = exact.compare(a, b)
    columns = ("table", "rows", "differing", "row", "column")
    return {
        "same": not differences,
        "differences": [{name: getattr(x, name) for name in columns} | {"says": str(x)} for x in differences],
        "circumstances": exact.circumstances(a, b) if differences else [],
        "tables_sha256": list(hashes),
    }


def render(compared: dict[str, Any], console: Console) -> None:
    """One line where two runs are the same, else a line for each table that is not."""
    tables = len(compared["tables_sha256"][0])
    if compared["same"]:
        console.print(Text(f"The same to the bit: all {tables} tables."))
    for difference in compared["differences"]:
        console.print(Text(difference["says"]), soft_wrap=True)
    for line in compared["circumstances"]:
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)


def exit_code(compared: dict[str, Any]) -> int:
    """1 if a table differs."""
    return 0 if compared["same"] else 1
