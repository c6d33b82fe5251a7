"""Checks of `routing` and `faults` that involve more than one field."""

from __future__ import annotations

from collections.abc import Iterator

from topologies.known import Problem, known_name
from topologies.scenario import Scenario
from topologies.yamlmarks import Path


def routing(scenario: Scenario) -> Iterator[Problem]:
    rule = scenario.routing
    if rule.dead_s <= rule.hello_s:
        yield ("routing", "dead_s"), f"is {rule.dead_s}; it must be more than hello_s, {rule.hello_s}."


def faults(scenario: Scenario, nodes: set[str]) -> Iterator[Problem]:
    for i, fault in enumerate(scenario.faults):
        path: Path = ("faults", i)
        if (fault.link is None) == (fault.node is None):
            yield path, f"has {'both' if fault.link else 'neither'}; give exactly one of link, node."
        for name in fault.link or ():
            yield from known_name((*path, "link"), name, nodes, "node")
        if fault.node is not None:
            yield from known_name((*path, "node"), fault.node, nodes, "node")
        if fault.at_s >= scenario.duration_s:
            yield (
                (*path, "at_s"),
                f"is {fault.at_s:g}; the run ends at {scenario.duration_s:g} s (duration_s).",
            )
