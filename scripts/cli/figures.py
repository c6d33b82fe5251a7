"""The options by which commands save figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from skybed.analysis.pages import saving
from skybed.analysis.pages.figures import Drawing
from skybed.analysis.pages.style import FORMATS


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--figures and --format, which `save` takes."""
    folder = click.option(
        "--figures", "folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIRECTORY",
        help="Save each figure as a file there, too.",
    )  # fmt: skip
    form = click.option(
        "--format", "form", type=click.Choice([*FORMATS]), default="svg", help="Of these files.",
        show_default=True,
    )  # fmt: skip
    return folder(form(command))


def save(drawings: Sequence[Drawing], folder: Path, form: str) -> None:
    """Save figures, and say so."""
    saving.save(drawings, folder, form)
    click.echo(f"Figures: {len(drawings)} in {folder}", err=True)
