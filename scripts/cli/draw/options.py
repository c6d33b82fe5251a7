"""What the commands that draw a sky share: their options, and how figures are written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from skybed.analysis import run
from skybed.analysis.pages import saving
from skybed.analysis.pages.sky import moving
from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.style import FORMATS, Picture
from skybed.analysis.run import Run
from skybed.scripts.cli import scenarios
from skybed.topologies import files
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan

MOST = 2000  # pictures of one that moves
FASTEST = 50  # of them a second: GIF counts hundredths, and browsers take less than two for ten

argument = click.argument("what", type=click.Path(path_type=Path))


class When(NamedTuple):
    """At which run times, s. every_s: None: one picture."""

    at_s: float
    until_s: float | None
    every_s: float | None
    frames_s: float

    @property
    def moves(self) -> bool:
        return self.until_s is not None

    def times_s(self, plan: Plan) -> list[float]:
        """Raises ScenarioError for what is not within the plan."""
        until_s = self.at_s if self.until_s is None else self.until_s
        for option, t_s in (("--at", self.at_s), ("--until", until_s)):
            if not 0 <= t_s <= plan.duration_s:
                raise ScenarioError(
                    f"{option} is {t_s:g}; the plan is of 0 to {plan.duration_s:g} s, see --duration."
                )
        if self.until_s is None:
            return [self.at_s]
        every_s = (until_s - self.at_s) / 50 if self.every_s is None else self.every_s
        if not (until_s > self.at_s and every_s > 0 and (until_s - self.at_s) / every_s < MOST):
            raise ScenarioError(
                f"--at is {self.at_s:g}, --until {until_s:g} and --every {every_s:g}; give times that rise, "
                f"and at most {MOST} pictures."
            )
        return np.arange(self.at_s, until_s + every_s * 1e-6, every_s).tolist()


class Asked(NamedTuple):
    """A figure of an instant. source, target: ends of a path that it shows."""

    what: Path
    when: When
    source: str | None
    target: str | None
    out: Path | None
    start: str | None
    duration_s: float | None


def of_an_instant(path: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The argument and the options that a command takes as `asked`. path: --from and --to must be given."""
    options = (
        argument,
        click.option("--at", "at_s", type=float, default=0.0, show_default=True, metavar="SECONDS",
                     help="The run time that is shown."),
        click.option("--until", "until_s", type=float, metavar="SECONDS",
                     help="Let it move from --at to that run time."),
        click.option("--every", "every_s", type=float, metavar="SECONDS",
                     help="From one picture to the next.  [default: 50 in all]"),
        click.option("--fps", "frames_s", type=click.FloatRange(0.1, FASTEST), default=10.0,
                     show_default=True, metavar="N", help="Pictures shown a second."),
        click.option("--from", "source", metavar="NODE", required=path,
                     help="Show the best path from that node, as `skybed path` has it."),
        click.option("--to", "target", metavar="NODE", required=path, help="And the other end."),
        click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
                     help="Draw it there: .svg, .pdf or .png; one that moves .gif or .mp4.  "
                     "[default: SCENARIO-FIGURE.svg, or .gif]"),
        scenarios.start_option,
        scenarios.duration_option,
    )  # fmt: skip

    def decorated(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(
            what: Path, at_s: float, until_s: float | None, every_s: float | None, frames_s: float,
            source: str | None, target: str | None, out: Path | None, start: str | None,
            duration_s: float | None, **more: Any,
        ) -> None:  # fmt: skip
            when = When(at_s, until_s, every_s, frames_s)
            check(out, when)
            function(Asked(what, when, source, target, out, start, duration_s), **more)

        decorate: Callable[..., None] = command
        for option in reversed(options):
            decorate = option(decorate)
        return decorate

    return decorated


def ends(plan: Plan, source: str | None, target: str | None) -> tuple[str, str] | None:
    """Names of two nodes, or none. Raises ScenarioError for one without the other, and for who is no node."""
    if source is None and target is None:
        return None
    if source is None or target is None or source == target:
        raise ScenarioError("A path has two ends; give two nodes with --from and --to.")
    for name in (source, target):
        plan.node(name)
    return source, target


def check(out: Path | None, when: When | None = None) -> None:
    """Raise an error if there can be no figure of that name: before the plan is worked out."""
    moves = when is not None and when.moves
    if when is not None and not moves and when.every_s is not None:
        raise ScenarioError("--every is for a figure that moves; give --until, too.")
    if out is None:
        return
    endings = moving.FORMATS if moves else tuple(f".{form}" for form in FORMATS)
    if out.suffix not in endings:
        kind = "a figure that moves" if moves else "a figure"
        more = "" if moves or out.suffix not in moving.FORMATS or when is None else "; --until makes it move"
        raise ScenarioError(
            f"{out} cannot be {kind}: its name must end in one of {', '.join(endings)}{more}."
        )
    files.check(out, "--out")
    moving.check(out)


def planned(what: Path, start: str | None, duration_s: float | None) -> tuple[Plan, Run | None]:
    """The plan of a scenario, of a directory, or of a run, which is then given too."""
    if what.is_dir() and (start, duration_s) != (None, None):
        raise ScenarioError(f"{what} is planned already; --start and --duration are for a scenario.")
    if (what / "manifest.json").is_file():
        measured = run.load(what)
        return measured.plan, measured
    return scenarios.saved_or_planned(what, duration_s, start), None


def draw(name: str, asked: Asked, picture: Callable[[Instant], Picture]) -> None:
    """Write a figure of a name, at one instant or at many."""
    plan, _ = planned(asked.what, asked.start, asked.duration_s)
    write(name, asked, plan, picture)


def write(name: str, asked: Asked, plan: Plan, picture: Callable[[Instant], Picture]) -> None:
    """The same where the plan is known already."""
    of = ends(plan, asked.source, asked.target)
    instants = [Instant(plan, t_s, of) for t_s in asked.when.times_s(plan)]
    path = asked.out or Path(f"{plan.scenario.name}-{name}{'.gif' if asked.when.moves else '.svg'}")
    if asked.when.moves:
        moving.write((picture(one).drawn("png") for one in instants), path, asked.when.frames_s)
        told(path, f"{len(instants)} pictures, ")
    else:
        saving.write(picture(instants[0]), path)
        told(path)


def told(path: Path, more: str = "") -> None:
    size = path.stat().st_size
    click.echo(f"{path}: {more}{size / 1e6:.1f} MB" if size >= 1e6 else f"{path}: {more}{size / 1e3:.0f} kB")
