"""Judging a run: its figures, and what they say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from skybed.analysis import contents
from skybed.analysis.measures import forwarding, hand, metrics, paths, probed
from skybed.analysis.measures.sending import Sending, sending
from skybed.analysis.routing import control, convergence
from skybed.analysis.run import Run, kept
from skybed.analysis.verdict import bundles, links, machine, tasks, timeline, traffic
from skybed.analysis.verdict.model import (
    Churn,
    Control,
    Errors,
    FlowFigures,
    FullVerdict,
    Outcome,
    Proofs,
    Routing,
    Verdict,
)
from skybed.topologies.errors import InvalidRun, RunError
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.scenario import Limit


@kept
def judge(run: Run) -> Verdict:
    """Judge a run. One that was not finished is invalid, whatever of it can still be read."""
    manifest = run.manifest
    about: dict[str, Any] = {
        "run": run.name,
        "played_s": run.played_s,
        "duration_s": manifest.duration_s,
        "finished": manifest.finished,
    }
    cut_short = list[str]()
    if not manifest.finished:
        played = f"{run.played_s:g} s of {manifest.duration_s:g} s were played"
        cut_short = [f"The run was not finished: {played}.", *([manifest.fallen] if manifest.fallen else [])]
    try:
        return _by_tables(run, about, cut_short)
    except RunError as why:
        if manifest.finished:
            raise
        return Verdict(status="invalid", reasons=[*cut_short, str(why)], notes=[], **about)


def refuse_invalid(run: Run, verdict: Verdict) -> None:
    """Raises InvalidRun where the figures of a run must not be used."""
    if verdict.status == "invalid":
        raise InvalidRun(f"{run.dir}: this run is invalid. {' '.join(verdict.reasons)}")


def write(run: Run, verdict: Verdict) -> Path:
    """Write verdict.json into the run directory, and routing.parquet if the tables could be read."""
    if isinstance(verdict, FullVerdict):
        convergence.write(run)
    return verdict.write(run.dir)


def _by_tables(run: Run, about: dict[str, Any], cut_short: list[str]) -> FullVerdict:
    probes, proofs, sent = probed.of_run(run), paths.check_proofs(run), sending(run)
    events, routes, delay = timeline.events(run), timeline.routes(run), timeline.delay(run)
    rtt_error, owd_error = (
        Errors.model_validate(errors._asdict()) for errors in (probes.rtt_errors, probes.owd_errors)
    )
    rates, lost, late = links.rates(run), links.losses(run), links.jitter(run)
    host, short = machine.host(run), traffic.shortfalls(run, sent)
    proven = Proofs(n=len(proofs), agreeing=proofs["agrees"].sum())
    flows = _flows(run, sent)
    limits = [outcome(limit, _measured(limit, flows)) for limit in run.scenario.accept]
    distorted = [
        *cut_short,
        *_altered(run),
        *traffic.reasons(run, short),
        *bundles.reasons(run),
        *_of_kinds(run, "reasons"),
        *tasks.reasons(run),
        *timeline.reasons(run, events, routes, delay),
        *_off(run, "RTT", rtt_error),
        *_off(run, "one-way delay", owd_error),
        *links.reasons(run, rates, late),
        *machine.reasons(run, host, rtt_error),
    ]
    failed = [reason for limit in limits if (reason := unmet(limit))]
    return FullVerdict(
        status="invalid" if distorted else "fail" if failed else "pass",
        reasons=distorted + failed,
        notes=[
            *traffic.notes(run, short),
            *_of_kinds(run, "notes"),
            *machine.notes(run, host, rtt_error),
            *hand.notes(run),
            *links.notes(run),
            *_notes(run, proven, rtt_error, bool(late)),
        ],
        **about,
        scenario=run.scenario.name,
        events=events,
        routes=routes,
        delay=delay,
        rtt_error=rtt_error,
        owd_error=owd_error,
        rates=rates,
        losses=lost,
        jitter=late,
        host=host,
        proofs=proven,
        routing=_routing(run),
        tasks=tasks.figures(run),
        flows=flows,
        limits=limits,
    )


def _altered(run: Run) -> list[str]:
    """Sentences about tables that somebody has changed since."""
    names = [f"{name}.parquet" for name in contents.altered(run)]
    if not names:
        return []
    are = "is not the table" if len(names) == 1 else "are not the tables"
    return [f"{' and '.join(names)} {are} that the run wrote: its manifest has other hashes; run it again."]


# -- figures -------------------------------------------------------------------------------------


def _routing(run: Run) -> Routing:
    events = convergence.table(run)
    changed, targets = forwarding.churn(run, 4), forwarding.churn_by_destination(run, 4)
    sent = control.summary(run, convergence.busy(run, events))
    return Routing(
        events=events["event"].nunique(),
        control=[Control(**row) for row in sent.to_dict("records")],
        churn=Churn(
            changes=changed["changes"].sum(),
            changes_s=changed["changes"].mean(),
            changes_max_s=changed["changes"].max(),
            destinations=len(targets),
            destination_max=targets.max() if len(targets) else 0,
        ),
    )


def _flows(run: Run, sent: list[Sending]) -> list[FlowFigures]:
    of_routing, probes = convergence.of_flows(run), probed.of_run(run).flows
    figures = []
    for row, one in zip(metrics.flow_metrics(run).to_dict("records"), sent, strict=True):
        row["sending"] = {"unit": one.unit, "sent": one.sent, "due": one.due}
        if (name := row["flow"]) in probes:
            of_flow = probes[name]
            row |= of_routing.loc[name].to_dict()
            row["true_rtt_p50_ms"] = of_flow.true_rtt_p50_us / 1e3
            row["true_rtt_p99_ms"] = of_flow.true_rtt_p99_us / 1e3
            row["rtt_error_p50_us"], row["rtt_error_p99_us"] = of_flow.errors.p50_us, of_flow.errors.p99_us
            row |= {
                count: of_flow.counts[count] for count in ("unexpected_lost", "unexpected_back", "loaded")
            }
        figures.append(FlowFigures.model_validate(row))
    return figures


def _measured(limit: Limit, flows: list[FlowFigures]) -> float | None:
    return next((row.metrics.get(limit.metric) for row in flows if row.flow == limit.flow), None)


def outcome(limit: Limit, value: float | None) -> Outcome:
    """Whether a value meets a limit; None: it was not measured."""
    low = -math.inf if limit.min is None else limit.min
    high = math.inf if limit.max is None else limit.max
    met = value is not None and low <= value <= high
    return Outcome(flow=limit.flow, metric=limit.metric, min=limit.min, max=limit.max, value=value, met=met)


# -- reasons -------------------------------------------------------------------------------------


def unmet(limit: Outcome) -> str:
    """Why a limit is not met; "" if it is."""
    said = f"{limit.flow}: {limit.metric}"
    if limit.met:
        return ""
    if limit.value is None:
        return f"{said} was not measured, so its limit is not met."
    if limit.max is not None and limit.value > limit.max:
        return f"{said} is {limit.value:.4g}, at most {limit.max:g} is accepted."
    return f"{said} is {limit.value:.4g}, at least {limit.min:g} is accepted."


def _off(run: Run, what: str, error: Errors) -> list[str]:
    limit = run.scenario.fidelity
    shares = (
        ("p50", error.p50_us, limit.rtt_error_p50_us),
        ("p99", error.p99_us, limit.rtt_error_p99_us),
    )
    return [
        f"The {what} error has a {share} of {value:.0f} us over {error.n} probes; the limit is {most:g} us."
        for share, value, most in shares
        if value is not None and value > most
    ]


def _of_kinds(run: Run, what: str) -> list[str]:
    """What kinds of flow have to say of their own."""
    said = (hook(run, flow) for flow in run.traffic if (hook := kinds.hook(flow, what)))
    return [sentence for sentences in said for sentence in sentences]


def _notes(run: Run, proofs: Proofs, rtt_error: Errors, jittered: bool) -> list[str]:
    routing, notes = run.scenario.routing, []
    by_daemons = routing.means.filled_by == "daemons"
    if proofs.agreeing < proofs.n:
        whose = "that of the forwarding tables" if forwarding.by_record(run) else "the plan's"
        notes.append(f"{proofs.n - proofs.agreeing} of {proofs.n} path proofs saw another path than {whose}.")
    if by_daemons:
        notes.append(
            f"Paths were chosen by {routing.title}: true round trips and losses are those along its "
            "forwarding tables, as they were recorded."
        )
    if not rtt_error.n:
        probes = any(isinstance(flow, ProbingFlow) for flow in run.traffic)
        why = "No probe came back over unloaded links" if probes else "There are no probes"
        why = f"A note only: {why[0].lower()}{why[1:]}, so the RTT error was not judged."
        notes.append(
            "Probes met jitter on their ways, so they are judged by their mean." if jittered else why
        )
    return notes
