"""A node's computer: jobs in slots, and the queue before them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from skybed.traffic.timers import Timers
from skybed.traffic.waiting import Moment, came


class Job:
    """seconds: of work. done: comes when it has been computed. began_s: None: it still waits for a slot.
    work: what begins with it and has to be over, too; it ends as that does.
    """

    def __init__(self, seconds: float, rank: tuple[int, int], work: Callable[[], Moment] | None) -> None:
        self.seconds, self.rank, self.done = seconds, rank, Moment()
        self.began_s: float | None = None
        self.work = Moment()
        self._begin_work = work
        self._before_s = 0.0  # that it has run, until it was last let run
        self._running_s: float | None = None  # since when it runs; None: it does not
        self._run = 0  # how often it was let run: an earlier timer does not count

    @property
    def runs(self) -> bool:
        return self._running_s is not None

    def worked_s(self, now_s: float) -> float:
        return self._before_s + (0.0 if self._running_s is None else now_s - self._running_s)

    def left_s(self, now_s: float) -> float:
        return max(0.0, self.seconds - self.worked_s(now_s))

    def run(self, timers: Timers, ended: Callable[[Job], None]) -> None:
        self._running_s, self._run = timers.now_s(), self._run + 1
        if self.began_s is None:
            self.began_s = self._running_s
            self.work = self._begin_work() if self._begin_work else came()
        run = self._run
        timers.at(
            self._running_s + self.left_s(self._running_s),
            lambda: self.work.then(lambda: ended(self) if run == self._run else None),
        )

    def halt(self, now_s: float) -> None:
        """It goes on from here when it is let run again."""
        self._before_s = self.worked_s(now_s)
        self._running_s, self._run = None, self._run + 1


class Computer:
    """slots: at once. works: told how many slots more, or less, are at work from now on."""

    def __init__(self, slots: int, timers: Timers, works: Callable[[int], None]) -> None:
        self._slots, self._timers, self._works = slots, timers, works
        self._queue: list[Job] = []  # waiting, in the order of their turn
        self._in_slots: list[Job] = []
        self._order = itertools.count()
        self._paused = False

    def job(self, seconds: float, priority: int, work: Callable[[], Moment] | None = None) -> Job:
        """A new one, which waits for its turn: of higher priority first, then of those that came first."""
        job = Job(seconds, (-priority, next(self._order)), work)
        self._queue.append(job)
        self._queue.sort(key=lambda waiting: waiting.rank)
        self._fill()
        return job

    def drop(self, job: Job, outcome: str) -> None:
        """Compute it no more."""
        if job in self._queue:
            self._queue.remove(job)
        elif job in self._in_slots:
            self._leave(job)
        job.done.end(outcome)
        self._fill()

    def backlog_s(self) -> float:
        """How long a job of no time would wait for a slot, about: all that is to be done over all slots, if
        they are taken."""
        now_s, jobs = self._timers.now_s(), [*self._in_slots, *self._queue]
        if len(jobs) < self._slots:
            return 0.0
        return sum(job.left_s(now_s) for job in jobs) / self._slots

    @property
    def running(self) -> int:
        """How many jobs have a slot."""
        return len(self._in_slots)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._queue)

    def pause(self, paused: bool) -> None:
        """Jobs stay in their slots, and go on later."""
        self._paused = paused
        now_s = self._timers.now_s()
        for job in self._in_slots:
            if paused:
                job.halt(now_s)
            else:
                job.run(self._timers, self._ended)
        if self._in_slots:
            self._works(-len(self._in_slots) if paused else len(self._in_slots))
        self._fill()

    def _fill(self) -> None:
        while self._queue and len(self._in_slots) < self._slots and not self._paused:
            job = self._queue.pop(0)
            self._in_slots.append(job)
            self._works(1)
            job.run(self._timers, self._ended)

    def _ended(self, job: Job) -> None:
        self._leave(job)
        if job.work.ended_as:
            job.done.end(job.work.ended_as)
        else:
            job.done.come()
        self._fill()

    def _leave(self, job: Job) -> None:
        running = job.runs
        job.halt(self._timers.now_s())
        self._in_slots.remove(job)
        if running:
            self._works(-1)
