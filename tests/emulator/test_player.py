"""The player against a clock of its own and a sky that only writes down what it is told."""

import os
import threading
import time
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from skybed.emulator.sky.player import Player
from skybed.topologies.contacts import properties
from skybed.topologies.contacts.properties import KINDS, Direction
from skybed.topologies.plan.plan import Window
from skybed.topologies.routing.changes import CHANGE
from support import hand_made


class FakeClock:
    virtual = False

    """Time passes only by sleeping, and by what sending costs."""

    def __init__(self):
        self.t_s = 0.0

    def now_s(self):
        return self.t_s

    def sleep_until(self, t_s):
        self.t_s = max(self.t_s, t_s)


def named(events):
    """(kind, link) of each."""
    kinds = (KINDS[number] for number in properties.kind(events))
    return list(zip(kinds, events["link"].tolist(), strict=True))


class FakeSky:
    def __init__(self, clock, cost_s=0.0):
        self.clock, self.cost_s, self.done = clock, cost_s, []

    def change_links(self, coming):
        return iter(())

    def prepare_carriers(self, events):
        return [(f"{kind} carrier", link) for kind, link in named(events)]

    def prepare_states(self, events):
        return named(events[properties.rows(events)[0]])

    def prepare_routes(self, changes):
        return [[("ROUTE", int(c["node"]), int(c["via"])) for c in changes]]

    def send(self, outboxes, pause=None):
        for outbox in outboxes:
            self.done += [(round(self.clock.t_s, 6), *what) for what in outbox]
            self.clock.t_s += self.cost_s * bool(outbox)


def window(begin_s, end_s, events, routes=()):
    return Window(begin_s, end_s, hand_made.events(events), np.array(list(routes), CHANGE))


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

    player.calls.wait = wait
    return player


def play_windows(sky, windows, until_s):
    """What was logged of each window."""
    logged = []
    player = opened(sky, windows, logged.append)
    player.close(player.play(sky.clock, until_s))
    return logged


def test_an_instant_makes_before_it_breaks():
    events = [(0, "up", 0, 100), (5, "up", 1, 100), (5, "delay", 2, 50), (5, "down", 0)]
    _, done = play(events, [(5, 3, 4, 1)])
    assert done[2:] == [
        (5, "up carrier", 1), (5, "up", 1), (5, "delay", 2), (5, "ROUTE", 3, 1), (5, "down carrier", 0),
    ]  # fmt: skip


def test_what_stands_at_0_is_there_before_the_clock_runs():
    played, done = play([(0, "up", 0, 100)], [(0, 1, 2, 3)], cost_s=0.5)
    assert [what for _, what, *_ in done] == ["up carrier", "up", "ROUTE"]
    assert played.applied_s[0] == 0 and played.changes_applied_s[0] == 0


def test_lateness_is_what_it_took():
    played, _ = play([(0, "up", 0), (2, "delay", 0, 110)], cost_s=0.003)
    assert played.applied_s[1] - 2 == pytest.approx(0.003)


class EncodingSky(FakeSky):
    """Encoding routes takes 5 ms."""

    def prepare_routes(self, changes):
        self.clock.t_s += 0.005 * bool(len(changes))
        return super().prepare_routes(changes)


def test_instants_with_no_time_in_between_are_encoded_before_the_first():
    sky = EncodingSky(FakeClock())
    changes = [(3 + n * 1e-6, node, 9, 1) for n, node in enumerate(range(4))]
    (played,) = play_windows(
        sky, iter([window(0, 3600, [(0, "up", 0, 1)], [*changes, (3.05, 7, 9, 1)])]), 10.0
    )
    assert np.allclose(played.changes_applied_s, played.changes["t_s"], rtol=0, atol=1e-9)
    assert [node for _, what, node, _ in sky.done[2:]] == [0, 1, 2, 3, 7]


def test_nothing_is_played_or_logged_beyond_the_end():
    events = [(0, "up", 0), (10, "delay", 0, 110), (20, "delay", 0, 120)]
    played, done = play(events, [(10, 1, 2, 3), (11, 1, 2, 4)], until_s=10)
    assert len(done) == 4
    assert played.events["t_s"].tolist() == played.applied_s.tolist() == [0, 10]
    assert played.changes["via"].tolist() == [3] and played.changes_applied_s.tolist() == [10]


