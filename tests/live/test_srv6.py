"""Paths by source in a real kernel: what is on the wire, and how faithful a whole run is."""

import pandas as pd
import pytest

from skybed.analysis.measures import metrics, paths, truth
from skybed.analysis.run import load
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import srv6
from skybed.topologies.scenario.file import Scenario
from support import needs, reroute
from support.places import ROOT
from support.reroute import CARRIER_S, END_S, HANDOVER_S, SILENT_S

pytestmark = pytest.mark.live
SCENARIO = ROOT / "scenarios" / "reroute-srv6.yaml"

HEAD = """
import json, socket
from skybed.emulator.kernel import messages
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

plan = Plan.make(Scenario.load("reroute-srv6"), duration_s=5)
sky = Sky(plan)
Player(sky, plan).open()
kashi, sanya = sky["kashi"], sky["sanya"]
"""


def test_both_families_cross_satellites_without_routes_by_the_segments_of_the_plan(in_lane):
    """Satellites lose every route to the stations; one in the middle of the path listens."""
    scapy = pytest.importorskip("scapy.layers.inet6")
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether

    told = in_lane(
        """
        wanted = [messages.packed(ip) for node in (kashi, sanya) for ip in (node.ip, node.ip6)]
        for node in sky.sky_nodes:
            if node.name.startswith("relay"):
                node.netlink.apply([messages.route_delete(ip) for ip in wanted])
        _, path_id, paths = plan.trace("kashi", "sanya", [0.0])
        path = paths[path_id[0]]
        middle = sky.sky_nodes[path[len(path) // 2]]
        tap = middle.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        said = [kashi.cmd(f"ping -n -c 3 -i 0.2 {ip}") for ip in (sanya.ip, sanya.ip6)]
        full = [kashi.cmd(f"ping -n -c 1 -M do -s {size} {ip}")
                for size, ip in ((1472, sanya.ip), (1452, sanya.ip6), (1473, sanya.ip), (1453, sanya.ip6))]
        routes = [middle.cmd(f"ip route get {ip}") for ip in (sanya.ip, sanya.ip6)]
        frames = []
        tap.settimeout(0.5)
        try:
            while True:
                data, where = tap.recvfrom(2048)
                if where[2] != socket.PACKET_OUTGOING:
                    frames.append(data.hex())
        except TimeoutError:
            pass
        print("answer", json.dumps({"path": path, "at": len(path) // 2, "said": said, "full": full,
                                    "routes": routes, "frames": frames}), flush=True)
        """,
        before=HEAD,
    )
    assert all("unreachable" in text for text in told["routes"])
    assert all("3 received, 0% packet loss" in text for text in told["said"])
    assert ["1 received" in text for text in told["full"]] == [True, True, False, False]
    segments = [f"fd5b:1::{node + 1:x}" for node in told["path"]]
    within = {IP: 0, scapy.IPv6: 0}
    for frame in map(bytes.fromhex, told["frames"]):
        outer = Ether(frame)[scapy.IPv6]
        if not outer.haslayer(scapy.IPv6ExtHdrSegmentRouting):
            continue
        header = outer[scapy.IPv6ExtHdrSegmentRouting]
        there = outer.src == "fd5b::33"
        way = segments if there else segments[::-1]
        at = told["at"] if there else len(segments) - 1 - told["at"]
        assert header.addresses[::-1] == way[1:]
        assert outer.dst == way[at] and header.segleft == len(way) - 1 - at
        within[type(header.payload)] += there
        assert len(frame) - len(header.payload) == 14 + srv6.overhead_bytes(len(way) - 1)
    assert within == {IP: 4, scapy.IPv6: 4}


@pytest.fixture(scope="module")
def out(skybed, tmp_path_factory):
    """A run of the ready scenario in virtual time, in which all happens soon."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "srv6.yaml").write_text(Scenario.load(SCENARIO).with_(reroute.CHANGES).dump())
    done = skybed("run", folder / "srv6.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "run"


def test_it_differs_from_the_oracle_in_its_routing_only():
    mine, oracle = (Scenario.load(ROOT / "scenarios" / f"reroute-{kind}.yaml") for kind in ("srv6", "oracle"))
    fields = {"name": True, "about": True, "routing": True, "traffic": {1: {"family"}}}
    assert mine.model_dump(exclude=fields) == oracle.model_dump(exclude=fields)
    assert mine.routing.protocol == "srv6" and mine.traffic[1].family == 6


@needs.virtual_time
def test_round_trips_are_those_of_the_plan_overhead_included(out):
    """To 10 us, but for the one in a hundred that waits behind a path proof."""
    error_us = truth.probes(load(out))["error_us"].dropna().abs()
    assert len(error_us) > 100 * END_S - 50
    assert error_us.quantile(0.98) < 10


@needs.virtual_time
def test_path_proofs_see_every_node_of_the_plan_s_paths(out):
    found = paths.check_proofs(load(out))
    assert len(found) == END_S and found["agrees"].all()
    assert (found["path"] == found["planned"]).sum() > END_S - 4  # no "?", and seldom that of a second later
    assert set(found["path"].str.count(" > ")) == {2, 9}


@needs.virtual_time
def test_the_plan_knows_which_packets_are_lost(out):
    probes = truth.probes(load(out))
    assert (probes["lost"] == probes["expected_lost"]).all()


@needs.virtual_time
def test_faults_cost_their_detection_and_what_was_under_way(out):
    found = metrics.outages(load(out), "probe")
    for (start_s, end_s), at_s in zip(
        found[["start_s", "end_s"]].to_numpy(), (SILENT_S, CARRIER_S), strict=True
    ):
        assert at_s - 0.25 < start_s < at_s
        assert at_s + 0.09 < end_s < at_s + 0.12  # the first packet that is given another path


@needs.virtual_time
def test_a_handover_loses_nothing(out):
    """Though what is under way keeps the path of the old link, the last of it for 0.1 s."""
    plan = Plan.load(out / "plan")
    _, path_id, paths = plan.trace("kashi", "sanya", [HANDOVER_S - 1.0, HANDOVER_S + 2.0])
    assert paths[path_id[0]][1] != paths[path_id[1]][1]
    probes = pd.read_parquet(out / "probes.parquet")
    assert not probes.loc[probes["sent_s"] > CARRIER_S + 1, "lost"].any()


@needs.virtual_time
def test_runs_repeat_to_the_byte_and_a_link_that_is_back_has_its_segments(skybed, tmp_path):
    """Kashi's link is gone for a while, which routing never learns: paths over it come back with it."""
    fault = {"kind": "carrier", "link": ["kashi", "relay-4-3"], "at_s": 3, "for_s": 1}
    changes = {"duration_s": 11, "faults": [fault], "routing": {"protocol": "srv6", "detection_ms": 60_000}}
    sky = Scenario.load(SCENARIO).model_dump(by_alias=True) | changes
    path = tmp_path / "scenario.yaml"
    path.write_text(Scenario.model_validate(sky).dump())
    for name in ("one", "two"):
        done = skybed("run", path, "--clock", "virtual", "--out", tmp_path / name)
        assert done.returncode == 0, done.stdout + done.stderr
    assert skybed("compare", "--exact", tmp_path / "one", tmp_path / "two").returncode == 0
    probes = truth.probes(load(tmp_path / "one"))
    assert (probes["lost"] == probes["expected_lost"]).all()
    assert not probes["lost"].iloc[-100:].any()
    outages = metrics.outages(load(tmp_path / "one"), "probe")
    assert len(outages) == 1 and outages["end_s"][0] - outages["start_s"][0] > 1
