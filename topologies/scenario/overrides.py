"""A scenario with other values: `access[0].policy` names a field as error messages do.

List items are counted from 0. An item that has a name may be named instead: `traffic[down].rate_hz`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from skybed.topologies.model import catalogue
from skybed.topologies.model.closest import hint
from skybed.topologies.model.yamlmarks import DEEPEST, FieldPath, Marks, dotted
from skybed.topologies.scenario.reading import name_flows
from skybed.topologies.scenario.validation import error_of

STEP = re.compile(r"\.?[^.\[\]]+|\[[^\[\]]+\]")

Changes = Mapping[str, tuple[int, Any]]  # by path: the line on which it is given, the value


def changed(base: Any, changes: Changes, line: int, file: str) -> tuple[Any, Marks]:
    """A scenario's data with other values, and a line for every path in it.

    The base is right by itself, so what is wrong now is a change's doing: its line, or else `line`.
    """
    data, at_line = copy.deepcopy(base), dict[FieldPath, int]()
    for at, (here, value) in changes.items():
        try:
            at_line[_set(data, at, copy.deepcopy(value))] = here
        except LookupError as why:
            raise error_of(file, [(here, f"{at} {why.args[0]}")]) from None
    name_flows(data)
    marks: Marks = {}
    for path in _walk(data, ()):
        known = [at_line[path[:n]] for n in range(len(path), 0, -1) if path[:n] in at_line]
        marks[path] = known[0] if known else line
    return data, marks


def _walk(data: Any, path: FieldPath) -> Iterator[FieldPath]:
    yield path
    items: Any = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from _walk(value, (*path, key))


def _set(data: Any, at: str, value: Any) -> FieldPath:
    """Put a value at a path, making mappings that are not there; returns the path. Raises LookupError."""
    steps, path = _steps(at), tuple[str | int, ...]()
    for number, step in enumerate(steps):
        key = _key(data, step, path)
        path = (*path, key)
        if number == len(steps) - 1:
            data[key] = value
        elif isinstance(data, dict) and data.get(key) is None:
            # A link class of the catalogue keeps what is not changed.
            known = catalogue.LINKS.get(str(key)) if path[:-1] == ("links",) else None
            data[key] = dict(known or {})
        data = data[key]
    return path


def look(data: Any, at: str) -> Any:
    """The value at a path; None if there is none."""
    path: FieldPath = ()
    try:
        for step in _steps(at):
            key = _key(data, step, path)
            data, path = data[key], (*path, key)
    except LookupError:
        return None
    return data


def _steps(at: str) -> list[str]:
    steps = list(STEP.finditer(at))
    if not steps or "".join(match[0] for match in steps) != at or at[0] in ".[":
        raise LookupError("is not a path; write one as in access[0].policy or traffic[down].rate_hz.")
    if len(steps) > DEEPEST:
        raise LookupError(f"has {len(steps)} parts; no field of a scenario has more than {DEEPEST}.")
    return [match[0].removeprefix(".") for match in steps]


def _key(data: Any, step: str, path: FieldPath) -> str | int:
    """What a step of a path, `name` or `[name]`, is in a mapping or a list: a key, or a number."""
    where, bracketed, step = dotted(path), step.startswith("["), step.strip("[]")
    if isinstance(data, dict):
        return step
    if not isinstance(data, list):
        raise LookupError(f"is not a field: {where} is {data}, which has none.")
    if not bracketed:
        raise LookupError(f"is not a field: {where} is a list; write {where}[{step}], a number or a name.")
    if step.isascii() and step.isdigit():
        if len(step) > len(str(len(data))) or int(step) >= len(data):
            raise LookupError(
                f"is not there: {where} has {len(data)} item{'s' * (len(data) != 1)}, counted from 0."
            )
        return int(step)
    names = [item.get("name") if isinstance(item, Mapping) else item for item in data]
    if step not in names:
        near = hint(step, [name for name in names if isinstance(name, str)])
        raise LookupError(f"is not there: no item of {where} is named {step}{near}.")
    return names.index(step)
