"""STAMP, RFC 8762: Session-Sender and stateful Session-Reflector, unauthenticated mode.

T1 sender sends, T2 reflector receives, T3 reflector sends, T4 sender receives. T2 and T4 are the
kernel's receive time stamps; T1 and T3 are taken just before the packet is handed to the kernel.
(The kernel's transmit time stamps would be some 10 us better and cost two system calls a packet.)
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import time
from collections.abc import Iterator, Mapping

from skybed.topologies.model.flows import STAMP_HOPS
from skybed.traffic.nodes import NodeHandle, address, bound_socket
from skybed.traffic.probing.log import ProbeLog
from skybed.traffic.shared import Shared
from skybed.traffic.wire import icmp, packets
from skybed.traffic.wire.batch import SO_TIMESTAMPNS, socket_address

IP_RECVTTL = 12  # <linux/in.h>
_INT = struct.Struct("=i")


class Sender:
    """The Session-Sender of one flow."""

    def __init__(self, shared: Shared, log: ProbeLog, ssid: int) -> None:
        flow = log.flow
        source, target = shared.ends(flow)
        self.log, self._inbox, self._ssid = log, shared.inbox, ssid
        self._packet = bytearray(shared.packets[packets.stamp_request(flow.size_bytes)])
        self._error = packets.STAMP_HEAD.unpack_from(self._packet)[2]
        self._name_of = shared.name_of
        self._sock = shared.closing.enter_context(probe_socket(source, flow.family, 0))
        self._to = address(target, flow.family), packets.STAMP_PORT
        shared.loop.watch(self._sock.fileno(), self._receive)

    def send(self, now_ns: int) -> None:
        sent_ns = time.time_ns()
        packets.STAMP_HEAD.pack_into(self._packet, 0, self.log.sent, packets.ntp_from_ns(sent_ns),
                                     self._error, self._ssid)  # fmt: skip
        send(self._sock, self._packet, self._to)
        self.log.add(sent_ns)

    def _receive(self) -> None:
        inbox = self._inbox
        count = inbox.read(self._sock.fileno())
        if not count:
            self._read_errors()
        for i in range(count):
            reply = inbox.packet(i)
            if len(reply) < packets.STAMP_BYTES:
                continue
            _, turned, _, ssid = packets.STAMP_HEAD.unpack_from(reply)
            reached, seq, _, _, _, _ = packets.STAMP_REFLECTED.unpack_from(reply, packets.STAMP_REFLECTED_AT)
            if ssid == self._ssid:
                self.log.add_answer(
                    seq, inbox.stamp_ns(i), packets.ns_from_ntp(reached), packets.ns_from_ntp(turned)
                )

    def _read_errors(self) -> None:
        for packet, error in icmp.read(self._sock, self._inbox):
            if error.expired and len(packet) >= packets.STAMP_HEAD.size:
                seq, _, _, ssid = packets.STAMP_HEAD.unpack_from(packet)
                if ssid == self._ssid:
                    self.log.add_expiry(seq, self._name_of(error.sender))


class Reflector:
    """A stateful Session-Reflector: one address of one node, any number of sessions.

    logs: of the sessions, by identifier, to note there which answers ran out of hops.
    """

    def __init__(self, shared: Shared, node: NodeHandle, family: int, logs: Mapping[int, ProbeLog]) -> None:
        self._inbox, self._logs, self._name_of = shared.inbox, logs, shared.name_of
        self._sock = shared.closing.enter_context(probe_socket(node, family, packets.STAMP_PORT))
        if family == 4:
            self._sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            self._hop_message = (socket.IPPROTO_IP, socket.IP_TTL)
        else:
            self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
            self._hop_message = (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)
        self._head = bytearray(shared.packets[packets.STAMP_REPLY])
        self._error = packets.STAMP_HEAD.unpack_from(self._head)[2]
        # By sender and session identifier: the sender's address and the count of packets reflected.
        self._sessions: dict[bytes, tuple[tuple[str, int], Iterator[int]]] = {}
        shared.loop.watch(self._sock.fileno(), self._reflect)

    def _reflect(self) -> None:
        inbox = self._inbox
        count = inbox.read(self._sock.fileno())
        if not count:
            self._read_errors()
        for i in range(count):
            request = inbox.packet(i)
            if len(request) < packets.STAMP_BYTES:
                continue
            reached = packets.ntp_from_ns(inbox.stamp_ns(i))
            seq, sent, error, ssid = packets.STAMP_HEAD.unpack_from(request)
            key = bytes(inbox.name(i)) + request[14:16]
            if key not in self._sessions:
                self._sessions[key] = (socket_address(inbox.name(i)), itertools.count())
            sender, counter = self._sessions[key]
            hops = [value for level, kind, value in inbox.control(i) if (level, kind) == self._hop_message]
            ttl = _INT.unpack(hops[0])[0] if hops else 0
            reply = self._head + request[packets.STAMP_BYTES :]
            packets.STAMP_REFLECTED.pack_into(
                reply, packets.STAMP_REFLECTED_AT, reached, seq, sent, error, 0, ttl
            )
            number = next(counter)
            # From here to the kernel as little as possible: this is T3.
            packets.STAMP_HEAD.pack_into(
                reply, 0, number, packets.ntp_from_ns(time.time_ns()), self._error, ssid
            )
            send(self._sock, reply, sender)

    def _read_errors(self) -> None:
        for packet, error in icmp.read(self._sock, self._inbox):
            if error.expired and len(packet) >= packets.STAMP_BYTES:
                ssid = packets.STAMP_HEAD.unpack_from(packet)[3]
                seq = packets.STAMP_REFLECTED.unpack_from(packet, packets.STAMP_REFLECTED_AT)[1]
                if ssid in self._logs:
                    self._logs[ssid].add_expiry(seq, self._name_of(error.sender))


def send(sock: socket.socket, packet: bytearray, to: tuple[str, int]) -> None:
    """Send if there is a route. A refusal may be news of an earlier packet, so it is asked for once more."""
    for _ in range(2):
        with contextlib.suppress(OSError):
            sock.sendto(packet, to)
            return


def probe_socket(node: NodeHandle, family: int, port: int) -> socket.socket:
    """A UDP socket with kernel receive time stamps, ICMP errors, and the hop limit that STAMP asks for."""
    sock = bound_socket(node, family, socket.SOCK_DGRAM, port=port)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    icmp.keep(sock)
    if family == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, STAMP_HOPS)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, STAMP_HOPS)
    return sock
