"""Links that a table names: CSV with a, b and, if need be, class, from, until; or a contact plan."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import NamedTuple

from skybed.topologies.contacts import contact_plans
from skybed.topologies.contacts.contact_plans import Piece
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import rows
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.space import Lasers

GIVEN = ("rate_mbps", "delay_ms")  # columns that come together; each may have one for the way back, too


class Given(NamedTuple):
    """What a link is capable of, whatever its class and geometry say: from a, and back."""

    rate_mbps: tuple[float, float]
    delay_ms: tuple[float, float]


class Listed(NamedTuple):
    """A link between two nodes, by name. place: in the text, such as "line 2". link_class: None, if it is to
    be that of the pattern. It stands from from_s until until_s (inf: to the end), while geometry allows if
    not given.
    """

    place: str
    a: str
    b: str
    link_class: str | None
    from_s: float
    until_s: float
    given: Given | None = None


def of_rule(
    rule: Lasers, names: Sequence[str], begin: dt.datetime, duration_s: float = math.inf
) -> list[Listed]:
    """The links that a rule lists. names: of all nodes, in order; begin, duration_s: of the run. Raises
    ScenarioError with the line of what is wrong.
    """
    text = rule.links or ""
    if all(line.strip()[:1] in ("", "#") for line in text.split("\n")):
        raise ScenarioError("it is empty, but for comments" if text.strip() else "it is empty")
    if not contact_plans.is_one(text):
        return read(text)
    return [_of_plan(piece, rule.nodes, names) for piece in contact_plans.read(text, begin, duration_s)]


def read(text: str) -> list[Listed]:
    """The links of a CSV. Raises ScenarioError with the line of what is wrong."""
    backs = [_back(column) for column in GIVEN]
    return [_listed(row) for row in rows.read(text, ("a", "b"), ("class", "from", "until", *GIVEN, *backs))]


def _listed(row: rows.Row) -> Listed:
    from_s = row.number("from", 0.0, least=0.0, must_be=rows.RUN_TIME)
    until_s = row.number("until", math.inf, least=0.0, must_be=rows.RUN_TIME)
    if until_s <= from_s:
        raise ScenarioError(f"line {row.line} has until {until_s:g}; it must be more than from, {from_s:g}")
    ends = row.text("a"), row.text("b")
    return Listed(f"line {row.line}", *ends, row.cells.get("class") or None, from_s, until_s, _given(row))


def _given(row: rows.Row) -> Given | None:
    if not any(row.cells.get(column) for name in GIVEN for column in (name, _back(name))):
        return None
    ways = []
    for column in GIVEN:
        there = row.number(column, least=0.0, must_be="a number, 0 or more")
        ways.append((there, row.number(_back(column), there, least=0.0, must_be="a number, 0 or more")))
    return Given(*ways)


def _back(column: str) -> str:
    """rate_mbps: rate_back_mbps."""
    name, _, unit = column.rpartition("_")
    return f"{name}_back_{unit}"


def _of_plan(piece: Piece, numbered: dict[int, str], names: Sequence[str]) -> Listed:
    for number in (piece.one, piece.other):
        if numbered and number not in numbered:
            raise ScenarioError(f"{piece.place} has node {number}, and nodes does not say who it is")
        if not numbered and number > len(names):
            raise ScenarioError(
                f"{piece.place} has node {number}, and this sky has {len(names)}; say in nodes who it is"
            )
    a, b = (numbered.get(n) or names[n - 1] for n in (piece.one, piece.other))
    given = Given(piece.rate_mbps, piece.delay_ms)
    return Listed(piece.place, a, b, None, piece.start_s, piece.end_s, given)


class Step(NamedTuple):
    """From t_s on, from the link's node of the lower number, and back."""

    t_s: float
    rate_mbps: tuple[float, float]
    delay_ms: tuple[float, float]


def given(scenario: ScenarioModel, names: Sequence[str]) -> dict[tuple[str, str], list[Step]]:
    """What tables give of links, by their ends in the order of `names`: ascending times."""
    number = {name: n for n, name in enumerate(names)}
    steps: dict[tuple[str, str], list[Step]] = {}
    for _, rule in scenario.lasers:
        for row in of_rule(rule, names, scenario.begin) if rule.links else ():
            if row.given:
                turned = number[row.a] > number[row.b]
                rate, delay = ((way[1], way[0]) if turned else way for way in row.given)
                ends = (row.b, row.a) if turned else (row.a, row.b)
                steps.setdefault(ends, []).append(Step(row.from_s, rate, delay))
    return {ends: sorted(own) for ends, own in steps.items()}
