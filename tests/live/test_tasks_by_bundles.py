"""Tasks whose data goes as bundles, in virtual time, in a sky without a way from end to end: a relay sees who
observes, and the ground, by turns.
"""

import json
import re
import shutil

import pandas as pd
import pytest

from skybed.analysis.measures import ledger
from skybed.analysis.run import load
from skybed.analysis.verdict import judging
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

SKY = """
name: by-turns
epoch: 2026-05-09T00:00:00Z
duration_s: 330
layers:
  eo:
    geostationary: {longitudes_deg: [100]}
    carries: {camera: {scene_mb: 1}, power: {panel_w: 0, battery_wh: 10, transmit_w: 10}}
  relay:
    geostationary: {longitudes_deg: [110]}
    carries: {storage: 0.0035, computing: {mb_s: 1}, power: {panel_w: 0, battery_wh: 10, transmit_w: 20}}
links:
  early: {rate_mbps: [[0, 2], [30, 0], [90, 2], [120, 0], [250, 2], [270, 0]], max_range_km: 46000}
  late: {rate_mbps: [[0, 0], [60, 2], [63, 0], [150, 2], [180, 0], [300, 2]], min_elevation_deg: 5}
between:
  - {link: early, links: "a,b\\neo-0,relay-0"}
stations: [miyun]
access:
  - {from: [miyun], to: relay, link: late, policy: all}
faults:
  - {kind: carrier, node: relay-0, at_s: 280, for_s: 5, dead: true}
tasks:
  - {name: raw, by: eo, at_s: [5, 40], to: miyun, carrier: bundles}
  - name: product
    by: eo
    at_s: [10]
    to: miyun
    carrier: bundles
    steps: [{job: detect, at: relay, keep_pct: 10}]
  - {name: told, by: eo, at_s: [31], scene_mb: 0.1, command: {from: miyun}, to: miyun, carrier: bundles}
  - {name: lost, by: eo, at_s: [245], to: miyun, carrier: bundles}
  - {name: direct, by: eo, at_s: [246], to: miyun, carrier: bundles, over: contact}
  - {name: by-tcp, by: eo, at_s: [5], to: miyun}
"""


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("by-bundles")
    (folder / "s.yaml").write_text(SKY)
    for name in ("a", "b"):
        done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in ("a", "b")]


@pytest.fixture
def run(runs):
    return runs[0]


def of_task(run, table, task, number=0):
    rows = run.table(table)
    return rows[(rows["flow"] == task) & (rows["number"] == number)]


def test_they_repeat_to_the_byte(runs):
    one, two = (json.loads((run.dir / "manifest.json").read_text())["tables_sha256"] for run in runs)
    assert one == two and {"tasks", "transfers", "storage", "energy"} <= {*one}


def test_a_scene_arrives_without_a_way_from_end_to_end(run):
    assert not len(ledger.prospect(run).path.key)
    assert of_task(run, "tasks", "by-tcp")["outcome"].iloc[-1] == "held"
    (way,) = of_task(run, "tasks", "raw").query("stage == 'delivery'").itertuples()
    hops = of_task(run, "transfers", "raw")
    assert [*zip(hops["node"], hops["peer"], strict=True)] == [
        ("eo-0", "relay-0"),
        *[("relay-0", "miyun")] * 2,
    ]
    assert hops["ended_s"].iloc[1] == pytest.approx(63, abs=1e-3)  # the contact ends within it
    assert 1_000_000 <= hops["bytes"].iloc[1:].sum() < 1_100_000
    assert way.began_s == hops["began_s"].iloc[0] and way.ended_s == hops["ended_s"].iloc[2] > 150
    assert way.at_work_s == pytest.approx((hops["ended_s"] - hops["began_s"]).sum())
    in_relay_s = (60 - hops["ended_s"].iloc[0]) + (150 - 63)  # without a contact
    assert way.no_way_s == pytest.approx(in_relay_s, abs=1e-4)
    watts = hops["node"].map({"eo-0": 10, "relay-0": 20})
    assert way.wh == pytest.approx(((hops["ended_s"] - hops["began_s"]) * watts).sum() / 3600)


