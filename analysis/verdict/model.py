"""verdict.json: what a run meant, as a model. Times in the unit that a name ends in; None: nothing to say."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator

from skybed.analysis.numbers import figures
from skybed.analysis.stored import Stored
from skybed.topologies.model import kinds
from skybed.topologies.model.fields import Strict
from skybed.topologies.model.metrics import METRICS, label
from skybed.topologies.model.tables import EVERY_RUN

EXIT_CODES = {"pass": 0, "fail": 1, "invalid": 3, "error": 3}


def _number(value: Any) -> int | float | None:
    """As JSON has it: a plain number, None for what is none or not finite."""
    if value is None or value is pd.NA:
        return None
    number = value.item() if isinstance(value, np.generic) else value
    if not isinstance(number, int | float):
        raise ValueError("is not a number")
    return number if math.isfinite(number) else None


Number = Annotated[int | float | None, PlainValidator(_number)]
Count = Annotated[int, BeforeValidator(_number)]


class Lateness(Strict):
    """Applied less due; what never was applied is late."""

    late: Count  # by more than the scenario's fidelity allows
    late_pct: float
    late_p50_us: Number
    late_p99_us: Number
    late_max_us: Number


class Events(Lateness):
    """Of links. Those at 0 are applied before the clock starts, so that their lateness says nothing."""

    planned: Count  # until played_s
    applied: Count
    skipped: Count  # left out because a newer value was due already; they are late too
    missing: Count  # neither applied nor skipped
    otherwise: Count  # applied with another time, link, kind or value than planned


class Routes(Lateness):
    """Changes of routes after the first tables; each instant is as late as its last change."""

    planned: Count
    instants: Count
    missing: Count  # of those of the plan, the first tables too, not noted; 0 where daemons make them


class Delay(Strict):
    """Applied delays of links against true ones."""

    bound_us: float
    max_error_us: Number
    within: bool  # the bound, and what an event's lateness adds to it
    link: str | None = None  # of the look that is worst
    t_s: Number = None
    error_us: Number = None
    allowed_us: Number = None


class Errors(Strict):
    """|measured - true| of the probes that came back, without those that shared a link with load and those of
    which the way is not known.
    """

    n: Count
    p50_us: Number
    p99_us: Number
    max_us: Number


class Rate(Strict):
    """What links of a class carried in a direction while a stream filled one alone, of payload; see
    `analysis.measures.classes`.
    """

    link_class: str
    way: Literal["up", "down", "both"]  # both: they are alike
    bins: Count  # of table `flows`
    planned_mbit: Number
    carried_mbit: Number
    bin_off_p95_pct: Number
    within: bool


class Loss(Strict):
    """Probes that links lost, by the classes on their ways that lose packets; several are joined by " + ",
    since it cannot be told which of them did.
    """

    classes: str
    packets: Count
    lost: Count
    by_links: Number  # on average
    within: bool


class Jitter(Strict):
    """How much later probes of a flow were on their way there than without jitter."""

    flow: str
    n: Count
    mean_us: Number
    meant_us: Number
    least_us: Number  # of all, after the earliest instant that jitter allows
    within: bool


class Host(Strict):
    cpu_count: int
    load_1m: list[float]
    steal_pct: float
    busy: bool  # others wanted the CPUs too
    player_cpu_pct: Number = None  # of one CPU, spent on the updates


class Proofs(Strict):
    """Path proofs, and those whose path was the planned one (see `analysis.measures.paths`)."""

    n: Count
    agreeing: Count


class Control(Strict):
    """What routing sent; see `analysis.routing.control.summary`."""

    protocol: str
    packets_s: Number
    bytes_s: Number
    link_bytes_s: Number
    link_max_bytes_s: Number
    link_quiet_bytes_s: Number
    link_busy_bytes_s: Number


class Churn(Strict):
    """Changes of IPv4 routes after 0."""

    changes: Count
    changes_s: Number  # a second
    changes_max_s: Number  # most in one
    destinations: Count  # that had any
    destination_max: Count  # the most of one


class Routing(Strict):
    events: Count  # after which routing had to converge
    control: list[Control]  # a row for each protocol
    churn: Churn


class Sent(Strict):
    """What a flow sent and what was due, in `unit`s; see `analysis.measures.sending`."""

    unit: str
    sent: Number
    due: Number


class FlowFigures(Strict):
    """A flow, and beside these fields a field for each of its metrics."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)

    flow: str
    kind: str
    src: str
    dst: str
    sending: Sent
    # Of probes:
    true_rtt_p50_ms: Number = None
    true_rtt_p99_ms: Number = None
    rtt_error_p50_us: Number = None
    rtt_error_p99_us: Number = None
    loaded: Count | None = None  # shared a link with load
    unexpected_lost: Count | None = None  # though a path stood, of those whose way is known
    unexpected_back: Count | None = None  # though none stood

    @property
    def metrics(self) -> dict[str, int | float | None]:
        """Those of `measures.metrics`, and of probes those of `routing.convergence.of_flows`, by name."""
        return self.__pydantic_extra__

    @property
    def own_metrics(self) -> list[tuple[str, str]]:
        """Where its kind has a table of its own: titles of what is measured, and the values as text."""
        kind = kinds.named(self.kind)
        if kind.TABLE in EVERY_RUN:
            return []
        printed = [name for name in self.metrics if name not in METRICS and "." not in name]
        measured = ((*label(name), self.metrics.get(name)) for name in (*kind.METRICS, *printed))
        return [(title, f"{figures(x)} {unit}".rstrip()) for title, unit, x in measured if x is not None]


