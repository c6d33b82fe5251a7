"""Lanes that play a sky together: who waits for whom, where visitors come in, what an error of one does."""

import contextlib
import queue
import socket
import subprocess
import threading

import pytest

from skybed.emulator.lanes.channel import Channel
from skybed.emulator.lanes.lanes import Lane
from skybed.scripts.running import messages
from skybed.scripts.running.company import Company
from skybed.topologies.errors import InvalidRun, ScenarioError, SkybedError

PATIENCE_S = 20
PLACE = {"miyun": 0, "sanya": 1, "mohe": 2}


class Inside:
    """The inside of a lane whose process does nothing."""

    def __init__(self, folder, closing):
        ours, theirs = socket.socketpair()
        self._theirs = closing.enter_context(theirs)
        closing.enter_context(ours)
        self._process = closing.enter_context(subprocess.Popen(["sleep", "100"]))
        closing.callback(self._process.kill)
        self.lane = Lane(self._process, Channel(ours.fileno(), listens=False), folder)
        self._channel = Channel(theirs.fileno(), listens=True)
        self.heard = queue.Queue()
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self):
        for message in messages.said(self._channel):
            self.heard.put(message)

    def say(self, message):
        messages.say(self._channel, message)

    def end(self):
        self._theirs.shutdown(socket.SHUT_WR)
        self._process.kill()

    def leave(self):
        """Nobody reads a descriptor any more that the next one may get."""
        self._theirs.shutdown(socket.SHUT_RDWR)
        self._process.kill()
        self._listening.join()

    def next(self):
        return self.heard.get(timeout=PATIENCE_S)


class Listens:
    """A listener that notes what it hears."""

    def __init__(self, heard):
        self.heard = heard.put


@pytest.fixture
def heard():
    return queue.Queue()


@pytest.fixture
def three(tmp_path, heard):
    """(company, insides) of three lanes; the second and third are listened to."""
    with contextlib.ExitStack() as closing:
        insides = [Inside(tmp_path, closing) for _ in range(3)]
        company = Company([inside.lane for inside in insides], PLACE, Listens(heard))
        company.listen()
        for inside in insides:  # a channel listens once its inside has spoken
            inside.say(messages.Building())
        next(insides[0].lane.channel.lines())
        yield company, insides
        for inside in insides:
            inside.leave()
        with contextlib.suppress(SkybedError):
            company.facts()


def done(number):
    return messages.Done({"number": number})


def test_all_part_when_the_traffic_of_all_is_over_and_not_before(three):
    company, insides = three
    company.over(early=False)  # the first's, which who follows it hears
    insides[2].say(messages.Over(early=False))
    insides[2].say(done(2))
    insides[2].end()
    company.ask_to_stop()  # what is heard before it would part
    assert [inside.next() for inside in insides[:2]] == [messages.Stop()] * 2
    insides[1].say(messages.Over(early=False))
    assert [inside.next() for inside in insides[:2]] == [messages.Part()] * 2


def test_when_one_is_over_before_the_end_the_others_are_asked_to_stop(three):
    _, insides = three
    insides[1].say(messages.Over(early=True))
    assert [inside.next() for inside in insides] == [messages.Stop()] * 3


def test_the_facts_of_the_others_come_in_their_order(three):
    company, insides = three
    for number in (2, 1):
        insides[number].say(done(number))
        insides[number].end()
    assert company.facts() == [{"number": 1}, {"number": 2}]


@pytest.mark.parametrize(
    "said, error, words",
    [
        (messages.Refused("No bird there.", ScenarioError.exit_code), ScenarioError, "No bird there."),
        (
            messages.Broken("KeyError: 'a'"),
            InvalidRun,
            "A defect of skybed ended the run inside kernel 2, KeyError: 'a'; its traceback is "
            "in elsewhere/kernel-1/log.txt of the run directory.",
        ),
        (None, InvalidRun, "Kernel 2 of 3 ended before the run did."),
    ],
    ids=["refused", "broken", "killed"],
)
def test_what_ends_one_ends_all_and_is_raised_as_it_is(three, said, error, words):
    company, insides = three
    if said:
        insides[1].say(said)
    insides[1].end()
    for number in (0, 2):  # nobody waits for it
        assert [insides[number].next(), insides[number].next()] == [messages.Stop(), messages.Part()]
    insides[2].say(done(2))
    insides[2].end()
    with pytest.raises(error) as raised:
        company.facts()
    assert str(raised.value) == words


