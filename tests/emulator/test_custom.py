"""A daemon of the user's: its templates are filled for each node, and what is wrong with them is told."""

import re
from pathlib import Path

import pytest

from skybed.emulator.daemons import daemons
from skybed.topologies.errors import MachineError, ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

SKY = (Path(__file__).parents[2] / "scenarios" / "reroute-ospf.yaml").read_text()
CONFIG = """
      {{ name }} {{ ip }} {{ ip6 }} {{ kind }} {{ layer }} {{ home }}
      {% for link in links %}
      {{ link.interface }} {{ link.peer.name }} {{ link.peer.ip }} {{ link.peer.ip6 }} {{ link.cost }}
      {% endfor %}"""


def scenario(tmp_path, config, command="sleep 1000", ready="true"):
    custom = (
        f"  protocol: custom\n  custom:\n    command: {command!r}\n    ready: {ready!r}\n    config: {config}"
    )
    (tmp_path / "sky.yaml").write_text(re.sub(r"(?m)^routing: .*", lambda _: f"routing:\n{custom}", SKY))
    return Scenario.load(tmp_path / "sky.yaml")


def plan(*arguments, **more):
    return Plan.make(scenario(*arguments, **more), duration_s=20)


def test_a_template_knows_the_node_and_its_links(tmp_path):
    made = plan(tmp_path, f"|{CONFIG}")
    node = next(node for node in made.nodes if node.name == "relay-0-0")
    first, *links = dict(daemons.configurations(made))["relay-0-0"]["config"].splitlines()
    assert first.split() == [node.name, node.ip, node.ip6, "satellite", "relay", "relay-0-0"]
    peers = {other.name: other for other in made.nodes}
    assert len(links) >= 4
    for interface, name, ip, ip6, cost in map(str.split, links):
        assert interface == name
        assert (ip, ip6) == (peers[name].ip, peers[name].ip6)
        assert int(cost) > 0


def test_a_single_line_is_the_name_of_a_file(tmp_path):
    (tmp_path / "node.conf").write_text("I am {{ name }}")
    told = dict(daemons.configurations(plan(tmp_path, "node.conf")))
    assert told["kashi"]["config"] == "I am kashi\n"
    with pytest.raises(ScenarioError, match=r"nod\.conf: there is no such configuration file"):
        scenario(tmp_path, "nod.conf")


@pytest.mark.parametrize(
    "config, more, says",
    [
        ("|\n      {{ adress }}", {}, "routing.custom.config, filled for relay-0-0: 'adress' is undefined"),
        ("|\n      {{ {'relay-0-0': 1}[name] }}", {}, "routing.custom.config, filled for relay-0-1:"),
        (
            "|\n      x",
            {"ready": "test {{ hom }}"},
            "routing.custom.ready, filled for relay-0-0: 'hom' is undefined",
        ),
        (
            "|\n      x",
            {"command": "sleep '{{ name }}"},
            "routing.custom.command is no command line: No closing",
        ),
    ],
)
def test_a_template_that_cannot_be_filled_is_told_with_its_node(config, more, says, tmp_path):
    with pytest.raises(ScenarioError) as error:
        daemons.check(plan(tmp_path, config, **more))
    assert says in str(error.value)


def test_a_template_that_is_none_is_told_with_the_scenario(tmp_path):
    with pytest.raises(ScenarioError, match=r"sky\.yaml, line \d+: routing\.custom\.config is no template: "):
        scenario(tmp_path, "|\n      {% for link in links %}")


def test_a_program_that_is_not_there_is_told_before_anything_runs(tmp_path):
    with pytest.raises(
        MachineError, match=r"routing\.protocol is custom, which needs no-such-daemon; it is not on"
    ):
        daemons.require(scenario(tmp_path, "|\n      x", command="no-such-daemon -f"))


@pytest.mark.parametrize("rule", ["{protocol: custom}", "{protocol: ospf, custom: {command: x}}"])
def test_custom_and_its_protocol_go_together(rule, tmp_path):
    (tmp_path / "sky.yaml").write_text(re.sub(r"(?m)^routing: .*", f"routing: {rule}", SKY))
    with pytest.raises(ScenarioError, match=r"routing\.custom goes with protocol: custom"):
        Scenario.load(tmp_path / "sky.yaml")
