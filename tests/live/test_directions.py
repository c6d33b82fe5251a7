"""Links that are not the same in both directions, in virtual time: rates, losses and queues, up and down."""

import numpy as np
import pytest

from skybed.analysis.run import load
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

UP_MBPS, DOWN_MBPS, LOSS_PCT = 0.5, 4.0, 20.0
CHANGES = {
    "links": {
        "two-ways": {
            "rate_mbps": DOWN_MBPS,
            "queue_packets": 100, "min_elevation_deg": 10,
            "up": {"rate_mbps": UP_MBPS, "loss_pct": LOSS_PCT, "queue_packets": 20},
        }
    },
    "rate_scale": 1,
    "access[0].link": "two-ways",
    "traffic": [
        {"kind": "probe", "name": "ping", "from": "sanya", "to": "eo-0-0", "rate_hz": 100},
        {"kind": "udp", "name": "down", "from": "eo-0-0", "to": "sanya", "rate_mbps": 6, "stop_s": 10},
        {"kind": "udp", "name": "up", "from": "sanya", "to": "eo-0-0", "rate_mbps": 1, "start_s": 15,
         "stop_s": 25},
    ],
    "accept": [],
}  # fmt: skip

pytestmark = [pytest.mark.live, needs.virtual_time]


@pytest.fixture(scope="module")
def run(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("directions")
    scenario = Scenario.load("pair").with_(CHANGES)
    (folder / "two.yaml").write_text(scenario.dump())
    done = skybed("run", folder / "two.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


def test_each_direction_carries_its_rate(run):
    rows = run.flows.set_index("flow")
    down, up = (rows.loc[name].iloc[2:9]["received_bytes"].mean() * 8e-6 for name in ("down", "up"))
    payload = 1472 / 1514  # at most; of a packet on the wire
    assert 0.95 * DOWN_MBPS * payload < down < DOWN_MBPS
    # Up is full of what comes, of both flows: what netem loses, it loses before the queue.
    probes = run.probes.query("flow == 'ping' and 17 <= sent_s < 24")
    probes_mbps = probes["owd_us"].notna().sum() * 8 * 106e-6 / 7
    assert up * 1242 / 1200 + probes_mbps == pytest.approx(UP_MBPS, rel=0.01)


def test_probes_up_are_lost_and_their_answers_are_not(run):
    """Alone on the link in its last seconds, a probe takes its time on the wire at each direction's rate."""
    alone = run.probes[(run.probes["flow"] == "ping") & (run.probes["sent_s"] > 26)]
    assert alone["lost"].mean() * 100 == pytest.approx(LOSS_PCT, abs=6)
    came = alone[~alone["lost"]]
    wire_us = [8 * 106 / UP_MBPS, 8 * 106 / DOWN_MBPS]
    light_us = float(run.plan.delay_s(run.plan.network.link_between[0, run.plan.node("sanya")], 28.0)) * 1e6
    assert came["owd_us"].median() == pytest.approx(light_us + wire_us[0], abs=30)
    assert came["owd_back_us"].median() == pytest.approx(light_us + wire_us[1], abs=30)


def test_the_plan_keeps_them_apart_and_is_stored_with_them(tmp_path):
    plan = Plan.make(Scenario.load(ROOT / "scenarios" / "pair.yaml").with_(CHANGES))
    plan.save(tmp_path)
    for one in (plan, Plan.load(tmp_path)):
        link = one.links[0]
        assert link.turned and link.capable(0).rate_mbps == DOWN_MBPS  # what the satellite sends comes down
        assert link.capable(1)[:3] == (UP_MBPS, LOSS_PCT, 20)
    assert Scenario.load(tmp_path / "scenario.yaml") == plan.scenario


def test_a_hand_holds_one_direction_only(skybed, tmp_path):
    """Up has its 20 % again when what was held is released."""
    script = tmp_path / "hand.py"
    script.write_text(
        "def main(sky):\n"
        "    link = sky.link('sanya', 'eo-0-0')\n"
        "    sky.wait(2)\n    link.set(loss_pct=0, one_way=True)\n    sky.wait(10)\n    link.release()\n"
    )
    quiet = CHANGES | {"traffic": CHANGES["traffic"][:1]}
    (tmp_path / "two.yaml").write_text(Scenario.load("pair").with_(quiet).dump())
    done = skybed(
        "run", tmp_path / "two.yaml", "--clock", "virtual", "--script", script, "--out", tmp_path / "run"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = load(tmp_path / "run")
    held = run.probes["sent_s"].between(2.1, 11.9)
    assert not run.probes["lost"][held].any()
    assert 100 * run.probes["lost"][run.probes["sent_s"] > 12.1].mean() == pytest.approx(LOSS_PCT, abs=4)
    assert run.table("changed")["property"].unique().tolist() == [Property.LOSS.name.lower()]
    assert np.isnan(run.table("changed")["value"].iloc[-1])
