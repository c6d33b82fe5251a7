"""From a YAML file to a checked Scenario, or to errors that say what is wrong, where, and what to do."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import ready, yamlmarks
from skybed.topologies.model.closest import hint
from skybed.topologies.model.faults import Fault, Region
from skybed.topologies.model.flows import ProbeFlow, TcpFlow, TraceFlow, UdpFlow
from skybed.topologies.model.routing import Copy, Custom, Domain, Routing
from skybed.topologies.model.scenario import (
    Access,
    Fibre,
    Fidelity,
    Geostationary,
    Isl,
    Layer,
    Limit,
    LinkClass,
    Scenario,
    Station,
    Walker,
    dotted,
)
from skybed.topologies.model.yamlmarks import Marks, Path, line_of
from skybed.topologies.scenario import checks

SHOWN = 5  # problems shown at once; later ones often follow from the first

M = TypeVar("M", bound=BaseModel)

KINDS = "probe, trace, udp or tcp"

# What a field may be called, by its place: list positions and names the user chooses are "*".
Places = dict[tuple[str, ...], type[BaseModel]]
_MODELS: Places = {
    (): Scenario,
    ("layers", "*"): Layer,
    ("layers", "*", "walker"): Walker,
    ("layers", "*", "geostationary"): Geostationary,
    ("layers", "*", "isl"): Isl,
    ("stations", "*"): Station,
    ("links", "*"): LinkClass,
    ("access", "*"): Access,
    ("fibre", "*"): Fibre,
    ("routing",): Routing,
    ("routing", "custom"): Custom,
    ("routing", "domains", "*"): Domain,
    ("routing", "copies", "*"): Copy,
    ("traffic", "*", "probe"): ProbeFlow,
    ("traffic", "*", "trace"): TraceFlow,
    ("traffic", "*", "udp"): UdpFlow,
    ("traffic", "*", "tcp"): TcpFlow,
    ("faults", "*"): Fault,
    ("faults", "*", "region"): Region,
    ("fidelity",): Fidelity,
    ("accept", "*"): Limit,
}  # fmt: skip


def load(path: pathlib.Path) -> Scenario:
    """The scenario in a file, or the ready one of that name; see Scenario.load."""
    found = ready.find(path, "scenario")
    return parse(read_text(found, str(path), "scenario"), str(path), found.parent)


def parse(text: str, file: str, folder: pathlib.Path) -> Scenario:
    """The scenario in a YAML text; `file` names it in errors, element files are looked up from `folder`."""
    data, lines = yamlmarks.parse(text, file)
    if not isinstance(data, dict):
        raise ScenarioError(
            f"{file}: a scenario is a mapping of fields (name, epoch, duration_s, layers, ...)."
        )
    name_flows(data)
    return check(data, lines, file, folder)


def check(data: dict[Any, Any], lines: Marks, file: str, folder: pathlib.Path) -> Scenario:
    """The scenario in the data of a YAML text, every path of which is in `lines`; element files are read."""
    _read_files(data, lines, file, folder)
    scenario = validated(Scenario, data, lines, file, _MODELS)
    scenario._file, scenario._lines = file, lines
    problems = [(line_of(lines, path), f"{dotted(path)} {says}") for path, says in checks.problems(scenario)]
    if problems:
        raise error_of(file, problems)
    return scenario


def validated(model: type[M], data: Any, lines: Marks, file: str, places: Places) -> M:
    """The model of a file's data. places: what a field may be called, by its place."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise error_of(file, list(dict.fromkeys(_sentences(error, lines, places)))) from None


def error_of(file: str, problems: list[tuple[int, str]]) -> ScenarioError:
    """One error of (line, sentence) pairs; line 0: it is not in the file."""
    problems = sorted(problems, key=lambda problem: problem[0])
    shown = [f"{file}{f', line {line}' * (line > 0)}: {says}" for line, says in problems[:SHOWN]]
    if len(problems) > SHOWN:
        shown.append(f"... and {len(problems) - SHOWN} more.")
    return ScenarioError("\n".join(shown))


