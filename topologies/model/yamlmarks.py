"""YAML with a memory: the data of a file, and the line on which each field stands."""

from __future__ import annotations

import itertools
import re
from typing import Any

import yaml

from skybed.topologies.errors import ScenarioError

# Keys and places in lists that lead to a field of a file.
FieldPath = tuple[str | int, ...]
Marks = dict[FieldPath, int]


MOST_ITEMS = 1_000_000  # keys and items of a file, each as often as an alias repeats it
DEEPEST = 50  # levels
LONGEST_INTEGER = 40  # characters
KINDS = ("map", "seq", "str", "int", "float", "bool", "null")  # of values; no others are read


class _Loader(yaml.CSafeLoader):
    """Without YAML's own time stamps: one that cannot be is then reported as the field it stands in. Nor is
    78:13:47 a number of base 60.
    """

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """One of thousands of digits takes long to read, and nothing can print it."""
        if len(node.value) > LONGEST_INTEGER:
            problem = f"an integer of {len(node.value)} characters, at most {LONGEST_INTEGER} are read"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return int(super().construct_yaml_int(node))


_Loader.yaml_constructors = {
    **{f"tag:yaml.org,2002:{kind}": getattr(_Loader, f"construct_yaml_{kind}") for kind in KINDS},
    None: _Loader.construct_undefined,
}


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
    Raises ScenarioError, with `file` and the line, for text that is not YAML, for a key given twice, and for
    what no file of ours needs: other types, more than MOST_ITEMS, DEEPEST, LONGEST_INTEGER.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, {(): 1}
        _size(node, file, {})
        marks: Marks = {(): node.start_mark.line + 1}
        _mark(node, (), marks, file)
        return loader.construct_document(node), marks
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise ScenarioError(f"{file}{where}: this is not YAML: {error.problem or error.context}.") from None
    except (yaml.YAMLError, ValueError, KeyError) as error:  # of !!int x, !!bool x
        reason = str(error).splitlines()[0]
        raise ScenarioError(f"{file}: this is not YAML: {reason}.") from None
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


Sizes = dict[int, tuple[int, int] | None]  # items and levels, by id of a node; None: not known yet


def _size(node: yaml.Node, file: str, known: Sizes, level: int = 1) -> tuple[int, int]:
    """Items and levels of a part of a file with all that its aliases repeat: a few lines of them can be
    billions of items. So each node is looked at once.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1, 0
    where = f"{file}, line {node.start_mark.line + 1}: "
    if id(node) not in known:
        known[id(node)] = None
        parts = itertools.chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        sizes = [_size(part, file, known, level + 1) for part in parts] if level < DEEPEST else [(1, DEEPEST)]
        items, levels = 1 + sum(size[0] for size in sizes), 1 + max((size[1] for size in sizes), default=0)
        if levels > DEEPEST:
            raise ScenarioError(f"{where}this is nested {DEEPEST} levels deep; no field is.")
        if items > MOST_ITEMS:
            what = f"{MOST_ITEMS:,} items, with what aliases repeat"
            raise ScenarioError(f"{where}this has more than {what}; give fewer.")
        known[id(node)] = items, levels
    if (size := known[id(node)]) is None:
        raise ScenarioError(f"{where}an alias here contains itself.")
    return size


def _mark(node: yaml.Node, path: FieldPath, marks: Marks, file: str) -> None:
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            marks[(*path, i)] = item.start_mark.line + 1
            _mark(item, (*path, i), marks, file)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            if here in marks and key.value != "<<":
                raise ScenarioError(
                    f"{file}, line {line}: {key.value} is given twice, first on line {marks[here]}."
                )
            marks[here] = line
            _mark(value, here, marks, file)
