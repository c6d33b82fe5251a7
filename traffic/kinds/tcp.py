"""A TCP transfer: the kernel's TCP between sockets in two nodes, of which one sends and the other reads.

The kernel is asked at both ends what was sent and what arrived, bin by bin (TCP_INFO). iperf3 would not do:
it ends with what its sockets have taken, not with what has arrived, and shakes hands for six round trips.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from skybed.topologies.errors import MachineError
from skybed.topologies.model.flows import ConnectingFlow, Flow, FlowRate, Instants
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.tables import FLOWS
from skybed.traffic.nodes import Clock, address, bound_socket
from skybed.traffic.shared import Shared
from skybed.traffic.tables import completion_s, mean_mbps, throughput_mbps

FIRST_PORT = 5201  # one to a flow
RETRY_S = 1.0  # from a connection that came to nothing, as there was no route, to the next attempt
ATTEMPT_S = 5.0  # how long one may take beyond the longest round trips: then packets of it were lost
CHUNK_BYTES, AT_LEAST_BYTES = 1 << 17, 1 << 14  # that are given to the kernel, and taken from it, at once
SO_MAX_PACING_RATE, NO_LINGER = 47, struct.pack("=ii", 1, 0)  # <asm-generic/socket.h>, struct linger
USUAL_MBPS, PACKET_BITS = 10.0, 12_000  # for estimates, of a flow without a rate
DECIMALS = 3  # of seconds: a transfer begins when the loop of traffic comes to it
# Of struct tcp_info: state, rtt, total_retrans, bytes_received (and 1 for the end), bytes_sent, _retrans.
_INFO, _CLOSE_WAIT = struct.Struct("=B67xI28xI24xQ64xQQ"), 8
_CONGESTION = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
_ZEROS, _SINK = memoryview(bytes(CHUNK_BYTES)), bytearray(1 << 20)

log = logging.getLogger(__name__)


class TcpFlow(ConnectingFlow):
    kind: Literal["tcp"]
    congestion: str = "cubic"
    rate_mbps: FlowRate | None = None
    streams: Annotated[int, Field(ge=1, le=32)] = 1

    @property
    def round_trips(self) -> int:
        return 1

    @property
    def greedy(self) -> bool:
        return super().greedy and self.rate_mbps is None

    @property
    def unit(self) -> str | None:
        return None if self.volume_mb is None else "bytes"


MODEL, TABLE, UNIT, LOADS = TcpFlow, FLOWS, "seconds", True
METRICS = ("rtt_min_ms", "rtt_p50_ms", "rtt_p99_ms", "throughput_mbps", "retransmits", "completion_s")


def packets(flow: TcpFlow, until_s: float) -> float:
    bits = (flow.rate_mbps or USUAL_MBPS) * 1e6 * flow.length_s(until_s)
    return (bits if flow.volume_bytes is None else 8 * flow.volume_bytes) / PACKET_BITS


def due(flow: TcpFlow, until_s: float, _place: int, _of: int) -> float:
    """In virtual time to the ns: it begins when the loop of traffic comes to it."""
    length_s = round(flow.length_s(until_s), DECIMALS)
    return length_s if flow.volume_bytes is None or not length_s else flow.volume_bytes


def sent(run: Played, flow: TcpFlow) -> float:
    """Of its volume, or for how long of its time it was connected, and sending."""
    rows, (_, stop_s) = run.rows(flow), flow.window_s(run.played_s)
    if flow.volume_bytes is not None:
        return float(rows["sent_bytes"].sum())
    rows = rows[rows["sent_bytes"].notna() & rows["rtt_us"].notna()]
    length_s = rows["end_s"].clip(upper=stop_s) - rows["start_s"].clip(upper=stop_s)
    return round(float(length_s.sum()), DECIMALS)


def ports(traffic: Sequence[Flow]) -> Ports:
    return Ports(tcp=(range(FIRST_PORT, FIRST_PORT + len(traffic)),))


def so_far(flow: TcpFlow, figures: Mapping[str, Any], t_s: float) -> dict[str, float]:
    mbps = mean_mbps(flow, figures["received_mb"] * 1e6, t_s)
    return {"throughput_mbps": mbps, "retransmits": figures["retransmits"]}


def measure(run: Played, flow: TcpFlow) -> dict[str, float]:
    rows = run.rows(flow)
    rtt_ms = rows["rtt_us"].dropna() / 1e3
    return {
        "rtt_min_ms": rtt_ms.min(),
        "rtt_p50_ms": rtt_ms.quantile(0.5),
        "rtt_p99_ms": rtt_ms.quantile(0.99),
        "throughput_mbps": throughput_mbps(rows),
        "retransmits": rows["retransmits"].sum(min_count=1),
        "completion_s": completion_s(rows, flow),
    }


# -- in the lane -------------------------------------------------------------------------------------


def start(shared: Shared, flows: Sequence[TcpFlow]) -> list[Transfer]:
    return [Transfer(shared, flow) for flow in flows]


class Info(NamedTuple):
    """What the kernel tells of a connection. sent_bytes: each of the payload once; of TCP's own rtt_us."""

    sent_bytes: int = 0
    received_bytes: int = 0
    retransmits: int = 0
    rtt_us: float = np.nan

    @classmethod
    def of(cls, sock: socket.socket) -> Info:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        state, rtt_us, retransmits, received, sent, again = _INFO.unpack(info.ljust(_INFO.size, b"\0"))
        return cls(sent - again, received - (state == _CLOSE_WAIT), retransmits, rtt_us or np.nan)


