"""Checks of `links`, `access` and `fibre`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from skybed.topologies.contacts.courses import given
from skybed.topologies.contacts.listed import GIVEN, Listed, of_rule
from skybed.topologies.contacts.nodes import FIELDS, LEAST_MBPS, MOST
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import over_time
from skybed.topologies.model.closest import hint
from skybed.topologies.model.draws import Draw
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.links import Access, LinkClass, Slots, Way
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.space import Lasers
from skybed.topologies.model.yamlmarks import FieldPath
from skybed.topologies.orbits import chance
from skybed.topologies.scenario.checks.weather import radio


def classes(scenario: ScenarioModel) -> Iterator[Problem]:
    used: list[tuple[FieldPath, str]] = [((*path, "link"), rule.link) for path, rule in scenario.lasers]
    used += [(("access", i, "link"), access.link) for i, access in enumerate(scenario.access)]
    used += [(("fibre", i, "link"), fibre.link) for i, fibre in enumerate(scenario.fibre)]
    for path, name in used:
        if name not in scenario.link_names:
            yield (
                path,
                f"is {name}, neither in links nor in the catalogue{hint(name, scenario.link_names)}.",
            )
    for path, rule in scenario.lasers:
        if rule.pattern not in ("none", "listed") and rule.link in scenario.link_names:
            yield from _boundless((*path, "link"), scenario, rule.link, rule.max_range_km)
    for name, link in scenario.links.items():
        yield from _courses(("links", name), link)
        yield from _slots(("links", name, "slots"), link.slots)
        yield from radio(("links", name), link)
        for way, own in link.ways.items():
            yield from _courses(("links", name, way), own)
            yield from _slots(("links", name, way, "slots"), own.slots)
            yield from radio(("links", name, way), own)
            if not (capable := link.capable(way == "up")).radio and capable.rate_mbps is None:
                yield ("links", name, "rate_mbps"), f"is missing, and there is no radio for the way {way}."
        if all(link.capable(up).rate_mbps == 0 for up in (True, False)):
            yield ("links", name, "rate_mbps"), "is 0 in both directions; such a link carries nothing."
        if isinstance(link.setup_s, tuple) and link.setup_s[0] > link.setup_s[1]:
            yield ("links", name, "setup_s"), f"is {list(link.setup_s)}; the lesser comes first."
    yield from _crawling(scenario, {name for _, name in used} & scenario.link_names)
    if "ground" in scenario.layers:
        yield ("layers", "ground"), "is a reserved name; choose another."


def _crawling(scenario: ScenarioModel, names: set[str]) -> Iterator[Problem]:
    """Classes whose packets are under way for days, once rate_scale has slowed them down."""
    for name in sorted(names):
        link = scenario.link_class(name)
        for rate in (link.capable(True).rate_mbps, link.capable(False).rate_mbps):
            if isinstance(rate, float) and 0 < rate < LEAST_MBPS:
                at: FieldPath = ("links", name, "rate_mbps") if name in scenario.links else ("rate_scale",)
                yield at, f"leaves links {name} {rate:.3g} Mbit/s; they need {LEAST_MBPS:g} or more, or 0."
                break


def _courses(path: FieldPath, part: LinkClass | Way) -> Iterator[Problem]:
    """Values over time that are none."""
    for field in FIELDS:
        course = getattr(part, field)
        at = (*path, field)
        try:
            if isinstance(course, float):
                yield from _too_much(at, field, course)
            if isinstance(course, over_time.Steps):
                for (before_s, _), (t_s, _) in pairwise(course.steps):
                    if t_s <= before_s:
                        yield at, f"has a step at {t_s:g} s after the one at {before_s:g} s; times ascend."
            if isinstance(course, over_time.Table):
                values = [value for table in given.tables(course, field).values() for value in table.value]
                yield from _too_much(at, field, max(values))
            elif isinstance(course, over_time.Trace):
                yield from _too_much(at, field, given.recorded(course, field).value.max())
            elif isinstance(course, over_time.Steps):
                yield from _too_much(at, field, max(value for _, value in course.steps))
            elif isinstance(course, over_time.Bursts) and field != "loss_pct":
                yield at, "has good_s and bad_s, which are of losses; give steps, a CSV, a trace or Python."
        except ScenarioError as error:
            yield at, f"cannot be used: {error}."


def _slots(path: FieldPath, slots: Slots | None) -> Iterator[Problem]:
    """Draws of what no link can be."""
    if slots is None:
        return
    if len({*slots.at_s}) < len(slots.at_s):
        yield (*path, "at_s"), "names a second twice."
    spike = slots.spike
    drawn: list[tuple[FieldPath, Draw | None, float]] = [
        ((*path, "rate_mbps"), slots.rate_mbps, MOST["rate_mbps"]),
        ((*path, "spike", "height_ms"), spike.height_ms, MOST["extra_delay_ms"]),
        ((*path, "spike", "width_ms"), spike.width_ms, 60_000.0),
        ((*path, "spike", "loss_pct"), spike.loss_pct, 100.0),
    ]
    for at, draw, most in drawn:
        if isinstance(draw, tuple) and draw[0] > draw[1]:
            yield at, f"is {list(draw)}; the lesser comes first."
        elif draw is not None and not (greatest := chance.greatest(draw)) <= most:
            yield at, f"draws values up to {greatest:.4g}; they must be at most {most:g}."


def _too_much(at: FieldPath, field: str, value: float) -> Iterator[Problem]:
    if value > MOST.get(field, value):
        yield at, f"has the value {value:g}; it must be at most {MOST[field]:g}."


def between(scenario: ScenarioModel) -> Iterator[Problem]:
    for i, rule in enumerate(scenario.between):
        path: FieldPath = ("between", i, "layers")
        for name in rule.layers:
            yield from known_name(path, name, scenario.layers, "layer")
        if twice := [name for name in rule.layers if rule.layers.count(name) > 1]:
            yield path, f"names {twice[0]} twice."
        elif rule.pattern == "nearest" and len(rule.layers) < 2:
            yield path, "needs two layers or more; links within one are its isl."
        elif rule.pattern == "python" and not rule.layers:
            yield path, "names no layer, of whose satellites the function is to decide."


def access(scenario: ScenarioModel) -> Iterator[Problem]:
    stations = {station.name: station for station in scenario.stations}
    for i, rule in enumerate(scenario.access):
        path: FieldPath = ("access", i)
        for name in rule.targets:
            yield from known_name((*path, "to"), name, scenario.layers, "layer")
        if twice := [name for name in rule.targets if rule.targets.count(name) > 1]:
            yield (*path, "to"), f"names {twice[0]} twice."
        ground = rule.source == "ground" or isinstance(rule.source, list)
        if isinstance(rule.source, list):
            for name in rule.source:
                yield from known_name((*path, "from"), name, stations, "station")
                if name in stations and not stations[name].antenna:
                    yield (*path, "from"), f"names {name}, which has no antenna."
        elif not ground:
            yield from known_name((*path, "from"), rule.source, {"ground", *scenario.layers}, "layer")
            if rule.source in rule.targets:
                yield (
                    path,
                    "goes from a layer to itself; links within a layer are its isl, such as the pattern "
                    "nearest.",
                )
            if rule.min_elevation_deg is not None:
                yield (
                    (*path, "min_elevation_deg"),
                    "is for ground stations; between satellites give max_range_km.",
                )
            yield from _boundless((*path, "link"), scenario, rule.link, rule.max_range_km)
        yield from _gateways(path, scenario, rule)
        if rule.policy == "highest" and not ground:
            yield (*path, "policy"), "is highest, which is for ground stations; take nearest."
        for field, policy in (("hysteresis_deg", "highest"), ("hysteresis_db", "strongest")):
            if getattr(rule, field) and rule.policy != policy:
                yield (*path, field), f"is of the policy {policy}; nearest has hysteresis_km."
        if rule.hysteresis_km and rule.policy in ("highest", "strongest", "least-loaded"):
            yield (*path, "hysteresis_km"), f"is given, but {rule.policy} does not go by range; leave it out."
        if rule.terminals < rule.links:
            yield path, f"keeps {rule.links} links with {rule.terminals} terminals; each link needs one."
        link = scenario.link_class(rule.link)
        if rule.policy == "strongest" and link.capable(up=False).radio is None:
            says = f"is strongest, by the radio of what comes down, and link class {rule.link} has none."
            yield (*path, "policy"), says
        limits = (rule.min_elevation_deg, rule.max_range_km, link.min_elevation_deg, link.max_range_km)
        if ground and all(limit is None for limit in limits):
            yield (
                path,
                f"has no limit: give min_elevation_deg or max_range_km, here or in link class {rule.link}.",
            )


def _gateways(path: FieldPath, scenario: ScenarioModel, rule: Access) -> Iterator[Problem]:
    """A gateway needs links of its own to what the rule chooses from."""
    stations = {station.name for station in scenario.stations}
    for name in rule.gateways:
        yield from known_name((*path, "gateways"), name, stations, "station")
        if name not in stations:
            continue
        if name in scenario.stations_of(rule):
            yield (*path, "gateways"), f"names {name}, which is one of `from`; a gateway is another station."
        elif name not in [gateway for gateway, *_ in scenario.gateways_of(rule)]:
            layers = " or ".join(rule.targets)
            yield (*path, "gateways"), f"names {name}, which no other rule links to {layers}; give it one."


def _boundless(
    path: FieldPath, scenario: ScenarioModel, name: str, max_range_km: float | None
) -> Iterator[Problem]:
    """Between satellites the only limit of a class would count for nothing."""
    link = scenario.link_class(name)
    if link.min_elevation_deg is not None and max_range_km is None and link.max_range_km is None:
        yield (
            path,
            f"is {name}, whose min_elevation_deg is for ground stations; between satellites give "
            "max_range_km.",
        )


def listed(scenario: ScenarioModel, nodes: Mapping[str, str]) -> Iterator[Problem]:
    """Of tables of links. nodes: of each node its layer, "" for those on the ground."""
    sites = {station.name for station in scenario.stations if not station.antenna}
    for place, rule in scenario.lasers:
        path: FieldPath = (*place, "links")
        try:
            table = of_rule(rule, [*nodes], scenario.begin, scenario.duration_s) if rule.links else []
        except ScenarioError as error:
            yield path, f"cannot be used: {error}."
            continue
        first: dict[frozenset[str], Listed] = {}
        yield from _given(scenario, path, rule, table)
        for row in table:
            other = first.setdefault(frozenset((row.a, row.b)), row)
            if (other.given is None) != (row.given is None):
                yield (
                    path,
                    f"gives {row.a} and {row.b} a delay in {row.place} or in {other.place}, not both.",
                )
            if other.link_class != row.link_class:
                yield (
                    path,
                    f"gives {row.a} and {row.b} another class in {row.place} than in {other.place}.",
                )
            for end in (row.a, row.b):
                if end not in nodes:
                    yield (
                        path,
                        f"names {end} in {row.place}, but there is no such node{hint(end, nodes)}.",
                    )
                elif end in sites and not row.given:
                    yield path, f"names {end} in {row.place}, which has no antenna."
            if row.a == row.b:
                yield path, f"has {row.a} at both ends in {row.place}."
            elif not (nodes.get(row.a, True) or nodes.get(row.b, True) or row.given):
                yield path, f"has two stations in {row.place}; a line between them is fibre."
            if row.link_class and row.link_class not in scenario.link_names:
                known = hint(row.link_class, scenario.link_names)
                yield (
                    path,
                    f"has the class {row.link_class} in {row.place}, neither in links nor in the "
                    f"catalogue{known}.",
                )


def _given(scenario: ScenarioModel, path: FieldPath, rule: Lasers, table: list[Listed]) -> Iterator[Problem]:
    """What is true of links whose rates and delays are given."""
    own = [row for row in table if row.given]
    for row in own:
        for what, values, most in zip(
            GIVEN, row.given or (), (MOST["rate_mbps"], MOST["extra_delay_ms"]), strict=True
        ):
            if max(values) > most:
                yield path, f"has {what} {max(values):g} in {row.place}; it must be at most {most:g}."
    before: dict[frozenset[str], Listed] = {}
    for row in sorted(own, key=lambda row: row.from_s):
        other = before.get(frozenset((row.a, row.b)))
        if other and row.from_s < other.until_s:
            yield path, f"has {row.a} and {row.b} in {row.place} for a time of {other.place}, too."
        before[frozenset((row.a, row.b))] = row
    for name in {row.link_class or rule.link for row in own} & scenario.link_names:
        link = scenario.link_class(name)
        for up in (True, False):
            capable = link.capable(up)
            if capable.slots or capable.radio or link.optical:
                yield (
                    path,
                    f"gives rates to links of class {name}, whose rates come of slots, radio or light.",
                )
                break
    if rule.nodes and not own:
        yield (*path[:-1], "nodes"), "is of the numbers of a contact plan, and links is none."


def fibre(scenario: ScenarioModel) -> Iterator[Problem]:
    stations = {station.name: station for station in scenario.stations}
    seen: set[frozenset[str]] = set()
    for i, line in enumerate(scenario.fibre):
        for end, name in (("a", line.a), ("b", line.b)):
            yield from known_name(("fibre", i, end), name, stations, "station")
            if name in stations and stations[name].moves:
                yield ("fibre", i, end), f"names {name}, which moves: no fibre can follow it."
        link = scenario.link_class(line.link)
        if link.optical or any(link.capable(up).radio for up in (True, False)):
            yield (
                ("fibre", i, "link"),
                f"is {line.link}, which has a radio or a laser: there is none in fibre.",
            )
        ends = frozenset((line.a, line.b))
        if len(ends) == 1:
            yield ("fibre", i), f"goes from {line.a} to itself."
        elif ends in seen:
            yield ("fibre", i), f"is a second line between {line.a} and {line.b}."
        seen.add(ends)
