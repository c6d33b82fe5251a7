"""The `skybed` command."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from topologies.errors import SkybedError

EXIT_CODES = """
\b
Exit codes: 0 pass; 1 an acceptance limit was exceeded; 2 bad input; 3 the emulation was
distorted, so the run is invalid; 4 this machine lacks something (see `skybed doctor`).
"""


class Command(click.Group):
    """Turns every error that skybed knows into one sentence and its exit code."""

    def invoke(self, context: click.Context) -> None:
        try:
            super().invoke(context)
        except SkybedError as error:
            click.echo(f"skybed: {error}", err=True)
            context.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("skybed: interrupted; nothing of the run is left behind.", err=True)
            context.exit(130)
        except BrokenPipeError:  # `skybed path ... | head`
            sys.stderr.close()
            context.exit(0)


@click.group(cls=Command, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="skybed")
def main() -> None:
    """A testbed for space-ground networks: Linux nodes, links that follow the orbits, measured answers.

    \b
    Start with:   skybed doctor
                  skybed run scenarios/pair.yaml
    """


scenario_argument = click.argument("scenario", type=click.Path(path_type=Path))


@main.command()
def doctor() -> None:
    """What this machine can do, and the remedy for each lack."""
    from scripts import doctor as examination

    checks = examination.examine()
    examination.render(checks, Console())
    sys.exit(examination.exit_code(checks))


@main.command()
@scenario_argument
@click.option(
    "--duration", "duration_s", type=click.FloatRange(min=0, min_open=True), help="Seconds; the scenario's."
)
@click.option("--out", type=click.Path(path_type=Path), help="Save the plan in this directory.")
def plan(scenario: Path, duration_s: float | None, out: Path | None) -> None:
    """Compute a scenario's contact plan and show what the sky will do."""
    from scripts import plans
    from scripts.progress import Stages
    from topologies.plan import Plan
    from topologies.scenario import Scenario

    loaded = Scenario.load(scenario)
    with Stages() as stages:
        made = Plan.make(
            loaded, duration_s=duration_s, progress=lambda what, at: stages.at("planning", at, what)
        )
    plans.render(made, Console())
    if out is not None:
        made.save(out)


@main.command()
@scenario_argument
@click.argument("a")
@click.argument("b")
@click.option(
    "--step", "step_s", default=1.0, show_default=True, type=click.FloatRange(min=1e-3), help="Seconds."
)
@click.option(
    "--duration", "duration_s", type=click.FloatRange(min=0, min_open=True), help="Seconds; the scenario's."
)
def path(scenario: Path, a: str, b: str, step_s: float, duration_s: float | None) -> None:
    """The shortest path between nodes A and B over time, from geometry alone, as CSV.

    Columns: t_s, rtt_ms, path (node names); rtt_ms and path are empty when B cannot be reached.
    """
    from topologies.plan import Plan
    from topologies.scenario import Scenario

    made = Plan.make(Scenario.load(scenario), duration_s=duration_s)
    t_s = np.arange(round(made.duration_s / step_s) + 1) * step_s
    paths = made.path(a, b, t_s)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["t_s", "rtt_ms", "path"])
    for at_s, rtt_ms, number in zip(t_s, paths.rtt_ms, paths.path_id, strict=True):
        reached = number >= 0
        names = " ".join(paths.paths[number]) if reached else ""
        rows.writerow([f"{at_s:.10g}", f"{rtt_ms:.6f}" if reached else "", names])


@main.command()
@scenario_argument
@click.option("--lane", type=click.Choice(["auto", "native", "uml"]), default="auto", show_default=True,
              help="native: this kernel; uml: a Linux kernel as a process.")  # fmt: skip
@click.option(
    "--clock", type=click.Choice(["real"]), default="real", show_default=True, help="Which time to run in."
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Directory of the run.  [default: runs/NAME-TIME]"
)
@click.option("--cli", "interactive", is_flag=True, help="Mininet's prompt on the running sky.")
def run(scenario: Path, lane: str, clock: str, out: Path | None, interactive: bool) -> None:
    """Run a scenario live and judge what was measured."""
    from scripts import run as running
    from topologies.scenario import Scenario

    running.interrupt_on_sigterm()
    loaded = Scenario.load(scenario)
    out = out or running.new_directory(loaded)
    if running.run(loaded, lane, out, interactive):
        _judge(out)
    else:
        click.echo(f"Left before the end of the scenario; the tables so far are in {out}.")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The verdict's figures as JSON on standard output.")
def report(run: Path, as_json: bool) -> None:
    """Judge a run again from its tables and write its report."""
    _judge(run, as_json)


def _judge(run: Path, as_json: bool = False) -> None:
    """Write verdict.json and report.html of a run, say the verdict, and exit with its code."""
    from analysis import load, report, summary, verdict

    loaded = load(run)
    judged = verdict.judge(loaded)
    verdict.write(loaded, judged)
    report.write(loaded, judged)
    if as_json:
        click.echo(json.dumps(judged, indent=2))
    else:
        summary.render(loaded, judged, Console())
    sys.exit(judged.exit_code)


@main.command()
def clean() -> None:
    """Remove what a killed run left: processes and temporary files. Runs that still go on are left alone."""
    from emulator import lanes

    ended, removed = lanes.end_processes(), lanes.remove_leftovers()
    click.echo(f"Ended {ended} processes, removed {len(removed)} temporary directories.")
