"""Runs in real time that are held to milliseconds: the demonstration, and how long each kind of routing loses
packets (support.reroute), in the order that virtual time shows, too.

Root's lane goes before the machine's other work. All such runs are in this file, one after another, as they
would disturb each other; it comes first, when beside it there is one lane in virtual time at most.
"""

import json
import os
import re
from itertools import pairwise

import pandas as pd
import pytest

from skybed.analysis.measures import metrics
from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import busy, needs, reroute
from support.places import ROOT
from support.reroute import CARRIER_S, DOWN_FOR_S, HANDOVER_S, SILENT_S

PREFERRED = os.geteuid() == 0
pytestmark = [pytest.mark.live, *([] if PREFERRED else [pytest.mark.alone])]

ATTEMPTS = 3  # a machine that is busy distorts a run, and the verdict says so: then it is run again


@pytest.fixture(scope="module")
def demo(typed, tmp_path_factory):
    """The demonstration, run until the verdict calls it undistorted: (finished process, run directory)."""
    for attempt in range(ATTEMPTS):
        out = tmp_path_factory.mktemp("demo") / "run"
        limits = [f"--set={at}={value}" for at, value in busy.FIDELITY.items()]
        done = typed("run", "scenarios/sc-mini.yaml", *limits, "--out", out)
        if done.returncode != 3 or attempt == ATTEMPTS - 1:
            return done, out
    raise AssertionError("unreachable")


def test_the_demo_passes(demo):
    done, out = demo
    assert done.returncode in ((0,) if PREFERRED else (0, 3)), done.stdout + done.stderr
    assert done.stdout.startswith("PASS" if done.returncode == 0 else "INVALID")
    for name in ("events", "applied", "routes", "probes", "paths", "flows"):
        assert len(pd.read_parquet(out / f"{name}.parquet")) > 0, name
    assert json.loads((out / "manifest.json").read_text())["finished"]


def test_the_demo_measures_the_geometry(demo):
    verdict = json.loads((demo[1] / "verdict.json").read_text())
    assert verdict["rtt_error"]["n"] > 5000
    assert verdict["rtt_error"]["p50_us"] < busy.FIDELITY["fidelity.rtt_error_p50_us"]
    assert verdict["rtt_error"]["p99_us"] < busy.FIDELITY["fidelity.rtt_error_p99_us"]
    assert verdict["delay"]["within"]
    assert verdict["proofs"]["agreeing"] == verdict["proofs"]["n"] > 100


def test_planned_handovers_lose_no_probe(demo):
    """At 100 probes a second, through the access handovers that the plan holds."""
    applied = pd.read_parquet(demo[1] / "applied.parquet")
    assert (applied["kind"] == "down").sum() >= 2
    verdict = json.loads((demo[1] / "verdict.json").read_text())
    lost = {flow["flow"]: flow["loss_pct"] for flow in verdict["flows"] if flow["kind"] == "probe"}
    assert lost == {"command": 0, "command-2": 0, "stations": 0}


def test_report_judges_a_run_again(demo, typed):
    done = typed("report", demo[1], "--json")
    assert json.loads(done.stdout) == json.loads((demo[1] / "verdict.json").read_text())
    assert done.returncode == demo[0].returncode
    page = (demo[1] / "report.html").read_text()
    assert "sc-mini" in page and not re.search(r'(src|href)="https?:', page)


# Outages are told in tenths of a second: that is how true a run has to be.
UNTIL_S = HANDOVER_S + 4
BUSY = {"routing.bfd_interval_ms": 400}  # a busy machine may be late, or have no time for more
CHANGES = reroute.CHANGES | {"duration_s": UNTIL_S} | busy.FIDELITY | BUSY
KINDS = ("oracle", "schedule", "ospf", "ospf+bfd")


@pytest.fixture(scope="module")
def lost_s(skybed, tmp_path_factory):
    """{kind: for how long probes were lost at the silence, the lost carrier and the handover}."""
    base = Scenario.load(ROOT / "scenarios" / "reroute-ospf.yaml")
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        (folder / "scenario.yaml").write_text(base.with_(CHANGES | {"routing.protocol": kind}).dump())
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
        times = (SILENT_S, CARRIER_S, HANDOVER_S, UNTIL_S + 1)
        found[kind] = [
            float(length_s[(at_s > since - 1) & (at_s < until - 1)].sum()) for since, until in pairwise(times)
        ]
    return found


@needs.program("bird", "bird2")
def test_silence_costs_ospf_its_dead_interval_and_bfd_less_than_two_seconds_more_than_the_oracle(lost_s):
    oracle, schedule, ospf, bfd = (lost_s[kind][0] for kind in KINDS)
    assert 0.1 < oracle < bfd < oracle + 2
    assert 2.5 < ospf < 6 < schedule  # which does not know of it


@needs.program("bird", "bird2")
def test_a_lost_carrier_is_seen_at_once(lost_s):
    oracle, schedule, ospf, bfd = (lost_s[kind][1] for kind in KINDS)
    assert all(0.05 < s < 1.5 for s in (oracle, ospf, bfd))
    assert schedule > DOWN_FOR_S - 0.5


@needs.program("bird", "bird2")
def test_a_planned_handover_costs_who_knows_it_nothing(lost_s):
    oracle, schedule, ospf, bfd = (lost_s[kind][2] for kind in KINDS)
    assert max(oracle, schedule) < 0.05 < min(ospf, bfd)
