"""skybed compare and skybed baseline, on runs made from the geometry of scenarios/pair.yaml."""

import json
import pathlib
import re
import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from pytest import approx

from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.browser import shown
from support.command import skybed
from support.tiny_sky import TINY, Builder, plan_of

pytest_plugins = ["pytester"]

PAIR = pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml"


@pytest.fixture(scope="module")
def plan():
    return Plan.make(Scenario.load(PAIR))


@pytest.fixture
def run(place, plan):
    """run(name, slower_us=0, **manifest) makes a run directory of that name."""

    def made(name, slower_us=0.0, **manifest):
        build = Builder(place / name, plan)
        build.manifest |= {"clock": "virtual", **manifest}
        probes = build.tables["probes"]
        probes.loc[probes["flow"] == "down", "rtt_us"] += slower_us
        build.load()

    return made


def test_a_run_and_its_copy_are_the_same_to_the_bit(run):
    run("a")
    run("b")
    assert skybed(0, "compare", "--exact", "a", "b") == "The same to the bit: all 7 tables.\n"


def test_two_runs_to_the_bit_end_where_they_first_differ(run):
    run("a")
    run("b", slower_us=0.001, seed=2)
    rtt_us = [pd.read_parquet(f"{name}/probes.parquet")["rtt_us"].tolist()[0] for name in "ab"]
    assert skybed(1, "compare", "--exact", "a", "b").splitlines() == [
        "probes: 300 of 600 rows differ; the first is row 0 (flow down, seq 0): "
        f"rtt_us is {rtt_us[0]!r} and {rtt_us[1]!r}.",
        "  seed: 1 and 2",
    ]
    told = json.loads(skybed(1, "compare", "--exact", "--json", "a", "b"))
    assert told["same"] is False
    assert told["differences"][0]["table"] == "probes" and told["differences"][0]["differing"] == 300
    a, b = told["tables_sha256"]
    assert [name for name in a if a[name] != b[name]] == ["probes"]


def test_a_missing_table_is_bad_input(run):
    run("a")
    run("b")
    pathlib.Path("b", "routes.parquet").unlink()
    assert "b: the table routes.parquet is missing" in skybed(2, "compare", "--exact", "a", "b")


def test_figures_side_by_side(run):
    run("a")
    run("b", slower_us=250)
    lines = [line.split() for line in skybed(0, "compare", "a", "b").splitlines()]
    assert lines[:2] == [["A", "PASS", "a"], ["B", "PASS", "b"]]
    assert lines[3][:4] == ["down", "RTT", "p50", "ms"] and lines[3][-3:] == ["+0.250", "beyond", "noise"]
    assert [line[0] for line in lines[3:]].count("across") == 1
    assert " ".join(lines[-2]).startswith("down RTT p50: ") and " ".join(lines[-2]).endswith(
        " ms, +0.25 ms (95 %: +0.25 to +0.25): beyond the noise, Cliff's delta +0.37 (medium)."
    )
    told = json.loads(skybed(0, "compare", "--json", "a", "b"))
    changed = [row for row in told["figures"] if row["difference"]]
    assert [(row["figure"], row["outcome"]) for row in changed] == [
        ("rtt_p50_ms", "beyond noise"), ("rtt_p99_ms", "beyond noise"),
    ]  # fmt: skip
    assert changed[0]["low"] == approx(0.25) and 0.3 < changed[0]["cliffs_delta"] < 0.5


def test_runs_that_have_no_flow_in_common_say_so(run, place):
    run("a")
    Builder(place / "b", plan_of(TINY)).load()
    said = skybed(0, "compare", "a", "b")
    shared = "The runs have no flow in common, so nothing is compared: A has "
    assert (shared in said) and "B has " in said
    assert shared not in skybed(0, "compare", "a", "a")


def test_figures_beyond_the_noise_fail_a_check(run):
    run("a")
    run("b", slower_us=250)
    skybed(1, "compare", "a", "b", "--junit", "j.xml")
    (suite,) = ET.parse("j.xml").getroot()
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["10", "2", "0", "2"]
    outcomes = {case.get("name"): [found.tag for found in case] for case in suite.iter("testcase")}
    assert outcomes["down.rtt_p50_ms"] == ["failure"] and outcomes["across.rtt_p50_ms"] == []
    assert outcomes["down.outage_s"] == ["skipped"]  # one number in a run
    skybed(0, "compare", "a", "a", "--junit", "j.xml")


