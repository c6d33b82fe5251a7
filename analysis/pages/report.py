"""The report of a run: one HTML file that needs nothing else, for a screen, a phone or paper."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from skybed.analysis.measures import forwarding, hand, paths, products, sending, truth
from skybed.analysis.numbers import number
from skybed.analysis.pages import page, routing_figures, task_figures
from skybed.analysis.pages.figures import Drawing, Links, all_figures
from skybed.analysis.routing import convergence
from skybed.analysis.run import REPORT, Run
from skybed.analysis.verdict import FlowFigures, FullVerdict, Verdict
from skybed.topologies.files import whole
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ConnectingFlow, EndToEndFlow, ProbingFlow
from skybed.topologies.model.tasks import Task

PATHS_SHOWN = 40  # intervals per flow
EVENTS_SHOWN = 100
TASK = Task.model_fields["kind"].default
VIEW = "view.html"  # of `skybed view`, beside the report


def drawings(run: Run, links: Links = ()) -> list[Drawing]:
    """The figures of a run that was judged. links: those of which to show what they carried."""
    return [
        *task_figures.all_figures(run),
        *all_figures(run, truth.thinned(run), links),
        *_routing_figures(run),
    ]


def write(run: Run, verdict: Verdict) -> Path:
    """Write report.html into the run's directory. Of an unfinished run it says what is known."""
    context: dict[str, Any] = {
        "verdict": verdict, "manifest": run.manifest, "provenance": _provenance(run), "figures": [],
        "ways": [],
    }  # fmt: skip
    if isinstance(verdict, FullVerdict):
        context |= {
            "figures": drawings(run),
            "probes": [row for row in verdict.flows if row.kind in kinds.made_of(ProbingFlow)],
            "loads": [row for row in verdict.flows if row.metrics["throughput_mbps"] is not None],
            "others": [(row, own) for row in verdict.flows if row.kind != TASK and (own := row.own_metrics)],
            "tasks": [_task(run, row) for row in verdict.flows if row.kind == TASK],
            "late": products.not_delivered(run).to_dict("records"),
            "changed": hand.told(run),
            "by_record": forwarding.by_record(run),
            "events": _events(run),
            "ways": [_way(run, str(flow.name)) for flow in run.traffic if isinstance(flow, EndToEndFlow)],
            "scenario": run.scenario,
            "sky": _sky(run),
            "viewed": (run.dir / VIEW).is_file(),
            "checks": _checks(run, verdict),
        }
    path = run.dir / REPORT
    with whole(path) as file:
        file.write_text(page.render("report.html", context))
    return path


def _task(run: Run, row: FlowFigures) -> dict[str, Any]:
    """What came of a task, its mean bound, and how many of its numbers came to which end."""
    table = products.outcomes(run, row.flow)
    there = table.dropna(subset="response_s")
    ends = Counter(table["outcome"])
    return {
        "flow": row.flow,
        "to": row.dst,
        "of": row.metrics,
        "bound_s": there["bound_s"].mean(),
        "ends": ends,
    }


def _events(run: Run) -> list[dict[str, Any]]:
    """Of what routing cost: the events that cost probes or were on a flow's path, and how many more."""
    events = convergence.table(run)
    return events[(events["lost"] > 0) | events["on_path"]].head(EVENTS_SHOWN).to_dict("records")


def _routing_figures(run: Run) -> list[Drawing]:
    return [routing_figures.over_time(run)] if len(run.control) or len(run.scenario.faults) else []


def _sky(run: Run) -> list[tuple[str, str]]:
    """The scenario in short: what and how much."""
    scenario, plan = run.scenario, run.plan
    nodes = Counter(node.layer for node in plan.nodes if node.kind == "satellite")
    layers = [f"{name}: {count} satellites ({scenario.layers[name].role})" for name, count in nodes.items()]
    ground = [node.name for node in plan.nodes if node.kind == "ground"]
    links = ", ".join(f"{count} {kind}" for kind, count in Counter(link.kind for link in plan.links).items())
    flows = [
        f"{flow.name} ({', '.join([flow.kind, ' to '.join(dict.fromkeys(flow.ends))])})"
        for flow in run.traffic
    ]
    return [
        ("Begins", f"{scenario.begin:%Y-%m-%d %H:%M:%S} UTC"),
        ("Length", f"{run.played_s:g} s played of {plan.duration_s:g} s planned"),
        ("Space", "; ".join(layers) or "none"),
        ("Ground", ", ".join(ground) or "none"),
        ("Links ever used", links or "none"),
        ("Link rates", "as stated" if scenario.rate_scale == 1 else f"scaled by {scenario.rate_scale:g}"),
        ("Traffic", ", ".join(flows) or "none"),
        ("Faults", str(len(scenario.faults) or "none")),
    ]


