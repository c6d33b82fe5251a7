"""Baselines: what is written, what is kept of an older one, and which figures leave their tolerance."""

import itertools
import json

import numpy as np
import pytest
from pytest import approx

from skybed.analysis import verdict
from skybed.analysis.compare import baseline
from skybed.topologies.errors import InvalidRun, RunError
from support.tiny_sky import PROBE, TRACE, ways_ms

P50_MS = float(np.median(np.add(*ways_ms()))) + 0.04  # the machine adds 40 us


@pytest.fixture
def run(builder, tmp_path):
    """run(slower_ms=0, clock="virtual", **scenario) is the tiny sky's run with slower probes, in run-N."""
    numbers = itertools.count(1)

    def made(slower_ms=0.0, clock="virtual", **scenario):
        build = builder(**scenario)
        build.dir = tmp_path / f"run-{next(numbers)}"
        build.manifest["clock"] = clock
        build.tables["probes"]["rtt_us"] += slower_ms * 1000
        return build.load()

    return made


@pytest.fixture
def file(tmp_path):
    return tmp_path / "baselines" / "tiny.json"


def edit(file, flow, figure, **values):
    content = json.loads(file.read_text())
    content["flows"][flow][figure] |= values
    file.write_text(json.dumps(content))


def test_a_baseline_has_a_line_for_each_figure(run, file):
    made = run()
    baseline.accept([made], file)
    lines = [line.strip() for line in file.read_text().splitlines()]
    assert lines[1:8] == [
        '"scenario": "tiny",', f'"scenario_sha256": "{made.scenario.sha256}",', '"seed": 1,',
        '"clock": "virtual",', '"skybed": "0.1.0",', '"runs": 1,', '"flows": {',
    ]  # fmt: skip
    assert lines[11:14] == [
        '"loss_pct": {"value": 3.333333, "unit": "%", "tolerance": 0.1, "proposed": 0.1},',
        '"outages": {"value": 1.0, "unit": "", "tolerance": 0.0, "proposed": 0.0},',
        '"outage_s": {"value": 2.0, "unit": "s", "tolerance": 0.1, "proposed": 0.1}',
    ]
    assert sorted(json.loads(file.read_text())["tables_sha256"]) == [
        "applied", "control", "events", "flows", "paths", "probes", "routes"
    ]  # fmt: skip


def test_a_run_keeps_to_its_own_baseline(run, file):
    made = run()
    baseline.accept([made], file)
    outcome = baseline.check(made, file)
    assert [check.figure for check in outcome.checks] == [
        "rtt_p50_ms", "rtt_p99_ms", "loss_pct", "outages", "outage_s"
    ]  # fmt: skip
    assert (outcome.left, outcome.notes) == ([], [])


@pytest.mark.parametrize("slower_ms", [1.0, -1.0])
def test_a_figure_that_left_its_tolerance_is_told_in_a_sentence(run, file, slower_ms):
    baseline.accept([run()], file)
    left = baseline.check(run(slower_ms=slower_ms), file).left
    assert [check.figure for check in left] == ["rtt_p50_ms", "rtt_p99_ms"]
    assert left[0].value == approx(P50_MS + slower_ms, abs=1e-3)
    assert str(left[0]) == (
        f"p1 rtt_p50_ms is {left[0].value:.6g} ms; the baseline is {P50_MS:.6g} ms, give or take 0.156 ms."
    )


def test_the_tolerance_of_the_file_counts(run, file):
    baseline.accept([run()], file)
    edit(file, "p1", "rtt_p50_ms", tolerance=1.5)
    edit(file, "p1", "rtt_p99_ms", tolerance=None)
    outcome = baseline.check(run(slower_ms=1.0), file)
    assert outcome.left == []
    assert "rtt_p99_ms" not in [check.figure for check in outcome.checks]


