"""What links of each class let through, lost and delayed, against what their class says.

What was told to the kernel is in `applied`; here is what packets met. A stream measures the rate of the
slowest link on its way while it fills that link alone; a packet that is lost, or late by chance, tells of the
links on its way that do so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.analysis.measures import probed
from skybed.analysis.measures.forwarding import passing, slowest
from skybed.analysis.measures.loads import LOOK_S, Load, loads, looks_along
from skybed.analysis.measures.probed import Late
from skybed.analysis.run import Run, kept
from skybed.topologies.contacts.properties import Property
from skybed.topologies.model.flows import StreamFlow

FILLS = 1.02  # times the rate of a link: who sends so much fills it
SETTLE_S = 1.0  # until a queue is full
WAYS = {False: "down", True: "up"}


class Carried(NamedTuple):
    """By links of a class in a direction (both: they are alike), while streams filled them: planned and
    carried, of payload; waiting_mbit: what may have been in queues at the begin, or the end; bin_off_p95_pct:
    by how much a bin of table `flows` differs from what was planned for it.
    """

    link_class: str
    way: str
    bins: int
    planned_mbit: float
    carried_mbit: float
    waiting_mbit: float
    bin_off_p95_pct: float


@kept
def carried(run: Run) -> list[Carried]:
    """By each class and direction that a stream filled."""
    parts: dict[tuple[str, str], list[tuple[np.ndarray, float]]] = {}
    for load in loads(run):
        if isinstance(load.flow, StreamFlow):
            for key, bins, waiting_mbit in _filled(run, load, load.flow):
                link = run.plan.links[key // 2]
                way = WAYS[link.side(up=True) == key % 2] if link.link_class.two_ways else "both"
                parts.setdefault((link.class_name, way), []).append((bins, waiting_mbit))
    figures = []
    for (link_class, way), stretches in sorted(parts.items()):
        planned, received = np.concatenate([bins for bins, _ in stretches], axis=1)
        off_pct = 100 * np.abs(received - planned) / planned
        waiting_mbit = sum(waiting for _, waiting in stretches)
        sums = planned.sum(), received.sum(), waiting_mbit, float(np.quantile(off_pct, 0.95))
        figures.append(Carried(link_class, way, len(planned), *sums))
    return figures


def _filled(run: Run, load: Load, flow: StreamFlow) -> Iterator[tuple[int, np.ndarray, float]]:
    """Stretches in which a stream filled a link: which, its bins (planned and received Mbit of payload), and
    what may have waited.
    """
    rows = run.flows[run.flows["flow"] == flow.name]
    wire_mbps = flow.rate_mbps * flow.wire_bytes / flow.size_bytes
    found = []
    for look in looks_along(run, load):
        rate_mbps, which = slowest(run.plan, look.t_s, look.path, look.paths)
        fills = look.alone & (wire_mbps > FILLS * rate_mbps)
        fills &= passing(run.plan, look.t_s, look.path, look.paths) == 1
        found.append((look.t_s, look.arrival_s, rate_mbps, which, fills))
    if not any(fills.any() for *_, fills in found):
        return
    t_s, arrival_s, rate_mbps, which, fills = map(np.concatenate, zip(*found, strict=True))
    stretch = np.cumsum(np.append(True, (which[1:] != which[:-1]) | (fills[1:] != fills[:-1])))
    starts_s, ends_s = rows["start_s"].to_numpy(), rows["end_s"].to_numpy()
    payload = flow.size_bytes / flow.wire_bytes
    sent = np.append(0.0, np.cumsum(np.where(fills, rate_mbps, 0.0))) * LOOK_S * payload
    for number in np.unique(stretch[fills]).tolist():
        looks = np.flatnonzero(stretch == number)
        under_way_s = float((arrival_s - t_s)[looks].max())
        from_s, until_s = t_s[looks[0]] + SETTLE_S + under_way_s, t_s[looks[-1]]
        whole = (starts_s >= from_s) & (ends_s <= until_s)
        if not whole.any():
            continue
        edges = [(x[whole] - load.start_s - under_way_s) / LOOK_S for x in (starts_s, ends_s)]
        planned = np.diff([np.interp(edge, np.arange(len(sent)), sent) for edge in edges], axis=0)[0]
        key, rates = int(which[looks[0]]), rate_mbps[looks]
        packets = run.plan.links[key // 2].capable(key % 2).queue_packets if np.ptp(rates) else 1
        received = rows["received_bytes"].to_numpy()[whole] * 8e-6
        yield key, np.stack([planned, received])[:, planned > 0], packets * 8e-6 * flow.size_bytes


def unmeasured(run: Run) -> list[str]:
    """Classes of which a rate changes over time on the way of a load, and which no stream filled."""
    values = run.plan.network.values
    changing = {int(link) for link in np.argwhere(np.isnan(values.constant[:, :, Property.RATE]))[:, 0]}
    crossed = {link for load in loads(run) for links in load.links for link in links}
    names = {run.plan.links[link].class_name for link in changing & crossed}
    return sorted(names - {one.link_class for one in carried(run)})


def late(run: Run) -> list[Late]:
    """Of each flow that met jitter."""
    return [of_flow.late for of_flow in probed.of_run(run).flows.values() if of_flow.late]


def lost(run: Run) -> pd.DataFrame:
    """Probes that were judged for loss, by the classes that lose on their way there: classes (joined by
    " + "), the columns probed.CHANCE.
    """
    chances = [of_flow.chance for of_flow in probed.of_run(run).flows.values()]
    total = pd.concat([pd.DataFrame(columns=probed.CHANCE, dtype=float), *chances]).groupby(level=0).sum()
    return total.drop(index="", errors="ignore").rename_axis("classes").reset_index()
