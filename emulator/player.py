"""The player: applies a timeline to a sky, each event at its time, and records when it really was."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from emulator.clock import Clock
from emulator.net import Sky
from topologies.timeline import EventKind

if TYPE_CHECKING:
    from topologies.plan import Plan

BEHIND_S = 0.02  # so late, the player stops working off a backlog and goes to the newest state
COARSE_S = 0.1  # how long it sleeps at a time, to hear `stop`


class Player:
    """Plays the events and routes of a plan on a sky.

    At one instant: links that come, change or fall silent; then routes; then links that go. So a route leaves
    a link before the link does, and takes a new one once it stands (make before break).
    """

    def __init__(self, sky: Sky, plan: Plan):
        self.sky = sky
        self.events, self.routes = plan.timeline().events, plan.routes().changes
        self.applied_s = np.full(len(self.events), np.nan)
        self.skipped = np.zeros(len(self.events), bool)
        self.routes_applied_s = np.full(len(self.routes), np.nan)
        self.cpu_s = 0.0  # of the thread that plays
        self.stopped = threading.Event()
        self._instants = np.union1d(self.events["t_s"], self.routes["t_s"])

    def open(self) -> None:
        """Everything that stands at t = 0, before there is a clock."""
        self._apply(0.0, clock=None)

    def play(
        self, clock: Clock, until_s: float, progress: Callable[[float], None] = lambda t_s: None
    ) -> float:
        """Play until `until_s` or until `stopped` is set; returns the run time reached."""
        used_s = time.thread_time()
        with _preferred():
            for t_s in self._instants[np.searchsorted(self._instants, 0.0, side="right") :].tolist():
                if t_s > until_s or not self._wait(clock, t_s - COARSE_S, progress):
                    break
                if clock.now_s() - t_s > BEHIND_S:
                    self._skip_superseded(t_s, clock.now_s())
                self._apply(t_s, clock)
            self._wait(clock, until_s, progress)
        self.cpu_s = time.thread_time() - used_s
        return min(clock.now_s(), until_s)

    def _wait(self, clock: Clock, t_s: float, progress: Callable[[float], None]) -> bool:
        while (now_s := clock.now_s()) < t_s:
            progress(now_s)
            if self.stopped.wait(min(COARSE_S, t_s - now_s)):
                return False
        return not self.stopped.is_set()

    def _apply(self, t_s: float, clock: Clock | None) -> None:
        events, routes = self._due(self.events, t_s), self._due(self.routes, t_s)
        batch, current = self.events[events], ~self.skipped[events]
        coming, leaving = batch["kind"] == EventKind.UP, batch["kind"] == EventKind.DOWN
        # Encoded in the order of sending: each step sees the state that the one before leaves.
        steps = [
            ([self.sky.prepare_carriers(batch[coming])], self.applied_s[events], coming),
            (
                [self.sky.prepare_states(batch[current & ~leaving])],
                self.applied_s[events],
                current & ~leaving,
            ),
            (self.sky.prepare_routes(self.routes[routes]), self.routes_applied_s[routes], slice(None)),
            ([self.sky.prepare_carriers(batch[leaving])], self.applied_s[events], leaving),
        ]
        if clock:
            clock.sleep_until(t_s)
        for outboxes, applied_s, which in steps:
            self.sky.send(outboxes)
            applied_s[which] = clock.now_s() if clock else t_s

    def _skip_superseded(self, t_s: float, now_s: float) -> None:
        """Of the delay events that are due by now, keep each link's newest: to catch up beats to replay."""
        start, stop = np.searchsorted(self.events["t_s"], [t_s, now_s])
        newest: set[int] = set()
        for i in range(stop - 1, start - 1, -1):
            link = int(self.events["link"][i])
            self.skipped[i] = self.events["kind"][i] == EventKind.DELAY and link in newest
            newest.add(link)

    @staticmethod
    def _due(rows: np.ndarray, t_s: float) -> slice:
        start, stop = np.searchsorted(rows["t_s"], [t_s, np.nextafter(t_s, np.inf)])
        return slice(int(start), int(stop))


@contextlib.contextmanager
def _preferred() -> Iterator[None]:
    """This thread in real-time scheduling: traffic and typed commands wait for an event, not it for them."""
    usual = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, *usual)