def test_the_first_error_is_told(three):
    company, insides = three
    insides[2].say(messages.Refused("The first.", 3))
    insides[2].end()
    assert insides[1].next() == messages.Stop()
    insides[1].end()
    with pytest.raises(InvalidRun, match=r"^The first\.$"):
        company.facts()


@pytest.mark.parametrize("node, number", [*PLACE.items(), ("nobody", 0)])
def test_a_visitor_is_let_in_where_the_node_stands_and_what_he_types_goes_there(three, node, number):
    company, insides = three
    asked = [messages.Enter(7, node, ["ip", "a"], "", 24, 80), messages.Typed(7, "bHMK"), messages.Leave(7)]
    for message in asked:
        company.ask(message)
    assert [insides[number].next() for _ in asked] == asked
    assert all(inside.heard.empty() for i, inside in enumerate(insides) if i != number)


def test_two_visitors_are_kept_apart(three):
    company, insides = three
    for visitor, node in ((1, "sanya"), (2, "mohe")):
        company.ask(messages.Enter(visitor, node, ["sh"], "", 24, 80))
    company.ask(messages.Typed(1, "MQ=="))
    company.ask(messages.Typed(2, "Mg=="))
    assert [insides[1].next() for _ in range(2)][1] == messages.Typed(1, "MQ==")
    assert [insides[2].next() for _ in range(2)][1] == messages.Typed(2, "Mg==")


def test_what_a_command_of_another_kernel_prints_is_passed_on(three):
    company, insides = three
    passed = queue.Queue()
    company.pass_on = passed.put
    for message in (messages.Printed(7, 1, "bHMK"), messages.Exited(7, 0)):
        insides[1].say(message)
        assert passed.get(timeout=PATIENCE_S) == message


def test_what_is_in_force_is_asked_of_all_and_told_as_of_one(three):
    """Of a link that crosses two of them know."""
    company, insides = three
    passed = queue.Queue()
    company.pass_on = passed.put
    company.ask(messages.Look(7))
    assert [inside.next() for inside in insides] == [messages.Look(7)] * 3
    insides[2].say(messages.Seen(7, 1.0, [[2, "c"], [4, "e"]]))
    insides[1].say(messages.Seen(7, 1.1, [[1, "b"], [4, "e"]]))
    company.answer(0, messages.Seen(7, 1.2, [[3, "d"]]))
    links = [[1, "b"], [2, "c"], [3, "d"], [4, "e"]]
    assert passed.get(timeout=PATIENCE_S) == messages.Seen(7, 1.2, links)


def test_what_all_have_come_to_at_a_time_is_heard_as_of_one(three, heard):
    """What one of them left out, as nobody had time for it, is of no use without what the others told."""
    company, insides = three
    company.heard(0, messages.Traffic(1.0, {"a": {"sent": 1}}))
    insides[2].say(messages.Traffic(1.0, {"c": {"sent": 3}}))
    company.heard(0, messages.Traffic(2.0, {"a": {"sent": 2}}))
    for number, flow in ((1, "b"), (2, "c")):
        insides[number].say(messages.Network(2.0, 0.0, 1, 0, 0, 2, []))  # heard of the first alone
        insides[number].say(messages.Traffic(2.0, {flow: {"sent": 4}}))
    told = heard.get(timeout=PATIENCE_S)
    assert told == messages.Traffic(2.0, {"a": {"sent": 2}, "b": {"sent": 4}, "c": {"sent": 4}})
    for number in (1, 2):
        insides[number].say(messages.Carried(3.0, [["n", f"m{number}", 0.5]]))
    company.heard(0, messages.Carried(3.0, [["n", "m0", 0.5]]))
    links = [["n", f"m{number}", 0.5] for number in range(3)]
    assert heard.get(timeout=PATIENCE_S) == messages.Carried(3.0, links)
