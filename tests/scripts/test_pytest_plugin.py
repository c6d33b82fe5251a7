"""The pytest plugin, in sessions of its own; runs are made from geometry instead of being played."""

import os
import pathlib
import re
import shutil
import signal
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest

import skybed
from skybed.analysis import tested
from skybed.analysis.compare import baseline
from skybed.analysis.pages import report
from skybed.scripts.running import run
from skybed.topologies.errors import InvalidRun
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.tiny_sky import Builder

pytest_plugins = ["pytester"]

PAIR = pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml"
PLANS: dict[str, Plan] = {}  # by hash of the scenario


@pytest.fixture(scope="module", autouse=True)
def _imported(tmp_path_factory):
    """Whatever a run imports: a session of pytester forgets its imports, and some cannot be done twice."""
    plan = Plan.make(Scenario.load(PAIR))
    PLANS[plan.scenario.sha256] = plan
    assert tested.load(Builder(tmp_path_factory.mktemp("first") / "run", plan).load().dir).verdict


@pytest.fixture
def played(monkeypatch, pytester):
    """Stands in for the lane: a good run, or one with the manifest of `played.manifest`. Notes the calls."""
    stand_in = SimpleNamespace(calls=[], manifest={})

    def play(scenario, options, out, **_beside):
        stand_in.calls.append((scenario, options, out))
        print("planning", file=sys.stderr)
        if scenario.sha256 not in PLANS:
            PLANS[scenario.sha256] = Plan.make(scenario)
        build = Builder(out, PLANS[scenario.sha256])
        build.manifest |= {"clock": options.clock, **stand_in.manifest}
        build.load()
        return True

    monkeypatch.setattr(run, "execute", play)
    monkeypatch.setattr(report, "write", lambda run, judged: (run.dir / "report.html").touch())  # slow
    shutil.copy(PAIR, pytester.path / "pair.yaml")
    return stand_in


@pytest.fixture
def session(pytester, played):
    """session(tests, *arguments) runs pytest on a file of tests that begins with the usual imports."""

    def run(tests, *arguments):
        imports = "import pytest\nfrom skybed.analysis.units import mbps, ms, percent, s\n"
        pytester.makepyfile(imports + tests)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "--color=no", *arguments)

    return run


def properties(case):
    return {p.get("name"): p.get("value") for p in case.iter("property")}


PASSING = """
def test_round_trips(skybed):
    run = skybed.run("pair.yaml")
    assert run.rtt("eo-0-0", "sanya").p99 < 10 * ms
    assert run.verdict.reasons == []

def test_loss(skybed):
    assert skybed.run("pair.yaml").loss("across") > 25 * percent
"""


def test_a_scenario_runs_once_in_virtual_time_and_quietly(session, played):
    result = session(PASSING, "-s")
    result.assert_outcomes(passed=2)
    ((scenario, options, out),) = played.calls
    assert (scenario.name, options) == ("pair", run.Options(lane="auto", clock="virtual"))
    assert "planning" not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines(["*skybed runs*", f"PASS     {out}"])
    assert {path.name for path in out.iterdir()} >= {"verdict.json", "probes.parquet"}
    assert not (out / "report.html").exists()  # nobody wants to look
    assert "test_a_scenario_runs_once" in str(out)  # in pytest's temporary directory


def test_other_options_or_fields_are_another_run(session, played):
    session("""
def test(skybed):
    runs = [skybed.run("pair.yaml"), skybed.run("pair.yaml", clock="real"), skybed.run("pair.yaml", seed=2),
            skybed.run("pair.yaml", duration_s=20, faults=[]), skybed.run("pair.yaml", seed=2),
            skybed.run("pair.yaml", cores=2)]
    assert runs[2] is runs[4]
    """).assert_outcomes(passed=1)  # fmt: skip
    assert [(s.seed, s.duration_s, o.clock, o.cores, out.name) for s, o, out in played.calls] == [
        (1, 30, "virtual", 1, "pair"), (1, 30, "real", 1, "pair-2"), (2, 30, "virtual", 1, "pair-3"),
        (1, 20, "virtual", 1, "pair-4"), (1, 30, "virtual", 2, "pair-5"),
    ]  # fmt: skip


def test_runs_are_kept_where_the_user_wants_them(session, played, pytester):
    for _ in range(2):
        session(PASSING, "--skybed-runs=kept").assert_outcomes(passed=2)
    assert [out for _, _, out in played.calls] == [
        pytester.path / "kept" / "pair", pytester.path / "kept" / "pair-2"
    ]  # fmt: skip
    assert all((out / "report.html").is_file() for _, _, out in played.calls)


def test_paths_are_relative_to_the_root_directory(session, pytester, monkeypatch):
    pytester.makeini("[pytest]\n")
    elsewhere = pytester.mkdir("elsewhere")
    monkeypatch.chdir(elsewhere)
    session(PASSING, str(pytester.path)).assert_outcomes(passed=2)


def test_a_ready_scenario_is_run_by_its_name(session, played, pytester):
    tests = "def test(skybed): assert skybed.run('pair').rtt('eo-0-0', 'sanya').p99 < 10 * ms"
    session(tests).assert_outcomes(passed=1)
    (pytester.path / "pair").write_text(f"{PAIR.read_text()}\nseed: 7\n")
    session(tests).assert_outcomes(passed=1)
    assert [scenario.seed for scenario, *_ in played.calls] == [1, 7]


def test_a_field_that_a_scenario_has_not(session, played):
    result = session("def test(skybed): skybed.run('pair.yaml', duration=20)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E  *pair.yaml with duration: duration is not a field*"])
    assert "validation.py" not in result.stdout.str()  # the traceback ends in the test
    assert not played.calls


