"""What each flow sent, against what it was to send by its model (see topologies.model.flows).

What was never sent is in no figure of a flow, and none of them shows it.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pandas as pd

from skybed.analysis.run import Run
from skybed.topologies.model.flows import AnyFlow, ProbeFlow, TcpFlow, TraceFlow, UdpFlow

UNITS = {"probe": "probes", "trace": "rounds", "udp": "packets", "tcp": "seconds"}
DECIMALS = 3  # of seconds: a transfer begins when the loop of traffic comes to it


class Sending(NamedTuple):
    """Of a flow: what was sent, and what was due until the run ended. In probes, rounds, packets, or, of tcp,
    seconds in which iperf3 was sending.
    """

    flow: str
    unit: str
    sent: float
    due: float

    @property
    def missing(self) -> float:
        return max(0.0, self.due - self.sent)


def sending(run: Run) -> list[Sending]:
    """Of every flow of the scenario, in its order."""
    of, place = Counter(flow.kind for flow in run.scenario.traffic), Counter[str]()
    found = []
    for flow in run.scenario.traffic:
        sent, due = _sent(run, flow), _due(flow, run.played_s, place[flow.kind], of[flow.kind])
        found.append(Sending(str(flow.name), UNITS[flow.kind], sent, due))
        place[flow.kind] += 1
    return found


def missing_pct(run: Run) -> float:
    """How much of what was due may be missing. In virtual time nothing holds up who sends."""
    return 0.0 if run.manifest.virtual else run.scenario.fidelity.missing_pct


def _due(flow: AnyFlow, until_s: float, place: int, of: int) -> float:
    """place, of: from 0 among so many flows of its kind."""
    if isinstance(flow, ProbeFlow | TraceFlow):
        return flow.instants(until_s, place, of).total
    if isinstance(flow, UdpFlow):
        ticks = flow.instants(until_s)
        return flow.due_by(ticks.at_ns(ticks.total - 1) - ticks.first_ns) if ticks.total else 0
    return round(max(0.0, min(flow.seconds(until_s), until_s - flow.start_s)), DECIMALS)


def _sent(run: Run, flow: AnyFlow) -> float:
    if isinstance(flow, ProbeFlow | TraceFlow):
        sent_s = times_s(run, flow)
        # What was due at the end may have gone a little later; where a run was cut short, more follows.
        return len(sent_s) if run.manifest.finished else int((sent_s < run.played_s).sum())
    rows = run.flows[(run.flows["flow"] == flow.name) & (run.flows["start_s"] < run.played_s)]
    if isinstance(flow, UdpFlow):
        return int(rows["sent_packets"].sum())
    # iperf3's first interval begins where it was told to begin, so what the network takes for its handshake
    # is no time lost; what traffic takes to tell it is.
    stop_s = flow.start_s + flow.seconds(run.played_s)
    length_s = rows["end_s"].clip(upper=stop_s) - rows["start_s"].clip(lower=flow.start_s, upper=stop_s)
    return round(float(length_s.sum()), DECIMALS)


def times_s(run: Run, flow: ProbeFlow | TraceFlow) -> pd.Series:
    """When each probe, or round, of a flow was sent."""
    if isinstance(flow, ProbeFlow):
        return run.probes.loc[run.probes["flow"] == flow.name, "sent_s"]
    return run.paths.loc[(run.paths["flow"] == flow.name) & (run.paths["hop"] == 1), "sent_s"]


def told_late_s(run: Run, flow: TcpFlow) -> float:
    """How much later than it was to a transfer was told to begin; nan where it left no interval."""
    return float(run.flows.loc[run.flows["flow"] == flow.name, "start_s"].min() - flow.start_s)
