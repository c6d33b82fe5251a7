"""A TCP transfer by iperf3: a server and a client inside the nodes, their JSON kept and read back.

The client's JSON tells what was sent, the retransmissions and the RTT; the server's tells what arrived,
and does so even when the client's end of the control connection is lost.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from skybed.topologies.errors import InvalidRun, MachineError
from skybed.topologies.model.fields import Positive
from skybed.topologies.model.flows import TAIL_S, ConnectingFlow, Flow
from skybed.topologies.model.kinds import Played, Ports
from skybed.topologies.model.tables import FLOWS
from skybed.traffic.nodes import Clock, NodeHandle, address
from skybed.traffic.shared import Shared
from skybed.traffic.tables import throughput_mbps

FIRST_PORT = 5201  # one to a flow
LISTEN_S = 10.0  # how long a server may take to listen
CONNECT_MS = 5000
SERVER_S = 0.5  # how long a server may take to end after its client
HANDSHAKES = 5  # round trips of iperf3 before it sends, and one more for each stream
STOP_S = 2.0  # how long either may take to print its JSON when told to end
USUAL_MBPS, PACKET_BITS = 10.0, 12_000  # for estimates, of a flow without a rate
DECIMALS = 3  # of seconds: a transfer begins when the loop of traffic comes to it
_LISTENING = "0A"  # state in /proc/net/tcp

log = logging.getLogger(__name__)


class TcpFlow(ConnectingFlow):
    kind: Literal["tcp"]  # iperf3
    congestion: str = "cubic"
    rate_mbps: Positive | None = None
    streams: Annotated[int, Field(ge=1, le=32)] = 1

    def seconds(self, until_s: float) -> int:
        """For how long iperf3 is told to send: it takes whole seconds."""
        return max(1, int(self.length_s(until_s)))

    @property
    def round_trips(self) -> int:
        return HANDSHAKES + self.streams


MODEL, TABLE, UNIT, LOADS = TcpFlow, FLOWS, "seconds", True
METRICS = ("rtt_min_ms", "rtt_p50_ms", "rtt_p99_ms", "throughput_mbps", "retransmits")


def packets(flow: TcpFlow, until_s: float) -> float:
    return (flow.rate_mbps or USUAL_MBPS) * 1e6 / PACKET_BITS * flow.length_s(until_s)


def due(flow: TcpFlow, until_s: float, _place: int, _of: int) -> float:
    return round(max(0.0, min(flow.seconds(until_s), until_s - flow.start_s)), DECIMALS)


def sent(run: Played, flow: TcpFlow) -> float:
    """iperf3's first interval begins where it was told to begin, so what the network takes for its handshake
    is no time lost; what traffic takes to tell it is.
    """
    rows, stop_s = run.rows(flow), flow.start_s + flow.seconds(run.played_s)
    rows = rows[rows["start_s"] < run.played_s]
    length_s = rows["end_s"].clip(upper=stop_s) - rows["start_s"].clip(lower=flow.start_s, upper=stop_s)
    return round(float(length_s.sum()), DECIMALS)


def ports(traffic: Sequence[Flow]) -> Ports:
    return Ports(tcp=(range(FIRST_PORT, FIRST_PORT + len(traffic)),))


def measure(run: Played, flow: TcpFlow) -> dict[str, float]:
    rows = run.rows(flow)
    rtt_ms = rows["rtt_us"].dropna() / 1e3
    return {
        "rtt_min_ms": rtt_ms.min(),
        "rtt_p50_ms": rtt_ms.quantile(0.5),
        "rtt_p99_ms": rtt_ms.quantile(0.99),
        "throughput_mbps": throughput_mbps(rows),
        "retransmits": rows["retransmits"].sum(min_count=1),
    }


def start(shared: Shared, flows: Sequence[TcpFlow]) -> list[Transfer]:
    transfers = [Transfer(shared, flow) for flow in flows]
    for transfer in transfers:
        transfer.await_listener()
    return transfers


class Transfer:
    """The iperf3 server and client of one flow."""

    dropped = None

    def __init__(self, shared: Shared, flow: TcpFlow) -> None:
        source, target = shared.ends(flow)
        self.flow, self._shared = flow, shared
        self._begun_s: float | None = None
        _, self._stop_s = shared.window_s(flow)
        folder = shared.out / "iperf3"
        folder.mkdir(parents=True, exist_ok=True)
        self._client_json = folder / f"{flow.name}.json"
        self._server_json = folder / f"{flow.name}.server.json"
        self._port = port = FIRST_PORT + shared.number(flow)
        local, remote = address(source, flow.family), address(target, flow.family)

        server = ["iperf3", "--server", "--one-off", "--json", "--bind", remote, "--port", str(port)]
        self._server = _start(target, server, self._server_json)
        shared.closing.callback(_end, self._server, SERVER_S)
        client = ["iperf3", "--client", remote, "--bind", local, "--port", str(port), "--json",
                  "--connect-timeout", str(CONNECT_MS), "--time", str(flow.seconds(shared.until_s)),
                  "--interval", "1", "--congestion", flow.congestion,
                  "--parallel", str(flow.streams)]  # fmt: skip
        if flow.rate_mbps is not None:  # iperf3 takes the rate of a stream
            client += ["--bitrate", f"{flow.rate_mbps * 1e6 / flow.streams:.0f}"]
        # A fork holds up the probes, so the client is forked now and waits for a line to begin.
        ours, theirs = socket.socketpair()
        self._go = shared.closing.enter_context(ours)
        with theirs:
            waiting = ["sh", "-c", 'read -r go && exec "$@"', "sh", *client]
            self._client = _start(source, waiting, self._client_json, stdin=theirs.fileno())
        shared.closing.callback(self._end_client)

    def await_listener(self) -> None:
        """Wait until the server listens. To connect and see would use up its one connection."""
        flow = self.flow
        table = Path(f"/proc/{self._server.pid}/net/{'tcp' if flow.family == 4 else 'tcp6'}")
        deadline = time.monotonic() + LISTEN_S
        with contextlib.suppress(OSError):  # it has ended
            while time.monotonic() < deadline and self._server.poll() is None:
                for line in table.read_text().splitlines()[1:]:
                    fields = line.split()  # number, local address:port, remote, state
                    if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == self._port:
                        return
                time.sleep(0.02)
        raise InvalidRun(
            f"Flow {flow.name}: the iperf3 server at {flow.target} does not listen on port {self._port}; see "
            f"{self._server_json}."
        )

    def begin(self, clock: Clock) -> None:
        self._clock = clock
        self._shared.loop.at(self._shared.start_ns(self.flow, clock), self._go_ahead)

    def _go_ahead(self, now_ns: int) -> None:
        self._begun_s = self._clock.now_s()
        with contextlib.suppress(OSError):  # it has died already: `columns` tells
            self._go.send(b"\n")

    def _end_client(self) -> None:
        if self._begun_s is None or self._shared.loop.stopped:
            _end(self._client, 0.0)
        else:
            _end(self._client, self._stop_s + TAIL_S - self._clock.now_s())

    def columns(self, clock: Clock) -> dict[str, Any]:
        """The flow's rows of the flows table, one for each interval that the client reported."""
        flow = self.flow
        client, server = _read(self._client_json), _read(self._server_json)
        intervals = client.get("intervals", [])
        problem = client.get("error") or (None if intervals else "it left no intervals")
        if problem and self._begun_s is not None:
            log.warning("flow %s: the iperf3 client failed: %s; it left %d intervals, see %s",
                        flow.name, problem, len(intervals), self._client_json)  # fmt: skip
        sums = [interval["sum"] for interval in intervals]
        start, end = (np.array([s[key] for s in sums]) for key in ("start", "end"))
        received = _received_bytes(server, len(sums))
        begun_s = self._begun_s or 0.0
        rows = len(sums)
        return {
            "flow": [flow.name] * rows,
            "kind": ["tcp"] * rows,
            "src": [flow.source] * rows,
            "dst": [flow.target] * rows,
            "start_s": begun_s + start,
            "end_s": begun_s + end,
            "sent_packets": [None] * rows,
            "received_packets": [None] * rows,
            "lost_packets": [None] * rows,
            "reordered_packets": [None] * rows,
            "sent_bytes": [s["bytes"] for s in sums],
            "received_bytes": received,
            "throughput_mbps": received * 8e-6 / (end - start),
            "retransmits": [s.get("retransmits") for s in sums],
            "rtt_us": [np.mean([stream["rtt"] for stream in i["streams"]]) for i in intervals],
        }


