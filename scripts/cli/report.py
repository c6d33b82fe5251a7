"""Judge a run again from its tables and write its report.

RUN is a directory that `skybed run` made. verdict.json and report.html in it are written anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from skybed.analysis import tested
from skybed.analysis.pages import report
from skybed.analysis.verdict import FullVerdict
from skybed.scripts.cli import figures, verdict


@click.command("report", help=__doc__)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the verdict with all its figures as JSON.")
@figures.options
@click.option("--carried", "links", type=(str, str), multiple=True, metavar="NODE PEER",
              help="With --figures: a link of which to show what it carried. May be given again; otherwise "
                   "those that carried most.")  # fmt: skip
def command(
    run: Path, as_json: bool, folder: Path | None, form: str, links: tuple[tuple[str, str], ...]
) -> None:
    judged = tested.judge(run)
    judged.report()
    if folder is not None and isinstance(judged.verdict, FullVerdict):
        figures.save(report.drawings(judged, links), folder, form)
    if as_json:
        click.echo(json.dumps(judged.verdict.as_json(), indent=2))
        sys.exit(judged.verdict.exit_code)
    verdict.tell(judged)
