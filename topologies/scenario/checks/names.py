"""Checks of the names of nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skybed.topologies.model.fields import NAME_PATTERN
from skybed.topologies.model.known import Problem
from skybed.topologies.model.yamlmarks import FieldPath

# What `from: ground` in an access means, and names of interfaces that the kernel has uses of its own for: the
# loopback; what sysctl calls every interface, and a new one; those that come with a namespace; one of sysfs.
RESERVED = {
    "ground", "lo", "all", "default", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0",
    "ip6tnl0", "ip6gre0", "bonding_masters",
}  # fmt: skip


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
