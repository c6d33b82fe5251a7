"""Marks and their book-keeping: how many live tests ran, in which lane, and that CI ran some.

A live test that is skipped because a laptop has no lane is fine. In CI (CI=true) it is a failure, and so is
a run in which no live test passed, unless some files, names or marks without them were asked for: a green run
must mean that packets crossed a network. Tests may run beside each other (pytest-xdist), but for those that
are marked `alone`.
"""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter

import hypothesis
import pytest

from skybed.emulator.lanes.host import choose_lane

hypothesis.settings.register_profile("patient", deadline=None)  # no test depends on an idle machine
hypothesis.settings.load_profile("patient")

IN_CI = os.environ.get("CI") == "true"
COUNTS = pytest.StashKey[Counter]()
# The longest files, longest first: so no processor idles at the end.
LONG = (
    "test_in_real_time", "test_routing", "test_domains_live", "test_daemons_live", "test_programs",
    "test_virtual_time", "test_bench", "test_killed_campaigns", "test_cluster", "test_hand",
    "test_example_ci",
)  # fmt: skip


def pytest_configure(config):
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:  # as in the background of a script, or by nohup
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
    config.stash[COUNTS] = Counter()
    config.pluginmanager.register(Count(config.stash[COUNTS]))


def pytest_collection_modifyitems(items):
    turn = {name: n for n, name in enumerate(LONG)}
    items.sort(key=lambda item: turn.get(item.path.stem, len(LONG)))


def pytest_collection_finish():
    gc.freeze()  # what is imported stays: to look through it takes the collector a tenth of the time


@pytest.fixture(autouse=True)
def _live_needs_a_lane(request):
    if request.node.get_closest_marker("live"):
        choice = choose_lane()
        if choice.lane is None:
            pytest.skip(f"no kernel lane: {choice.why}; `skybed install` builds one")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.get_closest_marker("live") is None:
        return report
    if report.skipped and IN_CI and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a live test may not be skipped in CI ({reason})"
    return report


class Count:
    """Counts live tests where all reports come together."""

    def __init__(self, counts):
        self._counts = counts

    def pytest_runtest_logreport(self, report):
        if "live" in report.keywords and (report.when == "call" or report.outcome != "passed"):
            self._counts[report.outcome] += 1


def _lacks_live_tests(config):
    """Whether none passed, of a run that was to have some: not of some files or names, or without them."""
    option = config.option
    some = option.keyword or option.collectonly or config.args_source.name == "ARGS"
    return IN_CI and not (config.stash[COUNTS]["passed"] or some or "not live" in option.markexpr)


def pytest_sessionfinish(session, exitstatus):
    worker = hasattr(session.config, "workerinput")
    if exitstatus == pytest.ExitCode.OK and not worker and _lacks_live_tests(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    counts = config.stash[COUNTS]
    lane = choose_lane().lane or "no"
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
    terminalreporter.write_line(f"live tests in the {lane} lane: {told}")
    if _lacks_live_tests(config):
        terminalreporter.write_line("no live test passed: that is a failure in CI", red=True)
