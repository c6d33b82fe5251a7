"""The directory that a command writes its results in."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from skybed.topologies.errors import ScenarioError


@contextlib.contextmanager
def fresh(folder: Path, unused: bool = False) -> Iterator[Path]:
    """Make a directory, or take one that is there and empty, before the work whose results are to go into it.

    unused: one that nobody else has: NAME-2 and so on where there is one. Raises ScenarioError where nothing
    can be written, or another process works that has not written anything yet. If the work fails before it
    wrote anything, what was made is removed.
    """
    made = [path for path in folder.parents if not path.exists()]
    try:
        with contextlib.ExitStack() as claims:
            try:
                there = folder.is_dir() and not unused
                taken = folder if there else make_unused(folder, unused)
                made = made if there else [taken, *made]
                claims.enter_context(claimed(taken, "another skybed"))
                filled = any(taken.iterdir())
            except OSError as error:
                why = "it is a file" if folder.is_file() else error.strerror
                raise ScenarioError(
                    f"{folder} cannot be a directory ({why}); name another with --out."
                ) from None
            if filled:
                raise ScenarioError(
                    f"{folder} is not empty; name another directory with --out, or remove it."
                )
            if not os.access(taken, os.W_OK):
                raise ScenarioError(f"{folder} may not be written to; name another directory with --out.")
            yield taken
    except BaseException:
        for path in made:
            with contextlib.suppress(OSError):  # something is in it
                path.rmdir()
        raise


@contextlib.contextmanager
def claimed(folder: Path, by: str) -> Iterator[None]:
    """A directory for this process alone, while the block runs; the claim goes with the process.

    by: who else may have it, for an error. Raises ScenarioError where somebody has.
    """
    claim = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScenarioError(
                f"{folder}: {by} works there; wait for it, or name another directory with --out."
            ) from None
        except OSError:  # of a file system without locks
            pass
        yield
    finally:
        os.close(claim)


def make_unused(wanted: Path, numbered: bool = True) -> Path:
    """Make a directory of this name, or, numbered, NAME-2 and so on where there is one."""
    for number in itertools.count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if not numbered:
                raise
    raise AssertionError("unreachable")
