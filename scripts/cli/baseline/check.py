"""Hold a run to a baseline.

The exit code is 1 if a figure left its tolerance, 3 if the run is invalid.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from skybed.analysis import verdict
from skybed.analysis.compare import baseline, junit
from skybed.analysis.run import Run, load
from skybed.scripts.cli.baseline import options
from skybed.scripts.cli.terminal import Terminal
from skybed.topologies.errors import InvalidRun


@click.command("check", help=__doc__)
@click.argument("run", type=click.Path(path_type=Path))
@options.file
@click.option("--junit", "junit_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a test case for each figure there.")  # fmt: skip
def command(run: Path, file: Path | None, junit_file: Path | None) -> None:
    loaded = load(run)
    file = file or baseline.default_file(loaded)
    outcome = _hold(loaded, file, junit_file)
    render(outcome, file, Terminal())
    sys.exit(1 if outcome.left else 0)


def _hold(run: Run, file: Path, junit_file: Path | None) -> baseline.Outcome:
    """A run against a baseline, also written as JUnit XML; of an invalid run that is the last thing done."""
    suite = f"baseline.{file.stem}"
    facts: dict[str, object] = {
        name: getattr(run.manifest, name) for name in ("skybed", "clock", "started_utc")
    }
    try:
        verdict.refuse_invalid(run, verdict.judge(run))
    except InvalidRun as why:
        if junit_file is not None:
            junit.write(junit_file, suite, [junit.Case("valid", "error", f"invalid: {why}")], facts)
        raise
    outcome = baseline.check(run, file)
    if junit_file is not None:
        junit.write(junit_file, suite, [_case(check) for check in outcome.checks], facts)
    return outcome


def _case(check: baseline.Check) -> junit.Case:
    name = f"{check.flow}.{check.figure}"
    return junit.Case(name) if check.kept else junit.Case(name, "failure", str(check))


def render(outcome: baseline.Outcome, file: Path, console: Console) -> None:
    """How many figures left their tolerance, and a line for each."""
    left, checked = len(outcome.left), len(outcome.checks)
    head = f"FAIL  {file}: {left} of {checked} figures left the tolerance"
    if not left:
        head = f"PASS  {file}: {checked} figures within tolerance"
    console.print(Text(head), soft_wrap=True)
    for line in [*map(str, outcome.left), *outcome.notes]:
        console.print(Text(f"  {line}"), soft_wrap=True)
