"""A plan for other programs: a module for each format, and which file gets which."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from skybed.topologies import files
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.export import csv, czml, geojson, graphml, hardy, hdtn, ion, oem, tvr, ud3tn
from skybed.topologies.plan.plan import Plan

# By the ending of a file's name: what makes its text.
FORMATS: dict[str, Callable[[Plan], str]] = {
    ".csv": csv.text,
    ".ionrc": ion.text,
    ".czml": czml.text,
    ".geojson": geojson.text,
    ".hdtn.json": hdtn.text,
    ".tvr.json": tvr.text,
}
# Of one node, by its name; and of one instant, by its run time.
OF_NODE: dict[str, Callable[[Plan, str], str]] = {
    ".ud3tn": ud3tn.text,
    ".hardy": hardy.text,
    ".oem": oem.text,
}
AT_TIME: dict[str, Callable[[Plan, float], str]] = {".graphml": graphml.text}
OF_SATELLITES = (".oem",)
EACH = "{node}"


def is_of_an_instant(path: pathlib.Path) -> bool:
    """Whether an export to the file is of one run time."""
    return path.name.lower().endswith((*AT_TIME,))


def check(path: pathlib.Path, node: str | None = None, at_s: float | None = None) -> None:
    """Raise ScenarioError if the file cannot become an export: before the plan is worked out. node, at_s: as
    in write.
    """
    _text(path, node, at_s)
    files.check(path, "--export")


def write(plan: Plan, path: pathlib.Path, node: str | None = None, at_s: float | None = None) -> list[str]:
    """Write it in the format that the file's ending names; a file that is there is replaced.

    node: which, of formats that are of one node; None: the name of the file holds EACH, and every node that
    the format can be of gets a file. at_s: when, of those of an instant; None: 0. Returns the nodes of which
    there is nothing to tell: they get none.
    """
    check(path, node, at_s)
    if node is None and EACH in path.name:
        without: list[str] = []
        for one in plan.nodes:
            if one.kind == "satellite" or not path.name.lower().endswith(OF_SATELLITES):
                without += write(plan, path.with_name(path.name.replace(EACH, one.name)), one.name)
        return without
    text = _text(path, node, at_s)(plan)
    if node is not None and not text:
        return [node]
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror
        raise ScenarioError(f"{path} cannot be written ({why}); name another file with --export.") from None
    return []


def _text(path: pathlib.Path, node: str | None, at_s: float | None) -> Callable[[Plan], str]:
    """What makes the text. Raises ScenarioError for what is no format, or told too much or too little."""
    *others, last = endings = [*FORMATS, *OF_NODE, *AT_TIME]
    ending = next((ending for ending in endings if path.name.lower().endswith(ending)), None)
    if ending is None:
        known = f"{', '.join(others)} or {last}"
        raise ScenarioError(f"{path} cannot be exported to: its name must end in {known}.")
    if ending in OF_NODE:
        if node is None and EACH not in path.name:
            raise ScenarioError(
                f"{path} is of one node; name it with --node, or put {EACH} into the name of the file for "
                "one each."
            )
        return lambda plan: OF_NODE[ending](plan, node or EACH)
    if node is not None:
        raise ScenarioError(f"--node is of {' and '.join(OF_NODE)}; {path} is of all nodes.")
    if ending in AT_TIME:
        return lambda plan: AT_TIME[ending](plan, at_s or 0.0)
    return FORMATS[ending]