class Books(Strict):
    """Of a task: what became of the bytes that were observed, as on the wire. Those observed are all others
    together. slack_least_s: by how much a response was longer than the plan's bound, at least.
    """

    flow: str
    asked: Count
    observed_bytes: Count
    made_less_bytes: Count  # by steps
    delivered_bytes: Count
    held_bytes: Count
    failed_bytes: Count
    refused_bytes: Count
    dropped_bytes: Count
    lost_bytes: Count
    slack_least_s: Number


class Tasks(Strict):
    """Tasks, and what nodes held and drew against what these tasks account for."""

    books: list[Books]
    storage_off_bytes: Count  # at most
    battery_off_wh: Number


class Outcome(Strict):
    """Of an acceptance limit."""

    flow: str
    metric: str
    min: Number
    max: Number
    value: Number
    met: bool


class Verdict(Stored):
    """What every verdict says."""

    WHAT: ClassVar[str] = "verdict"
    REMEDY: ClassVar[str] = "write it anew with `skybed report`"

    format: Literal[1] = 1
    status: Literal["pass", "fail", "invalid", "error"]  # invalid wins over fail; error: it broke off
    reasons: list[str]  # sentences that say why it is not a pass; empty for a pass
    notes: list[str]  # sentences worth knowing that change nothing
    run: str
    played_s: float
    duration_s: float
    finished: bool
    flows: list[FlowFigures] = []

    @classmethod
    def broken_off(
        cls, run: str, duration_s: float, status: Literal["invalid", "error"], why: str
    ) -> Verdict:
        """Of a run that left nothing to judge."""
        return Verdict(
            status=status, reasons=[why], notes=[], run=run, played_s=0.0, duration_s=duration_s,
            finished=False, flows=[],
        )  # fmt: skip

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    @classmethod
    def kind_of(cls, content: dict[str, Any]) -> type[Verdict]:
        return FullVerdict if "events" in content else cls


class FullVerdict(Verdict):
    """Of a run whose tables could be read, so that it was judged by them."""

    scenario: str
    events: Events
    routes: Routes
    delay: Delay
    rtt_error: Errors
    owd_error: Errors  # both directions of the one-way delay
    rates: list[Rate]
    losses: list[Loss]
    jitter: list[Jitter]
    host: Host
    proofs: Proofs
    routing: Routing
    tasks: Tasks | None = None
    limits: list[Outcome]
