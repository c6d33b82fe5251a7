"""Which core plays which node of a sky that several play together, each in a kernel of its own.

A link that crosses from one core to another takes a wire whose delay never changes, and kernels stop for each
other that often. So that delay is the least of all links that cross, and short links do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import nodes
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ConnectingFlow
from skybed.topologies.model.links import PACKET_BYTES
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.plan import score
from skybed.topologies.plan.score import Playable
from skybed.topologies.scenario import hosts

SHORT_US = 500.0  # nodes whose link is ever shorter are on one core: kernels would stop 2,000 times a second
# Packets of flows that take as much CPU as to build and play a node does: 17 us each, all hops together,
# against 40 ms; a node with routing daemons takes 0.8 s.
NODE_PACKETS, ROUTER_PACKETS = 2_400, 48_000
NAMED = 3  # flows, or links, of many


def place(plan: Playable, cores: int) -> Index:
    """int[nodes]: the number of the core of each.

    The ends of a flow stay together, as one process has both; so do flows of which one waits for another, and
    nodes whose link is ever shorter than SHORT_US. Such groups that have satellites are dealt to the cores in
    the order of the plan, so that planes stay together, equally much to each; one that is more than its
    share has a core of its own. The others go to the core that has least then. Raises ScenarioError where
    there are fewer groups than cores.
    """
    group = _groups(plan)
    weight = np.bincount(group, weights(plan)).astype(float)
    if len(weight) < cores:
        raise ScenarioError(_too_few(plan, len(weight), cores))
    in_orbit = np.flatnonzero([node.kind == "satellite" for node in plan.nodes])
    satellites = np.bincount(group[in_orbit], minlength=len(weight))
    middle = np.bincount(group[in_orbit], in_orbit, len(weight)) / np.maximum(satellites, 1)
    core = np.full(len(weight), -1)
    sky = np.flatnonzero(satellites)
    sky = sky[np.argsort(middle[sky], kind="stable")]
    core[sky] = _dealt(weight[sky], max(1, min(cores, len(sky))))
    has = np.bincount(core[sky], weight[sky], cores)
    ground = np.flatnonzero(satellites == 0)
    for one in ground[np.argsort(-weight[ground], kind="stable")]:
        core[one] = has.argmin()
        has[core[one]] += weight[one]
    _, first = np.unique(core[group], return_index=True)
    return np.argsort(np.argsort(first))[core[group]]  # numbered in the order of their first nodes


def weights(plan: Playable) -> Array:
    """float[nodes]: what each is to a core, in nodes without traffic.

    Most work of a flow is at its ends, and as much as it has packets: so each end counts for half of these.
    A flow whose packets nobody knows counts for one node more.
    """
    routed = plan.scenario.routing.means.filled_by == "daemons"
    as_much = ROUTER_PACKETS if routed else NODE_PACKETS
    numbers = {node.name: number for number, node in enumerate(plan.nodes)}
    fastest_mbps = _fastest_mbps(plan)
    weight = np.ones(len(plan.nodes))
    for flow in plan.scenario.traffic:
        ends = [numbers[name] for name in flow.places.values()]
        packets = kinds.of(flow).packets(flow, plan.duration_s)
        if isinstance(flow, ConnectingFlow) and flow.greedy and (mbps := fastest_mbps[ends].min()):
            packets = mbps * 1e6 / (8 * PACKET_BYTES) * flow.length_s(plan.duration_s)
        np.add.at(weight, ends, (1 + packets / as_much) / len(ends))
    return weight


def least_delay_us(plan: Playable, place: Index, grace_s: float = 0.0) -> float:
    """Of all links that cross, at any time up to grace_s after the end; inf where none does."""
    crosses = [place[link.a] != place[link.b] for link in plan.links]
    least_us = score.least_delays_us(plan, plan.duration_s + grace_s)
    return float(least_us[np.array(crosses, bool)].min(initial=np.inf))


def check(scenario: ScenarioModel) -> None:
    """Raise ScenarioError for what is not played on several cores."""
    hosts.check(scenario, "on several cores", "--cores")


def _fastest_mbps(plan: Playable) -> Array:
    """float[nodes]: the rate of the fastest link of each, of those whose rate does not change; 0: none."""
    rate_mbps = np.nan_to_num(nodes.values(plan.links)[:, :, Property.RATE].max(axis=1))
    fastest = np.zeros(len(plan.nodes))
    for end in "ab":
        np.maximum.at(fastest, [getattr(link, end) for link in plan.links], rate_mbps)
    return fastest


def _groups(plan: Playable) -> Index:
    """int[nodes]: the number of the group of each; who is in one is not to be parted."""
    numbers = {node.name: number for number, node in enumerate(plan.nodes)}
    flows = {flow.name: flow for flow in plan.scenario.traffic}
    tied = [(plan.links[link].a, plan.links[link].b) for link in _short(plan)]
    for flow in flows.values():
        together = [*flow.places.values(), *(flows[name].ends[0] for name in flow.awaits)]
        tied += pairwise(numbers[name] for name in together)
    a, b = np.array(tied, int).reshape(-1, 2).T
    size = len(plan.nodes)
    _, group = connected_components(coo_array((np.ones(len(a)), (a, b)), (size, size)), directed=False)
    return group


def _short(plan: Playable) -> Index:
    """The links that are ever shorter than SHORT_US."""
    return np.flatnonzero(score.least_delays_us(plan, plan.duration_s) < SHORT_US)


def _dealt(weight: Array, cores: int) -> Index:
    """int[groups]: the core of each. No core gets none; where no group is more than a share, none is further
    from that than the heaviest group.
    """
    core, left, number = np.zeros(len(weight), int), np.ones(len(weight), bool), 0
    while number < cores - 1 and weight[left].max() >= weight[left].sum() / (cores - number):
        heaviest = np.flatnonzero(left)[weight[left].argmax()]
        core[heaviest], left[heaviest], number = number, False, number + 1
    middle = weight[left].cumsum() - weight[left] / 2
    share = weight[left].sum() / (cores - number)
    core[left] = np.minimum(number + (middle // share).astype(int), cores - 1)
    return core


def _too_few(plan: Playable, groups: int, cores: int) -> str:
    flows = [flow for flow in plan.scenario.traffic if len({*flow.places.values()}) > 1 or flow.awaits]
    held = {
        "the ends of flows": [str(flow.name) for flow in flows],
        f"those of links of less than {SHORT_US:g} us": [plan.links[link].name for link in _short(plan)],
    }
    why = " and ".join(f"{what} ({_some(names)})" for what, names in held.items() if names)
    together, change = (f", as one core must have {why}", ", or change these") if why else ("", "")
    return (
        f"--cores asks for {cores}, and this sky has {groups} group{'s' * (groups != 1)} of nodes that a "
        f"core can play alone{together}. Take --cores {groups}{change}."
    )


def _some(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