class Look(NamedTuple):
    """At all connections of a transfer together, so far. rtt_us: mean of those that are connected."""

    t_s: float
    sent_bytes: int
    received_bytes: int
    retransmits: int
    rtt_us: float


class Transfer:
    """One flow: its connections, and what was looked at."""

    dropped = None

    def __init__(self, shared: Shared, flow: TcpFlow) -> None:
        self.source, self.target = shared.ends(flow)
        self.flow, self.shared, self.port = flow, shared, FIRST_PORT + shared.number(flow)
        self._senders = [Sender(self, left) for left in shares(flow)]
        self._receivers: list[Receiver] = []
        self._looks: list[Look] = []
        self._stopped: int | None = None  # the look at which it sent no more
        self._ending = self._over = False  # nothing more can arrive; and that was looked at
        listener = bound_socket(self.target, flow.family, socket.SOCK_STREAM, port=self.port)
        self._listener = shared.closing.enter_context(listener)
        choose_congestion(listener, flow)
        listener.listen(flow.streams)
        shared.loop.watch(listener.fileno(), self._accept)
        shared.closing.callback(self._end)

    def begin(self, clock: Clock, flow: TcpFlow) -> None:
        self._clock, self.flow = clock, flow
        start_s, stop_s = self.shared.window_s(flow)
        self.shared.loop.at(self.shared.start_ns(flow, clock), self._go)
        self._look_every(start_s, stop_s)
        self.shared.loop.at(int(clock.to_realtime_ns(stop_s)), self._stop)

    def later(self, after_s: float, call: Any) -> None:
        t_s = self._clock.now_s() + after_s
        self.shared.loop.at(int(self._clock.to_realtime_ns(t_s)), lambda _now_ns: call())

    def _look_every(self, after_s: float, until_s: float) -> None:
        """Look at the end of each bin between two run times."""
        bin_ns = self.flow.bin_s * 1e9
        instants = Instants(round(after_s * 1e9 + bin_ns), bin_ns, round(until_s * 1e9))
        if instants.total:
            self.shared.every(instants, self._clock, self._look)

    def _look(self, _now_ns: int = 0) -> None:
        if self._over:
            return
        t_s, infos = self._clock.now_s(), [sender.info() for sender in self._senders]
        rtt_us = [info.rtt_us for info in infos if not np.isnan(info.rtt_us)]
        look = Look(
            t_s, sum(info.sent_bytes for info in infos),
            sum(receiver.received_bytes() for receiver in self._receivers),
            sum(info.retransmits for info in infos), float(np.mean(rtt_us)) if rtt_us else np.nan,
        )  # fmt: skip
        if self._looks and self._looks[-1].t_s == t_s:
            self._looks.pop()
        self._looks.append(look)
        self._over = self._ending

    def _go(self, _now_ns: int) -> None:
        self._look()
        for sender in self._senders:
            sender.connect()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # it has gone again
            return
        self._receivers.append(Receiver(self, sock))

    def _stop(self, _now_ns: int) -> None:
        """What is under way still arrives; what the kernel has not sent yet is not sent any more."""
        if self._over:
            return
        self._look()
        self._stopped = len(self._looks) - 1
        for sender in self._senders:
            sender.stop()
        stop_s = self._looks[-1].t_s
        self._look_every(stop_s, stop_s + self.shared.grace_s + self.flow.bin_s)
        self.check_over()

    def check_over(self) -> None:
        """To be called when something has ended."""
        ended = all(receiver.ended for receiver in self._receivers)
        if ended and sum(receiver.received_bytes() for receiver in self._receivers) == self.flow.most_bytes:
            self._ending = True
            self._look()
            self.shared.ended(self.flow)
        else:
            self._ending = ended and self._stopped is not None

    def _end(self) -> None:
        """Of the run: what was not looked at yet is looked at now."""
        if self._looks:
            self._look()
        for sender in self._senders:
            sender.close()
        for receiver in self._receivers:
            receiver.close()

    def figures(self, t_s: float) -> dict[str, Any]:
        """received_mb, retransmits: so far; rtt_us (as TCP sees it) and mbps of the last bin."""
        if not self._looks:
            return {}
        look, before, mbps = self._looks[-1], self._looks[max(0, len(self._looks) - 2)], 0.0
        if look.t_s > before.t_s:
            mbps = (look.received_bytes - before.received_bytes) * 8e-6 / (look.t_s - before.t_s)
        return {
            "received_mb": look.received_bytes / 1e6, "retransmits": look.retransmits, "mbps": round(mbps, 4),
            "rtt_us": None if np.isnan(look.rtt_us) else float(look.rtt_us),
        }  # fmt: skip

    def columns(self, clock: Clock) -> dict[str, Any]:
        """The flow's rows of the table `flows`: from look to look, to the last in which some arrived."""
        flow = self.flow
        looks = np.array(self._looks or np.empty((0, 5)))
        t_s, sent, received, retransmits, rtt_us = looks.T
        sending = np.arange(1, len(looks)) <= (len(looks) if self._stopped is None else self._stopped)
        connected = ~np.isnan(rtt_us[1:])
        received, sent, retransmits = (np.diff(so_far) for so_far in (received, sent, retransmits))
        rows = int(np.flatnonzero(sending | (received > 0)).max(initial=-1)) + 1
        columns = {
            "start_s": t_s[:-1],
            "end_s": t_s[1:],
            "sent_bytes": np.where(sending, sent, np.nan),
            "received_bytes": received,
            "throughput_mbps": received * 8e-6 / np.diff(t_s),
            "retransmits": np.where(sending & connected, retransmits, np.nan),
            "rtt_us": np.where(sending, rtt_us[1:], np.nan),
        }
        packets = ("sent_packets", "received_packets", "lost_packets", "reordered_packets")
        return {
            "flow": [flow.name] * rows,
            "kind": ["tcp"] * rows,
            "src": [flow.source] * rows,
            "dst": [flow.target] * rows,
            **{name: [None] * rows for name in packets},
            **{name: values[:rows] for name, values in columns.items()},
        }


