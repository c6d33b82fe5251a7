"""The directory that a command writes its results in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from skybed.topologies.errors import ScenarioError


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[None]:
    """Make a directory, or take one that is there and empty, before the work whose results are to go into it.

    Raises ScenarioError where nothing can be written. If the work fails before it wrote anything, what was
    made is removed.
    """
    lacking = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            filled = any(folder.iterdir())
        except OSError as error:
            why = "it is a file" if folder.is_file() else error.strerror
            raise ScenarioError(f"{folder} cannot be a directory ({why}); name another with --out.") from None
        if filled:
            raise ScenarioError(f"{folder} is not empty; name another directory with --out, or remove it.")
        if not os.access(folder, os.W_OK):
            raise ScenarioError(f"{folder} may not be written to; name another directory with --out.")
        yield
    except BaseException:
        for path in lacking:
            with contextlib.suppress(OSError):  # something is in it
                path.rmdir()
        raise
