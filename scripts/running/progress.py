"""Progress of long work, and who listens to it: on a terminal a bar, elsewhere a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY_S = 10.0
TOLD = 10
REPORT_EVERY_S, REPORTS = 0.5, 1000


def report_every_s(duration_s: float) -> float:
    """Run time from one word of how far a lane is to the next."""
    return max(REPORT_EVERY_S, duration_s / REPORTS)


class Listener(Protocol):
    """Is told how far the work is. What it raises ends the work."""

    def at(self, stage: str, share: float, note: str = "") -> None:
        """The work is at `share` (0 to 1) of a stage; note: in words."""


def tell(lines: Sequence[str]) -> None:
    """Put what is worth knowing, though no error, on standard error, the first TOLD of it."""
    for line in lines[:TOLD]:
        print(line, file=sys.stderr)
    if len(lines) > TOLD:
        print(f"... and {len(lines) - TOLD} more.", file=sys.stderr)


class ProgressBar:
    """One bar per stage of the work, on standard error.

    with ProgressBar() as bar:
        bar.at("planning", 0.4)
        bar.at("playing", 0.0, "0 of 60 s")      # ends "planning"
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, force_jupyter=False)
        self._terminal = self._console.is_terminal
        columns = [
            TextColumn("{task.description:<9}"), BarColumn(30), TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(compact=True),
        ]  # fmt: skip
        self._bars = Progress(*columns, console=self._console, disable=not self._terminal)
        self._stage, self._task = "", self._bars.add_task("", visible=False, note="")
        self._said_s = 0.0

    def __enter__(self) -> ProgressBar:
        self._bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._bars.update(self._task, completed=1.0)
        self._bars.stop()

    def at(self, stage: str, share: float, note: str = "") -> None:
        new = stage != self._stage
        if new:
            self._bars.update(self._task, completed=1.0)
            self._stage, self._task = stage, self._bars.add_task(stage, total=1.0, note=note)
        self._bars.update(self._task, completed=share, note=note)
        if not self._terminal and (new or time.monotonic() - self._said_s >= PLAIN_EVERY_S):
            self._said_s = time.monotonic()
            self._console.print(f"{stage}{f': {note}' if note else ''}", highlight=False)
