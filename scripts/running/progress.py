"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere. On standard error."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_EVERY_S = 10.0
REPORT_EVERY_S, REPORTS = 0.5, 1000


def report_every_s(duration_s: float) -> float:
    """Run time from one word of how far a lane is to the next."""
    return max(REPORT_EVERY_S, duration_s / REPORTS)


class Stages:
    """One bar per stage of the work, each from 0 to 1.

    with Stages() as stages:
        stages.at("planning", 0.4)
        stages.at("playing", 0.0, "0 of 60 s")      # ends "planning"
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, force_jupyter=False)
        self._terminal = self._console.is_terminal
        columns = [
            TextColumn("{task.description:<9}"), BarColumn(30), TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(compact=True),
        ]  # fmt: skip
        self._bars = Progress(*columns, console=self._console, disable=not self._terminal)
        self._stage, self._task = "", self._bars.add_task("", visible=False, note="")
        self._said_s = 0.0

    def __enter__(self) -> Stages:
        self._bars.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._bars.update(self._task, completed=1.0)
        self._bars.stop()

    def pause(self) -> None:
        """Leave the terminal to something else, until the end."""
        self._bars.stop()

    def at(self, stage: str, share: float, note: str = "") -> None:
        """The work is at `share` (0 to 1) of a stage."""
        new = stage != self._stage
        if new:
            self._bars.update(self._task, completed=1.0)
            self._stage, self._task = stage, self._bars.add_task(stage, total=1.0, note=note)
        self._bars.update(self._task, completed=share, note=note)
        if not self._terminal and (new or time.monotonic() - self._said_s >= PLAIN_EVERY_S):
            self._said_s = time.monotonic()
            self._console.print(f"{stage}{f': {note}' if note else ''}", highlight=False)
