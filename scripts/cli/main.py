"""The `skybed` command."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click
import numpy as np
from rich.console import Console

from skybed.scripts.cli.campaign import campaign
from skybed.topologies.errors import RunError, ScenarioError, SkybedError

if TYPE_CHECKING:
    from skybed.scripts.running.progress import Stages
    from skybed.topologies.model.scenario import Scenario
    from skybed.topologies.plan.plan import Plan

FINEST_STEP_S = 1e-3
DROPPED_SHOWN = 10
MOST_COMPARED = 26

EXIT_CODES = """
\b
Exit codes:
  0  pass, or done
  1  fail: what was measured is beyond an acceptance limit
  2  bad input: a sentence says what, where, and what to do
  3  invalid: the emulation was distorted, the figures are of no use
  4  this machine lacks something: see `skybed doctor`
"""


class Command(click.Group):
    """Turns every error that skybed knows into one sentence and its exit code."""

    def invoke(self, context: click.Context) -> None:
        try:
            super().invoke(context)
        except SkybedError as error:
            click.echo(f"skybed: {error}", err=True)
            context.exit(error.exit_code)
        except MemoryError:
            click.echo("skybed: not enough memory; take a shorter duration or fewer nodes.", err=True)
            context.exit(4)
        except KeyboardInterrupt:
            click.echo("skybed: interrupted; nothing of the run is left behind.", err=True)
            context.exit(130)
        except BrokenPipeError:  # `skybed path ... | head`
            sys.stderr.close()
            context.exit(0)
        except OSError as error:  # a disk that is full, a tool that is missing
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"skybed: {where}{error.strerror or error}.", err=True)
            context.exit(4)


@click.group(cls=Command, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="skybed")
def main() -> None:
    """A testbed for space-ground networks: Linux nodes, links that follow the orbits, measured answers.

    \b
    Start with:   skybed doctor
                  skybed run scenarios/pair.yaml
    """


scenario_argument = click.argument("scenario", type=click.Path(path_type=Path))
duration_option = click.option(
    "--duration", "duration_s", type=float, metavar="SECONDS", help="Instead of the scenario's duration_s."
)
start_option = click.option(
    "--start", metavar="TIME", help="When it begins, such as 2026-05-09T02:40:00Z.  [default: the scenario's]"
)


@main.command()
def doctor() -> None:
    """Tell what this machine can do, and the remedy for each lack."""
    from skybed.scripts.machine import doctor as examination

    checks = examination.examine()
    examination.render(checks, Console())
    sys.exit(examination.exit_code(checks))


@main.command()
@scenario_argument
@start_option
@duration_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIRECTORY", help="Save the plan there, as tables."
)
@click.option("--no-routes", is_flag=True, help="Leave routes out, which take most of the time.")
@click.option("--export", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the contacts there: .csv a table, .ionrc a contact plan for ION.")  # fmt: skip
@click.option("--against", type=click.Path(path_type=Path), metavar="PLAN",
              help="Show what differs from that plan: a directory of --out, or a scenario.")  # fmt: skip
def plan(
    scenario: Path, start: str | None, duration_s: float | None, out: Path | None, no_routes: bool,
    export: Path | None, against: Path | None,
) -> None:  # fmt: skip
    """Work out what the sky of a scenario will do, and show it.

    With --against, show only which contacts came, went, moved or changed their delay.
    """
    from skybed.scripts.cli import plans
    from skybed.scripts.running import folders
    from skybed.scripts.running.progress import Stages
    from skybed.topologies.plan import export as exports
    from skybed.topologies.plan.plan import Plan

    if export is not None:
        exports.check(export)
    loaded = _load(scenario, start)
    other = _plan_of(against, duration_s) if against else None
    with folders.fresh(out) if out else contextlib.nullcontext():
        with Stages() as stages:
            made = _make(loaded, duration_s, stages)
            if out is not None:
                made.save(out, with_routes=not no_routes)
            if other is None:
                counted = plans.counts(Plan.load(out) if out else made, not no_routes)
        if other is None:
            plans.render(made, counted, Console())
        else:
            plans.render_difference(made, other, Console())
        if export is not None:
            exports.write(made, export)


@main.command()
@scenario_argument
@click.argument("a")
@click.argument("b")
@start_option
@click.option("--step", "step_s", type=float, default=1.0, show_default=True, metavar="SECONDS",
              help="From one row to the next.")  # fmt: skip
@duration_option
def path(scenario: Path, a: str, b: str, start: str | None, step_s: float, duration_s: float | None) -> None:
    """Print the shortest path from A to B over time, as CSV.

    A and B are names of nodes. The path is that of the geometry: shortest delay over the links that stand.
    Columns: t_s, rtt_ms (there and back), path (node names); the last two are empty when B cannot be
    reached.
    """
    from skybed.topologies.plan.plan import Plan

    made = Plan.make(_load(scenario, start), duration_s=duration_s)
    if not FINEST_STEP_S <= step_s <= made.duration_s:
        raise ScenarioError(
            f"--step is {step_s:g}; it must be at least {FINEST_STEP_S:g} s and at most the duration, "
            f"{made.duration_s:g} s."
        )
    t_s = np.arange(int(made.duration_s / step_s + 1e-9) + 1) * step_s
    paths = made.path(a, b, t_s)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["t_s", "rtt_ms", "path"])
    for at_s, rtt_ms, number in zip(t_s, paths.rtt_ms, paths.path_id, strict=True):
        reached = number >= 0
        names = " ".join(paths.paths[number]) if reached else ""
        rows.writerow([f"{at_s:.10g}", f"{rtt_ms:.6f}" if reached else "", names])


@main.command()
@scenario_argument
@start_option
@click.option("--lane", type=click.Choice(["auto", "native", "uml"]), default="auto", show_default=True,
              help="Where: native is this machine's kernel, uml a Linux kernel as a process.")  # fmt: skip
@click.option("--clock", type=click.Choice(["real", "virtual"]), default="real", show_default=True,
              help="virtual: idle time is skipped, work takes none; uml only.")  # fmt: skip
@click.option("--wall-limit", "wall_limit_s", type=click.FloatRange(min=1), metavar="SECONDS",
              help="Kill the lane if it has not ended by then, on the wall's clock.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIRECTORY",
              help="For tables, verdict and report.  [default: runs/NAME-TIME]")  # fmt: skip
@click.option("--cli", "interactive", is_flag=True, help="Give Mininet's prompt on the moving sky.")
def run(
    scenario: Path,
    start: str | None,
    lane: str,
    clock: str,
    wall_limit_s: float | None,
    out: Path | None,
    interactive: bool,
) -> None:
    """Run a scenario live and judge what was measured.

    Ctrl-C ends the run early; what was measured until then is kept.
    """
    from skybed.scripts.running import folders
    from skybed.scripts.running import run as running

    running.interrupt_on_sigterm()
    loaded = _load(scenario, start)
    out = out or running.new_directory(loaded)
    options = running.Options(lane, clock, interactive, wall_limit_s)
    with folders.fresh(out):
        judgeable = running.run(loaded, options, out)
    if judgeable:
        _judge(out)
    else:
        click.echo(f"Left before the end of the scenario; the tables so far are in {out}.")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the verdict with all its figures as JSON.")
def report(run: Path, as_json: bool) -> None:
    """Judge a run again from its tables and write its report.

    RUN is a directory that `skybed run` made. verdict.json and report.html in it are written anew.
    """
    _judge(run, as_json)


@main.command()
@click.option("--quick", is_flag=True, help="Small sizes: to see that all of it works.")
@click.option("--only", "names", multiple=True, metavar="NAME", help="This section; may be repeated.")
@click.option("--scenario", type=click.Path(path_type=Path), metavar="FILE",
              help="What to run live.  [default: starlink-550; quick: sc-mini]")  # fmt: skip
@click.option("--budget", "budget_s", type=click.FloatRange(min=1), metavar="SECONDS",
              help="For stock Mininet to come up in.  [default: 120; quick: 2]")  # fmt: skip
@click.option("--lane", type=click.Choice(["auto", "native", "uml"]), default="auto", show_default=True,
              help="Where all of it is measured.")  # fmt: skip
@click.option("--json", "json_file", type=click.File("w", lazy=False), metavar="FILE",
              help="Write all figures there; - is standard output, instead of tables.")  # fmt: skip
def bench(
    quick: bool, names: tuple[str, ...], scenario: Path | None, budget_s: float | None, lane: str,
    json_file: TextIO | None,
) -> None:  # fmt: skip
    """Measure skybed beside stock Mininet, tc, Skyfield and Scapy.

    \b
    bring-up    time and memory of nodes and links, against Mininet
    updates     delays of links, against TCIntf.config and tc
    planning    a day of contacts and delays, against a loop with Skyfield
    live        command to first ping; how exact a run of a scenario is
    virtual     virtual time against the clock; whether runs repeat
    forwarding  UDP over 1, 5 and 12 hops
    generator   probes a second, against Scapy's send

    \b
    Only when named, for it takes half an hour:
    daemons     the largest sky with OSPF in every node
    """
    from skybed.scripts.bench import bench as benchmark
    from skybed.scripts.running import run as running

    running.interrupt_on_sigterm()
    found = benchmark.run(names, lane, benchmark.sizes(quick, scenario, budget_s))
    if json_file is not None:
        json.dump(found, json_file, indent=2)
    if json_file is None or json_file.name != "<stdout>":
        benchmark.render(found, Console())


def _load(path: Path, start: str | None = None) -> Scenario:
    """A scenario, with another start if one is given. A line on standard error tells of each object of its
    element files that cannot be used.
    """
    from skybed.topologies.model.scenario import Scenario
    from skybed.topologies.orbits import elements

    scenario = Scenario.load(path)
    dropped = elements.dropped(scenario)
    for layer, thing in dropped[:DROPPED_SHOWN]:
        line = f", line {thing.line} of its elements" if thing.line else ""
        click.echo(f"Left out of layer {layer}: {thing.name}{line}: {thing.reason}.", err=True)
    if len(dropped) > DROPPED_SHOWN:
        click.echo(f"... and {len(dropped) - DROPPED_SHOWN} more.", err=True)
    return scenario if start is None else _starting(scenario, start)


def _starting(scenario: Scenario, start: str) -> Scenario:
    from pydantic import TypeAdapter, ValidationError

    from skybed.topologies.model.scenario import Utc
    from skybed.topologies.scenario import checks

    try:
        at = TypeAdapter(Utc).validate_python(start)
    except ValidationError:
        raise ScenarioError(
            f"--start is {start}; give a date and time such as 2026-05-09T02:40:00Z."
        ) from None
    moved = scenario.model_copy(update={"start": at})
    for _, problem in checks.start(moved):
        raise ScenarioError(f"--start {problem}")
    return moved


def _make(scenario: Scenario, duration_s: float | None, stages: Stages) -> Plan:
    from skybed.topologies.plan.plan import Plan

    return Plan.make(
        scenario, duration_s=duration_s, progress=lambda what, at: stages.at("planning", at, what)
    )


def _plan_of(path: Path, duration_s: float | None) -> Plan:
    """A saved plan, or that of a scenario."""
    from skybed.scripts.running.progress import Stages
    from skybed.topologies.plan.plan import Plan

    if path.is_dir():
        if not (path / "plan.parquet").is_file():
            raise ScenarioError(
                f"{path}: there is no plan in it; name what `skybed plan --out` made, or a scenario file."
            )
        return Plan.load(path)
    scenario = _load(path)
    with Stages() as stages:
        return _make(scenario, duration_s, stages)


def _judge(run: Path, as_json: bool = False) -> None:
    """Write verdict.json and report.html of a run, say the verdict, and exit with its code."""
    from skybed.analysis import tested
    from skybed.analysis.pages import summary

    judged = tested.judge(run)
    if as_json:
        click.echo(json.dumps(judged.verdict.as_json(), indent=2))
    else:
        summary.render(judged, judged.verdict, Console())
    sys.exit(judged.verdict.exit_code)


@main.command()
def clean() -> None:
    """Remove what a killed run left: processes and temporary files. Runs that still go on are left alone."""
    from skybed.emulator.lanes import lanes

    ended, removed = lanes.end_processes(), lanes.remove_leftovers()
    click.echo(f"Ended {ended} processes, removed {len(removed)} temporary directories.")


@main.command()
@click.argument("folders", metavar="A B [C...]", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--exact", "exactly", is_flag=True, help="Whether all tables are the same to the bit.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a test case for each figure there.")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a page there: what routing cost in each run.")  # fmt: skip
def compare(
    folders: tuple[Path, ...], exactly: bool, as_json: bool, junit: Path | None, html: Path | None
) -> None:
    """Compare runs, or two campaigns: what changed beyond the noise.

    More than two runs are put side by side, with what routing cost in each.

    The exit code is 3 if a run is invalid. With --exact, of two runs, it is 1 if a table differs; a line for
    each tells where it first does. With --junit it is 1 if a figure is beyond the noise, or one has none.
    """
    from skybed.analysis.campaign import table as table_of
    from skybed.analysis.run import load
    from skybed.scripts.cli import comparing, comparing_campaigns, comparing_many

    kinds = {table_of.is_campaign(folder) for folder in folders}
    pairs_only = exactly or junit is not None or True in kinds
    most = 2 if pairs_only else MOST_COMPARED
    if not 2 <= len(folders) <= most:
        what = "--exact, --junit and campaigns take two" if pairs_only else f"name two runs, or up to {most}"
        raise RunError(f"{len(folders)} given: {what}.")
    if len(kinds) > 1 or (True in kinds and (exactly or html)):
        names = " and ".join(map(str, folders))
        raise RunError(f"{names}: compare two runs, or two campaigns; --exact and --html are for runs.")
    code = 0
    runs = [] if True in kinds else [load(folder) for folder in folders]
    if not runs:
        told, render = comparing_campaigns.figures(folders), comparing_campaigns.render
        code = comparing_campaigns.exit_code(told)
    elif exactly:
        told, render = comparing.exactly(*runs), comparing.render_exactly
        code = 0 if told["same"] else 1
    else:
        many = len(runs) > 2
        told = comparing_many.figures(runs) if many else comparing.figures(*runs)
        render = comparing_many.render if many else comparing.render_figures
        code = 3 if "invalid" in [run["status"] for run in told["runs"]] else 0
    if junit is not None and not exactly:
        code = code or min(1, comparing.write_junit(told, junit, folders))
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        render(told, Console())
    if html is not None:
        comparing_many.write_page(runs, html)
    sys.exit(code)


@main.group()
def baseline() -> None:
    """Keep a run's figures in a file, and hold other runs to them."""


