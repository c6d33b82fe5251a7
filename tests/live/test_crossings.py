"""Real packets over a row of nodes, in virtual time: probes, path proof, streams, transfers.

Links of 300, 200 and 100 us: a packet from east is at relay, far and west 300, 500 and 600 us later.
"""

import shutil
import subprocess

import pandas as pd
import pytest

from skybed.emulator.lanes import lanes
from support import needs
from support.lane import ZERO_NS, Programs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

RTT_US = 1200
PROGRAM = f"""
import json, sys
sys.path.insert(0, {str(ROOT / "tests")!r})
from support import row
print("answer", json.dumps(row.main(FOLDER)), flush=True)
"""


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    """crossed(play): its folder, and what it tells; with a table's name: (that table, what it tells)."""
    folder = tmp_path_factory.mktemp("row")
    program = Programs(folder, lanes.VirtualTime(ZERO_NS, seed=1))
    told = program(PROGRAM, before=f"FOLDER = {str(folder)!r}\n", timeout_s=300)

    def read(play, table=None):
        assert "error" not in told[play], told[play]["error"]
        found = folder / play
        return (found if table is None else pd.read_parquet(found / f"{table}.parquet")), told[play]

    return read


def test_probes_of_both_protocols_and_families_cross_three_links(crossed):
    found, _ = crossed("undisturbed", "probes")
    assert found.groupby("flow").size().to_dict() == {"stamp4": 50, "stamp6": 50, "echo4": 50, "echo6": 50}
    assert not found.lost.any() and not found.reordered.any()
    assert found.rtt_us.between(RTT_US, RTT_US + 10).all()
    stamp = found[found.protocol == "stamp"]
    assert ((stamp.owd_us + stamp.owd_back_us - stamp.rtt_us).abs() < 0.01).all()
    assert (stamp.owd_us - RTT_US / 2).abs().max() < 5
    # Each flow has a phase of its own within the 20 ms from one of its probes to the next.
    for place, (_, flow) in enumerate(found.groupby("flow", sort=False)):
        assert (flow.sent_s - (flow.seq * 0.02 + place * 0.005)).abs().max() < 1e-5


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_the_test_packets(crossed):
    folder, _ = crossed("captured")
    measured, _ = crossed("captured", "probes")
    fields = ["seq_number", "sender_seq_number", "sender_ttl", "error_estimate.multiplier"]
    command = ["tshark", "-r", str(folder / "cap"), "-d", "udp.port==862,twamp.test", "-T", "fields"]
    for field in ["udp.srcport", *(f"twamp.test.{name}" for name in fields), "twamp.test.timestamp"]:
        command += ["-e", field]
    read = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    replies = [line.split("\t") for line in read if line.startswith("862\t")]
    # Two nodes between sender and reflector leave 253 of the hop limit of 255.
    assert [reply[:4] for reply in replies] == [["862", str(n), str(n), "253"] for n in range(len(measured))]
    assert len(read) == 2 * len(replies) == 10


def test_flows_keep_to_their_start_and_stop(crossed):
    found, _ = crossed("a_while", "probes")
    assert len(found) == 20
    assert found.sent_s.between(0.4, 0.7801).all()


def test_a_node_that_drops_loses_the_probes_of_that_time_only(crossed):
    """Those that are at relay between 0.5 and 1 s."""
    found, _ = crossed("dropped_for_half_a_second", "probes")
    for _, flow in found.groupby("flow"):
        assert len(flow) == 100 and flow.lost.sum() == 25
        assert (flow.lost == flow.sent_s.between(0.5 - 0.0003, 1 - 0.0003)).all()


def test_without_any_route_every_probe_is_lost_and_the_tables_are_there(crossed):
    probes, _ = crossed("no_route", "probes")
    assert probes.groupby("flow").lost.agg(["size", "all"]).to_numpy().tolist() == [[50, True]] * 2
    paths, _ = crossed("no_route", "paths")
    assert (paths.hop.tolist(), paths.node.isna().all(), paths.reached.any()) == ([1, 1], True, False)
    stream, _ = crossed("no_route", "flows")
    assert stream.sent_packets.sum() == stream.lost_packets.sum() == 105  # one every 9.6 ms


def test_probes_that_run_in_a_circle_tell_where_they_ended(crossed):
    found, _ = crossed("probes_in_a_circle", "probes")
    assert found.lost.all() and (found.groupby("flow").size() == 20).all()
    # After 255 hops, an odd number, and after 64.
    expected = {"stamp4": ["relay"], "stamp6": ["relay"], "echo4": ["far"], "echo6": ["far"]}
    assert found.groupby("flow").expired_at.unique().map(list).to_dict() == expected


def test_of_answers_that_run_in_a_circle_the_reflector_is_told(crossed):
    found, _ = crossed("answers_in_a_circle", "probes")
    assert found.lost.all() and (found.groupby("flow").size() == 20).all()
    at = found.fillna({"expired_at": ""}).groupby("flow").expired_at.unique().map(list).to_dict()
    assert at == {"stamp4": ["far"], "stamp6": ["far"], "echo4": [""], "echo6": [""]}


def test_without_a_loop_nothing_expires(crossed):
    found, _ = crossed("unreachable_beyond_far", "probes")
    assert len(found) == 100 and found.lost.all() and found.expired_at.isna().all()


def test_path_proof_names_every_node_in_order(crossed):
    found, _ = crossed("traced", "paths")
    rounds = found.groupby(["flow", "sent_s"])
    assert len(rounds) == 8
    assert rounds.node.agg(list).map(lambda path: path == ["relay", "far", "west"]).all()
    assert rounds.hop.agg(list).map(lambda hops: hops == [1, 2, 3]).all()
    assert found.reached.all()


