"""Runs of several windows: links come and go with them, and their ends show nowhere."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from skybed.emulator.lanes import lanes
from skybed.topologies.plan import lines
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

pytestmark = pytest.mark.live

QUICK = """
import json, socket, struct, time
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.topologies.plan import steps
from skybed.topologies.routing import windowed
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

SPEED = 40

class Quick(Clock):
    def now_s(self):
        return SPEED * super().now_s()

    def sleep_until(self, t_s):
        time.sleep(max(0.0, t_s - self.now_s()) / SPEED)

windowed.WINDOW_S, steps.CHUNK_S = 60.0, 20.0
plan = Plan.make(Scenario.load("sc-mini"), duration_s=until_s)
sky = Sky(plan)
logged = []
player = Player(sky, plan, logged.append)
player.open()
first = sorted(sky.sky_links)
player.close(player.play(Quick(), until_s))  # from here on the sky stands still

interfaces = set()
for node in sky.sky_nodes:
    with node.namespace.entered():
        interfaces |= {(node.name, name) for _, name in socket.if_nameindex() if name != "lo"}
unanswered = []
for i, link in sky.sky_links.items():
    if sky.stands(i):
        a, b = (intf.node for intf in link.intfs)
        with a.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sender:
            sender.settimeout(3.0)
            sender.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, 1), (b.ip, 0))
            try:
                sender.recv(1500)
            except TimeoutError:
                unanswered.append(plan.links[i].name)
events = [len(played.events) for played in logged]
told = {"first": first, "interfaces": sorted(interfaces), "unanswered": unanswered, "events": events}
print("answer", json.dumps(told), flush=True)
"""


def test_links_are_made_before_their_contacts_and_dropped_after_them(in_lane):
    """Windows of a minute: at 600 s there are the links of the last two, with both ends, and they carry."""
    until_s = 600.0
    told = in_lane(QUICK, before=f"until_s = {until_s}\n")
    plan = Plan.make(Scenario.load(ROOT / "scenarios" / "sc-mini.yaml"), duration_s=until_s)
    contacts = plan.contacts

    def used(begin_s, end_s):
        return set(contacts.link[(contacts.start_s < end_s) & (contacts.end_s > begin_s)])

    def interfaces(links):
        ends = [(plan.nodes[plan.links[n].a].name, plan.nodes[plan.links[n].b].name) for n in links]
        return {pair for end in ends for pair in (end, end[::-1])}

    assert set(told["first"]) == used(0, 60)
    there = {tuple(pair) for pair in told["interfaces"]}
    assert interfaces(used(540, 600)) <= there <= interfaces(used(480, 600))
    assert len(used(0, 600) - used(480, 600)) > 5 and len(used(540, 600) - used(0, 60)) > 5
    assert told["unanswered"] == []
    assert sum(told["events"]) == len(plan.events.whole()) and len(told["events"]) == 10


WINDOW_S = 60.0
INSIDE = f"""
import sys
from skybed.scripts.running import inside
from skybed.topologies.routing import windowed

windowed.WINDOW_S = {WINDOW_S}
sys.exit(inside.main(sys.argv[1:]))
"""


@pytest.fixture
def short_windows(monkeypatch):
    """Windows of WINDOW_S, outside the lane and within."""
    usual = lanes.running

    def running(lane, command, *more):
        python, _, _, *arguments = command  # -m skybed.scripts.running.inside
        return usual(lane, [python, "-c", INSIDE, *arguments], *more)

    monkeypatch.setattr(windowed, "WINDOW_S", WINDOW_S)
    monkeypatch.setattr(lines, "SPAN_S", WINDOW_S / 3)
    monkeypatch.setattr(lanes, "running", running)


@needs.virtual_time
def test_the_end_of_a_window_is_seen_by_nobody(skybed, short_windows, tmp_path):
    """Three windows: nothing is late or missing, and no probe is lost for it."""
    loaded = Scenario.load(ROOT / "scenarios" / "ring12.yaml")
    probe = {"kind": "probe", "name": "probe", "from": "mohe", "to": "sanya", "rate_hz": 10}
    changes = {"duration_s": 2.5 * WINDOW_S, "traffic": [probe], "accept": []}
    path, out = tmp_path / "long.yaml", tmp_path / "run"
    path.write_text(Scenario.model_validate(loaded.model_dump(by_alias=True) | changes).dump())
    done = skybed("run", path, "--clock", "virtual", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads((out / "verdict.json").read_text())
    assert verdict["flows"][0]["sent"] == 25 * WINDOW_S and verdict["flows"][0]["unexpected_lost"] == 0
    assert verdict["events"]["missing"] == verdict["events"]["skipped"] == 0
    assert verdict["events"]["late_max_us"] < 50 and verdict["routes"]["late_max_us"] < 50
    for name in ("events", "applied", "routes"):
        assert pq.ParquetFile(out / f"{name}.parquet").num_row_groups == 3
    events, applied = (pd.read_parquet(out / f"{name}.parquet") for name in ("events", "applied"))
    pd.testing.assert_frame_equal(events, applied[events.columns])
    assert (applied.t_s > 2 * WINDOW_S).any() and applied.applied_s.notna().all()
