"""Rates, losses and jitter of links as packets met them, held to what their classes say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skybed.analysis.measures import classes
from skybed.analysis.measures.classes import Carried
from skybed.analysis.measures.losses import CHANCE_SD, edge
from skybed.analysis.numbers import percent
from skybed.analysis.run import Run
from skybed.analysis.verdict.model import Jitter, Loss, Rate


def rates(run: Run) -> list[Rate]:
    limit = run.scenario.fidelity.rate_pct / 100
    return [
        _rate(x, abs(x.carried_mbit - x.planned_mbit) <= limit * x.planned_mbit + x.waiting_mbit)
        for x in classes.carried(run)
    ]


def _rate(x: Carried, within: bool) -> Rate:
    figures = {name: value for name, value in x._asdict().items() if name != "waiting_mbit"}
    return Rate(**figures, within=within)


def losses(run: Run) -> list[Loss]:
    judged = []
    for x in classes.lost(run).itertuples():
        allowed = edge(x.packets) + CHANCE_SD * x.variance**0.5
        within = abs(x.lost - x.by_links) <= allowed
        judged.append(
            Loss(classes=x.classes, packets=x.packets, lost=x.lost, by_links=x.by_links, within=within)
        )
    return judged


def jitter(run: Run) -> list[Jitter]:
    limit = run.scenario.fidelity
    judged = []
    for x in classes.late(run):
        as_meant = abs(x.mean_us - x.meant_us) <= limit.rtt_error_p50_us + CHANCE_SD * x.error_us
        within = as_meant and x.least_us >= -limit.rtt_error_p99_us
        judged.append(
            Jitter(
                flow=x.flow, n=x.n, mean_us=x.mean_us, meant_us=x.meant_us, least_us=x.least_us, within=within
            )
        )
    return judged


def reasons(run: Run, rates: Sequence[Rate], jitter: Sequence[Jitter]) -> Iterator[str]:
    """Why what packets met distorted the run. Losses are judged by flow, see verdict.traffic."""
    for rate in rates:
        if not rate.within:
            planned, carried = rate.planned_mbit or 0.0, rate.carried_mbit or 0.0
            way = "" if rate.way == "both" else f" {rate.way}"
            off = percent(100 * abs(carried - planned) / planned)
            yield (
                f"Links of {rate.link_class} carried {carried:.4g} Mbit{way} where {planned:.4g} were "
                f"planned, {off} off; the limit is {run.scenario.fidelity.rate_pct:g} %."
            )
    for late in jitter:
        if not late.within:
            yield (
                f"Probes of {late.flow} were {late.mean_us:.0f} us late by jitter on average, where "
                f"{late.meant_us:.0f} were planned; the first was {late.least_us:.0f} us after its earliest."
            )


def notes(run: Run) -> list[str]:
    return [
        f"No stream filled a link of {name} alone, so its rate over time is held to the plan only by what "
        "the kernel was told."
        for name in classes.unmeasured(run)
    ]