baseline_option = click.option("--file", type=click.Path(path_type=Path), metavar="FILE",
                               help="The baseline.  [default: baselines/SCENARIO.json]")  # fmt: skip


@baseline.command()
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@baseline_option
def accept(runs: tuple[Path, ...], file: Path | None) -> None:
    """Write the figures of a run to a baseline, with tolerances.

    Of several runs the tolerances come from their spread. What you edited in the file stays.
    """
    from skybed.analysis import verdict
    from skybed.analysis.compare import baseline as baselines
    from skybed.analysis.run import load

    loaded = [load(run) for run in runs]
    for run in loaded:
        verdict.refuse_invalid(run, verdict.judge(run))
    file = file or baselines.default_file(loaded[0])
    made = baselines.accept(loaded, file)
    click.echo(f"Accepted: {file}, {sum(map(len, made.flows.values()))} figures of {len(made.flows)} flows.")


@baseline.command()
@click.argument("run", type=click.Path(path_type=Path))
@baseline_option
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a test case for each figure there.")  # fmt: skip
def check(run: Path, file: Path | None, junit: Path | None) -> None:
    """Hold a run to a baseline: exit code 1 if a figure left its tolerance, 3 if the run is invalid."""
    from skybed.analysis.compare import baseline as baselines
    from skybed.analysis.run import load
    from skybed.scripts.cli import comparing

    loaded = load(run)
    file = file or baselines.default_file(loaded)
    outcome = comparing.hold(loaded, file, junit)
    comparing.render_outcome(outcome, file, Console())
    sys.exit(1 if outcome.left else 0)


main.add_command(campaign)
