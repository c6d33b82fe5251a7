"""A plan for other programs: a module for each format, and which file gets which."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from skybed.topologies import files
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.export import csv, czml, geojson, hdtn, ion, tvr
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


def _format(path: pathlib.Path) -> Callable[[Plan], str] | None:
    return next((text for ending, text in FORMATS.items() if path.name.endswith(ending)), None)


def check(path: pathlib.Path) -> None:
    """Raise ScenarioError if the file cannot become an export: before the plan is worked out."""
    if _format(path) is None:
        *others, last = FORMATS
        endings = f"{', '.join(others)} or {last}"
        raise ScenarioError(f"{path} cannot be exported to: its name must end in {endings}.")
    files.check(path, "--export")


def write(plan: Plan, path: pathlib.Path) -> None:
    """Write it in the format that the file's ending names; a file that is there is replaced."""
    check(path)
    text = _format(path)
    assert text, "checked"
    try:
        path.write_text(text(plan), encoding="utf-8")
    except OSError as error:
        why = error.strerror
        raise ScenarioError(f"{path} cannot be written ({why}); name another file with --export.") from None