def test_three_runs_in_one_table_and_on_one_page(run, place):
    for name, slower_us in (("a", 0), ("b", 100), ("c", 200)):
        run(name, slower_us=slower_us)
    lines = [line.split() for line in skybed(0, "compare", "a", "b", "c", "--html", "x/p.html").splitlines()]
    assert lines[:4] == [
        ["A", "PASS", "a"], ["B", "PASS", "b"], ["C", "PASS", "c"], ["flow", "unit", "A", "B", "C"],
    ]  # fmt: skip
    rtt_ms = [float(value) for value in lines[4][4:]]
    assert lines[4][:4] == ["down", "RTT", "p50", "ms"]
    assert [value - rtt_ms[0] for value in rtt_ms] == approx([0, 0.1, 0.2], abs=2e-3)
    told = json.loads(skybed(0, "compare", "--json", "a", "b", "c"))
    assert [row["name"] for row in told["runs"]] == ["a", "b", "c"]
    assert {row["run"] for row in told["totals"]} == {"a", "b", "c"} and told["events"] == []
    page = place / "x" / "p.html"
    assert 'src="http' not in page.read_text()
    seen = shown(page, place)
    assert "3 runs compared" in seen and seen.count("<img") == 2  # without events and control traffic


def test_a_run_beside_itself_is_two_runs_on_a_page(place):
    Builder(place / "a", plan_of(TINY)).load()  # in it a link ends, which costs probes
    skybed(0, "compare", "a", "a", "--html", "p.html")
    page = pathlib.Path("p.html").read_text()
    assert "a (1)" in page and "a (2)" in page
    told = json.loads(skybed(0, "compare", "--json", "a", "a", "a"))
    assert [row["name"] for row in told["runs"]] == ["a (1)", "a (2)", "a (3)"]
    (first, second, third) = (row | {"run": ""} for row in told["events"])
    assert first == second == third and first["kind"] == "planned"


def test_how_many_can_be_compared(run):
    run("a")
    assert "1 given: name two runs, or up to 26." in skybed(2, "compare", "a")
    said = skybed(2, "compare", "--exact", "a", "a", "a")
    assert "3 given: --exact, --junit and campaigns take two." in said


def test_figures_of_an_invalid_run_are_shown_as_such(run):
    run("a")
    run("b", finished=False)
    said = skybed(3, "compare", "a", "b")
    assert "\nB  INVALID  b  The run was not finished: 30 s of 30 s were played.\n" in said


def test_a_baseline_is_accepted_and_kept_to(run):
    run("a")
    assert skybed(0, "baseline", "accept", "a") == ("Accepted: baselines/pair.json, 10 figures of 2 flows.\n")
    assert skybed(0, "baseline", "check", "a") == "PASS  baselines/pair.json: 10 figures within tolerance\n"


def test_a_baseline_that_is_left(run):
    run("a")
    run("b", slower_us=250)
    skybed(0, "baseline", "accept", "a", "--file", "x/l.json")
    said = skybed(1, "baseline", "check", "b", "--file", "x/l.json", "--junit", "r/j.xml")
    head, *lines = said.splitlines()
    assert head == "FAIL  x/l.json: 2 of 10 figures left the tolerance"
    assert re.fullmatch(
        r"  down rtt_p50_ms is [\d.]+ ms; the baseline is [\d.]+ ms, give or take 0.1 ms.", lines[0]
    )
    assert lines[-1] == "  Not the same to the bit as what was accepted: probes."
    (suite,) = ET.parse("r/j.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("10", "2", "0")
    failed = {case.get("name"): case.find("failure").get("message") for case in suite.iter("testcase")
              if case.find("failure") is not None}  # fmt: skip
    assert failed["down.rtt_p50_ms"] == lines[0].strip()
    assert list(failed) == ["down.rtt_p50_ms", "down.rtt_p99_ms"]


def test_an_invalid_run_is_neither_kept_nor_left(run):
    run("a")
    skybed(0, "baseline", "accept", "a")
    run("b", finished=False)
    said = skybed(3, "baseline", "check", "b", "--junit", "j.xml")
    assert said == "skybed: b: this run is invalid. The run was not finished: 30 s of 30 s were played.\n"
    (suite,) = ET.parse("j.xml").getroot()
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert suite.find("testcase/error").get("message").startswith("invalid: b: this run is invalid.")
    skybed(3, "baseline", "accept", "b", "--file", "other.json")
    assert not pathlib.Path("other.json").exists()


def test_junit_is_written_as_pytest_writes_it(pytester, run):
    """Every element and attribute of ours is one that pytest writes, at the same place."""
    run("a")
    run("b", slower_us=250)
    skybed(0, "baseline", "accept", "a", "--file", "l.json")
    skybed(1, "baseline", "check", "b", "--file", "l.json", "--junit", "ours.xml")
    ours = ET.parse("ours.xml").getroot()
    pytester.chdir()
    pytester.makepyfile("""
        def test_fails(record_testsuite_property):
            record_testsuite_property("skybed", "0.1.0")
            assert False
        def test_passes(): pass
    """)
    pytester.runpytest_inprocess("--junit-xml=theirs.xml", "-o", "junit_family=xunit2")

    def shape(element, path=""):
        path += f"/{element.tag}"
        return {path, *(f"{path}@{name}" for name in element.attrib)}.union(
            *(shape(child, path) for child in element)
        )

    assert shape(ours) == shape(ET.parse("theirs.xml").getroot())
