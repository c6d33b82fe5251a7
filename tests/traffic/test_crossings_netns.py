"""Real packets over namespaces that the tests make: probes, path proof, streams, transfers."""

import contextlib
import shutil
import subprocess
import threading
import time

import pandas as pd
import pytest

from skybed.scripts.running import parts
from skybed.traffic.crossings import Crossings, built
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.kinds.tcp import TcpFlow
from skybed.traffic.kinds.trace import TraceFlow
from skybed.traffic.kinds.udp import UdpFlow
from support.plain_netns import FakeClock, can_make_namespaces, chain

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(not can_make_namespaces(), reason="network namespaces cannot be made here"),
]


@pytest.fixture(scope="module")
def nodes():
    with chain("east", "relay", "far", "west") as made:
        made["east"].run(
            "ping", "-c1", "-W2", made["west"].ip
        )  # neighbours are found before anything is timed
        made["east"].run("ping", "-c1", "-W2", made["west"].ip6)
        yield made


def play(nodes, flows, out, until_s=1.0, meanwhile=lambda clock: None):
    """The tables of flows, and ended_s, when all was over. meanwhile: what else happens, in a thread."""
    with Crossings(flows, nodes, built(flows), until_s, out) as crossings:
        crossings.open()
        clock = FakeClock(0.3)
        crossings.begin(clock)
        beside = threading.Thread(target=meanwhile, args=(clock,))
        beside.start()
        crossings.run()
    ended_s = clock.now_s()
    beside.join()
    found = {name: pd.read_parquet(out / f"{name}.parquet") for name in ("probes", "paths", "flows")}
    return found | {"ended_s": ended_s}


def probe(name, protocol="stamp", family=4, rate_hz=50, **rest):
    return ProbeFlow(
        name=name, kind="probe", source="east", target="west", protocol=protocol, family=family,
        rate_hz=rate_hz, **rest,
    )  # fmt: skip


def test_probes_of_both_protocols_and_families_cross_three_links(nodes, tmp_path):
    flows = [probe(f"{p}{f}", p, f) for p in ("stamp", "echo") for f in (4, 6)]
    found = play(nodes, flows, tmp_path)["probes"]
    assert found.groupby("flow").size().eq(50).all()
    assert not found.lost.any() and not found.reordered.any()
    assert (found.rtt_us.median() < 1000) and (found.rtt_us > 0).all()
    stamp = found[found.protocol == "stamp"]
    assert ((stamp.owd_us + stamp.owd_back_us - stamp.rtt_us).abs() < 0.01).all()
    assert found.sent_s.between(0, 1.01).all()


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_the_test_packets(nodes, tmp_path):
    capture = nodes["west"].popen(
        ["tcpdump", "-U", "-i", "left", "-w", str(tmp_path / "cap"), "udp", "port", "862"],
        stderr=subprocess.PIPE,
    )
    try:
        assert b"listening" in capture.stderr.readline()
        measured = play(nodes, [probe("p", rate_hz=5)], tmp_path)["probes"]
        time.sleep(0.2)
    finally:
        capture.terminate()
        capture.communicate()
    fields = ["seq_number", "sender_seq_number", "sender_ttl", "error_estimate.multiplier"]
    command = ["tshark", "-r", str(tmp_path / "cap"), "-d", "udp.port==862,twamp.test", "-T", "fields"]
    for field in ["udp.srcport", *(f"twamp.test.{name}" for name in fields), "twamp.test.timestamp"]:
        command += ["-e", field]
    read = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    replies = [line.split("\t") for line in read if line.startswith("862\t")]
    # Two nodes between sender and reflector leave 253 of the hop limit of 255.
    assert [reply[:4] for reply in replies] == [["862", str(n), str(n), "253"] for n in range(len(measured))]
    assert len(read) == 2 * len(replies) == 10


def test_flows_keep_to_their_start_and_stop(nodes, tmp_path):
    found = play(nodes, [probe("p", start_s=0.4, stop_s=0.8)], tmp_path)["probes"]
    assert len(found) == 20
    assert found.sent_s.between(0.4, 0.82).all()


def test_a_node_that_drops_loses_the_probes_of_that_time_only(nodes, tmp_path):
    def outage(clock):
        clock.sleep_until(0.5)
        with dropping(nodes["relay"], nodes["west"]):
            clock.sleep_until(1.0)

    found = play(nodes, [probe("stamp"), probe("echo", "echo")], tmp_path, 2.0, outage)["probes"]
    for _, flow in found.groupby("flow"):
        lost = flow[flow.lost]
        assert len(lost) == pytest.approx(25, abs=5)
        assert lost.sent_s.between(0.45, 1.1).all()


