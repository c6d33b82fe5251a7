"""The ready experiments of the space cloud, cut short, and what a rule that withholds is for."""

import numpy as np
import pytest

from skybed.topologies.model import kinds
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

LIGHT_KM_S = 299_792.458
TWO_LINES = """
name: lines
epoch: 2026-05-09T00:00:00Z
duration_s: 300
delay_bound_us: 1000
links:
  down: {rate_mbps: 80, min_elevation_deg: 5}
  slow: {rate_mbps: 0.8}
  slower: {rate_mbps: 0.7}
layers:
  eo: {geostationary: {longitudes_deg: [100]}}
stations: [miyun, kashi, {name: centre, lat_deg: 40, lon_deg: 116, antenna: false}]
access: [{from: [miyun, kashi], to: eo, link: down, policy: all}]
fibre: [{a: centre, b: miyun, link: slow}, {a: centre, b: kashi, link: slower}]
tasks:
  - name: greedy
    by: eo
    at_s: [10, 11, 12]
    scene_mb: 1
    steps: [{at: [miyun, kashi], choose: earliest, over: contact}]
    to: centre
  - name: withheld
    by: eo
    at_s: [100, 101, 102]
    scene_mb: 1
    steps: [{at: [miyun, kashi], choose: withhold, over: contact}]
    to: centre
"""


def delivered(run, name):
    rows = run.table("tasks")
    return rows[(rows["flow"] == name) & (rows["stage"] == "delivery")]


def measured(run, name):
    task = next(task for task in run.plan.scenario.tasks if task.name == name)
    return kinds.of(task).measure(run, task)


@pytest.fixture(scope="module")
def lines(virtual_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "lines.yaml"
    path.write_text(TWO_LINES)
    return virtual_run(path)


def test_who_withholds_leaves_a_line_that_is_taken_to_those_before(lines):
    """A megabyte takes 10 s over one line, and 11.4 s over the other."""
    assert [*delivered(lines, "greedy")["peer"]] == ["miyun"] * 3
    assert [*delivered(lines, "withheld")["peer"]] == ["miyun", "kashi", "miyun"]
    last_s = {
        name: lines.table("tasks").query("flow == @name and stage == 'arrive'")["ended_s"].max()
        for name in ("greedy", "withheld")
    }
    assert last_s["greedy"] - 10 > 3 * 10 > 2 * 10 + 4 > last_s["withheld"] - 100 > 2 * 10


@pytest.fixture(scope="module")
def retasking(virtual_run):
    return virtual_run("retasking", "--duration", 7200)


def test_a_command_takes_what_light_takes(retasking):
    """Light goes three times from end to end until it has arrived: TCP shakes hands. By a geostationary
    relay each takes 240 ms at least, and 285 at most; by low ones 7 to 107.
    """
    rows = retasking.table("tasks").query("stage == 'command' and outcome == 'done'")
    one_way_s = (rows["ended_s"] - rows["queued_s"]) / 3
    by_geo, by_leo = (one_way_s[rows["flow"] == name] for name in ("by-geo", "by-leo"))
    assert len(by_geo) > 1 and len(by_leo) > 1
    assert by_geo.between(2 * 35_786 / LIGHT_KM_S, 0.285).all()
    assert by_leo.between(0.007, 0.107).all()


def test_a_command_that_goes_over_fibre_to_a_station_crosses_to_space_once(retasking):
    rows = retasking.table("tasks").query("flow == 'by-passes' and stage == 'command'")
    up = rows[rows["peer"] == "passes-0-0"]
    assert len(rows) > len(up[up["outcome"] == "done"])
    metrics = measured(retasking, "by-passes")
    down = delivered(retasking, "by-passes").query("outcome == 'done'")
    crossed = up.query("outcome == 'done'")["in_bytes"].sum() + down["in_bytes"].sum()
    assert metrics["space_ground_mb"] == pytest.approx(crossed / 1e6)


def test_what_has_not_arrived_is_not_saved(retasking):
    for name in ("by-passes", "by-geo", "by-leo"):
        saved_pct = measured(retasking, name)["saved_pct"]
        assert np.isnan(saved_pct) or saved_pct == pytest.approx(0)
