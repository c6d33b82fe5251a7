"""The same with real orbits: a run made from a plan, saved and loaded again."""

import pathlib
import re

import numpy as np
import pandas as pd
import pytest

from skybed.analysis import verdict
from skybed.analysis.measures import delays, forwarding, metrics, paths, truth
from skybed.analysis.pages import report
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.tiny_sky import PROBE, TINY, TRACE, Builder

SHELL = dict(planes=5, per_plane=10, inclination_deg=86.5, altitude_km=1160, pattern="star", phasing=1)
SKY = TINY | {
    "duration_s": 180.0,
    "layers": {"relay": {"role": "relay", "walker": SHELL, "isl": {"pattern": "grid", "seam": False}}},
    "access": [{"from": "ground", "to": "relay", "link": "ka-down", "min_elevation_deg": 10}],
    "traffic": [PROBE, TRACE],
    "faults": [{"kind": "silent", "node": "Sanya", "at_s": 60, "for_s": 3}],
}

MEASURED = ["lost", "rtt_us", "owd_us", "owd_back_us"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    plan = Plan.make(Scenario.model_validate(SKY))
    return Builder(tmp_path_factory.mktemp("real") / "run", plan).load()


def test_a_faithful_run_passes(run):
    judged = verdict.judge(run)
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.rtt_error.max_us == pytest.approx(40.0, abs=0.1)
    assert judged.proofs.agreeing == judged.proofs.n == 180


def test_the_plan_keeps_its_bound_on_every_link(run):
    looks = delays.compare(run)
    assert set(looks["link"]) == {link.name for link in run.plan.links}
    assert np.all(looks["error_us"].abs() <= looks["allowed_us"] + 0.1)


def test_the_true_delay_is_the_sum_of_the_links_of_the_path(run):
    first = truth.probes(run).iloc[0]
    names = first["path"].split(" > ")
    links = forwarding.link_numbers(run.plan, tuple(run.plan.index[name] for name in names))
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
    links = forwarding.link_numbers(plan, nodes)
    light_us = 1e6 * plan.delay_s(np.array(links), 0.0).sum()
    size = 106 + 40 + 8 + 16 * len(links)
    wire_us = sum(size * 8 / plan.links[link].link_class.rate_mbps for link in links)
    assert len(links) >= 2
    assert first["true_owd_us"] == pytest.approx(light_us + wire_us, abs=0.1)
    judged = verdict.judge(run)
    assert judged.status == "pass" and judged.rtt_error.n == 200
    assert (judged.proofs.n, judged.proofs.agreeing) == (20, 20) and judged.notes == []


def test_a_silenced_station_is_an_expected_outage(run):
    gap = metrics.outages(run, "p1")
    assert gap.to_numpy().tolist() == [pytest.approx([60.0, 63.0], abs=0.2)]
    probes = truth.probes(run)
    assert (probes["lost"] == probes["expected_lost"]).all()


@pytest.fixture
def by_daemons(tmp_path):
    """As if a daemon had made the oracle's routes, the later ones 80 us late. Not loaded yet."""
    plan = Plan.make(Scenario.model_validate(SKY | {"routing": {"protocol": "ospf"}}))
    made = Builder(tmp_path / "run", plan)
    made.tables["routes"].loc[made.tables["routes"]["t_s"] == 0, "applied_s"] = -1.0
    return made


def test_where_daemons_route_a_run_is_held_to_their_tables(by_daemons):
    judged = verdict.judge(by_daemons.load())
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.rtt_error.n == 1769 and judged.rtt_error.max_us == pytest.approx(40.0, abs=0.1)
    assert judged.proofs.agreeing == judged.proofs.n
    (note,) = judged.notes
    assert note.startswith("Paths were chosen by ospf")
    applied = by_daemons.tables["applied"]
    applied.loc[applied.index[applied["kind"] == "delay"][0], "delay_us"] += 130
    assert verdict.judge(by_daemons.load()).status == "invalid"  # and the links to geometry


def test_what_a_daemon_loses_is_true_what_the_emulation_loses_is_not(by_daemons):
    """For ten seconds nobody has a route to Sanya; in ten others probes are lost although all have one."""
    routes, probes = by_daemons.tables["routes"], by_daemons.tables["probes"]
    standing = routes[(routes["t_s"] == 0) & (routes["dst"] == "Sanya")]
    for node, mine in routes[(routes["dst"] == "Sanya") & (routes["t_s"] < 100)].groupby("node"):
        standing.loc[standing["node"] == node, "via"] = mine["via"].iloc[-1]
    gone, back = standing.assign(applied_s=100.0, via=None), standing.assign(applied_s=110.0)
    routes = routes[(routes["dst"] != "Sanya") | ~routes["applied_s"].between(100, 110)]
    by_daemons.tables["routes"] = pd.concat([routes, gone, back]).assign(t_s=np.nan)
    probes.loc[probes["sent_s"].between(99.99, 109.99), MEASURED] = [True, np.nan, np.nan, np.nan]
    judged = verdict.judge(by_daemons.load())
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.flows[0].lost == 30 + 100 and judged.flows[0].unexpected_lost == 0
    probes.loc[probes["sent_s"].between(19.99, 29.99), MEASURED] = [True, np.nan, np.nan, np.nan]
    assert verdict.judge(by_daemons.load()).reasons == [
        "100 probes of p1 were lost though a path stood; the loss of the links accounts for 0."
    ]


def test_of_equal_next_hops_nobody_knows_which_is_taken(by_daemons):
    """From 20 s on Miyun has two to Sanya: probes sent then are not judged, whatever they measured."""
    routes, probes = by_daemons.tables["routes"], by_daemons.tables["probes"]
    mine = (routes["node"] == "Miyun") & (routes["dst"] == "Sanya")
    (via,) = routes.loc[mine & (routes["applied_s"] < 20), "via"].iloc[-1:]
    other = next(name for name in by_daemons.plan.index if name not in (via, "Miyun", "Sanya"))
    both = routes[mine].iloc[[0]].assign(applied_s=20.0, via=" ".join(sorted([via, other])))
    routes = routes[~mine | (routes["applied_s"] < 20)]
    by_daemons.tables["routes"] = pd.concat([routes, both]).assign(t_s=np.nan)
    probes.loc[probes["sent_s"] >= 20, "rtt_us"] += 50_000
    run = by_daemons.load()
    judged = truth.probes(run).query("sent_s < 140")  # then the one way ends too
    assert (judged["known"] == (judged["sent_s"] < 20) | judged["lost"]).all()
    assert verdict.judge(run).rtt_error.n == 200


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
