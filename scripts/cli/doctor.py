"""Tell what this machine can do, and the remedy for each lack."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skybed.scripts.cli.terminal import Terminal
from skybed.scripts.machine import doctor
from skybed.scripts.machine.doctor import Check


@click.command("doctor", help=__doc__)
def command() -> None:
    checks = doctor.examine()
    render(checks, Terminal())
    sys.exit(doctor.exit_code(checks))


def render(checks: list[Check], console: Console) -> None:
    """A line for each check; under one that failed, what it is needed for and the remedy."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in checks:
        if check.ok:
            table.add_row("[green]yes[/]", check.name, escape(check.found))
            continue
        colour = "red" if check.needed_for == "everything" else "yellow"
        table.add_row(f"[{colour}]no[/]", check.name, escape(check.found))
        table.add_row("", "", f"[dim]for {check.needed_for}: {escape(check.remedy)}[/]")
    console.print(table)
