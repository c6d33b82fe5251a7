"""Figures of the benchmark: medians of repeated measurements side by side, as JSON and as tables.

A section is what one part of the benchmark found, JSON as it stands: `about`, a sentence with the sizes;
`figures`, a list of `figure`; and perhaps `notes`, further sentences.
"""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Section = dict[str, Any]
Tell = Callable[[str], None]  # how far a measurement is

WIDTH = 80
COLUMNS = {"": 38, "skybed": 9, "other": 9, "which": 13, "ratio": 6}  # with a blank after each: 80


def figure(
    key: str,
    what: str,
    skybed: Sequence[float | None],
    other: Sequence[float | None] = (),
    against: str = "",
    less_is_better: bool = True,
) -> dict[str, Any]:
    """One line of a table. key: unique within a section; what: in words, with the unit.

    skybed, other: what was measured, once or more (None: nothing); against: what the other is. `ratio` says
    how many times better skybed is, by the medians; None unless both are more than 0.
    """
    ours, theirs = _median(skybed), _median(other)
    ratio = None
    if ours and theirs and min(ours, theirs) > 0:
        ratio = theirs / ours if less_is_better else ours / theirs
    return {
        "key": key, "what": what, "skybed": ours, "other": theirs, "against": against, "ratio": ratio,
        "samples": {"skybed": list(skybed), "other": list(other)},
    }  # fmt: skip


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(statistics.median(known)) if known else None


def render(head: str, sections: dict[str, Section], console: Console) -> None:
    """Print all sections in 80 columns, each a table under its sentence."""
    console.print(Text(textwrap.fill(head, WIDTH)))
    for section in sections.values():
        console.print(Text("\n" + textwrap.fill(section["about"], WIDTH), "bold"))
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        for name, width in COLUMNS.items():
            table.add_column(name, width=width, justify="left" if name in ("", "which") else "right")
        for row in section["figures"]:
            numbers = number(row["skybed"]), number(row["other"])
            ratio = "" if row["ratio"] is None else number(row["ratio"])
            table.add_row(row["what"], *numbers, row["against"], ratio)
        console.print(table)
        for note in section.get("notes", ()):
            console.print(Text(textwrap.fill(note, WIDTH)))


def number(value: float | None) -> str:
    """Three significant digits, or all before the point where there are more."""
    if value is None:
        return ""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3}f}"
