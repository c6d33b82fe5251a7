"""The figures of a campaign's report: its values over its parameters, as the campaign file says.

Where it says nothing: the ECDF of the round trips, and of the responses of tasks, by the first parameter that
varies, of which stages these are made up, and the first metric over each that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from skybed.analysis.campaign.statistics import long, mean_interval
from skybed.analysis.campaign.table import USABLE, Results
from skybed.analysis.measures import ledger
from skybed.analysis.pages.figures import Drawing
from skybed.analysis.pages.style import INK, MEASURED, PALE, SERIES, STAGES, Picture
from skybed.analysis.pages.task_figures import far_apart, stack
from skybed.analysis.run import Run, load
from skybed.analysis.verdict import Verdict
from skybed.topologies.model.metrics import OF_TASKS, SAMPLES, label
from skybed.topologies.model.tasks import Task
from skybed.topologies.scenario.campaign_figures import FLOW, WHOLE, FigureModel
from skybed.topologies.tasks.responses import response

ECDF_POINTS = 500  # of a curve, whatever the number of probes
COLUMNS = 3  # of panels, beside each other
PANEL_IN = 2.7  # high
TICKS, KEYS = 70, 90  # characters beside each other
TASK = Task.model_fields["kind"].default


def all_figures(results: Results) -> list[Drawing]:
    """Every figure that the campaign has data for."""
    values = long(results).dropna(subset="value")
    return [
        drawn
        for figure in results.figures or _default(results)
        for drawn in _of(results, figure, _values(results, figure, values))
    ]


def _values(results: Results, figure: FigureModel, values: pd.DataFrame) -> pd.DataFrame:
    """What a figure shows: of single packets and tasks, of stages, or of the campaign's metrics."""
    if figure.kind == "ecdf":
        return _samples(results, figure)
    return _staged(results, figure) if figure.kind == "stages" else values


def _default(results: Results) -> Iterator[FigureModel]:
    varying = [at for at, values in results.parameters.items() if len(values) > 1]
    yield FigureModel(kind="ecdf", metric=next(iter(SAMPLES)), colour=varying[0] if varying else FLOW)
    if (results.table["kind"] == TASK).any():
        yield FigureModel(kind="stages", metric=WHOLE, x=varying[0] if varying else FLOW)
        yield FigureModel(kind="ecdf", metric=OF_TASKS, colour=varying[0] if varying else FLOW)
    for at in varying:
        kind = "line" if pd.api.types.is_numeric_dtype(results.table[at]) else "box"
        yield FigureModel(kind=kind, metric=results.metrics[0], x=at)  # type: ignore[arg-type]


def _of(results: Results, figure: FigureModel, values: pd.DataFrame) -> Iterator[Drawing]:
    """One figure of the campaign file, for each flow that it is to be drawn of and that has values."""
    values = values[values["metric"] == figure.metric]
    flows = [str(flow) for flow in values[FLOW].unique() if figure.flow in (None, flow)]
    values = values[values[FLOW].isin(flows)]
    for flow in [None] if FLOW in figure.parameters.values() else flows:
        rows = values if flow is None else values[values[FLOW] == flow]
        if len(rows):
            yield _one(results, figure, rows, flow or figure.flow)


@dataclass(frozen=True)
class _Chart:
    """A figure of the campaign file with what is to be drawn. levels: the values that each role takes."""

    figure: FigureModel
    rows: pd.DataFrame
    levels: dict[str, list[Any]]

    @property
    def metric(self) -> str:
        name, unit = label(self.figure.metric)
        return f"{name} ({unit})" if unit else name

    def coloured(self, rows: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, Any]]:
        """The rows of each colour, and the colour."""
        if self.figure.colour is None:
            yield rows, MEASURED
            return
        for level, colour in self.colours():
            group = rows[rows[self.figure.colour] == level]
            if len(group):
                yield group, colour

    def colours(self) -> list[tuple[Any, Any]]:
        n = len(self.levels["colour"])
        some = SERIES[:n] if n <= len(SERIES) else matplotlib.colormaps["viridis"](np.linspace(0, 0.95, n))
        return list(zip(self.levels["colour"], some, strict=True))


