"""The figures of a run, each a function from the run's tables to a drawing.

`all_figures` chooses those that the run has data for; a figure says in its caption what is to be seen.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybed.analysis.measures import delays, metrics, paths, truth
from skybed.analysis.pages.style import (
    BACK,
    BAD,
    DOTS,
    GREY,
    INK,
    MEASURED,
    PALE,
    SERIES,
    Picture,
    legend,
    time_axis,
)
from skybed.analysis.run import Run
from skybed.topologies.contacts.properties import KINDS
from skybed.topologies.errors import RunError
from skybed.topologies.model.tables import CARRIED, PROBES

FLOWS_SHOWN = 6
Links = Sequence[tuple[str, str]]
LINKS_OF_A_KIND = 2


class Drawing(NamedTuple):
    section: str  # "flows" or "fidelity"
    title: str
    caption: str
    picture: Picture

    @property
    def svg(self) -> bytes:
        return self.picture.drawn("svg")


def all_figures(run: Run, probes: pd.DataFrame, links: Links = ()) -> list[Drawing]:
    """Every figure that this run has data for; probes: `truth.thinned(run)`; links: what `carried` takes."""
    drawings = []
    for flow in _worst(probes):
        of_flow = probes[probes["flow"] == flow]
        drawings.append(rtt(run, of_flow))
        if of_flow["owd_us"].notna().any():
            drawings.append(one_way(run, of_flow))
    if len(run.flows):
        drawings.append(throughput(run))
    if links or (run.wrote(CARRIED) and len(run.table(CARRIED.name))):
        drawings.append(carried(run, links))
    drawings.append(contacts(run))
    if probes["error_us"].notna().any():
        drawings.append(errors(run, probes))
    if (run.applied["t_s"] > 0).any():
        drawings.append(lateness(run))
    if (run.applied["kind"] == "delay").any():
        drawings.append(applied_delays(run))
    return drawings


# -- flows ---------------------------------------------------------------------------------------


def rtt(run: Run, probes: pd.DataFrame) -> Drawing:
    """Measured and true RTT of one flow over time, and the difference below."""
    flow = str(probes["flow"].iloc[0])
    free, loaded = probes[~probes["loaded"]], probes[probes["loaded"]]

    def paint(canvas: Figure) -> None:
        above, below = canvas.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
        _outages(run, flow, (above, below))
        _path_changes(run, flow, above)
        for rows, colour, label in ((free, MEASURED, "measured"), (loaded, SERIES[4], "under load")):
            if len(rows):
                above.plot(rows["sent_s"], rows["rtt_us"] / 1e3, color=colour, label=label, **DOTS)
        above.plot(probes["sent_s"], probes["true_rtt_us"] / 1e3, color=INK, lw=1, label="from geometry")
        above.set_ylabel("RTT (ms)")
        above.xaxis.label.set_visible(False)
        legend(above, 5)
        if free["error_us"].notna().any():
            below.plot(free["sent_s"], free["error_us"], color=MEASURED, **DOTS)
        else:
            below.plot(loaded["sent_s"], loaded["error_us"], color=SERIES[4], **DOTS)
        below.axhline(0, color=INK, lw=0.8)
        below.set_ylabel("error (µs)")
        time_axis(below, 0, run.played_s)

    return Drawing(
        "flows", f"Round-trip time of {flow}",
        "Each dot is a probe at its time of sending; the line is what orbits and link rates give for it. "
        "Dotted lines are path changes, shaded spans are outages. Below: measured minus true, "
        "without the probes that met load if others did not." + _thinned(run),
        Picture(4.0, paint),
    )  # fmt: skip


def one_way(run: Run, probes: pd.DataFrame) -> Drawing:
    """One-way delays of one flow in both directions, measured and true."""
    flow, src, dst = (str(probes[name].iloc[0]) for name in ("flow", "src", "dst"))

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        _outages(run, flow, (axes,))
        ways = [("_back", BACK, f"{dst} to {src}"), ("", MEASURED, f"{src} to {dst}")]
        for way, colour, label in ways:
            axes.plot(probes["sent_s"], probes[f"owd{way}_us"] / 1e3, color=colour, label=label, **DOTS)
            axes.plot(probes["sent_s"], probes[f"true_owd{way}_us"] / 1e3, color=INK, lw=0.8)
        axes.set_ylabel("one-way delay (ms)")
        time_axis(axes, 0, run.played_s)
        legend(axes)

    return Drawing(
        "flows", f"One-way delay of {flow}",
        "Both directions by the one clock that all nodes share; the thin lines are the true values."
        + _thinned(run),
        Picture(2.7, paint),
    )  # fmt: skip


def throughput(run: Run) -> Drawing:
    """Received rate of the udp and tcp flows per interval."""
    names = list(run.flows["flow"].unique())[:FLOWS_SHOWN]

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for name, colour in zip(names, SERIES, strict=False):
            rows = metrics.throughput(run, name)
            edges = np.append(rows["start_s"], rows["end_s"].iloc[-1:])
            axes.stairs(rows["throughput_mbps"], edges, color=colour, label=name, baseline=None, lw=1.4)
        axes.set_ylabel("throughput (Mbit/s)")
        axes.margins(y=0.1)
        axes.set_ylim(bottom=0)
        time_axis(axes, 0, run.played_s)
        legend(axes)

    return Drawing(
        "flows", "Throughput", "Payload received per interval." + _more(run.flows), Picture(2.7, paint)
    )


def carried(run: Run, links: Links = ()) -> Drawing:
    """What directions of links carried, second by second. links: (node that sends, peer); those that carried
    most where none is named.
    """
    if not run.wrote(CARRIED):
        raise RunError(f"{run.dir}: nobody counted what its links carried: {CARRIED.rows.split('. ')[1]}")
    names = [node.name for node in run.plan.nodes]
    there = {pair for x in run.plan.links for pair in itertools.permutations((names[x.a], names[x.b]))}
    for node, peer in links:
        if (node, peer) not in there:
            raise RunError(f"{run.dir}: there is no link from {node} to {peer}.")
    rows = run.table(CARRIED.name)
    by_link = {key: of_link for key, of_link in rows.groupby(["node", "peer"])}
    most = sorted(by_link, key=lambda link: -by_link[link]["bytes"].sum())
    shown = list(links) or most[:FLOWS_SHOWN]
    seconds = np.arange(np.ceil(run.played_s) + 1)

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for link, colour in zip(shown, itertools.cycle(SERIES), strict=False):
            of_link = by_link.get(link, rows[:0])
            sent = of_link.groupby("t_s")["bytes"].sum().reindex(seconds[:-1], fill_value=0)
            axes.stairs(sent * 8e-6, seconds, color=colour, label=" to ".join(link), baseline=None, lw=1.2)
        axes.set_ylabel("carried (Mbit/s)")
        axes.margins(y=0.1)
        axes.set_ylim(bottom=0)
        time_axis(axes, 0, run.played_s)
        legend(axes)

    hidden = 0 if links else len(most) - len(shown)
    more = f" {hidden} more directions carried less." if hidden > 0 else ""
    return Drawing(
        "flows", "Carried by links",
        "All that left a link's queue in this direction, with Ethernet headers, second by second." + more,
        Picture(2.7, paint),
    )  # fmt: skip


def contacts(run: Run) -> Drawing:
    """Which satellites each ground station was linked to, and the outages of the flows."""
    plan = run.plan
    bars = pd.DataFrame(
        [
            (plan.nodes[ground].name, plan.nodes[other].name, row.start_s, min(row.end_s, run.played_s))
            for row in plan.contacts.itertuples()
            for ground, other in _ground_ends(run, int(row.link))
            if row.start_s < run.played_s
        ],
        columns=["station", "satellite", "start_s", "end_s"],
    ).sort_values("start_s")
    gaps = {name: metrics.outages(run, name) for name in run.flow_names(PROBES)[:FLOWS_SHOWN]}
    rows = [*bars["station"].unique(), *(f"{name}, outages" for name in gaps)]

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for y, (_, of_station) in enumerate(bars.groupby("station", sort=False)):
            for i, bar in enumerate(of_station.itertuples()):
                _bar(axes, y, i, bar, run.played_s)
        for y, gap in enumerate(gaps.values(), bars["station"].nunique()):
            axes.hlines(y, 0, run.played_s, color=PALE, lw=1, zorder=0)
            spans = list(zip(gap["start_s"], gap["end_s"] - gap["start_s"], strict=True))
            axes.broken_barh(spans, (y - 0.3, 0.6), color=BAD)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        time_axis(axes, 0, run.played_s)

    return Drawing(
        "flows", "Contacts and outages",
        "Bars are the planned access links of each ground station, one per satellite; overlapping bars are "
        "links that stood at the same time. Vermilion: outages as the probes saw them.",
        Picture(1.0 + 0.42 * len(rows), paint),
    )  # fmt: skip


# -- fidelity ------------------------------------------------------------------------------------


def errors(run: Run, probes: pd.DataFrame) -> Drawing:
    """Distribution of measured minus true RTT, histogram and cumulative."""
    limit = run.scenario.fidelity
    judged = probes[probes["error_us"].notna() & ~probes["loaded"]]
    shown = judged if len(judged) else probes[probes["error_us"].notna()]

    def paint(canvas: Figure) -> None:
        left, right = canvas.subplots(1, 2)
        low, high = shown["error_us"].quantile([0.01, 0.99])
        pad = max(1.0, 0.1 * (high - low))
        left.hist(shown["error_us"], bins=60, range=(low - pad, high + pad), color=MEASURED)
        left.set_xlabel("RTT error (µs)")
        left.set_ylabel("probes")
        for flow, colour in zip(_worst(shown), SERIES, strict=False):
            size = np.sort(shown.loc[shown["flow"] == flow, "error_us"].abs())
            right.plot(
                np.maximum(size, 0.1), np.arange(1, len(size) + 1) / len(size), color=colour, label=flow
            )
        for value, share in ((limit.rtt_error_p50_us, 0.5), (limit.rtt_error_p99_us, 0.99)):
            right.plot(value, share, color=BAD, marker="x", ls="none", ms=7, mew=1.8, clip_on=False, zorder=5)
        right.set_xscale("log")
        right.xaxis.set_major_formatter("{x:g}")
        right.set_ylim(0, 1.01)
        right.set_xlabel("absolute RTT error (µs)")
        right.set_ylabel("share of probes")
        right.legend(loc="upper left")

    return Drawing(
        "fidelity", "RTT error",
        "Measured minus true, of the probes that met no load; on the left without the outer 1 % of either "
        "side. On the right the curves have to pass to the left of the two crosses, the limits at the median "
        "and at the 99th percentile." + _thinned(run),
        Picture(2.8, paint),
    )  # fmt: skip


def lateness(run: Run) -> Drawing:
    """How late each event was applied."""
    applied = run.applied[run.applied["late_us"].notna() & (run.applied["t_s"] > 0)]

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        kinds = dict.fromkeys(("delay", "down", "up", "silence", "heal", *KINDS))
        for kind, colour in zip(kinds, itertools.cycle(SERIES), strict=False):
            rows = applied[applied["kind"] == kind]
            if len(rows):
                late_ms = np.maximum(rows["late_us"], 1) / 1e3
                axes.plot(rows["t_s"], late_ms, color=colour, label=kind, **DOTS | {"markersize": 5})
        axes.axhline(run.scenario.fidelity.late_ms, color=BAD, lw=1, label="limit")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_ylabel("lateness (ms)")
        time_axis(axes, 0, run.played_s)
        legend(axes, 6)

    return Drawing(
        "fidelity", "Lateness of events",
        "Applied minus intended time of every event after the start; less than 1 µs is drawn as 1 µs.",
        Picture(2.6, paint),
    )  # fmt: skip


def applied_delays(run: Run) -> Drawing:
    """Applied against true delay of the links of each kind whose delay was set most often."""
    kind = {link.name: link.kind for link in run.plan.links}
    times_set = run.applied.loc[run.applied["kind"] == "delay", "link"].value_counts()
    links = list(times_set.groupby(times_set.index.map(kind)).head(LINKS_OF_A_KIND).index)
    looks, bound_us = delays.compare(run, links), run.scenario.bound_us

    def paint(canvas: Figure) -> None:
        grid = canvas.subplots(len(links), 2, squeeze=False, sharex=True)
        for (left, right), link in zip(grid, links, strict=True):
            rows = looks[looks["link"] == link]
            left.plot(rows["t_s"], rows["applied_us"] / 1e3, color=MEASURED, label="applied")
            left.plot(rows["t_s"], rows["true_us"] / 1e3, color=INK, lw=0.8, label="true")
            left.set_title(link)
            left.set_ylabel("delay (ms)")
            right.axhspan(-bound_us, bound_us, color=PALE, lw=0)
            right.plot(rows["t_s"], rows["error_us"], color=MEASURED, lw=0.8)
            right.set_ylabel("error (µs)")
            right.margins(y=0.2)
        legend(grid[0][1], 2, of=grid[0][0])
        for axes in grid[-1]:
            time_axis(axes, 0, run.played_s)

    return Drawing(
        "fidelity", "Link delays as applied",
        "One-way delay of the links that change most, as it was applied and as the orbits have it. "
        "The band is the scenario's error bound.",
        Picture(0.6 + 1.5 * len(links), paint),
    )  # fmt: skip


# -- parts ---------------------------------------------------------------------------------------


def _worst(probes: pd.DataFrame) -> list[str]:
    """The flows to show: all, or those with the greatest errors where there are too many."""
    size = probes["error_us"].abs().groupby(probes["flow"], sort=False).quantile(0.99)
    shown = set(size.nlargest(FLOWS_SHOWN).index) if len(size) > FLOWS_SHOWN else set(size.index)
    return [str(flow) for flow in size.index if flow in shown]


def _more(table: pd.DataFrame) -> str:
    hidden = table["flow"].nunique() - FLOWS_SHOWN
    return f" {hidden} more flows are not shown." if hidden > 0 else ""


def _thinned(run: Run) -> str:
    of = truth.shown_of(run)
    return f" One probe of {of} is shown." if of > 1 else ""


def _outages(run: Run, flow: str, all_axes: tuple[Axes, ...]) -> None:
    for n, gap in enumerate(metrics.outages(run, flow).itertuples()):
        for axes in all_axes:
            label = "outage" if n == 0 and axes is all_axes[0] else None
            axes.axvspan(gap.start_s, gap.end_s, color=BAD, alpha=0.18, lw=0, label=label)


def _path_changes(run: Run, flow: str, axes: Axes) -> None:
    for n, t_s in enumerate(paths.planned_paths(run, flow)["start_s"].iloc[1:]):
        axes.axvline(t_s, color=GREY, lw=0.9, ls=":", label="path change" if n == 0 else None)


def _ground_ends(run: Run, link: int) -> list[tuple[int, int]]:
    """(ground node, satellite) where the link joins one to the other."""
    ends = run.plan.links[link].a, run.plan.links[link].b
    kinds = [run.plan.nodes[node].kind for node in ends]
    if kinds == ["satellite", "ground"]:
        return [(ends[1], ends[0])]
    return [(ends[0], ends[1])] if kinds == ["ground", "satellite"] else []


def _bar(axes: Axes, y: float, number: int, bar: pd.Series, played_s: float) -> None:
    """One contact; neighbours alternate in height and shade, so that an overlap shows."""
    raised, length_s = number % 2, bar.end_s - bar.start_s
    axes.broken_barh(
        [(bar.start_s, length_s)], (y - 0.34 + 0.34 * raised, 0.34),
        color=(MEASURED, SERIES[4])[raised], edgecolor="white", lw=0.6,
    )  # fmt: skip
    if length_s > 0.016 * played_s * len(bar.satellite):
        axes.text(
            bar.start_s + length_s / 2, y - 0.17 + 0.34 * raised, bar.satellite, ha="center", va="center",
            fontsize=7.5, color=("white", INK)[raised],
        )  # fmt: skip