def read_text(path: pathlib.Path, name: str, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        raise ScenarioError(f"{name}: there is no such {what} file{hint(path.name, near, few=0)}.") from None
    except IsADirectoryError:
        raise ScenarioError(f"{name}: this is a directory; name the {what} file in it.") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{name}: this {what} file is not text in UTF-8.") from None
    except OSError as error:
        raise ScenarioError(f"{name}: this {what} file cannot be read: {error.strerror}.") from None


def _read_files(data: dict[Any, Any], lines: Marks, file: str, folder: pathlib.Path) -> None:
    """Put the text of files, of elements and of a daemon's configuration, in the place of their names."""
    layers, routing = data.get("layers"), data.get("routing")
    places: list[tuple[Path, Any, str]] = []
    for name, layer in layers.items() if isinstance(layers, dict) else ():
        places.append((("layers", name, "elements"), layer, "element"))
    if isinstance(routing, dict):
        places.append((("routing", "custom", "config"), routing.get("custom"), "configuration"))
    for path, part, what in places:
        named = part.get(path[-1]) if isinstance(part, dict) else None
        if isinstance(named, str) and named and "\n" not in named:
            where = f"{file}, line {line_of(lines, path)}: {named}"
            part[path[-1]] = read_text(folder / named, where, what) + "\n"


def name_flows(data: dict[Any, Any]) -> None:
    """Name each flow that has no name after its kind: probe-1, probe-2, tcp-1."""
    traffic = data.get("traffic")
    counts: dict[str, int] = {}
    for flow in traffic if isinstance(traffic, list) else ():
        if isinstance(flow, dict) and isinstance(flow.get("kind"), str):
            kind = flow["kind"]
            counts[kind] = counts.get(kind, 0) + 1
            if flow.get("name") is None:
                flow["name"] = f"{kind}-{counts[kind]}"


# -- pydantic's errors in our words ---------------------------------------------------------------


def _sentences(error: ValidationError, lines: Marks, places: Places) -> Iterable[tuple[int, str]]:
    """(line, sentence) for each field with a problem; the branches of a union count as one."""
    fields: dict[Path, list[Any]] = {}
    for problem in error.errors(include_url=False):
        loc = tuple(part for part in problem["loc"] if part != "[key]")
        tag = (
            loc[2:3] if loc[:1] == ("traffic",) else ()
        )  # the kind of a flow is in pydantic's path, not in the file
        path = loc[:2] + loc[3:] if tag else loc
        if problem["type"] == "missing" and isinstance(path[-1], str):
            yield line_of(lines, path), f"{dotted(path)} is missing."
        elif problem["type"] == "union_tag_not_found":
            yield line_of(lines, path), f"{dotted(path)}.kind is missing; it must be {KINDS}."
        elif problem["type"] == "union_tag_invalid":
            yield (
                line_of(lines, (*path, "kind")),
                f"{dotted(path)}.kind is {problem['ctx']['tag']}; it must be {KINDS}.",
            )
        elif problem["type"] in ("extra_forbidden", "invalid_key"):
            path = (*path[:-1], str(path[-1]))
            known = _fields(path[:-1] + tag, places)
            yield line_of(lines, path), f"{dotted(path)} is not a field{hint(str(path[-1]), known)}."
        else:
            while path not in lines:  # names of union branches
                path = path[:-1]
            fields.setdefault(path, []).append(problem)
    for path, problems in fields.items():
        yield line_of(lines, path), f"{dotted(path)} {_is(problems[0])}{_expected(problems)}."


def _fields(path: Path, places: Places) -> list[str]:
    for place, model in places.items():
        if len(place) == len(path) and all(a in ("*", b) for a, b in zip(place, path, strict=True)):
            return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _is(problem: Any) -> str:
    value = problem["input"]
    if problem["type"] == "value_error":
        return repr(value)[1:-1] + " " if isinstance(value, str) else ""
    if isinstance(value, dict | list):
        return f"is a {'mapping' if isinstance(value, dict) else 'list'}; it must be "
    shown = str(value).lower() if isinstance(value, bool) else "empty" if value in (None, "") else value
    return f"is {shown}; it must be "


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
        return str(ctx["expected"].replace("'", ""))
    limits = {
        "greater_than": ("more than", "gt"), "greater_than_equal": ("at least", "ge"),
        "less_than": ("less than", "lt"), "less_than_equal": ("at most", "le"),
    }  # fmt: skip
    if kind in limits:
        words, key = limits[kind]
        return f"{words} {ctx[key]:.10g}"
    if kind == "too_short":
        return f"at least {ctx['min_length']} long"
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
