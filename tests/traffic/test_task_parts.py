"""What nodes hold, compute and draw for tasks, by a clock of the test's own."""

import heapq
import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skybed.topologies.model.carried import Computing, Power, Storage
from skybed.traffic.storage import Item, Store
from skybed.traffic.tasks.battery import Battery, Work
from skybed.traffic.tasks.computer import Computer
from skybed.traffic.waiting import Ended, Moment, begin, every


class Clock:
    """Timers that are run through at once."""

    def __init__(self):
        self.t_s, self._due, self._order = 0.0, [], itertools.count()

    def now_s(self):
        return self.t_s

    def at(self, t_s, call):
        heapq.heappush(self._due, (t_s, next(self._order), call))

    def run(self, until_s):
        while self._due and self._due[0][0] <= until_s:
            self.t_s, _, call = heapq.heappop(self._due)
            call()
        self.t_s = until_s


def test_a_life_goes_on_when_what_it_waits_for_comes():
    moment, other, told = Moment(), Moment(), []

    async def life():
        told.append(await moment)
        try:
            await every([other, moment])
        except Ended as why:
            told.append(why.outcome)

    ended = begin(life())
    assert told == [] and not ended.over
    moment.come(3)
    other.end("lost")
    assert told == [3, "lost"] and ended.over


jobs = st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 20), st.integers(0, 2)), min_size=1, max_size=12)


@given(jobs, st.integers(1, 3))
def test_a_computer_never_runs_more_jobs_than_it_has_slots_and_loses_none(given_jobs, slots):
    clock, busy, most = Clock(), 0, 0

    def works(more):
        nonlocal busy, most
        busy += more
        most = max(most, busy)

    computer, made = Computer(slots, clock, works), []
    for at_s, seconds, priority in given_jobs:
        clock.at(at_s, lambda of=(seconds, priority): made.append(computer.job(*of)))
    clock.run(1e6)
    assert most <= slots and busy == 0
    assert all(job.done.over for job in made)
    assert all(job.worked_s(1e6) == pytest.approx(job.seconds) for job in made)
    assert computer.backlog_s() == 0


def test_a_job_that_pauses_goes_on_where_it_was():
    clock, works = Clock(), []
    computer = Computer(1, clock, works.append)
    job = computer.job(10, 0)
    clock.at(4, lambda: computer.pause(True))
    clock.at(9, lambda: computer.pause(False))
    clock.run(14.9)
    assert not job.done.over
    clock.run(15.1)
    assert job.done.over and works == [1, -1, 1, -1]


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2)), max_size=30), st.booleans())
def test_a_storage_never_holds_more_than_it_can(sizes, drops):
    rule = Storage(gb=100e-9, when_full="drop-oldest" if drops else "refuse")
    store, there = Store(rule, 1.0, lambda: 0.0), []
    for size, priority in sizes:
        if store.takes(size, priority):
            item = Item(size, priority)
            store.take(item)
            there.append(item)
        left = [item for item in there if not item.gone.over]
        assert store.held_bytes == sum(item.size for item in left) <= 100
        assert drops or len(left) == len(there)
    store.lose()
    assert store.held_bytes == 0 and all(item.gone.over for item in there)


@given(
    st.lists(st.tuples(st.floats(0.1, 5000), st.booleans(), st.floats(0, 50)), min_size=1, max_size=20),
    st.floats(0, 60),
)
def test_a_battery_keeps_account(steps, panel_w):
    """Added up in small steps, what comes less what is drawn is what is in it, unless it is full or empty."""
    battery = Battery(Power(panel_w=panel_w, battery_wh=20, start_pct=50, idle_w=5), None, 0.0)
    t_s, level_wh, drawn_w = 0.0, 10.0, 0.0
    for length_s, sunlit, watts in steps:
        battery.shines(t_s, sunlit)
        battery.draws(t_s, "compute", watts - drawn_w)
        drawn_w = watts
        flow_w = (panel_w if sunlit else 0.0) - 5 - watts
        level_wh = min(20.0, max(0.0, level_wh + flow_w * length_s / 3600))
        t_s += length_s
        assert battery.level_wh(t_s) == pytest.approx(level_wh, abs=1e-6)


def test_a_battery_tells_when_it_comes_to_its_floor():
    battery = Battery(Power(panel_w=0, battery_wh=10, floor_pct=50, resume_pct=60, idle_w=36), None, 0.0)
    assert battery.next_s() == pytest.approx(500)
    battery.pauses(500, True)
    assert battery.next_s() is None
    battery.power = battery.power.model_copy(update={"panel_w": 72.0})
    battery.shines(600, True)
    assert battery.level_wh(600) == pytest.approx(4)
    assert battery.next_s() == pytest.approx(600 + 200)


suns = st.lists(st.floats(1, 40), max_size=5)
powers = st.builds(
    Power, panel_w=st.floats(0, 200), battery_wh=st.floats(0.2, 2), start_pct=st.floats(0, 100),
    floor_pct=st.floats(5, 60), resume_pct=st.floats(61, 95), idle_w=st.floats(0, 20),
)  # fmt: skip


@given(powers, suns, st.floats(0.1, 60), st.floats(1, 300), st.floats(0, 30))
def test_a_job_is_done_when_a_battery_foretells_it(power, turns, seconds, watts, arrives_s):
    """Foretold at once, and gone through pause by pause."""
    clock, computing = Clock(), Computing(mb_s=1, watts=watts)
    edges = list(itertools.accumulate(turns))
    sunlit = [*zip(edges[::2], edges[1::2], strict=False)]
    battery = Battery(power, computing, 0.0)
    foretold_s, longer_s = (
        battery.done_s(0.0, Work(0.0, watts), arrives_s, Work(work_s, watts), sunlit)
        for work_s in (seconds, seconds * (1 + 1e-9))
    )
    assume(longer_s - foretold_s < 0.01)  # or the floor is reached at the very end, before it or after it
    computer = Computer(1, clock, lambda more: draws(more * watts))
    look = itertools.count()
    newest = [0]

    def watch():
        due_s, newest[0] = battery.next_s(), next(look)
        mine = newest[0]
        if due_s is not None:
            clock.at(due_s, lambda: turn() if mine == newest[0] else None)

    def draws(more):
        battery.draws(clock.now_s(), "compute", more)
        watch()

    def turn():
        battery.pauses(clock.now_s(), not battery.paused)
        computer.pause(battery.paused)
        watch()

    def shines(sunlit):
        battery.shines(clock.now_s(), sunlit)
        watch()

    done_s = []
    for start_s, end_s in sunlit:
        clock.at(start_s, lambda: shines(True))
        clock.at(end_s, lambda: shines(False))
    clock.at(arrives_s, lambda: computer.job(seconds, 0).done.then(lambda: done_s.append(clock.now_s())))
    watch()
    clock.run(2000)
    if foretold_s < 1900:
        assert done_s == [pytest.approx(foretold_s, abs=0.05, rel=0.01)]
    elif foretold_s > 2100:
        assert done_s == []
