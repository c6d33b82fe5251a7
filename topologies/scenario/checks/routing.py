"""Checks of `routing`."""

from __future__ import annotations

from collections.abc import Iterator

from skybed.topologies.model.closest import hint
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.protocols import PROTOCOLS
from skybed.topologies.model.routing import Custom, Domain, Routing, belongs
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.routing import metric
from skybed.topologies.scenario.checks import templates

MOST_LOOKS = 10_000_000  # at slow change, of routes: 24 h at a hundred a second


def routing(scenario: ScenarioModel, nodes: set[str]) -> Iterator[Problem]:
    rule = scenario.routing
    if rule.daemon is not None and not any(rule.daemon in part.means.software for part in rule.parts):
        can = ", ".join(name for name, protocol in PROTOCOLS.items() if rule.daemon in protocol.software)
        has = "has no" if PROTOCOLS[rule.protocol].software else "is not used by"
        says = f"is {rule.daemon}, which {has} {rule.protocol}; protocol could be {can}."
        yield ("routing", "daemon"), says
    else:
        yield from sorted({wrong for part in rule.parts if part.software == "frr" for wrong in _frr(part)})
    if any(part.protocol == "custom" for part in rule.parts) != (rule.custom is not None):
        yield ("routing", "custom"), "goes with protocol: custom, and that with it; give both or neither."
    elif rule.custom:
        yield from _templates(rule.custom)
    if not any(rule.weights.model_dump().values()):
        yield ("routing", "metric"), "has no weight of more than 0; give delay_ms, rate or hops one."
    elif rule.means.filled_by == "daemons":
        yield from _too_dear(scenario)
    if (looks := scenario.duration_s / rule.interval_s) > MOST_LOOKS:
        most = f"for {scenario.duration_s:g} s it must be {scenario.duration_s / MOST_LOOKS:g} or more"
        yield ("routing", "interval_s"), f"is {rule.interval_s:g}: {looks:.0f} looks at routes; {most}."
    if rule.dead_s <= rule.hello_s:
        yield ("routing", "dead_s"), f"is {rule.dead_s}; it must be more than hello_s, {rule.hello_s}."
    for i, copy in enumerate(rule.copies):
        for name in copy.nodes if isinstance(copy.nodes, list) else ():
            known = {"ground", *scenario.layers, *nodes}
            yield from known_name(("routing", "copies", i, "nodes"), name, known, "node or layer")


def _too_dear(scenario: ScenarioModel) -> Iterator[Problem]:
    """Links that cost more by their rate than daemons can be told."""
    rule = scenario.routing
    by_rate = rule.model_copy(update={"metric": rule.weights.model_copy(update={"delay_ms": 0.0})})
    if not rule.weights.rate:
        return
    most_s = metric.MOST * metric.unit_s(rule)
    used = [lasers.link for _, lasers in scenario.lasers if lasers.pattern != "none"]
    used += [access.link for access in scenario.access] + [fibre.link for fibre in scenario.fibre]
    for name in dict.fromkeys(used):
        for up in (True, False):
            rate = scenario.link_class(name).capable(up).rate_mbps
            if isinstance(rate, float) and rate and metric.cost_s(by_rate, 0.0, rate) > most_s:
                yield (
                    ("routing", "reference_mbps"),
                    f"is {rule.reference_mbps:g}, so that a link of {rate:g} Mbit/s ({name}) costs more than "
                    f"{metric.MOST}, the most that daemons take; let it or the weight of rate be less.",
                )
                return


def _frr(rule: Routing) -> Iterator[Problem]:
    """What FRR does not take."""
    isis = rule.means.family == "isis"
    if isis and rule.hello_s > 600:
        yield ("routing", "hello_s"), f"is {rule.hello_s}; FRR's IS-IS takes at most 600."
    if isis and rule.isis_multiplier > 100:
        yield ("routing", "dead_s"), f"is {rule.dead_s}; FRR's IS-IS takes at most 100 times hello_s."
    if rule.means.bfd and rule.bfd_multiplier < 2:
        yield ("routing", "bfd_multiplier"), f"is {rule.bfd_multiplier}; FRR takes at least 2."


def _templates(custom: Custom) -> Iterator[Problem]:
    for field in ("command", "config", "ready"):
        if wrong := templates.wrong(getattr(custom, field) or ""):
            yield ("routing", "custom", field), f"is no template: {wrong}."
    if not custom.command.strip():
        yield ("routing", "custom", "command"), "is empty; name the program that is to run."


def domains(scenario: ScenarioModel, nodes: dict[str, str]) -> Iterator[Problem]:
    """nodes: of each node its layer, "" for those on the ground."""
    rule = scenario.routing
    owner: dict[str, str] = {}
    seen: set[str] = set()
    for i, domain in enumerate(rule.domains):
        path: FieldPath = ("routing", "domains", i)
        if domain.name in seen:
            yield path, f"is a second domain named {domain.name}."
        seen.add(domain.name)
        for name in domain.nodes:
            yield from known_name((*path, "nodes"), name, {*nodes, *nodes.values(), "ground"} - {""}, "node")
        members = [name for name, layer in nodes.items() if belongs(domain.nodes, name, layer)]
        twice = next((name for name in members if name in owner), None)
        if twice:
            yield (
                (*path, "nodes"),
                f"has {twice}, which is in {owner[twice]} already; a node is in one domain.",
            )
        owner.update(dict.fromkeys(members, domain.name))
        if domain.anchor is not None and domain.anchor not in members:
            yield (
                (*path, "anchor"),
                f"is {domain.anchor}, which is not in the domain{hint(domain.anchor, members)}.",
            )
        yield from _within(path, rule, domain)
    left = next((name for name in nodes if name not in owner), None)
    if rule.domains and left:
        yield ("routing", "domains"), f"leave out {left}; with domains every node is in one."


def _within(path: FieldPath, rule: Routing, domain: Domain) -> Iterator[Problem]:
    within = rule.within(domain)
    if not within.means.inner:
        can = ", ".join(name for name, protocol in PROTOCOLS.items() if protocol.inner)
        yield path, f"is routed by {within.protocol}; within a domain it can be {can}."
    elif rule.sessions == "anchors" and within.software != "bird":
        yield (
            path,
            "is not routed by BIRD, and hears of no other domain's nodes; take sessions: links, or ospf.",
        )
