"""The candidates of a node at a time: whom it could have a link with, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Index
from skybed.topologies.contacts import gateways, lasers, listed
from skybed.topologies.contacts.access import setup_range_s
from skybed.topologies.contacts.contacts import access_conditions, gateways_of, layers, sources
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

    def told(
        self, node: int, candidate: Candidate, unmet: str, soonest_s: float, why_not: Callable[[int], str]
    ) -> Candidate:
        """A candidate of a node with what is to be said of it. unmet: of its conditions, or ""; soonest_s:
        how long a set-up may take; why_not: why a peer in sight is none.
        """
        peer = candidate.peer
        stands, why = self.stands_or_lost(node, peer) or (
            False, unmet or self.soon(node, peer, soonest_s) or why_not(peer)
        )  # fmt: skip
        return candidate._replace(stands=stands, why=why)


def _until(t_s: float, end_s: float = np.inf) -> str:
    return "to the end" if t_s >= end_s else f"until {t_s:.3f} s"


def _candidates(
    moment: _Moment, node: int, peers: Index, by: str, conditions: Conditions
) -> Iterator[tuple[Candidate, str]]:
    """Each peer by range, as one that does not stand; and what of the conditions is not met, or ""."""
    sky, t_s = moment.network.sky, moment.t_s
    here, there = sky.position_km(node, t_s), sky.position_km(peers, t_s)
    theirs = (peers >= sky.satellites)[:, None]  # whose horizon it is
    low, high = np.where(theirs, there, here), np.where(theirs, here, there)
    range_km = np.linalg.norm(high - low, axis=-1)
    of_ground = theirs[:, 0] | (node >= sky.satellites)
    elevation_deg = np.where(of_ground, ellipsoid.elevation_deg(low, high), np.nan)
    unmet = [""] * len(peers)
    for name, words in UNMET.items():
        if (limit := getattr(conditions, name)) is not None:
            for k in np.flatnonzero(margin_km(Conditions(**{name: limit}), low, high) <= 0).tolist():
                unmet[k] = unmet[k] or words.format(limit)
    for k in np.argsort(range_km, kind="stable").tolist():
        yield Candidate(int(peers[k]), by, float(range_km[k]), float(elevation_deg[k]), False, ""), unmet[k]


# -- by what asks for links ----------------------------------------------------------------------


def _by_access(moment: _Moment, node: int) -> Iterator[Candidate]:
    network = moment.network
    scenario = network.scenario
    for number, rule in enumerate(scenario.access):
        link = scenario.link_class(rule.link)
        givers, targets = sources(network, rule), layers(network, rule.targets)
        gives = node in givers
        if not gives and node not in targets:
            continue
        conditions = access_conditions(rule, link, ground=bool((givers >= network.sky.satellites).any()))
        relays = [gateway for gateway, *_ in gateways_of(network, rule)]
        soonest_s = setup_range_s(link)[1] + scenario.routing.drain_s
        why_not = partial(_not_chosen, moment, rule, givers, targets, node)
        peers = targets if gives else givers
        for candidate, unmet in _candidates(moment, node, peers, f"access[{number}]", conditions):
            target = candidate.peer if gives else node
            if relays and gateways.range_km(network.sky, relays, target, moment.t_s) >= gateways.FAR_KM:
                unmet = unmet or "no gateway sees it"
            yield moment.told(node, candidate, unmet, soonest_s, why_not)


def _not_chosen(moment: _Moment, rule: Access, givers: Index, targets: Index, node: int, peer: int) -> str:
    """Why a satellite in view is not taken."""
    source, target = (node, peer) if node in givers else (peer, node)
    has = moment.linked(source, targets)
    name = moment.network.nodes[source].name
    if len(has) >= rule.terminals:
        return f"in sight, but {name} has its terminals on {moment.names(has)}"
    if rule.target_terminals and len(takers := moment.linked(target, givers)) >= rule.target_terminals:
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
                yield moment.told(node, candidate, unmet, setup_range_s(link)[1], why_not)


Meant = Iterator[tuple[Index, LinkClass, Conditions, Callable[[int], str]]]  # peers; why one in sight is none


def _by_planes(network: Network, node: int, isl: Isl) -> Meant:
    scenario, name = network.scenario, network.nodes[node].layer
    layer, members = scenario.layers[name], network.layer(name)
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
    members = layers(network, rule.layers if isinstance(rule, Between) else [layer])
    if rule.pattern == "none" or node not in members:
        return
    peers = members[members != node]
    if isinstance(rule, Between) and rule.pattern == "nearest":
        peers = np.setdiff1d(peers, network.layer(layer))

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
    name, names = network.nodes[node].name, [one.name for one in network.nodes]
    rows = listed.of_rule(rule, names, network.scenario.begin)
    for peer in dict.fromkeys(end for row in rows if name in (row.a, row.b) for end in (row.a, row.b)):
        its = [row for row in rows if {row.a, row.b} == {name, peer}]
        if not its:  # the node itself
            continue
        number, link = network.node(peer), network.scenario.link_class(its[0].link_class or rule.link)
        ground = max(node, number) >= network.sky.satellites
        limits = lasers.conditions_to_ground if ground else lasers.conditions
        which = Conditions() if its[0].given else limits(rule, link)
        spans = ", ".join(f"{row.from_s:g} to {row.until_s:g} s" for row in its)
        now = any(row.from_s <= moment.t_s < row.until_s for row in its)
        why = BRIEFLY if now else f"in sight, but listed for {spans}"
        yield np.array([number]), link, which, partial(_said, why)


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


def table(network: Network, candidates: list[Candidate]) -> pd.DataFrame:
    """The columns of candidates, peers by name."""
    frame = pd.DataFrame(candidates, columns=list(Candidate._fields))
    return frame.assign(peer=[network.nodes[candidate.peer].name for candidate in candidates])
