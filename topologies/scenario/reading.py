"""What a scenario file takes from other files, and what it need not say."""

from __future__ import annotations

import base64
import codecs
import gzip
import io
import pathlib
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO, cast

from skybed.topologies.contacts.nodes import FIELDS
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import code, over_time, ready
from skybed.topologies.model.closest import hint
from skybed.topologies.model.fields import BINARY
from skybed.topologies.model.kinds import OF_TASKS
from skybed.topologies.model.yamlmarks import FieldPath, Marks, line_of

ANY = "program"  # a file of this may be anything
PYTHON = "Python"
LARGEST_MB = 100  # of a file, unpacked
SAVED = ("element", "ephemeris", "track", "link", "value", "trace")  # which other programs may have written


def _utf8(data: bytes) -> str:
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _whole(file: BinaryIO) -> bytes:
    """What is in a file, however little of it is packed. Raises ValueError for what is too much."""
    data = file.read(LARGEST_MB * 1_000_000 + 1)
    if len(data) > LARGEST_MB * 1_000_000:
        raise ValueError(f"more than {LARGEST_MB} MB")
    return data


def _as_saved(data: bytes) -> str:
    """Also UTF-16 with a byte order mark, as Windows writes it; packed by gzip or not."""
    if data.startswith(b"\x1f\x8b"):
        with gzip.open(io.BytesIO(data)) as packed:
            data = _whole(cast(BinaryIO, packed))
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16").encode()
    return _utf8(data)


def read_text(path: pathlib.Path, name: str, what: str, decoded: Callable[[bytes], str] = _utf8) -> str:
    """The text of a file. Raises ScenarioError, which calls it `name`, a file of `what`."""
    try:
        if path.is_char_device() or path.is_block_device():
            raise ScenarioError(f"{name}: this is a device; name a {what} file.")
        with path.open("rb") as file:
            return decoded(_whole(file))
    except FileNotFoundError:
        if "://" in name:
            raise ScenarioError(
                f"{name}: this is an address; save what is there as a file, and name that."
            ) from None
        near = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        raise ScenarioError(f"{name}: there is no such {what} file{hint(path.name, near, few=0)}.") from None
    except IsADirectoryError:
        raise ScenarioError(f"{name}: this is a directory; name the {what} file in it.") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{name}: this {what} file is not text in UTF-8.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ScenarioError(f"{name}: this {what} file is packed by gzip, and damaged.") from None
    except OSError as error:
        raise ScenarioError(f"{name}: this {what} file cannot be read: {error.strerror}.") from None
    except ValueError as error:  # such as a null byte in its name
        raise ScenarioError(f"{name}: this {what} file cannot be read: {error}.") from None


