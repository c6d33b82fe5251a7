"""ICMP echo: the kernel of the other node answers, so nothing there disturbs the round trip."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from skybed.traffic.nodes import NodeHandle, address, bound_socket
from skybed.traffic.probing.log import ProbeLog, Send
from skybed.traffic.shared import Shared
from skybed.traffic.wire import packets
from skybed.traffic.wire.batch import SO_TIMESTAMPNS, socket_address

SOL_RAW, ICMP_FILTER, ICMPV6_FILTER = 255, 1, 1  # <linux/icmp.h>, <linux/icmpv6.h>: a set bit drops the type
ECHO_REPLY = {4: 0, 6: 129}
TIME_EXCEEDED = {4: 11, 6: 3}
ICMP = {4: (9, 1), 6: (6, 58)}  # where an IP header says what it carries, and that it is ICMP
ERROR_HEAD = 8  # of an ICMP error; the packet that it is about follows
IPV4_HEADER, IPV6_HEADER = 20, 40  # a raw IPv4 socket delivers it, a raw IPv6 socket does not


class Prober:
    """All echo flows of one node and family: a raw socket gets a copy of every reply, so one serves all."""

    def __init__(self, shared: Shared, node: NodeHandle, family: int) -> None:
        self._family, self._inbox, self._packets = family, shared.inbox, shared.packets
        self._flows: dict[int, ProbeLog] = {}
        proto = socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6
        self._sock = shared.closing.enter_context(bound_socket(node, family, socket.SOCK_RAW, proto))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        passed = ECHO_REPLY[family], TIME_EXCEEDED[family]
        if family == 4:
            drop = 0xFFFFFFFF & ~sum(1 << kind for kind in passed)
            self._sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", drop))
        else:
            words = [0xFFFFFFFF] * 8
            for kind in passed:
                words[kind >> 5] &= ~(1 << (kind & 31))
            self._sock.setsockopt(socket.IPPROTO_ICMPV6, ICMPV6_FILTER, struct.pack("=8I", *words))
        self._name_of = shared.name_of
        shared.loop.watch(self._sock.fileno(), self._receive)

    def add(self, log: ProbeLog, ident: int, target: NodeHandle) -> Send:
        """Let a flow use this prober, with an identifier of 16 bits. Returns what sends its next probe."""
        self._flows[ident] = log
        packet = bytearray(self._packets[packets.echo_request(self._family, log.flow.size_bytes)])
        packets.identify_echo(packet, ident, checksummed=self._family == 4)
        checksum0 = packets.ECHO_HEAD.unpack_from(packet)[2] if self._family == 4 else None
        to = (address(target, self._family), 0)

        def send(now_ns: int) -> None:
            packets.set_echo_sequence(packet, log.sent, checksum0)
            sent_ns = time.time_ns()
            with contextlib.suppress(OSError):  # no route: the probe stays unanswered
                self._sock.sendto(packet, to)
            log.add(sent_ns)

        return send

    def _receive(self) -> None:
        inbox = self._inbox
        for i in range(inbox.read(self._sock.fileno())):
            reply = inbox.packet(i)
            if self._family == 4:
                reply = reply[IPV4_HEADER:]
            if reply[:1] == TIME_EXCEEDED[self._family].to_bytes():
                if number := self._number(self._quoted(reply)):
                    node = self._name_of(socket_address(inbox.name(i))[0])
                    self._flows[number[0]].add_expiry(number[1], node)
            elif number := self._number(reply):
                self._flows[number[0]].add_answer(number[1], inbox.stamp_ns(i))

    def _quoted(self, error: memoryview) -> memoryview:
        """The ICMP message that an ICMP error is about; empty where it is about something else."""
        packet = error[ERROR_HEAD:]
        place, icmp = ICMP[self._family]
        if len(packet) <= place or packet[place] != icmp:
            return packet[:0]
        return packet[(packet[0] & 15) * 4 if self._family == 4 else IPV6_HEADER :]

    def _number(self, message: memoryview) -> tuple[int, int] | None:
        """Which flow an echo request or reply is of, and its number there; None if it is not one of ours."""
        if len(message) < packets.ECHO_HEAD.size + packets.ECHO_PAYLOAD.size:
            return None
        ident = packets.ECHO_HEAD.unpack_from(message)[3]
        mark, seq = packets.ECHO_PAYLOAD.unpack_from(message, packets.ECHO_HEAD.size)
        return (ident, seq) if mark == packets.ECHO_MARK and ident in self._flows else None
