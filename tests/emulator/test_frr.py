"""What FRR is told, and that it takes it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from skybed.emulator.daemons import daemons, routers
from skybed.emulator.lanes import host
from skybed.topologies.errors import MachineError, ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

ROOT = Path(__file__).parents[2]
FILES = {
    "ospf+bfd": ["zebra", "bfdd", "ospfd", "ospf6d"],
    "isis": ["zebra", "isisd"],
    "bgp": ["zebra", "bgpd"],
}
HIDE = 'mkdir -p /var/tmp/frr && mount -t tmpfs none /var/tmp/frr && exec "$@"'  # FRR leaves a folder there
SAMPLE = ("kashi", "relay-0-0")


def plan(**routing):
    scenario = Scenario.load(ROOT / "scenarios" / "reroute-isis.yaml")
    rule = scenario.routing.model_copy(update={"daemon": "frr", **routing})
    return Plan.make(scenario.model_copy(update={"routing": rule}), duration_s=20)


@pytest.fixture(scope="module")
def isis():
    return plan(protocol="isis", hello_s=3, dead_s=10)


@pytest.mark.parametrize("protocol", FILES)
def test_each_process_of_a_protocol_has_its_file(protocol):
    for _, files in daemons.configurations(plan(protocol=protocol)):
        assert list(files) == [f"{name}.conf" for name in FILES[protocol]]


def test_metrics_of_isis_are_the_costs_at_both_ends(isis):
    told = dict(daemons.configurations(isis))
    for link, costs in zip(isis.links, routers.link_costs(isis), strict=True):
        for here, there, cost in ((link.a, link.b, costs[0]), (link.b, link.a, costs[1])):
            block = rf"interface {re.escape(isis.nodes[there].name)}\n(?: .*\n)*? isis metric (\d+)\n"
            text = told[isis.nodes[here].name]["isisd.conf"]
            assert re.findall(block, text) == [str(cost)]


def test_isis_holds_a_neighbour_for_dead_s_rounded_up_to_hellos(isis):
    text = dict(daemons.configurations(isis))["kashi"]["isisd.conf"]
    assert " isis hello-interval 3\n isis hello-multiplier 4\n" in text


def test_no_two_nodes_share_a_name_in_the_protocol(isis):
    nets = [re.search(r"net (\S+)", files["isisd.conf"])[1] for _, files in daemons.configurations(isis)]
    systems = [
        re.search(r"router bgp (\d+)", x["bgpd.conf"])[1]
        for _, x in daemons.configurations(plan(protocol="bgp"))
    ]
    assert len(set(nets)) == len(set(systems)) == len(isis.nodes)
    assert all(4_200_000_000 <= int(number) <= 4_294_967_294 for number in systems)


@pytest.mark.skipif(os.geteuid() != 0, reason="FRR's programs want root, if only to read a file")
@pytest.mark.parametrize("ground_relay", [True, False])
@pytest.mark.parametrize("protocol", ["ospf+bfd", "isis+bfd", "bgp+bfd"])
def test_frr_takes_every_line(protocol, ground_relay, tmp_path):
    if host.find_tool("zebra") is None:
        pytest.skip("frr is not installed")
    told = dict(daemons.configurations(plan(protocol=protocol, ground_relay=ground_relay)))
    for name, text in [item for node in SAMPLE for item in told[node].items()]:
        (tmp_path / name).write_text(text)
        program = host.find_tool(name.removesuffix(".conf"))
        options = ["-u", "root", "-g", "frrvty", "-f", name]
        command = ["unshare", "--mount", "sh", "-c", HIDE, "sh", program, "-C", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert "on config line" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "change, says",
    [
        (
            "{protocol: isis, daemon: bird}",
            "daemon is bird, which has no isis; protocol could be ospf, ospf+bfd.",
        ),
        (
            "{daemon: frr}",
            "daemon is frr, which is not used by oracle; protocol could be ospf, ospf+bfd, isis",
        ),
        ("{protocol: isis, hello_s: 601, dead_s: 700}", "hello_s is 601; FRR's IS-IS takes at most 600."),
        (
            "{protocol: isis, hello_s: 1, dead_s: 101}",
            "dead_s is 101; FRR's IS-IS takes at most 100 times hello_s.",
        ),
        ("{protocol: isis+bfd, bfd_multiplier: 1}", "bfd_multiplier is 1; FRR takes at least 2."),
    ],
)
def test_what_cannot_be_is_told_with_what_can(change, says, tmp_path):
    text = (ROOT / "scenarios" / "reroute-isis.yaml").read_text()
    path = tmp_path / "sky.yaml"
    path.write_text(re.sub(r"(?m)^routing: .*", f"routing: {change}", text))
    with pytest.raises(ScenarioError, match=re.escape(f"routing.{says}")):
        Scenario.load(path)


def test_a_missing_frr_is_told_before_anything_runs(isis, monkeypatch):
    monkeypatch.setattr(host, "find_tool", lambda _: None)
    with pytest.raises(MachineError, match=r"routing\.protocol is isis, which needs FRR \(package frr\)"):
        daemons.require(isis.scenario)
