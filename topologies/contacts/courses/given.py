"""Courses that a scenario gives as they are: steps, tables, traces."""

from __future__ import annotations

import numpy as np

from skybed.topologies.contacts.courses.steps import Table
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import over_time, rows
from skybed.topologies.model.flows import LONGEST_BYTES

PACKET_BITS = 8 * LONGEST_BYTES  # of an opportunity
SHOWN = 40  # characters of what is wrong
MOST_LINES = 10_000_000


def listed(course: over_time.Steps) -> Table:
    steps = np.array(course.steps)
    return Table(steps[:, 0], steps[:, 1])


def tables(course: over_time.Table, field: str) -> dict[frozenset[str], Table]:
    """Of a CSV: each pair of nodes that has rows of its own; the empty set has those of all others. Raises
    ScenarioError, a phrase that begins with the line.
    """
    lines: dict[frozenset[str], list[tuple[float, float]]] = {}
    for row in rows.read(course.csv, ("t_s", (field, "value")), ("a", "b")):
        given = [row.cells[end] for end in ("a", "b") if row.cells.get(end)]
        ends = frozenset(given)
        if len(given) == 1 or len(given) != len(ends):
            raise ScenarioError(f"line {row.line} has {' and '.join(given)} for a and b; a link has two ends")
        column = field if field in row.cells else "value"
        t_s = row.number("t_s", least=0.0, must_be=rows.RUN_TIME)
        value = row.number(column, least=0.0, must_be="a number, 0 or more")
        own = lines.setdefault(ends, [])
        if own and t_s <= own[-1][0]:
            raise ScenarioError(f"line {row.line} has t_s {t_s:g} after {own[-1][0]:g}; times ascend")
        own.append((t_s, value))
    if not lines:
        raise ScenarioError("line 1 names columns, and no row follows")
    period_s = course.repeat_s or np.inf
    for own in lines.values():
        if own[-1][0] >= period_s:
            raise ScenarioError(f"t_s {own[-1][0]:g} is not before its end, repeat_s {period_s:g}")
    arrays = {ends: np.array(own) for ends, own in lines.items()}
    return {ends: Table(own[:, 0], own[:, 1], period_s) for ends, own in arrays.items()}


def recorded(course: over_time.Trace, field: str) -> Table:
    """Of a trace: of a rate from packet opportunities, else of values. Raises ScenarioError, a phrase that
    begins with the line.
    """
    values = _numbers(course.trace)
    if field == "rate_mbps":
        return _rates(values, course)
    interval_s = (course.interval_ms or over_time.VALUE_INTERVAL_MS) * 1e-3
    return _turned(Table(np.arange(len(values)) * interval_s, values, len(values) * interval_s), course)


def _rates(opportunities_ms: np.ndarray, course: over_time.Trace) -> Table:
    """Packets that may leave in each interval, as a rate. The trace lasts as long as its last line says, and
    so does its last interval.
    """
    if (back := np.diff(opportunities_ms) < 0).any():
        line = int(back.argmax()) + 2
        raise ScenarioError(f"line {line} is earlier than the one before; times of a trace ascend")
    until_ms, interval_ms = opportunities_ms[-1], course.interval_ms or over_time.RATE_INTERVAL_MS
    if until_ms / interval_ms > MOST_LINES:
        most_ms = MOST_LINES * interval_ms
        raise ScenarioError(f"it lasts {until_ms:g} ms; by {interval_ms:g} ms it can be {most_ms:g} long")
    if until_ms <= 0:
        raise ScenarioError("all lines are 0; a trace ends with the ms that it lasts")
    edges_ms = np.append(np.arange(0.0, until_ms, interval_ms), until_ms)
    packets, _ = np.histogram(opportunities_ms, edges_ms)
    rate_mbps = packets * PACKET_BITS / np.diff(edges_ms) * 1e-3
    return _turned(Table(edges_ms[:-1] * 1e-3, rate_mbps, float(until_ms) * 1e-3), course)


def _turned(table: Table, course: over_time.Trace) -> Table:
    """As it is from its from_s on."""
    if course.from_s == 0:
        return table
    t_s = (table.t_s - course.from_s) % table.period_s
    order = np.argsort(t_s)
    t_s, value = t_s[order], table.value[order]
    if t_s[0] > 0:
        t_s, value = np.append(0.0, t_s), np.append(value[-1], value)
    return Table(t_s, value, table.period_s)


def _numbers(text: str) -> np.ndarray:
    lines = text.split()
    if not lines:
        raise ScenarioError("line 1 is empty; a trace has a number a line")
    if len(lines) > MOST_LINES:
        raise ScenarioError(f"there are more than {MOST_LINES} lines")
    try:
        values = np.array(lines, float)
    except ValueError:
        values = np.array([_number(line) for line in lines])
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        line = int(wrong.argmax())
        raise ScenarioError(f"line {line + 1} is {lines[line][:SHOWN]}; it must be a number, 0 or more")
    return values


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
