"""Routing protocols: the references tell what the table tells, and what a scenario is follows from it."""

import inspect
import pathlib
import re

import pytest

from skybed.emulator.daemons import suites
from skybed.topologies.model.protocols import PROTOCOLS
from skybed.topologies.model.routing import Domain, Routing

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PLAIN = [protocol for protocol in PROTOCOLS.values() if not protocol.bfd]


def cells(text, first):
    """Rows of the table whose first heading is `first`, without links."""
    table = re.search(rf"^\| `{first}` \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
    rows = [line.strip("|").split("|") for line in table.splitlines()]
    return [[re.sub(r"\[(.*?)\]\(.*?\)", r"\1", cell.strip()) for cell in row] for row in rows]


def test_the_reference_has_every_protocol():
    text = (DOCS / "routing.md").read_text()
    daemons = [", ".join(f"`{name}`" for name in x.software if name != "custom") for x in PLAIN]
    assert cells(text, "protocol") == [
        [f"`{x.name}`", x.about, x.filled_by, daemon, "yes" if x.inner else ""]
        for x, daemon in zip(PLAIN, daemons, strict=True)
    ]
    with_bfd = ", ".join(f"`{x.name}`" for x in PROTOCOLS.values() if x.bfd)
    assert f"{with_bfd} add BFD" in text


def test_the_reference_of_the_scenario_names_them():
    text = (DOCS / "scenario.md").read_text()
    whole, within = re.findall(r"^\| `protocol` \| (?:oracle|–) \| (.*) \|$", text, re.MULTILINE)
    assert re.findall(r"`(\w+)`", whole) == [x.name for x in PLAIN]
    *inner, otherwise = re.findall(r"`([\w+.]+)`", within)
    assert (inner, otherwise) == ([x.name for x in PROTOCOLS.values() if x.inner], "routing.protocol")


@pytest.mark.parametrize("software", {name: 0 for x in PLAIN for name in x.software})
def test_each_software_is_a_module_with_what_a_suite_has(software):
    protocol = next(x for x in PLAIN if software in x.software)
    (module,) = suites.of(Routing.model_construct(protocol=protocol.name, daemon=software), bgp=False)
    for name, function in inspect.getmembers(suites.Suite, inspect.isfunction):
        if not name.startswith("_"):
            told, wanted = (len(inspect.signature(x).parameters) for x in (getattr(module, name), function))
            assert told == wanted - 1, f"{software}.{name}"  # without self


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_routes_follows_from_the_protocol(name):
    protocol, routing = PROTOCOLS[name], Routing(protocol=name)
    assert routing.means is protocol
    assert (routing.software is None) == (protocol.filled_by != "daemons")
    assert routing.drain_s == (0.5 if protocol.keeps_path else 0.1)
    assert len(suites.of(routing, bgp=False)) == (protocol.filled_by == "daemons")


@pytest.mark.parametrize("protocol", [x for x in PROTOCOLS.values() if x.inner], ids=lambda x: x.name)
def test_domains_are_joined_by_daemons_whatever_routes_within(protocol):
    domains = [Domain(name=name, nodes=[name], protocol=protocol.name) for name in ("a", "b")]
    routing = Routing(domains=domains)
    assert routing.means.filled_by == "daemons" and not routing.means.keeps_path
    assert [part.means for part in routing.parts] == [protocol, protocol]
    names = [suite.__name__.rpartition(".")[2] for suite in suites.of(routing.parts[0], bgp=True)]
    assert names == list(dict.fromkeys([*protocol.software[:1], "bird"]))
