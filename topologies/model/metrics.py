"""The metrics: each number that a run has for a flow, told once.

A scenario's limits (`accept`), campaigns, comparisons, baselines, reports and the docs take them from here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from skybed.topologies.model.closest import hint, near

METRIC_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")  # of what programs and scripts measure
# What stands beside metrics in the figures of a flow.
TAKEN = {
    "flow", "kind", "src", "dst", "sending", "true_rtt_p50_ms", "true_rtt_p99_ms", "rtt_error_p50_us",
    "rtt_error_p99_us", "loaded", "unexpected_lost", "unexpected_back",
}  # fmt: skip


class Tolerance(NamedTuple):
    """By how much a value may be off another: an absolute size or a share of it, whichever is more."""

    absolute: float
    share: float = 0.0


class Metric(NamedTuple):
    """name: ends in the unit, where there is one. title: what people call it. unit: "" of counts and ratios.

    about: what it is; each kind of flow tells which it measures (`topologies.model.kinds`). whole: it is a
    count. signed: it may be negative. of_every: it is of flows of every kind. ground_ends: how many ends of
    the flow must be stations; 2: at rest.
    of_routing: it is worked out with the truth of each probe.

    tolerances: what a baseline proposes, by the clock. Metrics that have some are those by which runs are
    compared, and those that campaigns collect if nobody says otherwise. Virtual time repeats itself, so there
    they are for changes of no importance, such as another version of a library. Real time adds what valid
    runs differ by.
    """

    name: str
    title: str
    unit: str
    about: str
    whole: bool = False
    signed: bool = False
    of_every: bool = False
    ground_ends: int = 0
    of_routing: bool = False
    tolerances: Mapping[str, Tolerance] = {}


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("sent", "sent", "", "packets sent", whole=True),
        Metric("lost", "lost", "", "packets that never arrived", whole=True),
        Metric("rtt_min_ms", "RTT min", "ms", "round trip (RFC 2681), the least"),
        Metric(
            "rtt_p50_ms", "RTT p50", "ms", "round trip, median",
            tolerances={"virtual": Tolerance(0.1, 0.005), "real": Tolerance(0.5, 0.02)},
        ),
        Metric(
            "rtt_p99_ms", "RTT p99", "ms", "round trip, 99th percentile",
            tolerances={"virtual": Tolerance(0.2, 0.01), "real": Tolerance(1.5, 0.05)},
        ),
        Metric("owd_p50_ms", "OWD p50", "ms", "delay there (RFC 7679), median"),
        Metric("owd_p99_ms", "OWD p99", "ms", "delay there, 99th percentile"),
        Metric(
            "pdv_p50_ms", "PDV p50", "ms",
            "delay there, else round trip, less the least of the flow (RFC 5481), median",
        ),
        Metric("pdv_p99_ms", "PDV p99", "ms", "the same, 99th percentile"),
        Metric(
            "loss_pct", "loss", "%", "share of packets that never arrived (RFC 7680)",
            tolerances={"virtual": Tolerance(0.1), "real": Tolerance(0.5)},
        ),
        Metric(
            "reordered_pct", "reordered", "%",
            "share of arrived packets that a later one overtook (RFC 4737)",
        ),
        Metric(
            "outages", "outages", "", "times in which two or more probes in a row were lost (RFC 3357)",
            whole=True, tolerances={"virtual": Tolerance(0), "real": Tolerance(1)},
        ),
        Metric(
            "outage_s", "outage", "s", "all outages together",
            tolerances={"virtual": Tolerance(0.1), "real": Tolerance(0.3)},
        ),
        Metric("outage_max_s", "outage max", "s", "the longest outage"),
        Metric(
            "throughput_mbps", "throughput", "Mbit/s", "received, over the flow's whole time",
            tolerances={"virtual": Tolerance(0.01, 0.01), "real": Tolerance(0.05, 0.05)},
        ),
        Metric(
            "completion_s", "completion", "s",
            "from the start of a flow with `volume_mb` to the arrival of all of it",
            tolerances={"virtual": Tolerance(0.01, 0.01), "real": Tolerance(0.1, 0.05)},
        ),
        Metric("gaps", "gaps", "", "times in which sequence counts leave some out", whole=True),
        Metric("gap_max", "gap max", "", "packets that are missing in the longest", whole=True),
        Metric(
            "accepted_pct", "accepted", "%", "share of telecommands whose report of acceptance came back",
            tolerances={"virtual": Tolerance(0.1), "real": Tolerance(0.5)},
        ),
        Metric("completed_pct", "completed", "%", "the same of completion"),
        Metric("starts", "starts", "", "how often a program was started", whole=True),
        Metric(
            "failures", "failures", "",
            "starts that ended with another exit code than 0, or by a signal, or came to nothing",
            whole=True, tolerances={"virtual": Tolerance(0), "real": Tolerance(0)},
        ),
        Metric("duration_p50_s", "duration p50", "s", "from the start of a program to its end, median"),
        Metric("duration_max_s", "duration max", "s", "the longest"),
        Metric("cpu_s", "CPU time", "s", "of a program and its children; virtual time sees none"),
        Metric("asked", "asked", "", "tasks that were asked for", whole=True),
        Metric(
            "delivered", "delivered", "", "tasks whose product arrived; bundles that did, whole", whole=True,
            tolerances={"virtual": Tolerance(0), "real": Tolerance(1)},
        ),
        Metric("delivered_pct", "delivered", "%", "share of what was asked for, or created, that arrived"),
        Metric("in_time_pct", "in time", "%", "share of what was asked for that arrived by `deadline_s`"),
        Metric(
            "response_mean_s", "response", "s",
            "from when a task is asked for until its product is there, mean",
            tolerances={"virtual": Tolerance(0.1, 0.01), "real": Tolerance(1, 0.05)},
        ),
        Metric(
            "response_p50_s", "response p50", "s", "the same, median",
            tolerances={"virtual": Tolerance(0.1, 0.01), "real": Tolerance(1, 0.05)},
        ),
        Metric(
            "response_p90_s", "response p90", "s", "the same, 90th percentile",
            tolerances={"virtual": Tolerance(0.1, 0.01), "real": Tolerance(1, 0.05)},
        ),
        Metric("response_max_s", "response max", "s", "the longest"),
        Metric("command_s", "command", "s", "of the mean response: until the command was on board"),
        Metric("view_s", "view", "s", "of the mean response: waiting until the target was in view"),
        Metric("await_s", "await", "s", "of the mean response: waiting for the products of other tasks"),
        Metric("contact_s", "contact", "s", "of the mean response: waiting for a way to the next node"),
        Metric("acquisition_s", "acquisition", "s", "of the mean response: acquiring a link"),
        Metric("transfer_s", "transfer", "s", "of the mean response: on the way to where it is computed"),
        Metric("queue_s", "queue", "s", "of the mean response: waiting for a sender or a computer"),
        Metric("compute_s", "compute", "s", "of the mean response: computing"),
        Metric("delivery_s", "delivery", "s", "of the mean response: from space to ground"),
        Metric("backhaul_s", "backhaul", "s", "of the mean response: over the ground"),
        Metric("age_mean_s", "age", "s", "age of information at the receiver: of its newest product, mean"),
        Metric("age_max_s", "age max", "s", "the same, at its peak"),
        Metric("space_ground_mb", "space-ground", "MB", "that crossed links between space and ground"),
        Metric(
            "saved_pct", "saved", "%",
            "of the bytes of the scenes whose product arrived, what did not cross to the ground",
            signed=True,
        ),
        Metric("product_wh", "energy a product", "Wh", "that nodes spent on a product that arrived"),
        Metric("created", "created", "", "bundles that were created", whole=True),
        Metric(
            "delay_mean_s", "delay", "s", "from when a bundle is created until all of it is there, mean",
            tolerances={"virtual": Tolerance(0.1, 0.01), "real": Tolerance(1, 0.05)},
        ),
        Metric("delay_p50_s", "delay p50", "s", "the same, median"),
        Metric(
            "delay_p90_s", "delay p90", "s", "the same, 90th percentile",
            tolerances={"virtual": Tolerance(0.1, 0.01), "real": Tolerance(1, 0.05)},
        ),
        Metric("delay_max_s", "delay max", "s", "the longest"),
        Metric("wait_s", "waiting", "s", "of bundles that arrived, how long they waited in nodes, mean"),
        Metric("sending_s", "sending", "s", "of the same, how long they were sent and under way, mean"),
        Metric("hops_mean", "hops", "", "of the same, contacts on the way, mean"),
        Metric("fragments", "fragments", "", "that arrived; a bundle that comes whole is one", whole=True),
        Metric("duplicates", "duplicates", "", "bundles and fragments that came again", whole=True),
        Metric("reported", "reported", "", "bundles whose report of delivery came back", whole=True),
        Metric("carried_ratio", "carried ratio", "", "bytes carried over contacts, to those delivered"),
        Metric("contact_use_pct", "contact use", "%", "of what the contacts that were taken could carry"),
        Metric("retransmits", "retransmits", "", "segments that TCP sent again", whole=True),
        Metric(
            "stretch_p50", "stretch p50", "",
            "median round trip over what light would take along the great circle", ground_ends=2,
        ),
        Metric(
            "handovers", "handovers", "", "access links that the flow's stations take up after the start",
            whole=True, of_every=True, ground_ends=1,
        ),
        Metric(
            "convergence_s", "convergence", "s",
            "the longest rate-derived convergence time (RFC 6412) of all events", of_routing=True,
        ),
        Metric(
            "expired", "expired", "", "probes that ran out of hops, as in a loop", whole=True,
            of_routing=True,
        ),
        Metric(
            "path_stretch_p50", "path stretch p50", "",
            "round trip over that of the oracle's path, median", of_routing=True,
        ),
        Metric(
            "path_stretch_p99", "path stretch p99", "",
            "round trip over that of the oracle's path, 99th percentile", of_routing=True,
        ),
        Metric(
            "path_stretch_pct", "path stretch", "%",
            "share of probes that took more than 1.05 of it", of_routing=True,
        ),
    )
}  # fmt: skip

# What figures of a campaign can show of single probes, by name: title, unit, column of the table `probes`;
# and of single tasks.
SAMPLES = {
    "rtt_ms": ("RTT", "ms", "rtt_us"),
    "owd_ms": ("OWD", "ms", "owd_us"),
    "response_s": ("response", "s", "response_s"),
}
OF_TASKS = "response_s"


def add(metric: Metric) -> str:
    """One more, of a kind of flow that is a program's own. Returns its name."""
    METRICS[metric.name] = metric
    return metric.name


