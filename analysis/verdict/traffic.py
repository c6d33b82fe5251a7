"""What was measured, held to what was to be: all of it sent, in its time, and lost to the network alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from skybed.analysis.measures import hand
from skybed.analysis.measures.forwarding import most_mbps, passing, traces
from skybed.analysis.measures.loads import Load, loads, shared
from skybed.analysis.measures.losses import losses
from skybed.analysis.measures.sending import Sending, missing_pct, times_s, told_late_s
from skybed.analysis.numbers import percent
from skybed.analysis.run import Run
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ConnectingFlow, LoadFlow
from skybed.topologies.model.tables import BEGUN

CLOCK_S = 1e-6  # how well times agree that are the same
BEGUN_S = 1e-3  # of its start a transfer has begun: looking at the clock takes some time, in virtual time too
LATE_S = 1.0  # nothing is sent so much after the stop of its flow
FEW_MBIT = 0.1
CONNECTING = 1.1  # times the light time, that it takes: packets have a length


class Shortfall(NamedTuple):
    """A flow that sent less than was due. why: the network's reason, if it may have one."""

    sending: Sending
    why: str


def shortfalls(run: Run, sent: Sequence[Sending]) -> list[Shortfall]:
    """A flow sends what is due whatever becomes of it on the way, so what it did not send is the machine's
    fault. But for tcp: it takes a round trip to connect, and that, or the end of a connection, may be the
    network's doing. So a transfer that fell short may be right where the network gave it a reason, and is not
    held against the run. What traffic itself does never is excused: that it began late.
    """
    limit, transfers = missing_pct(run) / 100, {load.flow.name: load for load in loads(run)}
    short = []
    for one in sent:
        load, why, excused = transfers.get(one.flow), "", limit * one.due
        if one.missing > excused and load and isinstance(load.flow, ConnectingFlow):
            connecting_s, why = _hindrance(run, load, load.flow)
            if told_late_s(run, load.flow) > max(limit * (load.stop_s - load.start_s), BEGUN_S):
                why = ""
            if load.flow.volume_mb is None:
                excused += connecting_s
        if one.missing > excused:
            short.append(Shortfall(one, why))
    return short


def _hindrance(run: Run, load: Load, flow: ConnectingFlow) -> tuple[float, str]:
    """How long a transfer may take to connect, and what in the network may keep it from that, or end it; ""
    where nothing may.
    """
    trace, t_s = traces(run, flow.family)[0], np.minimum(load.t_s, load.stop_s)
    there_s, path, paths = trace(flow.source, flow.target, t_s)
    if np.isnan(there_s).any():
        return 0.0, "no path stood all the time"
    back_s, back, back_paths = trace(flow.target, flow.source, there_s)
    if np.isnan(back_s).any():
        return 0.0, "no path back stood all the time"
    connecting_s = CONNECTING * flow.round_trips * float((back_s - t_s).max())
    there, here = passing(run.plan, t_s, path, paths), passing(run.plan, there_s, back, back_paths)
    if there.min() < 1 or here.min() < 1:
        return connecting_s, "links on its way lose packets"
    name = str(flow.name)
    if hand.meets(run, load.t_s, load.path, load.links).any():
        return connecting_s, "a link on its way was changed by hand"
    if shared(run, t_s, path, paths, name).any() or shared(run, there_s, back, back_paths, name).any():
        return connecting_s, "other load was on its way"
    tried = run.rows(flow)["rtt_us"].notna().any() or load.stop_s - load.start_s < connecting_s
    return connecting_s, "its stop came first" if flow.volume_mb is not None and tried else ""


def notes(run: Run, short: Sequence[Shortfall]) -> list[str]:
    return [
        *(f"{_said(one)}; the network may be why: {why}." for one, why in short if why), *_not_begun(run)
    ]  # fmt: skip


def _not_begun(run: Run) -> Iterator[str]:
    for row in run.table(BEGUN.name).itertuples() if run.wrote(BEGUN) else ():
        if np.isnan(row.ended_s):
            yield f"{row.flow} never began: {row.after}, after which it comes, did not end."
        elif np.isnan(row.start_s):
            yield f"{row.flow} never began: {row.after} ended at {row.ended_s:g} s, too late for it."


def reasons(run: Run, short: Sequence[Shortfall]) -> list[str]:
    """Why what was measured is not what was to be measured."""
    return [
        *_missing(run, short), *_more(run), *_strays(run), *_dropped(run), *_overlaps(run), *_too_fast(run),
        *_losses(run),
    ]  # fmt: skip


