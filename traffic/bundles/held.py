"""What agents hold: bundles, their fragments, and what has become of each that was created."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from skybed.topologies.bundles.sabr import Route
from skybed.traffic.bundles.codec import Bundle
from skybed.traffic.tasks.storage import Item


@dataclass(eq=False)
class Record:
    """A row of the table `bundles`. fates: what became of copies and fragments that are no longer held."""

    flow: str
    number: int
    source: str
    target: str
    size: int
    created_s: float
    delivered_s: float | None = None
    reported_s: float | None = None
    hops: int | None = None
    fragments: int = 0
    duplicates: int = 0
    fates: set[str] = field(default_factory=set)


class Hop(NamedTuple):
    """A row of the table `hops`. size: of the payload that came; carried: of all that did."""

    flow: str
    number: int
    is_report: bool
    offset: int
    size: int
    node: str
    peer: str
    queued_s: float
    began_s: float
    arrived_s: float
    carried: int
    is_whole: bool


@dataclass(eq=False)
class Held:
    """A bundle in a node. booked: the route that it is to take, and for how many bytes; None: none. given:
    places that have it, as it went there or came from there. transfers: under way.
    """

    bundle: Bundle
    item: Item
    order: int
    since_s: float
    expires_s: float
    given: set[int] = field(default_factory=set)
    booked: tuple[Route, int] | None = None
    transfers: int = 0
    turn: int = 0  # how often it was routed: what queues know of earlier ones no longer counts
    is_gone: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        return -self.item.priority, self.order


class Assembly:
    """The fragments of one bundle at its destination."""

    def __init__(self, total: int) -> None:
        self._payload = bytearray(total)
        self._spans: list[tuple[int, int]] = []  # ascending, disjoint
        self.fragments = self.hops = 0

    def add(self, bundle: Bundle) -> bool:
        """Whether it brought bytes that were not there."""
        first, last = bundle.offset, bundle.offset + len(bundle.payload)
        if any(start <= first and last <= end for start, end in self._spans):
            return False
        self._payload[first:last] = bundle.payload
        self._spans = _joined([*self._spans, (first, last)])
        self.fragments += 1
        self.hops = max(self.hops, bundle.hops[1] if bundle.hops else 0)
        return True

    @property
    def payload(self) -> bytes | None:
        """All of it; None: something is missing."""
        whole = self._spans == [(0, len(self._payload))]
        return bytes(self._payload) if whole else None


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
