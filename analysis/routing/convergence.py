"""What routing costs: how long each event lost packets, and what changed, in the terms of RFC 6412 and 6413.

event       Convergence Event: an outage that routing did not know of begins (`down`, its carrier is lost, or
            `silence`) or is over (`up`, `heal`), by a fault or by hand; or a link ends as planned (`planned`)
            that the flow's path crosses. Outages and repairs that come at one instant, of one kind, are one
            event.
loss-derived convergence time   probes lost over the rate at which they are sent; its resolution is one over
            that rate. (RFC 6412: Loss-Derived Method.)
rate-derived convergence time   from when the rate of probes that come back drops until it is back for good,
            looked at every Packet Sampling Interval of SAMPLE_PROBES probes. Probes are taken by their time
            of sending, so that a longer way, whose answers come later, is not a drop. (Rate-Derived Method.)

Every probe lost counts to one event: all of a loss period to the last event before its first probe was sent;
or, where the next event on the flow's path came less than a round trip after that, to that event, for probes
under way are lost with the link. An event ends where the next begins, so of two that overlap the second has
what both cause after it. Probes that links lose at random count too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skybed.analysis.measures import forwarding, hand, probed, truth
from skybed.analysis.run import Run, kept
from skybed.topologies.files import whole
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.losses import LossPeriods, loss_periods
from skybed.topologies.model.tables import PROBES, ROUTING

SAMPLE_PROBES = 10
KEPT = 0.9  # of a sample that comes back: below, the rate has dropped
LOOK_S = 1e-3  # before an event its path is looked at
SETTLE_S = 5.0  # RFC 6412's Sustained Convergence Validation Time
PLANNED = "planned"
UNDER_WAY_S = 1.0  # probes are under way for no longer


class Event(NamedTuple):
    """links: pairs of node names. look_s: just before, when routing did not yet leave the links."""

    t_s: float
    kind: str
    what: str
    links: set[frozenset[str]]
    look_s: float


@kept
def table(run: Run) -> pd.DataFrame:
    """A row for each event and probe flow, by time; columns as topologies.model.tables.ROUTING tells them.

    An outage is as in `measures.metrics`.
    """
    happened = events(run)
    rows = [
        row for flow in run.traffic if isinstance(flow, ProbingFlow) for row in _of_flow(run, flow, happened)
    ]
    frame = pd.DataFrame(rows, columns=list(ROUTING.dtypes)).astype(ROUTING.dtypes)
    return frame.sort_values(["event", "t_s"], kind="stable", ignore_index=True)


def write(run: Run) -> Path:
    """Write the table as routing.parquet into the run directory."""
    path = run.dir / f"{ROUTING.name}.parquet"
    with whole(path) as file:
        table(run).to_parquet(file)
    return path


def of_flows(run: Run) -> pd.DataFrame:
    """A row for each probe flow, by name: convergence_s (the longest rate-derived convergence time of all
    events, nan if there were none), expired (probes), path_stretch_{p50,p99,pct}: see `probed.Stretch`.
    """
    stretch = {name: of_flow.stretch for name, of_flow in probed.of_run(run).flows.items()}
    ways = pd.DataFrame.from_dict(stretch, orient="index", columns=probed.Stretch._fields)
    return pd.DataFrame({
        "convergence_s": table(run).groupby("flow")["rate_derived_s"].max().reindex(ways.index),
        "expired": pd.Series({name: sent.expired for name, sent in probes(run).items()}, dtype=float),
        "path_stretch_p50": ways["p50"], "path_stretch_p99": ways["p99"],
        "path_stretch_pct": ways["above_pct"],
    })  # fmt: skip


def events(run: Run) -> list[Event]:
    """Everything that may have to be converged after, by time: planned ends of links too, on any path."""
    plan, rows = run.plan, run.events
    number = {link.name: i for i, link in enumerate(plan.links)}
    rows = rows[(rows["t_s"] > 0) & (rows["t_s"] <= run.played_s) & (rows["kind"] != "delay")]
    surprises = _surprises(plan.lost)
    left_s = {
        (int(x.link), _us(x.end_s)): float(x.route_end_s) for x in plan.contacts.itertuples(index=False)
    }
    links_hit: dict[tuple[float, str], list[int]] = {}
    for t_s, kind, name in zip(rows["t_s"].tolist(), rows["kind"], rows["link"], strict=True):
        link = number[name]
        if (link, kind, _us(t_s)) in surprises:
            links_hit.setdefault((t_s, kind), []).append(link)
        elif kind in ("down", "silence"):
            links_hit.setdefault((t_s, PLANNED), []).append(link)
    for t_s, kind, link in hand.lost_and_back(run):
        links_hit.setdefault((t_s, kind), []).append(link)
    happened = []
    for (t_s, kind), hit in sorted(links_hit.items()):
        ends = {frozenset((plan.nodes[plan.links[i].a].name, plan.nodes[plan.links[i].b].name)) for i in hit}
        look_s = min(t_s, *(left_s.get((i, _us(t_s)), t_s) for i in hit)) - LOOK_S
        happened.append(Event(t_s, kind, _what([plan.links[i].name for i in hit], ends), ends, look_s))
    return happened


def _surprises(lost: pd.DataFrame) -> set[tuple[int, str, int]]:
    """(link, kind of event, when in us) of outages that routing did not know of, and of their repairs."""
    unknown = lost[~lost["planned"].astype(bool)]
    kinds = {"carrier": ("down", "up"), "silent": ("silence", "heal")}
    return {
        (int(x.link), kind, _us(t_s))
        for x in unknown.itertuples(index=False)
        for kind, t_s in zip(kinds[x.kind], (x.start_s, x.end_s), strict=True)
        if np.isfinite(t_s)
    }


def _us(t_s: float) -> int:
    return round(t_s * 1e6)


def _what(links: list[str], ends: set[frozenset[str]]) -> str:
    """What happened to them: one link, all of a node, or so many."""
    if len(links) == 1:
        return links[0]
    shared = sorted(frozenset.intersection(*ends))
    return f"{len(links)} links of {shared[0]}" if shared else f"{len(links)} links"


# -- one flow ------------------------------------------------------------------------------------


class Probes(NamedTuple):
    """Of a flow, in the order of sending: how many there are; when the first of each SAMPLE_PROBES was sent,
    and the last of all; the runs of lost ones; how many expired, and which of the lost did; the longest round
    trip (nan: none came back).
    """

    n: int
    sample_s: np.ndarray
    last_s: float
    periods: LossPeriods
    expired: int
    lost_expired: np.ndarray
    longest_us: float


@kept
def probes(run: Run) -> dict[str, Probes]:
    """Of each flow that probes: what is asked of its probes here, which is little of most of them."""
    return {str(flow.name): _probes(run, flow) for flow in truth.flows(run)}


def _probes(run: Run, flow: ProbingFlow) -> Probes:
    n, expired, last_s, longest_us = 0, 0, np.nan, np.nan
    sample_s, ran_out = [], []

    def pieces() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        nonlocal n, expired, last_s, longest_us
        for rows in run.pieces(flow, PROBES, ["sent_s", "rtt_us", "lost", "expired_at"]):
            sent_s, lost, out = (
                rows["sent_s"].to_numpy(),
                rows["lost"].to_numpy(),
                rows["expired_at"].notna(),
            )
            yield sent_s, lost
            sample_s.append(sent_s[-n % SAMPLE_PROBES :: SAMPLE_PROBES].copy())  # else the rest stays
            ran_out.append(n + np.flatnonzero(out & lost))
            n, expired = n + len(rows), expired + out.sum()
            last_s = sent_s[-1] if len(rows) else last_s
            longest_us = np.fmax(longest_us, rows["rtt_us"].max())

    periods = loss_periods(pieces())
    return Probes(
        n, np.concatenate(sample_s), last_s, periods, expired, np.concatenate(ran_out), longest_us
    )  # fmt: skip


def _of_flow(run: Run, flow: ProbingFlow, happened: list[Event]) -> list[dict[str, Any]]:
    sent = probes(run)[str(flow.name)]
    if not sent.n:
        return []
    rows = forwarding.changes(run, flow.family)
    there, back = forwarding.Ways(rows, flow.target), forwarding.Ways(rows, flow.source)
    relevant: list[tuple[int, Event, bool]] = []
    for number, event in enumerate(happened):
        paths = there.path(flow.source, event.look_s), back.path(flow.target, event.look_s)
        crossed = any(event.links & forwarding.links_of(path) for path in paths)
        if crossed or event.kind != PLANNED:
            relevant.append((number, event, crossed))
    starts_s = np.array([event.t_s for _, event, _ in relevant])
    until_s = np.append(starts_s[1:], run.played_s)
    counts_to = _counts_to(sent, starts_s, np.array([crossed for *_, crossed in relevant], bool))
    dropped = _dropped(sent)
    return [
        {"event": number, "t_s": event.t_s, "until_s": until_s[i], "kind": event.kind, "what": event.what}
        | {"flow": flow.name, "on_path": crossed}
        | _lost(
            sent, dropped, flow.rate_hz, LossPeriods(*(column[counts_to == i] for column in sent.periods))
        )
        | {"loop_s": _loop_s(there, back, event.t_s, until_s[i])}
        | _changed(rows, event.t_s, until_s[i])
        for i, (number, event, crossed) in enumerate(relevant)
    ]


def _counts_to(sent: Probes, starts_s: np.ndarray, crossed: np.ndarray) -> np.ndarray:
    """To which of the flow's events each loss period counts, -1 for none."""
    first_s, under_way_s = sent.periods.first_s, UNDER_WAY_S
    if sent.longest_us > 0:
        under_way_s = min(sent.longest_us / 1e6, UNDER_WAY_S)
    last = np.searchsorted(starts_s, first_s, side="right") - 1
    on_path = np.flatnonzero(crossed)
    following = np.append(starts_s[on_path], np.inf)
    place = np.searchsorted(following, first_s, side="right")
    soon = following[np.minimum(place, len(on_path))] <= first_s + under_way_s
    return np.where(soon, np.append(on_path, -1)[np.minimum(place, len(on_path))], last)


