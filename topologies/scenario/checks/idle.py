"""Fields that a scenario gives, and that have no effect beside what else it gives.

They are no errors: a campaign varies a policy and leaves the others' fields where they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import get_args

from skybed.topologies.contacts.access import IN_SLOTS
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.fields import Model
from skybed.topologies.model.known import Problem
from skybed.topologies.model.links import Access, LinkClass, PolicyName, Spike, Way
from skybed.topologies.model.routing import Routing
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath

FEW = 3  # that are all named
OWN = "a function of yours"  # in the place of a policy
DECIDED = ("nearest", "python")
ACROSS_PLANES = ("grid", "motif")
SOME = ("grid", "ring", "motif", "nearest", "listed", "python")
# Which patterns of links, and which policies, a field that not all have a use for goes with.
OF_PATTERNS = {
    "layers": DECIDED, "terminals": ("nearest",), "hysteresis_km": ("nearest",), "every_s": DECIDED,
    "seam": ACROSS_PLANES, "polar_cutoff_deg": ACROSS_PLANES, "link": SOME, "max_range_km": SOME,
    "grazing_altitude_km": SOME,
}  # fmt: skip
CHOOSING = tuple(policy for policy in (*get_args(PolicyName), OWN) if policy != "all")
OF_POLICIES = {
    "links": CHOOSING, "terminals": CHOOSING, "hysteresis_km": ("nearest", "slots"), "slot_s": IN_SLOTS,
    "decision_s": tuple(policy for policy in CHOOSING if policy not in IN_SLOTS),
}  # fmt: skip
# And which protocols; a daemon of one's own is given all of them.
CGR = "cgr of bundles"
OF_ROUTING = {
    "copies": ("schedule", CGR), "hello_s": ("ospf", "isis", "custom"), "dead_s": ("ospf", "isis", "custom"),
    "bfd_interval_ms": ("bfd", "custom"), "bfd_multiplier": ("bfd", "custom"), "hold_s": ("bgp", "custom"),
    "sessions": ("domains",),
}  # fmt: skip


def idle(scenario: ScenarioModel) -> list[str]:
    """A sentence for each."""
    return [f"{scenario.where(*path)} has no effect: {why}." for path, why in _fields(scenario)]


def _fields(scenario: ScenarioModel) -> Iterator[Problem]:
    for path, rule in scenario.lasers:
        for field, why in _unused(rule, OF_PATTERNS, "pattern", {rule.pattern}):
            yield (*path, field), why
    for i, access in enumerate(scenario.access):
        policy = access.policy if isinstance(access.policy, str) else OWN
        for field, why in _unused(access, OF_POLICIES, "policy", {policy}):
            yield ("access", i, field), why
        if not access.gateways and _given(access, ("gateways",)):
            yield ("access", i, "gateways"), "it names none"
        if _on_ground(access) and "grazing_altitude_km" in _given(access, ("grazing_altitude_km",)):
            yield (
                ("access", i, "grazing_altitude_km"),
                "it is for links between satellites; stations have min_elevation_deg",
            )
    yield from _of_links(scenario)
    protocols = _protocols(scenario.routing)
    if any(isinstance(flow, BundleFlow) and flow.routing == "cgr" for flow in scenario.flows):
        protocols.add(CGR)
    for field, why in _unused(scenario.routing, OF_ROUTING, "protocol", protocols):
        yield ("routing", field), why


def _of_links(scenario: ScenarioModel) -> Iterator[Problem]:
    used = {rule.link for _, rule in scenario.lasers} | {rule.link for rule in scenario.access}
    used |= {line.link for line in scenario.fibre}
    listed = any(rule.pattern == "listed" for _, rule in scenario.lasers)
    for name, link in scenario.links.items():
        if name not in used and not listed:
            yield ("links", name), "no rule has links of this class"
        parts: list[tuple[str, LinkClass | Way]] = [("", link), *link.ways.items()]
        for way, part in parts:
            path: FieldPath = ("links", name, *([way] if way else []))
            if part.slots and part.slots.rate_mbps is None and part.slots.spike == Spike():
                yield (*path, "slots"), "it gives neither rate_mbps nor a spike"
            if part.slots and part.slots.spike != Spike() and part.slots.spike.width_ms == 0:
                yield (*path, "slots", "spike"), "it has no width_ms"
        if _given(link, ("jitter",)) and not any(link.capable(up).jitter_ms for up in (True, False)):
            yield ("links", name, "jitter"), "there is no jitter_ms"


def _unused(
    part: Model, uses: Mapping[str, Collection[str]], what: str, chosen: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Of the fields of a part those that do not go with what is chosen, and why."""
    for field in _given(part, uses):
        if not {*uses[field]} & {*chosen}:
            is_chosen = " and ".join(sorted(chosen))
            goes_with = f"it goes with the {what} {' or '.join(uses[field])}, and this is {is_chosen}"
            few = len(uses[field]) <= FEW
            yield field, goes_with if few else f"it does not go with the {what} {is_chosen}"


def _given(part: Model, fields: Collection[str]) -> list[str]:
    """Those that somebody has written. What was stored has all: of these what is not as by default."""
    known = type(part).model_fields
    stored = all(name in part.model_fields_set for name, field in known.items() if field.default is not None)
    return [
        name
        for name in fields
        if name in part.model_fields_set
        and getattr(part, name) is not None
        and not (stored and getattr(part, name) == known[name].get_default())
    ]


def _on_ground(access: Access) -> bool:
    return access.source == "ground" or isinstance(access.source, list)


def _protocols(routing: Routing) -> set[str]:
    """What routes, in the words of OF_ROUTING."""
    means = [part.means for part in routing.parts]
    words = {protocol.family for protocol in means} | {"bfd" for protocol in means if protocol.bfd}
    return words | ({"domains", "bgp"} if routing.domains else set())
