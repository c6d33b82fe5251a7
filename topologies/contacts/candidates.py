"""The candidates of a node at a time: whom it could have a link with, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Index
from skybed.topologies.contacts import gateways, lasers, listed
from skybed.topologies.contacts.access import setup_range_s
from skybed.topologies.contacts.contacts import access_conditions
from skybed.topologies.contacts.gateways import Gateway
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.patterns import pairs
from skybed.topologies.contacts.visibility import Conditions, margin_km
from skybed.topologies.model.links import Access, LinkClass
from skybed.topologies.model.space import BY_PLANES, Between, Isl, Lasers
from skybed.topologies.model.yamlmarks import dotted
from skybed.topologies.orbits import elements, ellipsoid, planes

# What of the conditions of a link is not met, in the order in which it is told.
UNMET = {
    "min_elevation_deg": "below {:g} deg of elevation",
    "min_radius_km": "behind the Earth",
    "max_range_km": "beyond {:g} km",
    "max_latitude_deg": "an end is beyond {:g} deg of latitude",
}

BRIEFLY = "in sight, but not for long enough"


class Candidate(NamedTuple):
    """peer: number of the other node. by: the part of the scenario that asks for the link. elevation_deg:
    above the horizon of the one on the ground; nan if neither is. stands: whether the link is there. why:
    until when it stands, or what keeps it from that.
    """

    peer: int
    by: str
    range_km: float
    elevation_deg: float
    stands: bool
    why: str


def of(network: Network, node: int, t_s: float) -> list[Candidate]:
    """All candidates of a node at a run time, by the rule and then by range.

    Of a layer's own links these are the partners by its pattern, or all where it chooses by distance or by a
    function; of an access rule all at its other end.
    """
    moment = _Moment(network, t_s)
    return [*_by_lasers(moment, node), *_by_access(moment, node), *_by_fibre(moment, node)]


class _Moment:
    """A network at a time."""

    def __init__(self, network: Network, t_s: float) -> None:
        self.network, self.t_s = network, t_s
        contacts = network.contacts
        now = contacts[(contacts["start_s"] <= t_s) & (t_s < contacts["end_s"])]
        self.until_s: dict[int, float] = dict(zip(now["link"].tolist(), now["end_s"].tolist(), strict=True))
        later = contacts[contacts["start_s"] > t_s].groupby("link")["start_s"].min()
        self.next_s: dict[int, float] = later.to_dict()
        self.partners: dict[int, list[int]] = {}
        for n in self.until_s:
            a, b = network.links[n].a, network.links[n].b
            self.partners.setdefault(a, []).append(b)
            self.partners.setdefault(b, []).append(a)

    def linked(self, node: int, among: Index) -> list[int]:
        """With whom of some nodes it has a link."""
        return sorted({*self.partners.get(node, ())} & {*among.tolist()})

    def names(self, nodes: list[int]) -> str:
        return ", ".join(self.network.nodes[n].name for n in nodes)

    def stands_or_lost(self, a: int, b: int) -> tuple[bool, str] | None:
        """Whether a link stands, and until when; or that a fault has taken it. None: neither."""
        n = self.network.link_between.get((a, b), -1)
        lost = self.network.lost
        rows = lost[(lost["link"] == n) & (lost["start_s"] <= self.t_s) & (self.t_s < lost["end_s"])]
        fault = [f"a fault ({row.kind}) lasts {_until(row.end_s)}" for row in rows.itertuples()]
        if n in self.until_s:
            return True, "; ".join([_until(self.until_s[n], self.network.duration_s), *fault])
        return (False, fault[0]) if fault else None

    def soon(self, a: int, b: int, within_s: float) -> str | None:
        """That the next contact begins so soon that it is being set up."""
        at_s = self.next_s.get(self.network.link_between.get((a, b), -1), np.inf)
        return f"being set up, to stand from {at_s:.3f} s on" if at_s <= self.t_s + within_s else None


def _until(t_s: float, end_s: float = np.inf) -> str:
    return "to the end" if t_s >= end_s else f"until {t_s:.3f} s"


def _candidates(
    moment: _Moment, node: int, peers: Index, by: str, conditions: Conditions
) -> Iterator[tuple[Candidate, str]]:
    """Each peer by range, as one that does not stand; and what of the conditions is not met, or ""."""
    sky, t_s = moment.network.sky, moment.t_s
    ground = node if node >= sky.satellites else -1
    r, others = sky.position_km(node, t_s), sky.position_km(peers, t_s)
    range_km = np.linalg.norm(others - r, axis=-1)
    for k in np.argsort(range_km, kind="stable").tolist():
        peer, there = int(peers[k]), others[k]
        low = ground if ground >= 0 else peer if peer >= sky.satellites else -1
        elevation_deg = np.nan
        if low >= 0:
            foot, line = (r, there - r) if low == node else (there, r - there)
            up = np.dot(line, ellipsoid.zenith(foot)) / range_km[k]
            elevation_deg = float(np.degrees(np.arcsin(np.clip(up, -1, 1))))
        unmet = ""
        for name, words in UNMET.items():
            limit = getattr(conditions, name)
            one = replace(Conditions(), **{name: limit})
            first, second = (peer, node) if low == peer else (node, peer)
            ends = sky.position_km(first, t_s), sky.position_km(second, t_s)
            if not unmet and limit is not None:
                margin = margin_km(one, *ends)
                unmet = words.format(limit) if margin <= 0 else ""
        yield Candidate(peer, by, float(range_km[k]), elevation_deg, False, ""), unmet


# -- by what asks for links ----------------------------------------------------------------------


def _by_access(moment: _Moment, node: int) -> Iterator[Candidate]:
    network = moment.network
    scenario = network.scenario
    for number, rule in enumerate(scenario.access):
        link = scenario.link_class(rule.link)
        sources, targets = _sources(network, rule), _of_layers(network, rule.targets)
        if node in sources:
            peers = targets
        elif node in targets:
            peers = sources
        else:
            continue
        conditions = access_conditions(rule, link, ground=bool((sources >= network.sky.satellites).any()))
        relays = _gateways(network, rule)
        soonest_s = setup_range_s(link)[1] + scenario.routing.drain_s
        for candidate, unmet in _candidates(moment, node, peers, f"access[{number}]", conditions):
            source, target = (node, candidate.peer) if node in sources else (candidate.peer, node)
            if relays and gateways.range_km(network.sky, relays, target, moment.t_s) >= gateways.FAR_KM:
                unmet = unmet or "no gateway sees it"
            known = moment.stands_or_lost(source, target)
            why = known[1] if known else unmet or moment.soon(source, target, soonest_s)
            why = why or _not_chosen(moment, rule, source, target, sources, targets)
            yield candidate._replace(stands=bool(known and known[0]), why=why)


def _not_chosen(
    moment: _Moment, rule: Access, source: int, target: int, sources: Index, targets: Index
) -> str:
    """Why a satellite in view is not taken."""
    has = moment.linked(source, targets)
    name = moment.network.nodes[source].name
    if len(has) >= rule.terminals:
        return f"in sight, but {name} has its terminals on {moment.names(has)}"
    if rule.target_terminals and len(takers := moment.linked(target, sources)) >= rule.target_terminals:
        return f"in sight, but {moment.network.nodes[target].name} is taken by {moment.names(takers)}"
    if len(has) >= rule.links:
        return f"in sight, but {rule.policy} keeps {name} on {moment.names(has)}"
    return f"in sight, but {rule.policy} waits, or it would not last"


def _by_lasers(moment: _Moment, node: int) -> Iterator[Candidate]:
    """By the rules of links among satellites."""
    network = moment.network
    scenario = network.scenario
    for path, rule in scenario.lasers:
        if rule.pattern == "listed":
            meant = _listed(moment, node, rule)
        elif path[0] == "layers" and path[1] != network.nodes[node].layer:
            continue
        elif isinstance(rule, Isl) and rule.pattern in BY_PLANES:
            meant = _by_planes(network, node, rule)
        else:
            meant = _by_choice(moment, node, rule)
        for peers, link, conditions, why_not in meant:
            for candidate, unmet in _candidates(moment, node, peers, dotted(path), conditions):
                known = moment.stands_or_lost(node, candidate.peer)
                why = (
                    known[1] if known else unmet or moment.soon(node, candidate.peer, setup_range_s(link)[1])
                )
                yield candidate._replace(stands=bool(known and known[0]), why=why or why_not(candidate.peer))


Meant = Iterator[tuple[Index, LinkClass, Conditions, Callable[[int], str]]]  # peers; why one in sight is none


def _by_planes(network: Network, node: int, isl: Isl) -> Meant:
    scenario, name = network.scenario, network.nodes[node].layer
    layer, members = scenario.layers[name], _of_layers(network, [name])
    satrecs = [s.satrec for s in elements.layer_satellites(scenario) if s.layer == name]
    wanted = pairs(isl, planes.of_layer(layer, satrecs, scenario.epoch))
    a, b, link = members[wanted.a], members[wanted.b], scenario.link_class(isl.link)
    for between, limits in ((False, lasers.conditions), (True, lasers.conditions_between_planes)):
        mine = wanted.between == between
        peers = np.concatenate([b[mine & (a == node)], a[mine & (b == node)]])
        yield peers, link, limits(isl, link), partial(_said, BRIEFLY)


def _by_choice(moment: _Moment, node: int, rule: Lasers) -> Meant:
    """The satellites of the layer, or of the layers, that a rule chooses from."""
    network = moment.network
    layer = network.nodes[node].layer
    members = _of_layers(network, rule.layers if isinstance(rule, Between) else [layer])
    if rule.pattern == "none" or node not in members:
        return
    peers = members[members != node]
    if isinstance(rule, Between) and rule.pattern == "nearest":
        peers = np.setdiff1d(peers, _of_layers(network, [layer]))

    def why_not(peer: int) -> str:
        if rule.pattern == "python":
            return "in sight, but the function does not ask for it"
        for end, others in ((node, peers), (peer, members)):
            if len(has := moment.linked(end, others)) >= rule.terminals:
                return f"in sight, but {network.nodes[end].name} has its terminals on {moment.names(has)}"
        return "in sight, but not when it was decided, or nearer ones came first"

    link = network.scenario.link_class(rule.link)
    yield peers, link, lasers.conditions(rule, link), why_not


def _listed(moment: _Moment, node: int, rule: Lasers) -> Meant:
    network = moment.network
    name, rows = network.nodes[node].name, listed.rows(rule.links or "")
    for peer in dict.fromkeys(end for row in rows if name in (row.a, row.b) for end in (row.a, row.b)):
        its = [row for row in rows if {row.a, row.b} == {name, peer}]
        if not its:  # the node itself
            continue
        number, link = network.node(peer), network.scenario.link_class(its[0].link_class or rule.link)
        ground = max(node, number) >= network.sky.satellites
        limits = lasers.conditions_to_ground if ground else lasers.conditions
        spans = ", ".join(f"{row.from_s:g} to {row.until_s:g} s" for row in its)
        now = any(row.from_s <= moment.t_s < row.until_s for row in its)
        why = BRIEFLY if now else f"in sight, but listed for {spans}"
        yield np.array([number]), link, limits(rule, link), partial(_said, why)


def _said(why: str, _peer: int) -> str:
    return why


def _by_fibre(moment: _Moment, node: int) -> Iterator[Candidate]:
    network = moment.network
    for number, fibre in enumerate(network.scenario.fibre):
        ends = [network.node(fibre.a), network.node(fibre.b)]
        if node in ends:
            (peer,) = {*ends} - {node}
            known = moment.stands_or_lost(node, peer)
            length_km = float(network.sky.distance_km(node, peer, moment.t_s))
            stands, why = known or (False, "it has no contact")
            yield Candidate(peer, f"fibre[{number}]", length_km, np.nan, stands, why)


def _sources(network: Network, rule: Access) -> Index:
    if isinstance(rule.source, str) and rule.source != "ground":
        return _of_layers(network, [rule.source])
    return np.array([network.node(name) for name in network.scenario.stations_of(rule)], np.int64)


def _gateways(network: Network, rule: Access) -> list[Gateway]:
    scenario = network.scenario
    return [
        Gateway(
            network.node(name),
            _of_layers(network, layers),
            access_conditions(other, scenario.link_class(other.link), ground=True),
        )
        for name, other, layers in scenario.gateways_of(rule)
    ]


def _of_layers(network: Network, names: list[str]) -> Index:
    return np.array([n for n, node in enumerate(network.nodes) if node.layer in names], np.int64)


def table(network: Network, candidates: list[Candidate]) -> pd.DataFrame:
    """The columns of candidates, peers by name."""
    frame = pd.DataFrame(candidates, columns=list(Candidate._fields))
    return frame.assign(peer=[network.nodes[candidate.peer].name for candidate in candidates])
