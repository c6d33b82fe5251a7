"""What a run has come to while it is played: what its lane says, beside what is true, and the verdict so far.

Everything here is outside the lane and works with what the lane says anyway, so the run does not know of it.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skybed.analysis.measures import truth
from skybed.analysis.verdict.judging import outcome
from skybed.analysis.verdict.model import Outcome
from skybed.scripts.running.messages import Carried, Heard, Network, Traffic
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.plan.plan import Plan

TAIL_S = 2.0  # a queue is taken to drain within this after its load has ended
KEPT = 1000  # round trips of each flow, of which what is told is of use later
FEW = 20  # round trips, of which nothing is concluded
# Of a flow of probes: when the last one was sent that was answered; how many were sent and lost since the row
# before; the least, last, greatest and true round trip, ms.
Row = list[float | None]
LAST = 4  # the place of the last round trip in a Row


class News(NamedTuple):
    """What was heard since it was told last, None where nothing was: network and carried as the lane said it;
    flows: the figures of each, with `true_us` and `error_us` of the probe that was answered last; rows: of
    flows of probes, those that are new. Now: reasons: sentences why the run would be invalid if it ended now;
    limits: those of `accept` of which something is known.
    """

    network: Network | None
    carried: Carried | None
    traffic: Traffic | None
    flows: dict[str, dict[str, Any]]
    rows: dict[str, list[Row]]
    reasons: list[str]
    limits: list[Outcome]


class Aside:
    """Works out what is heard beside who hears it, and tells it; of what comes meanwhile only the last
    counts.

    aside = Aside(tell)
    aside.begin(plan)
    aside.heard(message)    # tell(News) is called by a thread
    aside.end()
    """

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell
        self._newest: dict[type, Heard] = {}
        self._came, self._ended = threading.Condition(), False
        self._thread: threading.Thread | None = None

    def begin(self, plan: Plan) -> None:
        self.so_far = SoFar(plan)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def heard(self, message: Heard) -> None:
        with self._came:
            self._newest[type(message)] = message
            self._came.notify()

    def end(self) -> None:
        """Once what was heard has been told."""
        with self._came:
            self._ended = True
            self._came.notify()
        if self._thread:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._came:
                self._came.wait_for(lambda: self._ended or self._newest)
                newest, self._newest = self._newest, {}
            if not newest:
                return
            self._tell(self.so_far.news(newest.values()))


class SoFar:
    """What is known of a run up to now."""

    def __init__(self, plan: Plan) -> None:
        self._plan, scenario = plan, plan.scenario
        self._fidelity, self._late_pct = scenario.fidelity, 0.0
        self._by_plan = scenario.routing.means.filled_by != "daemons"
        self._flows = {str(flow.name): flow for flow in scenario.flows}
        self._loads = [flow for flow in scenario.flows if kinds.of(flow).LOADS or flow.OPEN]
        self._chance = plan.network.values.varying or bool(scenario.tasks)
        self._held = False
        self._errors_us: list[float] = []
        self._past: dict[str, deque[Row]] = defaultdict(partial(deque, maxlen=KEPT))
        self._lock = threading.Lock()
        self._before: dict[str, tuple[int, int]] = {}
        self._metrics: dict[str, Mapping[str, float]] = {}

    def news(self, heard: Any) -> News:
        by_kind = {type(message): message for message in heard}
        network, traffic = by_kind.get(Network), by_kind.get(Traffic)
        flows: dict[str, dict[str, Any]] = {}
        rows: dict[str, list[Row]] = {}
        if network:
            self._late_pct = share_pct(network.late, network.applied)
            self._held |= bool(network.held)
        if traffic:
            flows, rows = self._traffic(traffic)
        return News(
            network, by_kind.get(Carried), traffic, flows, rows, [*self._reasons()], [*self._limits()]
        )

    def past(self) -> dict[str, list[Row]]:
        """Of each flow of probes its last KEPT rows."""
        with self._lock:
            return {name: [*rows] for name, rows in self._past.items()}

    def _traffic(self, said: Traffic) -> tuple[dict[str, dict[str, Any]], dict[str, list[Row]]]:
        told, rows = dict(said.flows), {}
        for name, figures in said.flows.items():
            flow = self._flows.get(name)
            if flow is None or not figures:
                continue
            if isinstance(flow, ProbingFlow):
                told[name] = figures | self._truth(flow, figures)
                rows[name] = [self._row(said.t_s, name, told[name])]
            if metrics := kinds.hook(flow, "so_far"):
                self._metrics[name] = metrics(flow, figures, said.t_s)
        with self._lock:
            for name, new in rows.items():
                self._past[name] += new
        return told, rows

    def _truth(self, flow: ProbingFlow, figures: Mapping[str, Any]) -> dict[str, float | None]:
        true_us, sent_s = None, figures["sent_s"]
        if sent_s is not None and self._by_plan:
            found = truth.round_trip_us(self._plan, self._plan.trace, np.array([sent_s]), flow)[0]
            true_us = float(found) if np.isfinite(found) else None
        error_us = figures["rtt_us"] - true_us if true_us is not None else None
        if error_us is not None and self._quiet(sent_s):
            self._errors_us.append(abs(error_us))
        return {"true_us": true_us, "error_us": error_us}

    def _row(self, t_s: float, name: str, figures: Mapping[str, Any]) -> Row:
        sent, lost = self._before.get(name, (0, 0))
        self._before[name] = figures["sent"], figures["lost"]
        times_us = (figures[key] for key in ("least_us", "rtt_us", "greatest_us", "true_us"))
        times_ms = [None if time_us is None else round(time_us / 1e3, 4) for time_us in times_us]
        at_s = t_s if figures["sent_s"] is None else figures["sent_s"]
        return [at_s, figures["sent"] - sent, max(0, figures["lost"] - lost), *times_ms]

    def _quiet(self, t_s: float) -> bool:
        """Whether nothing was going on by then that a probe might have waited for."""
        windows = (flow.window_s(self._plan.duration_s) for flow in self._loads)
        loaded = any(start_s <= t_s <= stop_s + TAIL_S for start_s, stop_s in windows)
        return not (loaded or self._chance or self._held)

    def _reasons(self) -> Iterator[str]:
        bounds = self._fidelity
        if self._late_pct > bounds.late_pct:
            yield (
                f"{self._late_pct:.1f} % of what was to be done was more than {bounds.late_ms:g} ms late; "
                f"{bounds.late_pct:g} % are allowed."
            )
        if len(self._errors_us) >= FEW:
            for pct, bound_us in ((50, bounds.rtt_error_p50_us), (99, bounds.rtt_error_p99_us)):
                error_us = float(np.percentile(self._errors_us, pct))
                if error_us > bound_us:
                    yield f"Round trips are {error_us:.0f} us off (p{pct}); {bound_us:g} us are allowed."

    def _limits(self) -> Iterator[Outcome]:
        for limit in self._plan.scenario.accept:
            value = self._metrics.get(limit.flow, {}).get(limit.metric)
            if value is None:
                value = self._of_round_trips(limit.flow, limit.metric)
            if value is not None and np.isfinite(value):
                yield outcome(limit, float(value))

    def _of_round_trips(self, flow: str, metric: str) -> float | None:
        """By the round trips that were told: one each time, so it is about what it will be."""
        pct = {"rtt_p50_ms": 50, "rtt_p99_ms": 99}.get(metric)
        rtt_ms = [last_ms for row in self._past.get(flow, ()) if (last_ms := row[LAST]) is not None]
        return float(np.percentile(rtt_ms, pct)) if pct and len(rtt_ms) >= FEW else None
