"""Figures as files of their own, for papers and slides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from skybed.analysis.pages.figures import Drawing
from skybed.analysis.pages.style import Picture
from skybed.topologies.files import whole


def save(drawings: Iterable[Drawing], folder: Path, form: str) -> list[Path]:
    """Write each figure into a folder, named after its title; of two that have one title the second ends in
    -2. form: of style.FORMATS. The same run gives the same files, to the byte.
    """
    folder.mkdir(parents=True, exist_ok=True)
    saved, times = [], Counter[str]()
    for drawing in drawings:
        name = re.sub(r"[^a-z0-9.]+", "-", drawing.title.lower()).strip("-.")
        times[name] += 1
        path = folder / f"{name}{f'-{times[name]}' * (times[name] > 1)}.{form}"
        write(drawing.picture, path)
        saved.append(path)
    return saved


def write(picture: Picture, path: Path) -> None:
    """Write a figure in the format, of style.FORMATS, that the file's name ends in."""
    with whole(path) as file:
        file.write_bytes(picture.drawn(path.suffix[1:]))
