"""A daemon of the user's: its templates are filled for each node, and what is wrong with them is told."""

import json
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
        f"  protocol: custom\n  custom:\n    command: {json.dumps(command)}\n    ready: {json.dumps(ready)}\n"
        f"    config: {config}"
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
    "more, says",
    [
        ({"command": "sleep '{{ name }}"}, "command, filled for relay-0-0, is no command line: No closing"),
        (
            {"command": "{% if kind == 'ground' %}sleep 9{% endif %}"},
            "command, filled for relay-0-0, is empty; name the program that is to run.",
        ),
        ({"ready": "true \0"}, "ready, filled for relay-0-0, has a NUL."),
    ],
)
def test_a_template_that_gives_nothing_of_use_is_told_with_its_line_and_node(more, says, tmp_path):
    with pytest.raises(ScenarioError, match=r"sky\.yaml, line \d+: routing\.custom\.") as error:
        daemons.check(plan(tmp_path, "|\n      x", **more))
    assert says in str(error.value)


MAY = (
    "a template names fields, goes through links, and asks whether fields are equal; no more, in its line 1."
)


@pytest.mark.parametrize(
    "template, says",
    [
        ("{% for link in links %}", "Unexpected end of template."),
        ("{{ adress }}", "adress is no field (there are config, home, ip, ip6,"),
        ("{{ rule.helo_s }}", "helo_s is no field (did you mean hello_s?), in its line 1."),
        (
            "{% for link in links %}{{ link.ip }}{% endfor %}",
            "ip is no field (there are cost, interface, peer), in",
        ),
        ("{{ link.ip }}", "link is no field"),
        ("{{ name.__class__ }}", "__class__ is no field"),
        ("{{ number.real }}", "real is no field"),
        ("{{ ip[0] }}", MAY),
        ("{{ name.upper() }}", MAY),
        ("{{ name | center(3000000000) }}", MAY),
        ("{{ name * 3000000000 }}", MAY),
        ("{{ 1 / 0 }}", MAY),
        ("{% if 1 < name %}{% endif %}", MAY),
        ("{% include 'bgpd.config' %}", MAY),
        ("{% for i in range(3000000000) %}{% endfor %}", MAY),
        ("{% for a in links %}{% for b in links %}{% endfor %}{% endfor %}", MAY),
        (f"{{{{ {'9' * 5000} }}}}", "too long, or in too many brackets"),
        (f"{{{{ {'(' * 5000}name{')' * 5000} }}}}", "too long, or in too many brackets"),
        ("{% if name %}" * 150 + "{% endif %}" * 150, "too long, or in too many brackets"),
    ],
)
@pytest.mark.parametrize("field", ["config", "ready"])
def test_a_template_names_fields_and_no_more(field, template, says, tmp_path):
    given = {"config": "|\n      x"} | {field: f"|\n      {template}" if field == "config" else template}
    with pytest.raises(ScenarioError) as error:
        scenario(tmp_path, **given)
    assert re.search(rf"sky\.yaml, line \d+: routing\.custom\.{field} is no template: ", str(error.value))
    assert says in str(error.value)


def test_a_template_asks_what_is_equal_and_where_in_its_links_it_is(tmp_path):
    config = """|
      {% if kind == "ground" and not layer %}on the ground {% endif %}
      {% if name != "eo-0-0" or links %}above {% endif %}
      {% for link in links %}
      {{ loop.index }} of {{ loop.length }}
      {% endfor %}"""
    told = {name: files["config"].split() for name, files in daemons.configurations(plan(tmp_path, config))}
    assert told["kashi"][:4] == ["on", "the", "ground", "above"] and told["relay-0-0"][0] == "above"
    many = told["relay-0-0"][-1]
    assert told["relay-0-0"][-3:] == [many, "of", many]


@pytest.mark.parametrize("command", ["", " "])
def test_a_command_that_names_no_program_is_told(command, tmp_path):
    with pytest.raises(ScenarioError, match=r"sky\.yaml, line \d+: routing\.custom\.command "):
        scenario(tmp_path, "|\n      x", command=command)


def test_memory_that_no_machine_has_is_told(tmp_path):
    custom = "{protocol: custom, custom: {command: x, memory_mb: 1.0e+308}}"
    (tmp_path / "sky.yaml").write_text(re.sub(r"(?m)^routing: .*", f"routing: {custom}", SKY))
    with pytest.raises(
        ScenarioError, match=r"line \d+: routing\.custom\.memory_mb is 1e\+308; it must be at most"
    ):
        Scenario.load(tmp_path / "sky.yaml")


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
