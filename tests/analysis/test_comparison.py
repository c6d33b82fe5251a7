"""Figures of two runs side by side, worked out by hand from tiny_sky."""

import numpy as np
from pytest import approx

from skybed.analysis.compare import comparison
from support.tiny_sky import PROBE, ways_ms

UDP = {"kind": "udp", "name": "u1", "from": "Miyun", "to": "Sanya", "rate_mbps": 4}


def test_the_figures_that_a_flow_has(builder):
    made = builder(traffic=[PROBE, UDP, PROBE | {"name": "none"}])
    made.flow_rows("u1", "udp", 4.0)
    probes = made.tables["probes"]
    made.tables["probes"] = probes[probes["flow"] == "p1"]
    found = comparison.figures(made.load())
    assert list(found) == ["p1", "u1"]
    assert found["u1"] == {"loss_pct": 1.0, "throughput_mbps": 4.0}
    assert list(found["p1"]) == ["rtt_p50_ms", "rtt_p99_ms", "loss_pct", "outages", "outage_s"]
    assert (found["p1"]["outages"], found["p1"]["outage_s"]) == (1, approx(2.0))


def test_two_runs_side_by_side(builder, tmp_path):
    a = builder().load()
    other = builder(traffic=[PROBE, UDP])
    other.dir = tmp_path / "other"
    other.flow_rows("u1", "udp", 4.0)
    other.tables["probes"]["rtt_us"] += 1500.0
    table = comparison.compare(a, other.load()).set_index(["flow", "figure"])
    assert table["difference"]["p1"].to_dict() == approx(
        {"rtt_p50_ms": 1.5, "rtt_p99_ms": 1.5, "loss_pct": 0, "outages": 0, "outage_s": 0}, abs=1e-9
    )
    assert np.isnan(table["a"]["u1", "throughput_mbps"]) and table["b"]["u1", "throughput_mbps"] == 4.0
    assert table["unit"]["u1", "throughput_mbps"] == "Mbit/s"


def test_a_run_is_identical_with_itself(builder):
    run = builder(traffic=[PROBE, UDP])
    run.flow_rows("u1", "udp", 4.0)
    table = comparison.compare(run.load(), run.load())
    assert set(table["outcome"]) == {"identical"} and (table["difference"] == 0).all()
    p50_ms = np.median(np.add(*ways_ms())) + 0.04
    assert f"p1 RTT p50: identical, {p50_ms:.4g} ms." in table["says"].tolist()


def test_what_is_beyond_the_noise_and_what_cannot_be_told(builder, tmp_path):
    """The same probes, each 1.5 ms slower: that is no chance. One more that is lost is."""
    a, other = builder().load(), builder(traffic=[PROBE, UDP])
    other.dir = tmp_path / "other"
    other.flow_rows("u1", "udp", 4.0)
    probes = other.tables["probes"]
    probes["rtt_us"] += 1500.0
    probes.loc[7, ["rtt_us", "lost"]] = np.nan, True
    table = comparison.compare(a, other.load()).set_index(["flow", "figure"])
    row = table.loc["p1", "rtt_p50_ms"]
    assert (row["low"], row["high"]) == approx((1.5, 1.5), abs=0.05) and row["outcome"] == "beyond noise"
    assert 0.7 < row["cliffs_delta"] <= 1 and row["says"].endswith(" (large).")
    loss = table.loc["p1", "loss_pct"]
    assert loss["low"] <= 0 < loss["difference"] <= loss["high"] and loss["outcome"] == "within noise"
    assert table.loc["p1", "outage_s"]["outcome"] == "unknown"
    assert table.loc["u1", "throughput_mbps"]["says"] == "u1 throughput: A has none."
