"""From a scenario to its links and the intervals in which each stands and routing may use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

import numpy as np
import pandas as pd

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import foresight, gateways, lasers
from skybed.topologies.contacts.access import Chooser, Rulebook, setup_range_s, views
from skybed.topologies.contacts.gateways import Gateway
from skybed.topologies.contacts.margins import Intervals
from skybed.topologies.contacts.motion import Motion, Span
from skybed.topologies.contacts.nodes import LINK_KINDS, Link, Node
from skybed.topologies.contacts.overhead import over_stations
from skybed.topologies.contacts.policy import of_rule
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.code import CodeError
from skybed.topologies.model.links import Access, LinkClass
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.orbits.walker import Satellite

NET, NET6 = IPv4Address("10.0.0.0"), IPv6Address("fd5b::")
TOUCH_S = 1e-3  # two contacts of a link nearer than this are one
Progress = Callable[[str, float], None]  # what is being done, and how much of it is


def quiet(what: str, share: float) -> None:
    """Progress that nobody watches."""


def nodes(satellites: Sequence[Satellite], scenario: ScenarioModel) -> list[Node]:
    """Satellites in layer order, then ground; 10.0.0.1 and fd5b::1 are the first node's."""
    named = [(s.name, "satellite", s.layer) for s in satellites]
    named += [(station.name, "ground", "") for station in scenario.stations]
    return [Node(*of, str(NET + n), str(NET6 + n)) for n, of in enumerate(named, start=1)]


def horizon_s(scenario: ScenarioModel, duration_s: float) -> float:
    """How far the geometry must be known for a plan of this duration: handovers are prepared ahead."""
    ahead = [setup_range_s(scenario.link_class(rule.link))[1] for rule in scenario.access]
    return duration_s + scenario.routing.drain_s + max(ahead, default=0.0) + 1.0


# -- where links come from -----------------------------------------------------------------------


def spans(motion: Motion, progress: Progress) -> list[Span]:
    """Every link that stands at some time before until_s, before any fault; to until_s: it stands on.

    Raises ScenarioError for a function of the scenario's that goes wrong, with the field that names it.
    """
    scenario = motion.scenario
    every: list[Span] = []
    work: list[tuple[str, FieldPath, Callable[[], list[Span]]]] = []
    for name in scenario.layers:
        within = "layers", name, "isl", "python"
        work.append((f"links within {name}", within, partial(lasers.within, motion, name)))
    for n, beams in enumerate(scenario.between):
        work.append(
            ("links between layers", ("between", n, "python"), partial(lasers.between, motion, beams))
        )
    for n, rule in enumerate(scenario.access):
        to = f"access to {', '.join(rule.targets)}"
        work.append((to, ("access", n, "policy"), partial(_access, motion, rule)))
    for done, (what, function, made) in enumerate(work):
        progress(what, done / len(work))
        try:
            every += made()
        except CodeError as error:
            raise ScenarioError(f"{scenario.where(*function)} cannot be used: {error}") from None
    for fibre in scenario.fibre:
        ends = [motion.names.index(fibre.a), motion.names.index(fibre.b)]
        turned = ends[0] > ends[1]
        every.append(Span(min(ends), max(ends), "fibre", fibre.link, 0.0, motion.until_s, turned))
    progress("links", 1.0)
    return every


class Numbered(Protocol):
    """Whoever knows the numbers of a scenario's nodes."""

    @property
    def scenario(self) -> ScenarioModel: ...
    def node(self, name: str) -> int: ...
    def layer(self, name: str) -> Index: ...


def layers(sky: Numbered, names: Iterable[str]) -> Index:
    """The satellites of some layers, one after the other."""
    return np.concatenate([sky.layer(name) for name in names])


def sources(sky: Numbered, rule: Access) -> Index:
    """The nodes to which an access rule gives links."""
    if isinstance(rule.source, str) and rule.source != "ground":
        return sky.layer(rule.source)
    return np.array([sky.node(name) for name in sky.scenario.stations_of(rule)], np.int64)


def gateways_of(sky: Numbered, rule: Access) -> list[tuple[Gateway, Access, list[str]]]:
    """Each gateway of an access rule, its own rule, and the layers of which it may see satellites."""
    theirs = []
    for name, own, names in sky.scenario.gateways_of(rule):
        conditions = access_conditions(own, sky.scenario.link_class(own.link), ground=True)
        theirs.append((Gateway(sky.node(name), layers(sky, names), conditions), own, names))
    return theirs


def access_conditions(rule: Access, link: LinkClass, ground: bool) -> Conditions:
    """What must hold for an access link: all limits that are given. The horizon always counts."""
    if not ground:
        return lasers.conditions(rule, link)
    elevation = rule.min_elevation_deg if rule.min_elevation_deg is not None else link.min_elevation_deg
    return Conditions(rule.max_range_km or link.max_range_km, min_elevation_deg=elevation or 0.0)


