"""What both commands take."""

from __future__ import annotations

from pathlib import Path

import click

file = click.option("--file", type=click.Path(path_type=Path), metavar="FILE",
                    help="The baseline.  [default: baselines/SCENARIO.json]")  # fmt: skip
