"""Benchmark, inside the lane: what rows of nodes forward, and how fast probes are made and sent."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scapy.config import conf
from scapy.contrib.stamp import STAMPSessionSenderTestUnauthenticated
from scapy.layers.inet import IP, UDP
from scapy.packet import Packet
from scapy.sendrecv import send
from scapy.supersocket import L3RawSocket

from skybed.emulator.sky.link import SkyLink
from skybed.emulator.sky.node import GroundStation, SkyNode
from skybed.scripts.bench.figures import Section, Tell, figure
from skybed.traffic.nodes import bound_socket
from skybed.traffic.wire import built, packets
from skybed.traffic.wire.batch import Inbox, Outbox, raw_address

RATE_BPS, DELAY_US, QUEUE_PACKETS = 10e9, 1000.0, 20_000
PORT = 20_000
SIZES = {"small": 64, "large": 1472}  # bytes of UDP payload; the large fill an Ethernet frame
AT_ONCE = 64
IN_FLIGHT = 4096  # packets under way, never more: so all arrive, and the rate is what can be kept up
WARM_UP_S, LOST_AFTER_S = 0.1, 1.0
SO_SNDBUFFORCE, SO_RCVBUFFORCE, BUFFER_BYTES = 32, 33, 32 << 20  # <asm-generic/socket.h>
SSID = 1


@contextlib.contextmanager
def row(hops: int) -> Iterator[tuple[SkyNode, SkyNode]]:
    """The ends of a row of nodes, with routes from the first to the last and back."""
    nodes = [GroundStation(f"n{i}", ip=f"10.0.0.{i + 1}", ip6=f"fd5b::{i + 1:x}") for i in range(hops + 1)]
    first, last = nodes[0], nodes[-1]
    try:
        for i, ends in enumerate(itertools.pairwise(nodes)):
            SkyLink(
                *ends, addr1=f"02:00:00:00:00:{i:02x}", addr2=f"02:00:00:00:01:{i:02x}",
                delay_us=DELAY_US, rate_bps=RATE_BPS, queue_packets=QUEUE_PACKETS,
            )  # fmt: skip
        for node, after in itertools.pairwise(nodes):
            node.config(routes=[((last.ip, last.ip6), after.name)])
            after.config(routes=[((first.ip, first.ip6), node.name)])
        yield first, last
    finally:
        for node in nodes:
            node.terminate()


# -- forwarding ------------------------------------------------------------------------------------


def forwarding(params: dict[str, Any], tell: Tell) -> Section:
    """params: hops (several numbers), rounds, round_s."""
    figures = []
    for hops in params["hops"]:
        way = f"{hops} hop{'s' if hops > 1 else ''}"
        with row(hops) as ends:
            for name, size_bytes in SIZES.items():
                tell(f"{hops} hops, {name} packets")
                rates = [_carried(*ends, size_bytes, params["round_s"]) for _ in range(params["rounds"])]
                mbps = [rate * size_bytes * 8e-6 for rate in rates]
                for unit, values in (("packets/s", rates), ("Mbit/s", mbps)):
                    key = f"{name}_{hops}_hops_{unit.replace('/s', '_per_s').lower()}"
                    what = f"{way}, {size_bytes} bytes, {unit}"
                    figures.append(figure(key, what, values, less_is_better=False))
            tell(f"{hops} hops, TCP")
            values = [_streamed(*ends, params["round_s"]) for _ in range(params["rounds"])]
            key = f"tcp_{hops}_hops_mbit_per_s"
            figures.append(figure(key, f"{way}, TCP, Mbit/s", values, less_is_better=False))
    return {
        "about": "Forwarding over links of 10 Gbit/s, both ends included: UDP by sendmmsg and recvmmsg, "
        "TCP in large pieces where the lane's kernel can (GSO)",
        "figures": figures,
    }


def _carried(source: SkyNode, target: SkyNode, size_bytes: int, for_s: float) -> float:
    """Packets a second from source to target, none of them lost."""
    outbox, inbox = Outbox(AT_ONCE, size_bytes, raw_address(target.ip, PORT)), Inbox()
    with (
        bound_socket(source, 4, socket.SOCK_DGRAM) as sender,
        bound_socket(target, 4, socket.SOCK_DGRAM, port=PORT) as sink,
    ):
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)
        sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        sent = received = 0
        counted_s, counted = time.monotonic() + WARM_UP_S, 0
        while (now_s := time.monotonic()) < counted_s + for_s:
            if now_s < counted_s:
                counted = received
            if sent - received < IN_FLIGHT:
                sent += outbox.send(sender.fileno(), AT_ONCE)
            elif not select.select([sink], [], [], LOST_AFTER_S)[0]:
                sent = received
            received += inbox.read(sink.fileno())
        return (received - counted) / (now_s - counted_s)


def _streamed(source: SkyNode, target: SkyNode, for_s: float) -> float:
    """Mbit/s that one TCP connection carries, once it has had as long to find its window."""
    piece = bytes(1 << 20)

    def send(sender: socket.socket) -> None:
        with contextlib.suppress(OSError):  # who reads is gone
            while True:
                sender.sendall(piece)

    with (
        bound_socket(source, 4, socket.SOCK_STREAM) as sender,
        bound_socket(target, 4, socket.SOCK_STREAM, port=PORT) as server,
    ):
        for end in (sender, server):
            end.setblocking(True)
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)
        server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        server.listen()
        sender.connect((target.ip, PORT))
        with server.accept()[0] as sink:
            sending = threading.Thread(target=send, args=[sender], daemon=True)
            sending.start()
            room, counted_s, counted, received = bytearray(1 << 20), time.monotonic() + for_s, 0, 0
            while (now_s := time.monotonic()) < counted_s + for_s:
                if now_s < counted_s:
                    counted = received
                received += sink.recv_into(room)
        sending.join()
    return (received - counted) * 8e-6 / (now_s - counted_s)


# -- probes ----------------------------------------------------------------------------------------


def generator(params: dict[str, Any], tell: Tell) -> Section:
    """params: rounds, round_s of each way in each round."""
    ways: list[Callable[[SkyNode, SkyNode, float], float]] = [_prepared, _scapy_send, _scapy_socket]
    rates: list[list[float]] = [[] for _ in ways]
    with row(1) as ends, bound_socket(ends[1], 4, socket.SOCK_DGRAM, port=packets.STAMP_PORT):
        for number in range(params["rounds"]):
            tell(f"round {number + 1} of {params['rounds']}")
            for way, of_way in zip(ways, rates, strict=True):
                of_way.append(way(*ends, params["round_s"]))
    ours, *others = rates
    names = {"send": "Scapy send()", "socket": "L3RawSocket"}
    return {
        "about": "STAMP probes a second, numbered and time-stamped, from one process over one hop",
        "notes": [
            f"skybed's are made once and sent {AT_ONCE} to a call, as fast as it goes. No scenario's flow "
            "does that: it sends each probe when it is due."
        ],
        "figures": [
            figure(f"scapy_{key}", "probes/s", ours, other, name, less_is_better=False)
            for (key, name), other in zip(names.items(), others, strict=True)
        ],
    }


def _prepared(source: SkyNode, target: SkyNode, for_s: float) -> float:
    """Made once; sequence numbers and time stamps patched in place; many to a system call."""
    request = bytearray(built.stamp_request(packets.STAMP_BYTES))
    packets.STAMP_HEAD.pack_into(request, 0, 0, 0, packets.STAMP_HEAD.unpack_from(request)[2], SSID)
    outbox = Outbox(AT_ONCE, len(request), raw_address(target.ip, packets.STAMP_PORT))
    outbox.data[:] = np.frombuffer(request, np.uint8)
    heads = np.ndarray(AT_ONCE, [("seq", ">u4"), ("sent", ">u8")], outbox.data, strides=(len(request),))
    numbers = np.arange(AT_ONCE)
    with bound_socket(source, 4, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)

        def some(done: int) -> int:
            heads["seq"] = done + numbers
            heads["sent"] = packets.ntp_from_ns(time.time_ns())
            return outbox.send(sender.fileno(), AT_ONCE)

        return _per_second(some, for_s)


def _scapy_send(source: SkyNode, target: SkyNode, for_s: float) -> float:
    """As the manual has it: a packet to send(), which opens a socket for it."""
    with source.namespace.entered():
        conf.route.resync()
        return _per_second(lambda done: _one(send(_probe(target, done), verbose=False)), for_s)


def _scapy_socket(source: SkyNode, target: SkyNode, for_s: float) -> float:
    """With a socket kept open."""
    with source.namespace.entered(), contextlib.closing(L3RawSocket()) as sock:
        return _per_second(lambda done: _one(sock.send(_probe(target, done))), for_s)


def _one(_sent: object) -> int:
    return 1


def _probe(target: SkyNode, seq: int) -> Packet:
    now = packets.ntp_from_ns(time.time_ns())
    stamp = STAMPSessionSenderTestUnauthenticated(
        seq=seq, ts=now, ssid=SSID, err_estimate=built.error_estimate()
    )
    return IP(dst=target.ip) / UDP(sport=PORT, dport=packets.STAMP_PORT) / stamp


def _per_second(some: Callable[[int], int], for_s: float) -> float:
    """How many a second, where `some(done)` makes and sends the next ones and returns how many."""
    done, started_s = 0, time.monotonic()
    while (now_s := time.monotonic()) - started_s < for_s:
        done += some(done)
    return done / (now_s - started_s)
