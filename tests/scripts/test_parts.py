"""Parts of a run in processes of their own: they are waited for, they are asked, and their end is told."""

import os
import time

import pytest

from skybed.scripts.running.parts import Forked
from skybed.topologies.errors import InvalidRun, MachineError


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
    facts = part.end(7.5)
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
    with pytest.raises(InvalidRun, match=f"The work ended by itself; {tmp_path}/work.log tells why."):
        part.begin("a clock")
    assert (tmp_path / "work.log").read_text() == "so far\n"


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
