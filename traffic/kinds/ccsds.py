"""Telemetry and telecommand: CCSDS Space Packets with PUS-C headers, one to a UDP datagram.

Telemetry is housekeeping reports (TM[3,25]). A telecommand asks whether the other end is alive (TC[17,1]):
that reports acceptance (TM[1,1]) at once and completion (TM[1,7]) after executes_s.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from skybed.topologies.model.fields import NonNegative
from skybed.topologies.model.flows import Flow, Instants, PacketFlow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import SPACE_PACKETS
from skybed.traffic.nodes import Clock, address, bound_socket
from skybed.traffic.shared import Shared
from skybed.traffic.wire import ccsds

PORT = 24_000  # and one more for each flow
LARGEST = 1472  # bytes of a packet
OF_COMMANDS = ("rtt_p50_ms", "rtt_p99_ms", "accepted_pct", "completed_pct")


class SpacePacketFlow(PacketFlow):
    kind: Literal["ccsds"]
    type: Literal["telemetry", "telecommand"] = "telemetry"
    apid: Annotated[int, Field(ge=0, lt=ccsds.IDLE_APID)] = 1
    rate_hz: Annotated[float, Field(gt=0, le=10_000)] = 1.0
    size_bytes: Annotated[int, Field(ge=ccsds.TM_LEAST, le=LARGEST)] = 128  # of a whole space packet
    executes_s: NonNegative = 0.0  # how long the far end takes for a telecommand

    @model_validator(mode="after")
    def _commands_alone_execute(self) -> SpacePacketFlow:
        if self.executes_s and self.type == "telemetry":
            raise ValueError("has executes_s, which is of the type telecommand")
        return self

    @property
    def title(self) -> str:
        return self.type

    @property
    def packets_s(self) -> float:
        return self.rate_hz

    def instants(self, until_s: float) -> Instants:
        return self.every(1e9 / self.rate_hz, until_s)

    def measures(self, metric: str) -> bool:
        return self.type == "telecommand" or metric not in OF_COMMANDS

    @property
    def application(self) -> tuple[str, str, int]:
        """Whose sequence counts these are: telemetry's at its source, telecommands' at who takes them."""
        return self.type, self.ends[0 if self.type == "telemetry" else 1], self.apid


def problems(flow: SpacePacketFlow, others: Sequence[Flow]) -> Iterator[tuple[tuple[str, ...], str]]:
    for other in takewhile(lambda other: other is not flow, others):
        if isinstance(other, SpacePacketFlow) and other.application == flow.application:
            kind, node, apid = flow.application
            yield ("apid",), f"is {apid}, as {other.name} has for {kind} of {node}; give each flow its own."


MODEL, TABLE, UNIT, LOADS = SpacePacketFlow, SPACE_PACKETS, "space packets", False
METRICS = (
    "sent",
    "lost",
    "loss_pct",
    "reordered_pct",
    "gaps",
    "gap_max",
    "owd_p50_ms",
    "owd_p99_ms",
    *OF_COMMANDS,
)


def packets(flow: SpacePacketFlow, until_s: float) -> float:
    return flow.instants(until_s).total


def ports(traffic: Sequence[Flow]) -> Ports:
    return Ports(udp=(range(PORT, PORT + len(traffic)),))


# In the lane.


def start(shared: Shared, flows: Sequence[SpacePacketFlow]) -> list[Exchange]:
    return [Exchange(shared, flow) for flow in flows]


class Exchange:
    """One flow: a socket at each end, and when what was sent and came."""

    dropped = None

    def __init__(self, shared: Shared, flow: SpacePacketFlow) -> None:
        source, target = shared.ends(flow)
        port = PORT + shared.number(flow)
        self._flow, self._shared, self._to = flow, shared, (address(target, flow.family), port)
        datagrams = partial(bound_socket, family=flow.family, kind=socket.SOCK_DGRAM, port=port)
        self._out, self._in = (shared.closing.enter_context(datagrams(node)) for node in (source, target))
        shared.loop.watch(self._in.fileno(), self._hear)
        shared.loop.watch(self._out.fileno(), self._hear_report)
        self._sent_s: list[float] = []
        self._heard: dict[int, tuple[float, int]] = {}  # when, and as which it came
        self._reported: dict[int, dict[int, float]] = {ccsds.ACCEPTED: {}, ccsds.COMPLETED: {}}
        self._last = 0
        self._reports = 0  # that the far end has sent

    def begin(self, clock: Clock, flow: SpacePacketFlow) -> None:
        self._clock = clock
        self._shared.every(flow.instants(self._shared.until_s), clock, self._send)

    def _send(self, now_ns: int) -> None:
        flow, number = self._flow, len(self._sent_s)
        if flow.type == "telemetry":
            filling = bytes(flow.size_bytes - ccsds.TM_LEAST)
            made = partial(ccsds.telemetry, flow.apid, number, ccsds.HOUSEKEEPING, ccsds.PERIODIC, number)
            packet = made(now_ns, filling)
        else:
            filling = bytes(flow.size_bytes - ccsds.TC_LEAST)
            packet = ccsds.telecommand(flow.apid, number, ccsds.TEST, ccsds.ALIVE, filling)
        self._sent_s.append(self._clock.now_s())
        with contextlib.suppress(OSError):  # no route: it is lost
            self._out.sendto(packet, self._to)

    def _hear(self) -> None:
        packet, back = self._in.recvfrom(LARGEST)
        header = ccsds.read(packet)
        if header is None or header.apid != self._flow.apid:
            return
        number = ccsds.counted(header.sequence, self._last)
        self._last = max(self._last, number)
        self._heard.setdefault(number, (self._clock.now_s(), len(self._heard)))
        if header.command:
            request = packet[:4]
            self._report(ccsds.ACCEPTED, request, back)
            after_ns = round(self._flow.executes_s * 1e9)
            at_ns = int(self._clock.to_realtime_ns(self._clock.now_s())) + after_ns
            self._shared.loop.at(at_ns, lambda _now: self._report(ccsds.COMPLETED, request, back))

    def _report(self, subtype: int, request: bytes, back: Any) -> None:
        """TM[1,subtype], whose data is the request's."""
        now_ns = int(self._clock.to_realtime_ns(self._clock.now_s()))
        kind = ccsds.VERIFICATION, subtype
        packet = ccsds.telemetry(self._flow.apid, self._reports, *kind, self._reports // 2, now_ns, request)
        self._reports += 1
        with contextlib.suppress(OSError):
            self._in.sendto(packet, back)

    def _hear_report(self) -> None:
        header = ccsds.read(self._out.recv(LARGEST))
        if header and header.subtype in self._reported and header.request:
            count = int.from_bytes(header.request[2:]) % ccsds.COUNTS
            number = ccsds.counted(count, len(self._sent_s) - 1)
            self._reported[header.subtype].setdefault(number, self._clock.now_s())

    def columns(self, clock: Clock) -> dict[str, Any]:
        numbers = range(len(self._sent_s))
        heard = [self._heard.get(number, (None, None)) for number in numbers]
        accepted, completed = self._reported.values()
        return {
            "flow": [self._flow.name] * len(numbers),
            "seq": numbers,
            "apid": [self._flow.apid] * len(numbers),
            "sent_s": self._sent_s,
            "heard_s": [at_s for at_s, _ in heard],
            "place": [place for _, place in heard],
            "accepted_s": [accepted.get(number) for number in numbers],
            "completed_s": [completed.get(number) for number in numbers],
        }


# Of a run that was played.


def due(flow: SpacePacketFlow, until_s: float, _place: int, _of: int) -> float:
    return flow.instants(until_s).total


def sent(run: Played, flow: SpacePacketFlow) -> Any:
    return run.rows(flow)["sent_s"]


def measure(run: Played, flow: SpacePacketFlow) -> dict[str, float]:
    rows = run.rows(flow)
    heard = rows[rows["heard_s"].notna()]
    owd_ms = 1e3 * (heard["heard_s"] - heard["sent_s"])
    rtt_ms = 1e3 * (rows["accepted_s"] - rows["sent_s"])
    missing = heard["seq"].sort_values().diff() - 1  # before each that came
    early = heard.sort_values("place")["seq"].cummax() > heard.sort_values("place")["seq"]
    every = {
        "sent": len(rows),
        "lost": len(rows) - len(heard),
        "loss_pct": share_pct(len(rows) - len(heard), len(rows)),
        "reordered_pct": share_pct(early.sum(), len(heard)),
        "gaps": (missing > 0).sum(),
        "gap_max": missing.max() if len(missing) > 1 else 0,
        "owd_p50_ms": owd_ms.quantile(0.5),
        "owd_p99_ms": owd_ms.quantile(0.99),
        "rtt_p50_ms": rtt_ms.quantile(0.5),
        "rtt_p99_ms": rtt_ms.quantile(0.99),
        "accepted_pct": share_pct(rows["accepted_s"].notna().sum(), len(rows)),
        "completed_pct": share_pct(rows["completed_s"].notna().sum(), len(rows)),
    }
    return {name: value for name, value in every.items() if flow.measures(name)}
