"""Rules that see queues, batteries and ways as they change, in virtual time over a sky that stands still."""

import re

import pytest

from skybed.analysis.run import load
from skybed.analysis.verdict import judging
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

SKY = """
name: rules
epoch: 2026-05-09T00:00:00Z
duration_s: 200
layers:
  eo: {geostationary: {longitudes_deg: [100, 97]}, carries: {camera: {scene_mb: 0.1}}}
  dim:
    geostationary: {longitudes_deg: [103]}
    carries:
      computing: {mb_s: 0.005, watts: 180}
      power: {panel_w: 60, battery_wh: 1, start_pct: 55, floor_pct: 50, resume_pct: 55}
  bright: {geostationary: {longitudes_deg: [106]}, carries: {computing: {mb_s: 0.005, watts: 180}}}
links:
  beam: {rate_mbps: 80, max_range_km: 46000}
  one: {rate_mbps: [[0, 0], [30, 4], [33, 0], [100, 4], [120, 0]], min_elevation_deg: 5}
  two: {rate_mbps: [[0, 0], [40, 4], [60, 0]], min_elevation_deg: 5}
between:
  - link: beam
    links: |
      a,b
      eo-0,dim-0
      eo-0,bright-0
      dim-0,bright-0
stations: [miyun, kashi, {name: centre, lat_deg: 40, lon_deg: 116, antenna: false}]
fibre: [{a: centre, b: miyun}, {a: centre, b: kashi}]
access:
  - {from: [miyun], to: eo, link: one, policy: all}
  - {from: [kashi], to: eo, link: two, policy: all}
tasks:
  - {name: nearest, by: eo-0, at_s: [1], to: centre,
     steps: [{job: any, at: [dim, bright], choose: least-loaded}]}
  - {name: soonest, by: eo-0, at_s: [70, 70.5, 71], to: centre,
     steps: [{job: any, at: [dim, bright], choose: soonest}]}
  - {name: large, by: eo-1, at_s: [5], scene_mb: 2, to: centre,
     steps: [{at: [miyun, kashi], choose: first, over: contact}]}
  - {name: small, by: eo-1, at_s: [6], scene_mb: 0.5, to: centre,
     steps: [{at: [miyun, kashi], choose: first, over: contact}]}
  - {name: late, by: eo-1, at_s: [150], to: centre,
     steps: [{at: [miyun, kashi], choose: first, over: contact}]}
"""


@pytest.fixture(scope="module")
def run(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    (folder / "s.yaml").write_text(SKY)
    done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


def stages(run, task, stage):
    rows = run.table("tasks")
    return rows[(rows["flow"] == task) & (rows["stage"] == stage)]


def test_who_is_least_loaded_may_lack_power(run):
    """5 % of 1 Wh last for 1.5 s at 120 W more than the panels give, and take 3 s to come back; before it
    begins the battery has filled for a second, so the first part is 2 s.
    """
    computed = stages(run, "nearest", "compute").iloc[0]
    assert computed["node"] == "dim-0"
    assert computed["ended_s"] - computed["began_s"] == pytest.approx(20 + 12 * 3, abs=0.1)


def test_the_soonest_has_queue_and_power(run):
    """A job of 20 s: the first at once where there is power; the second is done there after 40 s, and
    would be after 56 s or so where there is none; the third would be after 60 s.
    """
    computed = stages(run, "soonest", "compute").sort_values("number")
    assert computed["node"].to_list() == ["bright-0", "bright-0", "dim-0"]
    assert computed["ended_s"].max() < 71 + 60


def test_what_has_not_been_sent_goes_where_the_next_way_opens(run):
    """Miyun comes first, for three seconds, in which the large scene does not come down; then Kashi."""
    assert stages(run, "large", "delivery")["peer"].item() == "miyun"
    small = stages(run, "small", "delivery")
    assert (small["peer"].item(), small["outcome"].item()) == ("kashi", "done")
    assert 40 < small["began_s"].item() < small["ended_s"].item() < 45


def test_what_nobody_can_take_any_more_is_bound_to_nobody(run):
    rows = run.table("tasks")
    late = rows[rows["flow"] == "late"].iloc[-1]
    assert (late["stage"], late["outcome"]) == ("reach", "held")
    assert late["no_way_s"] == pytest.approx(50, abs=1e-3)


def test_the_run_passes(run):
    judged = judging.judge(run)
    assert (judged.status, judged.reasons) == ("pass", [])


@pytest.mark.parametrize(
    "function, says",
    [
        ("loops", r"own\.py, line [345], loops: it was still at work after 20,000,000 steps\."),
        ("breaks", r"own\.py, line 9, breaks: KeyError: 'none'\."),
    ],
)
def test_a_rule_that_cannot_be_used_ends_the_run_with_a_sentence(skybed, tmp_path, function, says):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "s.yaml").write_text(SKY.split("tasks:")[0] + ASKS.replace("FUNCTION", function))
    done = skybed("run", tmp_path / "s.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 2
    assert re.search(f"skybed: A task's rule cannot be used: {says}$", done.stderr.strip())


OWN = """\
def loops(choice):
    n = 0
    while True:
        n += 1
        n -= 1


def breaks(choice):
    return {}["none"]
"""
ASKS = """tasks:
  - {name: fire, by: eo-0, at_s: [5], to: centre, steps: [{at: [miyun, kashi], choose: "own.py:FUNCTION"}]}
"""
