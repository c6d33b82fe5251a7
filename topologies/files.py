"""Files that are written whole or not at all, and what the system says of those that it refuses."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from skybed.topologies.errors import MachineError, ScenarioError


def check(path: Path, option: str) -> None:
    """Raise ScenarioError if there can be no file of this name, which was given with an option: before what
    it is to hold is worked out.
    """
    if path.is_dir() or not path.parent.is_dir():
        why = "it is a directory" if path.is_dir() else "there is no such directory"
        raise ScenarioError(f"{path} cannot be written ({why}); name another file with {option}.")


FULL = (errno.ENOSPC, errno.EDQUOT)
MAKE_ROOM = "make room on the disk, or take another directory"


def refused(error: OSError, path: str | Path | None = None) -> MachineError:
    """An error of the system's as a sentence: of what, why, and of a full disk what to do. path: what it is
    about; None: the error tells, if anything does.
    """
    about = path or error.filename
    why = os.strerror(error.errno) if error.errno else str(error)
    remedy = f"; {MAKE_ROOM}" if error.errno in FULL else ""
    return MachineError(f"{about or ''}{': ' if about else ''}{why}{remedy}.")


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
        raise refused(error, path) from error
