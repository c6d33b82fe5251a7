"""Checks of the names of nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skybed.topologies.model.fields import NAME_PATTERN
from skybed.topologies.model.known import Problem
from skybed.topologies.model.yamlmarks import FieldPath

RESERVED = {"ground", "lo"}  # what `from: ground` in an access means; the loopback interface


def names(named: list[tuple[FieldPath, str]]) -> Iterator[Problem]:
    """Names of nodes are names of interfaces too, and each is of one node. One problem a layer is told."""
    seen: set[str] = set()
    reported: set[FieldPath] = set()
    for path, name in named:
        wrong = _wrong_with(name, seen)
        seen.add(name)
        if wrong and path not in reported:
            reported.add(path)
            yield path, f"has a node named {name}{wrong}."


def _wrong_with(name: str, seen: set[str]) -> str:
    if name in RESERVED:
        return ", which is reserved; choose another name"
    if name in seen:
        return ", but there is one already; each node needs its own name"
    if len(name) > 15:
        return f": {len(name)} characters, but Linux allows 15; shorten `names`"
    if not re.match(NAME_PATTERN, name):
        return "; a name has letters and digits, with single hyphens, dots or underscores between them"
    return ""
