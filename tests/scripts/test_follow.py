"""What the outside makes of what a lane says, and of how it ends."""

import select
import signal
import socket
import subprocess
import threading
from functools import partial

import pytest

from skybed.emulator.lanes import host
from skybed.emulator.lanes.channel import Channel
from skybed.emulator.lanes.lanes import Lane
from skybed.scripts.running import messages
from skybed.scripts.running.follow import Limits, follow
from skybed.topologies.errors import InvalidRun, MachineError, ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

PATIENT = Limits(60, 60)
STOPPED = {"teardown_s": 2.0, "finished": False, "fallen": None}
WALKER = {"planes": 1, "per_plane": 3, "inclination_deg": 50, "altitude_km": 8000}


class Heard:
    """A listener that notes what it is told, and raises at a stage."""

    def __init__(self, raises_at=None):
        self.stages, self.raises_at, self.told = [], raises_at, threading.Event()

    def at(self, stage, share, note=""):
        self.stages.append((stage, share, note))
        self.told.set()
        if stage == self.raises_at:
            raise RuntimeError("nobody waits for it any more")


@pytest.fixture(scope="module")
def plan():
    fields = {
        "name": "still", "epoch": "2026-01-01T00:00:00Z", "duration_s": 20, "stations": ["kashi", "sanya"],
        "layers": {"sat": {"walker": WALKER}},
    }  # fmt: skip
    return Plan.make(Scenario.model_validate(fields))


@pytest.fixture
def lane(tmp_path):
    """(a lane whose process does nothing, the inside's end of its channel)"""
    ours, theirs = socket.socketpair()
    with ours, theirs, subprocess.Popen(["sleep", "100"]) as process:
        yield Lane(process, Channel(ours.fileno(), listens=False), tmp_path), theirs
        process.kill()


@pytest.fixture
def played(lane, plan, tmp_path):
    """played(message or bytes, ...): follows a lane that says so and ends; returns its facts, [] for none."""

    def play(*said, listener=None, log=None):
        begun, theirs = lane
        if log is not None:
            (tmp_path / "log.txt").write_text(log)
        for message in said:
            theirs.sendall(message if isinstance(message, bytes) else messages.encoded(message) + b"\n")
        theirs.shutdown(socket.SHUT_RDWR)
        begun.process.kill()
        return follow([begun], plan, tmp_path, listener or Heard(), PATIENT)

    return play


def test_how_far_it_is_is_told_and_its_facts_are_returned(played):
    heard = Heard()
    said = messages.Building(), messages.Playing(-0.2), messages.Playing(5.0), messages.Ending()
    [facts] = played(*said, messages.Done({"teardown_s": 1.0}), listener=heard)
    assert facts["teardown_s"] >= 1
    assert [(stage, share) for stage, share, _ in heard.stages] == [
        ("building", 0), ("playing", 0), ("playing", 0.25), ("ending", 0),
    ]  # fmt: skip
    assert heard.stages[0][2] == "5 nodes, 0 links"
    assert heard.stages[2][2].startswith("5 of 20 s")


def test_a_lane_that_ends_in_the_middle_has_no_facts(played):
    assert played(messages.Building(), b'["Playing", {"t_s"') == []


@pytest.mark.parametrize("error", [ScenarioError, InvalidRun, MachineError])
def test_what_it_refuses_is_raised_as_the_error_that_it_was(played, error):
    with pytest.raises(error, match=r"^No iperf3 there\.$"):
        played(messages.Building(), messages.Refused("No iperf3 there.", error.exit_code))


def test_what_ended_for_want_of_mappings_is_told_with_the_remedy(played, monkeypatch):
    monkeypatch.setattr(host, "most_mappings", lambda: 65_530)
    log = "UML ran out of memory on the host side! This can happen due to a memory limitation or ...\n"
    said = messages.Refused("The traffic ended by itself; see traffic.log.", 3)
    with pytest.raises(InvalidRun, match=r"see traffic\.log\. This machine gave .*max_map_count=131060`"):
        played(said, log=log)


def test_a_defect_inside_is_one_sentence_with_the_log(played, tmp_path):
    said = f"ended the run inside the lane, KeyError: 'x'; its traceback is in {tmp_path}/log.txt.$"
    with pytest.raises(InvalidRun, match=said):
        played(messages.Broken("KeyError: 'x'"), log="Traceback ...")


