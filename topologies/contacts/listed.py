"""Links that a table names: CSV with the columns a, b and, if need be, class, from, until."""

from __future__ import annotations

import math
from typing import NamedTuple

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import rows


class Listed(NamedTuple):
    """A link between two nodes, by name. line: in the text, from 1. link_class: None, if it is to be that of
    the pattern. It stands from from_s until until_s (inf: to the end) while geometry allows.
    """

    line: int
    a: str
    b: str
    link_class: str | None
    from_s: float
    until_s: float


def read(text: str) -> list[Listed]:
    """The links of a table. Raises ScenarioError with the line of what is wrong."""
    return [_listed(row) for row in rows.read(text, ("a", "b"), ("class", "from", "until"))]


def _listed(row: rows.Row) -> Listed:
    from_s = row.number("from", 0.0, least=0.0, must_be=rows.RUN_TIME)
    until_s = row.number("until", math.inf, least=0.0, must_be=rows.RUN_TIME)
    if until_s <= from_s:
        raise ScenarioError(f"line {row.line} has until {until_s:g}; it must be more than from, {from_s:g}")
    return Listed(row.line, row.text("a"), row.text("b"), row.cells.get("class") or None, from_s, until_s)
