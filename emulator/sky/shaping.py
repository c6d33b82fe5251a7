"""How the kernel puts a link's properties in force: all but the carrier by netem, at the end that sends."""

from __future__ import annotations

from collections.abc import Sequence

from skybed.emulator.kernel.messages import NETEM_ALL, NETEM_TICK_NS, NetemOptions
from skybed.topologies.contacts.properties import Property

PACKET_BYTES = 1500
MOST_PACKETS = 2**31 - 1


def options(
    values: Sequence[float], queue_packets: int = 1000, longest_s: float = 0.0, early_us: float = 0.0
) -> NetemOptions:
    """values: of a direction, by Property. queue_packets: beyond those in flight, which netem counts too, and
    of which there are most at the longest delay. early_us: what the kernel itself adds to a hop, taken off
    the delay (emulator/sky/calibrate.py).
    """
    rate_bps = values[Property.RATE] * 1e6
    in_flight = rate_bps * longest_s / (8 * PACKET_BYTES)
    return NetemOptions(
        delay=round(max(0.0, values[Property.DELAY] - early_us) * 1000 / NETEM_TICK_NS),
        limit=min(queue_packets + round(in_flight), MOST_PACKETS),
        loss=NETEM_ALL if values[Property.SILENCE] else share(values[Property.LOSS]),
        rate=round(rate_bps / 8),
    )


def share(pct: float) -> int:
    """Of packets, as netem has it."""
    return round(pct / 100 * NETEM_ALL)
