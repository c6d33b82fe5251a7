"""The benchmark's medians, ratios and tables; and what it says of names that are none."""

import io
import json

import pytest
from rich.console import Console

from skybed.scripts.bench import bench
from skybed.scripts.bench.figures import figure
from skybed.scripts.cli.bench import number, page, render, spread
from skybed.topologies.errors import ScenarioError


def test_one_slow_round_moves_no_median():
    row = figure("up_ms", "bring-up, ms", [2.0, 2.1, 90.0], [700.0, 735.0, 5000.0], "Mininet")
    assert (row["skybed"], row["other"]) == (2.1, 735.0)
    assert row["ratio"] == pytest.approx(350)
    assert row["samples"] == {"skybed": [2.0, 2.1, 90.0], "other": [700.0, 735.0, 5000.0]}


def test_the_ratio_is_above_one_where_skybed_is_better():
    assert figure("ms", "", [1.0], [4.0])["ratio"] == 4  # a time
    assert figure("rate", "", [4.0], [1.0], less_is_better=False)["ratio"] == 4
    assert figure("rate", "", [1.0], [2.0], less_is_better=False)["ratio"] == 0.5


def test_no_ratio_to_nothing():
    assert figure("alone", "", [3.0])["ratio"] is None
    assert figure("processes", "", [0.0], [1.0])["ratio"] is None
    assert figure("less memory than before", "", [3.0], [-1.0])["ratio"] is None
    assert figure("lateness of no event", "", [None])["skybed"] is None


def test_three_digits_that_matter():
    told = {0: "0", 0.0123: "0.012", 1.2345: "1.23", 12.345: "12.3", 123.4: "123", 190849.2: "190,849"}
    assert {value: number(value) for value in told} == told
    assert number(None) == ""


def test_tables_of_eighty_columns_and_a_page():
    rows = [
        figure("updates", "updates/s", [190_849.0], [17.7], "TCIntf.config", less_is_better=False),
        figure("late", "events late, median, us", [None]),
    ]
    about = "Link updates a second, one direction each: batches over 1,056 links"
    sections = {
        "a": {"about": about, "figures": rows},
        "b": {"about": "b", "figures": rows, "notes": ["x " * 99]},
    }
    out = io.StringIO()
    circumstances = {"skybed": "0.1.0", "lane": "uml", "cpu_count": 2, "cpu": "a long name " * 9,
                     "host_load_1m": [0.1, 2.0], "started_utc": "2026-05-09T00:00:00+00:00"}  # fmt: skip
    render(circumstances | {"sections": sections}, Console(file=out, width=200))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert about in lines
    updates = next(line for line in lines if line.startswith("updates/s"))
    assert updates.split() == ["updates/s", "190,849", "17.7", "TCIntf.config", "10,782"]
    json.dumps(sections)
    about_it = {"host_kernel": "6.1.0", "python": "3.12.1", "machine": {"clock": "tsc"}}
    told = page(circumstances | about_it | {"sections": sections}).splitlines()
    assert {"* kernel: 6.1.0", "* Python: 3.12.1", "* clock: tsc", f"## {about}"} < set(told)
    assert "| updates/s | 190,849 |  | 17.7 |  | TCIntf.config | 10,782 |" in told
    assert "x " * 99 in told


def test_a_section_that_there_is_not():
    with pytest.raises(ScenarioError, match=r"forward is no section .*did you mean forwarding"):
        bench.run(["forward"], "auto", bench.QUICK)


def test_what_is_given_replaces_the_usual_sizes(tmp_path):
    assert bench.sizes(quick=False) == bench.FULL
    mine = bench.sizes(True, scenario=tmp_path / "x.yaml", budget_s=9.0, rounds=None)
    assert (mine.scenario, mine.budget_s, mine.rounds) == (tmp_path / "x.yaml", 9.0, bench.QUICK.rounds)


def test_the_spread_is_half_of_the_range():
    assert spread([9.0, 10.0, 11.0]) == "10%"
    assert spread([5.0]) == spread([]) == spread([None, 3.0]) == spread([0.0, 0.0]) == ""
