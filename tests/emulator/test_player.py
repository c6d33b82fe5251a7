"""The player against a clock of its own and a sky that only writes down what it is told."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from emulator.player import Player
from topologies.routes import CHANGE
from topologies.timeline import EVENT, EventKind

UP, DELAY, SILENCE, HEAL, DOWN = EventKind


class FakeClock:
    """Time passes only by sleeping, and by what sending costs."""

    def __init__(self):
        self.t_s = 0.0

    def now_s(self):
        return self.t_s

    def sleep_until(self, t_s):
        self.t_s = max(self.t_s, t_s)


class FakeSky:
    def __init__(self, clock, cost_s=0.0):
        self.clock, self.cost_s, self.done = clock, cost_s, []

    def prepare_carriers(self, events):
        return [(EventKind(e["kind"]).name + " carrier", int(e["link"])) for e in events]

    def prepare_states(self, events):
        return [(EventKind(e["kind"]).name, int(e["link"])) for e in events]

    def prepare_routes(self, changes):
        return [[("ROUTE", int(c["node"]), int(c["via"])) for c in changes]]

    def send(self, outboxes):
        for outbox in outboxes:
            self.done += [(round(self.clock.t_s, 6), *what) for what in outbox]
            self.clock.t_s += self.cost_s * bool(outbox)


def play(events, routes=(), until_s=10.0, cost_s=0.0):
    clock = FakeClock()
    sky = FakeSky(clock, cost_s)
    plan = SimpleNamespace(
        timeline=lambda: SimpleNamespace(events=np.array(events, EVENT)),
        routes=lambda: SimpleNamespace(changes=np.array(list(routes), CHANGE)),
    )
    player = Player(sky, plan)
    player.open()
    clock.t_s = 0.0
    player.stopped = SimpleNamespace(wait=lambda s: clock.sleep_until(clock.t_s + s), is_set=lambda: False)
    player.play(clock, until_s)
    return player, sky.done


def test_an_instant_makes_before_it_breaks():
    events = [(0, UP, 0, 100), (5, UP, 1, 100), (5, DELAY, 2, 50), (5, DOWN, 0, np.nan)]
    _, done = play(events, [(5, 3, 4, 1)])
    assert done[2:] == [
        (5, "UP carrier", 1), (5, "UP", 1), (5, "DELAY", 2), (5, "ROUTE", 3, 1), (5, "DOWN carrier", 0),
    ]  # fmt: skip


def test_what_stands_at_0_is_there_before_the_clock_runs():
    player, done = play([(0, UP, 0, 100)], [(0, 1, 2, 3)], cost_s=0.5)
    assert [what for _, what, *_ in done] == ["UP carrier", "UP", "ROUTE"]
    assert player.applied_s[0] == 0 and player.routes_applied_s[0] == 0


def test_lateness_is_what_it_took():
    player, _ = play([(0, UP, 0, 100), (2, DELAY, 0, 110)], cost_s=0.003)
    assert player.applied_s[1] - 2 == pytest.approx(0.003)


def test_nothing_is_played_beyond_the_end():
    player, done = play([(0, UP, 0, 100), (20, DELAY, 0, 110)], until_s=10)
    assert len(done) == 2 and np.isnan(player.applied_s[1])


def test_when_behind_it_goes_to_the_newest_delay_of_a_link_and_counts_what_it_left_out():
    """Events 1 ms apart, 100 ms of work each: of a link's delays that are due only the last is set."""
    delays = [(1 + n / 1000, DELAY, n % 2, 100 + n) for n in range(50)]
    player, done = play([(0, UP, 0, 100), (0, UP, 1, 100), *delays, (2, DOWN, 1, np.nan)], cost_s=0.1)
    assert 40 <= player.skipped.sum() < 50
    assert np.isnan(player.applied_s[player.skipped]).all()
    assert not np.isnan(player.applied_s[~player.skipped]).any()
    assert {link for _, what, link in done if what == "DELAY"} == {0, 1}
    assert not player.skipped[-2:].any()  # the newest delay, and the carrier


def test_a_carrier_change_is_never_left_out():
    events = [(0, UP, 0, 1)] + [(1 + n / 1000, UP if n % 2 else DOWN, 0, 5) for n in range(20)]
    player, done = play(events, cost_s=0.1)
    assert not player.skipped.any()
    assert sum(what == "DOWN carrier" for _, what, *_ in done) == 10


def test_only_playing_is_in_real_time():
    before = os.sched_getscheduler(0)
    play([(0, UP, 0, 1)])
    assert os.sched_getscheduler(0) == before
