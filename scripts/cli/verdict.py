"""The verdict on a run, on a terminal."""

from __future__ import annotations

import sys
import textwrap
from collections import defaultdict
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from skybed.analysis import numbers
from skybed.analysis.measures import ledger, products
from skybed.analysis.routing import convergence
from skybed.analysis.run import REPORT, Run
from skybed.analysis.tested import TestedRun
from skybed.analysis.verdict import FlowFigures, FullVerdict, Verdict
from skybed.scripts.cli import tables
from skybed.scripts.cli.tables import rounded
from skybed.scripts.cli.terminal import Terminal
from skybed.topologies.model import kinds
from skybed.topologies.model.metrics import label
from skybed.topologies.model.tables import ROUTING
from skybed.topologies.model.tasks import Task

EVENTS_SHOWN = 12
TASK = Task.model_fields["kind"].default
COLOURS = {"pass": "green", "fail": "red", "invalid": "magenta"}


def tell(run: TestedRun) -> NoReturn:
    """Print the verdict on a run, and exit with its code."""
    render(run, run.verdict, Terminal())
    sys.exit(run.verdict.exit_code)


def render(run: Run, verdict: Verdict, console: Console) -> None:
    """Print the verdict first, then what it rests on, in 80 columns; in colour only on a terminal."""
    head = Text.assemble((verdict.status.upper(), f"bold {COLOURS[verdict.status]}"), f"  {verdict.run}")
    console.print(head)
    for sentence in [*verdict.reasons, *verdict.notes]:
        console.print(
            Text(textwrap.fill(sentence, console.width, initial_indent="  ", subsequent_indent="  "))
        )
    if isinstance(verdict, FullVerdict):
        _flows(verdict, console)
        _tasks(run, verdict, console)
        _own(verdict, console)
        _convergence(run, console)
        _events(verdict, console)
    page = run.dir / REPORT
    where = f"{page}" if page.is_file() else f"skybed report {run.dir}"
    console.print(Text(f"Report: {where}"), soft_wrap=True)


def _flows(verdict: FullVerdict, console: Console) -> None:
    sized = any(row.metrics["completion_s"] is not None for row in verdict.flows)
    table = tables.columns(
        "flow",
        numbers=[
            "RTT p50\n(ms)", "true\n", "p99\n(ms)", "true\n", "loss\n(%)", "outages\n(s)", "rate\n(Mbit/s)",
            *(["done in\n(s)"] if sized else []),
        ],
    )  # fmt: skip
    for row in verdict.flows:
        if row.own_metrics or not kinds.named(row.kind).METRICS:
            continue
        of = row.metrics
        outages = "" if of["outages"] is None else f"{of['outages']:.0f}: {of['outage_s']:.1f}"
        table.add_row(
            row.flow, rounded(of["rtt_p50_ms"], 2), rounded(row.true_rtt_p50_ms, 2),
            rounded(of["rtt_p99_ms"], 2), rounded(row.true_rtt_p99_ms, 2),
            rounded(of["loss_pct"], 2), outages, rounded(of["throughput_mbps"], 2),
            *([rounded(of["completion_s"], 2)] if sized else []),
        )  # fmt: skip
    if table.row_count:
        console.print(table)


def _own(verdict: FullVerdict, console: Console) -> None:
    """Of other kinds of flow what they measure: a row each, where the kind says of what, or a line."""
    by_kind: dict[str, list[FlowFigures]] = defaultdict(list)
    for row in verdict.flows:
        if row.kind != TASK and row.own_metrics:
            by_kind[row.kind].append(row)
    for kind, rows in by_kind.items():
        if shown := getattr(kinds.named(kind), "SHOWN", ()):
            heads = [_two_lines(*label(name)) for name in shown]
            table = tables.columns("flow\n", numbers=heads)
            for row in rows:
                values = (row.metrics.get(name) for name in shown)
                table.add_row(row.flow, *("" if x is None else numbers.figures(x) for x in values))
            console.print(table)
            continue
        for row in rows:
            told = ", ".join(f"{name} {value}" for name, value in row.own_metrics)
            console.print(Text(f"{row.flow}: {told}"))