_printed: dict[str, str] = {}  # units of metrics that programs print, by name
UNITS = {"s": "s", "ms": "ms", "us": "us", "pct": "%", "mbps": "Mbit/s", "bytes": "bytes", "hz": "Hz"}
PRINTED = {"virtual": Tolerance(1e-6, 0.01), "real": Tolerance(1e-6, 0.1)}  # what a baseline proposes of them


def printed(name: str, unit: str) -> None:
    """A program of a run printed a metric in this unit."""
    _printed[name] = unit


def compared(figures: Iterable[str] = ()) -> list[str]:
    """The metrics that tell whether a network did as well as another. figures: what was measured; of what a
    program printed those count that carry no statistic.
    """
    others = dict.fromkeys(name for name in figures if name not in METRICS and "." not in name)
    return [*(metric.name for metric in METRICS.values() if metric.tolerances), *others]


def tolerance(name: str, clock: str) -> Tolerance:
    """What a baseline proposes for a metric."""
    return (METRICS[name].tolerances if name in METRICS else PRINTED)[clock]


def label(name: str) -> tuple[str, str]:
    """Title and unit of a metric, or of samples. Of what a program printed the name, and the unit that it
    printed, or that the name ends with."""
    if name in SAMPLES:
        return SAMPLES[name][:2]
    if name in METRICS:
        return METRICS[name].title, METRICS[name].unit
    metric, _, statistic = name.partition(".")
    unit = _printed.get(metric) or UNITS.get(metric.rpartition("_")[2], "")
    return name, "" if statistic == "count" else unit


def not_a_metric(name: str) -> str:
    """For a sentence about a name."""
    return f"is not a metric{hint(name, METRICS) or near(name, METRICS)}"


# In files that people write: of METRICS, or of what a program prints, and then a statistic may follow.
MetricName = Annotated[
    str, Field(pattern=rf"^{METRIC_NAME.pattern}(\.(min|mean|max|p99|count))?$", max_length=100)
]


def share_pct(part: float, whole: float) -> float:
    """Of a whole; nan where there is none."""
    return 100.0 * part / whole if whole else math.nan


def may_be_called(metric: str) -> bool:
    """Whether a program or a script may measure something of this name: not if skybed does, or names a column
    so.
    """
    return bool(METRIC_NAME.fullmatch(metric)) and metric not in METRICS and metric not in TAKEN