def _dropped(sent: Probes) -> np.ndarray:
    """The samples in which the rate of probes that come back has dropped."""
    samples, lost = np.unique(_within(sent.periods) // SAMPLE_PROBES, return_counts=True)
    size = np.minimum(SAMPLE_PROBES, sent.n - samples * SAMPLE_PROBES)
    return samples[size - lost < KEPT * size]


def _within(periods: LossPeriods) -> np.ndarray:
    """The probes of loss periods."""
    length = periods.after - periods.first
    return np.arange(length.sum()) + np.repeat(periods.first - np.cumsum(length) + length, length)


def _lost(sent: Probes, dropped: np.ndarray, rate_hz: float, periods: LossPeriods) -> dict[str, Any]:
    """Of the loss periods that count to one event."""
    counted, long = _within(periods), periods.long
    length_s = long.after_s - long.first_s
    hit = np.intersect1d(counted // SAMPLE_PROBES, dropped)
    by_rate: dict[str, Any] = {"dropped_s": np.nan, "recovered_s": np.nan, "rate_derived_s": 0.0}
    if len(hit):
        dropped_s, following = sent.sample_s[hit[0]], sent.sample_s[hit[-1] + 1 : hit[-1] + 2]
        by_rate["dropped_s"] = dropped_s
        by_rate["recovered_s"] = following[0] if len(following) else np.nan
        by_rate["rate_derived_s"] = (following[0] if len(following) else sent.last_s) - dropped_s
    return by_rate | {
        "lost": len(counted),
        "loss_derived_s": len(counted) / rate_hz,
        "sampling_s": SAMPLE_PROBES / rate_hz,
        "outages": len(long.first),
        "outage_s": length_s.sum(),
        "outage_max_s": length_s.max(initial=0.0),
        "expired": int(np.isin(sent.lost_expired, counted).sum()),
    }


def _loop_s(there: forwarding.Ways, back: forwarding.Ways, begin_s: float, end_s: float) -> float:
    """For how long one of the two ways between the ends of a flow was a circle."""
    changed_s = np.union1d(there.changed_s, back.changed_s)
    edges = [begin_s, *changed_s[(changed_s > begin_s) & (changed_s < end_s)].tolist(), end_s]
    return sum(
        after - t_s
        for t_s, after in pairwise(edges)
        if there.loops(back.dst, t_s) or back.loops(there.dst, t_s)
    )


def _changed(rows: pd.DataFrame, begin_s: float, end_s: float) -> dict[str, int]:
    first, last = np.searchsorted(rows["applied_s"].to_numpy(), [begin_s, end_s])
    here = rows.iloc[first:last]
    return {
        "route_changes": len(here),
        "nodes_changed": here["node"].nunique(),
        "destinations_changed": here["dst"].nunique(),
    }


# -- the whole run -------------------------------------------------------------------------------


def busy(run: Run, rows: pd.DataFrame) -> np.ndarray:
    """bool[seconds]: those from an event until its flows are back and SETTLE_S more, of every event of
    `table`; the others are quiet."""
    seconds = np.arange(np.ceil(run.played_s))
    during = np.zeros(len(seconds), bool)
    end_s = rows["recovered_s"].where(rows["recovered_s"].notna(), rows["until_s"])
    end_s = end_s.where(rows["dropped_s"].notna(), rows["t_s"]) + SETTLE_S
    for begin, end in zip(np.floor(rows["t_s"]), end_s, strict=True):
        during |= (seconds >= begin) & (seconds < end)
    return during
