"""A UDP stream of constant rate and the sink that counts it, bin by bin.

Each datagram carries its sequence number and when it was sent. Lost packets are counted in the bin in which
they were sent, received and reordered ones in the bin in which they arrived.
"""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Mapping, Sequence
from math import ceil, inf
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from skybed.topologies.model.flows import Flow, Instants, StreamFlow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.metrics import share_pct
from skybed.topologies.model.tables import FLOWS
from skybed.traffic.nodes import Clock, address, bound_socket
from skybed.traffic.shared import Shared
from skybed.traffic.tables import completion_s, mean_mbps, throughput_mbps
from skybed.traffic.wire.batch import AT_ONCE, SO_TIMESTAMPNS, Outbox, raw_address
from skybed.traffic.wire.reordering import reordered

TICK_NS = 1_000_000  # it looks no more often how many packets are due
BURST_NS = 2_000_000  # never more than this much of the rate in one go
CREDIT_NS = 50_000_000
FIRST_PORT = 20_000  # one to a flow, below the ports that Linux gives to sockets of its own accord
READ_NS = 5_000_000  # the sink looks no more often: the kernel's time stamps tell when each packet came
BUFFER_BYTES = 8 << 20  # for what comes meanwhile, at 10 Gbit/s and more
SO_RCVBUFFORCE, SO_MEMINFO = 33, 55  # <asm-generic/socket.h>
_DROPS = 8  # SK_MEMINFO_DROPS, index into what SO_MEMINFO returns

log = logging.getLogger(__name__)


class UdpFlow(StreamFlow):
    kind: Literal["udp"]
    size_bytes: Annotated[int, Field(ge=64, le=1472)] = 1200

    @property
    def gap_ns(self) -> float:
        """From one packet to the next."""
        return self.size_bytes * 8 * 1000 / self.rate_mbps

    @property
    def most(self) -> float:
        """How many packets its volume is, the last one filled up; inf without one."""
        return inf if self.volume_bytes is None else ceil(self.volume_bytes / self.size_bytes)

    @property
    def most_bytes(self) -> float:
        return self.most * self.size_bytes

    def instants(self, until_s: float) -> Instants:
        """When to send what is due by then, in run time; and some more, to make up for what was sent late."""
        ticks = self.every(max(TICK_NS, self.gap_ns), until_s)
        last_ns = ticks.first_ns + (self.most - 1) * self.gap_ns + CREDIT_NS
        return ticks._replace(end_ns=int(min(ticks.end_ns, last_ns)))

    def due_by(self, elapsed_ns: int) -> int:
        """How many packets are due that much after its start; instants are whole ns, rounded."""
        return int(min((elapsed_ns + 0.5) / self.gap_ns + 1, self.most))


MODEL, TABLE, UNIT, LOADS = UdpFlow, FLOWS, "packets", True
METRICS = ("sent", "lost", "loss_pct", "reordered_pct", "throughput_mbps", "completion_s")


def packets(flow: UdpFlow, until_s: float) -> float:
    return min(flow.rate_mbps * 1e6 / (8 * flow.size_bytes) * flow.length_s(until_s), flow.most)


def due(flow: UdpFlow, until_s: float, _place: int, _of: int) -> float:
    ticks = flow.instants(until_s)
    return flow.due_by(ticks.at_ns(ticks.total - 1) - ticks.first_ns) if ticks.total else 0


def sent(run: Played, flow: UdpFlow) -> int:
    rows = run.rows(flow)
    return int(rows.loc[rows["start_s"] < run.played_s, "sent_packets"].sum())


def ports(traffic: Sequence[Flow]) -> Ports:
    return Ports(udp=(range(FIRST_PORT, FIRST_PORT + len(traffic)),))


def so_far(flow: UdpFlow, figures: Mapping[str, Any], t_s: float) -> dict[str, float]:
    sent, lost, received = figures["sent"], figures["lost"], figures["received"]
    return {
        "sent": sent, "lost": lost, "loss_pct": share_pct(lost, sent),
        "reordered_pct": share_pct(figures["reordered"], received),
        "throughput_mbps": mean_mbps(flow, received * flow.size_bytes, t_s),
    }  # fmt: skip


def measure(run: Played, flow: UdpFlow) -> dict[str, float]:
    rows = run.rows(flow)
    total = rows.sum(numeric_only=True, min_count=1)
    return {
        "sent": total["sent_packets"],
        "lost": total["lost_packets"],
        "loss_pct": share_pct(total["lost_packets"], total["sent_packets"]),
        "reordered_pct": share_pct(total["reordered_packets"], total["received_packets"]),
        "throughput_mbps": throughput_mbps(rows),
        "completion_s": completion_s(rows, flow),
    }


