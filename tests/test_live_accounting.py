"""A green run in CI means that packets crossed a network."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
CONFTEST = Path(__file__).with_name("conftest.py").read_text()

LIVE = "import pytest\n@pytest.mark.live\ndef test_live(): {}\n"


@pytest.fixture
def run(pytester, monkeypatch):
    def run(body, *arguments, ci=True):
        monkeypatch.setenv("CI", "true" if ci else "")
        lane = "from skybed.emulator.lanes import host\n"
        lane += "host.choose_lane = lambda: host.Choice('uml', 'for this test')\n"
        pytester.makeconftest(lane + CONFTEST.replace("from __future__ import annotations\n", ""))
        pytester.makeini("[pytest]\nmarkers = live: x\n")
        pytester.makepyfile(body)
        return pytester.runpytest_subprocess(*arguments)

    return run


def test_in_ci_a_live_test_that_passes_is_counted(run):
    result = run(LIVE.format("pass"))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["live tests in the uml lane: 1 passed, 0 failed, 0 skipped"])


def test_in_ci_a_skipped_live_test_fails(run):
    result = run(LIVE.format("pytest.skip('no time')"))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*may not be skipped in CI*no time*"])


def test_in_ci_a_run_without_live_tests_fails(run):
    result = run("def test_other(): pass")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["no live test passed: that is a failure in CI"])


def test_in_ci_a_part_of_the_tests_may_lack_live_ones(run):
    assert run("def test_other(): pass", "-m", "not live").ret == 0


def test_elsewhere_a_live_test_may_be_skipped(run):
    assert run(LIVE.format("pytest.skip('no time')"), ci=False).ret == 0
