# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Routing domains: who is in which, where BGP speaks, and between whom there is a way at all."""

import pathlib

import numpy as np
import pytest

from skybed.topologies.contacts.nodes import Link
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.links import LinkClass
from skybed.topologies.plan import score
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import domains
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"
TEXT = """\
name: two
epoch: 2026-05-09T00:00:00Z
duration_s: 10
layers:
  eo: {walker: {planes: 1, per_plane: 3, inclination_deg: 97, altitude_km: 1200}}
  relay: {walker: {planes: 1, per_plane: 3, inclination_deg: 86, altitude_km: 1200}}
stations: [miyun, kashi]
routing:
  protocol: ospf
  domains:
    - {name: space, nodes: [relay, eo-0-1]}
    - {name: rest, nodes: [ground, eo-0-0, eo-0-2], anchor: kashi, protocol: ospf+bfd}
"""


def parse(text=TEXT):
    return file.parse(text, "two.yaml", pathlib.Path("."))


def test_a_domain_has_layers_the_ground_and_single_nodes():
    plan = Plan.make(parse())
    groups = domains.groups(plan.scenario.routing, plan.nodes)
    space, rest = groups
    named = [[plan.nodes[n].name for n in group.members] for group in (space, rest)]
    assert named == [
        ["eo-0-1", "relay-0-0", "relay-0-1", "relay-0-2"],
        ["eo-0-0", "eo-0-2", "miyun", "kashi"],
    ]
    assert (space.asn, rest.asn) == (64512, 64513)
    assert plan.nodes[space.anchor].name == "eo-0-1" and plan.nodes[rest.anchor].name == "kashi"
    assert (space.protocol, rest.protocol) == ("ospf", "ospf+bfd")
    assert domains.of_nodes(groups, len(plan.nodes)).tolist() == [1, 0, 1, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("[relay, eo-0-1]", "[relai, eo-0-1]", "domains[0].nodes names relai, but there is no such node"),
        ("[relay, eo-0-1]", "[relay]", "routing.domains leave out eo-0-1; with domains every node is in one."),
        ("[relay, eo-0-1]", "[relay, eo]", "domains[1].nodes has eo-0-0, which is in space already; a node is in one"),
        ("anchor: kashi", "anchor: eo-0-1", "domains[1].anchor is eo-0-1, which is not in the domain"),
        ("name: rest", "name: space", "domains[1] is a second domain named space."),
        (
            "protocol: ospf\n",
            "protocol: oracle\n  sessions: anchors\n",
            "domains[0] is not routed by BIRD, and hears of no other domain's nodes; take sessions: links, or ospf.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_domains_is_said(old, new, says):
    assert old in TEXT
    with pytest.raises(ScenarioError) as error:
        parse(TEXT.replace(old, new, 1))
    assert says in str(error.value)


def group(number, members, transit=True):
    rule = parse().routing.domains[0].model_copy(update={"transit": transit})
    return domains.Group(rule, "ospf", 64512 + number, np.array(members), members[0])


def test_a_way_leads_through_third_domains_only_if_they_carry_transit():
    """Nodes 0 and 1 are one domain, 2 another, 3 and 4 a third; 0-2-3, 1 hangs on 2, 3-4."""
    links = [(0, 2), (1, 2), (2, 3), (3, 4)]
    for transit in (True, False):
        found = [group(0, [0, 1]), group(1, [2], transit), group(2, [3, 4])]
        reached = domains.reachable(*np.array(links).T, found, 5)
        assert (reached == reached.T).all() and not reached.diagonal().any()
        assert reached[0, 2] and reached[1, 2] and reached[2, 4] and reached[3, 4]
        assert reached[0, 4] == reached[1, 3] == transit
        assert not reached[0, 1]  # not within their domain, and a system does not hear of itself from others


def test_links_to_other_domains_are_told_at_both_ends():
    links = [Link(a, b, "isl", "", LinkClass(rate_mbps=1), "") for a, b in [(0, 1), (0, 2), (1, 2)]]
    found = domains.externals(links, np.array([0, 0, 1]))
    assert found == [
        [domains.External(1, 2, 1)],
        [domains.External(2, 2, 1)],
        [domains.External(1, 0, 0), domains.External(2, 1, 0)],
    ]


@pytest.mark.parametrize("protocol", ["oracle", "schedule"])
def test_planned_routes_stay_within_their_domains(protocol):
    """The player makes those of the relay layer alone, the rest is BIRD's."""
    scenario = Scenario.load(SCENARIOS / "bgp-links.yaml")
    rule = scenario.routing
    relay, *others = rule.domains
    rule = rule.model_copy(update={"domains": [relay.model_copy(update={"protocol": protocol}), *others]})
    plan = Plan.make(scenario.model_copy(update={"routing": rule}), duration_s=5)
    members = set(domains.groups(plan.scenario.routing, plan.nodes)[0].members.tolist())
    changes = np.concatenate([window.changes for window in plan.windows()])
    for field in ("node", "dst"):
        assert set(changes[field].tolist()) == members
    assert set(changes["via"].tolist()) <= members
    opening = changes[changes["t_s"] == 0]
    assert len(opening) == score.reachable(plan, 0.0)[np.ix_(sorted(members), sorted(members))].sum()