def test_edited_tolerances_survive_accepting_anew_and_others_do_not(run, file):
    baseline.accept([run(clock="real")], file)
    edit(file, "p1", "rtt_p50_ms", tolerance=4.0)
    edit(file, "p1", "outages", tolerance=None)
    baseline.accept([run(slower_ms=3.0, clock="virtual")], file)
    flow = baseline.read(file).flows["p1"]
    assert flow["rtt_p50_ms"].value == approx(P50_MS + 3, abs=1e-3)
    assert (flow["rtt_p50_ms"].tolerance, flow["rtt_p50_ms"].proposed) == (4.0, 0.171)  # half a percent
    assert flow["outages"].tolerance is None
    assert flow["loss_pct"].tolerance == 0.1  # it was real time's 0.5


def test_tolerances_from_the_spread_of_several_runs(run, file):
    """Median 0.3 ms, the furthest 0.5 ms from it; what all agree on gets virtual time's tolerance."""
    made = baseline.accept([run(slower_ms=ms, clock="real") for ms in (0.8, 0.0, 0.3)], file)
    figures = made.flows["p1"]
    assert figures["rtt_p50_ms"].value == approx(P50_MS + 0.3, abs=1e-3)
    assert figures["rtt_p50_ms"].tolerance == approx(2 * 0.5)
    assert figures["loss_pct"].tolerance == 0.1
    assert made.runs == 3


@pytest.mark.parametrize("other", [{"clock": "real"}, {"seed": 2}])
def test_runs_of_different_things_make_no_baseline(run, file, other):
    with pytest.raises(RunError, match=r"run-2: another scenario or clock than in .*/run-1; a baseline"):
        baseline.accept([run(), run(**other)], file)
    assert not file.exists()


def test_real_time_has_wider_tolerances_and_no_hashes(run, file):
    made = baseline.accept([run(clock="real")], file)
    assert made.flows["p1"]["loss_pct"].tolerance == 0.5
    assert "tables_sha256" not in file.read_text()


def test_a_run_of_the_other_clock_is_refused(run, file):
    baseline.accept([run(clock="virtual")], file)
    with pytest.raises(RunError, match=r"a baseline of virtual time, and .*/run-2 ran in real time; run the"):
        baseline.check(run(clock="real"), file)


def test_what_else_changed_is_noted(run, file):
    baseline.accept([run()], file)
    assert baseline.check(run(seed=2), file).notes == [
        "The scenario has changed since the baseline was accepted, its seed from 1 to 2."
    ]
    assert baseline.check(run(slower_ms=0.01), file).notes == [
        "Not the same to the bit as what was accepted: probes."
    ]


def test_flows_that_came_or_went(run, file):
    baseline.accept([run()], file)
    outcome = baseline.check(run(traffic=[PROBE | {"name": "p2"}, TRACE]), file)
    assert [str(check) for check in outcome.left][-1] == (
        "p1 outage_s was not measured; the baseline is 2 s, give or take 0.1 s."
    )
    assert len(outcome.left) == 5
    assert outcome.notes[-1].startswith("Not in the baseline, so not checked: p2 rtt_p50_ms, p2 rtt_p99_ms, ")


@pytest.mark.parametrize(
    "content, says",
    [
        ('{"scenario": ', r"not JSON \(Expecting value: line 1 column 14 \(char 13\)\); mend it, or remove"),
        ("{}", r"scenario is wrong \(Field required\); mend it or accept a run anew"),
        ("[]", r"it is wrong \("),
    ],
)
def test_a_file_that_is_no_baseline(run, file, content, says):
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(RunError, match=rf"tiny.json: {says}"):
        baseline.check(run(), file)


def test_a_tolerance_that_is_none(run, file):
    baseline.accept([run()], file)
    edit(file, "p1", "outages", tolerance=-1)
    with pytest.raises(RunError, match=r"tiny.json: flows.p1.outages.tolerance is wrong"):
        baseline.read(file)


def test_no_file(run, file):
    with pytest.raises(RunError, match=r"there is no such baseline; `skybed baseline accept RUN` writes one"):
        baseline.check(run(), file)


def test_an_invalid_run_has_no_figures(builder):
    made = builder()
    made.manifest["finished"] = False
    run = made.load()
    with pytest.raises(InvalidRun, match=r"/run: this run is invalid\. The run was not finished: 60 s of"):
        verdict.refuse_invalid(run, verdict.judge(run))
