"""Messages between the inside of a lane and the outside: what is none is an error in a sentence."""

import pytest

from skybed.scripts.running import messages
from skybed.topologies.errors import InvalidRun

SAMPLES = [
    messages.Building(), messages.Converging(), messages.Playing(3.5), messages.Ending(),
    messages.Network(3.5, 12.5, 900, 1, 0, 122, [[4, 0, 1, 2500.0]]),
    messages.Carried(4.0, [["miyun", "relay-0-0", 3.5]]),
    messages.Traffic(3.5, {"command": {"sent": 350, "rtt_us": 38000.5}}),
    messages.Done({"played_s": 30.0, "fallen": None}), messages.Refused("No lane.", 4),
    messages.Broken("KeyError: 'a'"), messages.Noted("1 hop"), messages.Measured({"figures": []}),
    messages.Stop(), messages.Command("nodes\n"),
    messages.Enter(1, "sanya", ["ip", "route"], "xterm", 24, 80),
    messages.Typed(1, "bHMK"), messages.Leave(1), messages.Printed(1, 2, "bm8K"), messages.Exited(1, 127),
    messages.Greeting("1.0", "6.12"), messages.Given("plan/nodes.parquet", "bm8K"), messages.Stand(1),
    messages.Answers(), messages.Measure(), messages.Underlay({"a": 999.5}), messages.Ready(),
    messages.Begin(10**18), messages.Begun(), messages.End(30.0), messages.Over(True),
    messages.Part(),
    messages.Look(1), messages.Seen(1, 12.5, [[0, [[1.0, 3000.0, 0.0, 100.0, 0.0]] * 2, [[False] * 5] * 2]]),
]  # fmt: skip


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_comes_as_it_was_said(message):
    line = messages.encoded(message)
    assert b"\n" not in line
    assert messages.decoded(line) == message


def test_all_messages_are_tried():
    assert {type(message).__name__ for message in SAMPLES} == messages.KINDS.keys()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"@ {",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'["Playing", {}]',
        b'["Playing", {"t_s": "soon"}]',
        b'["Playing", {"t_s": 1, "at": 2}]',
        b'["Dancing", {}]',
        b'[["Playing"], {"t_s": 1}]',
        b'["Stop", []]',
        b'["Done", {"facts": 1}]',
    ],
)
def test_what_is_no_message_is_a_sentence(line):
    with pytest.raises(InvalidRun, match=r"^Over the channel of the lane came what is no message of .*\.$"):
        messages.decoded(line)
