"""Packets that were lost, against those that had to be: by the plan, or by the tables that daemons made.

The loss of the links is chance: on average `by_links` packets, give or take CHANCE_SD standard deviations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skybed.analysis.measures import probed
from skybed.analysis.measures.forwarding import passing, slowest
from skybed.analysis.measures.loads import Load, loads, looks_along
from skybed.analysis.run import Run
from skybed.topologies.model.flows import LONGEST_BYTES, StreamFlow

CHANCE_SD = 4.0  # else lossy runs would be left out for their luck
WRONG_PCT, WRONG = 2.0, 5  # more packets of a flow lost, or not, against the plan: no edge effect
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
    by_flow = []
    for flow, found in probed.of_run(run).flows.items():
        _, lost, by_links, variance = found.chance.sum()
        judged, back = found.counts["judged"], found.counts["back"]
        if judged:
            by_flow.append(Losses(flow, "probes", judged, int(lost), by_links, variance, back))
    return by_flow


def _of_stream(run: Run, load: Load, flow: StreamFlow) -> Losses:
    """By the second, as they are counted: of those in which every packet had a path to itself."""
    name = str(flow.name)
    rows = run.flows[run.flows["flow"] == name]
    if rows.empty:
        return Losses(name, "packets", 0, 0, 0.0, 0.0)
    wire_mbps = flow.rate_mbps * flow.wire_bytes / flow.size_bytes
    count, clear, losing = np.zeros((3, len(rows)))  # of the looks at each second
    drained_s = -np.inf
    for look in looks_along(run, load):
        second = np.searchsorted(rows["start_s"].to_numpy(), look.t_s, side="right") - 1
        slow = slowest(run.plan, look.t_s, look.path, look.paths)
        queued, drained_s = _queued(run, look.t_s, wire_mbps, *slow, drained_s)
        np.add.at(count, second, 1)
        np.add.at(clear, second, look.alone & ~queued)
        np.add.at(losing, second, 1 - passing(run.plan, look.t_s, look.path, look.paths))
    whole = (clear == count) & (count > 0)
    chance = losing[whole] / count[whole]
    sent, lost = (rows[column].fillna(0).to_numpy()[whole] for column in ("sent_packets", "lost_packets"))
    by_links, variance = (sent * chance).sum(), (sent * chance * (1 - chance)).sum()
    return Losses(name, "packets", int(sent.sum()), int(lost.sum()), float(by_links), float(variance))


def _queued(
    run: Run, t_s: np.ndarray, wire_mbps: float, rate_mbps: np.ndarray, which: np.ndarray, drained_s: float
) -> tuple[np.ndarray, float]:
    """bool: when a stream of so much finds its own queue before the slowest link, which may be full, or was
    and still drains: what waits leaves at the rate at which it came. drained_s: by when it has, of what came
    before; then, of all.
    """
    queues = [[link.capable(side).queue_packets for side in (0, 1)] for link in run.plan.links]
    packets = np.append(np.array(queues, float).ravel(), 0.0)[which]
    fills = wire_mbps >= FULL * rate_mbps
    takes_s = np.divide(
        8e-6 * LONGEST_BYTES * packets, rate_mbps, out=np.zeros(len(t_s)), where=rate_mbps > 0
    )
    until_s = np.maximum.accumulate(np.append(drained_s, np.where(fills, t_s + takes_s, -np.inf)))
    return fills | (t_s < until_s[1:]), until_s[-1]
