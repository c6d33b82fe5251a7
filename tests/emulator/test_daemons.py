"""What routing daemons are told, and that BIRD takes it."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from skybed.emulator.daemons import daemons, routers
from skybed.emulator.lanes import host
from skybed.topologies.errors import MachineError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import domains
from skybed.topologies.scenario.file import Scenario

ROOT = Path(__file__).parents[2]


def plan(**routing):
    scenario = Scenario.load(ROOT / "scenarios" / "reroute-ospf.yaml")
    rule = scenario.routing.model_copy(update=routing)
    return Plan.make(scenario.model_copy(update={"routing": rule}), duration_s=20)


@pytest.fixture(scope="module")
def made():
    return plan()


def texts(plan):
    """{node: its configuration}, of software that has one file a node."""
    return {node: text for node, files in daemons.configurations(plan) for text in files.values()}


def test_a_cost_is_the_mean_delay_in_tenths_of_a_millisecond(made):
    costs = routers.link_costs(made)
    standing = made.contacts[(made.contacts.start_s == 0) & (made.contacts.end_s >= 20)].drop_duplicates(
        "link"
    )
    assert len(standing) > 50
    looks_s = np.linspace(0, 20, 41)
    for link in standing.link:
        assert costs[link] == pytest.approx(np.full(2, made.delay_s(link, looks_s).mean() * 1e4), abs=0.6)


def test_every_link_of_a_node_has_its_cost_at_both_ends(made):
    told = texts(made)
    for link, costs in zip(made.links, routers.link_costs(made), strict=True):
        for here, there, cost in ((link.a, link.b, costs[0]), (link.b, link.a, costs[1])):
            block = rf'interface "{re.escape(made.nodes[there].name)}" {{\s+type ptp; cost (\d+);'
            assert re.findall(block, told[made.nodes[here].name]) == [str(cost)] * 2  # OSPFv2 and OSPFv3


def test_the_same_plan_gives_the_same_configurations(made):
    assert list(daemons.configurations(made)) == list(daemons.configurations(plan()))


def test_ground_stations_carry_nothing_through_where_they_must_not():
    told = texts(plan(ground_relay=False))
    assert [name for name, text in told.items() if "stub router yes" in text] == ["kashi", "sanya"]
    assert not any("stub router" in text for text in texts(plan()).values())


@pytest.fixture
def taken_by_bird(tmp_path):
    """Gives the configurations of a plan, once BIRD has taken each."""
    bird = host.find_tool("bird")
    if bird is None:
        pytest.skip("bird2 is not installed")

    def take(plan):
        told = texts(plan)
        for name, text in told.items():
            (tmp_path / name).write_text(text)
            done = subprocess.run([bird, "-p", "-c", tmp_path / name], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        return told

    return take


@pytest.mark.parametrize("protocol", ["ospf", "ospf+bfd"])
def test_bird_takes_every_configuration(protocol, taken_by_bird):
    timers = dict(hello_s=3, dead_s=12, bfd_interval_ms=50, bfd_multiplier=5)
    for text in taken_by_bird(plan(protocol=protocol, **timers)).values():
        assert text.count("hello 3; dead 12;") == text.count("type ptp;") > 0
        assert ("interval 50 ms; multiplier 5" in text) == ("bfd yes" in text) == (protocol == "ospf+bfd")


def test_a_missing_daemon_is_told_before_anything_runs(made, monkeypatch):
    monkeypatch.setattr(host, "find_tool", lambda _: None)
    with pytest.raises(
        MachineError, match=r"routing\.protocol is ospf, which needs BIRD 2 \(package bird2\)"
    ):
        daemons.require(made.scenario)
    daemons.require(plan(protocol="oracle").scenario)


@pytest.mark.parametrize("name", ["bgp-links", "bgp-anchors"])
def test_bgp_sessions_have_two_ends(name, taken_by_bird):
    """What a node is told of a session is what its peer is told; within a domain all hang on the anchor."""
    made = Plan.make(Scenario.load(ROOT / "scenarios" / f"{name}.yaml"), duration_s=20)
    assert len(taken_by_bird(made)) == len(made.nodes) == 80
    told = {router.node.name: router.bgp for router in routers.of_plan(made, routers.link_costs(made))}
    ends = {(node, s.peer.name, s.asn) for node, bgp in told.items() for s in (*bgp.within, *bgp.between)}
    assert {(peer, node, told[node].asn) for node, peer, _ in ends} == ends
    groups = domains.groups(made.scenario.routing, made.nodes)
    domain = {made.nodes[n].name: group for group in groups for n in group.members}
    crossing = {x.name for x in made.links if len({domain[made.nodes[n].name].asn for n in (x.a, x.b)}) == 2}
    between = {"--".join(sorted((node, s.peer.name))) for node, bgp in told.items() for s in bgp.between}
    if name == "bgp-links":
        assert len(crossing) == len(between) > 20
        assert not any(bgp.exits for bgp in told.values())
    else:
        assert len(between) == 3  # the relay system with each of the others
        exits = {
            (node, interface) for node, bgp in told.items() for e in bgp.exits for interface, _ in e.over
        }
        assert len(exits) == 2 * len(crossing)
    for group in groups:
        anchor = made.nodes[group.anchor].name
        assert told[anchor].reflects and len(told[anchor].within) == len(group.members) - 1
