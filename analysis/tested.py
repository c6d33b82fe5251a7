"""A run as a test asks of it: round trips, loss, outages, paths and throughput, by flow or by nodes.

    run = tested.load("runs/RUN")
    assert run.rtt("beijing", "eo-0-0").p99 < 120 * ms
    assert not run.outages("command")
    assert run.tasks("fire").response.p90 < 5 * minutes

Each question takes the name of a flow, or two nodes, and then means the flow from the one to the other.
Answers are Quantities, which know their unit. Who asks for a flow or a node that is not there is told by a
RunError which ones are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import numpy as np
import pandas as pd

from skybed.analysis import run, verdict
from skybed.analysis.compare import baseline, comparison
from skybed.analysis.measures import metrics, paths
from skybed.analysis.measures.products import Products
from skybed.analysis.measures.quantiles import Delays
from skybed.analysis.pages.view.embedding import Embedded, Shown, embedded
from skybed.analysis.run import Run
from skybed.analysis.units import UNITS, Quantity
from skybed.analysis.verdict import Verdict
from skybed.topologies.errors import RunError
from skybed.topologies.model import kinds
from skybed.topologies.model.closest import hint
from skybed.topologies.model.flows import ProbingFlow
from skybed.topologies.model.metrics import label
from skybed.topologies.model.tables import PATHS, PROBES


class Outage(NamedTuple):
    """A time in which two or more probes in a row were lost."""

    start_s: float
    end_s: float

    @property
    def duration(self) -> Quantity:
        return Quantity(self.end_s - self.start_s, "time", f"outage from {self.start_s:.6g} s")

    def __repr__(self) -> str:
        return f"<{self.duration} from {self.start_s:.6g} s>"


def _unnoticed(run: TestedRun, flow: str) -> None:
    """Nobody keeps a list of the flows that are asked for."""


@dataclass(repr=False, eq=False)
class TestedRun(Run):
    """A Run that answers. root: what paths of baselines are relative to.

    asked: called with the run and a flow whenever a question is about one.
    """

    __test__ = False  # pytest would take it for tests

    root: Path = Path()
    asked: Callable[[TestedRun, str], None] = field(default=_unnoticed)

    def __repr__(self) -> str:
        return f"<{self.verdict.status} run {self.dir}>"

    @property
    def verdict(self) -> Verdict:
        return verdict.judge(self)

    @cached_property
    def figures(self) -> comparison.Figures:
        """What baselines keep, by flow and figure, in the units of their names."""
        return comparison.figures(self)

    def rtt(self, flow_or_a: str, b: str | None = None) -> Delays:
        """Round trips of a probe flow, of the probes that came back."""
        flow = self._flow(kinds.made_of(ProbingFlow), flow_or_a, b)
        pieces = self.pieces(flow, PROBES, ["rtt_us"])
        rtt_us = np.concatenate([rows["rtt_us"].dropna().to_numpy() for rows in pieces])
        if not len(rtt_us):
            raise RunError(f"No probe of {_named(flow)} came back.")
        return Delays.make(f"RTT of {_named(flow)}", rtt_us)

    def loss(self, flow_or_a: str, b: str | None = None) -> Quantity:
        """Share of the packets of a probe, udp or ccsds flow that never arrived."""
        flow = self._flow(kinds.measuring("loss_pct"), flow_or_a, b)
        return Quantity(self._figure(flow.name, "loss_pct") / 100, "share", f"loss of {_named(flow)}")

    def outages(self, flow_or_a: str, b: str | None = None) -> list[Outage]:
        """Times in which two or more probes in a row were lost, of a probe flow."""
        flow = self._flow(kinds.made_of(ProbingFlow), flow_or_a, b)
        gaps = metrics.outages(self, flow.name)
        return [Outage(*times) for times in gaps[["start_s", "end_s"]].to_numpy().tolist()]

    def throughput(self, flow_or_a: str, b: str | None = None) -> Quantity:
        """Received rate of a udp or tcp flow over its whole time."""
        flow = self._flow(kinds.measuring("throughput_mbps"), flow_or_a, b)
        rate_mbps = self._figure(flow.name, "throughput_mbps")
        return Quantity(rate_mbps * 1e6, "rate", f"throughput of {_named(flow)}")

    def metric(self, flow: str, name: str) -> float:
        """Any metric of any flow or task, by its name; a Quantity where its unit is one of time, rate, share
        or energy, else a number.
        """
        meant = self._flow(list(dict.fromkeys(one.kind for one in self.traffic)), flow, None)
        row = self._metrics.loc[meant.name]
        value = row.get(name)
        if value is None or pd.isna(value):
            known = [str(other) for other in row.drop(["kind", "src", "dst"]).dropna().index]
            raise RunError(
                f"The run did not measure {name} of {meant.name}{hint(name, known, few=len(known))}."
            )
        unit = label(name)[1]
        for kind, units in UNITS.items():
            if unit in units:
                return Quantity(float(value) * units[unit], kind, f"{name} of {_named(meant)}")
        return float(value)

    @cached_property
    def _metrics(self) -> pd.DataFrame:
        return metrics.flow_metrics(self).set_index("flow")

    def tasks(self, name: str) -> Products:
        """What came of a task: how long its products took, how many arrived, and what it cost."""
        task = self._flow(("task",), name, None)
        return Products(self, task)

    def path_at(self, t_s: float, a: str, b: str) -> tuple[str, ...]:
        """The nodes that a packet sent at t_s from a to b crossed, both ends among them; () if it was lost.

        By the nearest round of a trace flow from a to b ("?" for a node that did not answer), or where none
        ran then by the plan, or by the forwarding tables that daemons made.
        """
        if not 0 <= t_s <= self.played_s:
            raise RunError(f"The run has no {t_s:g} s; it goes from 0 to {self.played_s:g} s.")
        for name in (a, b):
            self.plan.node(name)
        text = paths.path_at(self, a, b, np.array([float(t_s)]))[0]
        for flow in kinds.writing(self.traffic, PATHS):
            if flow.ends == (a, b):
                self.asked(self, str(flow.name))
                rounds = paths.proofs(self, str(flow.name))
                nearest = rounds.iloc[(rounds["sent_s"] - t_s).abs().argmin()]
                if abs(nearest["sent_s"] - t_s) <= flow.every_s:
                    text = nearest["path"] if nearest["reached"] else ""
        return tuple(text.split(" > ")) if text else ()

    def matches_baseline(self, file: str | Path) -> bool:
        """True; raises an AssertionError with a line for each figure that left its tolerance."""
        __tracebackhide__ = True
        outcome = baseline.check(self, self.root / file)
        for flow in self.figures:
            self.asked(self, flow)
        if outcome.left:
            lines = [str(line) for line in (*outcome.left, *outcome.notes)]
            summary = f"{len(outcome.left)} of {len(outcome.checks)} figures left the tolerance of {file}:"
            raise AssertionError("\n  ".join([summary, *lines]))
        return True

    def report(self) -> Path:
        """Write report.html, with figures and tables of all that is known of the run, into its directory."""
        from skybed.analysis.pages import report  # Matplotlib takes half a second, which few runs need spend

        return report.write(self, self.verdict)

    def view(self, **shown: Unpack[Shown]) -> Embedded:
        """The page of its sky with what it measured, for a notebook: see embedding.Shown."""
        return embedded(self.plan, self, **shown)

    def _figure(self, flow: str, figure: str) -> float:
        try:
            return self.figures[flow][figure]
        except KeyError:
            raise RunError(f"The run did not measure {figure} of {flow}.") from None

    def _flow(self, names: Sequence[str], flow_or_a: str, b: str | None) -> Any:
        """The flow that is meant; between two nodes, of the first of these kinds that there is."""
        flows = [flow for flow in self.traffic if flow.kind in names]
        if b is None:
            matching = [flow for flow in flows if flow.name == flow_or_a]
            wrong = f"{flow_or_a}{hint(flow_or_a, [str(flow.name) for flow in flows])}"
        else:
            for name in (flow_or_a, b):
                self.plan.node(name)
            matching = [flow for flow in flows if flow.ends == (flow_or_a, b)]
            best = min((flow.kind for flow in matching), key=names.index, default=None)
            matching = [flow for flow in matching if flow.kind == best]
            there = f" (there are {'; '.join(map(_named, flows))})" if flows else ""
            wrong = f"from {flow_or_a} to {b}{there}"
        if not matching:
            *first, last = names
            kind = f"{', '.join(first)} or {last}" if first else last
            what = kind if kind == "task" else f"{kind} flow"
            raise RunError(f"{self.scenario.name} has no {what} {wrong}.")
        if len(matching) > 1:
            ones = ", ".join(str(flow.name) for flow in matching)
            raise RunError(
                f"More than one {matching[0].kind} flow goes from {flow_or_a} to {b}; name one: {ones}."
            )
        self.asked(self, str(matching[0].name))
        return matching[0]


def _named(flow: Any) -> str:
    return ", ".join([str(flow.name), " to ".join(dict.fromkeys(flow.ends))])


def load(run_dir: str | Path) -> TestedRun:
    """The run in a directory; see `analysis.load`."""
    loaded = run.load(run_dir)
    return TestedRun(loaded.dir, loaded.manifest)


def judge(run_dir: str | Path) -> TestedRun:
    """The run in a directory; its verdict.json is written anew."""
    judged = load(run_dir)
    verdict.write(judged, judged.verdict)
    return judged
