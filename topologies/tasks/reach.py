"""When nodes of a plan can reach each other, how long that takes, and at which rate.

Pairs of nodes are numbers, int (pairs, 2): who sends, to whom. A node reaches itself at any time, at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.between import Between
from skybed.topologies.contacts.contacts import Progress, quiet
from skybed.topologies.contacts.faults import of_contacts, silences
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import Spans, common, minus, spans, union
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import oracle, planned, routes
from skybed.topologies.routing.windowed import Pieces

HELD = 2_000_000  # next hops in memory at a time


def reach(plan: Plan, pairs: ArrayLike) -> Spans:
    """When the planned routes lead from one node to another, and back; by index into pairs.

    They are the schedule's where it routes, else the oracle's: those by which daemons are measured. So an
    unplanned failure ends a span only once routing knows of it. Goes through plan.routes window by window.
    """
    pair = np.asarray(pairs, np.int64).reshape(-1, 2)
    count = len(plan.nodes)
    there, back = pair @ [count, 1], pair @ [1, count]
    ways, way = np.unique(np.concatenate([there, back]), return_inverse=True)
    routed = union(_routed(plan.routes, ways, count, plan.duration_s), _always(ways, count, plan.duration_s))
    return common(*(_of_each(routed, side) for side in np.split(way, 2)))


def thinned(plan: Plan, pairs: ArrayLike, progress: Progress = quiet) -> Plan:
    """The same plan for who only asks `reach` about some pairs: with routes to their nodes alone, and new
    ones only as links change. They are worked out anew, in a small part of the time.
    """
    rule, names = plan.scenario.routing, [plan.nodes[n].name for n in np.unique(np.asarray(pairs, np.int64))]
    kept = names if rule.destinations == "all" else rule.destinations
    seldom = rule.model_copy(update={"interval_s": plan.duration_s, "destinations": kept})
    scenario = plan.scenario.model_copy(update={"routing": seldom})
    network = replace(plan.network, scenario=scenario)
    return Plan(scenario, network, plan.events, Pieces(partial(planned.windows, network, progress)))


def _routed(pieces: Iterable[np.ndarray], ways: Index, count: int, until_s: float) -> Spans:
    """When there is a route, by index into ways (node * count + destination, ascending). pieces: CHANGEs."""
    on = np.zeros(len(ways), bool)
    turns = [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool))]
    for rows in pieces:
        wanted = rows["node"] * np.int64(count) + rows["dst"]
        at = np.minimum(np.searchsorted(ways, wanted), len(ways) - 1)
        mine = np.flatnonzero(ways[at] == wanted) if len(ways) else np.zeros(0, np.int64)
        mine = mine[np.argsort(at[mine], kind="stable")]
        way, leads = at[mine], rows["via"][mine] >= 0
        first = np.diff(way, prepend=-1) != 0
        turned = leads != np.where(first, on[way], np.roll(leads, 1))
        on[way] = leads  # of several the last one counts
        turns.append((way[turned], np.maximum(rows["t_s"][mine][turned], 0.0), leads[turned]))
    way, t_s, leads = (np.concatenate(column) for column in zip(*turns, strict=True))
    order = np.argsort(way, kind="stable")
    way, t_s, leads = way[order], t_s[order], leads[order]
    start = np.flatnonzero(leads)
    over = np.append(way, -1)[start + 1] == way[start]
    return spans(way[start], t_s[start], np.where(over, np.append(t_s, until_s)[start + 1], until_s))


def _always(ways: Index, count: int, until_s: float) -> Spans:
    """Of ways from a node to itself."""
    return spans(np.flatnonzero(ways // count == ways % count), 0.0, until_s)


def _of_each(of: Spans, keys: Index) -> Spans:
    """The spans (sorted) of each of some keys, by index into these."""
    first, last = (np.searchsorted(of.key, keys, side) for side in ("left", "right"))
    many = last - first
    number = np.repeat(np.arange(len(keys)), many)
    row = np.arange(len(number)) + np.repeat(first - (np.cumsum(many) - many), many)
    return Spans(number, of.start_s[row], of.end_s[row])


def contacts(plan: Plan, pairs: ArrayLike) -> Spans:
    """When the link between two nodes stands, routing uses it, and it carries both ways: neither silenced by
    a fault nor at a rate of 0; by index into pairs.
    """
    network, pair = plan.network, np.asarray(pairs, np.int64).reshape(-1, 2)
    stands = minus(of_contacts(network.contacts), silences(network.contacts, network.lost))
    closed = network.values.closed
    carries = minus(common(stands, oracle.usable(network)), closed._replace(key=closed.key // 2))
    return _of_each(carries, Between(*network.ends, len(network.nodes)).at(*pair.T))


class Ways(NamedTuple):
    """Of pairs at times, both (pairs, times): one-way delay (inf: there is no way), and the least rate of the
    links on the way (0: there is none).
    """

    delay_s: Array
    rate_mbps: Array


def delays(plan: Plan, pairs: ArrayLike, t_s: ArrayLike) -> Ways:
    """What is sent at ascending times takes the best way at that instant by the metric of routing, over the
    links that it then uses; between its looks, routing.interval_s apart, tables may still lead another way.

    Each link takes what it does when it is reached: light time, fixed and extra delay; without spikes,
    jitter, queues and the time to send a packet.
    """
    network, pair = plan.network, np.asarray(pairs, np.int64).reshape(-1, 2)
    times_s = np.array(t_s, float, ndmin=1)
    targets, column = np.unique(pair[:, 1], return_inverse=True)
    graph = oracle.graph(network)
    looks = routes.meshes(graph, oracle.usable(network), times_s)
    lot = max(1, HELD // max(1, len(targets) * graph.nodes))
    found = Ways(*np.empty((2, len(pair), len(times_s))))
    for begin in range(0, len(times_s), lot):
        part = slice(begin, begin + lot)
        via = np.empty((len(times_s[part]), len(targets), graph.nodes), np.int32)
        for k, (t, links, mesh) in enumerate(islice(looks, lot)):
            via[k], _ = mesh.next_hops(graph.cost_s(links, t), targets)
        ways = _followed(network, pair, column, via, times_s[part])
        found.delay_s[:, part], found.rate_mbps[:, part] = ways
    return found


def _followed(network: Network, pair: Index, column: Index, via: Index, t_s: Array) -> Ways:
    """By next hops via[time, column, node]; column: that of each pair's target."""
    node, target = (np.repeat(end, len(t_s)) for end in pair.T)
    time, column = np.tile(np.arange(len(t_s)), len(pair)), np.repeat(column, len(t_s))
    at_s, least_mbps = t_s[time], np.full(len(node), np.inf)
    between, going = Between(*network.ends, len(network.nodes)), np.flatnonzero(node != target)
    while len(going):
        here, hop = node[going], via[time[going], column[going], node[going]].astype(np.int64)
        led = hop >= 0
        lost, going, here, hop = going[~led], going[led], here[led], hop[led]
        at_s[lost], least_mbps[lost] = np.inf, 0.0
        link, side = between.at(here, hop), (here > hop).astype(int)
        rate_mbps = network.values.at(Property.RATE, link, side, at_s[going])
        least_mbps[going] = np.minimum(least_mbps[going], rate_mbps)
        extra_us = network.values.at(Property.EXTRA, link, side, at_s[going])
        at_s[going] += network.delay_s(link, at_s[going]) + extra_us * 1e-6
        node[going] = hop
        going = going[hop != target[going]]
    shape = len(pair), len(t_s)
    return Ways((at_s - t_s[time]).reshape(shape), least_mbps.reshape(shape))
