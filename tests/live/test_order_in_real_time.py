"""How long each kind of routing loses packets, in real time: the order that virtual time shows, too.

See support.reroute.
"""

from itertools import pairwise

import pytest

from skybed.analysis.measures import metrics
from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import busy, needs, reroute
from support.places import ROOT
from support.reroute import CARRIER_S, END_S, HANDOVER_S, SILENT_S

# Beside others most runs would be repeated.
pytestmark = [pytest.mark.live, pytest.mark.alone, needs.program("bird", "bird2")]

# Outages are told in tenths of a second: that is how true a run has to be.
BUSY = {"routing.bfd_interval_ms": 400}  # a busy machine may be late, or have no time for more
ATTEMPTS = 3  # a machine that is busy distorts a run, and the verdict says so: then it is run again
KINDS = ("oracle", "schedule", "ospf", "ospf+bfd")


@pytest.fixture(scope="module")
def lost_s(skybed, tmp_path_factory):
    """{kind: for how long probes were lost at the silence, the lost carrier and the handover}."""
    base = Scenario.load(ROOT / "scenarios" / "reroute-ospf.yaml")
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        (folder / "scenario.yaml").write_text(
            base.with_(reroute.CHANGES | busy.FIDELITY | BUSY | {"routing.protocol": kind}).dump()
        )
        for attempt in range(ATTEMPTS):
            out = folder / f"run-{attempt}"
            done = skybed("run", folder / "scenario.yaml", "--clock", "real", "--out", out)
            assert done.returncode in (0, 3), done.stdout + done.stderr
            if done.returncode == 0:
                break
        assert (out / "probes.parquet").is_file(), done.stderr
        outages = metrics.outages(load(out), "probe")
        length_s = (outages["end_s"] - outages["start_s"]).to_numpy()
        at_s = outages["start_s"].to_numpy()
        times = (SILENT_S, CARRIER_S, HANDOVER_S, END_S)
        found[kind] = [
            float(length_s[(at_s > since - 1) & (at_s < until - 1)].sum()) for since, until in pairwise(times)
        ]
    return found


def test_silence_costs_ospf_its_dead_interval_and_bfd_less_than_two_seconds_more_than_the_oracle(lost_s):
    oracle, schedule, ospf, bfd = (lost_s[kind][0] for kind in KINDS)
    assert 0.1 < oracle < bfd < oracle + 2
    assert 2.5 < ospf < 6 < schedule  # which does not know of it


def test_a_lost_carrier_is_seen_at_once(lost_s):
    oracle, schedule, ospf, bfd = (lost_s[kind][1] for kind in KINDS)
    assert all(0.05 < s < 1.5 for s in (oracle, ospf, bfd))
    assert schedule > 3.5


def test_a_planned_handover_costs_who_knows_it_nothing(lost_s):
    oracle, schedule, ospf, bfd = (lost_s[kind][2] for kind in KINDS)
    assert max(oracle, schedule) < 0.05 < min(ospf, bfd)
