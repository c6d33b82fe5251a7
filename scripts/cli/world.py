"""A map of the world in a terminal: coasts in braille dots, satellites by layer, stations with names.

Longitude goes to the right and latitude upwards, one degree as long as the other where a character is twice
as high as wide. A terminal that has no braille gets letters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.text import Text

from skybed.analysis.pages.sky import earth
from skybed.analysis.pages.sky.instant import Instant
from skybed.topologies.arrays import Array

NARROWEST, WIDEST = 20, 160  # characters
DOTS_WIDE, DOTS_HIGH = 2, 4  # of a character in braille
BRAILLE = 0x2800
BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of dots by row and column
COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue")


class Glyphs(NamedTuple):
    layers: str
    station: str
    braille: bool


FINE, PLAIN = Glyphs("●◆▲▼★✚", "■", True), Glyphs("o*^v+x", "#", False)


class Cell(NamedTuple):
    glyph: str
    style: str


EMPTY = Cell(" ", "")


def show(instant: Instant, console: Console) -> None:
    """As wide as the terminal, but not wider than WIDEST."""
    glyphs = FINE if _writes(console, FINE.layers + FINE.station + chr(BRAILLE)) else PLAIN
    width = int(np.clip(console.width, NARROWEST, WIDEST)) // 4 * 4
    console.print(Text(instant.title), no_wrap=True, overflow="crop")
    for row in _cells(instant, width, glyphs):
        line = Text.assemble(*((cell.glyph, cell.style) for cell in row))
        line.rstrip()
        console.print(line, no_wrap=True, overflow="crop")
    legend = [
        (f"{glyphs.layers[n % len(COLOURS)]} {len(nodes)} {name}   ", COLOURS[n % len(COLOURS)])
        for n, (name, nodes) in enumerate(instant.layers.items())
    ]
    if len(instant.stations):
        legend.append((f"{glyphs.station} {len(instant.stations)} ground", "bold"))
    console.print(Text.assemble(*legend))


def _writes(console: Console, text: str) -> bool:
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _cells(instant: Instant, width: int, glyphs: Glyphs) -> list[list[Cell]]:
    coast = _coast(width, glyphs.braille)
    rows = [[Cell(glyph, "dim") if glyph != " " else EMPTY for glyph in row] for row in coast]
    x, y = _places(instant.below.lon_deg, instant.below.lat_deg, width, len(rows))
    for number, nodes in enumerate(instant.layers.values()):
        mark = Cell(glyphs.layers[number % len(COLOURS)], COLOURS[number % len(COLOURS)])
        for node in nodes.tolist():
            rows[y[node]][x[node]] = mark
    for node in instant.stations.tolist():
        rows[y[node]][x[node]] = Cell(glyphs.station, "bold")
    for node in instant.named:
        _name(rows[y[node]], x[node] + 1, instant.plan.nodes[node].name, glyphs)
    return rows


def _name(row: list[Cell], begin: int, name: str, glyphs: Glyphs) -> None:
    """Beside a station, where nothing but coast is covered."""
    end = begin + len(name)
    if end <= len(row) and not any(cell.glyph in glyphs.layers + glyphs.station or cell.style == "bold"
                                   for cell in row[begin:end]):  # fmt: skip
        row[begin:end] = [Cell(letter, "bold") for letter in name]


def _places(lon_deg: Array, lat_deg: Array, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of a raster, from the upper left corner."""
    x = ((np.asarray(lon_deg) + 180) / 360 * width).astype(int) % width
    y = np.clip(((90 - np.asarray(lat_deg)) / 180 * height).astype(int), 0, height - 1)
    return x, y


def _coast(width: int, braille: bool) -> list[str]:
    """Lines of characters with what a coast crosses."""
    high, wide = (DOTS_HIGH, DOTS_WIDE) if braille else (1, 1)
    height = width // 4
    dots = np.zeros((height * high, width * wide), bool)
    step_deg = 90 / dots.shape[1]
    for ring, _ in earth.flat_shores():
        lengths = np.abs(np.diff(ring, axis=0)).max(axis=1)
        counts = np.maximum(1, np.ceil(lengths / step_deg)).astype(int)
        at = np.concatenate([[0], np.cumsum(counts)])
        along = np.arange(at[-1] + 1)
        lon, lat = (np.interp(along, at, ring[:, k]) for k in (0, 1))
        seen = np.abs(lat) < 89  # not what closes a ring over a pole
        x, y = _places(lon[seen], lat[seen], dots.shape[1], dots.shape[0])
        dots[y, x] = True
    if not braille:
        return ["".join(" ."[there] for there in row.tolist()) for row in dots]
    cells = dots.reshape(height, high, width, wide)
    codes = (cells * BITS[None, :, None, :]).sum(axis=(1, 3))
    return ["".join(chr(BRAILLE + code) if code else " " for code in row) for row in codes.tolist()]
