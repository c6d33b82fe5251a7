"""What every flow of a session shares."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from skybed.topologies.model.flows import Flow
from skybed.traffic.loop import Loop
from skybed.traffic.nodes import Clock, NodeHandle
from skybed.traffic.wire.batch import Inbox


@dataclass(frozen=True)
class Stage:
    """The nodes, the clock, the event loop, and what has to be closed at the end."""

    nodes: Mapping[str, NodeHandle]
    clock: Clock
    until_s: float
    out: Path
    loop: Loop = field(default_factory=Loop)
    inbox: Inbox = field(default_factory=Inbox)
    closing: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.closing.callback(self.loop.close)

    def name_of(self, ip: str) -> str:
        """The node that has an address; the address itself if none has."""
        return self._names.get(ip, ip)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {ip: name for name, node in self.nodes.items() for ip in (node.ip, node.ip6)}

    def window_s(self, flow: Flow) -> tuple[float, float]:
        """When the flow starts and stops, in run time."""
        stop_s = self.until_s if flow.stop_s is None else min(flow.stop_s, self.until_s)
        return flow.start_s, max(stop_s, flow.start_s)

    def window_ns(self, flow: Flow) -> tuple[int, int]:
        """The same as CLOCK_REALTIME ns."""
        start_s, stop_s = self.window_s(flow)
        return int(self.clock.to_realtime_ns(start_s)), int(self.clock.to_realtime_ns(stop_s))

    def ends(self, flow: Flow) -> tuple[NodeHandle, NodeHandle]:
        """The nodes that the flow goes from and to."""
        return self.nodes[flow.source], self.nodes[flow.target]
