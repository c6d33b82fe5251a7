"""Run time 0 waits for traffic: what it is to send from then on is sent, however long its opening takes."""

from pathlib import Path

import pandas as pd
import pytest

from skybed.scripts.running import messages
from skybed.scripts.running.run import hand_over
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support import needs

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]

PLAYED_S, RATE_HZ = 5, 10
ATTEMPTS = 3  # in real time, on a machine that is busy
SLOW = """
import json, time
from skybed.scripts.running import inside
from skybed.traffic.crossings import Crossings

opening = Crossings.open
def slow(crossings):
    time.sleep(SLOW_S)
    opening(crossings)
Crossings.open = slow
print("answer", json.dumps(inside.main([RUN, *ARGUMENTS])), flush=True)
"""


@pytest.fixture
def slow(tmp_path):
    """slow(lane, seconds) plays a sky whose traffic takes so long to open: (last message, probes by flow)."""
    scenario = Scenario.load(ROOT / "scenarios" / "pair.yaml").with_(duration_s=PLAYED_S, accept=[])
    hand_over(Plan.make(scenario), tmp_path)

    def play(lane, seconds, *arguments):
        before = f"SLOW_S, RUN, ARGUMENTS = {seconds}, {str(tmp_path)!r}, {arguments!r}\n"
        code = lane(SLOW, before=before, timeout_s=200)
        last = messages.decoded(lane.said[-1])
        if code:
            return last, None
        return last, pd.read_parquet(tmp_path / "probes.parquet").groupby("flow")

    return play


@needs.virtual_time
def test_in_virtual_time_traffic_has_a_minute_to_open(slow, in_virtual_time):
    last, probes = slow(in_virtual_time, 20, f"--zero-ns={in_virtual_time.zero_ns}")
    assert last.facts["finished"]
    assert probes.size().to_dict() == {"down": PLAYED_S * RATE_HZ, "across": PLAYED_S * RATE_HZ}
    assert (probes.sent_s.min() < 1 / RATE_HZ).all()


@needs.virtual_time
def test_traffic_that_is_not_ready_at_run_time_0_ends_the_run_with_a_sentence(slow, in_virtual_time):
    last, _ = slow(in_virtual_time, 70, f"--zero-ns={in_virtual_time.zero_ns}")
    assert last.why.startswith("The run was ready 1") and " s after run time 0, " in last.why


def test_in_real_time_run_time_0_waits_for_traffic(slow, in_real_time):
    for _ in range(ATTEMPTS):
        _, probes = slow(in_real_time, 4)
        if (probes.size() == PLAYED_S * RATE_HZ).all():
            break
    assert probes.size().to_dict() == {"down": PLAYED_S * RATE_HZ, "across": PLAYED_S * RATE_HZ}
    assert (probes.sent_s.min() < 1 / RATE_HZ).all()