def test_a_product_is_made_on_the_way(run):
    rows = of_task(run, "tasks", "product").set_index("stage")
    assert [*rows.index] == ["view", "observe", "transfer", "compute", "delivery", "arrive"]
    assert rows["in_bytes"]["delivery"] == 100_000 and rows["ended_s"]["delivery"] > 150


def test_a_command_waits_for_each_contact(run):
    rows = of_task(run, "tasks", "told").set_index("stage")
    assert 90 < rows["ended_s"]["command"] < 91  # up in 60 to 63 s, then from 90 s on
    assert rows["outcome"]["delivery"] == "done"


def test_a_dead_node_loses_what_it_carries(run):
    (way,) = of_task(run, "tasks", "lost").query("stage == 'delivery'").itertuples()
    assert (way.outcome, way.ended_s) == ("lost", pytest.approx(280, abs=1e-3))


def test_over_a_contact_goes_by_none_other(run):
    assert of_task(run, "tasks", "direct")["outcome"].iloc[-1] == "held"
    assert of_task(run, "transfers", "direct").empty


def test_nodes_between_hold_what_they_carry(run):
    held = run.table("storage")
    relay = held[held["node"] == "relay-0"].set_index("t_s")["held_bytes"]
    assert relay.max() <= 3_500_000
    assert relay[relay.index <= 60].iloc[-1] == 1_100_000  # a scene, and a product of another
    assert relay[relay.index <= 299].iloc[-1] == 0  # it was dead


def test_the_run_passes_and_its_books_are_even(run):
    judged = judging.judge(run)
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.tasks.storage_off_bytes == 0 and judged.tasks.battery_off_wh < 1e-3
    assert all(books.slack_least_s is None or books.slack_least_s >= 0 for books in judged.tasks.books)


@pytest.mark.parametrize(
    "table, where, column, by, says",
    [
        ("transfers", "peer == 'relay-0'", "arrived_s", -1.0, "faster than it can carry"),
        ("transfers", "peer == 'miyun'", "began_s", -100.0, "while there was no contact"),
        ("transfers", "peer == 'miyun'", "bytes", -500_000, "not all of it came to miyun by a contact"),
        ("tasks", "stage == 'delivery' and outcome == 'done'", "ended_s", -100.0, "the best way takes until"),
        ("storage", "node == 'relay-0' and t_s > 15 and t_s < 60", "held_bytes", 1_200_000, "relay-0 held"),
        ("storage", "node == 'relay-0' and t_s > 94 and t_s < 100", "held_bytes", -(10**6), "relay-0 held"),
    ],
)
def test_what_cannot_be_makes_a_run_invalid(run, tmp_path, table, where, column, by, says):
    shutil.copytree(run.dir, tmp_path / "run")
    file = tmp_path / "run" / f"{table}.parquet"
    rows = pd.read_parquet(file)
    chosen = rows.query(where).index
    assert len(chosen)
    rows.loc[chosen, column] += by
    rows.to_parquet(file)
    judged = judging.judge(load(tmp_path / "run"))
    assert judged.status == "invalid" and any(says in reason for reason in judged.reasons)


def test_the_example_of_the_docs(skybed, tmp_path):
    examples = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "bundles.md").read_text(), re.DOTALL)
    (example,) = [text for text in examples if text.startswith("name: carried")]
    (tmp_path / "s.yaml").write_text(example)
    done = skybed("run", tmp_path / "s.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    hops = load(tmp_path / "run").table("transfers")
    assert hops["ended_s"].iloc[0] == pytest.approx(9.4, abs=0.1)
    assert hops["bytes"].iloc[1] == pytest.approx(400_000, abs=20_000)