def _two_lines(title: str, unit: str) -> str:
    """The head of a column: as narrow as it can be."""
    words, in_unit = title.split(maxsplit=1), f"({unit})" if unit else ""
    return "\n".join([words[0], " ".join([*words[1:], in_unit]).strip()])


def _tasks(run: Run, verdict: FullVerdict, console: Console) -> None:
    """A line each, with the mean of what the plan allows at best those that arrived."""
    heads = [
        "asked\n", "delivered\n(%)", "response\n(s)", "at best\n(s)", "p90\n(s)", "max\n(s)",
        "saved\n(%)",
    ]  # fmt: skip
    table = tables.columns("task\n", numbers=heads)
    for row in verdict.flows:
        if row.kind == TASK:
            of, arrived = row.metrics, ledger.responses(run, row.flow).dropna(subset="response_s")
            bound_s = arrived["bound_s"].mean() if len(arrived) else None
            table.add_row(
                row.flow, rounded(of["asked"], 0), rounded(of["delivered_pct"], 1),
                rounded(of["response_mean_s"], 1), rounded(bound_s, 1), rounded(of["response_p90_s"], 1),
                rounded(of["response_max_s"], 1), rounded(of["saved_pct"], 1),
            )  # fmt: skip
    if table.row_count:
        console.print(table)
    for name, last in products.not_delivered(run).groupby("flow", sort=False):
        many = last.groupby(["outcome", "stage"]).size().sort_values(ascending=False)
        ends = [f"{count} {outcome} in {stage}" for (outcome, stage), count in many.items()]
        console.print(Text(textwrap.fill(f"Not delivered of {name}: {', '.join(ends)}.", console.width)))


def _convergence(run: Run, console: Console) -> None:
    """Of events that cost a flow probes, or that routing had not known of and that were on its path."""
    events = convergence.table(run)
    events = events[(events["lost"] > 0) | (events["on_path"] & (events["kind"] != convergence.PLANNED))]
    if events.empty:
        return
    heads = ["at\n(s)", "converged\nby loss (s)", "by rate\n(s)", "out of\nhops", "route\nchanges"]
    table = tables.columns("event\n", "flow\n", numbers=heads)
    for row in events.head(EVENTS_SHOWN).itertuples():
        table.add_row(
            f"{row.kind} {row.what}", row.flow, f"{row.t_s:.1f}", f"{row.loss_derived_s:.2f}",
            f"{row.rate_derived_s:.2f}", f"{row.expired}", f"{row.route_changes}",
        )  # fmt: skip
    console.print(table)
    if len(events) > EVENTS_SHOWN:
        console.print(Text(f"... and {len(events) - EVENTS_SHOWN} more; see {ROUTING.name}.parquet."))


def _events(verdict: FullVerdict, console: Console) -> None:
    events, delay, error = verdict.events, verdict.delay, verdict.rtt_error
    late_us = {"p50": events.late_p50_us, "p99": events.late_p99_us, "max": events.late_max_us}
    late = ", ".join(f"{name} {(us or 0) / 1e3:.2f}" for name, us in late_us.items())
    lines = [f"Events: {events.applied}, late by {late} ms; {events.skipped} skipped"]
    if verdict.host.player_cpu_pct is not None:
        lines[0] += f"; {verdict.host.player_cpu_pct:.0f} % of a CPU"
    if delay.max_error_us is not None:
        lines.append(f"Applied delays: {delay.max_error_us:.0f} us off at most, bound {delay.bound_us:g} us")
    if error.n:
        lines.append(f"RTT error: p50 {error.p50_us:.0f} us, p99 {error.p99_us:.0f} us, {error.n} probes")
    if sent := verdict.routing.control:
        lines.append(
            "Control traffic, mean of a link and direction: "
            + ", ".join(f"{x.protocol} {x.link_bytes_s:.0f} B/s" for x in sent if x.protocol != "all")
        )
    for line in lines:
        console.print(Text(line))
