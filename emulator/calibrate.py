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

from emulator.link import SkyLink
from emulator.node import GroundStation, SkyNode

DELAY_US = 4000.0
PACKETS = 40  # to each of the two distances
PAUSE_S = 0.01  # long enough that a packet finds the kernel idle, as most do
PORT = 8620
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("=q")


def hop_cost_us() -> float:
    """Median extra one-way delay of a second hop, in us, from the kernel's receive time stamps."""
    chain = [GroundStation(name, ip=f"10.255.255.{i}") for i, name in enumerate("abc", 1)]
    try:
        links = [
            SkyLink(
                *ends, addr1=f"02:ff:00:00:00:{i:02x}", addr2=f"02:ff:01:00:00:{i:02x}", delay_us=DELAY_US
            )
            for i, ends in enumerate(itertools.pairwise(chain))
        ]
        first, middle, last = chain
        first.config(routes=[((node.ip, node.ip6), middle.name) for node in (middle, last)])
        middle.config(routes=[((last.ip, last.ip6), last.name)])
        one_hop_us, two_hops_us = (_delays_us(first, node) for node in (middle, last))
        return max(0.0, statistics.median(two_hops_us) - statistics.median(one_hop_us) - DELAY_US)
    finally:
        for node in chain:
            node.terminate()
        del links


def _delays_us(source: SkyNode, target: SkyNode) -> list[float]:
    """One-way delays from before the send to the kernel's receive time stamp."""
    with (
        source.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        target.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        receiver.bind((target.ip, PORT))
        receiver.settimeout(1.0)
        delays_us = []
        for _ in range(PACKETS):
            sender.sendto(STAMP.pack(time.time_ns()), (target.ip, PORT))
            data, ancillary, _, _ = receiver.recvmsg(64, 128)
            seconds, nanoseconds = struct.unpack("=qq", ancillary[0][2])
            delays_us.append((seconds * 1_000_000_000 + nanoseconds - STAMP.unpack(data)[0]) / 1000)
            time.sleep(PAUSE_S)
        return delays_us