class Sender:
    """The end of a connection that sends. It is made anew until it comes to something. left: how many bytes
    it has to send; None: ever more.
    """

    def __init__(self, transfer: Transfer, left: int | None) -> None:
        self._transfer, self._left = transfer, left
        self._sock: socket.socket | None = None
        self._connected = self._stopped = False
        self._last = Info()

    def connect(self) -> None:
        if self._stopped:
            return
        transfer, flow = self._transfer, self._transfer.flow
        sock = bound_socket(transfer.source, flow.family, socket.SOCK_STREAM)
        choose_congestion(sock, flow)
        if flow.rate_mbps is not None:
            rate = struct.pack("=Q", round(flow.rate_mbps * 125_000 / flow.streams))
            sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)
        self._sock = sock
        code = sock.connect_ex((address(transfer.target, flow.family), transfer.port))
        if code not in (0, errno.EINPROGRESS):
            self._connect_anew()
            return
        transfer.shared.loop.watch_writable(sock.fileno(), self._write)
        transfer.later(ATTEMPT_S + transfer.shared.grace_s, partial(self._give_up, sock))

    def _give_up(self, sock: socket.socket) -> None:
        if sock is self._sock and not self._connected:
            self._connect_anew()

    def _connect_anew(self) -> None:
        self.close()
        self._transfer.later(RETRY_S, self.connect)

    def _write(self) -> None:
        sock = self._sock
        if sock is None:
            return
        if not self._connected:
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._connect_anew()
                return
            self._connected = True
        try:
            count = sock.send(_ZEROS if self._left is None else _ZEROS[: self._left])
        except BlockingIOError:
            return
        except OSError as error:
            log.warning("flow %s: its connection ended: %s", self._transfer.flow.name, error.strerror)
            self.stop()
            return
        if self._left is not None:
            self._left -= count
            if not self._left:
                sock.shutdown(socket.SHUT_WR)
                self._transfer.shared.loop.leave(sock.fileno())

    def info(self) -> Info:
        if self._sock and self._connected:
            self._last = Info.of(self._sock)
        return self._last

    def stop(self) -> None:
        """At once: the kernel drops what it has not sent, and tells the far end so."""
        self._last = self.info()._replace(rtt_us=np.nan)
        self._stopped = True
        if self._sock:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.close()

    def close(self) -> None:
        if self._sock:
            self._sock.close()
        self._sock = None


