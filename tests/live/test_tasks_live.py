"""Tasks over a sky that stands still, in virtual time: each of what they can meet once, held to arithmetic.

Geostationary satellites: eo observes; comp computes, one slot a node; dim does with a small battery; small
and gives have little room. Links among them stand all the time.
"""

import json

import pytest

from skybed.analysis.measures.ledger import limits
from skybed.analysis.run import load
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

SKY = """
name: still
epoch: 2026-05-09T00:00:00Z
duration_s: 600
delay_bound_us: 1000
links:
  beam: {rate_mbps: 80, max_range_km: 46000}
  lossy: {rate_mbps: 8, max_range_km: 46000, loss_pct: 5}
  down: {rate_mbps: 8, min_elevation_deg: 5}
layers:
  eo:
    geostationary: {longitudes_deg: [100, 103]}
    carries: {camera: {scene_mb: 1, capture_s: 0.5, watts: 36}, power: {panel_w: 0, battery_wh: 10}}
  comp:
    geostationary: {longitudes_deg: [106, 109]}
    carries: {computing: {mb_s: {detect: 0.05, other: 1}}}
  dim:
    geostationary: {longitudes_deg: [112]}
    carries:
      computing: {mb_s: 1, watts: 180}
      power: {panel_w: 60, battery_wh: 1, floor_pct: 50, resume_pct: 55}
  small: {geostationary: {longitudes_deg: [115]}, carries: {storage: 0.0025}}
  gives: {geostationary: {longitudes_deg: [118]}, carries: {storage: {gb: 0.0025, when_full: drop-oldest}}}
between:
  - link: lossy
    links: |
      a,b
      eo-1,comp-1
  - link: beam
    links: |
      a,b
      eo-0,eo-1
      eo-0,comp-0
      eo-0,comp-1
      eo-1,comp-0
      eo-0,dim-0
stations: [miyun]
access:
  - {from: [miyun], to: [eo, comp, dim], link: down, policy: all}
routing: {interval_s: 60}
faults:
  - {kind: carrier, node: comp-1, at_s: 420, for_s: 20, dead: true}
tasks:
  - {name: plain, by: eo-0, at_s: [10], to: miyun, steps: [{job: detect, at: comp-0, keep_pct: 10}]}
  - {name: queue, by: eo-0, at_s: [100, 101], to: miyun, steps: [{job: detect, at: comp-0, keep_pct: 1}]}
  - name: urgent
    by: eo-1
    at_s: [102]
    to: miyun
    priority: 9
    steps: [{job: detect, at: comp-0, keep_pct: 1}]
  - name: tiles
    by: eo-0
    at_s: [200]
    to: miyun
    steps: [{job: detect, at: comp, choose: least-loaded, tiles: 2, keep_pct: 1}]
  - {name: refused, by: small, at_s: [300, 301, 302], scene_mb: 1, to: miyun, over: contact}
  - {name: dropped, by: gives, at_s: [300, 301, 302], scene_mb: 1, to: miyun, over: contact}
  - {name: lost, by: eo-0, at_s: [410], to: miyun, steps: [{job: detect, at: comp-1}]}
  - {name: paused, by: eo-0, at_s: [500], to: miyun, steps: [{job: any, at: dim, seconds: 20, keep_pct: 1}]}
  - name: told
    by: eo-1
    at_s: [250]
    scene_mb: 0.01
    command: {from: miyun, kb: 1, via: miyun}
    to: miyun
  - name: own
    by: eo-0
    at_s: [350]
    to: miyun
    steps: [{job: other, at: comp, choose: "rules.py:last", keep_pct: 1}]
  - name: program
    by: eo-0
    at_s: [50]
    to: miyun
    steps:
      - {job: other, at: comp-0, seconds: 2, program: "sleep 5; wc -c < $INPUT; head -c 777 $INPUT > $OUTPUT"}
  - name: fails
    by: eo-0
    at_s: [70]
    to: miyun
    steps: [{job: other, at: comp-0, program: "echo no >&2; exit 3"}]
  - name: datagrams
    by: eo-0
    at_s: [450]
    to: miyun
    carrier: udp
    steps: [{job: other, at: comp-0, keep_pct: 1}]
  - name: repaired
    by: eo-1
    at_s: [450]
    to: miyun
    carrier: udp
    steps: [{job: other, at: comp-1, keep_pct: 1}]
  - name: swift
    by: eo-0
    at_s: [560]
    scene_mb: 10
    to: miyun
    carrier: udp
    steps: [{job: other, at: comp-0, keep_pct: 1}]
  - name: heavy
    by: eo-0
    at_s: [565]
    scene_mb: 10
    to: miyun
    steps: [{job: other, at: comp-0, keep_pct: 1}]
accept:
  - {task: plain, metric: response_max_s, max: 25}
"""
RULE = """
def last(choice):
    assert choice.delay_s.shape == choice.queue_s.shape
    return len(choice.nodes) - 1
"""
BEAM_S, DOWN_S, COMPUTE_S = 8 / 80, 8 / 8, 20.0  # of 1 MB over a link; of a job
LIGHT_DOWN_S = 0.119  # at least, from a geostationary orbit


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "still.yaml").write_text(SKY)
    (folder / "rules.py").write_text(RULE)
    for name in ("one", "two"):
        done = skybed("run", folder / "still.yaml", "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "one"), load(folder / "two")


@pytest.fixture(scope="module")
def run(runs):
    return runs[0]


def stages(run, task, number=0):
    """The rows of one time that it was asked for, by stage."""
    rows = run.table("tasks")
    return rows[(rows["flow"] == task) & (rows["number"] == number)].set_index("stage")


def test_runs_are_the_same_to_the_byte(runs):
    hashes = [json.loads((run.dir / "manifest.json").read_text())["tables_sha256"] for run in runs]
    assert hashes[0] == hashes[1]
    assert {"tasks", "transfers", "storage", "energy"} <= {*hashes[0]}


def test_a_response_is_made_up_of_its_stages(run):
    rows = stages(run, "plain")
    assert [*rows.index] == ["view", "observe", "transfer", "compute", "delivery", "arrive"]
    assert (rows["outcome"] == "done").all()
    length_s = rows["ended_s"] - rows["queued_s"]
    assert length_s["observe"] == pytest.approx(0.5, abs=1e-4)
    assert BEAM_S < length_s["transfer"] < 0.6  # and the start of TCP
    assert length_s["compute"] == pytest.approx(COMPUTE_S, abs=1e-4)
    assert LIGHT_DOWN_S + 0.1 * DOWN_S < length_s["delivery"] < 2
    assert [*rows["in_bytes"][["transfer", "compute", "delivery"]]] == [1_000_000, 1_000_000, 100_000]
    assert rows["queued_s"].iloc[1:].to_list() == rows["ended_s"].iloc[:-1].to_list()
    assert rows["wh"]["observe"] == pytest.approx(0.5 * 36 / 3600)


def test_a_job_of_higher_priority_goes_before_one_that_waits(run):
    first, second, urgent = (
        stages(run, *one).loc["compute"] for one in (("queue", 0), ("queue", 1), ("urgent", 0))
    )
    assert first["began_s"] == first["queued_s"]
    assert second["queued_s"] < urgent["queued_s"]
    assert urgent["began_s"] == pytest.approx(first["ended_s"], abs=1e-5)
    assert second["began_s"] == pytest.approx(urgent["ended_s"], abs=1e-5)


def test_tiles_are_computed_side_by_side(run):
    rows = stages(run, "tiles")
    computed = rows.loc["compute"]
    assert {*computed["node"]} == {"comp-0", "comp-1"} and {*computed["tile"]} == {0, 1}
    assert [*(computed["ended_s"] - computed["began_s"])] == pytest.approx([COMPUTE_S / 2] * 2, abs=1e-4)
    assert computed["in_bytes"].sum() == 1_000_000
    assert rows.loc["arrive", "in_bytes"] == computed["out_bytes"].sum()


def test_a_full_storage_refuses_or_drops(run):
    assert [stages(run, "refused", n)["outcome"].iloc[-1] for n in range(3)] == ["held", "held", "refused"]
    assert [stages(run, "dropped", n)["outcome"].iloc[-1] for n in range(3)] == ["dropped", "held", "held"]
    held = run.table("storage")
    assert held[held["node"].isin(["small-0", "gives-0"])]["held_bytes"].max() == 2_000_000


def test_a_dead_node_loses_what_it_held(run):
    row = stages(run, "lost").loc["compute"]
    assert row["outcome"] == "lost" and row["ended_s"] == pytest.approx(420, abs=1e-3)
    assert row["at_work_s"] == pytest.approx(row["ended_s"] - row["began_s"], abs=1e-3)


def test_a_computer_pauses_at_the_floor_of_its_battery(run):
    """1 Wh: 120 W more than the panels give take half of it in 15 s; a twentieth comes back in 3 s, and lasts
    for 1.5. So 20 s of work are 15, 1.5, 1.5, 1.5 and 0.5 s, with 3 s between.
    """
    row = stages(run, "paused").loc["compute"]
    assert row["at_work_s"] == pytest.approx(20, abs=1e-3)
    assert row["ended_s"] - row["began_s"] == pytest.approx(20 + 4 * 3, abs=1e-2)
    energy = run.table("energy")
    assert energy["battery_wh"].min() == pytest.approx(0.5, abs=1e-4)
    assert energy["paused"].any()


def test_a_command_comes_before_the_scene(run):
    rows = stages(run, "told")
    assert [*rows.index] == ["command", "view", "observe", "delivery", "arrive"]
    assert rows["ended_s"]["command"] - 250 > 3 * LIGHT_DOWN_S  # TCP shakes hands first


def test_a_rule_of_ones_own_chooses(run):
    assert stages(run, "own").loc["compute", "node"] == "comp-1"


def test_a_step_may_be_a_program_in_the_node(run):
    rows = stages(run, "program")
    assert 5 < rows["at_work_s"]["compute"] < 5.2
    assert rows["out_bytes"]["compute"] == rows["in_bytes"]["delivery"] == 777
    assert (run.dir / "programs" / "program-0-0-0" / "printed.txt").read_text() == "1000000\n"
    assert [*stages(run, "fails")["outcome"]] == ["done", "done", "done", "failed"]


def test_datagrams_go_at_the_planned_rate_and_what_is_lost_is_sent_again(run):
    """At 95 % of the rate; then a round trip tells that all, or what, has arrived."""
    direct, repaired = (stages(run, name)["at_work_s"]["transfer"] for name in ("datagrams", "repaired"))
    assert direct == pytest.approx(BEAM_S / 0.95 * 1458 / 1400 + 0.015, abs=0.01)
    parts = run.table("transfers")
    parts = parts[(parts["flow"] == "repaired") & (parts["peer"] == "comp-1")]
    assert [*parts["bytes"]] == [1_000_000]
    assert 20 < parts["retransmits"].sum() < 70  # 5 % of 715 and of these again
    assert repaired > DOWN_S / 0.95


@pytest.mark.parametrize("task, carrier", [("swift", "udp"), ("heavy", "tcp")])
def test_a_transfer_on_a_free_way_takes_what_the_plan_says(run, task, carrier):
    row = stages(run, task).loc["transfer"]
    ends = run.plan.node("eo-0"), run.plan.node("comp-0")
    planned_s = limits(run).arrives_s(*ends, "path", carrier, row["queued_s"], 10_000_000) - row["queued_s"]
    took_s = row["ended_s"] - row["queued_s"]
    assert planned_s <= took_s == pytest.approx(planned_s, rel=0.01)
