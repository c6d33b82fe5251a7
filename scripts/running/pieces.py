"""Files that go over a channel, in pieces, as a line of a channel is held as a whole."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from skybed.scripts.running.messages import Given
from skybed.topologies.errors import InvalidRun

PIECE_BYTES = 1 << 19


def pieces(folder: Path, file: Path) -> Iterator[Given]:
    """Of a file in a folder."""
    name = file.relative_to(folder).as_posix()
    with file.open("rb") as content:
        while piece := content.read(PIECE_BYTES):
            yield Given(name, base64.b64encode(piece).decode())


def take(folder: Path, given: Given) -> None:
    """Add a piece to a file in a folder. Raises InvalidRun for what does not belong there."""
    path = (folder / given.path).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InvalidRun(f"Over the channel came the file {given.path}, which does not belong to a run.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(base64.b64decode(given.data))
