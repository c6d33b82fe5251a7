"""Run time 0 waits for traffic: what it is to send from then on is sent, however long its opening takes."""

import needs
import pandas as pd
import pytest
from conftest import ROOT, ZERO_NS

from skybed.topologies.model.scenario import Scenario
from skybed.topologies.plan.plan import Plan

pytestmark = pytest.mark.live

PLAYED_S, RATE_HZ = 5, 10
ATTEMPTS = 3  # in real time, on a machine that is busy
SLOW = """
import contextlib, io, json, sys, time
from pathlib import Path
from skybed.scripts.running import inside
from skybed.traffic.session import Session

opening = Session.open
def slow(session):
    time.sleep(SLOW_S)
    opening(session)
Session.open = slow
said = io.StringIO()
with contextlib.redirect_stdout(said):
    code = inside.main([RUN, *ARGUMENTS])
print("answer", json.dumps(dict(code=code, said=said.getvalue())), flush=True)
"""


@pytest.fixture
def slow(tmp_path):
    """slow(lane, seconds) plays a sky whose traffic takes so long to open; (answer, probes by flow)."""
    scenario = Scenario.load(ROOT / "scenarios" / "pair.yaml").with_(duration_s=PLAYED_S, accept=[])
    Plan.make(scenario).save(tmp_path / "plan")

    def play(lane, seconds, *arguments):
        before = f"SLOW_S, RUN, ARGUMENTS = {seconds}, {str(tmp_path)!r}, {arguments!r}\n"
        told = lane(SLOW, before=before, timeout_s=200)
        if told["code"]:
            return told, None
        return told, pd.read_parquet(tmp_path / "probes.parquet").groupby("flow")

    return play


@needs.virtual_time
def test_in_virtual_time_traffic_has_a_minute_to_open(slow, in_virtual_time):
    _, probes = slow(in_virtual_time, 20, f"--zero-ns={ZERO_NS}")
    assert probes.size().to_dict() == {"down": PLAYED_S * RATE_HZ, "across": PLAYED_S * RATE_HZ}
    assert (probes.sent_s.min() < 1 / RATE_HZ).all()


@needs.virtual_time
def test_traffic_that_is_not_ready_at_run_time_0_ends_the_run_with_a_sentence(slow, in_virtual_time):
    told, _ = slow(in_virtual_time, 70, f"--zero-ns={ZERO_NS}")
    assert told["code"] == 1
    assert "Traffic was ready 1" in told["said"] and " s after run time 0, and what it was" in told["said"]
    assert "Traceback" not in told["said"]


def test_in_real_time_run_time_0_waits_for_traffic(slow, in_lane):
    for _ in range(ATTEMPTS):
        _, probes = slow(in_lane, 4)
        if (probes.size() == PLAYED_S * RATE_HZ).all():
            break
    assert probes.size().to_dict() == {"down": PLAYED_S * RATE_HZ, "across": PLAYED_S * RATE_HZ}
    assert (probes.sent_s.min() < 1 / RATE_HZ).all()
