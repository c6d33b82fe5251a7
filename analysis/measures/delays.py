"""The delay that each link had, against the delay that it should have had.

An applied value holds from the instant it was applied until the next one is, or until the link goes
down; one with a slope is that of the instant at which it was due, and goes on from there. The plan promises
that it is then within the scenario's bound of the true delay, if every event is applied at its time; an event
that is late by L leaves the old value standing for L, in which the true delay moves on by L times its rate.
Beyond bound plus that, something else went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from skybed.analysis.run import Run

GRID_S = 1.0  # between two looks a true delay's extremum moves by less than 0.1 us (0.1 km/s2 of range)
PIECE = 2**17
TOLERANCE_US = 1.0  # rounding of the kernel's and of the plan's delays


def segments(run: Run) -> pd.DataFrame:
    """What was applied, as intervals: columns link, start_s, end_s, delay_us, slope_us_s, since_s,
    due_s and late_us.

    due_s is when the event that ended the interval should have been applied (played_s where the run
    ended it) and late_us by how much it was late. Where the link went down, end_s is due_s: what a link
    that should be gone still delays is not held against it.
    """
    table = run.applied
    sets = table["kind"].isin(["up", "delay", "heal"]) & table["delay_us"].notna()
    table = table[table["applied_s"].notna() & (sets | (table["kind"] == "down"))]
    table = table.sort_values(["link", "applied_s", "event"], kind="stable")
    following = table.groupby("link")[["t_s", "applied_s", "late_us", "kind"]].shift(-1)
    due_s = following["t_s"].fillna(run.played_s)
    gone = following["kind"] == "down"
    held = pd.DataFrame({
        "link": table["link"],
        "start_s": table["applied_s"],
        "end_s": following["applied_s"].where(~gone, due_s).fillna(run.played_s),
        "delay_us": table["delay_us"],
        "slope_us_s": table["slope_us_s"],
        "since_s": table["t_s"],
        "due_s": due_s,
        "late_us": following["late_us"].where(~gone, 0.0).fillna(0.0).clip(lower=0.0),
    })  # fmt: skip
    return held[(table["kind"] != "down") & (held["end_s"] > held["start_s"])].reset_index(drop=True)


def compare(run: Run, links: list[str] | None = None) -> pd.DataFrame:
    """Applied against true delay on a grid over the whole run, for all links or for those named.

    Columns: link, t_s, applied_us, true_us, error_us (applied minus true) and allowed_us (bound plus
    the lateness of the event that ended the interval times the rate of the delay).
    """
    held = segments(run)
    return _looks(run, held if links is None else held[held["link"].isin(links)])


def pieces(run: Run) -> Iterator[pd.DataFrame]:
    """`compare` of all links, about PIECE looks at once: of the intervals that began next."""
    held = segments(run)
    order = np.argsort(held["start_s"], kind="stable")
    piece = np.cumsum((held["end_s"] - held["start_s"]).to_numpy()[order] / GRID_S + 1) // PIECE
    for places in np.split(order, np.flatnonzero(np.diff(piece)) + 1):
        yield _looks(run, held.iloc[np.sort(places)])


def _looks(run: Run, held: pd.DataFrame) -> pd.DataFrame:
    """As `compare`, on these of the `segments`."""
    plan = run.plan
    number = {link.name: i for i, link in enumerate(plan.links)}
    link = held["link"].map(number).to_numpy(int)
    start_s, end_s = held["start_s"].to_numpy(), held["end_s"].to_numpy()

    looks = np.ceil((end_s - start_s) / GRID_S).astype(int) + 1
    row = np.repeat(np.arange(len(held)), looks)
    step = np.arange(len(row)) - np.repeat(np.cumsum(looks) - looks, looks)
    t_s = start_s[row] + (end_s - start_s)[row] * step / (looks - 1)[row]

    before_s = np.maximum(end_s - 0.1, 0.0)
    rate_us_s = 1e6 * np.abs(plan.delay_s(link, end_s) - plan.delay_s(link, before_s)) / (end_s - before_s)
    late = t_s > held["due_s"].to_numpy()[row]
    slack_us = np.where(late, (rate_us_s * held["late_us"].to_numpy() * 1e-6)[row], 0.0)

    delay_us, slope_us_s, since_s = held[["delay_us", "slope_us_s", "since_s"]].to_numpy()[row].T
    applied_us = delay_us + slope_us_s * (t_s - since_s)
    true_us = 1e6 * np.asarray(plan.delay_s(link[row], t_s))
    return pd.DataFrame({
        "link": held["link"].to_numpy()[row],
        "t_s": t_s,
        "applied_us": applied_us,
        "true_us": true_us,
        "error_us": applied_us - true_us,
        "allowed_us": run.scenario.bound_us + slack_us,
    })  # fmt: skip
