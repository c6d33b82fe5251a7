"""What asks for links, as a page is given it: by it the page tells why a candidate of a node is not linked.

The page has places, contacts and faults already, so that with the rules it can tell at any time what
`skybed inspect --at` tells (contacts/candidates.py), and no reason has to be stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from skybed.topologies.arrays import Index
from skybed.topologies.contacts import lasers, listed
from skybed.topologies.contacts.access import setup_range_s
from skybed.topologies.contacts.candidates import UNMET
from skybed.topologies.contacts.contacts import access_conditions, gateways_of, layers, sources
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.patterns import pairs
from skybed.topologies.contacts.visibility import Conditions
from skybed.topologies.model.space import BY_PLANES, Between, Isl, Lasers
from skybed.topologies.model.yamlmarks import dotted
from skybed.topologies.orbits import elements, planes

Rule = dict[str, Any]


def facts(network: Network) -> list[Rule]:
    """In the order of candidates.of. Nodes are numbers, sets of them `runs`; limits: the conditions of its
    links, by their names; within_s: how long before a contact it is being set up.
    """
    return [*_of_lasers(network), *_of_access(network), *_of_fibre(network)]


def runs(nodes: Index) -> list[list[int]]:
    """Numbers as [first, behind the last], which ascend."""
    ordered = np.unique(nodes)
    parts = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return [[int(part[0]), int(part[-1]) + 1] for part in parts if len(part)]


def _limits(conditions: Conditions) -> Mapping[str, float]:
    given = {name: getattr(conditions, name) for name in UNMET}
    return {name: value for name, value in given.items() if value is not None}


def _of_access(network: Network) -> Iterator[Rule]:
    scenario = network.scenario
    for number, rule in enumerate(scenario.access):
        link, givers = scenario.link_class(rule.link), sources(network, rule)
        ground = bool((givers >= network.sky.satellites).any())
        relays = [gateway for gateway, *_ in gateways_of(network, rule)]
        yield {
            "kind": "access", "by": f"access[{number}]", "givers": runs(givers),
            "targets": runs(layers(network, rule.targets)),
            "limits": _limits(access_conditions(rule, link, ground=ground)),
            "within_s": setup_range_s(link)[1] + scenario.routing.drain_s,
            "links": rule.links, "terminals": rule.terminals, "target_terminals": rule.target_terminals or 0,
            "policy": str(rule.policy),
            "gateways": [[one.node, runs(one.targets), _limits(one.conditions)] for one in relays],
        }  # fmt: skip


def _of_lasers(network: Network) -> Iterator[Rule]:
    for path, rule in network.scenario.lasers:
        by = dotted(path)
        if rule.pattern == "listed":
            yield from _listed(network, rule, by)
        elif isinstance(rule, Isl) and rule.pattern in BY_PLANES:
            yield from _by_planes(network, str(path[1]), rule, by)
        elif rule.pattern != "none":
            yield _by_choice(network, rule, by, [str(path[1])])


def _by_planes(network: Network, name: str, isl: Isl, by: str) -> Iterator[Rule]:
    scenario, members = network.scenario, network.layer(name)
    satrecs = [one.satrec for one in elements.layer_satellites(scenario) if one.layer == name]
    wanted = pairs(isl, planes.of_layer(scenario.layers[name], satrecs, scenario.epoch))
    link = scenario.link_class(isl.link)
    for between, limits in ((False, lasers.conditions), (True, lasers.conditions_between_planes)):
        mine = wanted.between == between
        ends = np.stack([members[wanted.a[mine]], members[wanted.b[mine]]], axis=-1)
        yield {
            "kind": "pairs", "by": by, "pairs": ends.tolist(), "limits": _limits(limits(isl, link)),
            "within_s": setup_range_s(link)[1],
        }  # fmt: skip


def _by_choice(network: Network, rule: Lasers, by: str, own: list[str]) -> Rule:
    """apart: satellites of one layer do not choose each other."""
    names, apart = (rule.layers, rule.pattern == "nearest") if isinstance(rule, Between) else (own, False)
    link = network.scenario.link_class(rule.link)
    return {
        "kind": rule.pattern, "by": by, "members": runs(layers(network, names)),
        "apart": apart, "terminals": rule.terminals,
        "limits": _limits(lasers.conditions(rule, link)), "within_s": setup_range_s(link)[1],
    }  # fmt: skip


def _listed(network: Network, rule: Lasers, by: str) -> Iterator[Rule]:
    """For each pair one, with the times for which it is listed; null: without end."""
    spans: dict[tuple[int, int], list[listed.Listed]] = {}
    names = [node.name for node in network.nodes]
    for row in listed.of_rule(rule, names, network.scenario.begin):
        a, b = sorted((network.node(row.a), network.node(row.b)))
        spans.setdefault((a, b), []).append(row)
    for (a, b), rows in spans.items():
        link = network.scenario.link_class(rows[0].link_class or rule.link)
        ground = b >= network.sky.satellites
        of_kind = lasers.conditions_to_ground if ground else lasers.conditions
        limits = {} if rows[0].given else _limits(of_kind(rule, link))
        yield {
            "kind": "listed", "by": by, "pairs": [[a, b]], "limits": limits,
            "within_s": setup_range_s(link)[1],
            "spans": [[row.from_s, row.until_s if np.isfinite(row.until_s) else None] for row in rows],
        }  # fmt: skip


def _of_fibre(network: Network) -> Iterator[Rule]:
    for number, fibre in enumerate(network.scenario.fibre):
        ends = [network.node(fibre.a), network.node(fibre.b)]
        yield {"kind": "fibre", "by": f"fibre[{number}]", "pairs": [ends], "limits": {}, "within_s": -1.0}
