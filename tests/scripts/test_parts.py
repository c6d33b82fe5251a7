"""Parts of a run: all are ready before the clock starts, and whatever happens all are closed."""

import os
import time

import pytest

from skybed.scripts.running import parts
from skybed.scripts.running.parts import Forked, Part, Zero
from skybed.topologies.errors import InvalidRun, MachineError

NOW = Zero(None)  # in real time


class Noted(Part):
    """A part that notes what is done with it; `slow_s` is how long it takes to open."""

    def __init__(self, name, notes, slow_s=0.0, **raises):
        self.name, self.notes, self.slow_s, self.raises = name, notes, slow_s, raises

    def note(self, what):
        self.notes.append(f"{self.name} {what}")
        if what in self.raises:
            raise self.raises[what]

    def open(self):
        time.sleep(self.slow_s)
        self.opened_ns = time.time_ns()
        self.note("open")

    def begin(self, clock):
        self.clock = clock
        self.note("begin")

    def end(self, played_s):
        self.note(f"end {played_s:g}")

    def facts(self):
        return {self.name: "fact"}

    def close(self):
        self.note("close")


def test_parts_are_opened_begun_and_ended_in_order_and_closed_from_the_last():
    notes = []
    played_s, facts = parts.conduct([Noted("a", notes), Noted("b", notes)], NOW, 60, lambda clock: 7.5)
    assert played_s == 7.5
    assert facts.items() > {"a": "fact", "b": "fact", "fallen": None}.items()
    assert notes == [f"{part} {what}" for what in ("open", "begin", "end 7.5") for part in "ab"] + [
        "b close", "a close",
    ]  # fmt: skip


def test_in_real_time_run_time_0_is_ahead_when_the_slowest_part_is_ready():
    slow = Noted("slow", [], slow_s=1)
    parts.conduct([slow, Noted("quick", [])], NOW, 60, lambda clock: 0)
    assert slow.clock.to_realtime_ns(0) - slow.opened_ns > 59e9


def test_a_part_that_is_not_ready_at_run_time_0_ends_the_run():
    zero = Zero(time.time_ns() + 500_000_000)
    notes = []
    with pytest.raises(
        InvalidRun, match=r"^The run was ready \d+\.\d s after run time 0, .*; take fewer flows\.$"
    ):
        parts.conduct([Noted("slow", notes, slow_s=1)], zero, 60, lambda clock: notes.append("played"))
    assert notes == ["slow open", "slow begin", "slow close"]


@pytest.mark.parametrize("at", ["open", "begin", "end 3"])
def test_whatever_fails_all_that_was_opened_is_closed(at):
    notes = []
    failing = Noted("b", notes, **{at: MachineError("No.")})
    with pytest.raises(MachineError):
        parts.conduct([Noted("a", notes), failing], NOW, 60, lambda clock: 3)
    assert notes[-2:] == ["b close", "a close"]


# -- in processes of their own -----------------------------------------------------------------------


@pytest.fixture
def forked(tmp_path):
    """forked(work) is a part that does that; it is ended with the test."""
    begun = []

    def begin(work):
        begun.append(Forked("work", work, tmp_path / "work.log"))
        return begun[-1]

    yield begin
    for part in begun:
        part.close()


def test_it_is_open_when_it_says_so(forked):
    def slow(pipe):
        time.sleep(1)
        opened_s = time.monotonic()
        pipe.send(None)
        clock = pipe.recv()
        pipe.send(None)
        return {"opened_s": opened_s, "clock": clock, "played_s": pipe.recv()}

    part = forked(slow)
    part.open()
    at_s = time.monotonic()
    part.begin("a clock")
    part.end(7.5)
    facts = part.facts()
    assert facts.pop("opened_s") < at_s
    assert facts == {"clock": "a clock", "played_s": 7.5}


def test_an_error_in_it_is_an_error_outside(forked):
    def refuse(pipe):
        raise MachineError("There is no iperf3.")

    with pytest.raises(MachineError, match="There is no iperf3"):
        forked(refuse).open()


def test_who_ends_unexpectedly_is_told_with_the_log(forked, tmp_path):
    def break_off(pipe):
        pipe.send(None)
        pipe.recv()
        print("so far", flush=True)
        os._exit(7)

    part = forked(break_off)
    part.open()
    with pytest.raises(InvalidRun, match=f"The work ended by itself; see {tmp_path}/work.log."):
        part.begin("a clock")
    assert (tmp_path / "work.log").read_text() == "so far\n"


def test_who_ends_between_is_noticed_and_its_error_is_kept(forked):
    def fail(pipe):
        pipe.send(None)
        raise MachineError("There is no iperf3.")

    part = forked(fail)
    part.open()
    wait_until(part.fallen)
    assert part.fallen().startswith("The work ended by itself; see ")
    with pytest.raises(MachineError, match="There is no iperf3"):
        part.end(1.0)


def test_who_has_done_its_work_has_not_fallen(forked):
    def quick(pipe):
        pipe.send(None)
        return {"all": "done"}

    part = forked(quick)
    part.open()
    wait_until(lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    assert part.fallen() is None
    part.end(1.0)
    assert part.facts() == {"all": "done"}


def wait_until(what):
    until_s = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def test_a_bug_leaves_its_traceback_in_the_log(forked, tmp_path):
    def fail(pipe):
        return {}["nothing"]

    with pytest.raises(InvalidRun):
        forked(fail).open()
    assert "KeyError: 'nothing'" in (tmp_path / "work.log").read_text()


def test_it_ends_at_once_when_it_is_closed(forked):
    def hang(pipe):
        pipe.send(None)
        time.sleep(60)

    part = forked(hang)
    part.open()
    began_s = time.monotonic()
    part.close()
    assert time.monotonic() - began_s < 10


def test_a_run_time_before_0_is_awaited_in_virtual_time_unless_it_is_over():
    zero = Zero(time.time_ns() + 10_200_000_000)
    zero.await_run_time(-10)
    assert time.time_ns() >= zero.at_ns - 10_000_000_000
    zero.await_run_time(-60)
    NOW.await_run_time(-10)
    assert time.time_ns() < zero.at_ns