def _checks(run: Run, verdict: FullVerdict) -> list[tuple[str, str, str, bool | None]]:
    """Key figures: what, value, limit, and whether it was kept (None: not judged)."""
    limit, events, routes, delay = run.scenario.fidelity, verdict.events, verdict.routes, verdict.delay
    rows: list[tuple[str, str, str, bool | None]] = []
    for what, error in (("RTT error", verdict.rtt_error), ("One-way delay error", verdict.owd_error)):
        shares = [
            ("median", error.p50_us, limit.rtt_error_p50_us),
            ("99th pct.", error.p99_us, limit.rtt_error_p99_us),
        ]
        for name, value, most in shares:
            kept = None if value is None else value <= most
            rows.append((f"{what}, {name}", number(value, 0, "µs"), f"at most {most:g} µs", kept))
    rows.append((
        "Largest error of an applied delay", number(delay.max_error_us, 1, "µs"),
        f"{delay.bound_us:g} µs and an event's lateness", delay.within,
    ))  # fmt: skip
    rows.append((
        f"Events late by more than {limit.late_ms:g} ms", f"{events.late} of {events.planned}",
        f"at most {limit.late_pct:g} %", events.late_pct <= limit.late_pct,
    ))  # fmt: skip
    rows.append((
        f"Route changes late by more than {limit.late_ms:g} ms", f"{routes.late} of {routes.planned}",
        f"at most {limit.late_pct:g} %", routes.late_pct <= limit.late_pct,
    ))  # fmt: skip
    missing = max(map(_missing_pct, verdict.flows), default=0.0)
    most = sending.missing_pct(run)
    rows.append((
        "Not sent of what a flow was to send, at most", number(missing, 2, "%"), f"at most {most:g} %",
        missing <= most,
    ))  # fmt: skip
    for what, group in (("Event", events), ("Route", routes)):
        late = " / ".join(map(number, (group.late_p50_us, group.late_p99_us, group.late_max_us)))
        rows.append((f"{what} lateness, median / 99th pct. / largest", f"{late} µs", "", None))
    sent = sum(row.sending.sent or 0 for row in verdict.flows if row.kind in kinds.made_of(ProbingFlow))
    rows.append(
        ("Probes that came back over links without load", f"{verdict.rtt_error.n} of {sent}", "", None)
    )
    proofs = verdict.proofs
    if proofs.n:
        rows.append(("Path proofs that saw the true path", f"{proofs.agreeing} of {proofs.n}", "", None))
    return rows


def _missing_pct(row: FlowFigures) -> float:
    """But of those that the network may keep from sending."""
    sent, due = row.sending.sent or 0, row.sending.due or 0
    excused = row.kind in kinds.made_of(ConnectingFlow)
    return 0.0 if excused or sent >= due else 100 * (due - sent) / due


def _provenance(run: Run) -> list[tuple[str, str]]:
    """What the manifest says, as text."""
    return [(name, _told(value)) for name, value in run.manifest.as_json().items()]


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(part)}" for name, part in value.items())
    return ", ".join(map(_told, value)) if isinstance(value, list) else str(value)


def _way(run: Run, flow: str) -> dict[str, Any]:
    """The true paths of one flow."""
    intervals = paths.planned_paths(run, flow)
    return {
        "flow": flow,
        "changes": len(intervals) - 1,
        "handovers": paths.handovers(run, intervals),
        "intervals": intervals.head(PATHS_SHOWN).to_dict("records"),
        "more": max(0, len(intervals) - PATHS_SHOWN),
    }