def _received_bytes(server: dict[str, Any], rows: int) -> np.ndarray:
    """Bytes that arrived in each of the client's intervals; nan where the server says nothing.

    The server's last words may come in an interval of their own, a few ms long: they go to the last row.
    """
    received = np.full(rows, np.nan)
    for i, interval in enumerate(server.get("intervals", [])):
        if i < rows:
            received[i] = interval["sum"]["bytes"]
        elif rows:
            received[-1] += interval["sum"]["bytes"]
    return received


def _start(
    node: NodeHandle, args: list[str], output: Path, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        try:
            return node.popen(args, stdin=stdin, stdout=file, stderr=subprocess.STDOUT)
        except FileNotFoundError as error:
            raise MachineError("tcp flows need the program iperf3: install the package iperf3.") from error


def _end(process: subprocess.Popen[bytes], wait_s: float) -> None:
    """Wait for a process to end; SIGTERM makes iperf3 print what it has, SIGKILL is the last resort."""
    for end, patience_s in ((process.terminate, max(wait_s, 0.0)), (process.kill, STOP_S)):
        try:
            process.wait(patience_s)
            return
        except subprocess.TimeoutExpired:
            end()
    process.wait()


def _read(path: Path) -> dict[str, Any]:
    """iperf3's JSON, or nothing where it wrote none."""
    try:
        report = json.loads(path.read_text())
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
