"""Campaigns without a lane: what is planned, what becomes of runs that do not work out, the table."""

import json
import os
import pathlib
import shutil
import signal
import tempfile

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from skybed.analysis.campaign import table as table_of
from skybed.analysis.measures.metrics import flow_metrics
from skybed.analysis.routing import convergence
from skybed.analysis.run import load
from skybed.scripts.cli.main import main
from skybed.scripts.running import campaigns, cluster
from skybed.scripts.running.progress import ProgressBar
from skybed.topologies.errors import InvalidRun, ScenarioError
from skybed.topologies.model.metrics import METRICS
from skybed.topologies.scenario import campaign
from support import tiny_campaign

PAIR = pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml"


@pytest.fixture
def file(place):
    """A campaign of two runs with little traffic."""
    pair = yaml.safe_load(PAIR.read_text())
    (place / "pair.yaml").write_text(
        yaml.safe_dump(pair | {"traffic": [pair["traffic"][2] | {"every_s": 30}]})
    )
    text = "name: c\nscenario: pair.yaml\ngrid: {links.x-quick.loss_pct: [0, 0.5]}\n"
    (place / "c.yaml").write_text(text)
    return place / "c.yaml"


@pytest.fixture
def cases(place):
    """Of two runs, of which one is to fail, with traffic."""
    (place / "c.yaml").write_text(f"name: c\nscenario: {PAIR}\ngrid: {{links.x-quick.loss_pct: [0, 0.5]}}\n")
    return campaign.load(place / "c.yaml")[1]


