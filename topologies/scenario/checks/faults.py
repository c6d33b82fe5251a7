"""Checks of `faults`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from skybed.topologies.model.faults import LINK_KINDS, TARGETS, Fault
from skybed.topologies.model.known import Problem, known_name
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import FieldPath


def faults(scenario: ScenarioModel, nodes: set[str], planes: Mapping[str, int]) -> Iterator[Problem]:
    """planes: how many each layer has."""
    for i, fault in enumerate(scenario.faults):
        path: FieldPath = ("faults", i)
        given = [target for target in TARGETS if getattr(fault, target) is not None]
        if len(given) != 1:
            yield path, f"has {' and '.join(given) or 'no target'}; give exactly one of {', '.join(TARGETS)}."
        yield from _target(path, scenario, fault, nodes, planes)
        yield from _when(path, scenario, fault)


def _target(
    path: FieldPath, scenario: ScenarioModel, fault: Fault, nodes: set[str], planes: Mapping[str, int]
) -> Iterator[Problem]:
    for name in fault.link or ():
        yield from known_name((*path, "link"), name, nodes, "node")
    if fault.links is not None:
        known = {*LINK_KINDS, *scenario.link_names}
        yield from known_name((*path, "links"), fault.links, known, "kind or class of links")
    if fault.node is not None:
        yield from known_name((*path, "node"), fault.node, nodes, "node")
    if fault.layer is not None:
        yield from known_name((*path, "layer"), fault.layer, scenario.layers, "layer")
    if fault.plane is not None:
        name, number = fault.plane
        yield from known_name((*path, "plane"), name, scenario.layers, "layer")
        if name in planes and number >= planes[name]:
            yield (
                (*path, "plane"),
                f"names plane {number} of {name}, which has {planes[name]}, counted from 0.",
            )


def _when(path: FieldPath, scenario: ScenarioModel, fault: Fault) -> Iterator[Problem]:
    once, random = fault.at_s is not None, fault.mtbf_s is not None or fault.mttr_s is not None
    if once == random:
        has = "both at_s and mtbf_s or mttr_s" if once else "no time"
        yield path, f"has {has}; give at_s, or mtbf_s and mttr_s."
    elif random and (fault.mtbf_s is None or fault.mttr_s is None):
        yield path, f"has no {'mtbf_s' if fault.mtbf_s is None else 'mttr_s'}; random failures need both."
    elif random and (fault.planned or fault.for_s is not None):
        yield path, f"has {'planned' if fault.planned else 'for_s'}, which goes with at_s only."
    if fault.at_s is not None and fault.at_s >= scenario.duration_s:
        yield (*path, "at_s"), f"is {fault.at_s:g}; the run ends at {scenario.duration_s:g} s (duration_s)."
    if fault.announced_s is not None and not fault.planned:
        yield (*path, "announced_s"), "is given, but the outage is not planned; set planned: true."
    if fault.dead and (fault.at_s is None or not (fault.node or fault.plane or fault.layer)):
        yield (*path, "dead"), "goes with a node, a plane or a layer, and with at_s."
    if isinstance(fault.reacquire_s, tuple) and fault.reacquire_s[0] > fault.reacquire_s[1]:
        yield (*path, "reacquire_s"), f"is {list(fault.reacquire_s)}; the lesser comes first."
