"""What pydantic finds wrong with the data of a file, in our words: file, line, field, and what it must be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import kinds
from skybed.topologies.model.closest import hint
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.yamlmarks import FieldPath, Marks, dotted, line_of

BRANCH = "<"  # how names of union branches begin that are told apart by what is given
SHOWN = 5  # problems shown at once; later ones often follow from the first

M = TypeVar("M", bound=BaseModel)

# What a field may be called, by its place: list positions and names the user chooses are "*".
Places = dict[tuple[str, ...], type[BaseModel]]


def validated(model: type[M], data: Any, lines: Marks, file: str, places: Places) -> M:
    """The model of a file's data. places: what a field may be called, by its place."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise error_of(file, list(dict.fromkeys(_sentences(error, data, lines, places)))) from None


def error_of(file: str, problems: list[tuple[int, str]]) -> ScenarioError:
    """One error of (line, sentence) pairs; line 0: it is not in the file."""
    problems = sorted(problems, key=lambda problem: problem[0])
    whole = [(line, says.replace("\n", "\\n")) for line, says in problems[:SHOWN]]
    shown = [f"{file}{f', line {line}' * (line > 0)}: {says}" for line, says in whole]
    if len(problems) > SHOWN:
        shown.append(f"... and {len(problems) - SHOWN} more.")
    return ScenarioError("\n".join(shown))


def _sentences(error: ValidationError, data: Any, lines: Marks, places: Places) -> Iterable[tuple[int, str]]:
    """(line, sentence) for each field with a problem; the branches of a union count as one."""
    fields: dict[FieldPath, list[Any]] = {}
    for problem in error.errors(include_url=False):
        path = tuple(part for part in problem["loc"] if part != "[key]" and str(part)[:1] != BRANCH)
        if problem["type"] == "missing" and isinstance(path[-1], str):
            yield line_of(lines, path), f"{dotted(path)} is missing."
        elif problem["type"] == "union_tag_not_found":
            yield line_of(lines, path), f"{dotted(path)}.kind is missing; it must be {kinds.listed()}."
        elif problem["type"] == "union_tag_invalid":
            yield (
                line_of(lines, (*path, "kind")),
                f"{dotted(path)}.kind is {problem['ctx']['tag']}; it must be {kinds.listed()}.",
            )
        elif problem["type"] in ("extra_forbidden", "invalid_key"):
            path = (*path[:-1], str(path[-1]))
            known = _fields(path[:-1], data, places)
            yield line_of(lines, path), f"{dotted(path)} is not a field{hint(str(path[-1]), known)}."
        else:
            while path not in lines:  # names of union branches
                path = path[:-1]
            fields.setdefault(path, []).append(problem)
    for path, problems in fields.items():
        yield line_of(lines, path), f"{dotted(path)} {_is(problems[0])}{_expected(problems)}."


def _fields(path: FieldPath, data: Any, places: Places) -> list[str]:
    for place, model in places.items():
        if len(place) == len(path) and all(a in ("*", b) for a, b in zip(place, path, strict=True)):
            known = kinds.model_of(_at(path, data)) if model is Flow else model
            return [field.alias or name for name, field in known.model_fields.items()]
    return []


def _at(path: FieldPath, data: Any) -> Any:
    for part in path:
        data = data[part]
    return data


def _is(problem: Any) -> str:
    value = problem["input"]
    if problem["type"] == "value_error":
        return repr(value)[1:-1] + " " if isinstance(value, str) else ""
    if isinstance(value, dict | list):
        return f"is {'a' if value else 'an empty'} {_sort(value)}; it must be "
    shown = str(value).lower() if isinstance(value, bool) else "empty" if value in (None, "") else value
    return f"is {shown}; it must be "


def _sort(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "list"


def _expected(problems: list[Any]) -> str:
    return " or ".join(dict.fromkeys(_want(problem) for problem in problems))


def _want(problem: Any) -> str:
    kind, ctx = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return str(ctx["error"])
    if kind in ("string_pattern_mismatch", "string_too_long"):
        most = f"at most {ctx['max_length']} " if kind == "string_too_long" else ""
        return f"{most}letters and digits, with single hyphens, dots or underscores between them"
    if kind == "literal_error":
        words = str(ctx["expected"].replace("'", ""))
        return words + hint(str(problem["input"]), words.replace(" or ", ", ").split(", "), few=0)
    limits = {
        "greater_than": ("more than", "gt"), "greater_than_equal": ("at least", "ge"),
        "less_than": ("less than", "lt"), "less_than_equal": ("at most", "le"),
    }  # fmt: skip
    if kind in limits:
        words, key = limits[kind]
        return f"{words} {ctx[key]:.10g}"
    if kind == "too_long" and ctx["max_length"] > len(("least", "most")):
        return f"at most {ctx['max_length']} long"
    if kind == "too_short":
        return f"a {_sort(problem['input'])} of at least {ctx['min_length']}"
    for start, words in _WANTED.items():
        if kind.startswith(start):
            return words
    return problem["msg"][:1].lower() + problem["msg"][1:]


_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text (put it in quotes)",
    "datetime": "a date and time in UTC such as 2026-05-09T00:00:00Z",
    "list": "a list",
    "tuple": "a pair [least, most]",
    "too_long": "a pair",
    "missing": "a pair",
    "dict": "a mapping",
    "model": "a mapping of fields",
}
