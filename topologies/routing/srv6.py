"""Source routing by IPv6 segments (SRv6), as far as it follows from the plan.

A ground node is an ingress: it encapsulates what it sends or forwards with the planned path of that instant,
a segment for each node after itself (H.Encaps, RFC 8986, 5.1), and the packet keeps this path. Every node has
one segment identifier, End with decapsulation by the last (USD, 4.16.3). Its neighbours alone have a route to
it, over the one link that two nodes have at most: so it names a link as well as End.X would, at half the
routes. Packets of satellites go hop by hop until they meet an ingress.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

IPV6_BYTES, SRH_BYTES, SEGMENT_BYTES = 40, 8, 16  # RFC 8754, 2
MOST_SEGMENTS = 64  # paths of Linux's initial TTL


def sid(node: int) -> str:
    """The segment identifier of a node: fd5b:1::3 is that of the node whose address is fd5b::3."""
    return str(ipaddress.IPv6Address("fd5b:1::") + node + 1)


def overhead_bytes(segments: int) -> int:
    """What encapsulation with a path of so many segments adds to a packet."""
    return IPV6_BYTES + SRH_BYTES + SEGMENT_BYTES * segments


def ingress(path: Sequence[int], satellites: int) -> int:
    """The place on a whole path of the node that encapsulates: the first on the ground (nodes are numbered
    satellites first). The last place: none does.
    """
    return next((i for i, node in enumerate(path) if node >= satellites), len(path) - 1)


def added_bytes(path: Sequence[int], satellites: int) -> list[int]:
    """What encapsulation adds to a packet on each link of a whole path."""
    plain = ingress(path, satellites)
    segments = len(path) - 1 - plain
    return [0] * plain + [overhead_bytes(segments)] * segments
