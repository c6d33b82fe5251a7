"""YAML with a memory: the data of a file, and the line on which each field stands."""

from __future__ import annotations

import re
from typing import Any

import yaml

from skybed.topologies.errors import ScenarioError

# Keys and places in lists that lead to a field of a file.
FieldPath = tuple[str | int, ...]
Marks = dict[FieldPath, int]


class _Loader(yaml.CSafeLoader):
    """Without YAML's own time stamps: one that cannot be is then reported as the field it stands in. Nor is
    78:13:47 a number of base 60.
    """


def _resolvers(first: str, known: list[tuple[str, re.Pattern[str]]]) -> list[tuple[str, re.Pattern[str]]]:
    """Those of scalars that begin with a character, without the two of YAML 1.1 that surprise."""
    sexagesimal = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$")
    text = [("tag:yaml.org,2002:str", sexagesimal)] if first in "-+0123456789" else []
    return text + [(tag, regexp) for tag, regexp in known if tag != "tag:yaml.org,2002:timestamp"]


_Loader.yaml_implicit_resolvers = {
    first: _resolvers(first, known) for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str, file: str) -> tuple[Any, Marks]:
    """Data of the one YAML document in `text`, and the 1-based line of each path in it.

    Lines are those of the key in a mapping and of the item in a list; the path of the whole is ().
    Raises ScenarioError, with `file` and the line, for text that is not YAML and for a key given twice.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {(): 1}
        marks: Marks = {(): node.start_mark.line + 1}
        _mark(node, (), marks, file, ())
        return loader.construct_document(node), marks
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise ScenarioError(f"{file}{where}: this is not YAML: {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ScenarioError(f"{file}: this is not YAML: {reason}.") from None
    except RecursionError:
        raise ScenarioError(
            f"{file}: this is not a scenario: it is nested hundreds of levels deep."
        ) from None
    finally:
        loader.dispose()


def line_of(marks: Marks, path: FieldPath) -> int:
    """Line of a path, or of the nearest parent that is in the file."""
    while path not in marks:
        path = path[:-1]
    return marks[path]


def dotted(path: FieldPath) -> str:
    """A path in the file as one reads it: traffic[0].rate_hz; list items count from 0."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _mark(node: yaml.Node, path: FieldPath, marks: Marks, file: str, parents: tuple[yaml.Node, ...]) -> None:
    if node in parents:
        raise ScenarioError(f"{file}, line {line_of(marks, path)}: an alias here contains itself.")
    parents = (*parents, node)
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            marks[(*path, i)] = item.start_mark.line + 1
            _mark(item, (*path, i), marks, file, parents)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            if here in marks and key.value != "<<":
                raise ScenarioError(
                    f"{file}, line {line}: {key.value} is given twice, first on line {marks[here]}."
                )
            marks[here] = line
            _mark(value, here, marks, file, parents)
