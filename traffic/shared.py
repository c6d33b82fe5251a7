"""What all flows of a run share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeVar

from skybed.topologies.bundles.outlook import Outlook
from skybed.topologies.model.flows import EndToEndFlow, Flow, Instants
from skybed.topologies.plan import score
from skybed.topologies.plan.score import Playable
from skybed.topologies.tasks.prospect import Prospect
from skybed.traffic.loop import Loop
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.storage import Store
from skybed.traffic.wire.batch import Inbox

T = TypeVar("T")


@dataclass(frozen=True)
class Shared:
    """All flows, the nodes, packets by name that were built beforehand, how long answers are awaited, the
    event loop, what has to be closed at the end, and what once tables are written."""

    flows: Sequence[Flow]
    nodes: Mapping[str, NodeHandle]
    packets: Mapping[str, bytes]
    until_s: float
    out: Path
    grace_s: float
    plan: Playable | None = None  # and what tasks and bundles can know beforehand, where there are any
    prospect: Prospect | None = None
    outlook: Outlook | None = None
    loop: Loop = field(default_factory=Loop)
    inbox: Inbox = field(default_factory=Inbox)
    closing: ExitStack = field(default_factory=ExitStack)
    kept: ExitStack = field(default_factory=ExitStack)
    followers: dict[str, list[Callable[[], None]]] = field(default_factory=dict)  # by what they come after
    made: dict[Callable[[Shared], Any], Any] = field(default_factory=dict)  # see `one`
    stores: dict[int, Store] = field(default_factory=dict)  # by the number of the node

    def __post_init__(self) -> None:
        self.closing.callback(self.loop.close)

    def one(self, make: Callable[[Shared], T]) -> T:
        """What there is one of in a run, for flows of all kinds; made when it is first asked for."""
        if make not in self.made:
            self.made[make] = make(self)
        one: T = self.made[make]
        return one

    def store(self, number: int, now_s: Callable[[], float]) -> Store:
        """Of a node, by its number in the plan; whatever it holds."""
        assert self.plan, "who holds data has a plan"
        if number not in self.stores:
            rule = score.carried(self.plan, number).storage
            self.stores[number] = Store(rule, self.plan.scenario.rate_scale, now_s)
        return self.stores[number]

    def spare_file(self) -> BinaryIO:
        """For what is kept until tables are written. It has no name, so it goes however a run ends."""
        return self.kept.enter_context(TemporaryFile(dir=self.out))

    def name_of(self, ip: str) -> str:
        """The node that has an address; the address itself if none has."""
        return self._names.get(ip, ip)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {ip: name for name, node in self.nodes.items() for ip in (node.ip, node.ip6)}

    def number(self, flow: Flow) -> int:
        """Of a flow among all of the session, from 0: ports of its own follow from it."""
        return next(number for number, other in enumerate(self.flows) if other is flow)

    def place(self, flow: Flow) -> tuple[int, int]:
        """Of a flow among all of its kind, from 0, and how many these are."""
        alike = [other for other in self.flows if other.kind == flow.kind]
        return next(number for number, other in enumerate(alike) if other is flow), len(alike)

    def window_s(self, flow: Flow) -> tuple[float, float]:
        """When the flow starts and stops, in run time."""
        return flow.window_s(self.until_s)

    def start_ns(self, flow: Flow, clock: Clock) -> int:
        """When the flow starts, as CLOCK_REALTIME ns."""
        return int(clock.to_realtime_ns(flow.start_s))

    def ended(self, flow: Flow) -> None:
        """It has done all that it was to do, before its stop or at it: what comes after it may begin."""
        for follow in self.followers.pop(str(flow.name), ()):
            follow()

    def every(self, instants: Instants, clock: Clock, call: Callable[[int], None]) -> None:
        """Call `call(now_ns)` at instants of run time; those missed are left out. See Loop.every."""
        zero_ns = int(clock.to_realtime_ns(0.0))
        first_ns, period_ns, end_ns = instants
        self.loop.every(Instants(zero_ns + first_ns, period_ns, zero_ns + end_ns), call)

    def ends(self, flow: EndToEndFlow) -> tuple[NodeHandle, NodeHandle]:
        """The nodes that the flow goes from and to."""
        return self.nodes[flow.source], self.nodes[flow.target]
