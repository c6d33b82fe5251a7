"""`skybed plan --map`: the world in a terminal, as wide as that, with everything in its place."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from skybed.analysis.pages.sky.instant import Instant
from skybed.scripts.cli import world
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.command import skybed

# Characters of braille on a map of 160: coasts, and what is far from any.
COASTS = {
    "Cape Town": (-34, 18.5),
    "Gibraltar": (36, -5.5),
    "Cape Horn": (-55.5, -67),
    "Darwin": (-12.4, 130.8),
}
SEAS = {"Pacific": (-30, -120), "Atlantic": (30, -45), "Indian Ocean": (-30, 80), "Sahara": (22, 10)}


@pytest.fixture(scope="module")
def plan():
    return Plan.make(Scenario.load("sc-mini"))


def shown(plan, width, encoding="utf-8", t_s=20.0):
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding=encoding)
    world.show(Instant(plan, t_s), Console(file=file, width=width))
    file.flush()
    return written.getvalue().decode(encoding).splitlines()


def at(lines, lat, lon, width):
    row, column = int((90 - lat) / 180 * (width // 4)), int((lon + 180) / 360 * width)
    return lines[1 + row].ljust(width)[column]


@pytest.mark.parametrize("width", [20, 41, 80, 100, 160])
def test_it_is_as_wide_as_the_terminal(plan, width):
    lines = shown(plan, width)
    rows = lines[1 : 1 + width // 4]
    assert max(map(cell_len, rows)) <= width
    assert max(map(cell_len, rows)) > 0.9 * width


def test_on_a_wide_screen_it_ends(plan):
    assert max(map(len, shown(plan, 300))) <= 160


def test_coasts_are_where_they_are():
    lines = shown(Plan.make(Scenario.load("pair")), 160)
    braille = range(0x2801, 0x2900)
    assert all(ord(at(lines, *place, 160)) in braille for place in COASTS.values())
    assert all(at(lines, *place, 160) == " " for place in SEAS.values())


def test_satellites_and_stations_are_over_their_places(plan):
    lines, below = shown(plan, 160), Instant(plan, 20.0).below
    for name, glyph in (
        ("kashi", "■"),
        ("sanya", "■"),
        ("eo-0-0", "◆"),
        ("relay-3-3", "●"),
        ("comp-0-3", "▲"),
    ):
        node = plan.node(name)
        assert at(lines, below.lat_deg[node], below.lon_deg[node], 160) == glyph, name
    assert any("■kashi" in line for line in lines)
    assert lines[0] == "sc-mini at 20 s, 2026-05-09 02:40:20 UTC"
    assert lines[-1] == "● 50 relay   ◆ 6 eo   ▲ 12 comp   ■ 6 ground"


def test_a_terminal_without_braille_gets_letters(plan):
    lines = shown(plan, 80, encoding="ascii")
    assert lines[-1] == "o 50 relay   * 6 eo   ^ 12 comp   # 6 ground"
    assert at(lines, -34, 18.5, 80) == "." and at(lines, -30, -120, 80) == " "


def test_the_command_shows_it_in_the_place_of_the_tables():
    said = skybed(0, "plan", "pair", "--map", "--at", "9")
    assert "pair at 9 s, 2026-05-09 01:41:59 UTC" in said and "● 1 eo   ■ 2 ground" in said
    assert "delay ms" not in said
    assert skybed(2, "plan", "pair", "--at", "9").endswith(
        "skybed: --at is of --map and of an export to .graphml; give one of them, too.\n"
    )
    assert skybed(2, "plan", "pair", "--map", "--at", "31").endswith(
        "--at is 31; this plan is of 0 to 30 s.\n"
    )