def test_without_any_route_every_probe_is_lost_and_the_tables_are_there(nodes, tmp_path):
    with dropping(nodes["east"], nodes["west"], "unreachable"):
        flows = [
            probe("stamp"),
            probe("echo", "echo"),
            TraceFlow(name="t", kind="trace", source="east", target="west", every_s=0.5),
            UdpFlow(name="u", kind="udp", source="east", target="west", rate_mbps=1),
        ]
        found = play(nodes, flows, tmp_path)
        assert (
            found["probes"].groupby("flow").lost.agg(["size", "all"]).to_numpy().tolist() == [[50, True]] * 2
        )
        paths = found["paths"]
        assert (paths.hop.tolist(), paths.node.isna().all(), paths.reached.any()) == ([1, 1], True, False)
        stream = found["flows"]
        assert 100 <= stream.sent_packets.sum() == stream.lost_packets.sum()


FOUR_WAYS = [(protocol, family) for protocol in ("stamp", "echo") for family in (4, 6)]


def test_probes_that_run_in_a_circle_tell_where_they_ended(nodes, tmp_path):
    flows = [probe(f"{p}{f}", p, f, rate_hz=20) for p, f in FOUR_WAYS]
    with returning(nodes["far"], nodes["west"], "left"):
        found = play(nodes, flows, tmp_path)["probes"]
    assert found.lost.all() and (found.groupby("flow").size() == 20).all()
    # After 255 hops, an odd number, and after 64.
    expected = {"stamp4": ["relay"], "stamp6": ["relay"], "echo4": ["far"], "echo6": ["far"]}
    assert found.groupby("flow").expired_at.unique().map(list).to_dict() == expected


def test_of_answers_that_run_in_a_circle_the_reflector_is_told(nodes, tmp_path):
    flows = [probe(f"{p}{f}", p, f, rate_hz=20) for p, f in FOUR_WAYS]
    with returning(nodes["relay"], nodes["east"], "right"):
        found = play(nodes, flows, tmp_path)["probes"]
    assert found.lost.all()
    at = found.fillna({"expired_at": ""}).groupby("flow").expired_at.unique().map(list).to_dict()
    assert at == {"stamp4": ["far"], "stamp6": ["far"], "echo4": [""], "echo6": [""]}


def test_without_a_loop_nothing_expires(nodes, tmp_path):
    with dropping(nodes["far"], nodes["west"], "unreachable"):
        found = play(nodes, [probe("p"), probe("e", "echo")], tmp_path)["probes"]
    assert found.lost.all() and found.expired_at.isna().all()


def test_path_proof_names_every_node_in_order(nodes, tmp_path):
    flows = [
        TraceFlow(name=f"t{f}", kind="trace", source="east", target="west", every_s=0.25, family=f)
        for f in (4, 6)
    ]
    found = play(nodes, flows, tmp_path)["paths"]
    rounds = found.groupby(["flow", "sent_s"])
    assert len(rounds) == 8
    assert rounds.node.agg(list).map(lambda path: path == ["relay", "far", "west"]).all()
    assert rounds.hop.agg(list).map(lambda hops: hops == [1, 2, 3]).all()
    assert found.reached.all()


def test_path_proof_shows_how_far_packets_come_when_a_route_is_missing(nodes, tmp_path):
    flow = TraceFlow(name="t", kind="trace", source="east", target="west", every_s=0.25, max_ttl=5)
    for kind, seen in ("blackhole", ["relay"]), ("unreachable", ["relay", "far"]):  # silent, or not
        with dropping(nodes["far"], nodes["west"], kind):
            found = play(nodes, [flow], tmp_path)["paths"]
        assert not found.reached.any()
        # Linux tells of a missing route once a second (net.ipv4.route.error_cost): not every round sees it.
        assert found.groupby("sent_s").node.agg(list).iloc[0] == seen


def test_path_proof_follows_a_path_that_grows(nodes, tmp_path):
    """Rounds send as many hops as the last path had; a longer path is found out within the same round."""
    flow = TraceFlow(name="t", kind="trace", source="east", target="west", every_s=0.25)
    relay = nodes["relay"]
    # While east's packets to west are answered by relay itself, the path is one hop long.
    relay.run("ip", "addr", "add", f"{nodes['west'].ip}/32", "dev", "lo")

    def grow(clock):
        clock.sleep_until(0.75)  # rounds begin at 0.125, 0.375, ...
        relay.run("ip", "addr", "del", f"{nodes['west'].ip}/32", "dev", "lo")

    found = play(nodes, [flow], tmp_path, 1.5, grow)["paths"]
    assert found.reached.all()
    assert found.groupby("sent_s").hop.max().tolist() == [1, 1, 1, 3, 3, 3]


def test_stream_keeps_its_rate_and_counts_every_packet(nodes, tmp_path):
    flows = [
        UdpFlow(
            name=f"u{f}", kind="udp", source="east", target="west", rate_mbps=20, size_bytes=1250, family=f
        )
        for f in (4, 6)
    ]
    found = play(nodes, flows, tmp_path, until_s=2.5)["flows"]
    assert found.groupby("flow").start_s.agg(list).tolist() == [[0.0, 1.0, 2.0]] * 2
    assert found.groupby("flow").end_s.agg(list).tolist() == [[1.0, 2.0, 2.5]] * 2
    totals = found.groupby("flow")[["sent_packets", "received_packets", "lost_packets"]].sum()
    assert totals.sent_packets.between(4900, 5010).all()
    assert (totals.received_packets == totals.sent_packets).all() and (totals.lost_packets == 0).all()
    assert found.throughput_mbps.between(19, 21).all()


