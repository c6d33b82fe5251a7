"""Whether a schedule is valid by the YANG modules that a folder has, which PyPI's yangson tells."""

from __future__ import annotations

import importlib
import json
import pathlib
import re
from typing import Any

from skybed.topologies.errors import ScenarioError

TOP = ("ietf-network", "ietf-network-topology", "ietf-tvr-topology")  # the others are those that they import


def check(text: str, folder: pathlib.Path) -> None:
    """Raise ScenarioError with the place of what is not valid; or for a folder that lacks the modules."""
    try:
        yangson: Any = importlib.import_module("yangson")
    except ImportError:
        raise ScenarioError("--yang needs yangson; install it: pip install yangson.") from None
    modules = [module for path in sorted(folder.glob("*.yang")) if (module := _module(path))]
    for name in TOP:
        if name not in [module["name"] for module in modules]:
            raise ScenarioError(
                f"{folder} has no YANG module {name}; give a folder with the modules of RFC 8345, RFC 9922 "
                "and draft-ietf-tvr-schedule-yang, and those that they import."
            )
    library = {"ietf-yang-library:modules-state": {"module-set-id": "tvr", "module": modules}}
    wrong = yangson.exceptions.YangsonException
    try:
        model = yangson.DataModel(json.dumps(library), [str(folder)])
    except wrong as error:
        raise ScenarioError(f"the YANG modules in {folder} cannot be read: {_said(error)}.") from None
    try:
        model.from_raw(json.loads(text)).validate(ctype=yangson.enumerations.ContentType.config)
    except wrong as error:
        raise ScenarioError(
            f"The export is not valid by the YANG modules in {folder}: {_said(error)}."
        ) from None


def _said(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _module(path: pathlib.Path) -> dict[str, str] | None:
    """What a library says of a module; None for a file that holds none."""
    text = path.read_text(encoding="utf-8")
    name = re.search(r"^\s*module\s+([\w-]+)", text, re.MULTILINE)
    space = re.search(r'namespace\s+"([^"]+)"', text)
    if not name or not space:
        return None
    revisions = re.findall(r"revision\s+\"?(\d{4}-\d\d-\d\d)", text)
    return {
        "name": name[1],
        "revision": max(revisions, default=""),
        "namespace": space[1],
        "conformance-type": "implement" if name[1] in TOP else "import",
    }
