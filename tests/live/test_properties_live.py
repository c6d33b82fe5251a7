"""A link is properties over time: whatever changes, in one direction or both, is what packets meet."""

import json
import re
import sys

import pytest

from skybed.emulator.lanes import lanes
from support import needs
from support.lane import MEMORY_MB
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

SCENARIO = """\
name: line
epoch: 2026-05-09T00:00:00Z
duration_s: 8
layers: {eo: {walker: {planes: 1, per_plane: 1, inclination_deg: 97, altitude_km: 600}}}
stations: [miyun, kashi]
fibre: [{a: miyun, b: kashi}]
"""
ZERO_NS = 10**18

# A line with the properties of EVENTS. Every second five packets of 1,000 bytes go there, and five back.
PROGRAM = """
import json, socket, sys, threading, time
from dataclasses import replace
from pathlib import Path

ROOT, SCENARIO, EVENTS, ZERO_NS = {root!r}, {scenario!r}, {events!r}, {zero_ns!r}
sys.path[:0] = [ROOT + "/src", ROOT + "/tests"]
from support import hand_made
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import parse

plan = Plan.make(parse(SCENARIO, "line.yaml", Path(".")))
plan = replace(plan, events=Pieces(lambda: iter([hand_made.events(EVENTS)])))
sky, played = Sky(plan), []
player = Player(sky, plan, played.append)
player.open()
clock = Clock(zero_ns=ZERO_NS, virtual=True)
playing = threading.Thread(target=lambda: player.close(player.play(clock, plan.duration_s)))
playing.start()
a, b = (sky[plan.nodes[end].name] for end in (plan.links[0].a, plan.links[0].b))


def burst(sender, receiver):
    delays_ms = []
    with (sender.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
          receiver.socket(socket.AF_INET, socket.SOCK_DGRAM) as into):
        into.bind((receiver.ip, 9000))
        into.settimeout(0.2)
        sent_s = clock.now_s()
        try:
            for _ in range(5):
                out.sendto(bytes(1000 - 14 - 20 - 8), (receiver.ip, 9000))
            for _ in range(5):
                into.recv(2000)
                delays_ms.append(1e3 * (clock.now_s() - sent_s))
        except OSError:  # there is no route, or nothing comes
            pass
    return delays_ms


def queue(node, peer):
    return node.popen(["tc", "-s", "qdisc", "show", "dev", peer.name]).communicate()[0].decode()


seconds = []
for second in range(8):
    clock.sleep_until(second + 0.1)
    there = burst(a, b)
    clock.sleep_until(second + 0.5)
    seconds.append(dict(there=there, back=burst(b, a), queues=[queue(a, b), queue(b, a)]))
playing.join()
late_us = [1e6 * float(x) for window in played for x in window.applied_s - window.events["t_s"]]
print("answer", json.dumps(dict(seconds=seconds, late_us=late_us)), flush=True)
"""

THERE, BACK = 1, 2
EVENTS = [
    (0, "up", 0, 10_000),
    (1, "rate", 0, 0.8, THERE),  # 10 ms a packet
    (2, "loss", 0, 100, BACK),
    (3, "loss", 0, 0, BACK), (3, "rate", 0, 1000, THERE), (3, "delay", 0, 30_000, THERE),
    (4, "silence", 0),
    (5, "heal", 0), (5, "rate", 0, 0.8, BACK),
    (6, "down", 0), (6.5, "rate", 0, 0.8, THERE),  # while the link is not there
    (7, "up", 0, 10_000),
]  # fmt: skip
FAST_10, FAST_30, SLOW, NONE = [10] * 5, [30] * 5, [20, 30, 40, 50, 60], []


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """What the program saw."""
    folder = tmp_path_factory.mktemp("line")
    values = {"root": str(ROOT), "scenario": SCENARIO, "events": EVENTS, "zero_ns": ZERO_NS}
    program = folder / "program.py"
    program.write_text(re.sub(r"\{(\w+)!r\}", lambda gap: repr(values[gap[1]]), PROGRAM))
    virtual = lanes.VirtualTime(ZERO_NS, seed=1)
    command = ["timeout", "120", sys.executable, str(program)]
    with lanes.running("uml", command, folder, MEMORY_MB, virtual=virtual) as lane:
        lane.process.wait()
    lines = (folder / lanes.LOG).read_text().splitlines()
    answers = [json.loads(line[7:]) for line in lines if line.startswith("answer ")]
    assert answers, "\n".join(lines)
    return answers[0]


@pytest.mark.parametrize(
    "second, there, back",
    [
        (0, FAST_10, FAST_10),
        (1, SLOW, FAST_10),
        (2, SLOW, NONE),
        (3, FAST_30, FAST_10),
        (4, NONE, NONE),
        (5, FAST_30, SLOW),
        (6, NONE, NONE),
        (7, SLOW, SLOW),
    ],
)
def test_packets_meet_the_properties_of_their_direction(line, second, there, back):
    seen = line["seconds"][second]
    assert seen["there"] == pytest.approx(there, abs=0.1)
    assert seen["back"] == pytest.approx(back, abs=0.1)


def test_the_kernel_tells_the_same(line):
    queues = [seen["queues"] for seen in line["seconds"][:6]]
    rates = [[re.search(r"rate (\S+)", text)[1] for text in both] for both in queues]
    assert rates[1:4] == [["800Kbit", "10Gbit"], ["800Kbit", "10Gbit"], ["1Gbit", "10Gbit"]]
    assert rates[5] == ["1Gbit", "800Kbit"]
    limits = [int(re.search(r"limit (\d+)", text)[1]) for text in queues[1]]
    assert limits == [
        1000 + 2,
        1000 + 25_000,
    ]  # that wait, and of 1,500 bytes in 30 ms of flight
    assert ["loss 100%" in text for text in queues[2]] == [False, True]
    assert ["loss" in text for text in queues[3]] == [False, False]
    assert ["delay 30ms" in text for text in queues[3]] == [True, False]
    # Of the five packets back in the third second, and of five each way in the fifth.
    dropped = [[int(re.search(r"dropped (\d+)", text)[1]) for text in both] for both in queues]
    assert dropped == [[0, 0], [0, 0], [0, 5], [0, 5], [5, 10], [5, 10]]


def test_each_change_is_logged_and_on_time(line):
    assert len(line["late_us"]) == len(EVENTS) + 2  # the delays that the link came with
    assert max(map(abs, line["late_us"])) < 100