class Receiver:
    """The end that reads. What the kernel has counts, whether it was read yet or not."""

    def __init__(self, transfer: Transfer, sock: socket.socket) -> None:
        self._transfer, self._sock, self._read_bytes, self.ended = transfer, sock, 0, False
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, AT_LEAST_BYTES)
        transfer.shared.loop.watch(sock.fileno(), self._read)

    def _read(self) -> None:
        try:
            count = self._sock.recv_into(_SINK, len(_SINK), socket.MSG_TRUNC)
        except BlockingIOError:
            return
        except OSError:  # the far end has stopped at once
            count = 0
        self._read_bytes += count
        if not count:
            self.ended = True
            self._transfer.shared.loop.leave(self._sock.fileno())
            self._transfer.check_over()

    def received_bytes(self) -> int:
        return self._read_bytes if self.ended else Info.of(self._sock).received_bytes

    def close(self) -> None:
        self._sock.close()


def shares(flow: TcpFlow) -> list[int | None]:
    """What of its volume each of its connections carries, in bytes."""
    if flow.volume_bytes is None:
        return [None] * flow.streams
    each, more = divmod(flow.volume_bytes, flow.streams)
    return [each + (number < more) for number in range(flow.streams)]


def choose_congestion(sock: socket.socket, flow: TcpFlow) -> None:
    """Raises MachineError where the kernel does not have the flow's congestion control."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, flow.congestion.encode())
    except OSError as error:
        raise MachineError(
            f"Flow {flow.name}: Linux {os.uname().release} has no congestion control {flow.congestion} "
            f"({error.strerror}); it has {', '.join(_CONGESTION.read_text().split())}."
        ) from None