@pytest.mark.parametrize(
    "play, seen", [("traced_into_a_black_hole", ["relay"]), ("traced_to_an_end", ["relay", "far"])]
)
def test_path_proof_shows_how_far_packets_come_when_a_route_is_missing(crossed, play, seen):
    found, _ = crossed(play, "paths")
    assert not found.reached.any()
    # Linux tells of a missing route once a second (net.ipv4.route.error_cost): not every round sees it.
    assert found.groupby("sent_s").node.agg(list).iloc[0] == seen


def test_path_proof_follows_a_path_that_grows(crossed):
    """Rounds send as many hops as the last path had; a longer path is found out within the same round."""
    found, _ = crossed("a_path_that_grows", "paths")
    assert found.reached.all()
    assert found.groupby("sent_s").hop.max().tolist() == [1, 1, 1, 3, 3, 3]


def test_stream_keeps_its_rate_and_counts_every_packet(crossed):
    found, _ = crossed("streams", "flows")
    assert found.groupby("flow").start_s.agg(list).tolist() == [[0.0, 1.0, 2.0]] * 2
    assert found.groupby("flow").end_s.agg(list).tolist() == [[1.0, 2.0, 2.5]] * 2
    totals = found.groupby("flow")[["sent_packets", "received_packets", "lost_packets"]].sum()
    assert totals.sent_packets.between(4995, 5000).all()  # in 2.5 s, but for the last ms
    assert (totals.received_packets == totals.sent_packets).all() and (totals.lost_packets == 0).all()
    assert found.throughput_mbps.between(19.9, 20.1).all()


def test_bins_may_be_finer_and_the_sums_are_the_same(crossed):
    found, _ = crossed("fine_bins", "flows")
    stream, transfer = (found[found.flow == name] for name in "ut")
    assert stream.start_s.tolist() == pytest.approx([k / 10 for k in range(21)])
    assert stream.sent_packets.sum() == stream.received_packets.sum() == pytest.approx(2.05 / 0.0005, abs=2)
    assert stream.throughput_mbps[:20].between(19.4, 20.6).all()
    edges = [k / 4 for k in range(9)]
    assert transfer.start_s.tolist()[:9] == pytest.approx(edges, abs=1e-6)
    assert (transfer.end_s[:-1].to_numpy() == transfer.start_s[1:].to_numpy()).all()
    assert transfer.sent_bytes.sum() == transfer.received_bytes.sum()
    assert transfer.throughput_mbps.max() < 20 * 1.05


def test_stream_beyond_the_rate_of_a_link_loses_the_excess(crossed):
    found, _ = crossed("streams_beyond_the_rate_of_a_link", "flows")
    sent, received, lost = found[["sent_packets", "received_packets", "lost_packets"]].sum()
    assert sent == pytest.approx(3 * 10e6 / (8 * 1222), rel=0.002)
    assert lost == sent - received > 0
    # In 3 s the link carries 15 Mbit, and what its buffers hold.
    carried_mbit = received * (1222 + 42) * 8e-6  # 42 bytes of headers
    assert 15 < carried_mbit < 15.3


def test_transfer_reports_both_ends(crossed):
    found, _ = crossed("transfer", "flows")
    sending = found[found.start_s < 2.9]
    assert sending.start_s.tolist() == pytest.approx([0, 1, 2], abs=1e-6)
    assert sending.throughput_mbps.mean() == pytest.approx(20, rel=0.05)
    assert (sending.rtt_us >= RTT_US).all() and (sending.retransmits >= 0).all()
    assert found.sent_packets.isna().all()
    assert found.received_bytes.sum() == sending.sent_bytes.sum()


def test_transfer_by_a_congestion_control_that_is_not_there_is_refused(crossed):
    _, told = crossed("transfer_that_cannot_be")
    assert "Flow t: Linux" in told["refused"] and "has no congestion control nonsense" in told["refused"]
    assert "cubic" in told["refused"]


def test_transfer_waits_for_a_route_and_then_has_the_rest_of_its_time(crossed):
    """The route is there from 2 s on; it is asked for once a second."""
    found, _ = crossed("transfer_that_waits_for_a_route", "flows")
    assert found.start_s.iloc[0] == pytest.approx(0, abs=1e-6)
    before, after = found[found.end_s < 2], found[(found.start_s > 2.9) & found.sent_bytes.notna()]
    assert (before.sent_bytes == 0).all() and before.rtt_us.isna().all() and before.retransmits.isna().all()
    assert len(after) == 2 and after.throughput_mbps.between(19, 20.5).all()


def test_transfer_that_never_has_a_route_sends_nothing_in_all_its_time(crossed):
    found, _ = crossed("transfer_that_never_has_a_route", "flows")
    assert found.start_s.min() == pytest.approx(0, abs=1e-6) and found.end_s.max() == pytest.approx(3)
    assert (found.sent_bytes == 0).all() and (found.received_bytes == 0).all() and found.rtt_us.isna().all()


def test_transfer_over_a_link_that_dies_ends_in_time_with_what_it_had(crossed):
    found, told = crossed("transfer_over_a_link_that_dies", "flows")
    assert told["ended_s"] < 3.0 + 8.0
    assert found.received_bytes.iloc[0] == pytest.approx(5e6 / 8, rel=0.05)
    assert found.received_bytes[found.start_s > 1.9].sum() == 0


def test_traffic_that_is_ended_early_writes_its_tables(crossed):
    probes, told = crossed("ended_early", "probes")
    assert 1.5 <= told["ended_s"] < 1.5 + 5.0
    assert probes.sent_s.max() == pytest.approx(1.5, abs=0.021)
    flows, _ = crossed("ended_early", "flows")
    assert {"u", "t"} <= set(flows.flow)
