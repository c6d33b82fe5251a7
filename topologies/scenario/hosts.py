"""The file of hosts: which machines carry one sky, and which node stands on which."""

from __future__ import annotations

import fnmatch
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skybed.topologies.arrays import Index
from skybed.topologies.contacts.nodes import Node
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import yamlmarks
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.closest import hint
from skybed.topologies.model.hosts import Host, Hosts
from skybed.topologies.model.known import Problem
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.model.yamlmarks import Marks, dotted, line_of
from skybed.topologies.scenario.reading import read_text
from skybed.topologies.scenario.validation import error_of, validated

LEAD = 0  # the number of the host where the run is started
NOWHERE = -1


@dataclass(frozen=True)
class HostsFile:
    """What a file of hosts says, and on which line each field of it stands."""

    file: str
    marks: Marks
    given: Hosts

    def place(self, scenario: ScenarioModel, nodes: Sequence[Node]) -> Index:
        """int[nodes]: the number of the host of each.

        Where traffic opens sockets, or links are captured, stays on the lead. A layer or a pattern is all of
        its nodes that need not. What no host names stays there, too, if it is on the ground, where links are
        short; satellites are dealt to the hosts that name none, in the order of the plan: neighbours
        together, equally many to each. Raises ScenarioError for what names no node, or one of another host,
        or one that must stay.
        """
        staying = stay(scenario)
        place = np.full(len(nodes), NOWHERE)
        numbers = {node.name: number for number, node in enumerate(nodes)}
        place[[numbers[name] for name in staying]] = LEAD
        problems = list(self._named(place, nodes, staying))
        if problems:
            raise self._error(problems)
        unnamed = place == NOWHERE
        in_orbit = np.array([node.kind == "satellite" for node in nodes])
        place[unnamed & ~in_orbit] = LEAD
        free = np.flatnonzero(unnamed & in_orbit)
        open_to = [number for number, host in enumerate(self.given.hosts) if not host.nodes]
        for number, run in zip(open_to, np.array_split(free, max(1, len(open_to))), strict=False):
            place[run] = number
        if (place == NOWHERE).any():
            lost = nodes[int(np.flatnonzero(place == NOWHERE)[0])].name
            raise self._error([(("hosts",), f"say where nodes stand, and not where {lost} does.")])
        return place

    def _named(self, place: Index, nodes: Sequence[Node], staying: dict[str, str]) -> Iterator[Problem]:
        """Fills `place` by what hosts name."""
        for number, host in enumerate(self.given.hosts):
            for item, pattern in enumerate(host.nodes):
                at = ("hosts", number, "nodes", item)
                meant = [i for i, node in enumerate(nodes) if _means(pattern, node)]
                if not meant:
                    known = [*{node.layer for node in nodes if node.layer}, *(node.name for node in nodes)]
                    yield at, f"{pattern} is no node, layer or pattern of nodes{hint(pattern, known)}."
                for i in meant:
                    name = nodes[i].name
                    if place[i] in (NOWHERE, number):
                        place[i] = number
                    elif name not in staying:
                        yield at, f"names {name}, which stands on {self.given.hosts[place[i]].name}."
                    elif name == pattern:
                        first = self.given.hosts[LEAD].name
                        yield at, f"names {name}, which must stay on {first}, the first: {staying[name]}."

    def _error(self, problems: Iterable[Problem]) -> ScenarioError:
        return error_of(
            self.file, [(line_of(self.marks, at), f"{dotted(at)} {says}") for at, says in problems]
        )


def load(path: str | pathlib.Path) -> HostsFile:
    """Raises ScenarioError: one sentence per problem, each with the file, the line and the field."""
    file = str(path)
    data, marks = yamlmarks.parse(read_text(pathlib.Path(path), file, "hosts"), file)
    if not isinstance(data, dict):
        raise ScenarioError(f"{file}: a file of hosts is a mapping of fields (hosts, port).")
    given = validated(Hosts, data, marks, file, {(): Hosts, ("hosts", "*"): Host})
    read = HostsFile(file, marks, given)
    if problems := list(_problems(given)):
        raise read._error(problems)
    return read


def _problems(given: Hosts) -> Iterator[Problem]:
    lead, *others = given.hosts
    if lead.command:
        yield (
            ("hosts", LEAD, "command"),
            ("must be left out: the first host is the machine where the run is started."),
        )
    for number, host in enumerate(others, 1):
        if not host.command:
            yield ("hosts", number), f"needs a command that runs commands there, such as [ssh, {host.name}]."
    for field in ("name", "address"):
        first: dict[str, int] = {}
        for number, host in enumerate(given.hosts):
            value = getattr(host, field)
            if first.setdefault(value, number) != number:
                yield ("hosts", number, field), f"{value} is that of hosts[{first[value]}], too."


def _means(pattern: str, node: Node) -> bool:
    return pattern == node.layer or fnmatch.fnmatchcase(node.name, pattern)


def stay(scenario: ScenarioModel) -> dict[str, str]:
    """The nodes that must stay on the lead, and why, in words that end a sentence."""
    captured = {node: "links are captured there" for node, _ in scenario.capture}
    ends = {
        end: f"flow {flow.name} opens sockets there"
        for flow in reversed(scenario.traffic)
        for end in flow.places.values()
    }
    return captured | ends


def check(scenario: ScenarioModel, where: str = "on several hosts", option: str = "--hosts") -> None:
    """Raise ScenarioError for what is not played where a sky is in parts, as an option asks for."""
    if scenario.tasks or any(isinstance(flow, BundleFlow) for flow in scenario.traffic):
        raise ScenarioError(
            f"Tasks and bundles are not played {where}: they open sockets in nodes everywhere. Leave out "
            f"{option}."
        )
    if scenario.routing.means.keeps_path:
        raise ScenarioError(
            f"{scenario.routing.title} is not played {where}: stations would need the routes of all nodes. "
            f"Take another routing protocol, or leave out {option}."
        )