def test_what_is_no_message_is_an_error_in_a_sentence(played):
    with pytest.raises(InvalidRun, match=r"no message of this version's: '@ \{'"):
        played(b"@ {\n")


def test_who_listens_can_end_a_run(played):
    with pytest.raises(RuntimeError, match="nobody waits"):
        played(messages.Building(), messages.Playing(1.0), listener=Heard(raises_at="building"))


def test_the_first_ctrl_c_asks_it_to_stop_and_what_it_says_then_is_heard(lane, plan, tmp_path):
    begun, theirs = lane
    heard, asked = Heard(), []

    def inside():
        say = partial(messages.say, Channel(theirs.fileno(), listens=True))
        say(messages.Building())
        assert heard.told.wait(10)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        while not select.select([theirs], [], [], 0.1)[0]:  # a signal just before it reads does not wake it
            say(messages.Playing(1.0))
        asked.append(messages.decoded(theirs.recv(100)))
        theirs.sendall(messages.encoded(messages.Done(STOPPED)) + b"\n")
        theirs.shutdown(socket.SHUT_RDWR)
        begun.process.kill()

    thread = threading.Thread(target=inside)
    thread.start()
    [facts] = follow([begun], plan, tmp_path, heard, PATIENT)
    thread.join()
    assert asked == [messages.Stop()] and facts["teardown_s"] >= 2
    assert ("stopping", 0.0, "once more Ctrl-C to kill") in heard.stages


def test_of_lanes_that_play_together_what_was_wrong_first_is_told(lane, plan, tmp_path):
    """The second one cannot go on; so the first cannot, either, for another reason that it sees."""
    begun, theirs = lane
    ours, its = socket.socketpair()
    theirs.sendall(messages.encoded(messages.Building()) + b"\n")
    its.sendall(messages.encoded(messages.Refused("No bird there.", 4)) + b"\n")

    def inside():
        its.shutdown(socket.SHUT_RDWR)
        assert messages.decoded(theirs.recv(100).splitlines()[0]) == messages.Stop()
        theirs.sendall(messages.encoded(messages.Refused("Not converged.", 3)) + b"\n")
        begun.process.kill()

    with ours, its, subprocess.Popen(["true"]) as process:
        second = Lane(process, Channel(ours.fileno(), listens=False), tmp_path)
        thread = threading.Thread(target=inside)
        thread.start()
        with pytest.raises(MachineError, match=r"^No bird there\.$"):
            follow([begun, second], plan, tmp_path, Heard(), PATIENT)
        thread.join()


def test_where_it_is_for_what_runs_at_a_prompt_ctrl_c_is_ignored_until_the_end(lane, plan, tmp_path):
    begun, theirs = lane
    usual, meanwhile = signal.getsignal(signal.SIGINT), []

    class Looks(Heard):
        def at(self, *said):
            meanwhile.append(signal.getsignal(signal.SIGINT))

    theirs.sendall(messages.encoded(messages.Building()) + b"\n")
    theirs.shutdown(socket.SHUT_RDWR)
    begun.process.kill()
    follow([begun], plan, tmp_path, Looks(), limits=None)
    assert usual != signal.SIG_IGN and meanwhile == [signal.SIG_IGN]
    assert signal.getsignal(signal.SIGINT) == usual


@pytest.mark.parametrize("limits", [Limits(1, 60), Limits(60, 1)])
def test_a_lane_over_its_limits_is_asked_to_stop_and_ends_as_it_likes(lane, plan, tmp_path, limits):
    begun, theirs = lane
    theirs.sendall(messages.encoded(messages.Building()) + b"\n")

    def inside():
        assert messages.decoded(theirs.recv(100)) == messages.Stop()
        theirs.sendall(messages.encoded(messages.Done(STOPPED)) + b"\n")
        theirs.shutdown(socket.SHUT_RDWR)
        begun.process.kill()

    thread = threading.Thread(target=inside)
    thread.start()
    [facts] = follow([begun], plan, tmp_path, Heard(), limits)
    thread.join()
    assert facts["teardown_s"] >= 2
    assert facts["fallen"].startswith("The lane was asked to stop after ")
