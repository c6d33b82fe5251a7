"""What a routing daemon is told of its node: addresses, links and their costs, the same for the same plan."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skybed.emulator.daemons.bgp import Speaker, speakers
from skybed.topologies.contacts.nodes import Node
from skybed.topologies.model.routing import Routing
from skybed.topologies.plan.score import Playable
from skybed.topologies.routing import domains

if TYPE_CHECKING:
    from skybed.topologies.plan.plan import Plan

COST_S = 1e-4  # the one-way delay that costs 1
COST_MAX = 65_535
COST_LOOKS = 16  # at a contact's delay


@dataclass(frozen=True)
class Adjacency:
    """A link, as one of its ends sees it. interface: of this end; named after the node at the other."""

    interface: str
    peer: Node
    cost: int


@dataclass(frozen=True)
class Router:
    """A node, as its daemons know it. number: its place in the plan, from 0; rule: what holds within its
    domain, or for the whole; links: all that it has within in the course of the plan, by name; bgp: where
    there are domains."""

    number: int
    node: Node
    rule: Routing
    links: tuple[Adjacency, ...]
    bgp: Speaker | None

    @property
    def transit(self) -> bool:
        """Whether it carries packets of others."""
        return self.rule.ground_relay or self.node.kind == "satellite"


def of_plan(plan: Playable, costs: np.ndarray) -> list[Router]:
    """Every node, in the plan's order. costs: see link_costs."""
    links: dict[int, list[Adjacency]] = defaultdict(list)
    domain = domains.of_nodes(domains.groups(plan.scenario.routing, plan.nodes), len(plan.nodes))
    for link, cost in zip(plan.links, costs.tolist(), strict=True):
        if domain[link.a] != domain[link.b]:
            continue
        for here, there in ((link.a, link.b), (link.b, link.a)):
            peer = plan.nodes[there]
            links[here].append(Adjacency(peer.name, peer, cost))
    parts = plan.scenario.routing.parts
    return [
        Router(i, node, parts[domain[i]], tuple(sorted(links[i], key=lambda link: link.interface)), speaker)
        for i, (node, speaker) in enumerate(zip(plan.nodes, speakers(plan), strict=True))
    ]


def link_costs(plan: Plan) -> np.ndarray:
    """int[links]: the mean one-way delay while a link stands, in units of COST_S, 1 to COST_MAX.

    A daemon's costs are fixed when it starts: one that followed the delay would flood the network with every
    change of it.
    """
    link = plan.contacts["link"].to_numpy()
    start_s, end_s = (plan.contacts[end].to_numpy()[:, None] for end in ("start_s", "end_s"))
    look_s = start_s + (end_s - start_s) * (np.arange(COST_LOOKS) + 0.5) / COST_LOOKS
    mean_s = plan.delay_s(link[:, None], look_s).mean(axis=1)
    lasts_s = (end_s - start_s)[:, 0]
    total_s = np.bincount(link, lasts_s, len(plan.links))
    weighed = np.bincount(link, mean_s * lasts_s, len(plan.links))
    delay_s = np.divide(weighed, total_s, out=np.zeros(len(plan.links)), where=total_s > 0)
    return np.clip(np.round(delay_s / COST_S), 1, COST_MAX).astype(int)
