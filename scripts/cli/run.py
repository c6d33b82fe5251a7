"""Run a scenario live and judge what was measured.

SCENARIO is a file, or a name that `skybed list` shows. Ctrl-C ends the run early; what was measured until
then is kept.
"""

from __future__ import annotations

from pathlib import Path

import click

from skybed.scripts.cli import report, scenarios
from skybed.scripts.running import folders, run


@click.command("run", help=__doc__)
@scenarios.argument
@scenarios.start_option
@click.option("--lane", type=click.Choice(["auto", "native", "uml"]), default="auto", show_default=True,
              help="Where: native is this machine's kernel, uml a Linux kernel as a process.")  # fmt: skip
@click.option("--clock", type=click.Choice(["real", "virtual"]), default="real", show_default=True,
              help="virtual: idle time is skipped, work takes none; uml only.")  # fmt: skip
@click.option("--wall-limit", "wall_limit_s", type=click.FloatRange(min=1), metavar="SECONDS",
              help="Kill the lane if it has not ended by then, on the wall's clock.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIRECTORY",
              help="For tables, verdict and report.  [default: runs/NAME-TIME]")  # fmt: skip
@click.option("--cli", "interactive", is_flag=True, help="Give Mininet's prompt on the moving sky.")
def command(
    scenario: Path,
    start: str | None,
    lane: str,
    clock: str,
    wall_limit_s: float | None,
    out: Path | None,
    interactive: bool,
) -> None:
    run.interrupt_on_sigterm()
    loaded = scenarios.load(scenario, start)
    out = out or run.new_directory(loaded)
    options = run.Options(lane, clock, interactive, wall_limit_s)
    with folders.fresh(out):
        judgeable = run.execute(loaded, options, out)
    if judgeable:
        report.judge(out)
    else:
        click.echo(f"Left before the end of the scenario; the tables so far are in {out}.")
