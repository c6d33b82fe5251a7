"""What agents hold: bundles, their fragments, and what has become of each that was created."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from skybed.topologies.bundles.sabr import Contact, Route
from skybed.traffic.bundles.codec import Bundle
from skybed.traffic.storage import Item

Transfer = tuple[int, int]  # the place of a node, and the number that it gave a transfer


class Parcel(Protocol):
    """Who has something sent as a bundle, and is told how that goes. item: as it will be there."""

    item: Item

    def leaves(self, transfer: Transfer, peer: int) -> None:
        """A node sends it, or a part of it, to another from now on."""

    def comes(self, transfer: Transfer, size: int) -> None:
        """So much of its payload is there."""

    def ends(self, transfer: Transfer) -> None:
        """The node has learnt what came of that."""

    def delivered(self) -> None: ...

    def fails(self, fate: str) -> None:
        """A part of it is nowhere any more."""


@dataclass(eq=False)
class Record:
    """A row of the table `bundles`. fates: what became of copies and fragments that are no longer held.
    parcel: of a bundle that no flow of bundles has created.
    """

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
    parcel: Parcel | None = None


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
    handed: int = 0  # the number of the last of them
    turn: int = 0  # how often it was routed: what queues know of earlier ones no longer counts
    is_gone: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        return -self.item.priority, self.order


# Of a transfer that a node hands to another: since when its bundle was there, when it began, over which
# contact, and what holds it as long as anything does.
Handed = tuple[float, float, Contact, weakref.ref[Held]]


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
        self._spans = joined([*self._spans, (first, last)])
        self.fragments += 1
        self.hops = max(self.hops, bundle.hops[1] if bundle.hops else 0)
        return True

    @property
    def whole_bytes(self) -> int:
        return len(self._payload)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """What of it is there."""
        return self._spans

    @property
    def payload(self) -> bytes | None:
        """All of it; None: something is missing."""
        whole = self._spans == [(0, len(self._payload))]
        return bytes(self._payload) if whole else None


def joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same bytes in as few spans as they are."""
    whole: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if whole and start <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return whole
