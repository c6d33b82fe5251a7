"""The pytest plugin: a network runs once per session, and tests ask it how it did.

    def test_commands_are_quick(skybed):
        run = skybed.run("network.yaml")
        assert run.rtt("beijing", "eo-0-0").p99 < 120 * ms

It also tells *invalid* from failed: where the emulation was distorted, a test could not tell anything. Every
pytest session loads this module, so it imports the rest of skybed only when a test needs it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from skybed.analysis.tested import TestedRun
    from skybed.scripts.running.run import Options
    from skybed.topologies.scenario.file import Scenario

INVALID = "skybed_invalid"  # attribute of a report and property of a test: why the run could tell it nothing

WORKER_RUNS = "skybed_runs"  # what a worker of pytest-xdist tells at its end

PACKAGE = Path(__file__).absolute().parents[1]  # skybed

log = logging.getLogger("skybed")


class Session:
    """What the hooks know: the runs that were made, the test that runs now, and the runs that it asks."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, str]] = []  # status and directory
        self.item: pytest.Item | None = None
        self.asked: list[TestedRun] = []

    def note(self, run: TestedRun, flow: str) -> None:
        """A test asks about a flow: the flow's figures become properties of the test, for JUnit XML."""
        if self.item is None:
            return
        if run not in self.asked:
            self.asked.append(run)
        known = dict(self.item.user_properties)
        for figure, value in run.figures.get(flow, {}).items():
            name = f"{run.name}.{flow}.{figure}"
            if name not in known:
                self.item.user_properties.append((name, f"{value:.6g}"))


SESSION = pytest.StashKey[Session]()


class Skybed:
    """Runs scenarios, each once in a session. Relative paths are relative to pytest's root directory.

    reported: whether each is to have its report, whatever becomes of the tests.
    """

    def __init__(self, root: Path, folder: Path, session: Session, reported: bool) -> None:
        self._root, self._folder, self._session, self._reported = root, folder, session, reported
        self._made: dict[tuple[str, str, str, object, int], TestedRun | Exception] = {}

    def run(
        self,
        scenario: str | Path,
        *,
        clock: str = "virtual",
        lane: str = "auto",
        wall_limit_s: float | None = None,
        script: Any = None,
        cores: int = 1,
        **fields: Any,
    ) -> TestedRun:
        """The run of a scenario file, or of a ready scenario's name, made now or earlier in this session.

        clock, lane, wall_limit_s, cores: as of `skybed run`, but time is virtual unless told otherwise.
        script: as of skybed.run.
        fields: of the scenario, in the place of its own, such as duration_s=20, seed=2 or faults=[...], or
        by path as of Scenario.with_: **{"traffic[down].rate_hz": 20}.
        Raises InvalidRun where the emulation was distorted.
        """
        from skybed.scripts.running.run import Options
        from skybed.topologies.errors import SkybedError
        from skybed.topologies.model import ready
        from skybed.topologies.scenario.file import Scenario

        loaded = Scenario.load(ready.find(scenario, "scenario", self._root)).with_(fields)
        key = (loaded.sha256, clock, lane, script, cores)
        options = Options(lane=lane, clock=clock, wall_limit_s=wall_limit_s, script=script, cores=cores)
        if key not in self._made:
            try:
                self._made[key] = self._run(loaded, options)
            except SkybedError as error:
                self._made[key] = error
        outcome = self._made[key]
        if isinstance(outcome, Exception):
            raise outcome.with_traceback(None)  # not where it was raised before
        return outcome

    def _run(self, scenario: Scenario, options: Options) -> TestedRun:
        from skybed.analysis import tested, verdict
        from skybed.scripts.running.folders import make_unused
        from skybed.scripts.running.run import execute

        out = make_unused(self._folder / scenario.name)
        log.info("running %s in %s time, in %s", scenario.name, options.clock, out)
        with contextlib.redirect_stderr(io.StringIO()), _interrupts_kept():
            execute(scenario, options, out)
        run = tested.judge(out)
        run.root, run.asked = self._root, self._session.note
        self._session.runs.append((run.verdict.status, str(run.dir)))
        if self._reported:
            run.report()
        verdict.refuse_invalid(run, run.verdict)
        return run


