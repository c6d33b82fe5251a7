"""Run time beside the machine's clocks."""

import time

from pytest import approx

from skybed.emulator.sky.clock import Clock


def test_a_clock_that_is_set_during_the_run_does_not_move_run_time_and_is_told(monkeypatch):
    clock, real = Clock(), time.time_ns
    assert clock.stepped_ms() == approx(0, abs=5)
    monkeypatch.setattr(time, "time_ns", lambda: real() - 60_000_000_000)
    assert clock.stepped_ms() == approx(-60_000, abs=5)
    assert 0 <= clock.now_s() < 30
    assert clock.from_realtime_ns(time.time_ns()) < -30  # so packets would be stamped
