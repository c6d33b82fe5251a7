"""What is worked out of a run is worked out once, and goes with the run."""

import gc
import weakref

import pytest

from skybed.analysis import tested, verdict
from skybed.analysis.measures import truth
from skybed.analysis.pages import report
from skybed.analysis.routing import convergence


@pytest.fixture
def walks(monkeypatch):
    """How often probes were followed through the sky."""
    calls, one_way = [], truth.one_way

    def counted(*arguments):
        calls.append(arguments[2:4])
        return one_way(*arguments)

    monkeypatch.setattr(truth, "one_way", counted)
    return calls


def test_verdict_report_and_comparison_follow_the_probes_once(builder, walks):
    run = builder().load()
    walks.clear()  # those that made the run
    judged = verdict.judge(run)
    assert walks == [("Miyun", "Sanya"), ("Sanya", "Miyun")]
    report.write(run, judged)
    assert verdict.judge(run) is judged and len(walks) == 2


def test_a_run_is_gone_when_nobody_asks_it_any_more(builder, walks):
    made = builder().load()
    run = tested.load(made.dir)
    report.write(run, run.verdict)
    assert run.rtt("p1").n == 580 and len(convergence.table(run)) == 1
    gone = weakref.ref(run)
    del run
    gc.collect()
    assert gone() is None


def test_who_changes_a_table_changes_his_own(builder):
    run = builder().load()
    mine = truth.probes(run)
    mine["rtt_us"] = 0.0
    mine.loc[0, "true_rtt_us"] = -1.0
    assert truth.probes(run)["rtt_us"].max() > 0 and truth.probes(run)["true_rtt_us"].min() > 0


def test_two_runs_have_each_their_own(builder, tmp_path):
    other = builder()
    other.dir = tmp_path / "other"
    other.tables["probes"]["rtt_us"] += 1000
    one, two = builder().load(), other.load()
    assert truth.probes(two)["rtt_us"].max() == truth.probes(one)["rtt_us"].max() + 1000
