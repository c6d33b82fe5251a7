"""Remove what a killed run left: processes and temporary files.

Runs that still go on are left alone. It ends when the kernel has freed the namespaces of those that ended.
"""

from __future__ import annotations

import click

from skybed.emulator.lanes import lanes


@click.command("clean", help=__doc__)
def command() -> None:
    ended, removed = lanes.end_processes(), lanes.remove_leftovers()
    click.echo(f"Ended {ended} processes, removed {len(removed)} temporary directories.")
    if not lanes.wait_until_freed():
        click.echo(f"The kernel still frees network namespaces after {lanes.FREED_S:.0f} s.", err=True)
