"""One event loop for all traffic of a run: timers and sockets, few system calls.

A system call costs some microseconds in a User Mode Linux guest, so the loop makes one or two per turn and
asks for the time only when it must. Times are CLOCK_REALTIME ns, the clock of the kernel's packet time
stamps. They are kept by a timer of the kernel's: a wait with a time-out may take 0.1 % longer than that.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import heapq
import itertools
import os
import select
import time
from collections.abc import Callable
from math import ceil

from skybed.topologies.model.flows import Instants

EVENTS_AT_ONCE = 64
TFD_TIMER_ABSTIME = 1

_libc = ctypes.CDLL(None, use_errno=True)


class _Itimerspec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("interval_s", "interval_ns", "s", "ns")]


class Loop:
    """Timers and file descriptors that are ready, until a given time or `stop`."""

    def __init__(self) -> None:
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()  # timers of one instant run in the order they were set
        self._ready: dict[int, Callable[[], object]] = {}
        self._epoll = select.epoll()
        self._alarm = _libc.timerfd_create(time.CLOCK_REALTIME, os.O_CLOEXEC)
        self._alarm_ns: int | None = None  # for when it is set
        self._epoll.register(self._alarm, select.EPOLLIN)
        self._stopped = False
        self.turn = 0  # how many calls it has made: what is done in one is done at one time

    @property
    def stopped(self) -> bool:
        return self._stopped

    def at(self, t_ns: int, call: Callable[[int], None]) -> None:
        """Call `call(now_ns)` at t_ns, or as soon as possible after it."""
        heapq.heappush(self._timers, (t_ns, next(self._order), call))

    def every(self, instants: Instants, call: Callable[[int], None]) -> None:
        """Call `call(now_ns)` at each of the instants; those missed are left out."""
        first_ns, period_ns, end_ns = instants

        def turn(k: int, now: int) -> None:
            call(now)
            schedule(max(k + 1, ceil((now - first_ns) / period_ns)))

        def schedule(k: int) -> None:
            due = instants.at_ns(k)
            if due < end_ns:
                self.at(due, functools.partial(turn, k))

        schedule(0)

    def watch(self, fd: int, call: Callable[[], object]) -> None:
        """Call `call` whenever fd is readable or has an error pending, until fd is closed or left alone."""
        self._ready[fd] = call
        self._epoll.register(fd, select.EPOLLIN)

    def watch_in_batches(self, fd: int, read: Callable[[], object], every_ns: int) -> None:
        """Call `read`, which takes all that waits and tells whether there was anything, when fd is readable,
        and then every_ns apart for as long as there is: what comes meanwhile wakes nobody.
        """

        def turn(now_ns: int) -> None:
            if read():
                self.at(now_ns + every_ns, turn)
            else:
                self._epoll.modify(fd, select.EPOLLIN | select.EPOLLONESHOT)

        self._ready[fd] = lambda: turn(time.time_ns())
        self._epoll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)

    def watch_writable(self, fd: int, call: Callable[[], object]) -> None:
        """The same whenever there is room to write, which a socket that connects has once that has come to
        something, or to nothing.
        """
        self._ready[fd] = call
        self._epoll.register(fd, select.EPOLLOUT)

    def heed(self, fd: int, writable: bool) -> None:
        """From now on call what watches fd also whenever there is room to write, or no longer."""
        self._epoll.modify(fd, select.EPOLLIN | select.EPOLLOUT if writable else select.EPOLLIN)

    def leave(self, fd: int) -> None:
        """Watch it no longer."""
        self._epoll.unregister(fd)

    def stop(self) -> None:
        self._stopped = True

    def run(self, until_ns: int) -> None:
        """Serve timers and sockets until until_ns or `stop`."""
        collecting = gc.isenabled()
        gc.collect()
        gc.disable()  # a collection would hold up every probe in flight
        try:
            now = time.time_ns()
            while now < until_ns:
                self._fire(now)
                if self._stopped:  # by a timer, too: nothing else may ever end the wait
                    break
                due = min(self._timers[0][0], until_ns) if self._timers else until_ns
                # A wait that ran its whole length needs no look at the clock.
                now = max(due, now) if self._wait(due) else time.time_ns()
        finally:
            if collecting:
                gc.enable()

    def _fire(self, now: int) -> None:
        timers = self._timers
        while timers and timers[0][0] <= now and not self._stopped:
            self.turn += 1
            heapq.heappop(timers)[2](now)

    def _wait(self, until_ns: int) -> bool:
        """Wait, then serve what became ready. Returns whether nothing did before the time."""
        if until_ns != self._alarm_ns:
            self._alarm_ns = until_ns
            when = _Itimerspec(0, 0, *divmod(max(until_ns, 1), 1_000_000_000))  # 0 would be never
            if _libc.timerfd_settime(self._alarm, TFD_TIMER_ABSTIME, ctypes.byref(when), None) < 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
        ready = [fd for fd, _ in self._epoll.poll(maxevents=EVENTS_AT_ONCE) if fd != self._alarm]
        for fd in ready:
            self.turn += 1
            self._ready[fd]()
        return not ready

    def close(self) -> None:
        os.close(self._alarm)
        self._epoll.close()
