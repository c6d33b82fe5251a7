"""`skybed draw`: figures of a scenario, a plan, a run; what docs/draw.md shows; what cannot be is told."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from support.command import skybed

TEXT = (Path(__file__).parents[2] / "docs" / "draw.md").read_text()
EXAMPLES = re.findall(r"^skybed (draw .*?)(?:\s+#.*)?$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_examples_draw_what_they_name(place, line):
    words = shlex.split(line)
    if words[-1].endswith(".mp4") and not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    path, size = skybed(0, *words).splitlines()[-1].split(": ", 1)
    assert Path(path).stat().st_size > 10_000 and size.endswith(("kB", "MB"))
    assert "--out" not in words or path == words[words.index("--out") + 1]


def test_every_kind_of_figure_has_an_example():
    assert {line.split()[1] for line in EXAMPLES} == {"globe", "map", "planes", "passes", "path"}


def test_a_stored_plan_gives_the_same_figure(place):
    skybed(0, "plan", "pair", "--out", "stored")
    skybed(0, "draw", "globe", "pair", "--at", "9", "--out", "a.svg")
    skybed(0, "draw", "globe", "stored", "--at", "9", "--out", "b.svg")
    assert (place / "a.svg").read_bytes() == (place / "b.svg").read_bytes()


def test_a_run_is_drawn_with_what_its_probes_measured(place, good_run):
    skybed(0, "draw", "path", good_run, "--from", "miyun", "--to", "sanya", "--at", "20", "--out", "p.pdf")
    assert (place / "p.pdf").read_bytes().startswith(b"%PDF")


def test_one_that_moves_has_a_picture_for_each_time(place):
    said = skybed(0, "draw", "map", "pair", "--at", "10", "--until", "20", "--every", "5", "--fps", "4")
    assert said.splitlines()[-1].startswith("pair-map.gif: 3 pictures, ")
    with Image.open("pair-map.gif") as moving:
        assert (moving.n_frames, moving.info["duration"]) == (3, 250)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_a_video_is_one_that_ffmpeg_reads(place):
    skybed(0, "draw", "globe", "pair", "--until", "20", "--every", "10", "--out", "a.mp4")
    told = subprocess.run(["ffmpeg", "-i", "a.mp4"], capture_output=True, text=True).stderr
    assert "Video: h264" in told and "yuv420p" in told


WRONG = {
    "globe pair --at 31": "--at is 31; the plan is of 0 to 30 s, see --duration.",
    "globe pair --at 20 --until 10": "--at is 20, --until 10 and --every -0.2; give times that rise, and at",
    "globe pair --until 30 --every 0.001": "--at is 0, --until 30 and --every 0.001; give times that rise,",
    "globe pair --every 1": "--every is for a figure that moves; give --until, too.",
    "globe pair --out a.gif": "a.gif cannot be a figure: its name must end in one of .svg, .pdf, .png; ",
    "globe pair --until 9 --out a.png": "a.png cannot be a figure that moves: its name must end in one",
    "globe pair --centre nowhere": "--centre is nowhere; give latitude and longitude in degrees, such as",
    "globe pair --centre 91,0": "--centre is 91,0; give latitude",
    "map pair --from miyun": "A path has two ends; give two nodes with --from and --to.",
    "map pair --from miyun --to kashgar": "pair has no node kashgar",
    "planes pair --out no/a.svg": "no/a.svg cannot be written (there is no such directory); name",
    "passes pair miyun --min-elevation 80": "There is no pass over miyun from 0 to 30 s; --until",
    "passes pair eo-0-0": "eo-0-0 is a satellite of pair",
    "path pair --from miyun --to miyun": "A path has two ends; give two nodes with --from and --to.",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_drawn_is_told_in_a_sentence(place, words):
    assert skybed(2, "draw", *words.split()).splitlines()[-1].startswith(f"skybed: {WRONG[words]}")
    assert not list(place.iterdir())


def test_a_video_without_ffmpeg_is_told(place, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said = skybed(4, "draw", "globe", "pair", "--until", "20", "--out", "a.mp4")
    assert (
        said
        == "skybed: a.mp4 needs ffmpeg, which is not installed; install the package ffmpeg, or name a .gif.\n"
    )