def skybed(*words, code=0):
    done = CliRunner().invoke(main, ["campaign", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def made(case, retries, folder):
    """As a worker makes a run and the campaign keeps it."""
    with tempfile.TemporaryDirectory() as out:
        cluster.make(case, retries, pathlib.Path(out), ProgressBar())
        run = cluster.archive(pathlib.Path(out))
    (folder / "runs").mkdir(exist_ok=True)
    campaigns.keep(case, folder, run)
    assert not (folder / campaigns.UNFINISHED / case.key).exists()


def test_metrics_are_those_that_a_run_has(good_run):
    good_run = load(good_run)
    of_routing = convergence.of_flows(good_run).columns
    assert [*METRICS] == [*flow_metrics(good_run).columns[4:], *of_routing]


def test_runs_that_differ_in_traffic_alone_share_a_plan(place):
    """Losses are of links, which are in the plan."""
    grid = "  links.x-quick.loss_pct: [0, 0.5]\n  traffic[down].rate_hz: [10, 20, 30]\n"
    (place / "c.yaml").write_text(f"name: c\nscenario: {PAIR}\ngrid:\n{grid}")
    cases = campaign.load(place / "c.yaml")[1]
    shared = cluster.sharing(cases)
    assert [case.parameters["links.x-quick.loss_pct"] for case in shared.values()] == [0.5, 0]
    assert {case.played.plan_sha256 for case in cases} == shared.keys()
    assert cluster.sharing(cases[::3]) == {}  # one of each


def test_a_plan_lists_the_runs_and_what_they_take(file, place):
    said = skybed("plan", file, "--jobs", 1).stdout
    _, *keys = [line.split()[0] for line in said.splitlines()[:3]]
    assert keys == [case.key for case in campaign.load(file)[1]]
    assert "c: 2 runs, virtual time.\nWith --jobs 1: about 12 s, at most " in said
    (place / "campaigns" / "c" / "runs" / keys[0]).mkdir(parents=True)
    said = skybed("plan", file, "--jobs", 1).stdout
    assert "c: 2 runs, 1 done already, virtual time.\nWith --jobs 1: about 6 s, at most " in said


def test_a_plan_warns_of_memory_of_processors_and_of_real_time(file, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    said = skybed("plan", file, "--jobs", 2000).stdout
    assert "Warning" not in said  # no more jobs than runs
    file.write_text(file.read_text() + "repeats: 1000\n")
    said = skybed("plan", file, "--jobs", 2000).stdout
    assert "Warning: 2000 runs at once may need " in said and "it will not be faster" in said
    file.write_text(file.read_text() + "clock: real\n")
    assert "Warning: By the clock, runs beside each other" in skybed("plan", file, "--jobs", 2).stdout


@pytest.mark.parametrize("counts, code", [({"fail": 1, "pass": 1}, 0), ({"fail": 2}, 1), ({"error": 2}, 3)])
def test_the_exit_code_tells_that_no_run_passes(file, monkeypatch, counts, code):
    monkeypatch.setattr(campaigns, "run", lambda *_: counts)
    assert "c/table" in skybed("run", file, code=code).stdout


def test_what_is_wrong_with_a_campaign_is_one_sentence(file, place):
    file.write_text(file.read_text().replace("loss_pct", "los_pct"))
    told = skybed("run", file, code=2).stderr
    assert told == f"skybed: {file}, line 3: links.x-quick.los_pct is not a field (did you mean loss_pct?).\n"
    assert not (place / "campaigns").exists()


def test_a_campaign_without_traffic_is_refused(file, place):
    pair = yaml.safe_load((place / "pair.yaml").read_text())
    (place / "pair.yaml").write_text(yaml.safe_dump(pair | {"traffic": []}))
    told = skybed("run", file, code=2).stderr
    assert told == f"skybed: {file}, line 2: pair.yaml has no traffic: there is nothing to measure.\n"


def test_a_directory_of_something_else_is_left_alone(file, place):
    (place / "mine").mkdir()
    (place / "mine" / "thesis.txt").write_text("")
    assert "is neither empty nor of a campaign" in skybed("run", file, "--out", "mine", code=2).stderr
    assert [path.name for path in (place / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("error, status", [(InvalidRun("Late."), "invalid"), (OSError("full"), "error")])
def test_a_run_that_never_works_out_is_tried_again_and_then_recorded(
    cases, place, monkeypatch, error, status
):
    tried = []

    def fails(scenario, options, out, stages, plan):
        assert not any(out.iterdir())  # nothing of the time before
        (out / "log.txt").write_text("it said")
        tried.append(options.clock)
        raise error

    monkeypatch.setattr(cluster, "execute", fails)
    for case in cases:
        made(case, 2, place)
    assert tried == ["virtual"] * 6
    done = place / "runs" / cases[0].key
    assert (done / "log.txt").read_text() == "it said"
    verdict = json.loads((done / "verdict.json").read_text())
    assert verdict["status"] == status and str(error) in verdict["reasons"][0]
    assert campaigns.missing(cases, place) == []
    table_of.write(cases, place / "runs", ["sent", "rtt_p50_ms"], place / "table")
    table = pd.read_parquet(place / "table")
    assert table["verdict"].tolist() == [status] * 6 and table["sent"].isna().all()  # three flows each


def test_what_is_wrong_with_a_scenario_is_found_once(cases, place, monkeypatch):
    tried = []

    def fails(*_):
        tried.append(1)
        raise ScenarioError("s.yaml, line 7: access[0].policy cannot be used.")

    monkeypatch.setattr(cluster, "execute", fails)
    made(cases[0], 2, place)
    verdict = json.loads((place / "runs" / cases[0].key / "verdict.json").read_text())
    assert len(tried) == 1
    assert verdict["reasons"] == ["s.yaml, line 7: access[0].policy cannot be used."]


def test_a_run_that_works_out_at_the_second_time_is_taken(file, place, monkeypatch, good_run):
    tried = []

    def first_fails(scenario, options, out, stages, plan):
        tried.append(out)
        if len(tried) == 1:
            raise InvalidRun("Late.")
        shutil.copytree(good_run, out, dirs_exist_ok=True)

    monkeypatch.setattr(cluster, "execute", first_fails)
    case = campaign.load(file)[1][0]
    made(case, 5, place)
    assert len(tried) == 2
    assert json.loads((place / "runs" / case.key / "verdict.json").read_text())["status"] == "pass"


def test_a_table_has_a_folder_for_each_value_and_its_figures_are_the_verdicts(cases, place):
    for n, case in enumerate(cases):
        folder = place / "runs" / case.key
        folder.mkdir(parents=True)
        flows = {"down": {"sent": 300, "rtt_p50_ms": 7.25 + n}, "across": {"sent": 10}}
        tiny_campaign.tiny_verdict(case.key, ("pass", "fail")[n], flows).write(folder)
        (folder / "case.json").write_text(json.dumps({"skybed": "0.1.0"}))
    for metrics in (["sent"], ["sent", "rtt_p50_ms"]):  # the second time anew
        table_of.write(cases, place / "runs", metrics, place / "table")
    files = sorted(path.relative_to(place / "table") for path in (place / "table").rglob("*.parquet"))
    assert [str(path) for path in files] == [
        f"links.x-quick.loss_pct={x}/part-0.parquet" for x in ("0", "0.5")
    ]
    table = pd.read_parquet(place / "table").convert_dtypes()
    assert table["flow"].tolist() == ["down", "across", "path"] * 2
    assert table["verdict"].tolist() == ["fail"] * 3 + ["pass"] * 3
    assert table["sent"].fillna(-1).tolist() == [300, 10, -1] * 2
    assert table["rtt_p50_ms"].dropna().tolist() == [8.25, 7.25]
    assert table["links.x-quick.loss_pct"].astype(float).tolist() == [0.5] * 3 + [0] * 3
    assert pq.read_schema(place / "table" / files[0]).names[:4] == [
        "repeat",
        "run",
        "scenario_sha256",
        "seed",
    ]
    assert set(table["scenario_sha256"]) == {case.scenario.sha256 for case in cases}


def _second_is_killed(case, retries, planned):
    """What a worker does in the place of a run."""
    if case.parameters["links.x-quick.loss_pct"]:
        os.kill(os.getpid(), signal.SIGKILL)
    with tempfile.TemporaryDirectory() as out:
        cluster.write_verdict(case, pathlib.Path(out), "invalid", "Late.")
        return cluster.archive(pathlib.Path(out))


def test_a_run_whose_process_is_killed_each_time_is_recorded_and_the_others_go_on(cases, place, monkeypatch):
    monkeypatch.setattr(cluster, "play", _second_is_killed)
    (place / "runs").mkdir()
    with cluster.of_this_machine(1, 1, place / "scratch") as client:
        campaigns.run_all(client, cases, place, retries=1)
    verdicts = [json.loads((place / "runs" / case.key / "verdict.json").read_text()) for case in cases]
    assert [verdict["status"] for verdict in verdicts] == ["invalid", "error"]
    assert "KilledWorker" in verdicts[1]["reasons"][0]
