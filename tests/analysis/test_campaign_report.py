"""The summary of a campaign is arithmetic that a reader can do again, and its report needs nothing else."""

import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx
from rich.console import Console

from skybed.analysis.campaign import statistics
from skybed.analysis.campaign import table as table_of
from skybed.analysis.pages import campaign as page_of
from skybed.analysis.pages import campaign_figures
from skybed.scripts.cli.campaign.report import render
from skybed.scripts.cli.main import main
from support import tiny_campaign
from support.browser import shown

LOSSES = [0, 1, 5]
TEXT = """
about: a <script> & b
grid:
  links.x-quick.loss_pct: [0, 1, 5]
  access[0].policy: [nearest, keep]
repeats: 6
metrics: [sent, rtt_p50_ms, throughput_mbps]
figures:
  - {kind: ecdf, metric: rtt_ms, colour: "access[0].policy", columns: links.x-quick.loss_pct}
  - {kind: box, metric: rtt_p50_ms, x: "access[0].policy", colour: flow}
  - {kind: line, metric: rtt_p50_ms, x: links.x-quick.loss_pct, colour: "access[0].policy", flow: down}
  - {kind: heatmap, metric: rtt_p50_ms, x: links.x-quick.loss_pct, y: "access[0].policy", flow: down}
  - {kind: heatmap, metric: throughput_mbps, x: links.x-quick.loss_pct, y: "access[0].policy"}
"""


def rtt_ms(case):
    """Of one run: 10 ms and its loss and its repeat, a third longer where a station keeps its satellite."""
    slower = 1 if case.parameters["access[0].policy"] == "nearest" else 4 / 3
    return (10 + case.parameters["links.x-quick.loss_pct"]) * slower + case.repeat


def outcome(case):
    if case.parameters["access[0].policy"] == "keep" and case.parameters["links.x-quick.loss_pct"] == 5:
        return ("invalid", {}) if case.repeat < 5 else ("error", {})
    if case.repeat == 5:
        return "invalid", {"down": {"sent": 1, "rtt_p50_ms": 1e6}}
    status = "fail" if case.repeat == 4 else "pass"
    return status, {"down": {"sent": 300, "rtt_p50_ms": rtt_ms(case)}, "across": {"rtt_p50_ms": 20.0}}


def probes(case):
    return {"down": [None, *np.full(9, rtt_ms(case) * 1e3)], "across": [20_000.0] * 10}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c") / "c"
    return table_of.read(tiny_campaign.make(folder, TEXT, outcome, probes))


@pytest.fixture(scope="module")
def summary(results):
    return statistics.summarise(results)


@pytest.fixture(scope="module")
def page(results, summary):
    return page_of.write(results, summary).read_text()


def test_a_combination_is_summed_up_from_its_runs_that_can_be_used(summary):
    rows = summary.set_index(["access[0].policy", "links.x-quick.loss_pct", "flow", "metric"])
    row = rows.loc["nearest", 0, "down", "rtt_p50_ms"]
    assert row[["unit", "runs", "n"]].tolist() == ["ms", 6, 5]
    assert row[["median", "mean", "min", "max"]].tolist() == [12, 12, 10, 14]  # of 10, 11, 12, 13, 14
    half = 2.7764 * np.sqrt(2.5 / 5)  # t of 4 degrees of freedom; the variance is 2.5
    assert row[["mean_low", "mean_high"]].tolist() == approx([12 - half, 12 + half], abs=1e-3)
    assert np.isnan(row["median_low"])  # of five runs no interval of 95 % can be told
    assert len(summary) == 6 * 3  # sent and rtt_p50_ms of down, rtt_p50_ms of across; no throughput


def test_runs_that_cannot_be_used_are_counted_and_never_dropped(results, summary):
    rows = summary[(summary["access[0].policy"] == "keep") & (summary["links.x-quick.loss_pct"] == 5)]
    assert rows[["runs", "n"]].values.tolist() == [[6, 0]] * 3 and rows["median"].isna().all()
    told = json.loads(json.dumps(statistics.as_json(results, summary)))
    assert told["runs"] == {"error": 1, "fail": 5, "invalid": 10, "pass": 20}
    assert len(told["not_used"]) == 11 and {run["verdict"] for run in told["not_used"]} == {
        "error",
        "invalid",
    }
    assert told["summary"][-1]["median"] is None