@pytest.fixture(scope="session")
def skybed(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Skybed:
    """Runs scenarios: assert skybed.run("network.yaml").rtt("beijing", "eo-0-0").p99 < 120 * ms"""
    kept = pytestconfig.getoption("skybed_runs")
    folder = Path(kept).absolute() if kept else tmp_path_factory.mktemp("skybed", numbered=False)
    return Skybed(pytestconfig.rootpath, folder, pytestconfig.stash[SESSION], reported=bool(kept))


@contextlib.contextmanager
def _interrupts_kept() -> Iterator[None]:
    """A run that Ctrl-C ends early keeps its tables and returns; the session must hear of it all the same."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


# -- hooks -------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("skybed").addoption(
        "--skybed-runs",
        metavar="DIR",
        help="Keep run directories there, each with its report, not in pytest's temporary directory.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SESSION] = Session()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    session = item.config.stash[SESSION]
    session.item, session.asked = item, []
    try:
        return (yield)
    finally:
        session.item = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    reason = _reason(call)
    if reason:
        item.user_properties.append((INVALID, reason))
    _cut_to_the_test(call)
    report = yield
    if reason:
        setattr(report, INVALID, reason)
    elif report.failed and (asked := item.config.stash[SESSION].asked):
        for run in asked:
            run.report()
        report.sections.append(("skybed", "\n".join(f"{run!r}, report.html is in it" for run in asked)))
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, Any] | None:
    return ("invalid", "I", ("INVALID", {"purple": True})) if hasattr(report, INVALID) else None


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """Two quantities, what the first one is, and by how much they are not in order."""
    units = sys.modules.get("skybed.analysis.units")  # where it was not imported there are none
    if not units or op not in ("<", "<=", ">", ">=") or not isinstance(left, units.Quantity):
        return None
    off = f"{'over' if '<' in op else 'under'} by {abs(left - right)}"
    return [f"{left} {op} {right}", f"{left.of}: {off}" if left.of else off]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    invalid: dict[str, list[str]] = {}
    for report in terminalreporter.getreports("invalid"):
        invalid.setdefault(getattr(report, INVALID), []).append(report.nodeid)
    if invalid:
        terminalreporter.section("invalid: the emulation was distorted, nothing can be said", purple=True)
    for reason, tests in invalid.items():
        terminalreporter.write_line("\n    ".join([reason, *tests]))
    if runs := config.stash[SESSION].runs:
        terminalreporter.section("skybed runs")
        for status, folder in sorted(runs, key=lambda run: run[1]):
            terminalreporter.write_line(f"{status.upper():<7}  {folder}")


@pytest.hookimpl(trylast=True)  # after the file was written
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of pytest-xdist's workers
        session.config.workeroutput[WORKER_RUNS] = session.config.stash[SESSION].runs
    elif file := session.config.getoption("xmlpath", None):
        _tell_invalid(Path(os.path.expanduser(os.path.expandvars(file))))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended: what it told of its runs is told at the end with all others."""
    runs = getattr(node, "workeroutput", {}).get(WORKER_RUNS, [])
    node.config.stash[SESSION].runs += [tuple(run) for run in runs]


def _reason(call: pytest.CallInfo[None]) -> str | None:
    """Why a run is invalid, where that is what ended a test."""
    if call.excinfo is None:
        return None
    from skybed.topologies.errors import InvalidRun

    return str(call.excinfo.value) if isinstance(call.excinfo.value, InvalidRun) else None


def _cut_to_the_test(call: pytest.CallInfo[None]) -> None:
    """An error that skybed raises on purpose says all in its sentence: its traceback ends outside skybed."""
    if call.excinfo is None:
        return
    from skybed.topologies.errors import SkybedError

    if not isinstance(call.excinfo.value, SkybedError):
        return
    entries: list[TracebackType] = []
    entry: TracebackType | None = call.excinfo.tb
    while entry:
        if PACKAGE not in Path(entry.tb_frame.f_code.co_filename).parents:
            entries.append(entry)
        entry = entry.tb_next
    for outer in reversed(entries):
        entry = TracebackType(entry, outer.tb_frame, outer.tb_lasti, outer.tb_lineno)
    call.excinfo = pytest.ExceptionInfo.from_exception(call.excinfo.value.with_traceback(entry))


def _tell_invalid(file: Path) -> None:
    """In JUnit XML a test that an invalid run ended is an error that says so, not a failure."""
    if INVALID.encode() not in file.read_bytes():
        return
    tree = ET.parse(file)
    for suite in tree.iter("testsuite"):
        for case in suite.iter("testcase"):
            reason = case.find(f"properties/property[@name='{INVALID}']")
            if reason is None:
                continue
            for element in (*case.findall("failure"), *case.findall("error")):
                if element.tag == "failure":
                    suite.set("failures", str(int(suite.get("failures", 0)) - 1))
                    suite.set("errors", str(int(suite.get("errors", 0)) + 1))
                element.tag = "error"
                element.set("message", f"invalid: {reason.get('value')}")
    tree.write(file, encoding="utf-8", xml_declaration=True)
