"""What a test may ask of a task, and what reports, comparisons and baselines say of it."""

import io

import pytest
from pytest import approx
from rich.console import Console

from skybed.analysis import tested
from skybed.analysis.compare import baseline
from skybed.analysis.pages import report, saving
from skybed.analysis.units import minutes, percent, s, wh
from skybed.scripts.cli.verdict import render
from skybed.topologies.errors import RunError, ScenarioError
from skybed.topologies.scenario.file import Scenario
from support.tiny_tasks import PRODUCT, SCENE, build

FIGURES = ["Response by stage", "Responses", "Tasks over the nodes that carried them", "Storage and battery",
           "Bytes by stage and link class"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = build(tmp_path_factory.mktemp("tasks") / "run")
    made.load()
    return tested.judge(made.dir)


def test_responses_shares_and_energy_have_units(run):
    fire = run.tasks("fire")
    assert 3.1 * s < fire.response.p50 < 3.2 * s and fire.response.p90 < 5 * minutes
    assert (fire.asked, fire.response.n) == (3, 3)
    assert fire.delivered == 100 * percent
    assert fire.saved == approx(1 - PRODUCT / SCENE)
    assert fire.energy < 1 * wh
    assert repr(fire) == "<fire, to Miyun: 3 of 3 delivered, response mean 3.10939 s, p90 3.10981 s>"


def test_the_stages_make_up_the_mean_response(run):
    fire = run.tasks("fire")
    assert sum(fire.stages.values()) == approx(float(fire.response.mean), abs=1e-9)
    assert fire.stages["compute"] == approx(3.0)  # the camera's second too
    with pytest.raises(RunError, match=r"no stage zzz \(there are .*await.*delivery"):
        fire.stages["zzz"]


def test_any_metric_is_asked_for_by_its_name(run):
    assert run.metric("fire", "asked") == 3
    assert 3.1 * s < run.metric("fire", "response_p50_s") < 3.2 * s
    assert run.metric("fire", "delivered_pct") == 100 * percent
    with pytest.raises(RunError, match=r"did not measure gaps of fire .*asked"):
        run.metric("fire", "gaps")
    with pytest.raises(RunError, match="fier"):
        run.metric("fier", "asked")


def test_the_age_is_that_of_the_newest_product(run):
    """Asked for at 5, 12 and 20 s, there at 8.1, 15.1 and 23.1; the run ends at 60 s."""
    age = run.tasks("fire").age
    assert float(age.max) == approx(40.0)
    sawtooth = [(8.109, 15.109, 5), (15.109, 23.11, 12), (23.11, 60, 20)]
    area = sum(((end - asked) ** 2 - (begin - asked) ** 2) / 2 for begin, end, asked in sawtooth)
    assert float(age.mean) == approx(area / (60 - 8.109), rel=1e-3)


def test_the_table_has_the_bound_and_the_outcome_of_each(run):
    table = run.tasks("fire").table
    assert list(table["outcome"]) == ["delivered"] * 3
    assert (table["response_s"] - table["bound_s"]).abs().max() < 1e-6


def test_a_failure_says_of_what_and_by_how_much(run):
    fire = run.tasks("fire")
    assert fire.response.p90.of == "p90 of the response of fire, to Miyun"
    assert str(fire.response.p90 - 3 * s).startswith("109.8")


def test_a_task_that_is_not_there(run):
    with pytest.raises(RunError, match=r"^tiny has no task fyre \(did you mean fire\?\)\.$"):
        run.tasks("fyre")


def test_of_what_never_arrived_there_is_no_response(tmp_path):
    made = build(tmp_path / "run")
    rows = made.tables["tasks"]
    rows.loc[rows["stage"] == "delivery", "outcome"] = "dropped"
    made.tables["tasks"] = rows[rows["stage"] != "arrive"]
    made.load()
    fire = tested.load(made.dir).tasks("fire")
    assert fire.delivered == 0 * percent
    with pytest.raises(
        RunError, match=r"^No product of fire, to Miyun, arrived; it was asked for 3 times\.$"
    ):
        _ = fire.response


SMALL = """\
name: small
epoch: 2026-05-09T02:40:00Z
duration_s: 60
layers: {eo: {walker: {planes: 1, per_plane: 1, inclination_deg: 97.5, altitude_km: 535}}}
stations: [beijing]
access: [{from: ground, to: eo, link: x-down}]
tasks: [{name: fire, by: eo, scene_mb: 1, to: beijing}]
accept: [{task: fire, metric: METRIC, max: 1}]
"""


def test_a_limit_on_what_a_task_does_not_measure(tmp_path):
    def load(metric):
        file = tmp_path / "small.yaml"
        file.write_text(SMALL.replace("METRIC", metric))
        return Scenario.load(file)

    load("response_p90_s")

    wrong = "accept.0..metric response_p9_s is not a metric .did you mean response_p90_s...$"
    with pytest.raises(ScenarioError, match=wrong):
        load("response_p9_s")
    with pytest.raises(ScenarioError, match=r"metric is rtt_p50_ms, which is measured of no task .there are"):
        load("rtt_p50_ms")


def test_the_report_begins_with_the_answer(run):
    page = run.report().read_text()
    first = page.index("What came of the tasks")
    assert first < page.index("What was measured") and page.count("<h2>", 0, first) == 1
    assert [page.index(f'alt="{title}"') for title in FIGURES] == sorted(
        page.index(f'alt="{title}"') for title in FIGURES
    )


def test_the_figures_are_saved_and_the_same_each_time(run, tmp_path):
    of_tasks = [drawing for drawing in report.drawings(run) if drawing.section == "tasks"]
    assert [drawing.title for drawing in of_tasks] == FIGURES
    once, again = (saving.save(of_tasks, tmp_path / name, "svg") for name in ("a", "b"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_the_terminal_has_a_line_for_each_task(run):
    console = Console(width=80, record=True, file=io.StringIO())
    render(run, run.verdict, console)
    lines = [line.split() for line in console.export_text().splitlines() if line.startswith("fire")]
    assert lines == [["fire", "3", "100.0", "3.1", "3.1", "3.1", "3.1", "90.0"]]


def test_baselines_keep_what_tasks_measure(run, tmp_path):
    file = tmp_path / "baseline.json"
    baseline.accept([run], file)
    assert {"delivered", "response_mean_s", "response_p50_s", "response_p90_s"} <= run.figures["fire"].keys()
    assert not baseline.check(run, file).left
