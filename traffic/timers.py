"""Run time on the event loop of traffic: what it is now, and calls at later times."""

from __future__ import annotations

from collections.abc import Callable

from skybed.traffic.loop import Loop
from skybed.traffic.nodes import Clock

NS_LATER = 1000  # than asked for, calls come: never before their time by the rounding of a clock


class Timers:
    """By a clock that is there only when a run begins."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._clock: Clock | None = None
        self._turn, self._now_s = -1, 0.0

    @property
    def started(self) -> bool:
        return self._clock is not None

    def start(self, clock: Clock) -> None:
        self._clock = clock

    def now_s(self) -> float:
        """The same for all that is done in one turn of the loop: a look at the clock is dear in a guest."""
        if self._turn != self._loop.turn:
            assert self._clock
            self._turn, self._now_s = self._loop.turn, self._clock.now_s()
        return self._now_s

    def at(self, t_s: float, call: Callable[[], None]) -> None:
        assert self._clock
        self._loop.at(int(self._clock.to_realtime_ns(t_s)) + NS_LATER, lambda _now_ns: call())
