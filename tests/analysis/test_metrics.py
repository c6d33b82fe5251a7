"""Metrics against values worked out by hand from tiny_sky."""

import numpy as np
import pytest
from pytest import approx

from skybed.analysis.measures import metrics, paths
from skybed.topologies.errors import RunError
from support.tiny_sky import S1_MIYUN, S1_SANYA, one_way_s, ways_ms

UDP = {"kind": "udp", "name": "u1", "from": "Miyun", "to": "Sanya", "rate_mbps": 4}
TCP = {"kind": "tcp", "name": "c1", "from": "Miyun", "to": "Sanya"}


def of(run, flow):
    return metrics.flow_metrics(run).set_index("flow").loc[flow]


def test_two_seconds_without_a_path_are_one_outage(builder):
    gaps = metrics.outages(builder().load(), "p1")
    assert gaps.to_numpy() == approx(np.array([[30.0, 32.0]]))


def test_a_single_loss_is_no_outage_and_the_last_outage_ends_with_the_flow(builder):
    made = builder()
    made.tables["probes"].loc[[100, 597, 598, 599], "lost"] = True
    gaps = metrics.outages(made.load(), "p1")
    assert gaps.to_numpy() == approx(np.array([[30.0, 32.0], [59.7, 59.9]]))


def test_probe_metrics(builder):
    row = of(builder().load(), "p1")
    assert (row["sent"], row["lost"], row["outages"]) == (600, 20, 1)
    assert row["loss_pct"] == approx(100 * 20 / 600)  # RFC 7680
    assert row["outage_s"] == row["outage_max_s"] == approx(2.0)
    there_ms, back_ms = ways_ms()
    assert row["rtt_min_ms"] == approx((there_ms + back_ms).min() + 0.04, abs=1e-5)  # RFC 2681
    assert row["rtt_min_ms"] == approx(29.2, abs=0.5)
    assert row["owd_p99_ms"] == approx(np.quantile(there_ms, 0.99) + 0.02, abs=1e-5)  # RFC 7679
    assert row["pdv_p99_ms"] == approx(np.quantile(there_ms, 0.99) - there_ms.min(), abs=1e-5)  # RFC 5481
    assert np.isnan(row["throughput_mbps"])


def test_reordered_share_is_of_the_received_packets(builder):
    made = builder()
    made.tables["probes"].loc[[5, 6], "reordered"] = True
    assert of(made.load(), "p1")["reordered_pct"] == approx(100 * 2 / 580)  # RFC 4737


def test_udp_and_tcp_metrics(builder):
    made = builder(traffic=[UDP, TCP])
    made.flow_rows("u1", "udp", 4.0)
    made.flow_rows("c1", "tcp", 8.0)
    run = made.load()
    assert of(run, "u1")[["sent", "lost", "loss_pct", "throughput_mbps"]].tolist() == [25_000, 250, 1.0, 4.0]
    assert of(run, "c1")[["throughput_mbps", "retransmits", "rtt_p50_ms"]].tolist() == [8.0, 0, 20.0]
    assert np.isnan(of(run, "c1")["loss_pct"])
    assert metrics.throughput(run, "u1").iloc[-1].tolist() == [59.0, 60.0, 4.0]


def test_stretch_is_of_the_great_circle_and_handovers_are_of_the_stations(builder):
    """Miyun and Sanya are 2,567 km apart, which light goes in 8.563 ms; both change to s2 at 32 s."""
    row = of(builder().load(), "p1")
    assert row["stretch_p50"] == approx(row["rtt_p50_ms"] / (2 * 8.563), rel=1e-4)
    assert row["handovers"] == 2
    short = builder(duration_s=20)
    short.manifest["played_s"] = 20
    assert of(short.load(), "p1")["handovers"] == 0


def test_unknown_flow(builder):
    with pytest.raises(RunError) as caught:
        metrics.outages(builder().load(), "p9")
    assert str(caught.value) == ("the run has no measurements of a probe flow p9; name another flow.")


def test_proven_path_intervals(builder):
    found = paths.paths(builder().load(), "t1")
    assert found.to_numpy().tolist() == [
        [0.0, 30.0, "Miyun > s1 > Sanya"], [30.0, 32.0, ""], [32.0, 59.0, "Miyun > s2 > Sanya"]
    ]  # fmt: skip


def test_planned_path_edges_are_exact_to_a_millisecond(builder):
    run = builder().load()
    found = paths.planned_paths(run, "p1")
    assert found["path"].tolist() == ["Miyun > s1 > Sanya", "", "Miyun > s2 > Sanya"]
    last_s = 30 - one_way_s(run.plan, 29.98, S1_MIYUN, S1_SANYA)  # what is sent later does not arrive by then
    assert found["end_s"].tolist() == approx([last_s, 32.0, 60.0], abs=1e-3) and last_s < 29.985


def test_a_change_of_satellite_is_a_handover_across_a_gap(builder):
    run = builder().load()
    assert paths.handovers(run, paths.paths(run, "t1")) == 1


def test_a_wrong_path_does_not_agree_and_a_silent_hop_does(builder):
    made = builder()
    table = made.tables["paths"]
    table.loc[(table["sent_s"] == 10) & (table["hop"] == 1), "node"] = "s2"
    table.loc[(table["sent_s"] == 11) & (table["hop"] == 1), "node"] = None
    checked = paths.check_proofs(made.load())
    assert checked.loc[~checked["agrees"], "sent_s"].tolist() == [10.0]