def test_stream_beyond_the_rate_of_a_link_loses_the_excess(nodes, tmp_path):
    nodes["relay"].run("tc", "qdisc", "add", "dev", "right", "root", "tbf", "rate", "5mbit", "burst", "5kb",
                       "limit", "20kb")  # fmt: skip
    try:
        flow = UdpFlow(name="u", kind="udp", source="east", target="west", rate_mbps=10, size_bytes=1222)
        found = play(nodes, [flow], tmp_path, until_s=3.0)["flows"]
    finally:
        nodes["relay"].run("tc", "qdisc", "del", "dev", "right", "root")
    sent, received, lost = found[["sent_packets", "received_packets", "lost_packets"]].sum()
    assert lost == sent - received > 0
    # In 3 s the link carries 15 Mbit, and what its buffers hold; less if this machine stalled the sender.
    carried_mbit = received * (1222 + 42) * 8e-6  # 42 bytes of headers
    assert 12 < carried_mbit < 15.3


def test_transfer_reports_both_ends_and_keeps_its_json(nodes, tmp_path):
    flow = TcpFlow(name="t", kind="tcp", source="east", target="west", rate_mbps=20, streams=2)
    found = play(nodes, [flow], tmp_path, until_s=3.0)["flows"]
    assert len(found) == 3
    assert found.throughput_mbps.mean() == pytest.approx(20, rel=0.15)
    assert (found.rtt_us > 0).all() and (found.retransmits >= 0).all()
    assert found.sent_packets.isna().all()
    assert {path.name for path in (tmp_path / "iperf3").iterdir()} == {"t.json", "t.server.json"}


def test_transfer_that_cannot_be_made_says_why_and_leaves_no_rows(nodes, tmp_path, caplog):
    flow = TcpFlow(name="t", kind="tcp", source="east", target="west", congestion="nonsense")
    found = play(nodes, [flow], tmp_path)["flows"]
    assert found.empty
    assert "flow t: the iperf3 client failed: unable to set TCP_CONGESTION" in caplog.text


def test_transfer_over_a_link_that_dies_ends_in_time_with_what_it_had(nodes, tmp_path):
    def outage(clock):
        clock.sleep_until(1.5)
        with dropping(nodes["far"], nodes["west"]):
            clock.sleep_until(6.0)

    flow = TcpFlow(name="t", kind="tcp", source="east", target="west", rate_mbps=5)
    tables = play(nodes, [flow], tmp_path, 3.0, outage)
    assert tables["ended_s"] < 3.0 + 8.0
    found = tables["flows"]
    assert found.received_bytes.iloc[0] > 0
    assert not processes(nodes)


def test_traffic_that_is_ended_early_writes_its_tables(nodes, tmp_path):
    flows = [
        probe("p"),
        UdpFlow(name="u", kind="udp", source="east", target="west", rate_mbps=1),
        TcpFlow(name="t", kind="tcp", source="east", target="west", rate_mbps=1),
    ]
    traffic = parts.traffic(flows, nodes, built(flows), 60.0, tmp_path)
    try:
        traffic.open()
        clock = FakeClock(0.5)
        traffic.begin(clock)
        clock.sleep_until(1.5)
        began = time.monotonic()
        traffic.end(1.5)
        assert time.monotonic() - began < 5.0
    finally:
        traffic.close()
    assert pd.read_parquet(tmp_path / "probes.parquet").sent_s.max() == pytest.approx(1.5, abs=0.3)
    found = pd.read_parquet(tmp_path / "flows.parquet")
    assert {"u", "t"} <= set(found.flow)
    assert not processes(nodes)


def processes(nodes):
    """The processes that still run in any of the nodes."""
    return [
        pid
        for node in nodes.values()
        for pid in node.run("ip", "netns", "pids", node.netns, here=True).split()
    ]


@contextlib.contextmanager
def dropping(node, target, kind="blackhole"):
    """While this holds, the node drops IPv4 packets to the target."""
    before = node.run("ip", "route", "show", target.ip).split()
    node.run("ip", "route", "replace", kind, target.ip)
    try:
        yield
    finally:
        node.run("ip", "route", "del", kind, target.ip)
        node.run("ip", "route", "replace", *before)


@contextlib.contextmanager
def returning(node, target, device):
    """While this holds, the node sends packets to the target the wrong way."""
    gateway = "fe80::1" if device == "right" else "fe80::2"
    routes = [("-4", f"{target.ip}/32", "via", "inet6"), ("-6", f"{target.ip6}/128", "via")]
    before = [node.run("ip", family, "route", "show", to).split() for family, to, *_ in routes]
    for family, to, *via in routes:
        node.run("ip", family, "route", "replace", to, *via, gateway, "dev", device)
    try:
        yield
    finally:
        for (family, *_), route in zip(routes, before, strict=True):
            node.run("ip", family, "route", "replace", *route)
