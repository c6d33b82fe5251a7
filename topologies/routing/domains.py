"""Routing domains: which node is in which, and between which of their nodes BGP speaks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.model.routing import Domain, Routing, belongs
from skybed.topologies.routing import reach

FIRST_AS = 64_512  # of those for private use (RFC 6996)


@dataclass(frozen=True)
class Group:
    """A domain: the protocol within it, the number of its autonomous system, its members (node numbers,
    ascending) and its anchor."""

    rule: Domain
    protocol: str
    asn: int
    members: np.ndarray
    anchor: int


@dataclass(frozen=True)
class External:
    """A link of a node to another domain: its number, the node at the other end, that node's domain."""

    link: int
    peer: int
    domain: int


def groups(routing: Routing, nodes: Sequence[Node]) -> list[Group]:
    """The domains of a network in the scenario's order; none where it is one."""
    names, joined = [node.name for node in nodes], []
    for number, rule in enumerate(routing.domains):
        members = [n for n, node in enumerate(nodes) if belongs(rule.nodes, node.name, node.layer)]
        anchor = names.index(rule.anchor) if rule.anchor else members[0]
        protocol = routing.within(rule).protocol
        joined.append(Group(rule, protocol, FIRST_AS + number, np.array(members), anchor))
    return joined


def of_nodes(joined: Sequence[Group], nodes: int) -> np.ndarray:
    """int[nodes]: the domain of each node; 0 everywhere where all is one network."""
    domain = np.zeros(nodes, int)
    for number, group in enumerate(joined):
        domain[group.members] = number
    return domain


def links_within(joined: Sequence[Group], protocol: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """bool[links]: which are within a domain of a protocol. a, b: the nodes at their ends."""
    within = np.zeros(len(a), bool)
    for group in joined:
        if group.protocol == protocol:
            within |= np.isin(a, group.members) & np.isin(b, group.members)
    return within


def reachable(a: np.ndarray, b: np.ndarray, joined: Sequence[Group], nodes: int) -> np.ndarray:
    """bool[node, destination]: between which nodes links (a, b: their ends) and the domains' rules leave a
    way: within a domain over its own links, between two over those of both and of all that carry transit.
    """
    domain = of_nodes(joined, nodes)
    reached = np.zeros((nodes, nodes), bool)
    transit = [n for n, group in enumerate(joined) if group.rule.transit]
    for here, there in itertools.combinations_with_replacement(range(len(joined)), 2):
        allowed = np.isin(domain, [here] if here == there else [here, there, *transit])
        use = allowed[a] & allowed[b]
        part = reach.parts(a[use], b[use], nodes)
        pair = np.ix_(joined[here].members, joined[there].members)
        reached[pair] = part[pair[0]] == part[pair[1]]
        reached[pair[1].T, pair[0].T] = reached[pair].T
    np.fill_diagonal(reached, False)
    return reached


def reached(routing: Routing, nodes: Sequence[Node], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """bool[node, destination]: which nodes have a way to which others over links with these ends, as domains,
    if there are any, and the rule about ground relay allow.
    """
    if joined := groups(routing, nodes):
        return reachable(a, b, joined, len(nodes))
    satellites = sum(node.kind == "satellite" for node in nodes)
    return reach.reachable(a, b, len(nodes), satellites, routing.ground_relay)


def externals(links: Sequence[Link], domain: np.ndarray) -> list[list[External]]:
    """Of each node its links to other domains, by the number of the other end."""
    externals_of: list[list[External]] = [[] for _ in domain]
    for number, link in enumerate(links):
        for node, peer in ((link.a, link.b), (link.b, link.a)):
            if domain[node] != domain[peer]:
                externals_of[node].append(External(number, peer, int(domain[peer])))
    return [sorted(each, key=lambda x: x.peer) for each in externals_of]
