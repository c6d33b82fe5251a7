"""What checks of a scenario yield, and the one they all make: that a name is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from skybed.topologies.model.closest import hint
from skybed.topologies.model.yamlmarks import FieldPath

Problem = tuple[FieldPath, str]  # the path of a field in the file, and what to say after its name


def known_name(path: FieldPath, name: str, known: Iterable[str], what: str) -> Iterator[Problem]:
    if name not in known:
        yield path, f"names {name}, but there is no such {what}{hint(name, known)}."