def test_when_behind_it_goes_to_the_newest_delay_of_a_link_and_counts_what_it_left_out():
    """Events 1 ms apart, 100 ms of work each: of a link's delays that are due only the last is set."""
    delays = [(1 + n / 1000, "delay", n % 2, 100 + n) for n in range(50)]
    played, done = play([(0, "up", 0, 100), (0, "up", 1, 100), *delays, (2, "down", 1)], cost_s=0.1)
    assert 40 <= played.skipped.sum() < 50
    assert np.isnan(played.applied_s[played.skipped]).all()
    assert not np.isnan(played.applied_s[~played.skipped]).any()
    assert {link for _, what, link in done if what == "delay"} == {0, 1}
    assert not played.skipped[-2:].any()  # the newest delay, and the carrier


def test_who_is_late_keeps_the_newest_value_of_each_property_and_direction():
    """One for both ways supersedes those for one, not the other way round; on and off is always played."""
    there, back = Direction.THERE, Direction.BACK
    events = [
        (0, "up", 0), (1, "rate", 0, 10, there),
        (1.01, "rate", 0, 20, back), (1.02, "loss", 0, 5), (1.03, "rate", 0, 30, there),
        (1.04, "rate", 0, 40), (1.05, "loss", 0, 1, back), (1.06, "silence", 0), (1.07, "heal", 0),
        (1.08, "delay", 0, 100), (1.09, "rate", 1, 50),
    ]  # fmt: skip
    played, _ = play(events, cost_s=0.1)
    assert played.events["value"][played.skipped].tolist() == [20, 30]
    assert np.isnan(played.applied_s).tolist() == played.skipped.tolist()


def test_what_a_link_comes_with_is_never_left_out():
    """The next delay is due already, and still the first is set: a link has to have one."""
    events = [(0, "up", 0, 1), (1, "down", 0), (1.01, "up", 0, 5), (1.02, "delay", 0, 6)]
    played, _ = play(events, cost_s=0.1)
    assert not played.skipped.any()


def test_a_carrier_change_is_never_left_out():
    events = [(0, "up", 0, 1)] + [(1 + n / 1000, "up" if n % 2 else "down", 0, 5) for n in range(20)]
    played, done = play(events, cost_s=0.1)
    assert not played.skipped.any()
    assert sum(what == "down carrier" for _, what, *_ in done) == 10


def test_only_playing_is_in_real_time():
    before = os.sched_getscheduler(0)
    play([(0, "up", 0, 1)])
    assert os.sched_getscheduler(0) == before


def steady(windows, links=2):
    """Windows of 10 s: each begins with delays of the links, and ends with a change of a route."""
    for n in range(windows):
        events = [(10 * n, "delay", link, 100 + n) if n else (0, "up", link) for link in range(links)]
        yield window(10 * n, 10 * n + 10, events, [(10 * n + 9.5, 1, 2, n)])


def test_windows_are_played_one_after_another_and_each_is_logged_once():
    sky = FakeSky(FakeClock())
    logged = play_windows(sky, steady(5), 35.0)
    assert [what for what in sky.done if what[1] == "delay"] == [
        (10.0 * n, "delay", link) for n in (1, 2, 3) for link in (0, 1)
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
    delays = [(1 + n / 100, "delay", 0, 5) for n in range(900)]
    first = window(0, 10, [(0, "up", 0, 1), *delays, (9.995, "up", 1, 1)])
    second = window(10, 20, [(12, "up", link, 1) for link in range(2, 40)])
    opened(sky, iter([first, second]), logged.append, wait_s=0.001).play(sky.clock, 20.0)
    assert sky.wanted == [[0, 1], list(range(40))]
    made = [(t_s, link) for t_s, what, link in sky.done if what == "LINK"]
    assert [link for _, link in made] == [0, 1, *range(40)]
    assert made[-1][0] < 10
    assert np.allclose(logged[0].applied_s, logged[0].events["t_s"], rtol=0, atol=1e-9)


def test_links_that_there_was_no_time_for_are_made_when_their_window_begins():
    sky = LinkSky(FakeClock())
    delays = [(n / 1000, "delay", 0, 5) for n in range(1, 9999)]
    first = window(0, 10, [(0, "up", 0, 1), *delays])
    second = window(10, 20, [(12, "up", 1, 1), (12, "up", 2, 1)])
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
    player.stopped = SimpleNamespace(is_set=lambda: sky.clock.t_s > 14)
    played_s = player.play(sky.clock, 30.0)
    player.close(played_s)
    assert 14 < played_s < 14.2
    assert [(len(played.events), len(played.changes)) for played in logged] == [(2, 1), (2, 0)]