def test_an_interval_of_the_median_is_that_of_order_statistics():
    """Of 20 values the 6th and the 15th: Conover, Practical Nonparametric Statistics, gives 95.9 %."""
    assert statistics.median_interval(np.arange(1.0, 21)) == (6, 15)
    assert statistics.median_interval(np.arange(1.0, 7)) == (1, 6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_intervals_hold_what_they_are_of(found):
    found = np.array(found)
    for (low, high), value in (
        (statistics.median_interval(found), np.median(found)),
        (statistics.mean_interval(found), found.mean()),
    ):
        assert (np.isnan(low) and np.isnan(high)) or low <= value <= high


def test_the_summary_is_kept_as_csv_and_parquet(results, summary, page):
    pd.testing.assert_frame_equal(
        pd.read_parquet(results.dir / "summary.parquet"), summary, check_dtype=False
    )
    kept = pd.read_csv(results.dir / "summary.csv", keep_default_na=False, na_values={"mean": ""})
    assert kept["mean"].tolist() == approx(summary["mean"].tolist(), nan_ok=True)


def test_every_figure_is_drawn_of_the_flows_that_have_it(results):
    drawn = campaign_figures.all_figures(results)
    assert [figure.title for figure in drawn] == [
        "RTT of down by access[0].policy and links.x-quick.loss_pct",
        "RTT of across by access[0].policy and links.x-quick.loss_pct",
        "RTT p50 by access[0].policy and flow",
        "RTT p50 of down by links.x-quick.loss_pct and access[0].policy",
        "RTT p50 of down by links.x-quick.loss_pct and access[0].policy",
    ]
    assert drawn[2].caption.endswith("Pooled: links.x-quick.loss_pct (3 values).")
    again = campaign_figures.all_figures(results)
    assert [figure.svg for figure in again] == [figure.svg for figure in drawn]


def test_without_figures_of_its_own_a_campaign_shows_what_varies(tmp_path):
    text = "grid: {links.x-quick.loss_pct: [0, 1], 'access[0].policy': [keep, all], rate_scale: [0.01]}\n"
    folder = tiny_campaign.make(
        tmp_path / "c", text + "metrics: [rtt_p50_ms]\n",
        lambda case: ("pass", {"down": {"rtt_p50_ms": 1.5}}), lambda case: {"down": [1500.0]},
    )  # fmt: skip
    assert [figure.title for figure in campaign_figures.all_figures(table_of.read(folder))] == [
        "RTT of down by links.x-quick.loss_pct", "RTT p50 of down by links.x-quick.loss_pct",
        "RTT p50 of down by access[0].policy",
    ]  # fmt: skip


def test_the_page_loads_nothing_from_elsewhere_and_tells_what_is_missing(page):
    assert set(re.findall(r'(?:src|href|url)\s*[=(]\s*"?([a-z]+:)', page)) == {"data:"}
    assert "http" not in page and "a &lt;script&gt; &amp; b" in page
    assert "25 of 36 runs can be used" in page and "1 error, 5 fail, 10 invalid, 20 pass." in page
    assert page.count("<li>") == 11 and "repeat 5. It was error.</li>" in page


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_shows_every_figure_at_its_size(results, page, tmp_path):
    dom = shown(results.dir / "report.html", tmp_path)
    assert dom.count("<figure>") == 5
    assert "<title>c: campaign of 36 runs</title>" in dom


def test_the_terminal_has_a_line_for_each_figure_and_run_that_is_missing(results, summary):
    out = io.StringIO()
    render(results, summary, Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert lines[0] == "links.x-quick.loss_pct 0, access[0].policy nearest"
    assert lines[3].split() == ["RTT", "p50", "ms", "5", "of", "6", "12", "12", "10.04", "to", "13.96"]
    assert max(map(len, lines[:25])) <= 80 and lines[-1].endswith("5, access[0].policy keep, repeat 5")
    assert lines[25] == "c: 36 runs: 1 error, 5 fail, 10 invalid, 20 pass." and len(lines[26:]) == 11


def test_the_command_says_where_the_report_is_and_that_runs_are_missing(results):
    done = CliRunner().invoke(main, ["campaign", "report", str(results.dir)], catch_exceptions=False)
    assert done.exit_code == 3 and done.output.endswith(f"Report: {results.dir}/report.html\n")
    done = CliRunner().invoke(
        main, ["campaign", "report", "--json", str(results.dir)], catch_exceptions=False
    )
    assert len(json.loads(done.stdout)["summary"]) == 18


@pytest.mark.parametrize(
    "verdicts, code",
    [(("pass", "fail"), 0), (("fail", "fail"), 1), (("fail", "invalid"), 3), (("error", "error"), 3)],
)
def test_the_exit_code_tells_a_campaign_of_which_nothing_passes(tmp_path, verdicts, code):
    text = "repeats: 2\nmetrics: [rtt_p50_ms]\n"
    folder = tiny_campaign.make(
        tmp_path / "c", text, lambda case: (verdicts[case.repeat], {"down": {"rtt_p50_ms": 1.5}}),
        lambda case: {"down": [1500.0]},
    )  # fmt: skip
    done = CliRunner().invoke(main, ["campaign", "report", str(folder)], catch_exceptions=False)
    assert done.exit_code == code
