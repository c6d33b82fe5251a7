"""A run that is looked at while it is played: its page in a browser, and what it has come to.

Everything here is outside the lane and works with what the lane says anyway, so the run does not know of it.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np

from skybed.analysis.measures import truth
from skybed.analysis.pages.view import writing
from skybed.analysis.verdict import Verdict
from skybed.scripts.running.messages import Network, Traffic
from skybed.scripts.running.progress import Listener
from skybed.scripts.running.serving import Server
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.plan.plan import Plan

TAIL_S = 2.0  # a queue is taken to drain within this after its load has ended
KEPT = 1000  # round trips of each flow for who comes later
# Of a flow of probes: when the last one was sent that was answered; how many were sent and lost since the row
# before; the least, last, greatest and true round trip, ms.
Row = list[float | None]
FEW = 20  # round trips, of which nothing is concluded


class View(Listener):
    """Listens to a run and shows it.

    with View() as view:
        execute(scenario, options, folder, Listeners(bar, view))
        view.over(verdict)
    """

    def __init__(self) -> None:
        self._server = Server()
        self._newest: Traffic | None = None
        self._network: Network | None = None
        self._came, self._ended = threading.Condition(), False
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> View:
        self._server.__enter__()
        self._thread.start()
        self._server.announce()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            self._server.tell("over", {"status": "error", "reasons": [str(error)]})
        with self._came:
            self._ended = True
            self._came.notify()
        self._thread.join()
        self._server.__exit__(kind, error, trace)

    @property
    def address(self) -> str:
        return self._server.address

    def at(self, stage: str, share: float, note: str = "") -> None:
        self._server.waiting = f"{stage}: {note}"
        self._server.tell("stage", {"stage": stage, "share": share, "note": note})

    def planned(self, plan: Plan) -> None:
        self.at("drawing", 0.0, "the page")
        self._judge = SoFar(plan)
        self._server.first = lambda: {"past": self._judge.past()}
        self._server.page = writing.html(plan, live=True)

    def heard(self, message: Network | Traffic) -> None:
        with self._came:
            if isinstance(message, Network):
                self._network = message
            else:
                self._newest = message
            self._came.notify()

    def over(self, verdict: Verdict) -> None:
        """It has been judged."""
        told = {"status": verdict.status, "reasons": [*verdict.reasons, *verdict.notes]}
        self._server.tell("over", told)

    def _look(self) -> None:
        """Works out what the newest means, and tells it. What comes meanwhile waits, and only the last of it
        counts.
        """
        while True:
            with self._came:
                self._came.wait_for(lambda: self._ended or self._network or self._newest)
                network, traffic = self._network, self._newest
                self._network = self._newest = None
                if self._ended and not (network or traffic):
                    return
            if network:
                self._judge.network(network)
                self._server.tell("network", vars(network))
            if traffic:
                flows, rows = self._judge.traffic(traffic)
                self._server.tell("traffic", {"t_s": traffic.t_s, "flows": flows, "rows": rows})
            self._server.tell("verdict", {"reasons": [*self._judge.reasons()]})


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

    def network(self, said: Network) -> None:
        self._late_pct = share_pct(said.late, said.applied)
        self._held |= bool(said.held)

    def past(self) -> dict[str, list[Row]]:
        """Of each flow of probes its last KEPT rows."""
        with self._lock:
            return {name: [*rows] for name, rows in self._past.items()}

    def traffic(self, said: Traffic) -> tuple[dict[str, dict[str, Any]], dict[str, list[Row]]]:
        """The figures of each flow, with `true_us` and `error_us` of the probe that was answered last; and
        rows of flows of probes that are new.
        """
        told, rows = dict(said.flows), {}
        for name, figures in said.flows.items():
            flow = self._flows.get(name)
            if isinstance(flow, ProbingFlow) and figures:
                told[name] = figures | self._truth(flow, figures)
                rows[name] = [self._row(said.t_s, name, told[name])]
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

    def reasons(self) -> Iterator[str]:
        """Sentences why the run would be invalid if it ended now, as far as is known of it."""
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
