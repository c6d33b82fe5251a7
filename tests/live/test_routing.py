"""Routing daemons under a moving sky, in virtual time: how long each kind of routing loses packets."""

import json

import pytest
from conftest import ROOT

from analysis import load, metrics
from emulator import host, umlkernel
from topologies.scenario import Scenario

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        umlkernel.built_kernel() is None, reason="scripts/install --kernel builds the kernel it takes"
    ),
    pytest.mark.skipif(host.find_tool("bird") is None, reason="bird2 is not installed"),
]

SILENT_S, CARRIER_S, HANDOVER_S = 10, 80, 97  # when what happens to the probed path; see the scenarios
KINDS = ("oracle", "ospf", "bfd")


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    """The run directory of each kind; all are played once."""
    made = {}
    for kind in KINDS:
        out = tmp_path_factory.mktemp("runs") / kind
        path = ROOT / "scenarios" / f"reroute-{kind}.yaml"
        done = skybed("run", path, "--clock", "virtual", "--out", out, timeout_s=500)
        assert done.returncode == 0, done.stdout + done.stderr
        made[kind] = out
    return made


def outage_s(out, since_s, until_s):
    """For how long probes were lost of those sent from shortly before one time up to another."""
    found = metrics.outages(load(out), "probe")
    found = found[(found["start_s"] > since_s - 1) & (found["start_s"] < until_s)]
    return float((found["end_s"] - found["start_s"]).sum())


def test_they_differ_in_their_routing_only():
    loaded = [Scenario.load(ROOT / "scenarios" / f"reroute-{kind}.yaml") for kind in KINDS]
    plain = [x.model_dump(exclude={"name", "about", "routing"}) for x in loaded]
    assert plain[0] == plain[1] == plain[2]
    assert [x.routing.protocol for x in loaded] == ["oracle", "ospf", "ospf+bfd"]


def test_silence_costs_the_dead_interval_or_less_than_a_second(runs):
    oracle, ospf, bfd = (outage_s(runs[kind], SILENT_S, CARRIER_S - 5) for kind in KINDS)
    assert 0.1 < oracle < 0.3
    assert oracle < bfd < 1
    assert 29 < ospf < 42  # the last hello came up to ten seconds before; and a second for new routes


def test_a_lost_carrier_costs_nobody_a_second(runs):
    assert all(0.05 < outage_s(runs[kind], CARRIER_S, HANDOVER_S - 5) < 1 for kind in KINDS)


def test_a_planned_handover_costs_the_oracle_nothing_and_the_protocol_up_to_two_hellos(runs):
    oracle, ospf, bfd = (outage_s(runs[kind], HANDOVER_S, 120) for kind in KINDS)
    assert oracle == 0
    assert 1 < ospf < 21 and 1 < bfd < 21


def test_the_verdict_does_not_call_the_protocol_s_losses_distortion(runs):
    verdict = json.loads((runs["ospf"] / "verdict.json").read_text())
    assert verdict["status"] == "pass" and verdict["rtt_error"]["n"] == 0
    assert any(note.startswith("Paths were chosen by ospf") for note in verdict["notes"])


def test_the_manifest_tells_the_daemon_and_its_memory(runs):
    told = {kind: json.loads((runs[kind] / "manifest.json").read_text())["routing"] for kind in KINDS}
    assert told["oracle"] == {"protocol": "oracle"}
    assert told["bfd"]["protocol"] == "ospf+bfd" and told["bfd"]["daemon"].startswith("BIRD 2")
    assert 1 < told["bfd"]["memory_mib"] < 20


def test_runs_with_daemons_repeat_to_the_byte(runs, skybed, tmp_path):
    again = tmp_path / "again"
    skybed("run", ROOT / "scenarios" / "reroute-ospf.yaml", "--clock", "virtual", "--out", again)
    done = skybed("compare", "--exact", runs["ospf"], again)
    assert done.returncode == 0, done.stdout


FALL = """
import json, os, signal
from pathlib import Path
from emulator.daemons import Daemons
from emulator.net import Sky
from emulator.player import Player
from topologies.errors import MachineError
from topologies.plan import Plan
from topologies.scenario import Scenario

plan = Plan.make(Scenario.load("scenarios/reroute-ospf.yaml"), duration_s=20)
sky = Sky(plan)
Player(sky, plan).open()
daemons = Daemons(sky, Path("FOLDER"))
daemons.start()
sound = daemons.fallen()
os.kill(next(pid for pid, node in daemons._nodes.items() if node.name == "kashi"), signal.SIGTERM)
try:
    daemons.await_convergence(30, lambda: None)
    said = None
except MachineError as error:
    said = str(error)
daemons.stop()
print("answer", json.dumps({"sound": sound, "said": said}), flush=True)
"""


def test_a_daemon_that_ends_is_named_with_its_last_words(in_lane, tmp_path):
    answer = in_lane("", before=FALL.replace("FOLDER", str(tmp_path / "routing")))
    assert answer["sound"] is None
    assert answer["said"].startswith("BIRD on kashi ended with exit code 0. The last lines of its log, ")
    assert "Shutdown completed" in answer["said"]
