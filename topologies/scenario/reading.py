"""What a scenario file takes from other files, and what it need not say."""

from __future__ import annotations

import pathlib
from typing import Any

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint
from skybed.topologies.model.yamlmarks import FieldPath, Marks, line_of


def read_text(path: pathlib.Path, name: str, what: str) -> str:
    """The text of a file. Raises ScenarioError, which calls it `name`, a file of `what`."""
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


def read_named_files(data: dict[Any, Any], lines: Marks, file: str, folder: pathlib.Path) -> None:
    """Put the text of files, of elements and of a daemon's configuration, in the place of their names."""
    layers, routing = data.get("layers"), data.get("routing")
    places: list[tuple[FieldPath, Any, str]] = []
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
