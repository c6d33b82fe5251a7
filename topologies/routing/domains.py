"""Routing domains: which node is in which, and between which of their nodes BGP speaks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skybed.topologies.contacts.contacts import Link
from skybed.topologies.contacts.network import Network
from skybed.topologies.model.routing import Domain, belongs

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


def of_network(network: Network) -> list[Group]:
    """The domains of a network in the scenario's order; none where it is one."""
    routing, groups = network.scenario.routing, []
    for number, rule in enumerate(routing.domains):
        members = [n for n, node in enumerate(network.nodes) if belongs(rule.nodes, node.name, node.layer)]
        anchor = network.node(rule.anchor) if rule.anchor else members[0]
        protocol = routing.within(rule).protocol
        groups.append(Group(rule, protocol, FIRST_AS + number, np.array(members), anchor))
    return groups


def of_nodes(groups: Sequence[Group], nodes: int) -> np.ndarray:
    """int[nodes]: the domain of each node; 0 everywhere where all is one network."""
    domain = np.zeros(nodes, int)
    for number, group in enumerate(groups):
        domain[group.members] = number
    return domain


def links_within(network: Network, protocol: str) -> np.ndarray:
    """bool[links]: which are within a domain of a protocol."""
    groups = of_network(network)
    chosen = [n for n, group in enumerate(groups) if group.protocol == protocol]
    a, b = (of_nodes(groups, len(network.nodes))[end] for end in network.ends)
    return (a == b) & np.isin(a, chosen)


def reachable(links: Sequence[tuple[int, int]], groups: Sequence[Group], nodes: int) -> np.ndarray:
    """bool[node, destination]: between which nodes links and the domains' rules leave a way: within a domain
    over its own links, between two over those of both and of all that carry transit.
    """
    domain = of_nodes(groups, nodes)
    a, b = np.array(links, int).reshape(-1, 2).T
    reached = np.zeros((nodes, nodes), bool)
    transit = [n for n, group in enumerate(groups) if group.rule.transit]
    for here, there in itertools.combinations_with_replacement(range(len(groups)), 2):
        allowed = np.isin(domain, [here] if here == there else [here, there, *transit])
        use = allowed[a] & allowed[b]
        graph = coo_array((np.ones(use.sum(), bool), (a[use], b[use])), shape=(nodes, nodes))
        _, part = connected_components(graph, directed=False)
        pair = np.ix_(groups[here].members, groups[there].members)
        reached[pair] = part[pair[0]] == part[pair[1]]
        reached[pair[1].T, pair[0].T] = reached[pair].T
    np.fill_diagonal(reached, False)
    return reached


def externals(links: Sequence[Link], domain: np.ndarray) -> list[list[External]]:
    """Of each node its links to other domains, by the number of the other end."""
    externals_of: list[list[External]] = [[] for _ in domain]
    for number, link in enumerate(links):
        for node, peer in ((link.a, link.b), (link.b, link.a)):
            if domain[node] != domain[peer]:
                externals_of[node].append(External(number, peer, int(domain[peer])))
    return [sorted(each, key=lambda x: x.peer) for each in externals_of]
