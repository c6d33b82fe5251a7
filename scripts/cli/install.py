"""Install what this machine lacks: Debian packages, and a kernel.

The kernel, User Mode Linux, is built once, in some minutes, where the machine's own kernel cannot carry a
network. Packages are installed as root, or with sudo. What is there already is left as it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

SCRIPT = Path(__file__).absolute().parents[1] / "install"


@click.command("install", help=__doc__)
@click.option("--kernel", is_flag=True, help="The kernel in any case: virtual time needs it.")
def command(kernel: bool) -> None:
    options = ["--python", sys.executable, *(["--kernel"] if kernel else [])]
    os.execvp("bash", ["bash", str(SCRIPT), *options])
