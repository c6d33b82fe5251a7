"""Packets that were lost, against those that had to be: by the plan, or by the tables that daemons made.

The loss of the links is chance: on average `by_links` packets, give or take CHANCE_SD standard deviations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skybed.analysis.measures import truth
from skybed.analysis.measures.forwarding import passing, slowest, traces
from skybed.analysis.measures.loads import Load, loads, shared
from skybed.analysis.run import Run
from skybed.topologies.model.flows import LONGEST_BYTES, StreamFlow

CHANCE_SD = 4.0  # else lossy runs would be left out for their luck
WRONG_PCT, WRONG = 2.0, 5  # more packets of a flow lost, or not, against the plan: no edge effect
LOOK_S = 0.02  # how densely the way of a stream is looked at
FULL = 0.9  # of the rate of its path: a stream of more may queue for itself


class Losses(NamedTuple):
    """Of a flow: packets to which a path stood, and of these lost, by_links (on average) and the variance of
    that; back: packets that arrived though no path stood; n: all that were judged.
    """

    flow: str
    what: str
    n: int
    lost: int
    by_links: float
    variance: float
    back: int = 0

    @property
    def edge(self) -> float:
        return edge(self.n)

    @property
    def chance(self) -> float:
        return CHANCE_SD * math.sqrt(self.variance)


def edge(packets: int) -> float:
    """How many of them may be wrong: a path that changes is looked at no finer."""
    return max(WRONG, WRONG_PCT / 100 * packets)


def losses(run: Run) -> list[Losses]:
    """Of probe and udp flows, without what shared a link with load, and what nobody knows the way of."""
    streams = [_of_stream(run, load, load.flow) for load in loads(run) if isinstance(load.flow, StreamFlow)]
    return [*_of_probes(run), *streams]


def _of_probes(run: Run) -> list[Losses]:
    probes = truth.probes(run)
    by_flow = []
    for flow, sent in probes[~probes["loaded"] & probes["known"]].groupby("flow", sort=False):
        due = sent[~sent["expected_lost"]]
        chance = due["loss_probability"]
        back = (~sent.loc[sent["expected_lost"], "lost"]).sum()
        by_links, variance = chance.sum(), (chance * (1 - chance)).sum()
        by_flow.append(
            Losses(str(flow), "probes", len(sent), int(due["lost"].sum()), by_links, variance, int(back))
        )
    return by_flow


def _of_stream(run: Run, load: Load, flow: StreamFlow) -> Losses:
    """By the second, as they are counted: of those in which every packet had a path to itself."""
    name = str(flow.name)
    rows = run.flows[run.flows["flow"] == name]
    if rows.empty:
        return Losses(name, "packets", 0, 0, 0.0, 0.0)
    t_s = np.arange(load.start_s, load.stop_s, LOOK_S)
    trace, *others = traces(run, flow.family)
    arrival_s, path, paths = trace(flow.source, flow.target, t_s)
    clear = ~np.isnan(arrival_s) & ~shared(run, t_s, path, paths, but=name)
    for other in others:
        clear &= np.isclose(other(flow.source, flow.target, t_s)[0], arrival_s, rtol=0, atol=0)
    wire_mbps = flow.rate_mbps * flow.wire_bytes / flow.size_bytes
    clear &= ~_queued(run, t_s, wire_mbps, *slowest(run.plan, t_s, path, paths))
    second = np.searchsorted(rows["start_s"].to_numpy(), t_s, side="right") - 1
    looks = np.bincount(second, minlength=len(rows))
    whole = (np.bincount(second, clear, len(rows)) == looks) & (looks > 0)
    chance = np.bincount(second, 1 - passing(run.plan, t_s, path, paths), len(rows))[whole] / looks[whole]
    sent, lost = (rows[column].fillna(0).to_numpy()[whole] for column in ("sent_packets", "lost_packets"))
    by_links, variance = (sent * chance).sum(), (sent * chance * (1 - chance)).sum()
    return Losses(name, "packets", int(sent.sum()), int(lost.sum()), float(by_links), float(variance))


def _queued(
    run: Run, t_s: np.ndarray, wire_mbps: float, rate_mbps: np.ndarray, which: np.ndarray
) -> np.ndarray:
    """bool: when a stream of so much finds its own queue before the slowest link, which may be full, or was
    and still drains: what waits leaves at the rate at which it came.
    """
    queues = [[link.capable(side).queue_packets for side in (0, 1)] for link in run.plan.links]
    packets = np.append(np.array(queues, float).ravel(), 0.0)[which]
    fills = wire_mbps >= FULL * rate_mbps
    drained_s = np.divide(
        8e-6 * LONGEST_BYTES * packets, rate_mbps, out=np.zeros(len(t_s)), where=rate_mbps > 0
    )
    until_s = np.maximum.accumulate(np.where(fills, t_s + drained_s, -np.inf))
    return fills | (t_s < until_s)
