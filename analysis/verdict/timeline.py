"""What was done to links and routes, held to what was to be done."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skybed.analysis.measures import delays
from skybed.analysis.numbers import percent
from skybed.analysis.run import Run
from skybed.analysis.verdict.model import Delay, Events, Lateness, Routes


def events(run: Run) -> Events:
    planned, applied = run.events[run.events["t_s"] <= run.played_s], run.applied
    done = applied[applied["applied_s"].notna() | applied["skipped"]]
    return Events(
        planned=len(planned),
        applied=applied["applied_s"].notna().sum(),
        skipped=done["skipped"].sum(),
        missing=(~planned["event"].isin(done["event"])).sum(),
        otherwise=len(_otherwise(run)),
        **_lateness(run, done.loc[done["t_s"] > 0, "late_us"]),
    )


def _otherwise(run: Run) -> pd.DataFrame:
    """The rows of `applied` that are not those of `events` with their numbers."""
    columns, done = run.events.columns, run.applied.reset_index(drop=True)
    meant = run.events.drop_duplicates("event").set_index("event").reindex(done["event"]).reset_index()
    same = (meant[columns] == done[columns]) | (meant[columns].isna() & done[columns].isna())
    return done[~same.all(axis=1)]


def routes(run: Run) -> Routes:
    changes = run.routes[(run.routes["t_s"] > 0) & (run.routes["t_s"] <= run.played_s)]
    late_us = ((changes["applied_s"] - changes["t_s"]) * 1e6).groupby(changes["t_s"]).max(skipna=False)
    noted = (run.routes["t_s"] <= run.played_s).sum()
    meant = noted
    if run.scenario.routing.means.filled_by != "daemons":
        meant = (run.plan.routes.whole()["t_s"] <= run.played_s).sum()
    return Routes(
        planned=len(changes), instants=len(late_us), missing=meant - noted, **_lateness(run, late_us)
    )


def _lateness(run: Run, late_us: pd.Series) -> dict[str, Any]:
    """The fields of Lateness; what was never applied (nan) is late."""
    late = int((~(late_us <= run.scenario.fidelity.late_ms * 1e3)).sum())
    return {
        "late": late,
        "late_pct": 100.0 * late / len(late_us) if len(late_us) else 0.0,
        "late_p50_us": late_us.quantile(0.5),
        "late_p99_us": late_us.quantile(0.99),
        "late_max_us": late_us.max(),
    }


def delay(run: Run) -> Delay:
    """Of all looks the worst, the first by link and time where several are."""
    most_us, worst, bound_us = 0.0, [], run.scenario.bound_us
    for looks in delays.pieces(run):
        error_us = looks["error_us"].abs()
        looks["beyond_us"] = error_us - looks["allowed_us"]
        most_us = max(most_us, error_us.max()) if len(looks) else most_us
        worst.append(looks.loc[[looks["beyond_us"].idxmax()]] if len(looks) else looks)
    order = {"beyond_us": False, "link": True, "t_s": True}
    found = pd.concat(worst).sort_values([*order], ascending=[*order.values()])
    if found.empty:
        return Delay(bound_us=bound_us, max_error_us=None, within=True)
    look = found.iloc[0]
    return Delay(
        bound_us=bound_us,
        max_error_us=most_us,
        within=abs(look["error_us"]) <= look["allowed_us"] + delays.TOLERANCE_US,
        **look[["link", "t_s", "error_us", "allowed_us"]],
    )


# -- reasons -------------------------------------------------------------------------------------


def reasons(run: Run, events: Events, routes: Routes, delay: Delay) -> list[str]:
    """Why what was done distorted the run."""
    distortions = []
    if events.missing:
        distortions.append(f"{events.missing} of {events.planned} events were neither applied nor skipped.")
    if events.otherwise:
        first = _otherwise(run).iloc[0]
        distortions.append(
            f"{events.otherwise} of {events.planned} events were applied otherwise than planned, first event "
            f"{first['event']}, {first['kind']} of {first['link']} at {first['t_s']:.2f} s."
        )
    if routes.missing:
        distortions.append(f"{routes.missing} planned changes of routes were not noted as made.")
    skipped = f", {events.skipped} of them skipped" if events.skipped else ""
    distortions += _late(run, "events", events, skipped) + _late(run, "route changes", routes)
    if not delay.within:
        distortions.append(
            f"The applied delay of {delay.link} was {abs(delay.error_us or 0):.0f} us off the true one at "
            f"{delay.t_s:.2f} s; the bound and an event's lateness account for {delay.allowed_us:.0f} us."
        )
    return distortions


def _late(run: Run, what: str, lateness: Lateness, skipped: str = "") -> list[str]:
    limit = run.scenario.fidelity
    if lateness.late_pct <= limit.late_pct:
        return []
    return [
        f"{percent(lateness.late_pct)} of the {what} were late by more than {limit.late_ms:g} ms{skipped}; "
        f"the limit is {limit.late_pct:g} %."
    ]
