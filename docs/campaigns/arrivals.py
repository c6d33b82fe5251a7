"""What the campaign store-carry has brought to Beijing by when: `arrivals.py CAMPAIGN FIGURE.svg`."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from skybed.analysis.pages.style import GREY, INK, SERIES, Picture, legend, time_axis

CAMPAIGN, FIGURE = Path(sys.argv[1]), Path(sys.argv[2])
FILE_MB, EVERY_S, SATELLITES = 3, 400, 2


def title(run):
    return json.loads((run / "case.json").read_text())["parameters"]["variant"]


def arrived(run):
    """When something came, ascending, and how many MB it was."""
    pushed = pd.read_parquet(run / "measures.parquet").query("metric == 'file_s'")[["t_s"]].assign(mb=FILE_MB)
    rows = pd.read_parquet(run / "bundles.parquet").dropna(subset="delivered_s")
    carried = pd.DataFrame({"t_s": rows["delivered_s"], "mb": rows["bytes"] / 1e6})
    return pd.concat([pushed, carried]).sort_values("t_s")


def stairs(axes, t_s, mb, **look):
    sums = np.cumsum(mb)
    axes.step([0, *t_s, UNTIL_S], [0, *sums, sums[-1] if len(sums) else 0], where="post", **look)


def paint(figure):
    axes = figure.subplots()
    for fault in SKY["faults"]:
        axes.axvspan(fault["at_s"], fault["at_s"] + fault["for_s"], color=GREY, alpha=0.15, linewidth=0)
    made_s = np.arange(1, UNTIL_S, EVERY_S)
    stairs(axes, made_s, np.full(len(made_s), FILE_MB * SATELLITES), color=GREY, linestyle=":", label="made")
    for (label, rows), colour in zip(COURSES, [*SERIES, INK], strict=True):
        stairs(axes, rows["t_s"].to_numpy(), rows["mb"].to_numpy(), color=colour, label=label)
    time_axis(axes, 0, UNTIL_S)
    axes.set_ylabel("in Beijing (MB)")
    legend(axes)


RUNS = [run for run in (CAMPAIGN / "runs").iterdir() if (run / "bundles.parquet").exists()]
SKY = yaml.safe_load((RUNS[0] / "scenario.yaml").read_text())
UNTIL_S = SKY["duration_s"]
COURSES = sorted(((title(run), arrived(run)) for run in RUNS), key=lambda course: -course[1]["mb"].sum())
FIGURE.write_bytes(Picture(3.4, paint).drawn("svg"))
