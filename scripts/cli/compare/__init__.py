"""Compare runs, or two campaigns: what changed beyond the noise.

More than two runs are put side by side, with what routing cost in each.

The exit code is 3 if a run is invalid. With --exact, of two runs, it is 1 if a table differs; a line for
each tells where it first does. With --junit it is 1 if a figure is beyond the noise, or one has none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from skybed.analysis.campaign import table
from skybed.analysis.compare.many import named
from skybed.analysis.pages import comparison
from skybed.analysis.run import load
from skybed.scripts.cli import figures
from skybed.scripts.cli.compare import campaigns, exactly, many, pair
from skybed.scripts.cli.compare.cases import write_junit
from skybed.scripts.cli.terminal import Terminal
from skybed.topologies.errors import RunError

MOST_COMPARED = 26


@click.command("compare", help=__doc__)
@click.argument("folders", metavar="A B [C...]", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--exact", "exact", is_flag=True, help="Whether all tables are the same to the bit.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a test case for each figure there.")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write a page there: what routing cost in each run.")  # fmt: skip
@figures.options
def command(
    folders: tuple[Path, ...], exact: bool, as_json: bool, junit: Path | None, html: Path | None,
    folder: Path | None, form: str,
) -> None:  # fmt: skip
    kinds = {table.is_campaign(folder) for folder in folders}
    pairs_only = exact or junit is not None or True in kinds
    most = 2 if pairs_only else MOST_COMPARED
    if not 2 <= len(folders) <= most:
        what = "--exact, --junit and campaigns take two" if pairs_only else f"name two runs, or up to {most}"
        raise RunError(f"{len(folders)} given: {what}.")
    if len(kinds) > 1 or (True in kinds and (exact or html or folder)):
        names = " and ".join(map(str, folders))
        raise RunError(
            f"{names}: compare two runs, or two campaigns; --exact, --html and --figures are for runs."
        )
    runs = [] if True in kinds else [load(folder) for folder in folders]
    if not runs:
        compared, render, code = campaigns.figures(folders), campaigns.render, campaigns.exit_code
    elif exact:
        compared, render, code = exactly.figures(*runs), exactly.render, exactly.exit_code
    elif len(runs) > 2:
        compared, render, code = many.figures(runs), many.render, pair.exit_code
    else:
        compared, render, code = pair.figures(*runs), pair.render, pair.exit_code
    exit_code = code(compared)
    if junit is not None and not exact:
        exit_code = exit_code or min(1, write_junit(compared, junit, folders))
    if as_json:
        click.echo(json.dumps(compared, indent=2))
    else:
        render(compared, Terminal())
    if html is not None:
        many.write_page(runs, html)
    if runs and folder is not None:
        figures.save(comparison.drawings(named(runs)), folder, form)
    sys.exit(exit_code)
