"""Routing by copies of the contact plan, some stale, in a real kernel: probes are lost as the plan says."""

import json

import pytest
import yaml

from skybed.analysis.measures import metrics, paths, truth
from skybed.analysis.run import load
from skybed.topologies.model.flows import STAMP_HOPS
from skybed.topologies.plan.plan import Plan
from support import needs
from support.places import ROOT

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
]

# From when to when each stale copy costs the probed path its packets.
OUTAGE_S, HANDOVER_S = (10, 25), (96.8, 101.8)
CIRCLE_S = (41, 95.2)  # what is in it when it ends, at 96.7 s, is saved


@pytest.fixture(scope="module")
def out(skybed, tmp_path_factory):
    """reroute-schedule with a planned outage that both ends of the link have not heard of, a plane that takes
    satellites to be 500 km ahead, so that answers run in a circle, and a station with them 45 km behind.
    """
    folder = tmp_path_factory.mktemp("runs")
    scenario = yaml.safe_load((ROOT / "scenarios" / "reroute-schedule.yaml").read_text())
    ends = ["relay-1-1", "relay-2-1"]
    when = {"at_s": 10, "for_s": 10, "reacquire_s": 5, "planned": True, "announced_s": 0}
    scenario["faults"] = [{"kind": "carrier", "link": ends, **when}]
    scenario["routing"]["copies"] = [
        {"nodes": [f"relay-2-{slot}" for slot in range(10)], "along_track_km": 500, "issued_s": -3600},
        {"nodes": ["relay-1-1"], "issued_s": -3600},
        {"nodes": ["kashi"], "along_track_km": -45},
    ]
    (folder / "stale.yaml").write_text(yaml.safe_dump(scenario))
    done = skybed("run", folder / "stale.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "run"


def test_the_plan_knows_which_packets_are_lost(out):
    probes = truth.probes(load(out))
    assert (probes["lost"] != probes["expected_lost"]).sum() <= 2  # in the circle when routes change
    found = metrics.outages(load(out), "probe")[["start_s", "end_s"]].to_numpy().tolist()
    assert found == [pytest.approx(when, abs=0.3) for when in (OUTAGE_S, CIRCLE_S, HANDOVER_S)]


def test_answers_run_in_a_circle_until_their_hops_are_used_up(out):
    plan = Plan.load(out / "plan")
    _, path_id, found = plan.trace("sanya", "kashi", [60.0], STAMP_HOPS)
    path = found[path_id[0]]
    assert len(path) == STAMP_HOPS + 1 and len(set(path)) < 10
    probes = load(out).probes
    during = probes[(probes["sent_s"] > CIRCLE_S[0] + 0.1) & (probes["sent_s"] < CIRCLE_S[1] - 5)]
    assert during["lost"].all()
    assert set(during["expired_at"].dropna()) <= {plan.nodes[n].name for n in path[-2:]}


def test_round_trips_and_paths_are_those_of_the_plan(out):
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["status"] == "pass"
    assert verdict["rtt_error"]["n"] > 4000 and verdict["rtt_error"]["p99_us"] < 100
    proofs = paths.check_proofs(load(out)).set_index("sent_s")
    assert proofs.loc[: CIRCLE_S[0] - 1, "agrees"].all()  # of proofs too the answers are lost in the circle
