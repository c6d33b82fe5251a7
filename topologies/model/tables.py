"""The tables of a run directory: what stands in each column, told once.

Who writes, reads, compares or documents a table takes it from here. Times are run time in s. A column that
ends in a unit is in that unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from skybed.topologies.model import protocols

TEXT, INTEGER, FLOAT, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()


class Column(NamedTuple):
    """about: what it holds. null: it may have no value."""

    name: str
    type: pa.DataType
    about: str
    null: bool = False

    @property
    def dtype(self) -> str:
        """Its type as pandas names it. Integers that may be null are numbers."""
        if self.type == TEXT:
            return "str"
        if self.null and pa.types.is_integer(self.type):
            return "float64"
        return np.dtype(self.type.to_pandas_dtype()).name


@dataclass(frozen=True)
class Table:
    """rows: what there is a row for. key: the columns that tell a person which row it is."""

    name: str
    rows: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type) for column in self.columns])

    @cached_property
    def dtypes(self) -> dict[str, str]:
        """Of pandas, by column."""
        return {column.name: column.dtype for column in self.columns}


_EVENTS = (
    Column("event", INTEGER, "from 0"),
    Column("t_s", FLOAT, "when it is to happen"),
    Column(
        "kind", TEXT,
        "`up`: the link comes, with a delay; `silence`, `heal`: it drops everything, no longer does; `down`: "
        "it goes; else the property that changes, such as `delay`",
    ),
    Column("link", TEXT, "its name"),
    Column("a", TEXT, "a node of it"),
    Column("b", TEXT, "the other"),
    Column(
        "delay_us", FLOAT,
        "one way, from now on; `up` and `delay` only. netem is set to `hop_cost_us` less", null=True,
    ),
    Column(
        "slope_us_s", FLOAT,
        "by how much `delay_us` grows a second, from `t_s` on; 0 in real time; null as `delay_us`", null=True,
    ),
)  # fmt: skip

_CHANGE = (
    Column("direction", TEXT, "`there`, from `a` to `b`; `back`; or `both`"),
    Column("property", TEXT, "what of the link changes"),
    Column("value", FLOAT, "to what, in the property's unit"),
)

EVENTS = Table(
    "events", "What was to happen to links, in the order of time.", ("event", "link"), (*_EVENTS, *_CHANGE)
)

APPLIED = Table(
    "applied",
    "The same, up to where the run was played, with these.",
    ("event", "link"),
    (
        *_EVENTS[:2],
        Column("applied_s", FLOAT, "when it was done; null if it was not", null=True),
        Column("late_us", FLOAT, "`applied_s` less `t_s`", null=True),
        *_EVENTS[2:],
        Column("skipped", BOOL, "left out because a newer value was due already: the player was behind"),
        *_CHANGE,
    ),
)  # fmt: skip

ROUTES = Table(
    "routes",
    "A row for each change of a route.",
    ("t_s", "applied_s", "node", "dst", "family"),
    (
        Column(
            "t_s", FLOAT, "when the route was to change; 0: the first tables. null: nobody planned it",
            null=True,
        ),
        Column(
            "applied_s", FLOAT, "when it did; where daemons route, below 0: the first tables", null=True
        ),
        Column("node", TEXT, "whose route"),
        Column("dst", TEXT, "to which node"),
        Column(
            "via", TEXT,
            "the next node; several of equal cost with a space between; null: no route any more", null=True,
        ),
        Column("family", TEXT, "`4` or `6`, the IP version; `both`: the oracle changes both at once"),
    ),
)  # fmt: skip

CONTROL = Table(
    "control",
    "A row for each second, direction of a link and protocol, if there was a packet.",
    ("t_s", "node", "peer", "protocol"),
    (
        Column("t_s", FLOAT, "when the second begins"),
        Column("node", TEXT, "who sends it"),
        Column("peer", TEXT, "the node at the other end of the link"),
        Column("protocol", TEXT, f"{', '.join(f'`{name}`' for name in protocols.CONTROL)}, or `other`"),
        Column("packets", INTEGER, "that left the link's queue"),
        Column("bytes", INTEGER, "of them, with Ethernet headers"),
    ),
)

PROBES = Table(
    "probes",
    "A row for each probe sent, flow by flow, in the order of sending.",
    ("flow", "seq"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("protocol", TEXT, "`stamp` or `echo`"),
        Column("src", TEXT, "the node that it is sent from"),
        Column("dst", TEXT, "the node that it is sent to"),
        Column("seq", INTEGER, "from 0 in each flow"),
        Column("sent_s", FLOAT, "when it was sent"),
        Column(
            "rtt_us", FLOAT,
            "round trip; null if lost. `stamp`: without the time that the far end took to answer", null=True,
        ),
        Column("owd_us", FLOAT, "delay there; `stamp` only", null=True),
        Column("owd_back_us", FLOAT, "delay back; `stamp` only", null=True),
        Column("lost", BOOL, "no answer until one second after the last flow's end"),
        Column(
            "expired_at", TEXT,
            "the node at which the probe (or a reflector's answer) ran out of hops, as by a loop; else null",
            null=True,
        ),
        Column(
            "reordered", BOOL, "its answer came after that to a later probe (RFC 4737, Type-P-Reordered)"
        ),
    ),
)  # fmt: skip

PATHS = Table(
    "paths",
    "A row for each hop of each round of a trace flow.",
    ("flow", "sent_s", "hop"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("src", TEXT, "the node that it is sent from"),
        Column("dst", TEXT, "the node that it is sent to"),
        Column("sent_s", FLOAT, "of the round: the rows of a round share it"),
        Column("hop", pa.int32(), "from 1"),
        Column("node", TEXT, "that answered; null if none did", null=True),
        Column("reached", BOOL, "of the round: whether it got to `dst`"),
    ),
)

FLOWS = Table(
    "flows",
    "A row for each bin of each udp and tcp flow, and more after its stop while some of it still arrives.",
    ("flow", "start_s"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("kind", TEXT, "`udp` or `tcp`"),
        Column("src", TEXT, "the node that it is sent from"),
        Column("dst", TEXT, "the node that it is sent to"),
        Column("start_s", FLOAT, "when the bin begins"),
        Column("end_s", FLOAT, "when it ends"),
        Column("sent_packets", INTEGER, "udp; null after its stop", null=True),
        Column("received_packets", INTEGER, "that arrived in this bin; udp", null=True),
        Column("lost_packets", INTEGER, "of those sent in this bin; udp", null=True),
        Column("reordered_packets", INTEGER, "of those received; udp", null=True),
        Column(
            "sent_bytes", INTEGER,
            "of the payload, each once; null after its stop. 0 too while tcp is not connected", null=True,
        ),
        Column(
            "received_bytes", INTEGER, "of the payload; tcp: in their order, as who reads has them", null=True
        ),
        Column("throughput_mbps", FLOAT, "received", null=True),
        Column("retransmits", INTEGER, "tcp; null while it is not connected", null=True),
        Column(
            "rtt_us", FLOAT, "as TCP sees it at the bin's end, mean of the streams; null as `retransmits`",
            null=True,
        ),
    ),
)  # fmt: skip

BEGUN = Table(
    "begun",
    "A row for each flow that begins after another. In runs with such flows only.",
    ("flow",),
    (
        Column("flow", TEXT, "its name"),
        Column("after", TEXT, "the other's"),
        Column("ended_s", FLOAT, "when that had ended; null if it did not", null=True),
        Column("start_s", FLOAT, "when the flow began; null if it did not", null=True),
    ),
)

CHANGED = Table(
    "changed",
    "A row for each change of a link by hand, at the prompt or by a script. In runs that had one only.",
    ("t_s", "link", "direction", "property"),
    (
        Column("t_s", FLOAT, "when it was in force"),
        Column("link", TEXT, "its name"),
        Column("a", TEXT, "a node of it"),
        Column("b", TEXT, "the other"),
        *_CHANGE[:2],
        Column(
            "value", FLOAT, "to what, in the property's unit, whatever the plan says; null: as planned again",
            null=True,
        ),
        Column("by", TEXT, "`prompt` or `script`"),
    ),
)  # fmt: skip

CARRIED = Table(
    "carried",
    "A row for each second and direction of a link that carried something. In runs with programs, a script "
    "or a prompt.",
    ("t_s", "node", "peer"),
    (
        Column("t_s", FLOAT, "when the second begins"),
        Column("node", TEXT, "who sends"),
        Column("peer", TEXT, "the node at the other end of the link"),
        Column("packets", INTEGER, "that left the link's queue, after its delay"),
        Column("bytes", INTEGER, "of them, with Ethernet headers"),
    ),
)

PROGRAMS = Table(
    "programs",
    "A row for each time that a program flow was due to start.",
    ("flow", "turn"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("node", TEXT, "where it runs"),
        Column("turn", INTEGER, "from 0 in each flow"),
        Column("due_s", FLOAT, "when it was to start"),
        Column("start_s", FLOAT, "when it did; null if it did not", null=True),
        Column(
            "ready_s", FLOAT,
            "when its `ready` succeeded, or without one when it ran; null if not, and in later turns",
            null=True,
        ),
        Column("end_s", FLOAT, "when it was over", null=True),
        Column(
            "outcome", TEXT,
            "`exited`; `killed`, by a signal; `stopped`, at its stop; `left out`: its last turn was still "
            "going on; `waiting`: what it needs was not ready; `not started`: there is no such program",
            null=True,
        ),
        Column("exit_code", INTEGER, "null if it was ended by a signal", null=True),
        Column("signal", INTEGER, "by which", null=True),
        Column("cpu_s", FLOAT, "time of a CPU that it and its children took", null=True),
        Column("waited_s", FLOAT, "for what it needs to be ready", null=True),
        Column("last_lines", TEXT, "of what it printed", null=True),
    ),
)  # fmt: skip

MEASURES = Table(
    "measures",
    "A row for each measurement that a program printed.",
    ("flow", "t_s", "metric"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("turn", INTEGER, "of the program"),
        Column("t_s", FLOAT, "when it was printed"),
        Column("metric", TEXT, "its name"),
        Column("value", FLOAT, "how much"),
        Column("unit", TEXT, "as it was printed", null=True),
    ),
)

# What every run writes, in the order in which it is compared; and those of some: of changes by hand, and of
# flow kinds that have one of their own. What a run meant is worked out afterwards.
EVERY_RUN = (EVENTS, APPLIED, ROUTES, CONTROL, PROBES, PATHS, FLOWS)
TASKS = Table(
    "tasks",
    "A row for each stage of a task: what it was at, where, and how long.",
    ("flow", "number", "place"),
    (
        Column("flow", TEXT, "the task's name"),
        Column("number", INTEGER, "of the time that it was asked for, from 0"),
        Column("place", INTEGER, "of the stage among those of this number, as they began, from 0"),
        Column(
            "stage",
            TEXT,
            "`command` (up to who observes), `view`, `observe`, `acquire`, `transfer` (between satellites), "
            "`delivery` (to the ground), `uplink`, `backhaul` (between stations), `compute`, `copy` "
            "(for several that take it), `await` (the product of another task), `reach` (nobody who "
            "could do it can be reached any more), or `arrive`: all of the product is with its receiver",
        ),
        Column(
            "step", INTEGER, "that it serves, from 0; the way to the receiver counts as the last; -1: none"
        ),
        Column("tile", INTEGER, "of those that the step is split into, or of what it takes, from 0"),
        Column("node", TEXT, "where it is, or from where; null: not known yet", null=True),
        Column("peer", TEXT, "to where; null: it stays", null=True),
        Column("queued_s", FLOAT, "when all before it was done"),
        Column("began_s", FLOAT, "when it began; null: it did not", null=True),
        Column("ended_s", FLOAT, "when it ended; null: it did not", null=True),
        Column("no_way_s", FLOAT, "of the time since it was queued, without a way there"),
        Column("at_work_s", FLOAT, "of it, being sent or computed; the rest it waited for its turn"),
        Column("in_bytes", INTEGER, "of its input"),
        Column("out_bytes", INTEGER, "of what it gives"),
        Column("wh", FLOAT, "that the node spent on it"),
        Column(
            "outcome",
            TEXT,
            "`done`; `held`, when the run ended; `failed`, by its program; `refused` or `dropped`, by a full "
            "storage; `lost`, with its node",
        ),
    ),
)
TRANSFERS = Table(
    "transfers",
    "A row for each connection of what was sent, or each hop of a bundle: a part of its bytes.",
    ("flow", "number", "place", "part"),
    (
        Column("flow", TEXT, "the task's name"),
        Column("number", INTEGER, "as in `tasks`"),
        Column("place", INTEGER, "as in `tasks`"),
        Column("part", INTEGER, "from 0"),
        Column("node", TEXT, "where from"),
        Column("peer", TEXT, "where to"),
        Column("began_s", FLOAT, "when it connected; of a bundle, when its first byte was sent"),
        Column("ended_s", FLOAT, "when its last byte arrived, or it was broken off"),
        Column(
            "arrived_s",
            FLOAT,
            "when the last of its bytes came: what queues hold does so later; null: none",
            null=True,
        ),
        Column("bytes", INTEGER, "that arrived, each once"),
        Column("retransmits", INTEGER, "segments that TCP sent again"),
    ),
)
STORAGE = Table(
    "storage",
    "A row for each change of what a node holds.",
    ("node", "t_s"),
    (
        Column("node", TEXT, "the node"),
        Column("t_s", FLOAT, "since when"),
        Column("held_bytes", INTEGER, "that it holds"),
        Column("room_bytes", INTEGER, "that it can hold; null: without limit", null=True),
    ),
)
ENERGY = Table(
    "energy",
    "A row for each change of a node's power, and one at the end.",
    ("node", "t_s"),
    (
        Column("node", TEXT, "the node"),
        Column("t_s", FLOAT, "since when"),
        Column("solar_w", FLOAT, "that the panels give"),
        Column("load_w", FLOAT, "that is drawn"),
        Column("transmit_w", FLOAT, "of it by sending"),
        Column("compute_w", FLOAT, "of it by jobs"),
        Column("camera_w", FLOAT, "of it by the camera"),
        Column("battery_wh", FLOAT, "in the battery at that time"),
        Column("paused", BOOL, "whether computing waits for the battery"),
    ),
)
BUNDLES = Table(
    "bundles",
    "A row for each bundle that was created; status reports are none.",
    ("flow", "number"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("number", INTEGER, "from 0 in each flow"),
        Column("src", TEXT, "where it was created"),
        Column("dst", TEXT, "where it is to go"),
        Column("bytes", INTEGER, "of its payload"),
        Column("created_s", FLOAT, "when it was"),
        Column("delivered_s", FLOAT, "when all of it was there; null: it never was", null=True),
        Column("reported_s", FLOAT, "when the report of that was back at its source", null=True),
        Column("hops", INTEGER, "that it took; of fragments the most", null=True),
        Column("fragments", INTEGER, "that came to its destination and had something new; 1: it came whole"),
        Column("duplicates", INTEGER, "that came there, or to a node that had it, and had nothing new"),
        Column(
            "outcome", TEXT,
            "`delivered`; `held` by some node at the end; `expired`; `lost`, with a node that "
            "was dead or, with `layer: udp`, on a link; `dropped`, for lack of room or after too many "
            "hops",
        ),
    ),
)  # fmt: skip
HOPS = Table(
    "hops",
    "A row for each time that a bundle, a fragment or a report went over a contact, as far as it came.",
    ("flow", "number", "arrived_s"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("number", INTEGER, "as in `bundles`"),
        Column("report", BOOL, "whether it is a report on the bundle"),
        Column("offset", INTEGER, "of what came in the payload"),
        Column("bytes", INTEGER, "of the payload that came"),
        Column("node", TEXT, "where from"),
        Column("peer", TEXT, "where to"),
        Column("queued_s", FLOAT, "since when it was there"),
        Column("began_s", FLOAT, "when its first byte was sent"),
        Column("arrived_s", FLOAT, "when the last byte that came did"),
        Column("carried_bytes", INTEGER, "that came, with all blocks"),
        Column("whole", BOOL, "false: the contact ended before all of it had come"),
    ),
)
BUFFERS = Table(
    "buffers",
    "A row for each change of what a node's bundle agent holds.",
    ("node", "t_s"),
    STORAGE.columns,
)
CONTACT_USE = Table(
    "contact_use",
    "A row for each flow of bundles and contact, each way, that it went over.",
    ("flow", "node", "peer", "start_s"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("node", TEXT, "where from"),
        Column("peer", TEXT, "where to"),
        Column("start_s", FLOAT, "when the contact begins"),
        Column("end_s", FLOAT, "when it ends"),
        Column("capacity_bytes", FLOAT, "that it could carry, at its mean rate"),
        Column("carried_bytes", INTEGER, "of the flow's bundles that came, with all blocks"),
    ),
)
SPACE_PACKETS = Table(
    "space_packets",
    "A row for each space packet that a flow of telemetry or telecommands sent; reports are none.",
    ("flow", "seq"),
    (
        Column("flow", TEXT, "the flow's name"),
        Column("seq", INTEGER, "from 0 in each flow; its sequence count is that modulo 16,384"),
        Column("apid", INTEGER, "application process identifier"),
        Column("sent_s", FLOAT, "when it was sent"),
        Column("heard_s", FLOAT, "when it arrived; null: it was lost", null=True),
        Column("place", INTEGER, "from 0 in the order in which they arrived", null=True),
        Column("accepted_s", FLOAT, "when the report TM[1,1] of a telecommand was back", null=True),
        Column("completed_s", FLOAT, "when the report TM[1,7] of it was", null=True),
    ),
)
OF_BUNDLES = (BUNDLES, HOPS, CONTACT_USE, BUFFERS)
OF_TASKS = (TASKS, TRANSFERS, STORAGE, ENERGY)
TABLES = {
    table.name: table
    for table in (
        *EVERY_RUN,
        BEGUN,
        CHANGED,
        CARRIED,
        PROGRAMS,
        MEASURES,
        SPACE_PACKETS,
        *OF_TASKS,
        *OF_BUNDLES,
    )
}

ROUTING = Table(
    "routing",
    "A row for each event and probe flow.",
    ("event", "flow"),
    (
        Column("event", INTEGER, "from 0, the same for all flows"),
        Column("t_s", FLOAT, "when it happens"),
        Column("until_s", FLOAT, "the flow's next event, or the end"),
        Column("kind", TEXT, "`down`, `silence`, `up`, `heal` or `planned`"),
        Column("what", TEXT, "the link, or how many"),
        Column("flow", TEXT, "the flow's name"),
        Column("on_path", BOOL, "whether the flow's path, there or back, crossed it just before"),
        Column("lost", INTEGER, "probes lost that count to it"),
        Column("loss_derived_s", FLOAT, "loss-derived convergence time"),
        Column(
            "dropped_s", FLOAT, "when the rate of probes that come back drops; null: it does not", null=True
        ),
        Column("recovered_s", FLOAT, "when it is back for good; null: it is not", null=True),
        Column(
            "rate_derived_s", FLOAT, "rate-derived convergence time; to the flow's end where it is not back"
        ),
        Column("sampling_s", FLOAT, "its sampling interval"),
        Column("outages", INTEGER, "times in which two or more probes in a row were lost"),
        Column("outage_s", FLOAT, "all of them together"),
        Column("outage_max_s", FLOAT, "the longest"),
        Column("expired", INTEGER, "probes that ran out of hops"),
        Column(
            "loop_s", FLOAT,
            "for how long, until `until_s`, the forwarding tables sent packets of the flow, there or back, "
            "in a circle",
        ),
        Column(
            "route_changes", INTEGER,
            "in all forwarding tables of the flow's IP version, from `t_s` to `until_s`",
        ),
        Column("nodes_changed", INTEGER, "how many nodes' tables"),
        Column("destinations_changed", INTEGER, "routes to how many destinations"),
    ),
)  # fmt: skip
