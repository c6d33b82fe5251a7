"""How long it takes to send data of tasks at best, by what carries it, on a way that nothing else uses."""

from __future__ import annotations

from math import ceil

SEGMENT_BYTES, SEGMENT_WIRE_BYTES = 1448, 1514  # of TCP's payload in the largest packets; with all headers
WIRE = SEGMENT_WIRE_BYTES / SEGMENT_BYTES
FIRST_SEGMENTS = 10  # that leave before the first acknowledgement (RFC 6928); then twice as many a round trip
CONNECTING = {"tcp": 2, "udp": 0}  # ways of the light before the first byte can leave
DATAGRAM_BYTES = 1400  # of the payload of a datagram, without the header of its own
HEADERS_BYTES = 16 + 42  # of a datagram: that, and those of Ethernet, IPv4 and UDP
SHARE = 0.95  # of the planned rate, at which datagrams are sent: acknowledgements of others need some
BURST_S = 0.005  # datagrams that are sent together


def sending_s(carrier: str, size: int, rate_mbps: float, round_s: float) -> float:
    """From the first byte's leaving to the last one's, at a rate, where answers take round_s to come back.

    TCP waits for acknowledgements until what it sends in a round trip fills it; Linux stops doubling sooner
    where the delay grows (HyStart), so it takes somewhat longer. Datagrams do not wait.
    """
    if carrier == "udp":
        whole_s = 8e-6 * (size + HEADERS_BYTES * ceil(size / DATAGRAM_BYTES)) / rate_mbps
        return max(whole_s, whole_s / SHARE - (1 - SHARE) * BURST_S)
    segments, at_once, waits_s = ceil(size / SEGMENT_BYTES), FIRST_SEGMENTS, 0.0
    segment_s = 8e-6 * SEGMENT_WIRE_BYTES / rate_mbps
    while segments > at_once and at_once * segment_s < round_s:
        waits_s += round_s - at_once * segment_s
        segments, at_once = segments - at_once, 2 * at_once
    return waits_s + 8e-6 * size * WIRE / rate_mbps
