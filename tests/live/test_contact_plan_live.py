"""A contact plan of ION's, played: packets take the light times that it gives, each way, and its rates."""

import pytest

from skybed.analysis.run import load
from skybed.analysis.verdict.judging import judge
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

SKY = """\
name: given
epoch: 2026-05-09T00:00:00Z
duration_s: 30
layers:
  deep: {geostationary: {longitudes_deg: [110]}}
stations: [miyun, beijing]
between:
  - link: ka-isl
    nodes: {1: miyun, 2: deep-0, 3: beijing}
    links: |
      a contact +0 +20 1 2 125000
      a contact +5 +20 2 1 1250000
      a contact +10 +30 1 3 1250000
      a contact +10 +30 3 1 1250000
      a range +0 +30 1 2 1
      a range +0 +30 2 1 2
      a range +0 +30 1 3 0
traffic:
  - {kind: probe, name: far, from: miyun, to: deep-0, rate_hz: 10, size_bytes: 64}
  - {kind: probe, name: near, from: miyun, to: beijing, rate_hz: 10, start_s: 10.05}
"""


def test_packets_take_the_light_times_of_a_plan(skybed, tmp_path):
    (tmp_path / "given.yaml").write_text(SKY)
    done = skybed("run", tmp_path / "given.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    run = load(tmp_path / "run")
    assert judge(run).status == "pass"
    far, near = (run.probes[run.probes["flow"] == name].set_index("sent_s") for name in ("far", "near"))
    # Routes end with the contact; the answer of what is sent by 3.9 s has no way back yet.
    there_and_back = far.loc[5.01:16.9, "rtt_us"]
    assert there_and_back.notna().all() and len(there_and_back) > 100
    assert there_and_back.to_numpy() == pytest.approx(3_000_000, abs=2_000)  # 106 bytes at 1 Mbit/s: 848 us
    assert far.loc[5.01:16.9, "owd_us"].to_numpy() == pytest.approx(1_000_000, abs=2_000)
    assert far.loc[:3.9, "rtt_us"].isna().all()
    assert near["rtt_us"].median() < 500
