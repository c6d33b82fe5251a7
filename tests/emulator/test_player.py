"""The player against a clock of its own and a sky that only writes down what it is told."""

import os
import threading
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from skybed.emulator.sky.player import Player
from skybed.topologies.plan.plan import Window
from skybed.topologies.plan.timeline import EVENT, EventKind
from skybed.topologies.routing.routes import CHANGE

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

    def change_links(self, coming):
        return iter(())

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


def window(begin_s, end_s, events, routes=()):
    return Window(begin_s, end_s, np.array(events, EVENT), np.array(list(routes), CHANGE))


def play(events, routes=(), until_s=10.0, cost_s=0.0):
    """One window; returns what was done of it, and what the sky was told and when."""
    clock = FakeClock()
    sky = FakeSky(clock, cost_s)
    (played,) = play_windows(sky, iter([window(0, 3600, events, routes)]), until_s)
    return played, sky.done


def opened(sky, windows, log, wait_s=0.0):
    """A player before its start, on a clock that sleeping moves; wait_s: how long that really takes."""
    player = Player(sky, SimpleNamespace(windows=lambda: windows), log)
    player.open()
    sky.clock.t_s = 0.0

    def wait(s):
        time.sleep(wait_s)
        sky.clock.sleep_until(sky.clock.t_s + s)
        return player.stopped.is_set()

    player.stopped = SimpleNamespace(wait=wait, is_set=lambda: False)
    return player


def play_windows(sky, windows, until_s):
    """What was logged of each window."""
    logged = []
    player = opened(sky, windows, logged.append)
    player.close(player.play(sky.clock, until_s))
    return logged


def test_an_instant_makes_before_it_breaks():
    events = [(0, UP, 0, 100), (5, UP, 1, 100), (5, DELAY, 2, 50), (5, DOWN, 0, np.nan)]
    _, done = play(events, [(5, 3, 4, 1)])
    assert done[2:] == [
        (5, "UP carrier", 1), (5, "UP", 1), (5, "DELAY", 2), (5, "ROUTE", 3, 1), (5, "DOWN carrier", 0),
    ]  # fmt: skip


def test_what_stands_at_0_is_there_before_the_clock_runs():
    played, done = play([(0, UP, 0, 100)], [(0, 1, 2, 3)], cost_s=0.5)
    assert [what for _, what, *_ in done] == ["UP carrier", "UP", "ROUTE"]
    assert played.applied_s[0] == 0 and played.changes_applied_s[0] == 0


def test_lateness_is_what_it_took():
    played, _ = play([(0, UP, 0, 100), (2, DELAY, 0, 110)], cost_s=0.003)
    assert played.applied_s[1] - 2 == pytest.approx(0.003)


class EncodingSky(FakeSky):
    """Encoding routes takes 5 ms."""

    def prepare_routes(self, changes):
        self.clock.t_s += 0.005 * bool(len(changes))
        return super().prepare_routes(changes)


def test_instants_with_no_time_in_between_are_encoded_before_the_first():
    sky = EncodingSky(FakeClock())
    changes = [(3 + n * 1e-6, node, 9, 1) for n, node in enumerate(range(4))]
    (played,) = play_windows(sky, iter([window(0, 3600, [(0, UP, 0, 1)], [*changes, (3.05, 7, 9, 1)])]), 10.0)
    assert np.allclose(played.changes_applied_s, played.changes["t_s"], rtol=0, atol=1e-9)
    assert [node for _, what, node, _ in sky.done[2:]] == [0, 1, 2, 3, 7]


def test_nothing_is_played_or_logged_beyond_the_end():
    events = [(0, UP, 0, 100), (10, DELAY, 0, 110), (20, DELAY, 0, 120)]
    played, done = play(events, [(10, 1, 2, 3), (11, 1, 2, 4)], until_s=10)
    assert len(done) == 4
    assert played.events["t_s"].tolist() == played.applied_s.tolist() == [0, 10]
    assert played.changes["via"].tolist() == [3] and played.changes_applied_s.tolist() == [10]


def test_when_behind_it_goes_to_the_newest_delay_of_a_link_and_counts_what_it_left_out():
    """Events 1 ms apart, 100 ms of work each: of a link's delays that are due only the last is set."""
    delays = [(1 + n / 1000, DELAY, n % 2, 100 + n) for n in range(50)]
    played, done = play([(0, UP, 0, 100), (0, UP, 1, 100), *delays, (2, DOWN, 1, np.nan)], cost_s=0.1)
    assert 40 <= played.skipped.sum() < 50
    assert np.isnan(played.applied_s[played.skipped]).all()
    assert not np.isnan(played.applied_s[~played.skipped]).any()
    assert {link for _, what, link in done if what == "DELAY"} == {0, 1}
    assert not played.skipped[-2:].any()  # the newest delay, and the carrier


def test_a_carrier_change_is_never_left_out():
    events = [(0, UP, 0, 1)] + [(1 + n / 1000, UP if n % 2 else DOWN, 0, 5) for n in range(20)]
    played, done = play(events, cost_s=0.1)
    assert not played.skipped.any()
    assert sum(what == "DOWN carrier" for _, what, *_ in done) == 10


