"""Figures of what routing costs: of one run over time, and of several runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybed.analysis.compare.many import KEYS, Named
from skybed.analysis.measures import forwarding, probed, truth
from skybed.analysis.pages.figures import Drawing
from skybed.analysis.pages.style import BAD, GREY, INK, MEASURED, SERIES, Picture, legend, time_axis
from skybed.analysis.routing import control, convergence
from skybed.analysis.run import Run

LEAST_S = 0.01  # at the left edge of convergence times, which are on a logarithmic axis
LEAST_SHARE = 1e-4


def over_time(run: Run) -> Drawing:
    """Control traffic and changes of routes, second by second, and when something happened."""
    happened = convergence.table(run)

    def paint(canvas: Figure) -> None:
        rows = 2 if len(run.control) else 1
        *above, below = np.atleast_1d(canvas.subplots(rows, 1, sharex=True))
        for axes in above:
            sent = control.by_second(run)
            axes.stairs(sent / 1e3, np.append(sent.index, len(sent)), color=MEASURED, lw=1.2)
            axes.set_ylabel("control (kB/s)")
        changed = forwarding.churn(run, 4)["changes"]
        below.stairs(changed, np.arange(len(changed) + 1), color=INK, lw=1.2)
        below.set_ylabel("route changes (1/s)")
        for axes in (*above, below):
            axes.set_ylim(bottom=0)
            _events(axes, happened)
        time_axis(below, 0, run.played_s)
        legend((above or [below])[0])

    return Drawing(
        "routing", "Control traffic and changes of routes",
        "What routing itself sent over all links together, and how many next hops changed in all IPv4 "
        "forwarding tables.", Picture(3.6 if len(run.control) else 2.2, paint),
    )  # fmt: skip


def _events(axes: Axes, happened: pd.DataFrame) -> None:
    looks = {"planned": (GREY, ":", "planned end of a link"), "up": (SERIES[2], "--", "repair")}
    looks |= {"heal": looks["up"], "down": (BAD, "-", "outage"), "silence": (BAD, "-", "outage")}
    shown = set[str]()
    for kind, t_s in happened[["kind", "t_s"]].drop_duplicates().itertuples(index=False):
        colour, line, label = looks[kind]
        axes.axvline(t_s, color=colour, ls=line, lw=0.9, label=None if label in shown else label)
        shown.add(label)


# -- several runs --------------------------------------------------------------------------------


def convergence_times(runs: Sequence[Named], events: pd.DataFrame) -> Drawing:
    """Bars: how long each event lost packets in each run. events: `routing_comparison.events`."""
    rows = events.drop_duplicates(KEYS).reset_index(drop=True)
    labels = [f"{row.t_s:.1f} s  {row.kind}\n{row.what}, {row.flow}" for row in rows.itertuples()]
    thick = 0.8 / len(runs)

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for i, (name, _) in enumerate(runs):
            loss_derived_s = events[events["run"] == name].set_index(KEYS)["loss_derived_s"]
            values = loss_derived_s.reindex(pd.MultiIndex.from_frame(rows[KEYS])).to_numpy()
            y = np.arange(len(rows)) - 0.4 + thick * (i + 0.5)
            axes.barh(y, np.fmax(values, LEAST_S), thick * 0.9, color=SERIES[i % len(SERIES)], label=name)
            for place, value in zip(y, values, strict=True):
                text = "not on its path" if np.isnan(value) else f"{value:.2f}" if value else "0"
                axes.annotate(text, (np.fmax(value, LEAST_S), place), (4, 0), textcoords="offset points",
                              va="center", fontsize=8, color=INK)  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(LEAST_S, 3 * max(1.0, events["loss_derived_s"].max()))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("loss-derived convergence time (s)")
        axes.set_yticks(range(len(rows)), labels, fontsize=8)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        legend(axes, min(len(runs), 4))

    return Drawing(
        "comparison", "How long each event lost packets",
        "Loss-derived convergence time (RFC 6412): probes lost over their rate. The axis is logarithmic.",
        Picture(0.9 + (0.2 * len(runs) + 0.25) * len(rows), paint),
    )  # fmt: skip


def control_rates(runs: Sequence[Named]) -> Drawing:
    """Lines: what routing sent, second by second."""

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for i, (name, run) in enumerate(runs):
            sent = control.by_second(run)
            axes.stairs(sent / 1e3, np.append(sent.index, len(sent)), label=name, lw=1.2,
                        color=SERIES[i % len(SERIES)], baseline=None)  # fmt: skip
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("control traffic (kB/s)")
        time_axis(axes, 0, max(run.played_s for _, run in runs))
        legend(axes, min(len(runs), 4))

    return Drawing(
        "comparison",
        "Control traffic",
        "What routing itself sent over all links together.",
        Picture(2.8, paint),
    )


def stretch(runs: Sequence[Named]) -> Drawing:
    """Complementary distribution: round trips over those of the oracle's path."""

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for i, (name, run) in enumerate(runs):
            ratio = np.sort(probed.ratios(truth.probes(run)))
            above = 1 - np.arange(1, len(ratio) + 1) / max(len(ratio), 1)
            axes.step(ratio, above, where="post", label=name, color=SERIES[i % len(SERIES)])
        axes.axvline(probed.STRETCHED, color=GREY, lw=0.9, ls=":")
        axes.set_yscale("log")
        axes.set_ylim(LEAST_SHARE, 1)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("measured round trip over that of the oracle's path")
        axes.set_ylabel("share of probes above")
        legend(axes, min(len(runs), 4))

    return Drawing(
        "comparison", "Path stretch",
        "Which share of the probes that came back was more than so many times as long under way as on the "
        f"oracle's path; all flows together. The dotted line is {probed.STRETCHED:g}. Below 1 are "
        "probes that met a change of the oracle's path under way, or took a way that it had left.",
        Picture(2.8, paint),
    )  # fmt: skip


def churn(runs: Sequence[Named]) -> Drawing:
    """Lines: changes of routes so far."""

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for i, (name, run) in enumerate(runs):
            so_far = np.append(0, forwarding.churn(run, 4)["changes"].cumsum())
            axes.step(np.arange(len(so_far)), so_far, where="post", label=name, color=SERIES[i % len(SERIES)])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("changes of routes so far")
        time_axis(axes, 0, max(run.played_s for _, run in runs))
        legend(axes, min(len(runs), 4))

    return Drawing(
        "comparison", "Route churn", "Next hops that changed in all IPv4 forwarding tables since run time 0.",
        Picture(2.8, paint),
    )  # fmt: skip
