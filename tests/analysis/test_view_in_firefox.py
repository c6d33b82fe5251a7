"""The page in Firefox, from disk: run where Firefox is installed, as by Debian's firefox-esr."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skybed.analysis.pages.view import writing
from support import tiny_tasks

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PALETTES = Path(writing.__file__).parent / "browser" / "palettes.js"
WAITED_S = 120
# A new profile asks its maker's servers for this and that: here all leads to a port where nobody listens.
ALONE = [("network.proxy.type", 1), *((f"network.proxy.{way}", '"127.0.0.1"') for way in ("http", "ssl")),
         *((f"network.proxy.{way}_port", 9) for way in ("http", "ssl"))]  # fmt: skip

pytestmark = pytest.mark.skipif(not FIREFOX, reason="Firefox is not installed")


def pictured(page, folder, fragment, colours):
    """The page as Firefox draws it: RGB, uint8 (800, 1280, 3). It takes the picture once the page is loaded,
    which on a busy machine may be before the first frame: then it is taken again.
    """
    for attempt in range(5):
        place = folder / f"attempt-{attempt}"
        place.mkdir()
        picture = _taken(page, place, fragment)
        if any(pixels_of(picture, colour) for colour in colours):
            break
    return picture


def _taken(page, folder, fragment):
    """With a fresh profile in `folder`."""
    profile, picture = folder / "profile", folder / "picture.png"
    profile.mkdir()
    (profile / "user.js").write_text(
        "".join(f"user_pref({json.dumps(name)}, {value});\n" for name, value in ALONE)
    )
    options = ["--headless", "--no-remote", "--profile", str(profile), "--window-size=1280,800"]
    command = [FIREFOX, *options, "--screenshot", str(picture), page.as_uri() + fragment]
    subprocess.run(
        command, env=os.environ | {"HOME": str(folder)}, capture_output=True, timeout=WAITED_S, check=True
    )
    return np.asarray(Image.open(picture).convert("RGB"))


def pixels_of(picture, colour):
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return int((picture == wanted).all(axis=-1).sum())


def test_it_draws_the_sky_the_panel_and_the_line_of_a_life(tmp_path):
    run = tiny_tasks.build(tmp_path / "run").load()
    writing.write(tmp_path / "view.html", run.plan, run)
    dark = PALETTES.read_text(encoding="utf-8").split("LIGHT")[0]
    colour = dict(re.findall(r'(\w+): "(#[0-9a-f]{6})"', dark))
    drawn = colour["land"], colour["ocean"]
    picture = pictured(tmp_path / "view.html", tmp_path, "#view=map&follow=fire/1&t=14", drawn)
    (satellite, *_, busy) = re.findall(r"#[0-9a-f]{6}", dark[dark.index("layers:") :])[:2]
    stage, below = picture[50:600, :840], picture[620:740]
    assert pixels_of(stage, colour["land"]) + pixels_of(stage, colour["ocean"]) > 10_000
    assert pixels_of(stage, satellite) > 10
    assert pixels_of(stage, colour["chosen"]) > 20  # the rings around s1
    assert pixels_of(below, busy) > 1000  # it is computed
    panel = picture[50:600, 860:]
    assert (panel.max(axis=-1) > 200).sum() > 1000  # words
