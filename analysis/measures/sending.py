"""What each flow sent, against what it was to send by its model (see topologies.model.kinds).

What was never sent is in no figure of a flow, and none of them shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from skybed.analysis.run import Run
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ConnectingFlow, Flow


class Sending(NamedTuple):
    """Of a flow: what was sent, and what was due until the run ended. In probes, rounds, packets, or, of tcp,
    seconds in which it was connected, or bytes of its volume.
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
    of, place = Counter(flow.kind for flow in run.traffic), Counter[str]()
    sent = []
    for flow in run.traffic:
        kind = kinds.of(flow)
        due = kind.due(flow, run.played_s, place[flow.kind], of[flow.kind])
        sent.append(Sending(str(flow.name), flow.unit or kind.UNIT, _sent(run, flow), due))
        place[flow.kind] += 1
    return sent


def missing_pct(run: Run) -> float:
    """How much of what was due may be missing. In virtual time nothing holds up who sends."""
    return 0.0 if run.manifest.virtual else run.scenario.fidelity.missing_pct


def _sent(run: Run, flow: Flow) -> float:
    if (pieces := times_s(run, flow)) is None:
        return float(kinds.of(flow).sent(run, flow))
    # What was due at the end may have gone a little later; where a run was cut short, more follows.
    whole = run.manifest.finished
    return sum(len(sent_s) if whole else int((sent_s < run.played_s).sum()) for sent_s in pieces)


def times_s(run: Run, flow: Flow) -> Iterator[pd.Series] | None:
    """When each of what a flow sends was sent, piece by piece; None where its table does not tell."""
    sent = kinds.of(flow).sent(run, flow)
    if isinstance(sent, pd.Series):
        return iter([sent])
    return sent if isinstance(sent, Iterator) else None


def told_late_s(run: Run, flow: ConnectingFlow) -> float:
    """How much later than it was to a transfer was told to begin; nan where it left no interval."""
    return float(run.rows(flow)["start_s"].min() - flow.start_s)
