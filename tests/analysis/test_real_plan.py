"""The same with real orbits: a run made from a plan, saved and loaded again."""

import pathlib
import re

import numpy as np
import pytest
from tiny_sky import PROBE, TINY, TRACE, Builder

from analysis import delays, metrics, paths, report, truth, verdict
from topologies.plan import Plan
from topologies.scenario import Scenario

SHELL = dict(planes=5, per_plane=10, inclination_deg=86.5, altitude_km=1160, pattern="star", phasing=1)
SKY = TINY | {
    "duration_s": 180.0,
    "layers": {"relay": {"role": "relay", "walker": SHELL, "isl": {"pattern": "grid", "seam": False}}},
    "access": [{"from": "ground", "to": "relay", "link": "ka-down", "min_elevation_deg": 10}],
    "traffic": [PROBE, TRACE],
    "faults": [{"kind": "silent", "node": "Sanya", "at_s": 60, "for_s": 3}],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    plan = Plan.make(Scenario.model_validate(SKY))
    return Builder(tmp_path_factory.mktemp("real") / "run", plan).load()


def test_a_faithful_run_passes(run):
    judged = verdict.judge(run)
    assert (judged.status, judged["reasons"]) == ("pass", [])
    assert judged["rtt_error"]["max_us"] == pytest.approx(40.0, abs=0.1)
    assert judged["proofs"]["agreeing"] == judged["proofs"]["n"] == 180


def test_the_plan_keeps_its_bound_on_every_link(run):
    looks = delays.compare(run)
    assert set(looks["link"]) == {link.name for link in run.plan.links}
    assert np.all(looks["error_us"].abs() <= looks["allowed_us"] + 0.1)


def test_the_true_delay_is_the_sum_of_the_links_of_the_path(run):
    first = truth.probes(run).iloc[0]
    names = first["path"].split(" > ")
    links = truth.link_numbers(run.plan, tuple(run.plan.index[name] for name in names))
    light_us = 1e6 * run.plan.delay_s(np.array(links), 0.0).sum()
    wire_us = sum(106 * 8 / run.plan.links[link].link_class.rate_mbps for link in links)
    assert first["true_owd_us"] == pytest.approx(light_us + wire_us, abs=1.0)  # links move while it flies


def test_encapsulated_probes_take_longer_on_the_wire(tmp_path):
    """By an IPv6 header and a segment for each link of the path; and they are judged like others."""
    sky = SKY | {"duration_s": 20.0, "faults": [], "routing": {"protocol": "srv6"}}
    plan = Plan.make(Scenario.model_validate(sky))
    made = Builder(tmp_path / "run", plan)
    paths_seen = made.tables["paths"]
    made.tables["paths"] = paths_seen[paths_seen["reached"]].assign(hop=1)  # TTLs pass through
    run = made.load()
    first = truth.probes(run).iloc[0]
    nodes = tuple(plan.index[name] for name in first["path"].split(" > "))
    links = truth.link_numbers(plan, nodes)
    light_us = 1e6 * plan.delay_s(np.array(links), 0.0).sum()
    size = 106 + 40 + 8 + 16 * len(links)
    wire_us = sum(size * 8 / plan.links[link].link_class.rate_mbps for link in links)
    assert len(links) >= 2
    assert first["true_owd_us"] == pytest.approx(light_us + wire_us, abs=0.1)
    judged = verdict.judge(run)
    assert judged.status == "pass" and judged["rtt_error"]["n"] == 200
    assert judged["proofs"] == {"n": 20, "agreeing": 20} and judged["notes"] == []


def test_a_silenced_station_is_an_expected_outage(run):
    gap = metrics.outages(run, "p1")
    assert gap.to_numpy().tolist() == [pytest.approx([60.0, 63.0], abs=0.2)]
    probes = truth.probes(run)
    assert (probes["lost"] == probes["expected_lost"]).all()


def test_proven_paths_follow_the_planned_ones(run):
    proven, planned = paths.paths(run, "t1"), paths.planned_paths(run, "t1")
    assert proven["path"].tolist() == planned["path"].tolist()
    assert np.all(proven["start_s"] - planned["start_s"] <= 1.0)


def test_the_report_is_written(run):
    assert "relay: 50 satellites (relay)" in report.write(run, verdict.judge(run)).read_text()


def test_the_example_of_the_documentation_works(run, capsys):
    text = (pathlib.Path(__file__).parents[2] / "docs" / "run-directory.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1].replace("runs/RUN", str(run.dir))
    exec(example, {})
    shown = capsys.readouterr().out
    assert re.search(r"error_us +count +\d+", shown)
    assert re.search(r"t1 .* Sanya$", shown, re.MULTILINE)