def _one(results: Results, figure: FigureModel, rows: pd.DataFrame, flow: str | None) -> Drawing:
    roles = figure.parameters
    chart = _Chart(figure, rows, {role: _levels(results, at, rows) for role, at in roles.items()})
    paint, caption = KINDS[figure.kind]
    panels = chart.levels.get("columns", [None])
    high, wide = -(-len(panels) // COLUMNS), min(len(panels), COLUMNS)

    def paint_all(canvas: Figure) -> None:
        grid = list(canvas.subplots(high, wide, squeeze=False, sharey=True, sharex=True).flat)
        for axes, level in zip(grid, panels, strict=False):
            paint(chart, axes, rows if level is None else rows[rows[figure.columns] == level])
            if level is not None:
                axes.set_title(f"{str(figure.columns).rpartition('.')[2]} = {level}")  # its last word: narrow
            axes.label_outer()
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        if figure.kind == "stages":
            _stage_key(chart, canvas)
        if figure.colour is not None:
            _key(chart, canvas)

    name = label(figure.metric)[0]
    title = f"{name[:1].upper()}{name[1:]}" + (f" of {flow}" if flow else "")
    pooled = [
        f"{at} ({len(values)} values)"
        for at, values in results.parameters.items()
        if len(values) > 1 and at not in roles.values()
    ]
    return Drawing(
        "campaign", title + (f" by {' and '.join(roles.values())}" if roles else ""),
        caption + (f" Pooled: {', '.join(pooled)}." if pooled else ""),
        Picture(0.5 + PANEL_IN * high, paint_all),
    )  # fmt: skip


# -- the kinds: each paints a panel ----------------------------------------------------------------------


def _ecdf(chart: _Chart, axes: Axes, rows: pd.DataFrame) -> None:
    for group, colour in chart.coloured(rows):
        samples = np.concatenate(list(group["samples"]))
        share = np.linspace(0, 1, min(ECDF_POINTS, len(samples)))
        axes.step(np.quantile(samples, share, method="inverted_cdf"), share, where="post", color=colour)
    axes.set_ylim(0, 1.01)
    arrived = (samples[np.isfinite(samples)] for samples in chart.rows["samples"])
    if far_apart(np.median(samples) for samples in arrived if len(samples)):
        axes.set_xscale("log")
    axes.set_xlabel(chart.metric)
    axes.set_ylabel("share of tasks" if chart.figure.metric == OF_TASKS else "share of probes")


def _stages(chart: _Chart, axes: Axes, rows: pd.DataFrame) -> None:
    by_x = {
        str(level): pd.DataFrame(
            [*rows.loc[rows[chart.figure.x] == level, "samples"]], columns=[*STAGES]
        ).mean()
        for level in chart.levels["x"]
    }
    stack(axes, {level: stages.fillna(0) for level, stages in by_x.items()})
    most = max(sum(stages.values()) for stages in chart.rows["samples"])
    axes.set_xlim(0, (1 + 0.1 * min(len(chart.levels.get("columns", [None])), COLUMNS)) * most)
    axes.set_yticks(range(len(by_x)), by_x)
    axes.set_xlabel(chart.metric)


def _box(chart: _Chart, axes: Axes, rows: pd.DataFrame) -> None:
    places = {level: place for place, level in enumerate(chart.levels["x"])}
    groups = list(chart.coloured(rows))
    width = 0.7 / len(groups)
    for number, (group, colour) in enumerate(groups):
        shift = (number - (len(groups) - 1) / 2) * width
        for level, values in group.groupby(chart.figure.x, sort=False)["value"]:
            at = places[level] + shift
            axes.boxplot(
                [values.to_numpy()], positions=[at], widths=[0.8 * width], showfliers=False,
                patch_artist=True, manage_ticks=False, boxprops={"facecolor": PALE, "edgecolor": colour},
                medianprops={"color": colour, "linewidth": 2}, whiskerprops={"color": colour},
                capprops={"color": colour},
            )  # fmt: skip
            beside = at + 0.25 * width * np.linspace(-1, 1, len(values)) * (len(values) > 1)
            axes.plot(beside, values, ".", color=colour, markersize=4, alpha=0.6)
    _ticks(axes.xaxis, chart.levels["x"])
    _slant(chart, axes)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_xlabel(str(chart.figure.x))
    axes.set_ylabel(chart.metric)
    axes.grid(axis="x", visible=False)


def _line(chart: _Chart, axes: Axes, rows: pd.DataFrame) -> None:
    for group, colour in chart.coloured(rows):
        by_x = group.groupby(chart.figure.x)["value"]
        at = np.array(list(by_x.groups), float)
        low, high = np.array([mean_interval(values.to_numpy()) for _, values in by_x]).T
        axes.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(
            group[chart.figure.x].astype(float), group["value"], ".", color=colour, markersize=4, alpha=0.5
        )
        axes.plot(at, by_x.mean(), color=colour, marker="o", markersize=3.5)
    least, most = chart.rows["value"].min(), chart.rows["value"].max()
    pad = 0.08 * (most - least) or 0.5
    axes.set_ylim(least - pad, most + pad)  # of the runs: the band of two may be very wide
    axes.set_xlabel(str(chart.figure.x))
    axes.set_ylabel(chart.metric)


def _heatmap(chart: _Chart, axes: Axes, rows: pd.DataFrame) -> None:
    x, y = chart.figure.x, chart.figure.y
    keys = [at for at in (y, x, chart.figure.columns) if at is not None]
    medians = chart.rows.groupby(keys)["value"].median()
    least, most = medians.min(), medians.max()
    cells = rows.groupby([y, x])["value"].median().unstack()
    cells = cells.reindex(index=chart.levels["y"], columns=chart.levels["x"]).to_numpy(float)
    axes.imshow(cells, cmap="Blues", aspect="auto", vmin=least, vmax=most + 0.25 * (most - least))
    for (row, column), value in np.ndenumerate(cells):
        dark = most > least and value > least + 0.7 * (most - least)
        text = "–" if np.isnan(value) else f"{value:.4g}"
        axes.text(column, row, text, ha="center", va="center", color="white" if dark else INK)
    _ticks(axes.xaxis, chart.levels["x"])
    _slant(chart, axes)
    _ticks(axes.yaxis, chart.levels["y"])
    axes.set_xlabel(str(x))
    axes.set_ylabel(str(y))
    axes.set_title(chart.metric, loc="right")
    axes.grid(visible=False)


KINDS: dict[str, tuple[Callable[[_Chart, Axes, pd.DataFrame], None], str]] = {
    "ecdf": (
        _ecdf,
        "Share of the probes that came back, or of the tasks asked for, which took at most so long.",
    ),
    "stages": (_stages, "What the mean response of those that arrived is made up of. Grey is waiting."),
    "box": (
        _box,
        "Line: median; box: the middle half of the runs; whiskers: up to one and a half boxes further. "
        "Each dot is a run.",
    ),
    "line": (_line, "Line: mean of the runs; band: its 95 % interval, by Student's t. Each dot is a run."),
    "heatmap": (_heatmap, "Median of the runs. A dash: no run that can be used."),
}


# -- parts -----------------------------------------------------------------------------------------------


def _samples(results: Results, figure: FigureModel) -> pd.DataFrame:
    """A row for each run and flow with probes: what `long` has, with an array `samples` instead of value."""
    *_, column = SAMPLES[figure.metric]
    rows = results.table[results.table["verdict"].isin(USABLE)]
    rows = rows[[*results.parameters, FLOW, "run"]].assign(metric=figure.metric)
    if figure.flow is not None:
        rows = rows[rows[FLOW] == figure.flow]
    measured: dict[tuple[str, str], np.ndarray] = {}
    for run in rows["run"].unique():
        loaded = load(results.dir / "runs" / run)
        if figure.metric == OF_TASKS:
            of = ledger.tasks(loaded)
            measured |= {(run, str(task.name)): _responses_s(loaded, task) for task in of}
            continue
        probes = loaded.probes.dropna(subset=column)
        measured |= {
            (run, str(flow)): values.to_numpy() / 1e3 for flow, values in probes.groupby(FLOW)[column]
        }
    samples = [measured.get(at) for at in zip(rows["run"], rows[FLOW], strict=True)]
    return rows.assign(samples=samples).dropna(subset="samples")


def _responses_s(run: Run, task: Task) -> np.ndarray:
    """Of all that was asked for; inf: it never arrived."""
    responses_s: np.ndarray = response(run.rows(task))["response_s"].fillna(np.inf).to_numpy()
    return responses_s


def _staged(results: Results, figure: FigureModel) -> pd.DataFrame:
    """A row for each run and task: what `long` has, with its mean stages, a dict, as samples."""
    rows = results.table[results.table["verdict"].isin(USABLE) & (results.table["kind"] == TASK)]
    rows = rows[[*results.parameters, FLOW, "run"]].assign(metric=figure.metric)
    told = {
        (run, row.flow): {stage: row.metrics[f"{stage}_s"] for stage in STAGES}
        for run in rows["run"].unique()
        for row in Verdict.read(results.dir / "runs" / run).flows
        if row.metrics.get(figure.metric) is not None and row.kind == TASK
    }
    samples = [told.get(at) for at in zip(rows["run"], rows[FLOW], strict=True)]
    return rows.assign(samples=samples).dropna(subset="samples")


def _levels(results: Results, at: str, rows: pd.DataFrame) -> list[Any]:
    """The values of a parameter, or the flows, that these rows have, in the order of the campaign."""
    present = set(rows[at])
    order = rows[FLOW].unique() if at == FLOW else results.parameters[at]
    return [value for value in order if value in present]


def _ticks(axis: Axis, levels: list[Any]) -> None:
    """A tick for each value at 0, 1, ..."""
    axis.set_ticks(range(len(levels)), [str(level) for level in levels])


def _slant(chart: _Chart, axes: Axes) -> None:
    """Tick labels that are too long to stand beside each other."""
    panels = min(len(chart.levels.get("columns", [None])), COLUMNS)
    if sum(len(str(level)) + 2 for level in chart.levels["x"]) > TICKS / panels:
        axes.tick_params(axis="x", rotation=25)


def _stage_key(chart: _Chart, canvas: Figure) -> None:
    """What the colours of stages mean, of those that took any time."""
    took = pd.DataFrame([*chart.rows["samples"]]).max() > 0
    patches = [Patch(color=colour, label=stage) for stage, colour in STAGES.items() if took[stage]]
    canvas.legend(handles=patches, loc="outside upper right", ncols=5, handlelength=1.2, columnspacing=1.2)


def _key(chart: _Chart, canvas: Figure) -> None:
    """What the colours mean, above all panels."""
    lines = [Line2D([], [], color=colour, lw=3) for _, colour in chart.colours()]
    texts = [str(level) for level, _ in chart.colours()]
    beside = KEYS // (6 + max(map(len, texts)))
    canvas.legend(
        lines, texts, title=chart.figure.colour, loc="outside upper right",
        ncols=max(1, min(len(lines), 6, beside)),
        handlelength=1.2, columnspacing=1.2, title_fontsize=9,
    )  # fmt: skip
