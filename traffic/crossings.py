"""All traffic of a run in one process: open, begin by a clock, run, and at the end the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

from skybed.topologies.model import kinds
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.kinds import Crossing, Ports
from skybed.topologies.model.tables import FLOWS, PATHS, PROBES
from skybed.traffic import tables
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.shared import Shared

GRACE_S = 1.0  # how long after the end an answer still counts, at least
ROUND_TRIPS = 2  # of the longest, if that takes longer
TABLES = (PROBES, PATHS, FLOWS)  # that every run has


class Crossings:
    """The flows of a run, up to until_s; their tables go into `out`. packets: what `built` gave. grace_s: how
    long answers are awaited after the end, see `grace_s`.

        with Crossings(flows, nodes, packets, until_s, out) as crossings:
            crossings.open()  # all that takes time; then there is a clock
            crossings.begin(clock)
            crossings.run()

    When the block ends, whyever, what there is is written. `crossings.loop.stop()` ends `run` early.
    """

    def __init__(
        self,
        flows: Sequence[Flow],
        nodes: Mapping[str, NodeHandle],
        packets: Mapping[str, bytes],
        until_s: float,
        out: Path,
        grace_s: float = GRACE_S,
    ) -> None:
        self._flows, self._out, self._grace_s = flows, out, grace_s
        self._shared = Shared(flows, nodes, packets, until_s, out, grace_s)
        self.loop = self._shared.loop
        self._crossings: dict[int, Crossing] = {}  # by the number of the flow
        self._clock: Clock | None = None
        self._ending = ExitStack()

    def __enter__(self) -> Crossings:
        self._out.mkdir(parents=True, exist_ok=True)
        self._ending.callback(self._write)
        self._ending.enter_context(self._shared.closing)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.__exit__(kind, error, trace)

    def open(self) -> None:
        """Make sockets and processes, wait until servers listen, rehearse: kind by kind."""
        for name in kinds.used(self._flows):
            numbered = {number: flow for number, flow in enumerate(self._flows) if flow.kind == name}
            crossings = kinds.named(name).start(self._shared, list(numbered.values()))
            self._crossings |= zip(numbered, crossings, strict=True)

    def begin(self, clock: Clock) -> None:
        """From now on flows send when they should, by this clock."""
        self._clock = clock
        for crossing in self._crossings.values():
            crossing.begin(clock)

    def run(self) -> None:
        """Serve the flows to their end. Nothing is sent after until_s, but answers are awaited for the grace:
        the network has to stand that long.
        """
        assert self._clock, "begun"
        end_s = max((self._shared.window_s(flow)[1] for flow in self._flows), default=-self._grace_s)
        self.loop.run(int(self._clock.to_realtime_ns(end_s + self._grace_s)))

    def facts(self) -> dict[str, dict[str, int]]:
        """What the manifest says of it, once the block has ended: `dropped_by_sink`, packets of each udp flow
        that its own sink had no room for.
        """
        dropped = {str(self._flows[number].name): x.dropped for number, x in self._crossings.items()}
        return {"dropped_by_sink": {name: count for name, count in dropped.items() if count is not None}}

    def _write(self) -> None:
        """Rows in the order of the flows."""
        clock, begun = self._clock, sorted(self._crossings.items()) if self._clock else []
        parts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for number, crossing in begun:
            parts[kinds.of(self._flows[number]).TABLE.name].append(crossing.columns(clock))
            if more := getattr(crossing, "more", None):
                for name, columns in more(clock).items():
                    parts[name].append(columns)
        own = chain.from_iterable(kinds.tables_of(kinds.of(flow)) for flow in self._flows)
        for table in dict.fromkeys([*TABLES, *own]):
            tables.write(table, parts[table.name], self._out)


def grace_s(one_way_s: float) -> float:
    """How long answers are awaited where the longest way of a flow takes so long."""
    return max(GRACE_S, ROUND_TRIPS * 2 * one_way_s)


def built(flows: Sequence[Flow]) -> dict[str, bytes]:
    """The packets that kinds have built before a lane is there, by name."""
    packets: dict[str, bytes] = {}
    for name in kinds.used(flows):
        if build := getattr(kinds.named(name), "build", None):
            packets |= build([flow for flow in flows if flow.kind == name])
    return packets


def ports(flows: Sequence[Flow]) -> Ports:
    """That these flows listen or send at."""
    used = [kinds.named(name).ports(flows) for name in kinds.used(flows)]
    udp, tcp = (tuple(chain.from_iterable(ranges)) for ranges in zip(Ports(), *used, strict=True))
    return Ports(udp, tcp)