def _said(one: Sending) -> str:
    return f"{one.flow} sent {one.sent:.12g} of the {one.due:.12g} {one.unit} that were due"


def _missing(run: Run, short: Sequence[Shortfall]) -> Iterator[str]:
    for one, why in short:
        if why:
            continue
        if one.sent:
            share = percent(100 * one.missing / one.due)
            yield f"{_said(one)}, {share} too few; the limit is {missing_pct(run):g} %."
        else:
            yield f"The flow {one.flow} left no measurement; see traffic.log."


def _more(run: Run) -> Iterator[str]:
    """A flow of which more arrived than it was to send."""
    for load in loads(run):
        received_bytes = run.rows(load.flow)["received_bytes"].sum()
        most_bytes = load.flow.most_bytes if isinstance(load.flow, LoadFlow) else np.inf
        if received_bytes > most_bytes:
            yield f"Of the {most_bytes:.0f} bytes of {load.flow.name} {received_bytes:.0f} arrived."


def _strays(run: Run) -> Iterator[str]:
    """Sent outside the time of their flow: by another clock."""
    for flow in run.traffic:
        start_s, stop_s = flow.window_s(run.manifest.duration_s)
        pieces = times_s(run, flow) or ()
        if strays := sum(
            int((~sent_s.between(start_s - CLOCK_S, stop_s + LATE_S)).sum()) for sent_s in pieces
        ):
            yield (
                f"{strays} {kinds.of(flow).UNIT} of {flow.name} were sent outside its time, which is from "
                f"{start_s:g} to {stop_s:g} s."
            )


def _dropped(run: Run) -> Iterator[str]:
    facts, limit_pct = run.manifest.traffic, run.scenario.fidelity.missing_pct
    for flow, dropped in (facts.dropped_by_sink if facts else {}).items():
        sent = run.flows.loc[run.flows["flow"] == flow, "sent_packets"].sum()
        if dropped > limit_pct / 100 * sent:
            yield (
                f"{dropped} of {sent:.0f} packets of {flow} were lost in the buffer of its own sink, not in "
                f"the network; the limit is {limit_pct:g} %."
            )


def _overlaps(run: Run) -> Iterator[str]:
    for flow, rows in run.flows.groupby("flow", sort=False):
        start_s, end_s = (rows[name].to_numpy() for name in ("start_s", "end_s"))
        wrong = np.append(start_s[1:] < end_s[:-1] - CLOCK_S, False) | (end_s < start_s)
        if wrong.any():
            at_s = start_s[wrong.argmax()]
            yield f"Intervals of {flow} overlap: the one at {at_s:.2f} s goes on beyond the next one's begin."


def _too_fast(run: Run) -> Iterator[str]:
    """A flow of which more had arrived than the links of its way can have carried by then, as if these had no
    rate or no length.
    """
    for load in loads(run):
        if hand.meets(run, load.t_s, load.path, load.links).any():
            continue  # they may have had another rate
        rows = run.flows[run.flows["flow"] == load.flow.name]
        arrived_s, arrives = load.arrival_s - load.t_s, ~np.isnan(load.arrival_s)
        most = np.nanmax(np.append(most_mbps(run.plan, load.paths)[load.path[arrives]], 0.0))
        under_way_s = np.nanmin(np.append(arrived_s, np.inf))
        carried_mbit = most * np.maximum(rows["end_s"] - load.start_s - under_way_s, 0)
        received_mbit = rows["received_bytes"].cumsum() * 8e-6
        if (received_mbit > carried_mbit + FEW_MBIT).any():
            worst = (received_mbit - carried_mbit).idxmax()
            yield (
                f"{load.flow.name} had received {received_mbit[worst]:.4g} Mbit at "
                f"{rows['end_s'][worst]:.2f} s, and the links of its way can have carried "
                f"{carried_mbit[worst]:.4g}."
            )


def _losses(run: Run) -> Iterator[str]:
    """Flows of which too many or too few packets were lost, or too many arrived."""
    for x in losses(run):
        by_links = f"the loss of the links accounts for {x.by_links:.0f}"
        if x.lost - x.by_links > x.edge + x.chance:
            yield f"{x.lost} {x.what} of {x.flow} were lost though a path stood; {by_links}."
        if x.by_links - x.lost > x.edge + x.chance:
            yield f"Only {x.lost} {x.what} of {x.flow} were lost; {by_links}."
        if x.back > x.edge:
            yield f"{x.back} {x.what} of {x.flow} came back though no path stood."
