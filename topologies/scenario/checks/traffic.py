"""Checks of `traffic` and `tasks`, and of what is accepted of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from skybed.topologies.model import kinds
from skybed.topologies.model.closest import hint
from skybed.topologies.model.flows import SCRIPT, Flow
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.metrics import METRICS, not_a_metric
from skybed.topologies.model.routing import belongs
from skybed.topologies.model.scenario import Limit, ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath


def flows(scenario: ScenarioModel, layers: Mapping[str, str]) -> Iterator[Problem]:
    """layers: of every node its layer; "" of stations."""
    destinations, nodes = scenario.routing.destinations, set(layers)
    if isinstance(destinations, list):
        for name in destinations:
            known = [*nodes, *scenario.layers, "ground"]
            yield from known_name(("routing", "destinations"), name, known, "node or layer")
    kept = routed(scenario, layers)
    seen: set[str | None] = set()
    for path, flow in scenario.flow_paths:
        if flow.name in seen:
            yield path, f"is a second flow named {flow.name}."
        if flow.name == SCRIPT:
            yield (*path, "name"), f"is {SCRIPT}, as what a script measures is called; choose another."
        seen.add(flow.name)
        yield from _times(path, scenario, flow)
        yield from _after(path, scenario, flow)
        for field, end in flow.places.items():
            yield from known_name((*path, field), end, nodes, "node")
            if flow.routed and end in nodes and end not in kept:
                yield (
                    (*path, field),
                    f"is {end}, to which routing.destinations keeps no route; answers need one too.",
                )
        if len(flow.places) > len(set(flow.ends)):
            yield path, f"goes from {flow.ends[0]} to itself."
        if problems := kinds.hook(flow, "problems"):
            for within, says in problems(flow, scenario.flows):
                yield (*path, *within), says


def routed(scenario: ScenarioModel, layers: Mapping[str, str]) -> set[str]:
    """The nodes to which every node keeps a route."""
    wanted = scenario.routing.destinations
    names: list[str] = [wanted] if isinstance(wanted, str) else wanted
    return {node for node, layer in layers.items() if wanted == "all" or belongs(names, node, layer)}


def captures(scenario: ScenarioModel, nodes: set[str]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for i, pair in enumerate(scenario.capture):
        path: FieldPath = ("capture", i)
        for end in pair:
            yield from known_name(path, end, nodes, "node")
        if pair[0] == pair[1]:
            yield path, f"goes from {pair[0]} to itself; name both ends of a link."
        if pair in seen:
            yield path, f"is [{', '.join(pair)}] a second time."
        seen.add(pair)


def _times(path: FieldPath, scenario: ScenarioModel, flow: Flow) -> Iterator[Problem]:
    if flow.start_s >= scenario.duration_s:
        yield (
            (*path, "start_s"),
            f"is {flow.start_s:g}; the run ends at {scenario.duration_s:g} s (duration_s).",
        )
    elif flow.stop_s is not None and flow.stop_s <= flow.start_s:
        yield (*path, "stop_s"), f"is {flow.stop_s:g}; it must be more than start_s, {flow.start_s:g}."


def _after(path: FieldPath, scenario: ScenarioModel, flow: Flow) -> Iterator[Problem]:
    """What it comes after must be there, and end, and not come after it in turn."""
    if flow.after is None:
        if flow.plus_s:
            yield (*path, "plus_s"), f"is {flow.plus_s:g}, but there is no `after`; say after which flow."
        return
    named = {str(other.name): other for other in scenario.flows}
    yield from known_name((*path, "after"), flow.after, named, "flow")
    if flow.start_s:
        yield (*path, "start_s"), f"is {flow.start_s:g}, and `after` is given too; give one of the two."
    if other := named.get(flow.after):
        if other.stop_s is None and not other.ends_itself:
            yield (
                (*path, "after"),
                f"is {flow.after}, which goes on to the end of the run; give that one a stop_s.",
            )
        chain = [flow.after]
        while chain[-1] in named and (before := named[chain[-1]].after) and before not in chain:
            chain.append(before)
        if flow.name in chain:
            yield (*path, "after"), f"is {flow.after}; in the end {flow.name} would come after itself."


def accept(scenario: ScenarioModel) -> Iterator[Problem]:
    named = {flow.name: flow for flow in scenario.flows if flow.name is not None}
    for i, limit in enumerate(scenario.accept):
        path: FieldPath = ("accept", i)
        yield from known_name((*path, limit.word), limit.flow, named, limit.word)
        if limit.min is None and limit.max is None:
            yield path, "sets no limit; give min, max or both."
        elif limit.min is not None and limit.max is not None and limit.min > limit.max:
            yield path, f"has a min of {limit.min:g} over its max of {limit.max:g}: no run can keep both."
        if limit.flow not in named:
            continue
        yield from _measured((*path, "metric"), scenario, named[limit.flow], limit.metric)
        yield from _possible(path, limit)


def _possible(path: FieldPath, limit: Limit) -> Iterator[Problem]:
    """Whether the metric can have such a value; what programs print can have any."""
    if limit.metric not in METRICS:
        return
    metric = METRICS[limit.metric]
    for field, value in (("min", limit.min), ("max", limit.max)):
        if value is None:
            continue
        if value < 0 and not metric.signed:
            yield (*path, field), f"is {value:g}, and {metric.name} is never negative."
        if value > 100 and metric.unit == "%":
            yield (*path, field), f"is {value:g}, and {metric.name} is a share, at most 100 %."


def _measured(path: FieldPath, scenario: ScenarioModel, flow: Flow, name: str) -> Iterator[Problem]:
    if flow.OPEN and name not in METRICS:  # it may print it
        return
    if name not in METRICS:
        yield path, f"{name} {not_a_metric(name)}."
        return
    known, metric = [other.name for other in kinds.measured(flow)], METRICS[name]
    if (field := flow.NEEDS.get(name)) and getattr(flow, field) is None:
        yield path, f"is {name}, which is measured of a {flow.title} with {field}; give {flow.name} one."
    elif metric.name not in known:
        there = hint("", known, few=len(known))
        yield path, f"is {metric.name}, which is measured of no {flow.title}{there}."
    ground = {s.name for s in scenario.stations if not (s.moves and metric.ground_ends == 2)}
    if len(ground & set(flow.ends)) < metric.ground_ends:
        ends = "one end on the ground" if metric.ground_ends == 1 else "both ends at rest on the ground"
        yield path, f"is {metric.name}, which is measured of flows that have {ends}."
