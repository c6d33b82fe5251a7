"""Figures of two runs side by side, worked out by hand from tiny_sky."""

import numpy as np
from pytest import approx
from tiny_sky import PROBE

from analysis import comparison

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
