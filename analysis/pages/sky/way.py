"""The way between two nodes: hop by hop over the map at an instant, and its round trip over the plan."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from skybed.analysis.pages.sky import flat, marks
from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.style import DOTS, GREY, INK, MEASURED, Picture, legend, time_axis
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.ways import Paths

HEIGHT_IN = 6.4
POINTS = 600  # of the curve


def over_time(plan: Plan, ends: tuple[str, str]) -> Paths:
    """The best paths there and their round trips over the plan: worked out once for all figures of it."""
    return plan.path(*ends, np.linspace(0, plan.duration_s, POINTS, endpoint=False))


def picture(instant: Instant, paths: Paths, probes: pd.DataFrame | None = None) -> Picture:
    """paths: see over_time. probes: of a run, those between the two: sent_s, rtt_us."""

    def paint(canvas: Figure) -> None:
        above, below = canvas.subplots(2, 1, height_ratios=[3.4, 1])
        flat.onto(above, instant, 0.0)
        above.set_title(f"{instant.title}: {_told(instant)}")
        changes_s = paths.t_s[1:][np.diff(paths.path_id) != 0]
        for n, t_s in enumerate(changes_s.tolist()):
            below.axvline(t_s, color=GREY, lw=0.9, ls=":", label="path change" if n == 0 else None)
        if probes is not None and len(probes):
            below.plot(probes["sent_s"], probes["rtt_us"] / 1e3, color=MEASURED, label="measured", **DOTS)
        below.plot(paths.t_s, paths.rtt_ms, color=INK, lw=1.1, label="best path")
        below.axvline(instant.t_s, color=marks.LINKS["access"][0], lw=1.4, label="time of the map")
        below.set_ylabel("RTT (ms)")
        time_axis(below, 0, instant.plan.duration_s)
        legend(below, 4)
        marks.legend(above, instant)

    return Picture(HEIGHT_IN, paint)


def _told(instant: Instant) -> str:
    ends, hops = instant.between, len(instant.hops)
    return f"{ends}, {hops} hop{'s' * (hops != 1)}" if hops else f"no way from {ends}"