def start(shared: Shared, flows: Sequence[UdpFlow]) -> list[Stream]:
    return [Stream(shared, flow) for flow in flows]


class Pacer:
    """How many packets are due, so that the rate is kept although ticks come late.

    A late tick sends at most a burst and the following ones make up for the rest, but not for more than
    CREDIT_NS: what a busy machine could not send in time by then is left out, and counted.
    """

    def __init__(self, flow: UdpFlow) -> None:
        self._flow = flow
        self.burst = max(2, int(BURST_NS / flow.gap_ns))  # two, to make up for a missed tick
        self.left_out = 0

    def due(self, elapsed_ns: int, sent: int) -> int:
        """Packets to send now, that much after the start, when `sent` are already gone."""
        due = self._flow.due_by(elapsed_ns) - sent - self.left_out
        excess = max(0, due - max(self.burst, int(CREDIT_NS / self._flow.gap_ns)))
        self.left_out += excess
        return min(self.burst, due - excess)


class Stream:
    """The generator and the sink of one flow."""

    def __init__(self, shared: Shared, flow: UdpFlow) -> None:
        source, target = shared.ends(flow)
        port = FIRST_PORT + shared.number(flow)
        self.flow, self._shared, self._inbox = flow, shared, shared.inbox
        self._pacer = Pacer(flow)
        self._outbox = Outbox(
            self._pacer.burst, flow.size_bytes, raw_address(address(target, flow.family), port)
        )
        self._outgoing = _headers(self._outbox.data)
        self._incoming = _headers(self._inbox.data)
        self._sent, self._next_expected = 0, 0
        self.dropped = 0  # packets that the sink had no room for; known when it is closed
        self._first_ns = 0  # when it begins; 0: it has not yet
        self._last_ns = 0  # when the last packet arrived, since its start

        self._sender = shared.closing.enter_context(bound_socket(source, flow.family, socket.SOCK_DGRAM))
        self._sink = shared.closing.enter_context(
            bound_socket(target, flow.family, socket.SOCK_DGRAM, port=port)
        )
        self._sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._sink.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        shared.closing.callback(self._report)  # while the socket is still open
        if flow.gap_ns < READ_NS:
            shared.loop.watch_in_batches(self._sink.fileno(), self._receive, READ_NS)
        else:
            shared.loop.watch(self._sink.fileno(), self._receive)

    def begin(self, clock: Clock, flow: UdpFlow) -> None:
        self.flow, shared = flow, self._shared
        self._told = flow.start_s, 0  # when it was asked for figures, and what had arrived
        self._first_ns, length_s = shared.start_ns(flow, clock), flow.length_s(shared.until_s)
        self._sending = max(1, ceil(length_s / flow.bin_s))  # bins
        bins = self._sending + ceil(shared.grace_s / flow.bin_s)
        within, after = np.arange(self._sending), np.arange(bins - self._sending + 1)
        self._edges_s = np.append(within, length_s / flow.bin_s + after) * flow.bin_s  # since its start
        self._edges_ns = np.round(self._edges_s * 1e9).astype(np.int64)
        self._sent_in = np.zeros(bins, np.int64)  # packets, by the bin in which they were sent
        self._arrived_of = np.zeros(bins, np.int64)  # those of them that arrived
        self._received_in = np.zeros(bins, np.int64)  # by the bin in which they arrived
        self._reordered_in = np.zeros(bins, np.int64)
        shared.every(flow.instants(shared.until_s), clock, self._send)

    def _send(self, now_ns: int) -> None:
        elapsed_ns = now_ns - self._first_ns
        due = self._pacer.due(elapsed_ns, self._sent)
        if due > 0:
            self._outgoing["seq"][:due] = np.arange(self._sent, self._sent + due)
            self._outgoing["elapsed_ns"][:due] = elapsed_ns
            gone = self._outbox.send(self._sender.fileno(), due)
            self._sent += gone
            self._sent_in[min(int(self._bin_of(elapsed_ns)), self._sending - 1)] += gone
            if self._sent == self.flow.most:
                self._shared.ended(self.flow)

    def _receive(self) -> bool:
        """Take in all that waits. Whether there was anything."""
        some = False
        while count := self._inbox.read(self._sink.fileno()):
            some = True
            seq = self._incoming["seq"][:count].astype(np.int64)
            self._count(self._arrived_of, self._incoming["elapsed_ns"][:count].astype(np.int64))
            arrived_ns = self._inbox.stamps_ns(count) - self._first_ns
            self._count(self._received_in, arrived_ns)
            self._count(self._reordered_in, arrived_ns[reordered(seq, self._next_expected)])
            self._next_expected = max(self._next_expected, int(seq.max()) + 1)
            self._last_ns = int(arrived_ns.max())
            if count < AT_ONCE:
                break
        return some

    def figures(self, t_s: float) -> dict[str, Any]:
        """received, reordered: so far; lost: of those sent a grace ago; mbps: since it was asked last."""
        if not self._first_ns:
            return {}
        self._receive()
        received, size_bytes = int(self._received_in.sum()), self.flow.size_bytes
        over = self._edges_s[1:] <= t_s - self.flow.start_s - self._shared.grace_s
        lost = np.maximum(self._sent_in - self._arrived_of, 0)[over].sum()
        before_s, before = self._told
        self._told = t_s, received
        mbps = (received - before) * size_bytes * 8e-6 / (t_s - before_s) if t_s > before_s else 0.0
        reordered_so_far = int(self._reordered_in.sum())
        return {
            "sent": self._sent, "received": received, "lost": int(lost), "reordered": reordered_so_far,
            "mbps": round(mbps, 4),
        }  # fmt: skip

    def _count(self, counts: np.ndarray, elapsed_ns: np.ndarray) -> None:
        """Add one to the bin of each time."""
        np.add.at(counts, self._bin_of(elapsed_ns), 1)  # takes no longer where bins are many

    def _bin_of(self, elapsed_ns: Any) -> Any:
        """What comes after the last bin counts as the last one's."""
        return np.clip(np.searchsorted(self._edges_ns, elapsed_ns, "right") - 1, 0, len(self._sent_in) - 1)

    def _report(self) -> None:
        """Say so if this machine, not the network, held packets back or lost them."""
        if self._first_ns:
            self._receive()
        if self._pacer.left_out:
            log.warning(
                "flow %s: %d packets could not be sent in time; lower the flow's rate_mbps for this machine",
                self.flow.name,
                self._pacer.left_out,
            )
        meminfo = self._sink.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
        self.dropped = struct.unpack_from("=I", meminfo, 4 * _DROPS)[0]
        if self.dropped:
            log.warning(
                "flow %s: %d packets were lost in the sink's own buffer, not in the network; "
                "lower the flow's rate_mbps for this machine",
                self.flow.name,
                self.dropped,
            )

    def columns(self, clock: Clock) -> dict[str, Any]:
        """The flow's rows of the table `flows`, one a bin, to the last in which some arrived."""
        flow = self.flow
        if not self._first_ns:  # it never began
            return {column.name: [] for column in FLOWS.columns}
        bins, edges_s = self._sending, self._edges_s.copy()
        if self._sent == flow.most:  # the bin of its last packet, and no longer than to its arrival
            bins = int(np.flatnonzero(self._sent_in).max(initial=0)) + 1
        rows = max(bins, int(np.flatnonzero(self._received_in).max(initial=-1)) + 1)
        if self._received_in.sum() == flow.most:
            edges_s[rows] = self._last_ns / 1e9
        edges_s = flow.start_s + edges_s[: rows + 1]
        length_s, sending = np.diff(edges_s), np.arange(rows) < bins
        sent, received = np.where(sending, self._sent_in[:rows], np.nan), self._received_in[:rows]
        return {
            "flow": [flow.name] * rows,
            "kind": ["udp"] * rows,
            "src": [flow.source] * rows,
            "dst": [flow.target] * rows,
            "start_s": edges_s[:-1],
            "end_s": edges_s[1:],
            "sent_packets": sent,
            "received_packets": received,
            "lost_packets": np.maximum(sent - self._arrived_of[:rows], 0),
            "reordered_packets": self._reordered_in[:rows],
            "sent_bytes": sent * flow.size_bytes,
            "received_bytes": received * flow.size_bytes,
            "throughput_mbps": received * flow.size_bytes * 8e-6 / np.where(length_s > 0, length_s, np.nan),
            "retransmits": [None] * rows,
            "rtt_us": np.full(rows, np.nan),
        }


def _headers(data: np.ndarray) -> np.ndarray:
    """The first 16 octets of each row as sequence number and ns since the flow's start."""
    fields = np.dtype([("seq", ">u8"), ("elapsed_ns", ">u8")])
    return np.ndarray(len(data), fields, buffer=data, strides=(data.shape[1],))