def _access(motion: Motion, rule: Access) -> list[Span]:
    """Links that an access rule chooses."""
    scenario, link = motion.scenario, motion.scenario.link_class(rule.link)
    givers, targets = sources(motion, rule), layers(motion, rule.targets)
    seen = _seen(motion, rule, givers, rule.targets, rule.looks_ahead)
    relays = [
        (gateway, _seen(motion, own, np.array([gateway.node]), names, rule.looks_ahead))
        for gateway, own, names in gateways_of(motion, rule)
    ]
    if relays:
        seen = gateways.both(seen, targets, relays)
    drain_s, until_s = scenario.routing.drain_s, motion.until_s
    has_radio = link.capable(up=False).radio is not None
    overheads = over_stations(scenario, motion.names) if has_radio else {}
    passed_on, policy = [gateway for gateway, _ in relays], of_rule(rule)
    book = Rulebook(rule, link, motion.names, scenario.seed, drain_s, until_s, passed_on, policy, overheads)
    chosen = []
    in_view = views(givers, targets, seen, until_s)
    for hold in Chooser(motion.sky, book, in_view).play():
        one, other = sorted((hold.source, hold.target))
        end = min(hold.end_s, until_s)
        if hold.up_s < end:
            turned = hold.source > hold.target
            chosen.append(Span(one, other, "access", rule.link, hold.up_s, end, turned))
    return chosen


def _seen(motion: Motion, rule: Access, sources: Index, layers: Sequence[str], beyond: bool) -> Intervals:
    """When each source of a rule sees each satellite of the layers, which count one after the other. Layer by
    layer: what is too far apart to be looked at closely depends on how high they are. beyond: with the ends
    that what is in view at until_s will have.
    """
    ground = bool((sources >= motion.sky.satellites).any())
    conditions = access_conditions(rule, motion.scenario.link_class(rule.link), ground)
    every, parts, before = [motion.layer(name) for name in layers], [], 0
    for targets in every:
        seen = intervals(motion.sky, sources[:, None], targets[None, :], conditions, motion.until_s)
        source, target = np.divmod(seen.pair, len(targets))
        parts.append(seen._replace(pair=source * sum(map(len, every)) + before + target))
        before += len(targets)
    joined = Intervals._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(joined.pair, kind="stable")
    whole = Intervals._make(column[order] for column in joined)
    if not beyond:
        return whole
    ends = np.repeat(sources, before), np.tile(np.concatenate(every), len(sources))
    return foresight.resolved(
        motion.scenario, motion.orbits, motion.places, ends, whole, conditions, motion.until_s
    )


# -- links and contacts --------------------------------------------------------------------------


def tables(
    scenario: ScenarioModel, all_nodes: list[Node], spans: list[Span], duration_s: float
) -> tuple[list[Link], pd.DataFrame]:  # fmt: skip
    """Links, and the contacts of each before any fault, as in Network.contacts."""
    classes: dict[tuple[int, int], tuple[str, str, bool, bool]] = {}
    by_name = {name: scenario.link_class(name) for name in {s.link_class for s in spans}}
    two_ways = {name for name, link in by_name.items() if link.two_ways}
    spans = sorted((s for s in spans if s.start_s < duration_s), key=lambda s: (s.a, s.b, s.start_s))
    for s in spans:
        what = s.kind, s.link_class, s.turned and s.link_class in two_ways, s.given
        if classes.setdefault((s.a, s.b), what) != what:
            raise ScenarioError(
                f"{all_nodes[s.a].name} and {all_nodes[s.b].name} get two links ({classes[s.a, s.b][1]} and "
                f"{s.link_class}), and can have one: change a pattern, an access rule or a fibre."
            )
    keys = sorted(classes, key=lambda ab: (LINK_KINDS.index(classes[ab][0]), ab))
    links = []
    for a, b in keys:
        kind, link_class, turned, given = classes[a, b]
        name = f"{all_nodes[a].name}--{all_nodes[b].name}"
        links.append(Link(a, b, kind, link_class, by_name[link_class], name, turned, given))
    number = {ab: n for n, ab in enumerate(keys)}
    stands: dict[int, list[list[float]]] = {n: [] for n in range(len(keys))}
    for s in spans:
        times = stands[number[s.a, s.b]]
        if times and s.start_s < times[-1][1] + TOUCH_S:
            times[-1][1] = max(times[-1][1], s.end_s)
        else:
            times.append([s.start_s, s.end_s])
    drain_s = scenario.routing.drain_s
    rows = [
        (n, start, min(end, duration_s), start, min(max(start, end - drain_s), duration_s))
        for n, times in stands.items()
        for start, end in times
    ]
    return links, contact_frame(rows)


def contact_frame(rows: list[tuple[int, float, float, float, float]] | Array) -> pd.DataFrame:
    """The table of contacts; rows: sorted by link and start."""
    columns = ["link", "start_s", "end_s", "route_start_s", "route_end_s"]
    return pd.DataFrame(rows, columns=columns, dtype=float).astype({"link": "int32"})
