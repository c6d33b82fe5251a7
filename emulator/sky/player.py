"""The player: applies a timeline to a sky, each event at its time, and records when it really was."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from skybed.emulator.sky.calls import Calls
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.detours import Detours
from skybed.emulator.sky.net import Outbox, Sky
from skybed.topologies.contacts.properties import VALUED, Direction, Property, comes, goes
from skybed.topologies.plan.score import Playable, Window

BEHIND_S = 0.02  # so late, the player stops working off a backlog and goes to the newest state
# How long it sleeps at a time, to tell how far it is; but of a long plan no more often than so many times. To
# tell takes a microsecond or two of virtual time, so it is not at round times, at which traffic is sent.
COARSE_S, STEPS = 0.0971, 1030
TOGETHER_S = 0.001  # instants so close are encoded before the first of them: there is no time in between
SPARE_S = 0.004  # between two instants, for a link to be made or dropped: half a millisecond, seldom three
PAUSE_S = 0.0002  # in the midst of many changes, for traffic: the player goes before it, and would keep it
END = object()


class Changed(NamedTuple):
    """A property of a link that was changed by hand. value: nan, as planned again. by: whose hand it was."""

    t_s: float
    link: int
    direction: Direction
    what: Property
    value: float
    by: str


class Applied(NamedTuple):
    """Changes of routes, rows of CHANGE, and when each was applied."""

    changes: np.ndarray
    applied_s: np.ndarray


class Played(NamedTuple):
    """What was done of a window: its events and changes of routes, when each was applied (nan: it was not),
    and which events were skipped; and changes of routes that nobody planned (t_s is nan).
    """

    events: np.ndarray
    applied_s: np.ndarray
    skipped: np.ndarray
    changes: np.ndarray
    changes_applied_s: np.ndarray
    unplanned: list[Applied]

    def until(self, t_s: float) -> Played:
        """What of it was due up to a time."""
        events, changes = (np.searchsorted(rows["t_s"], t_s, "right") for rows in (self.events, self.changes))
        columns = self.events[:events], self.applied_s[:events], self.skipped[:events]
        return Played(*columns, self.changes[:changes], self.changes_applied_s[:changes], self.unplanned)


Instant = tuple[float, slice, slice]  # t_s, and which events and changes of a window are due then
# Messages in rounds; when the events, or the changes, of an instant were applied; which of these they do.
Step = tuple[list[Outbox], np.ndarray, np.ndarray | slice]


class Due(NamedTuple):
    """A window to be played, the links that come up in it, and its instants: their times, s, and how many of
    its events and of its changes are due by each.
    """

    played: Played
    coming: np.ndarray
    instants: np.ndarray
    events_by: np.ndarray
    changes_by: np.ndarray

    def each(self) -> Iterator[list[Instant]]:
        """The instants, together where they are close; 0 by itself."""
        events, changes, together = 0, 0, list[Instant]()
        by = self.instants.tolist(), self.events_by.tolist(), self.changes_by.tolist()
        for t_s, events_by, changes_by in zip(*by, strict=True):
            if together and (together[0][0] == 0 or t_s > together[0][0] + TOGETHER_S):
                yield together
                together = []
            together.append((t_s, slice(events, events_by), slice(changes, changes_by)))
            events, changes = events_by, changes_by
        if together:
            yield together


def _forget(played: Played) -> None:
    """A log that nobody reads."""


class Player:
    """Plays the events and routes of a plan on a sky, a window at a time; `log` is given each that is over.

    At one instant: links that come, change or fall silent; then routes; then links that go. So a route leaves
    a link before the link does, and takes a new one once it stands (make before break).

    Other threads may call it to change links by hand (emulator/sky/hand.py), which it does between instants.
    In virtual time nobody waits for that: an instant is encoded when it is due, and takes no time. In real
    time it is encoded up to COARSE_S before, and what is called for then is done after it.

    A thread beside the one that plays logs the last window and fetches the next. In real time it runs while
    the player sleeps, mostly in Arrow's code, which does not hold the interpreter. In virtual time work takes
    no time: all is done when the player first sleeps. Links of the next window are made between instants, by
    the player itself: two threads would get each other's answers from the kernel.
    """

    def __init__(self, sky: Sky, plan: Playable, log: Callable[[Played], None] = _forget):
        self.sky = sky
        self.cpu_s = 0.0  # of the thread that plays
        self.calls = Calls[Clock]("The scenario is over; its links stay as they are.")
        self.stopped = self.calls.stopped
        self.answers = False  # whether anybody may call
        self.changed: list[Changed] = []  # by hand
        self.allowed_s = math.inf  # how late an event or a route may be
        self.applied = self.late = 0  # how many were, and how many of them later than that
        self.skipped = 0  # events that were left out
        self._late_s = 0.0
        self.detours = Detours(sky, plan)
        self._coarse_s = self._ahead_s = COARSE_S
        self._pause: Callable[[], None] | None = None  # in virtual time, and before there is a clock
        self._log = log
        self._windows = plan.windows()
        self._due = _due(next(self._windows))
        self._instants = self._due.each()
        self._links: Iterator[None] | None = None  # for the next window, once it is here

    def open(self) -> None:
        """Everything that stands at t = 0, before there is a clock."""
        _all(self.sky.change_links(self._due.coming))
        self._apply(next(self._instants), clock=None)

    def play(
        self, clock: Clock, until_s: float, progress: Callable[[float], None] = lambda t_s: None
    ) -> float:
        """Play until `until_s` or until `stopped` is set; returns the run time reached."""
        used_s = time.thread_time()
        self._coarse_s = max(COARSE_S, until_s / STEPS)
        self._ahead_s = 0.0 if self.answers and clock.virtual else COARSE_S
        self._pause = None if clock.virtual else partial(time.sleep, PAUSE_S)
        with contextlib.closing(self.calls), ThreadPoolExecutor(1) as beside:
            ahead = beside.submit(self._fetch)
            with _preferred():  # but not the thread beside, which began before
                while self._play_window(ahead, clock, until_s, progress) and (due := ahead.result()):
                    _all(self._links or self._links_for(due))
                    self._links = None
                    ahead = beside.submit(self._log_and_fetch, self._due.played)
                    self._due, self._instants = due, due.each()
                self._wait(clock, until_s, progress)
            reached_s = min(clock.now_s(), until_s)
            ahead.result()  # raises what kept the last window from being logged
        self.cpu_s = time.thread_time() - used_s
        return reached_s

    def take_late_s(self) -> float:
        """By how much what was latest was late, of all that was applied since this was asked last."""
        late_s, self._late_s = self._late_s, 0.0
        return late_s

    def close(self, played_s: float) -> None:
        """Log the window that was being played, up to the run time that was reached."""
        self._log(self._due.played.until(played_s))

    def _fetch(self) -> Due | None:
        window = next(self._windows, None)
        return _due(window) if window else None

    def _log_and_fetch(self, over: Played) -> Due | None:
        self._log(over)
        return self._fetch()

    def _play_window(
        self, ahead: Future[Due | None], clock: Clock, until_s: float, progress: Callable[[float], None]
    ) -> bool:
        """Whether the window was played to its end."""
        for together in self._instants:
            t_s = together[0][0]
            if t_s > until_s or not self._wait(clock, t_s - self._ahead_s, progress):
                return False
            if (now_s := clock.now_s()) - t_s > BEHIND_S:
                self._skip_superseded(t_s, now_s)
            if self._links is None and ahead.done() and (due := ahead.result()):
                self._links = self._links_for(due)
            self._apply(together, clock)
        return True

    def _links_for(self, due: Due) -> Iterator[None]:
        """Steps to the links that the rest of this window and the next one take."""
        return self.sky.change_links(np.union1d(self._due.coming, due.coming))

    def _wait(self, clock: Clock, t_s: float, progress: Callable[[float], None]) -> bool:
        """Whether the time has come; else the player was stopped. Meanwhile it does what it is called for."""
        while True:
            self.calls.answer(clock)
            now_s = clock.now_s()
            if self.detours.due_s <= now_s and now_s < t_s:
                self._reroute(clock, now_s)
            progress(now_s)
            if self.stopped.is_set():
                return False
            if now_s >= t_s:
                return True
            self.calls.wait(min(self._coarse_s, min(t_s, self.detours.due_s) - now_s))

    def _reroute(self, clock: Clock, now_s: float) -> None:
        """Around links that are held down, or back."""
        if len(rows := self.detours.at(now_s).unplanned):
            self.sky.send(self.sky.prepare_routes(rows))
            self._due.played.unplanned.append(Applied(rows, np.full(len(rows), clock.now_s())))

    def _apply(self, together: list[Instant], clock: Clock | None) -> None:
        prepared = [(t_s, self._prepare(t_s, events, changes)) for t_s, events, changes in together]
        if clock:
            spare_s = together[0][0] - SPARE_S
            while self._links and clock.now_s() < spare_s and next(self._links, END) is not END:
                pass
        for t_s, steps in prepared:
            if clock:
                clock.sleep_until(t_s)
            for outboxes, applied_s, which in steps:
                self.sky.send(outboxes, self._pause)
                done_s = clock.now_s() if clock else t_s
                applied_s[which] = done_s
                self._late_s = max(self._late_s, done_s - t_s)
                count = len(applied_s[which])
                self.applied += count
                self.late += count if done_s - t_s > self.allowed_s else 0

    def _prepare(self, t_s: float, events: slice, changes: slice) -> list[Step]:
        """Encoded in the order of sending: each step sees the state that the one before leaves."""
        played = self._due.played
        batch, applied_s, current = played.events[events], played.applied_s[events], ~played.skipped[events]
        coming, leaving = comes(batch), goes(batch)
        setting = current & ~leaving
        steps: list[Step] = []
        if coming.any():
            steps.append(([self.sky.prepare_carriers(batch[coming])], applied_s, coming))
        if setting.any():
            steps.append(([self.sky.prepare_states(batch[setting])], applied_s, setting))
        told, unplanned = self.detours.at(t_s, played.changes[changes])
        if changes.start < changes.stop or len(told):
            steps.append((self.sky.prepare_routes(told), played.changes_applied_s[changes], slice(None)))
        if len(unplanned):
            played.unplanned.append(Applied(unplanned, np.full(len(unplanned), np.nan)))
            steps.append(([], played.unplanned[-1].applied_s, slice(None)))
        if leaving.any():
            steps.append(([self.sky.prepare_carriers(batch[leaving])], applied_s, leaving))
        return steps

    def _skip_superseded(self, t_s: float, now_s: float) -> None:
        """Of the values that are due by now, keep the newest of each property of a link: to catch up beats to
        replay. What is on or off, and what a link comes with, is never left out. What the next window has due
        by now is not looked at."""
        events, skipped = self._due.played.events, self._due.played.skipped
        start, stop = np.searchsorted(events["t_s"], [t_s, now_s])
        due = events[start:stop]
        coming = {*zip(due["t_s"][comes(due)].tolist(), due["link"][comes(due)].tolist(), strict=True)}
        newer: dict[tuple[int, int], int] = {}  # directions, by link and property
        for i, (at_s, link, direction, what, *_) in reversed([*enumerate(due.tolist(), start)]):
            later = newer.get((link, what), 0)
            skipped[i] = what in VALUED and not direction & ~later and (at_s, link) not in coming
            self.skipped += int(skipped[i])
            newer[link, what] = later | direction


def _due(window: Window) -> Due:
    """The first instant of all is 0, when a sky opens, whether or not anything is due then."""
    events, changes = window.events, window.changes
    unplayed = Played(
        events, np.full(len(events), np.nan), np.zeros(len(events), bool),
        changes, np.full(len(changes), np.nan), [],
    )  # fmt: skip
    coming = np.unique(events["link"][comes(events)])
    events_s, changes_s = np.ascontiguousarray(events["t_s"]), np.ascontiguousarray(changes["t_s"])
    opening = [0.0] if window.begin_s == 0 else []
    instants = np.unique(np.concatenate([opening, events_s, changes_s]))
    by = (np.searchsorted(t_s, instants, side="right") for t_s in (events_s, changes_s))
    return Due(unplayed, coming, instants, *by)


def _all(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


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
