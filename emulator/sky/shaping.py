"""How the kernel puts a link's properties in force: all but the carrier by netem, at the end that sends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from skybed.emulator.kernel.messages import NETEM_ALL, NETEM_TICK_NS, NetemOptions
from skybed.topologies.contacts.properties import Property
from skybed.topologies.model.flows import Flow, PacketFlow
from skybed.topologies.model.links import PACKET_BYTES

MOST_PACKETS = 2**31 - 1
LATER = (Property.DELAY, Property.EXTRA, Property.SPIKE)  # what netem delays all packets by


class Small(NamedTuple):
    """Traffic in packets of less than PACKET_BYTES: their size on a link, and how many a second there are."""

    packet_bits: int
    packets_s: float


def options(
    values: Sequence[float], queue_packets: int = 1000, longest_s: float = 0.0, early_us: float = 0.0,
    small: tuple[Small, ...] = (), jitter_of_us: float = 1.0,
) -> NetemOptions:  # fmt: skip
    """values: of a direction, by Property. queue_packets: beyond those in flight, which netem counts too, and
    of which there are most at the longest delay. early_us: what a hop takes beside netem: the kernel
    itself (emulator/sky/calibrate.py), and the way of a link that crosses; taken off the delay. small: what
    may cross the link, the smallest first. jitter_of_us: see jitter.Table.one_us.
    """
    nothing = values[Property.SILENCE] or not values[Property.RATE]
    rate_bps = values[Property.RATE] * 1e6
    in_flight = packets_s(rate_bps, small) * max(0.0, longest_s - early_us * 1e-6)
    return NetemOptions(
        delay=ticks(max(0.0, sum(values[what] for what in LATER) - early_us)),
        limit=min(queue_packets + round(in_flight), MOST_PACKETS),
        loss=NETEM_ALL if nothing else share(values[Property.LOSS]),
        rate=round(rate_bps / 8),
        jitter=ticks(values[Property.JITTER] * jitter_of_us),
    )


def ticks(us: float) -> int:
    """Of a time, as netem has it."""
    return round(us * 1000 / NETEM_TICK_NS)


def slope_ps_s(us_s: float) -> int:
    """Of a delay, as netem has it."""
    return round(us_s * 1e6)


def share(pct: float) -> int:
    """Of packets, as netem has it."""
    return round(pct / 100 * NETEM_ALL)


@lru_cache(4096)
def packets_s(rate_bps: float, small: tuple[Small, ...]) -> float:
    """How many packets a second a link of this rate carries at most: of the small traffic all that finds
    room, and else packets of PACKET_BYTES.
    """
    packets, left_bps = 0.0, rate_bps
    for packet_bits, wanted in small:
        carried = min(wanted, left_bps / packet_bits)
        packets, left_bps = packets + carried, left_bps - carried * packet_bits
    return packets + left_bps / (8 * PACKET_BYTES)


def small(flows: Iterable[Flow]) -> tuple[Small, ...]:
    """Of the flows of a scenario, the smallest packets first."""
    packets = [flow for flow in flows if isinstance(flow, PacketFlow) and flow.wire_bytes < PACKET_BYTES]
    return tuple(sorted(Small(8 * flow.wire_bytes, flow.packets_s) for flow in packets))
