"""Who speaks BGP with whom where a scenario has routing domains, as input for a daemon's configuration.

Within a domain every node has a session with the anchor, which reflects routes (RFC 4456). Domains are joined
by sessions on the links between them, which come and go with the links (`sessions: links`), or between their
anchors, over whatever links stand (`anchors`). Then each node with links to another domain knows of that
domain's anchor as reachable over them, and tells its own domain so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from skybed.emulator.kernel.addresses import link_local, mac
from skybed.topologies.contacts.nodes import Node
from skybed.topologies.plan.score import Playable
from skybed.topologies.routing import domains


@dataclass(frozen=True)
class Peering:
    """A session with a peer in the system `asn`; address is that of its end of the link `interface`."""

    peer: Node
    asn: int
    interface: str = ""  # "": wherever the way to the peer's own addresses leads
    address: str = ""


@dataclass(frozen=True)
class Exit:
    """An anchor of another domain, and the links to that domain: (interface, link-local address beyond)."""

    anchor: Node
    over: list[tuple[str, str]]


@dataclass(frozen=True)
class Speaker:
    """The BGP of a node. within: sessions with nodes of its domain, to which an anchor reflects; between:
    with those of others; exits: where it knows the way to other anchors."""

    asn: int
    transit: bool
    within: list[Peering]
    reflects: bool
    between: list[Peering]
    exits: list[Exit]


def speakers(plan: Playable) -> Iterator[Speaker | None]:
    """Of each node in turn; None where all is one network."""
    groups = domains.groups(plan.scenario.routing, plan.nodes)
    domain = domains.of_nodes(groups, len(plan.nodes))
    if not groups:
        yield from (None for _ in plan.nodes)
        return
    external = domains.externals(plan.links, domain)
    anchored = plan.scenario.routing.sessions == "anchors"
    # Domains that a link ever joins: their anchors talk.
    joined = {(int(domain[node]), x.domain) for node, links in enumerate(external) for x in links}
    for number, links in enumerate(external):
        own = groups[domain[number]]
        peers = own.members.tolist() if number == own.anchor else [own.anchor]
        ends = [(x.domain, plan.nodes[x.peer], _beyond(plan, x)) for x in links]
        between, exits = [], []
        if not anchored:
            between = [Peering(peer, groups[d].asn, peer.name, address) for d, peer, address in ends]
        else:
            for d, leading in groupby(sorted(ends, key=lambda end: end[0]), key=lambda end: end[0]):
                over = [(peer.name, address) for _, peer, address in leading]
                exits.append(Exit(plan.nodes[groups[d].anchor], over))
            if number == own.anchor:
                others = [d for d in range(len(groups)) if (int(domain[number]), d) in joined]
                between = [Peering(plan.nodes[groups[d].anchor], groups[d].asn) for d in others]
        within = [Peering(plan.nodes[n], own.asn) for n in peers if n != number]
        yield Speaker(own.asn, own.rule.transit, within, number == own.anchor, between, exits)


def _beyond(plan: Playable, x: domains.External) -> str:
    """The link-local address of the other end of a link to another domain."""
    return link_local(mac(x.link, 0 if plan.links[x.link].a == x.peer else 1))
