"""Steps that need several others, and products of other tasks, in virtual time: the example of the docs."""

import json
import re
import shutil

import pandas as pd
import pytest

from skybed.analysis.run import load
from skybed.analysis.verdict import judging
from skybed.topologies.tasks.responses import on_the_way
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

SKY = """
name: graph
epoch: 2026-05-09T00:00:00Z
duration_s: 60
layers:
  eo:
    geostationary: {longitudes_deg: [100, 103]}
    carries: {camera: {scene_mb: 1, capture_s: 0.5}, storage: 0.0025}
  comp:
    geostationary: {longitudes_deg: [106, 109]}
    carries: {computing: {mb_s: 0.5, slots: 2}}
links:
  beam: {rate_mbps: 80, max_range_km: 46000}
  down: {rate_mbps: 8, min_elevation_deg: 5}
between:
  - link: beam
    links: |
      a,b
      eo-0,comp-0
      eo-1,comp-0
      eo-1,comp-1
      comp-0,comp-1
stations: [miyun]
access:
  - {from: [miyun], to: [eo, comp], link: down, policy: all}
"""
DOCS = (ROOT / "docs" / "scenario.md").read_text().split("#### What steps need")[1]
TASKS = (
    re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[1]
    + """
  - {name: fused, by: eo-0, at_s: [30], to: miyun, carrier: udp, steps: [{needs: [before, change, scene]}]}
  - {name: in-vain, by: eo-0, at_s: [36], to: miyun, steps: [{at: miyun, needs: [fails]}]}
  - name: fails
    by: eo-0
    at_s: [37]
    to: miyun
    steps: [{job: bad, at: comp-0, seconds: 1, program: exit 1}]
  - {name: early, by: eo-1, at_s: [40], scene_mb: 0.1, to: miyun, steps: [{needs: [scene, late]}]}
  - {name: late, by: eo-1, at_s: [45], scene_mb: 0.1, to: miyun}
  - name: full
    by: eo-1
    at_s: [35]
    scene_mb: 1.5
    to: miyun
    steps: [{name: a, needs: scene, at: comp-0}, {name: b, needs: scene, at: comp-1}]
"""
)


@pytest.fixture(scope="module")
def runs(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    (folder / "s.yaml").write_text(SKY + TASKS)
    for name in ("a", "b"):
        done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / name)
        assert done.returncode == 0, done.stdout + done.stderr
    return [load(folder / name) for name in ("a", "b")]


@pytest.fixture
def run(runs):
    return runs[0]


def stages(run, task):
    rows = run.table("tasks")
    return rows[rows["flow"] == task]


def test_they_repeat_to_the_byte(runs):
    one, two = (json.loads((run.dir / "manifest.json").read_text())["tables_sha256"] for run in runs)
    assert one == two


def test_a_step_begins_when_all_that_it_needs_is_there(run):
    rows = stages(run, "change")
    computed = rows[rows["stage"] == "compute"].set_index("step")
    for step, size, seconds in ((0, 1_000_000, 2), (1, 1_000_000, 2), (2, 210_000, 0.42), (3, 305_000, 3)):
        assert computed["in_bytes"][step] == size
        assert computed["ended_s"][step] - computed["began_s"][step] == pytest.approx(seconds, abs=1e-4)
    assert computed["began_s"][1] < computed["ended_s"][0]  # side by side
    assert computed["queued_s"][2] >= computed["ended_s"][[0, 1]].max()
    assert (rows["stage"] == "copy").sum() == 1  # two steps take the scene
    assert rows[rows["stage"] == "arrive"]["in_bytes"].item() == 3050


def test_what_led_to_the_end_of_a_graph_makes_up_its_response(run):
    rows = stages(run, "change")
    way = on_the_way(rows).sort_values("place")
    assert [*zip(way["stage"], way["step"], strict=True)][-5:] == [
        ("compute", 2), ("await", 3), ("delivery", 3), ("compute", 3), ("arrive", 4),
    ]  # fmt: skip
    length_s = (way["ended_s"] - way["queued_s"]).sum()
    assert length_s == pytest.approx(rows["ended_s"].max() - rows["queued_s"].min())


def test_a_task_waits_for_the_product_of_another(run):
    waits = stages(run, "early").set_index("stage").loc["await"]
    there_s = stages(run, "late")["ended_s"].max()
    assert waits["ended_s"] == pytest.approx(there_s, abs=1e-5) and waits["queued_s"] < 41
    assert stages(run, "early")["in_bytes"].iloc[-1] == 200_000
    assert stages(run, "fused")["in_bytes"].iloc[-1] == 1_000_000 + 200_000 + 3050


def test_what_cannot_be_had_ends_who_needs_it(run):
    assert stages(run, "fails")["outcome"].iloc[-1] == "failed"
    assert stages(run, "in-vain").set_index("stage")["outcome"]["await"] == "failed"
    assert stages(run, "full").set_index("stage")["outcome"]["copy"] == "refused"


def test_the_run_passes_and_its_books_are_even(run):
    judged = judging.judge(run)
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.tasks.storage_off_bytes == 0
    assert all(books.slack_least_s is None or books.slack_least_s >= 0 for books in judged.tasks.books)


@pytest.mark.parametrize(
    "where, column, by, says",
    [
        ("stage == 'await' and flow == 'early'", "ended_s", -1, "when late had not arrived"),
        ("stage == 'copy' and flow == 'change'", "in_bytes", -1, "where 1000000 had come to it"),
        ("stage == 'compute' and step == 2", "queued_s", -0.1, "where what came before it ended at"),
    ],
)
def test_what_does_not_follow_makes_a_run_invalid(run, tmp_path, where, column, by, says):
    shutil.copytree(run.dir, tmp_path / "run")
    file = tmp_path / "run" / "tasks.parquet"
    rows = pd.read_parquet(file)
    rows.loc[rows.query(where).index, column] += by
    rows.to_parquet(file)
    judged = judging.judge(load(tmp_path / "run"))
    assert judged.status == "invalid" and any(says in reason for reason in judged.reasons)
