"""Tables on a terminal: as plain as text, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table


def columns(*texts: str, numbers: Sequence[str], show_header: bool = True) -> Table:
    """An empty table with columns of texts and of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=show_header)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def rounded(value: float | None, digits: int) -> str:
    """A number, or nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def figure(value: float | None, unit: str) -> str:
    """A figure of a flow: what has no unit is a count."""
    return rounded(value, 3 if unit else 0)
