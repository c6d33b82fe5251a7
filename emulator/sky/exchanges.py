"""How far another host's clock is ahead of this one's, and how long the underlay takes: by exchanged packets.

Of each exchange four times are known, as in NTP (RFC 5905, section 8): when the request was sent, when it
came, when the answer was sent, when that came. Those of coming are the kernel's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.kernel.stamps import SO_TIMESTAMPNS, stamp_ns
from skybed.topologies.arrays import Array
from skybed.topologies.errors import MachineError
from skybed.topologies.model.links import PACKET_BYTES

COUNT, ENOUGH = 200, 20  # exchanges; those will do where more take longer than LONG_S
LONG_S, PAUSE_S, ANSWER_S = 2.0, 0.002, 1.0
LOST = 5  # in a row, before nobody is there
TUNNEL_BYTES = 14 + 8 + 8 + 20  # of VXLAN: the inner Ethernet header, VXLAN's, UDP's, IPv4's
UNDERLAY_BYTES = PACKET_BYTES + TUNNEL_BYTES  # what a packet of a link takes
FULL_BYTES = UNDERLAY_BYTES - 20 - 8  # of payload
STAMPS = struct.Struct("=3q")  # number of the exchange; when the request came, when the answer was sent
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2


class Estimate(NamedTuple):
    """offset_us: by how much the other clock is ahead, by the exchange with the least round trip, least_us;
    it may be off by half of that, if all of it was on one way. rtt_us: the lower quartile, what packets take
    when neither machine is busy: the median of a busy one is too much, and the least what hardly any takes.
    """

    offset_us: float
    least_us: float
    rtt_us: float

    @property
    def uncertainty_us(self) -> float:
        return self.least_us / 2

    @property
    def one_way_us(self) -> float:
        return self.rtt_us / 2


def estimate(times_ns: Array) -> Estimate:
    """times_ns: int[exchanges, 4]: sent and come there by the two clocks, answered there and come here."""
    sent, there, back, here = times_ns.T
    rtt_ns = (here - sent) - (back - there)
    least = int(rtt_ns.argmin())
    offset_ns = ((there - sent) + (back - here))[least] / 2
    of_rtt_us = (float(ns) / 1e3 for ns in (rtt_ns[least], np.quantile(rtt_ns, 0.25)))
    return Estimate(float(offset_ns) / 1e3, *of_rtt_us)


class Answering:
    """Answers exchanges of some addresses, in a thread, until it is closed."""

    def __init__(self, namespace: Namespace, address: str, port: int, askers: Collection[str]) -> None:
        self._socket = _socket(namespace, address, port)
        self._askers = askers
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                request, came_ns, asker = _receive(self._socket)
                if asker[0] not in self._askers or len(request) < STAMPS.size:
                    continue
                number, *_ = STAMPS.unpack_from(request)
                padding = request[STAMPS.size :]
                self._socket.sendto(STAMPS.pack(number, came_ns, time.time_ns()) + padding, asker)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes who receives
        self._thread.join()
        self._socket.close()


def measure(namespace: Namespace, address: str, peer: str, port: int) -> Estimate:
    """From this address of the underlay. Raises MachineError if nobody answers, or a packet of a link is too
    long for it.
    """
    asked = f"{peer} does not answer {address} on UDP port {port}"
    with _socket(namespace, address, 0) as asking:
        asking.settimeout(ANSWER_S)
        times, lost, until_s = list[tuple[int, ...]](), 0, time.monotonic() + LONG_S
        while len(times) < COUNT and (len(times) < ENOUGH or time.monotonic() < until_s):
            times_ns = _exchange(asking, (peer, port), len(times) + lost, STAMPS.size)
            if times_ns:
                times.append(times_ns)
                time.sleep(PAUSE_S)
            else:
                lost += 1
                if lost >= LOST and lost > len(times):
                    raise MachineError(
                        f"{asked}; see that the underlay carries UDP between the hosts, on this port and the "
                        "one before it."
                    )
        if not any(_exchange(asking, (peer, port), COUNT + lost + i, FULL_BYTES) for i in range(LOST)):
            raise MachineError(
                f"{asked} where a packet has {UNDERLAY_BYTES} bytes, and a link's of {PACKET_BYTES} need as "
                f"many; give the underlay an MTU of {UNDERLAY_BYTES} or more."
            )
    return estimate(np.array(times, np.int64))


def _exchange(
    asking: socket.socket, peer: tuple[str, int], number: int, size: int
) -> tuple[int, int, int, int] | None:
    """The four times; None: the answer did not come."""
    request = STAMPS.pack(number, 0, 0)
    sent_ns = time.time_ns()
    try:
        asking.sendto(request.ljust(size, b"\0"), peer)
        while True:
            answer, came_ns, _ = _receive(asking)
            answered, there_ns, back_ns = STAMPS.unpack_from(answer)
            if answered == number:
                return sent_ns, there_ns, back_ns, came_ns
    except OSError:  # nobody there, no way there, too long
        return None


def _socket(namespace: Namespace, address: str, port: int) -> socket.socket:
    opened = namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    opened.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    try:
        opened.bind((address, port))
    except OSError as error:
        opened.close()
        which = f"{address}, UDP port {port}," if port else address
        raise MachineError(
            f"This host cannot use its address of the underlay: {which} says {error.strerror}."
        ) from None
    return opened


def _receive(sock: socket.socket) -> tuple[bytes, int, tuple[str, int]]:
    """A packet, when the kernel had it, and from where."""
    data, ancillary, _, sender = sock.recvmsg(1 << 16, 128)
    if not ancillary:
        raise OSError("nothing came: the socket is shut down")
    return data, stamp_ns(ancillary), sender