def test_a_limit_that_is_exceeded_reads_well(session, played):
    result = session("""
def test_round_trips(skybed):
    assert skybed.run("pair.yaml").rtt("eo-0-0", "sanya").p99 < 2 * ms
    """)
    result.assert_outcomes(failed=1)
    ((_, _, out),) = played.calls
    assert (out / "report.html").is_file()
    result.stdout.re_match_lines([
        r"E   +assert 8\.\d+ ms < 2 ms$",
        r"E   +p99 of the RTT of down, eo-0-0 to sanya: over by 6\.\d+ ms$",
        r"-+ skybed -+$",
        r"<pass run .*/pair>, report.html is in it",
    ])  # fmt: skip


def test_a_forgotten_unit_is_an_error_not_a_pass(session):
    result = session("def test(skybed): assert skybed.run('pair.yaml').rtt('down').p99 < 2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E * TypeError: 2 has no unit; write a time as in 120 [*] ms."])


INVALID = """
def test_round_trips(skybed):
    assert skybed.run("pair.yaml").rtt("down").p99 < 10 * ms

@pytest.fixture
def run(skybed):
    return skybed.run("pair.yaml")

def test_in_a_fixture(run):
    pass

def test_that_fails():
    assert False

def test_that_passes():
    pass
"""


def test_an_invalid_run_is_not_a_failed_test(session, played):
    played.manifest = {"finished": False, "played_s": 12.0}
    result = session(INVALID, "-v", "--junit-xml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(played.calls) == 1
    result.stdout.re_match_lines([
        r".*::test_round_trips INVALID +\[ 25%\]",
        r".*::test_in_a_fixture INVALID +\[ 50%\]",
        r".*::test_that_fails FAILED +\[ 75%\]",
        r".*::test_that_passes PASSED +\[100%\]",
        r"=+ invalid: the emulation was distorted, nothing can be said =+",
        r".*/pair: this run is invalid\. The run was not finished: 12 s of 30 s were played\.",
        r"    .*::test_round_trips",
        r"    .*::test_in_a_fixture",
        r"INVALID  .*/pair",
        r"=+ 1 failed, 1 passed, 2 invalid in .*",
    ])  # fmt: skip
    result.stdout.no_re_match_line(r"_+ test_round_trips _+")  # no traceback
    (suite,) = ET.parse("junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    cases = {case.get("name"): case for case in suite}
    for name in ("test_round_trips", "test_in_a_fixture"):
        (error,) = cases[name].findall("error")
        assert error.get("message").startswith("invalid: ")
        assert "The run was not finished: 12 s of 30 s" in error.get("message")
        assert cases[name].find("failure") is None
    assert cases["test_that_fails"].find("failure") is not None


def test_junit_xml_without_an_invalid_run_is_pytest_s_own(session):
    session(PASSING, "--junit-xml=junit.xml")
    (suite,) = ET.parse("junit.xml").getroot()
    first, second = suite
    figures = properties(first)
    assert list(figures) == [
        "pair.down.rtt_p50_ms", "pair.down.rtt_p99_ms", "pair.down.loss_pct", "pair.down.outages",
        "pair.down.outage_s",
    ]  # fmt: skip
    assert 8 < float(figures["pair.down.rtt_p99_ms"]) < 9
    assert float(properties(second)["pair.across.loss_pct"]) == pytest.approx(29, abs=1)


def test_a_letter_for_invalid(session, played):
    played.manifest = {"finished": False}
    assert "IIF." in session(INVALID).stdout.str()


def test_a_lane_that_died_is_invalid_too(session, monkeypatch):
    def died(*arguments):
        raise InvalidRun("The lane ended before the run did.")

    monkeypatch.setattr(run, "execute", died)
    result = session("def test(skybed): skybed.run('pair.yaml')", "-rA")
    result.stdout.fnmatch_lines(["The lane ended before the run did.", "*= 1 invalid in *"])


def test_ctrl_c_in_a_run_ends_the_session(session, played, monkeypatch):
    whole = run.execute

    def interrupted(*arguments):
        """As the real one: it takes Ctrl-C for the wish to end the run, and returns."""
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        return whole(*arguments)

    monkeypatch.setattr(run, "execute", interrupted)
    with pytest.raises(KeyboardInterrupt):  # of the session
        session(PASSING)
    assert len(played.calls) == 1


BASELINE = "def test(skybed): assert skybed.run('pair.yaml').matches_baseline('pair.json')"


def test_a_baseline_is_matched(session, played, pytester):
    session(PASSING, "--skybed-runs=kept")
    baseline.accept([skybed.load("kept/pair")], pytester.path / "pair.json")
    session(BASELINE).assert_outcomes(passed=1)
    file = pytester.path / "pair.json"
    file.write_text(re.sub(r'"loss_pct": {"value": 29.\d+', '"loss_pct": {"value": 9.0', file.read_text()))
    result = session(BASELINE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "E   AssertionError: 1 of 10 figures left the tolerance of pair.json:",
        "E     across loss_pct is 29.* %; the baseline is 9 %, give or take 0.1 %.",
    ])  # fmt: skip
    assert "tested.py" not in result.stdout.str()  # the traceback ends in the test


def test_a_session_without_runs_does_not_load_skybed(pytester):
    pytester.makepyfile("""
        import sys
        def test_modules():
            assert "skybed.scripts.pytest_plugin" in sys.modules
            assert not {"pandas", "topologies", "analysis"} & set(sys.modules)
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*skybed runs*")
