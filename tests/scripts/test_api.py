"""`import skybed`: scenarios are run and judged, results are DataFrames, what goes wrong is an exception."""

import json
import shutil

import pytest

import skybed
from skybed.scripts import api
from skybed.scripts.running import campaigns
from skybed.topologies.model.metrics import compared
from support import tiny_campaign


@pytest.fixture
def played(place, monkeypatch, good_run):
    """Every run is the good one; returns what was asked for."""
    asked = []

    def play(scenario, options, out, **_beside):
        asked.append((scenario, options, out))
        shutil.copytree(good_run, out, dirs_exist_ok=True)

    monkeypatch.setattr(api, "execute", play)
    return asked


def test_a_run_is_made_judged_and_read(played, place):
    pair = skybed.Scenario.load(tiny_campaign.PAIR).with_(duration_s=5)
    run = skybed.run(pair)
    ((scenario, options, out),) = played
    assert scenario.duration_s == 5 and options.virtual and out.parent.name == "runs"
    assert run.verdict.status == "pass" and (out / "verdict.json").is_file()
    assert not (out / "report.html").exists() and run.report() == out / "report.html"
    assert (out / "report.html").is_file()
    for found in (skybed.results(run), skybed.results(out), skybed.results(str(out))):
        assert found.verdict.status == "pass" and found.metrics.empty
        assert {"rtt_us", "true_rtt_us", "error_us"} <= set(found.probes)


def test_a_file_is_run_by_its_name_and_a_filled_directory_is_left_alone(played, place):
    assert skybed.run(tiny_campaign.PAIR, "here", clock="real").dir.name == "here"
    assert not played[0][1].virtual
    with pytest.raises(skybed.ScenarioError, match="here is not empty"):
        skybed.run(tiny_campaign.PAIR, "here")


def test_a_ready_scenario_is_run_by_its_name(played):
    skybed.run("ring12", "ring")
    assert played[0][0] == skybed.Scenario.load("ring12")


def test_a_run_is_given_cores_and_never_too_few(played, place, monkeypatch):
    skybed.run(tiny_campaign.PAIR, "two", cores=2)
    assert played[0][1].cores == 2
    monkeypatch.undo()
    with pytest.raises(skybed.ScenarioError, match=r"^A sky is played on 1 to 32 cores, not on 0\.$"):
        skybed.run(tiny_campaign.PAIR, place / "none", cores=0)
    assert not (place / "none").exists()


def test_a_distorted_run_is_an_exception_and_kept(place, monkeypatch, good_run):
    def late(scenario, options, out, **_beside):
        shutil.copytree(good_run, out, dirs_exist_ok=True)
        manifest = json.loads((out / "manifest.json").read_text())
        (out / "manifest.json").write_text(json.dumps(manifest | {"finished": False}))

    monkeypatch.setattr(api, "execute", late)
    with pytest.raises(skybed.InvalidRun):
        skybed.run(tiny_campaign.PAIR, "late")
    assert skybed.results("late").verdict.status == "invalid"


def test_a_campaign_is_run_and_read(place, monkeypatch):
    def outcome(case):
        return "pass", {"down": {"rtt_p50_ms": 8.0}}

    def run(campaign, cases, folder, jobs, scheduler):
        tiny_campaign.make(folder, "grid: {duration_s: [5, 6]}\n", outcome)
        asked.append((jobs, scheduler))

    asked = []
    monkeypatch.setattr(campaigns, "run", run)
    (place / "c.yaml").write_text(f"name: c\nscenario: {tiny_campaign.PAIR}\ngrid: {{duration_s: [5, 6]}}\n")
    made = skybed.campaign("c.yaml", jobs=3, scheduler=None)
    assert asked == [(3, None)]
    assert made.table["rtt_p50_ms"].dropna().tolist() == [8.0, 8.0] and made.metrics == compared()
    assert skybed.results("campaigns/c").table.equals(made.table)


def test_what_is_no_run_is_an_exception(place):
    with pytest.raises(skybed.RunError, match="there is no such directory"):
        skybed.results("nowhere")
