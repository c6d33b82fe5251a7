"""All traffic of a run in one process: open, begin by a clock, run, and at the end the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

from skybed.topologies.bundles.outlook import Outlook
from skybed.topologies.model import kinds
from skybed.topologies.model.flows import Flow, Instants
from skybed.topologies.model.kinds import Crossing, Ports
from skybed.topologies.model.tables import BEGUN, FLOWS, PATHS, PROBES, Table
from skybed.topologies.plan.score import Playable
from skybed.topologies.tasks.prospect import Prospect
from skybed.traffic import tables
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.shared import Shared

GRACE_S = 1.0  # how long after the end an answer still counts, at least
ROUND_TRIPS = 2  # of the longest, if that takes longer, and what fills queues on top,
MOST_QUEUE_S = 10.0  # but no more than this
# From a round time to a look at what traffic has come to: to tell takes a microsecond or two of virtual time,
# which what is sent at round times would wait.
LOOK_NS = 3_712_345
TABLES = (PROBES, PATHS, FLOWS)  # that every run has


class Crossings:
    """The flows of a run, up to until_s; their tables go into `out`. packets: what `built` gave. grace_s: how
    long answers are awaited after the end, see `grace_s`. plan, prospect, outlook: what tasks and bundles
    need. here: the names of nodes that stand here; None: all. Flows with ends elsewhere are sent there.

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
        plan: Playable | None = None,
        prospect: Prospect | None = None,
        outlook: Outlook | None = None,
        here: frozenset[str] | None = None,
    ) -> None:
        self._flows, self._out, self._grace_s = flows, out, grace_s
        self._here = {  # by the number of the flow
            number: flow
            for number, flow in enumerate(flows)
            if here is None or here.issuperset(flow.places.values())
        }
        self._shared = Shared(flows, nodes, packets, until_s, out, grace_s, plan, prospect, outlook)
        self.loop = self._shared.loop
        self._crossings: dict[int, Crossing] = {}  # by the number of the flow
        self._begun: dict[int, tuple[float | None, float | None]] = {
            number: (None, None) for number, flow in self._here.items() if flow.after is not None
        }  # when what it comes after had ended, and when it began
        self._clock: Clock | None = None
        self._ending = ExitStack()

    def __enter__(self) -> Crossings:
        self._out.mkdir(parents=True, exist_ok=True)
        self._ending.enter_context(self._shared.kept)
        self._ending.callback(self._write)
        self._ending.enter_context(self._shared.closing)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.__exit__(kind, error, trace)

    def open(self) -> None:
        """Make sockets and processes, wait until servers listen, rehearse: kind by kind."""
        for name in kinds.used(self._here.values()):
            numbered = {number: flow for number, flow in self._here.items() if flow.kind == name}
            crossings = kinds.named(name).start(self._shared, list(numbered.values()))
            self._crossings |= zip(numbered, crossings, strict=True)

    def begin(self, clock: Clock) -> None:
        """From now on flows send when they should, by this clock."""
        self._clock = clock
        for number, flow in self._here.items():
            if flow.after is not None:
                follow = partial(self._follow, number, clock)
                self._shared.followers.setdefault(flow.after, []).append(follow)
        for number, flow in self._here.items():
            if flow.after is None:
                self._begin(number, flow, clock)

    def _begin(self, number: int, flow: Flow, clock: Clock) -> None:
        self._crossings[number].begin(clock, flow)
        if flow.name in self._shared.followers:
            _, stop_s = self._shared.window_s(flow)
            self.loop.at(int(clock.to_realtime_ns(stop_s)), lambda _now_ns: self._shared.ended(flow))

    def _follow(self, number: int, clock: Clock) -> None:
        """What a flow comes after has ended."""
        flow, now_s = self._flows[number], clock.now_s()
        _, stop_s = self._shared.window_s(flow)
        begins = not self.loop.stopped and now_s + flow.plus_s < stop_s
        self._begun[number] = now_s, now_s + flow.plus_s if begins else None
        if begins:
            self._begin(number, flow.begun(now_s + flow.plus_s), clock)

    def report(self, every_s: float, tell: Callable[[float, dict[str, Any]], None]) -> None:
        """Tell so often the run time, and what each flow has come to whose kind gives figures, by name."""
        clock = self._clock
        assert clock, "begun"
        figures = {
            str(self._flows[number].name): crossing.figures
            for number, crossing in self._crossings.items()
            if hasattr(crossing, "figures")
        }

        def look(_now_ns: int) -> None:
            t_s = min(clock.now_s(), self._shared.until_s)
            tell(round(t_s, 3), {name: of(t_s) for name, of in figures.items()})

        end_ns = round(self._shared.until_s * 1e9) + LOOK_NS + 1
        instants = Instants(LOOK_NS, every_s * 1e9, end_ns)
        self._shared.every(instants, clock, look)

    def run(self) -> None:
        """Serve the flows to their end. Nothing is sent after until_s, but answers are awaited for the grace:
        the network has to stand that long.
        """
        assert self._clock, "begun"
        end_s = max((flow.over_s(self._shared.until_s) for flow in self._flows), default=-self._grace_s)
        self.loop.run(int(self._clock.to_realtime_ns(end_s + self._grace_s)))

    def facts(self) -> dict[str, dict[str, int]]:
        """What the manifest says of it, once the block has ended: `dropped_by_sink`, packets of each udp flow
        that its own sink had no room for.
        """
        dropped = {str(self._flows[number].name): x.dropped for number, x in self._crossings.items()}
        return {"dropped_by_sink": {name: count for name, count in dropped.items() if count is not None}}

    def _write(self) -> None:
        """Rows in the order of the flows; of one flow at a time, or less, as there may be millions."""
        begun = sorted(self._crossings.items()) if self._clock else []
        more: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for _, crossing in begun:
            for name, columns in crossing.more(self._clock).items() if hasattr(crossing, "more") else ():
                more[name].append(columns)
        if self._begun:
            more[BEGUN.name].append(self._begun_columns())
        for table in written([*self._here.values()]):
            writing = (crossing for n, crossing in begun if kinds.of(self._flows[n]).TABLE.name == table.name)
            parts = chain.from_iterable(_parts(crossing, self._clock) for crossing in writing)
            tables.write(table, chain(parts, more[table.name]), self._out)

    def _begun_columns(self) -> dict[str, Any]:
        flows = [self._flows[number] for number in self._begun]
        ended_s, start_s = zip(*self._begun.values(), strict=True)
        names = {"flow": [flow.name for flow in flows], "after": [flow.after for flow in flows]}
        return names | {"ended_s": ended_s, "start_s": start_s}


def written(flows: Sequence[Flow]) -> list[Table]:
    """The tables of a run with these flows, each by the flows in their order."""
    later = [BEGUN] if any(flow.after is not None for flow in flows) else []
    own = chain.from_iterable(kinds.tables_of(kinds.of(flow)) for flow in flows)
    return [*dict.fromkeys([*TABLES, *later, *own])]


def _parts(crossing: Crossing, clock: Clock | None) -> Iterable[Mapping[str, Any]]:
    columns = crossing.columns(clock)
    return [columns] if isinstance(columns, Mapping) else columns


def grace_s(one_way_s: float, queue_s: float = 0.0) -> float:
    """How long answers are awaited where the longest way of a flow takes so long, and the longest queue so
    long to drain.
    """
    return max(GRACE_S, ROUND_TRIPS * 2 * one_way_s + min(queue_s, MOST_QUEUE_S))


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