def test_only_playing_is_in_real_time():
    before = os.sched_getscheduler(0)
    play([(0, UP, 0, 1)])
    assert os.sched_getscheduler(0) == before


def steady(windows, links=2):
    """Windows of 10 s: each begins with delays of the links, and ends with a change of a route."""
    for n in range(windows):
        kind = DELAY if n else UP
        events = [(10 * n, kind, link, 100 + n) for link in range(links)]
        yield window(10 * n, 10 * n + 10, events, [(10 * n + 9.5, 1, 2, n)])


def test_windows_are_played_one_after_another_and_each_is_logged_once():
    sky = FakeSky(FakeClock())
    logged = play_windows(sky, steady(5), 35.0)
    assert [what for what in sky.done if what[1] == "DELAY"] == [
        (10.0 * n, "DELAY", link) for n in (1, 2, 3) for link in (0, 1)
    ]
    assert [len(played.events) for played in logged] == [2, 2, 2, 2]
    assert [played.changes["t_s"].tolist() for played in logged] == [[9.5], [19.5], [29.5], []]
    for played in logged:
        assert played.applied_s.tolist() == played.events["t_s"].tolist()
        assert played.changes_applied_s.tolist() == played.changes["t_s"].tolist()


def test_the_next_window_is_fetched_ahead_beside_the_player():
    """While a window is played: so that its end holds nobody up."""
    asked = []

    def watched():
        for made in steady(3):
            asked.append((sky.clock.t_s, threading.current_thread() is threading.main_thread()))
            yield made

    sky = FakeSky(FakeClock())
    opened(sky, watched(), lambda played: None, wait_s=0.001).play(sky.clock, 30.0)
    assert [here for _, here in asked] == [True, False, False]
    assert asked[1][0] < 5 and asked[2][0] < 15


def test_a_few_windows_are_held_however_many_there_are():
    made, held = [], []

    def watched():
        for new in steady(30):
            made.append(weakref.ref(new.events))
            held.append(sum(events() is not None for events in made))
            yield new

    sky = FakeSky(FakeClock())
    opened(sky, watched(), lambda played: None).play(sky.clock, 300.0)
    assert len(held) == 30 and max(held) <= 4


class LinkSky(FakeSky):
    """Making a link takes 3 ms."""

    def __init__(self, clock):
        super().__init__(clock)
        self.wanted = []

    def change_links(self, coming):
        self.wanted.append(coming.tolist())
        for link in coming.tolist():
            self.done.append((self.clock.t_s, "LINK", link))
            self.clock.t_s += 0.003
            yield


def test_links_are_made_in_the_window_before_and_keep_no_event_waiting():
    """Those that come in a window and the next are asked for together; an event is due every 10 ms."""
    sky, logged = LinkSky(FakeClock()), []
    delays = [(1 + n / 100, DELAY, 0, 5) for n in range(900)]
    first = window(0, 10, [(0, UP, 0, 1), *delays, (9.995, UP, 1, 1)])
    second = window(10, 20, [(12, UP, link, 1) for link in range(2, 40)])
    opened(sky, iter([first, second]), logged.append, wait_s=0.001).play(sky.clock, 20.0)
    assert sky.wanted == [[0, 1], list(range(40))]
    made = [(t_s, link) for t_s, what, link in sky.done if what == "LINK"]
    assert [link for _, link in made] == [0, 1, *range(40)]
    assert made[-1][0] < 10
    assert np.allclose(logged[0].applied_s, logged[0].events["t_s"], rtol=0, atol=1e-9)


def test_links_that_there_was_no_time_for_are_made_when_their_window_begins():
    sky = LinkSky(FakeClock())
    delays = [(n / 1000, DELAY, 0, 5) for n in range(1, 9999)]
    first = window(0, 10, [(0, UP, 0, 1), *delays])
    second = window(10, 20, [(12, UP, 1, 1), (12, UP, 2, 1)])
    opened(sky, iter([first, second]), lambda played: None, wait_s=0.001).play(sky.clock, 20.0)
    made = [(t_s, link) for t_s, what, link in sky.done if what == "LINK"]
    assert [link for _, link in made] == [0, 0, 1, 2]
    assert all(9.99 < t_s < 10.1 for t_s, _ in made[1:])


def test_what_goes_wrong_beside_the_player_is_raised():
    def broken(played):
        raise OSError("no space left")

    sky = FakeSky(FakeClock())
    with pytest.raises(OSError, match="no space left"):
        opened(sky, steady(3), broken).play(sky.clock, 15.0)


def test_a_player_that_is_stopped_logs_what_it_reached():
    sky, logged = FakeSky(FakeClock()), []
    player = opened(sky, steady(3), logged.append)
    player.stopped.is_set = lambda: sky.clock.t_s > 14
    played_s = player.play(sky.clock, 30.0)
    player.close(played_s)
    assert 14 < played_s < 14.2
    assert [(len(played.events), len(played.changes)) for played in logged] == [(2, 1), (2, 0)]
