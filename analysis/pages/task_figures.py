"""The figures of a run with tasks: how long they took and why, who carried them, what nodes held and drew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from skybed.analysis import numbers
from skybed.analysis.measures import ledger
from skybed.analysis.measures.forwarding import link_numbers, traces
from skybed.analysis.measures.products import outcomes
from skybed.analysis.pages.figures import Drawing
from skybed.analysis.pages.style import BAD, GREY, INK, PALE, SERIES, STAGES, Picture, legend, time_axis
from skybed.analysis.run import Run
from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS
from skybed.topologies.plan import score

NODES_SHOWN = 24
LINES_SHOWN = 6
AFTER_S = 0.01  # it began to be sent: the routes of that instant are made
MINUTES_FROM_S = 900.0  # times of which the longest is longer are in minutes, or hours
HOURS_FROM_S = 6 * 3600.0
FAR_APART = 100.0  # of usual responses: then times are on a logarithmic scale
# What the stages of the table `tasks` count as, where they are at work.
WORK = {
    "command": "command", "observe": "compute", "acquire": "acquisition",
    "transfer": "transfer", "uplink": "transfer", "delivery": "delivery", "backhaul": "backhaul",
    "compute": "compute",
}  # fmt: skip


def all_figures(run: Run) -> list[Drawing]:
    """Those that the run has data for; none without tasks."""
    names = [str(task.name) for task in ledger.tasks(run)]
    if not names:
        return []
    tables = {name: outcomes(run, name) for name in names}
    drawings = list[Drawing]()
    if any(table["response_s"].notna().any() for table in tables.values()):
        drawings += [stages(tables), responses(tables)]
    drawings.append(timeline(run))
    if len(run.table(STORAGE.name)) or len(run.table(ENERGY.name)):
        drawings.append(held(run))
    if len(run.table(TRANSFERS.name)):
        drawings.append(carried(run))
    return drawings


def stages(tables: dict[str, pd.DataFrame]) -> Drawing:
    """The mean response of each task, stage by stage, with the bound."""
    delivered = {name: table.dropna(subset="response_s") for name, table in tables.items()}
    delivered = {name: table for name, table in delivered.items() if len(table)}
    unit, size = _unit(max(table["response_s"].mean() for table in delivered.values()))

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        stack(axes, {name: table[list(STAGES)].mean() / size for name, table in delivered.items()})
        for y, table in enumerate(delivered.values()):
            axes.plot([table["bound_s"].mean() / size] * 2, [y - 0.4, y + 0.4], color=INK, lw=1.6)
        texts = [f"{name} ({len(delivered[name])} of {len(tables[name])})" for name in delivered]
        axes.set_yticks(range(len(texts)), texts)
        legend(axes, 5)
        axes.set_xlabel(f"mean response ({unit})")

    return Drawing(
        "tasks", "Response by stage",
        "From when a task is asked for until its product is there, on average of those that arrived, and "
        "what that is made up of. Grey is waiting. The upright line is the mean of what the plan allows at "
        "best, without queues.",
        Picture(1.3 + 0.5 * len(delivered), paint),
    )  # fmt: skip


def stack(axes: Axes, parts: dict[str, pd.Series]) -> None:
    """Bars beside each other of stages (STAGES of the style), one row each, from the top."""
    shown = [stage for stage in STAGES if any(values[stage] > 0 for values in parts.values())]
    left = np.zeros(len(parts))
    for stage in shown:
        width = np.array([values[stage] for values in parts.values()])
        axes.barh(range(len(parts)), width, left=left, height=0.62, color=STAGES[stage], label=stage)
        left += width
    for y, total in enumerate(left):
        said = f"  {numbers.figures(total)}" if total else "  –"
        axes.text(total, y, said, va="center", fontsize=8.5, color=GREY)
    axes.set_xlim(0, 1.1 * left.max())
    axes.set_ylim(len(parts) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def far_apart(usual_s: Iterable[float]) -> bool:
    """Whether times are so different that only a logarithmic scale shows all of them; nan: none is known."""
    known = [usual for usual in usual_s if usual > 0]
    return bool(known) and max(known) > FAR_APART * min(known)


def responses(tables: dict[str, pd.DataFrame]) -> Drawing:
    """The share of each task that had arrived after so long, measured and at best."""
    longest_s = max(table["response_s"].max() for table in tables.values() if len(table))
    apart = far_apart([table["response_s"].median() for table in tables.values()])
    unit, size = ("s", 1.0) if apart else _unit(longest_s)

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for (name, table), colour in zip(tables.items(), SERIES, strict=False):
            for column, style, label in (("bound_s", ":", f"{name}, at best"), ("response_s", "-", name)):
                _ecdf(axes, table[column] / size, longest_s / size, style, colour, label)
        axes.set_ylim(0, 1.02)
        if apart:
            axes.set_xscale("log")
        else:
            axes.set_xlim(left=0)
        axes.set_xlabel(f"response ({unit})")
        axes.set_ylabel("share of what was asked for")
        legend(axes, 4)

    return Drawing(
        "tasks", "Responses",
        "Share of what was asked for whose product was there after so long; a line that ends below 1 is of a "
        "task of which some never arrived. Dotted: at best, by the plan.",
        Picture(3.2, paint),
    )  # fmt: skip


def _ecdf(axes: Axes, values: pd.Series, until: float, style: str, colour: str, label: str) -> None:
    there = np.sort(values[np.isfinite(values)])
    share = np.minimum(np.arange(len(there) + 2), len(there)) / max(1, len(values))
    axes.step(
        [0.0, *there, max([until, *there[-1:]])], share, where="post", ls=style, color=colour, label=label
    )


def timeline(run: Run) -> Drawing:
    """What each node did for tasks, and what went from one to another."""
    rows = run.table(TASKS.name)
    rows = rows[rows["node"].notna() & rows["stage"].isin(list(WORK))]
    ends_s = rows["ended_s"].fillna(run.played_s)
    work = pd.concat([rows["node"], rows["peer"].dropna()]).value_counts()
    some = set(work.head(NODES_SHOWN).index)
    nodes = [node.name for node in run.plan.nodes if node.name in some]
    place = {name: y for y, name in enumerate(nodes)}

    def paint(canvas: Figure) -> None:
        axes = canvas.subplots()
        for row, end_s in zip(rows.itertuples(), ends_s, strict=True):
            if row.node not in place:
                continue
            y, colour = place[row.node], STAGES[WORK[row.stage]]
            began_s = end_s if pd.isna(row.began_s) else row.began_s
            axes.plot([row.queued_s, began_s], [y, y], color=PALE, lw=2.2, solid_capstyle="butt", zorder=1)
            axes.plot([began_s, end_s], [y, y], color=colour, lw=6, solid_capstyle="butt", zorder=2)
            if row.outcome == "done" and row.peer in place:
                axes.plot([end_s, end_s], [y, place[row.peer]], color=colour, lw=0.9, zorder=3)
            if row.outcome not in ("done", "held"):
                axes.plot(end_s, y, color=BAD, marker="x", ms=5, mew=1.5, zorder=4)
        axes.set_yticks(range(len(nodes)), nodes)
        axes.set_ylim(max(0.5, len(nodes) - 0.5), -0.5)
        axes.tick_params(axis="y", length=0)
        time_axis(axes, 0, run.played_s)
        used = dict.fromkeys(WORK[stage] for stage in rows["stage"].unique())
        axes.legend(
            handles=[Patch(color=STAGES[stage], label=stage) for stage in STAGES if stage in used]
            + [Patch(color=PALE, label="waiting")],
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=6, borderaxespad=0.2, handlelength=1.2,
        )  # fmt: skip

    hidden = len(work) - len(nodes)
    more = f" {hidden} more nodes, which did less, are not shown." if hidden > 0 else ""
    return Drawing(
        "tasks", "Tasks over the nodes that carried them",
        "A bar is what a node did for a task: it computed, or sent to where the thin line leads. Pale: data "
        "that waited there. A cross: refused, dropped or lost." + more,
        Picture(1.1 + 0.22 * len(nodes), paint),
    )  # fmt: skip


def held(run: Run) -> Drawing:
    """What nodes hold, and their batteries, over time."""
    kinds = (
        (STORAGE, _stored, "Data in the nodes that held most, as on the wire. Dashed: the room of one."),
        (
            ENERGY, _charged,
            "The charge of the nodes whose batteries were lowest. Dashed: the level at which the first of "
            "them pauses computing; shaded: while it does.",
        ),
    )  # fmt: skip
    shown = [(panel, caption) for table, panel, caption in kinds if len(run.table(table.name))]
    panels, captions = zip(*shown, strict=True)

    def paint(canvas: Figure) -> None:
        grid = canvas.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(grid, panels, strict=True):
            panel(run, axes)
            legend(axes, LINES_SHOWN)
        time_axis(grid[-1], 0, run.played_s)

    return Drawing(
        "tasks", "Storage and battery",
        " ".join(captions),
        Picture(0.5 + 2.1 * len(panels), paint),
    )  # fmt: skip


def _stored(run: Run, axes: Axes) -> None:
    rows = run.table(STORAGE.name)
    most = rows.groupby("node")["held_bytes"].max().nlargest(LINES_SHOWN)
    for (name, top), colour in zip(most.items(), SERIES, strict=False):
        of = rows[rows["node"] == name].sort_values("t_s")
        t_s = np.concatenate([[0.0], of["t_s"], [run.played_s]])
        mb = np.concatenate([[0.0], of["held_bytes"], of["held_bytes"].tail(1)]) / 1e6
        axes.step(t_s, mb, where="post", color=colour, label=name, lw=1.1)
        room = of["room_bytes"].max()
        if room <= 2 * top:
            axes.axhline(room / 1e6, color=colour, lw=0.8, ls="--")
    axes.set_ylabel("held (MB)")
    axes.set_ylim(bottom=0)


def _charged(run: Run, axes: Axes) -> None:
    rows = run.table(ENERGY.name)
    lowest = rows.groupby("node")["battery_wh"].min()
    powers = {str(name): score.carried(run.plan, run.plan.node(str(name))).power for name in lowest.index}
    share = {name: lowest[name] / power.battery_wh for name, power in powers.items() if power}
    for n, (name, colour) in enumerate(zip(sorted(share, key=share.__getitem__), SERIES, strict=False)):
        of = rows[rows["node"] == name].sort_values("t_s")
        power = powers[name]
        assert power is not None
        axes.plot(of["t_s"], 100 * of["battery_wh"] / power.battery_wh, color=colour, label=name, lw=1.1)
        if n == 0:
            axes.axhline(power.floor_pct, color=colour, lw=0.8, ls="--")
            until_s = of["t_s"].shift(-1)
            for row, end_s in zip(of.itertuples(), until_s, strict=True):
                if row.paused:
                    axes.axvspan(row.t_s, end_s, color=colour, alpha=0.12, lw=0)
    axes.set_ylabel("battery (%)")
    axes.set_ylim(0, 103)


def carried(run: Run) -> Drawing:
    """Bytes by what they were sent for, and by the classes of the links that they crossed."""
    sent = run.table(TRANSFERS.name).merge(
        run.table(TASKS.name)[["flow", "number", "place", "stage", "peer"]].rename(columns={"peer": "end"}),
        on=["flow", "number", "place"],
    )
    by_stage = (
        sent[sent["peer"] == sent["end"]].groupby(["stage", "flow"])["bytes"].sum().unstack(fill_value=0)
        / 1e6
    )
    by_class = pd.DataFrame(_crossings(run, sent), columns=["link", "flow", "bytes"])
    by_class = by_class.groupby(["link", "flow"])["bytes"].sum().unstack(fill_value=0) / 1e6
    names = [str(task.name) for task in ledger.tasks(run)]

    def paint(canvas: Figure) -> None:
        for axes, table in zip(canvas.subplots(1, 2), (by_stage, by_class), strict=True):
            table = table.loc[table.sum(axis=1).sort_values(ascending=False).index]
            left = np.zeros(len(table))
            for name, colour in zip(names, SERIES, strict=False):
                width = table.get(name, pd.Series(0.0, table.index)).to_numpy()
                axes.barh(range(len(table)), width, left=left, height=0.62, color=colour, label=name)
                left += width
            for y, total in enumerate(left):
                axes.text(total, y, f"  {numbers.figures(total)}", va="center", fontsize=8.5, color=GREY)
            axes.set_yticks(range(len(table)), table.index)
            axes.set_ylim(len(table) - 0.5, -0.5)
            axes.set_xlim(0, 1.2 * max(left, default=1.0))
            axes.grid(axis="y", visible=False)
            axes.tick_params(axis="y", length=0)
            axes.set_xlabel("MB")
        legend(axes, 4)

    scale = run.scenario.rate_scale
    scaled = f" Volumes are scaled by {scale:g}, as rates are." if scale != 1 else ""
    return Drawing(
        "tasks", "Bytes by stage and link class",
        "Left: what was sent, by what for. Right: what links of each class carried of it, on the ways that "
        "it took when it began; each link counts that it crossed." + scaled,
        Picture(1.2 + 0.34 * max(len(by_stage), len(by_class)), paint),
    )  # fmt: skip


def _crossings(run: Run, sent: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Class of a link, task, and bytes, of every link that a connection, or a bundle, crossed."""
    hops = sent["flow"].isin([str(task.name) for task in ledger.tasks(run) if task.carrier == "bundles"])
    for row in sent[hops].itertuples():
        link = run.plan.network.link_between[run.plan.node(row.node), run.plan.node(row.peer)]
        yield run.plan.links[link].class_name, row.flow, row.bytes
    sent = sent[~hops]
    trace, *_ = traces(run, 4)
    for (node, peer), rows in sent.sort_values("began_s").groupby(["node", "peer"]):
        _, number, paths = trace(node, peer, rows["began_s"].to_numpy() + AFTER_S)
        for row, way in zip(rows.itertuples(), number, strict=True):
            for link in link_numbers(run.plan, paths[way]) if way >= 0 else ():
                yield run.plan.links[link].class_name, row.flow, row.bytes


def _unit(longest_s: float) -> tuple[str, float]:
    """In which times are told, and how many seconds that is."""
    if longest_s > HOURS_FROM_S:
        return "h", 3600.0
    return ("min", 60.0) if longest_s > MINUTES_FROM_S else ("s", 1.0)
