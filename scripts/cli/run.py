"""Run a scenario live and judge what was measured.

SCENARIO is a file, or a name that `skybed list` shows. Ctrl-C ends the run early; what was measured until
then is kept.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from skybed.analysis import tested
from skybed.emulator.lanes import wiring
from skybed.scripts.cli import scenarios, verdict
from skybed.scripts.running import folders, live, run
from skybed.topologies.scenario import hosts


@click.command("run", help=__doc__)
@scenarios.argument
@scenarios.start_option
@scenarios.duration_option
@click.option("--seed", type=int, metavar="NUMBER", help="Instead of the scenario's seed.")
@scenarios.set_option
@click.option("--lane", type=click.Choice(["auto", "native", "uml"]), default="auto", show_default=True,
              help="Where: native is this machine's kernel, uml a Linux kernel as a process.")  # fmt: skip
@click.option("--clock", type=click.Choice(["real", "virtual"]), default="real", show_default=True,
              help="virtual: idle time is skipped, work takes none; uml only.")  # fmt: skip
@click.option("--wall-limit", "wall_limit_s", type=click.FloatRange(min=1), metavar="SECONDS",
              help="Kill the lane if it has not ended by then, on the wall's clock.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIRECTORY",
              help="For tables and verdict.  [default: runs/NAME-TIME]")  # fmt: skip
@click.option("--report", "reported", is_flag=True, help="Write report.html, too, as `skybed report` does.")
@click.option("--script", metavar="FILE[:FUNCTION]",
              help="Python that is given the network.  [default function: main]")  # fmt: skip
@click.option("--view", "looked_at", is_flag=True, help="Show it in a browser while it is played: a page on "
              "127.0.0.1, whose address is told.")  # fmt: skip
@click.option("--read-only", is_flag=True,
              help="What runs in the lane may change no file of this machine but the run's.")  # fmt: skip
@click.option("--hosts", "hosts_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Machines that carry the sky together; see docs/hosts.md.")  # fmt: skip
@click.option("--cores", type=click.IntRange(1, wiring.MOST_KERNELS), default=1, show_default=True,
              metavar="NUMBER", help="Play it on so many, in virtual time; see docs/cores.md.")  # fmt: skip
@click.option("--cli", "interactive", is_flag=True, help="Give Mininet's prompt on the moving sky.")
def command(
    scenario: Path,
    start: str | None,
    duration_s: float | None,
    seed: int | None,
    settings: tuple[tuple[str, Any], ...],
    lane: str,
    clock: str,
    wall_limit_s: float | None,
    out: Path | None,
    reported: bool,
    script: str | None,
    looked_at: bool,
    read_only: bool,
    hosts_file: Path | None,
    cores: int,
    interactive: bool,
) -> None:
    changes = {"duration_s": duration_s, "seed": seed}
    given = dict(settings) | {name: value for name, value in changes.items() if value is not None}
    loaded = scenarios.load(scenario, start, given)
    given_hosts = hosts.load(hosts_file) if hosts_file else None
    options = run.Options(lane, clock, interactive, wall_limit_s, script, read_only, given_hosts, cores)
    with contextlib.ExitStack() as shown:
        view = shown.enter_context(live.View()) if looked_at else None
        with folders.fresh(out or run.new_directory(loaded), unused=out is None) as folder:
            judgeable = run.execute(loaded, options, folder, beside=view)
        if judgeable:
            judged = tested.judge(folder)
            if view:
                view.over(judged.verdict)
            if reported:
                judged.report()
            verdict.tell(judged)
        else:
            click.echo(f"Left before the end of the scenario; the tables so far are in {folder}.")
