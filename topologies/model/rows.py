"""Tables that users write: CSV with names of columns in the first line. Each row knows its line."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import Utc

SHOWN = 60  # characters of what is wrong
RUN_TIME = "seconds of run time, 0 or more"
TIMES = ("t_s", "time")  # columns that tell when: run time, or a date and time
UTC = TypeAdapter(Utc)


class Row(NamedTuple):
    """line: on which it begins, from 1. cells: texts by the names of their columns, without spaces around
    them. point: of decimals; a comma where semicolons part columns, as spreadsheets of many countries write.
    """

    line: int
    cells: dict[str, str]
    point: str = "."

    def text(self, column: str) -> str:
        """Raises ScenarioError where there is nothing."""
        if not (text := self.cells.get(column, "")):
            raise ScenarioError(f"line {self.line} has no {column}")
        return text

    def number(
        self,
        column: str,
        default: float | None = None,
        least: float = -math.inf,
        must_be: str = "a number",
    ) -> float:
        """A finite number. default: where there is nothing; None: then there must be something.

        Raises ScenarioError for what is no such number, or less than `least`, both of which must_be tells.
        """
        if default is not None and not self.cells.get(column):
            return default
        text = self.text(column)
        try:
            value = float(text.replace(self.point, "."))
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= least):
            raise ScenarioError(f"line {self.line} has {column} {text[:SHOWN]}; it must be {must_be}")
        return value

    def run_time_s(self, begin: dt.datetime) -> float:
        """When, by the one of TIMES that the table has; begin: of run time, UTC."""
        if "time" not in self.cells:
            return self.number("t_s")
        try:
            return (UTC.validate_python(self.text("time")) - begin).total_seconds()
        except ValidationError:
            raise ScenarioError(
                f"line {self.line} has time {self.cells['time'][:SHOWN]}; it must be a date and time in UTC "
                "such as 2026-05-09T00:00:00Z"
            ) from None


def read(text: str, needed: Sequence[str | tuple[str, ...]], others: Sequence[str] = ()) -> list[Row]:
    """The rows of a table, without empty ones. Commas, semicolons or tabs part columns, as in the first line.

    needed: columns that it must have; of a tuple exactly one. others: those that it may have. Raises
    ScenarioError, a phrase that begins with the line, for what is no such table.
    """
    first, *rest = [*_cells(text)] or [(1, [""], ".")]
    header, names, point = first
    columns = [name.lower() for name in names]
    _check_columns(header, columns, needed, others)
    for line, cells, _ in rest:
        if len(cells) != len(columns):
            raise ScenarioError(
                f"line {line} has {len(cells)} columns, and line {header} names {len(columns)}"
            )
    return [Row(line, dict(zip(columns, cells, strict=True)), point) for line, cells, _ in rest]


def _cells(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Of each row that is not empty: its line, what stands in it, and the point of decimals."""
    header = next((line for line in text.split("\n") if line.strip()), "")
    mark = next((mark for mark in ";\t" if mark in header), ",")
    reader = csv.reader(io.StringIO(text), delimiter=mark, skipinitialspace=True, strict=True)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield line, cells, "," if mark == ";" else "."
            line = reader.line_num + 1
    except csv.Error as error:
        raise ScenarioError(f"line {line} is not CSV: {error}") from None


def _check_columns(
    line: int, columns: list[str], needed: Sequence[str | tuple[str, ...]], others: Sequence[str]
) -> None:
    groups = [(name,) if isinstance(name, str) else name for name in needed]
    known = [*(name for group in groups for name in group), *others]
    for name in columns:
        if name not in known or columns.count(name) > 1:
            wrong = f"{name[:SHOWN] or '(without a name)'}{hint(name, known)}"
            raise ScenarioError(f"line {line} has the column {f'{name} twice' if name in known else wrong}")
    for group in groups:
        given = [name for name in group if name in columns]
        if not given:
            raise ScenarioError(f"line {line}, of names of columns, has no {' or '.join(group)}")
        if len(given) > 1:
            raise ScenarioError(f"line {line} has the columns {' and '.join(given)}; give one of them")
