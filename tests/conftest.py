"""Marks and their book-keeping: how many live tests ran, in which lane, and that CI ran some.

A live test that is skipped because a laptop has no lane is fine. In CI (CI=true) it is a failure, and so is
a whole run without a live test that passed: a green run must mean that packets crossed a network.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from emulator.host import choose_lane

IN_CI = os.environ.get("CI") == "true"
COUNTS = pytest.StashKey[Counter]()


def pytest_configure(config):
    config.stash[COUNTS] = Counter()


@pytest.fixture(autouse=True)
def _live_needs_a_lane(request):
    if request.node.get_closest_marker("live"):
        choice = choose_lane()
        if choice.lane is None:
            pytest.skip(f"no kernel lane: {choice.why}; scripts/install builds one")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.get_closest_marker("live") is None:
        return report
    if report.skipped and IN_CI and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a live test may not be skipped in CI ({reason})"
    if report.when == "call" or report.outcome != "passed":
        item.config.stash[COUNTS][report.outcome] += 1
    return report


def _whole_run(config):
    """Whether everything was asked for, rather than some files, names or marks."""
    option = config.option
    return not (option.markexpr or option.keyword or option.collectonly or config.args_source.name == "ARGS")


def pytest_sessionfinish(session, exitstatus):
    counts = session.config.stash[COUNTS]
    if IN_CI and exitstatus == pytest.ExitCode.OK and not counts["passed"] and _whole_run(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    counts = config.stash[COUNTS]
    lane = choose_lane().lane or "no"
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
    terminalreporter.write_line(f"live tests in the {lane} lane: {told}")
    if IN_CI and not counts["passed"] and _whole_run(config):
        terminalreporter.write_line("no live test passed: that is a failure in CI", red=True)
