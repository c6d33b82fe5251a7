"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from skybed.topologies.errors import MachineError


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write a file, which appears under its name when the block ends.

    Raises MachineError, which names it, where that is not possible: on a disk that is full.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        why = os.strerror(error.errno) if error.errno else str(error)
        raise MachineError(
            f"{path} cannot be written ({why}); make room on the disk, or take another directory."
        ) from error
