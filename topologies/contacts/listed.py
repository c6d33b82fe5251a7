"""Links that a table names: CSV with the columns a, b and, if need be, class, from, until."""

from __future__ import annotations

import csv
import io
import math
from typing import NamedTuple

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint

COLUMNS = ("a", "b", "class", "from", "until")


class Row(NamedTuple):
    """A link between two nodes, by name. line: in the text, from 1. link_class: None, if it is to be that of
    the pattern. It stands from from_s until until_s (inf: to the end) while geometry allows.
    """

    line: int
    a: str
    b: str
    link_class: str | None
    from_s: float
    until_s: float


def rows(text: str) -> list[Row]:
    """The rows of a table; semicolons and tabs part columns as well as commas. Raises ScenarioError with the
    line of what is wrong.
    """
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    header = lines[first] if lines else ""
    mark = next((mark for mark in ";\t" if mark in header), ",")
    columns = [name.strip().lower() for name in header.split(mark)]
    for name in columns:
        if name not in COLUMNS or columns.count(name) > 1:
            twice = " twice" if name in COLUMNS else hint(name, COLUMNS)
            raise ScenarioError(f"line {first + 1} has the column {name or '(without a name)'}{twice}")
    if missing := [name for name in ("a", "b") if name not in columns]:
        raise ScenarioError(f"line {first + 1}, of names of columns, has no {missing[0]}")
    reader = csv.reader(io.StringIO("\n".join(lines[first + 1 :])), delimiter=mark, skipinitialspace=True)
    found = []
    for cells in reader:
        line = first + 1 + reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise ScenarioError(f"line {line} has {len(cells)} columns, and line {first + 1} {len(columns)}")
        found.append(_row(line, dict(zip(columns, (cell.strip() for cell in cells), strict=True))))
    return found


def _row(line: int, cells: dict[str, str]) -> Row:
    for end in ("a", "b"):
        if not cells[end]:
            raise ScenarioError(f"line {line} has no {end}")
    from_s, until_s = (_seconds(line, name, cells.get(name, "")) for name in ("from", "until"))
    row = Row(
        line,
        cells["a"],
        cells["b"],
        cells.get("class") or None,
        0.0 if from_s is None else from_s,
        math.inf if until_s is None else until_s,
    )
    if row.until_s <= row.from_s:
        raise ScenarioError(
            f"line {line} has until {row.until_s:g}; it must be more than from, {row.from_s:g}"
        )
    return row


def _seconds(line: int, name: str, cell: str) -> float | None:
    if not cell:
        return None
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ScenarioError(f"line {line} has {name} {cell}; it must be seconds of run time, 0 or more")
    return seconds
