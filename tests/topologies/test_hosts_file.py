"""Which machine carries which node: said by a file, or dealt out."""

import pathlib
import re

import numpy as np
import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.hosts import Host, Hosts
from skybed.topologies.plan import score
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import hosts
from skybed.topologies.scenario.file import Scenario

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "hosts.md").read_text()
TWO = """port: 4800
hosts:
  - name: a
    address: 10.0.0.1
  - name: b
    address: 10.0.0.2
    command: [ssh, root@b]
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """load(text): the file of hosts with this text."""

    def loaded(text):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "h.yaml").write_text(text)
        return hosts.load("h.yaml")

    return loaded


@pytest.fixture(scope="module")
def ring():
    """Twelve satellites in a ring, comp-0-0 to comp-0-11, and five stations."""
    return Plan.make(Scenario.load("ring12").with_(duration_s=5))


def on(file, plan):
    """The names of the nodes on each host."""
    place = file.place(plan.scenario, plan.nodes)
    return [{node.name for node, at in zip(plan.nodes, place, strict=True) if at == n} for n in range(2)]


def satellites(*numbers):
    return {f"comp-0-{number}" for number in numbers}


def test_what_is_not_said_is_usual(load):
    given = load(TWO).given
    assert (given.port, given.exchange_port) == (4800, 4801)
    assert [(host.name, host.skybed, host.nodes) for host in given.hosts] == [
        ("a", "skybed", []), ("b", "skybed", []),
    ]  # fmt: skip


def test_ends_of_flows_and_the_ground_stay_and_satellites_are_dealt_out_neighbours_together(load, ring):
    ends = {end for flow in ring.scenario.traffic for end in flow.ends}
    first, second = on(load(TWO), ring)
    assert ends <= first and len(ends) == 6
    assert first - ends == satellites(1, 4, 7, 8) | {"kashi", "sanya", "lijiang", "mohe"}
    assert second == satellites(9, 10, 11)


def test_who_names_nodes_has_these_and_the_first_all_others(load, ring):
    first, second = on(load(TWO + "    nodes: [comp-0-1, comp-0-1?, mohe]\n"), ring)
    assert second == satellites(1, 10, 11) | {"mohe"}
    assert len(first) == 17 - 4


def test_a_layer_is_all_of_its_satellites_that_need_not_stay(load, ring):
    file = load(TWO + "    nodes: [comp]\n")
    assert on(file, ring)[1] == satellites(1, 4, 7, 8, 9, 10, 11)
    alone = ring.scenario.with_(traffic=[])
    assert (file.place(alone, ring.nodes) == 1).sum() == 12


@pytest.mark.parametrize(
    "added, says",
    [
        (
            "    nodes: [comp-0-0]\n",
            "line 8: hosts[1].nodes[0] names comp-0-0, which must stay on a, the first: flow ring opens "
            "sockets there.",
        ),
        ("    nodes: [comp-9]\n", "line 8: hosts[1].nodes[0] comp-9 is no node, layer or pattern of nodes"),
        (
            "    nodes: [comp-0-1]\n  - {name: c, address: 10.0.0.3, command: [c], nodes: [comp-0-1]}\n",
            "line 9: hosts[2].nodes[0] names comp-0-1, which stands on b.",
        ),
    ],
)
def test_nodes_that_cannot_stand_there(load, ring, added, says):
    with pytest.raises(ScenarioError) as error:
        on(load(TWO + added), ring)
    assert str(error.value).startswith(f"h.yaml, {says}")


def test_a_node_that_nobody_is_to_have(load, ring):
    text = TWO.replace("10.0.0.1", "10.0.0.1\n    nodes: [mohe]") + "    nodes: [kashi]\n"
    with pytest.raises(ScenarioError) as error:
        on(load(text), ring)
    assert str(error.value) == "h.yaml, line 2: hosts say where nodes stand, and not where comp-0-1 does."


@pytest.mark.parametrize(
    "text, says",
    [
        ("", ": a file of hosts is a mapping of fields (hosts, port)."),
        ("hosts: []\n", ", line 1: hosts is an empty list; it must be a list of at least 2."),
        (TWO.replace("10.0.0.2", "b.example"), ", line 6: hosts[1].address b.example is no IPv4 address."),
        *(
            (
                TWO.replace("10.0.0.2", no),
                f", line 6: hosts[1].address {no} is no address of a machine on a network.",
            )
            for no in ("127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255")
        ),
        (
            TWO.replace("10.0.0.2", "10.0.0.1"),
            ", line 6: hosts[1].address 10.0.0.1 is that of hosts[0], too.",
        ),
        (TWO.replace("name: b", "name: a"), ", line 5: hosts[1].name a is that of hosts[0], too."),
        (TWO.replace("command", "comand"), ", line 7: hosts[1].comand is not a field"),
        (TWO.replace("    command: [ssh, root@b]\n", ""), ", line 5: hosts[1] needs a command that runs"),
        (
            TWO.replace("10.0.0.1", "10.0.0.1\n    command: [sh]"),
            ", line 5: hosts[0].command must be left out: the first host is the machine where",
        ),
        (TWO.replace("4800", "65535"), ", line 1: port is 65535; it must be at most 65534."),
    ],
)
def test_a_file_that_cannot_be(load, text, says):
    with pytest.raises(ScenarioError) as error:
        load(text)
    assert str(error.value).startswith(f"h.yaml{says}")


@pytest.mark.parametrize(
    "name, what",
    [
        ("reroute-srv6", "srv6 is"), ("dtn-ring", "Tasks and bundles are"),
        ("retasking", "Tasks and bundles are"),
    ],
)  # fmt: skip
def test_what_is_not_played_on_several_hosts(name, what):
    with pytest.raises(ScenarioError, match=rf"{what} not played on several hosts"):
        hosts.check(Scenario.load(name))


def test_each_host_plays_the_events_of_its_links_and_the_routes_of_its_nodes(ring, tmp_path):
    ring.save(tmp_path)
    whole = score.load(tmp_path, ring.scenario, tmp_path)
    here = np.arange(len(ring.nodes)) % 3 == 0
    parts = [score.part(whole, here), score.part(whole, ~here)]
    ours, theirs = (part.events.whole() for part in parts)
    ends = np.array([(here[link.a], here[link.b]) for link in ring.links])
    assert {*ours["link"].tolist()} <= {*np.flatnonzero(ends.any(axis=1)).tolist()}
    both = np.isin(whole.events.whole()["link"], np.flatnonzero(ends.any(axis=1) & ~ends.all(axis=1)))
    assert len(ours) + len(theirs) == len(whole.events.whole()) + both.sum() and both.any()
    changes = [part.changes.whole() for part in parts]
    assert here[changes[0]["node"]].all() and not here[changes[1]["node"]].any()
    assert sum(map(len, changes)) == len(whole.changes.whole()) > 0


# -- docs/hosts.md ---------------------------------------------------------------------------------------


def test_the_example_places_a_ready_scenario(load):
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (scenario,) = re.findall(r"skybed run ([\w-]+) --hosts", TEXT)
    plan = Plan.make(Scenario.load(scenario).with_(duration_s=1))
    hosts.check(plan.scenario)
    counts = np.bincount(load(example).place(plan.scenario, plan.nodes))
    assert len(counts) == 3 and (counts > 100).all()


def test_every_field_is_told():
    told = re.findall(r"^\| `([\w\[\].]+)` \| (.*?) \|", TEXT, re.MULTILINE)
    fields = {
        **Hosts.model_fields,
        **{f"hosts[].{name}": field for name, field in Host.model_fields.items()},
    }
    assert [name for name, _ in told] == [*fields]
    usual = {name: "required" if field.is_required() else field.default for name, field in fields.items()}
    usual |= {"hosts[].command": "required, but of the first", "hosts[].nodes": "none"}
    assert {name: default.strip("`") for name, default in told} == {n: str(x) for n, x in usual.items()}
