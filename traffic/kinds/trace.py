"""Path proof: which nodes a packet really crosses, by probes that expire at hop 1, 2, 3 and so on.

All probes of a round leave in one system call and carry the round's number; the routers' ICMP errors
quote them, and the kernel hands the errors to the sending socket (traffic/wire/icmp.py).
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from skybed.topologies.model.fields import Interval
from skybed.topologies.model.flows import HOPS, EndToEndFlow, Flow, Instants
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.tables import PATHS
from skybed.traffic.nodes import Clock, address, bound_socket
from skybed.traffic.rows import Rows
from skybed.traffic.shared import Shared
from skybed.traffic.tables import GROUP_ROWS
from skybed.traffic.wire import icmp
from skybed.traffic.wire.batch import Outbox, control_message, raw_address
from skybed.traffic.wire.icmp import IcmpError

PORT = 33434  # traceroute's; nobody listens there
HELD_ROUNDS = 256  # see Rows
_PROBE = struct.Struct("!IB3x")  # round, TTL
_ENCAPSULATED = struct.Struct("!40xH6xIB3x")  # IPv6 header; UDP header: source port; _PROBE


class TraceFlow(EndToEndFlow):
    """Path proof by TTL: which nodes a packet really crossed."""

    kind: Literal["trace"]
    every_s: Interval = 1.0
    max_ttl: Annotated[int, Field(ge=1, le=HOPS)] = HOPS

    def instants(self, until_s: float, place: int, of: int) -> Instants:
        """When its rounds are due in run time. place, of: from 0 among so many trace flows.

        Not on whole seconds, when the oracle looks at its routes: a round would see both.
        """
        period_ns = self.every_s * 1e9
        return self.every(period_ns, until_s, min(period_ns, 1e9) * (place + 0.5) / of)


MODEL, TABLE, UNIT, METRICS, LOADS = TraceFlow, PATHS, "rounds", (), False


def packets(flow: TraceFlow, until_s: float) -> float:
    return flow.max_ttl / flow.every_s * flow.length_s(until_s)


def due(flow: TraceFlow, until_s: float, place: int, of: int) -> float:
    return flow.instants(until_s, place, of).total


def sent(run: Played, flow: TraceFlow) -> Any:
    rows = run.rows(flow)
    return rows.loc[rows["hop"] == 1, "sent_s"]


def ports(_traffic: Sequence[Flow]) -> Ports:
    return Ports(udp=(range(PORT, PORT + 1),))


def measure(_run: Played, _flow: TraceFlow) -> dict[str, float]:
    return {}


def start(shared: Shared, flows: Sequence[TraceFlow]) -> list[Tracer]:
    return [Tracer(shared, flow) for flow in flows]


class Tracer:
    """The path proof of one flow.

    Of a round it keeps, beside when it was sent and how far: `end`, the lowest TTL to reach the destination
    or a router without a route, and whether that was the destination; and by TTL the number of who answered.
    0: none.
    """

    dropped = None

    def __init__(self, shared: Shared, flow: TraceFlow) -> None:
        source, target = shared.ends(flow)
        self.flow, self._shared, self._inbox = flow, shared, shared.inbox
        self._place = shared.place(flow)
        self._name_of = shared.name_of
        fields = {"sent_ns": "q", "ttls": "i", "end": "i", "reached": "i", "answers": f"{flow.max_ttl + 1}i"}
        self._rounds = Rows(fields, shared.spare_file, HELD_ROUNDS)
        self._answering: dict[str | None, int] = {None: 0}  # addresses, numbered
        self._newest = -1  # round that reached the destination
        self._ttls = flow.max_ttl
        if flow.family == 4:
            level, ttl_kind = socket.IPPROTO_IP, socket.IP_TTL
        else:
            level, ttl_kind = socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT
        ttls = range(1, flow.max_ttl + 1)
        self._probes = Outbox(
            flow.max_ttl,
            _PROBE.size,
            raw_address(address(target, flow.family), PORT),
            [control_message(level, ttl_kind, ttl) for ttl in ttls],
        )
        self._probes.data[:, 4] = ttls
        self._sock = shared.closing.enter_context(bound_socket(source, flow.family, socket.SOCK_DGRAM))
        icmp.keep(self._sock)
        shared.loop.watch(self._sock.fileno(), self._receive)
        if flow.family == 6:
            self._around = shared.closing.enter_context(
                bound_socket(source, 6, socket.SOCK_RAW, socket.IPPROTO_IPV6)
            )
            icmp.keep(self._around)
            shared.loop.watch(self._around.fileno(), self._receive_encapsulated)

    def begin(self, clock: Clock, flow: TraceFlow) -> None:
        instants = flow.instants(self._shared.until_s, *self._place)
        self._shared.every(instants, clock, self._send)

    def _send(self, now_ns: int) -> None:
        """Begin a round with as many hops as the last answered round had; more follow if they do not do."""
        number = len(self._rounds)
        self._probes.data[:, :4] = np.frombuffer(struct.pack("!I", number), np.uint8)
        sent_ns = time.time_ns()
        self._probes.send(self._sock.fileno(), self._ttls)
        self._rounds.append(sent_ns, self._ttls, *[0] * (self.flow.max_ttl + 3))

    def _receive(self) -> None:
        for packet, error in icmp.read(self._sock, self._inbox):
            if len(packet) == _PROBE.size:
                number, ttl = _PROBE.unpack(packet)
                self._answer(number, ttl, error)

    def _receive_encapsulated(self) -> None:
        """Errors about probes that the source encapsulates (SRv6): they quote the packet around it, which has
        the probe's hop limit."""
        port = self._sock.getsockname()[1]
        for packet, error in icmp.read(self._around, self._inbox):
            if len(packet) == _ENCAPSULATED.size:
                source_port, number, ttl = _ENCAPSULATED.unpack(packet)
                if source_port == port:
                    self._answer(number, ttl, error)

    def _answer(self, number: int, ttl: int, error: IcmpError) -> None:
        if number >= len(self._rounds) or not 0 < ttl <= self.flow.max_ttl:
            return
        sent_ns, ttls, end, reached, *answers = self._rounds[number]
        answers[ttl] = self._answering.setdefault(error.sender, len(self._answering))
        grown = False
        if not error.expired:
            if not end or ttl < end:
                end, reached = ttl, int(error.reached)
                self._ttls = ttl if reached else self.flow.max_ttl
                if reached:
                    self._newest = max(self._newest, number)
        elif grown := ttl == ttls < self.flow.max_ttl and number == len(self._rounds) - 1:
            # The path has grown since the last round.
            ttls = self._ttls = self.flow.max_ttl
        self._rounds[number] = sent_ns, ttls, end, reached, *answers
        if grown:
            self._probes.send(self._sock.fileno(), self.flow.max_ttl, first=ttl)

    def figures(self, _t_s: float) -> dict[str, Any]:
        """sent: rounds; path: who answered in the last one that reached its end, hop by hop."""
        path: list[str | None] = []
        if self._newest >= 0:
            _, _, end, _, _, *answers = self._rounds[self._newest]
            path = self._names()[answers[:end]].tolist()
        return {"sent": len(self._rounds), "path": path}

    def columns(self, clock: Clock) -> Iterator[dict[str, Any]]:
        """The flow's rows of the paths table: one a hop of every round, whether or not it answered. A round
        has as many as it takes to its end, or to the last that answered, and at least one.
        """
        names, ttls = self._names(), np.arange(self.flow.max_ttl + 1)
        for _, rounds in self._rounds.pieces(GROUP_ROWS):
            last = np.max(ttls * (rounds["answers"] > 0), axis=1)
            hops = np.where(rounds["end"], rounds["end"], np.maximum(last, 1))
            this = np.repeat(np.arange(len(rounds)), hops)
            hop = np.arange(1, len(this) + 1) - np.repeat(hops.cumsum() - hops, hops)
            yield {
                "flow": str(self.flow.name),
                "src": self.flow.source,
                "dst": self.flow.target,
                "sent_s": clock.from_realtime_ns(rounds["sent_ns"])[this],
                "hop": hop,
                "node": names[rounds["answers"][this, hop]],
                "reached": rounds["reached"][this] > 0,
            }

    def _names(self) -> np.ndarray:
        """Of the nodes that answered, by their numbers."""
        return np.array([address and self._name_of(address) for address in self._answering], object)