def read_named_files(
    data: dict[Any, Any], lines: Marks, file: str, folder: pathlib.Path
) -> dict[FieldPath, str]:
    """Put what is in files in the place of their names: elements, tracks, links and their values, a daemon's
    configuration, what a program is given, functions in Python. Returns the names of those that are text."""
    layers, routing, access = data.get("layers"), data.get("routing"), data.get("access")
    stations, between = data.get("stations"), data.get("between")
    places: list[tuple[FieldPath, Any, str]] = []
    for name, layer in layers.items() if isinstance(layers, dict) else ():
        places.append((("layers", name, "elements"), layer, "element"))
        given = layer.get("ephemeris") if isinstance(layer, dict) else None
        for satellite in given if isinstance(given, dict) else ():
            places.append((("layers", name, "ephemeris", satellite), given, "ephemeris"))
        isl = layer.get("isl") if isinstance(layer, dict) else None
        places += [
            (("layers", name, "isl", "links"), isl, "link"),
            (("layers", name, "isl", "python"), isl, PYTHON),
        ]
    for i, station in enumerate(stations if isinstance(stations, list) else ()):
        places.append((("stations", i, "track_file"), station, "track"))
    places += _of_links(data.get("links"))
    for i, rule in enumerate(between if isinstance(between, list) else ()):
        places += [(("between", i, "links"), rule, "link"), (("between", i, "python"), rule, PYTHON)]
    for i, rule in enumerate(access if isinstance(access, list) else ()):
        places.append((("access", i, "policy"), rule, PYTHON))
    if isinstance(routing, dict):
        places.append((("routing", "custom", "config"), routing.get("custom"), "configuration"))
    tasks = data.get("tasks")
    for i, task in enumerate(tasks if isinstance(tasks, list) else ()):
        models = task.get("models") if isinstance(task, dict) else None
        parts: list[tuple[FieldPath, Any]] = [(("tasks", i), task)]
        parts += (
            [(("tasks", i, "models", name), m) for name, m in models.items()]
            if isinstance(models, dict)
            else []
        )
        for path, part in parts:
            steps = part.get("steps") if isinstance(part, dict) else None
            for k, step in enumerate(steps if isinstance(steps, list) else ()):
                places.append(((*path, "steps", k, "choose"), step, PYTHON))
    for path, files in _of_flows(data.get("traffic")):
        places += [((*path, name), files, ANY) for name in files]
    read: dict[str, Callable[[pathlib.Path, str, str], str]] = {
        **dict.fromkeys(SAVED, partial(read_text, decoded=_as_saved)),
        "configuration": read_text, ANY: read_any,
    }  # fmt: skip
    names: dict[FieldPath, str] = {}
    for path, part, what in places:
        named = part.get(path[-1]) if isinstance(part, dict) else None
        if not isinstance(named, str) or not named or "\n" in named:
            continue
        where = f"{file}, line {line_of(lines, path)}: "
        if what != PYTHON:
            part[path[-1]] = read[what](ready.beside(folder, named), where + named, what) + "\n"
            names[path] = named
        elif function := code.NAMED.fullmatch(named):
            source = read_text(ready.beside(folder, function["file"]), where + function["file"], what)
            part[path[-1]] = {**function.groupdict(), "source": source}
    return names


def _of_links(classes: Any) -> Iterator[tuple[FieldPath, Any, str]]:
    """Of link classes: values over time, which it spells out, as a file is named in one of their fields."""
    for name, link in classes.items() if isinstance(classes, dict) else ():
        ways: list[tuple[FieldPath, Any]] = [(("links", name), link)]
        if isinstance(link, dict):
            ways += [(("links", name, way), link.get(way)) for way in ("up", "down")]
        for path, part in ways:
            for field in FIELDS.keys() & part.keys() if isinstance(part, dict) else ():
                course = part[field] = over_time.spelled_out(part[field])
                for key, what in (("csv", "value"), ("trace", "trace"), ("python", PYTHON)):
                    yield (*path, field, key), course, what


def read_any(path: pathlib.Path, name: str, what: str) -> str:
    """The content of a file as text; of one that is none as BINARY and base64."""
    try:
        return read_text(path, name, what)
    except ScenarioError:
        if not path.is_file():
            raise
        with path.open("rb") as file:
            return BINARY + base64.b64encode(_whole(file)).decode()


def _of_flows(traffic: Any) -> Iterator[tuple[FieldPath, dict[str, Any]]]:
    """The fields `files` of flows, and their paths."""
    for i, flow in enumerate(traffic if isinstance(traffic, list) else ()):
        files = flow.get("files") if isinstance(flow, dict) else None
        if isinstance(files, dict):
            yield ("traffic", i, "files"), files


def name_flows(data: dict[Any, Any]) -> None:
    """Name each flow that has no name after its kind: probe-1, probe-2, tcp-1; tasks: task-1."""
    traffic = data.get("traffic")
    counts: dict[str, int] = {}
    for flow in traffic if isinstance(traffic, list) else ():
        if isinstance(flow, dict) and isinstance(flow.get("kind"), str):
            _name(flow, flow["kind"], counts)
    tasks = data.get("tasks")
    for task in tasks if isinstance(tasks, list) else ():
        if isinstance(task, dict):
            _name(task, OF_TASKS, counts)


def _name(flow: dict[str, Any], kind: str, counts: dict[str, int]) -> None:
    counts[kind] = counts.get(kind, 0) + 1
    if flow.get("name") is None:
        flow["name"] = f"{kind}-{counts[kind]}"
