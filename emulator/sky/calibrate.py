"""What a hop costs in this kernel beyond its delay, measured before each run, so that links can send earlier.

A packet leaves netem a little after its time: a timer has to wake the kernel, which then forwards it. In the
uml lane that is some 50 us a hop, and nearly constant: over ten hops and back it would be a millisecond of
false delay. Every link is set to its true delay less this.
"""

from __future__ import annotations

import itertools
import socket
import statistics
import struct
import time

from skybed.emulator.kernel.stamps import SO_TIMESTAMPNS, stamp_ns
from skybed.emulator.sky.link import SkyLink
from skybed.emulator.sky.node import GroundStation, SkyNode

DELAY_US = 4000.0
PACKETS, WARM_UP = 40, 10  # to each of the two distances; the first find cold caches
PAUSE_S = 0.004  # long enough that a packet finds the kernel idle, as most do
RATE_BPS = 1e9
PACKET_BYTES = 14 + 20 + 8 + 8  # what is on the wire: Ethernet, IPv4, UDP, the stamp
PORT = 8620
STAMP = struct.Struct("=q")


def hop_cost_us() -> float:
    """Median extra one-way delay of a second hop, in us, from the kernel's receive time stamps."""
    chain = [GroundStation(name, ip=f"10.255.255.{i}") for i, name in enumerate("abc", 1)]
    try:
        for i, ends in enumerate(itertools.pairwise(chain)):
            SkyLink(
                *ends, addr1=f"02:ff:01:00:00:{i:02x}", addr2=f"02:ff:02:00:00:{i:02x}",
                delay_us=DELAY_US, rate_bps=RATE_BPS,
            )  # fmt: skip
        first, middle, last = chain
        first.config(routes=[((node.ip, node.ip6), middle.name) for node in (middle, last)])
        middle.config(routes=[((last.ip, last.ip6), last.name)])
        near, far = [], []
        with _receiver(middle) as one_hop, _receiver(last) as two_hops, _sender(first) as sender:
            for _ in range(WARM_UP + PACKETS):  # in turn, so that both see the same machine
                near.append(_delay_us(sender, one_hop))
                far.append(_delay_us(sender, two_hops))
        hop_us = statistics.median(far[WARM_UP:]) - statistics.median(near[WARM_UP:])
        return max(0.0, hop_us - DELAY_US - 8e6 * PACKET_BYTES / RATE_BPS)
    finally:
        for node in chain:
            node.terminate()


def _sender(node: SkyNode) -> socket.socket:
    return node.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _receiver(node: SkyNode) -> socket.socket:
    receiver = node.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    receiver.bind((node.ip, PORT))
    receiver.settimeout(1.0)
    return receiver


def _delay_us(sender: socket.socket, receiver: socket.socket) -> float:
    """One-way delay from before the send to the kernel's receive time stamp."""
    time.sleep(PAUSE_S)
    sender.sendto(STAMP.pack(time.time_ns()), receiver.getsockname())
    data, ancillary, _, _ = receiver.recvmsg(64, 128)
    return (stamp_ns(ancillary) - STAMP.unpack(data)[0]) / 1000
