"""The pictures in docs/view.md and docs/draw.md, and how large and fluent pages are: `make pictures`.

The one in Chinese takes a font that has it, such as that of Debian's fonts-wqy-zenhei.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import psutil

from support.browser import opened

DOCS = Path(__file__).parents[2] / "docs" / "img"
SKIES = {
    "mini": ["sc-mini"],
    "day": ["sc-mini", "--duration", "86400"],
    "flight": ["flight"],
    "starlink": ["starlink-550", "--duration", "600"],
    "shells": ["starlink-4408"],
}
# Runs in virtual time, of which pages are.
RUNS = {
    "run": ["sc-mini"],
    "cloud": ["space-cloud", "--duration", "5400"],
    "dtn": ["dtn-ring"],
}
# Of each picture the sky, or the run, and what the address of its page asks for; without a name it is none.
PICTURES = {
    "view-run": ("run", "from=beijing&to=eo-0-0&t=56"),
    "view-map": ("starlink", "view=map&t=300&from=London&to=Singapore"),
    "view-planes": ("mini", "view=planes&theme=light&node=relay-2-4&t=30"),
    "view-why": ("mini", "view=map&theme=light&node=miyun&t=12&why"),
    "view-flight": ("flight", "node=cabin&t=300&lang=zh"),
    "view-life": ("cloud", "view=map&follow=fire/2&t=1709.5"),
    "view-load": ("dtn", "view=map&theme=light&load&t=612"),
}
# Of each picture of a run that is played the scenario, how long it is, and the run time, s.
LIVE = {"view-live": ("space-cloud", 21600, 6000)}
# Of each figure what `skybed draw` is told.
FIGURES = {
    "draw-globe": "globe sc-mini --at 20 --from beijing --to eo-0-0",
    "draw-planes": "planes sc-mini --at 20 --from beijing --to eo-0-0",
    "draw-passes": "passes sc-mini miyun --duration 7200",
    "draw-path": "path sc-mini --from beijing --to eo-0-0 --at 20",
}
MEASURED = ("starlink", "shells", "day")
FRAMES = 150
READY = "document.documentElement?.dataset.ready"
PLAYED = f"""(async () => {{
  const before = skybed.frames;
  while (skybed.frames - before < {FRAMES}) {{
    if (!skybed.playing) skybed.play(true); // again, where the end came first
    await new Promise(done => requestAnimationFrame(done));
  }}
  skybed.play(false);
}})()"""


def skybed(*words):
    program = "from skybed.scripts.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", program, *map(str, words)], check=True)


def page(folder, name):
    """The page of one of SKIES or RUNS, written if it is not there."""
    path = folder / f"{name}.html"
    if path.exists():
        return path
    if name in RUNS:
        skybed("run", *RUNS[name], "--clock", "virtual", "--out", folder / name)
        skybed("view", folder / name, "--out", path)
    else:
        skybed("view", *SKIES[name], "--out", path)
    return path


def draw(folder, name, sky, wanted):
    with opened(page(folder, sky), folder, f"#{wanted}") as browser:
        browser.until(READY)
        time.sleep(1)
        (DOCS / f"{name}.png").write_bytes(browser.picture())


def draw_live(folder, name, scenario, duration_s, t_s):
    """The page that goes along with a run in virtual time, once that is so far."""
    program = "from skybed.scripts.cli.main import main; main()"
    words = ["run", scenario, "--duration", str(duration_s), "--clock", "virtual", "--view"]
    words += ["--out", str(folder / "live")]
    with subprocess.Popen([sys.executable, "-c", program, *words], stderr=subprocess.PIPE, text=True) as run:
        address = next(line.split()[-1] for line in run.stderr if "127.0.0.1" in line)
        Thread(target=run.stderr.read, daemon=True).start()
        with opened(address, folder, "#view=map") as browser:
            browser.until(READY)
            browser.until(f"skybed.live.t_s > {t_s}")
            (DOCS / f"{name}.png").write_bytes(browser.picture())
        run.terminate()


def measure(folder, sky):
    """Prints the size of a page and, of each view, when it is there, how many frames it draws a second, and
    what one takes of a CPU, all processes of the browser together.
    """
    path = page(folder, sky)
    for view in ("globe", "map", "planes"):
        with opened(path, folder, f"#view={view}") as browser:
            browser.until(READY)
            there_s = int(browser.does(READY)) / 1e3
            time.sleep(1)
            before_s, began_s = cpu_s(), time.monotonic()
            browser.does(PLAYED)
            spent_ms, wall_s = 1e3 * (cpu_s() - before_s) / FRAMES, time.monotonic() - began_s
        told = f"{path.stat().st_size / 1e6:.1f} MB, {there_s:.1f} s, {FRAMES / wall_s:.0f} frames/s"
        print(f"{sky}, {view}: {told}, {spent_ms:.1f} ms of a CPU each; load {os.getloadavg()[0]:.1f}")


def cpu_s():
    """Of all that this process has started and that is running."""
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))


if __name__ == "__main__":
    for name, words in FIGURES.items():
        skybed("draw", *words.split(), "--out", DOCS / f"{name}.png")
    with tempfile.TemporaryDirectory() as place:
        for name, (sky, wanted) in PICTURES.items():
            draw(Path(place), name, sky, wanted)
        for name, wanted in LIVE.items():
            draw_live(Path(place), name, *wanted)
        for sky in MEASURED:
            measure(Path(place), sky)
