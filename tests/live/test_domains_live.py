"""Autonomous systems under a moving sky, in virtual time: what handovers cost between them."""

import re

import pytest

from skybed.analysis.measures import metrics
from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
    needs.program("bird", "bird2"),
    needs.program("isisd", "frr"),
]

BEGIN = "2026-05-09 02:41:14"  # 9 s before the ground's only link to relays is handed over
SKY = {"start": f"{BEGIN}Z", "duration_s": 20, **{f"access[{n}].hysteresis_km": 5 for n in range(3)}}
WITHIN = {"relay": "ospf", "observation": "isis", "computing": "oracle", "ground": "schedule"}
MIXED = {f"routing.domains[{name}].protocol": kind for name, kind in WITHIN.items()}
KINDS = {
    "links": ("bgp-links", {"routing.ahead_s": 30}),
    "anchors": ("bgp-anchors", {"routing.ahead_s": 30}),
    "mixed": ("bgp-links", {"routing.ahead_s": 45} | MIXED),  # IS-IS takes 37 s to find all
}


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    """The run directory of each kind; all are played once."""
    made = {}
    for kind, (name, changes) in KINDS.items():
        folder = tmp_path_factory.mktemp(kind)
        scenario = Scenario.load(ROOT / "scenarios" / f"{name}.yaml").with_(SKY | changes)
        (folder / "scenario.yaml").write_text(scenario.dump())
        out = folder / "run"
        done = skybed("run", folder / "scenario.yaml", "--clock", "virtual", "--out", out)
        assert done.returncode == 0, done.stdout + done.stderr
        made[kind] = out
    return made


def sessions(out, change):
    """How often BGP sessions between systems came up, or went, in the course of a run."""
    said = "".join(log.read_text() for log in sorted((out / "routing").glob("*/*.log")))
    found = re.findall(rf"^(\S+ \S+) <TRACE> (?:link|anchor)_\w+: State changed to {change}$", said, re.M)
    return sum(at >= BEGIN for at in found)


def outage_s(out):
    run = load(out)
    found = [metrics.outages(run, flow.name) for flow in run.scenario.traffic]
    return sum(float((each["end_s"] - each["start_s"]).sum()) for each in found)


def test_the_two_differ_in_their_sessions_only():
    links, anchors = (Scenario.load(ROOT / "scenarios" / f"bgp-{kind}.yaml") for kind in ("links", "anchors"))
    plain = [x.model_dump(exclude={"name", "about", "routing"}) for x in (links, anchors)]
    assert plain[0] == plain[1]
    assert links.routing.model_copy(update={"sessions": "anchors"}) == anchors.routing


def test_handovers_end_the_sessions_on_links_and_not_those_between_anchors(runs):
    assert sessions(runs["links"], "down") == sessions(runs["links"], "up") == 2  # a session has two ends
    assert sessions(runs["anchors"], "down") == sessions(runs["anchors"], "up") == 0


def test_the_handover_of_the_only_gateway_costs_less_with_anchors(runs):
    assert 0.05 < outage_s(runs["anchors"]) < 0.5 * outage_s(runs["links"]) < 2


def test_every_domain_may_have_a_protocol_of_its_own(runs):
    """All nodes had found all others when the run began, or it would not have; and probes come through, but
    for the handover, which lasts as long as the daemons take: with no way on, half of all would be lost.
    """
    run = load(runs["mixed"])
    daemons = run.manifest.routing.daemon
    assert "FRRouting" in daemons and "BIRD" in daemons
    assert run.probes.lost.mean() < 0.15
    assert sessions(runs["mixed"], "up") == 2
