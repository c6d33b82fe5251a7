"""The ready flight, half a minute about a handover of the aircraft, in virtual time."""

import json

import numpy as np
import pandas as pd
import pytest

from skybed.analysis.run import load
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]


def test_no_packet_is_lost_when_an_aircraft_changes_its_satellite(skybed, tmp_path):
    when = ("--start", "2026-05-09T05:38:45Z", "--duration", 30)
    done = skybed("run", "flight", *when, "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert verdict["status"] == "pass"
    assert verdict["rtt_error"]["p99_us"] < 20
    run = load(tmp_path / "run")
    cabin = run.plan.node("cabin")
    of_cabin = [n for n, link in enumerate(run.plan.links) if cabin in (link.a, link.b)]
    starts_s = run.plan.contacts.loc[run.plan.contacts["link"].isin(of_cabin), "start_s"]
    assert np.count_nonzero(starts_s > 0) == 1
    probes = pd.read_parquet(tmp_path / "run" / "probes.parquet")
    assert len(probes) >= 2 * 590 and not probes["lost"].any()
