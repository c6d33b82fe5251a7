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
from skybed.topologies.routing import domains, metric

if TYPE_CHECKING:
    from skybed.topologies.plan.plan import Plan

COST_LOOKS = 16  # at what a contact costs


@dataclass(frozen=True)
class Adjacency:
    """A link, as one of its ends sees it. interface: of this end; named after the node at the other. cost: of
    what this end sends."""

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
        for (here, there), own in zip(((link.a, link.b), (link.b, link.a)), cost, strict=True):
            peer = plan.nodes[there]
            links[here].append(Adjacency(peer.name, peer, own))
    parts = plan.scenario.routing.parts
    return [
        Router(i, node, parts[domain[i]], tuple(sorted(links[i], key=lambda link: link.interface)), speaker)
        for i, (node, speaker) in enumerate(zip(plan.nodes, speakers(plan), strict=True))
    ]


def link_costs(plan: Plan) -> np.ndarray:
    """int[links, side]: what crossing a link costs by the scenario's metric on the mean of the times at which
    it carries anything, in units of metric.unit_s, 1 to metric.MOST. Side 0 is what node a sends.

    A daemon's costs are fixed when it starts: one that followed the delay would flood the network with every
    change of it.
    """
    contacts = plan.contacts
    link, start_s, end_s = (contacts[name].to_numpy() for name in ("link", "start_s", "end_s"))
    look_s = start_s + (end_s - start_s) * (np.arange(COST_LOOKS)[:, None] + 0.5) / COST_LOOKS
    cost_s = np.array([np.broadcast_to(plan.cost_s(link, t_s), (2, len(link))) for t_s in look_s])
    carries = np.isfinite(cost_s)
    lasts_s = np.where(carries, end_s - start_s, 0.0)
    weighed = np.where(carries, cost_s, 0.0) * lasts_s
    sums, totals_s = (
        np.array([np.bincount(link, of_side, len(plan.links)) for of_side in each.sum(axis=0)])
        for each in (weighed, lasts_s)
    )
    mean_s = np.divide(sums, totals_s, out=np.full(sums.shape, np.inf), where=totals_s > 0)
    return np.clip(np.round(mean_s.T / metric.unit_s(plan.scenario.routing)), 1, metric.MOST).astype(int)
