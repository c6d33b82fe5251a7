"""See a sky: write one HTML file with its globe, its network and its paths over time.

WHAT is a scenario (a file, or a name that `skybed list` shows), the directory of a plan, or that of a run:
of a run the page also has the verdict, and what was measured beside what is true. The file needs nothing
else; any browser opens it from disk.

\b
  skybed view sc-mini
  skybed view runs/RUN --open
"""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from skybed.analysis import run
from skybed.analysis.pages.view import writing
from skybed.scripts.cli import scenarios
from skybed.scripts.running.progress import ProgressBar
from skybed.topologies.errors import ScenarioError


@click.command("view", help=__doc__)
@click.argument("what", type=click.Path(path_type=Path))
@scenarios.start_option
@scenarios.duration_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write it there.  [default: SCENARIO.html, or view.html in the run]")  # fmt: skip
@click.option("--no-routes", is_flag=True, help="Leave routes out, which take most of the time: the "
              "shortest paths are shown.")  # fmt: skip
@click.option("--open", "opened", is_flag=True, help="Open it in a browser.")
def command(
    what: Path, start: str | None, duration_s: float | None, out: Path | None, no_routes: bool, opened: bool
) -> None:
    if out is not None and not out.parent.is_dir():
        raise ScenarioError(f"--out is {out}, but there is no directory {out.parent}; make it first.")
    stored = what.is_dir()
    if stored and (start, duration_s) != (None, None):
        raise ScenarioError(f"{what} is planned already; --start and --duration are for a scenario.")
    measured = run.load(what) if (what / "manifest.json").is_file() else None
    if measured is not None:
        plan = measured.plan
    elif stored:
        plan = scenarios.saved_or_planned(what)
    else:
        with ProgressBar() as bar:
            plan = scenarios.plan(scenarios.load(what, start), duration_s, bar)
    path = out or (what / "view.html" if measured else Path(f"{plan.scenario.name}.html"))
    writing.write(path, plan, measured, with_routes=not no_routes)
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if opened:
        webbrowser.open(path.absolute().as_uri())
