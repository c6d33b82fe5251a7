"""Write the figures of a run to a baseline, with tolerances.

Of several runs the tolerances come from their spread. What you edited in the file stays.
"""

from __future__ import annotations

from pathlib import Path

import click

from skybed.analysis import verdict
from skybed.analysis.compare import baseline
from skybed.analysis.run import load
from skybed.scripts.cli.baseline import options


@click.command("accept", help=__doc__)
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True)
@options.file
def command(runs: tuple[Path, ...], file: Path | None) -> None:
    loaded = [load(run) for run in runs]
    for run in loaded:
        verdict.refuse_invalid(run, verdict.judge(run))
    file = file or baseline.default_file(loaded[0])
    accepted = baseline.accept(loaded, file)
    figures = sum(map(len, accepted.flows.values()))
    click.echo(f"Accepted: {file}, {figures} figures of {len(accepted.flows)} flows.")
