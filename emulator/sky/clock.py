"""Run time: seconds since the scenario's epoch, from the kernel's clocks."""

from __future__ import annotations

import time
from typing import Any


class Clock:
    """Run time 0 is `lead_s` after the clock was made, or at `zero_ns` of CLOCK_REALTIME, if given; before
    it, run time is negative. virtual: whether time is.

    The monotonic clock paces; CLOCK_REALTIME is what the kernel stamps packets with. The offset between them
    is taken once: a step of the host's time during the run does not move run time.
    """

    def __init__(self, lead_s: float = 0.0, zero_ns: int | None = None, virtual: bool = False):
        ahead_ns = _ahead_ns()
        if zero_ns is None:
            zero_ns = time.monotonic_ns() + round(lead_s * 1e9) + ahead_ns
        self._zero_ns, self._real_zero_ns = zero_ns - ahead_ns, zero_ns
        self.virtual = virtual

    @property
    def zero_ns(self) -> int:
        """Run time 0 by the monotonic clock."""
        return self._zero_ns

    def now_s(self) -> float:
        return (time.monotonic_ns() - self._zero_ns) / 1e9

    def stepped_ms(self) -> float:
        """By how much CLOCK_REALTIME has been set since: time stamps of packets are off by it."""
        return (_ahead_ns() - (self._real_zero_ns - self._zero_ns)) / 1e6

    def sleep_until(self, t_s: float) -> None:
        wait_s = t_s - self.now_s()
        if wait_s > 0:
            time.sleep(wait_s)

    def from_realtime_ns(self, ns: Any) -> Any:
        """Run time in s of kernel time stamps (CLOCK_REALTIME, ns; a number or an array)."""
        return (ns - self._real_zero_ns) / 1e9

    def to_realtime_ns(self, t_s: float) -> int:
        return self._real_zero_ns + round(t_s * 1e9)


def _ahead_ns() -> int:
    """How far CLOCK_REALTIME is ahead of the monotonic clock."""
    # The closest of a few readings: a preempted pair would be off by a time slice.
    pairs = [(time.monotonic_ns(), time.time_ns(), time.monotonic_ns()) for _ in range(9)]
    before, real, after = min(pairs, key=lambda pair: pair[2] - pair[0])
    return real - (before + after) // 2
