"""What a sky is made of: nodes, and links between two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skybed.topologies.arrays import Array
from skybed.topologies.contacts import jitter
from skybed.topologies.contacts.properties import Property
from skybed.topologies.model.links import Capable, LinkClass

# The fields of a class that are properties, and how much of the property's unit is one of the field's.
FIELDS = {
    "rate_mbps": (Property.RATE, 1.0),
    "loss_pct": (Property.LOSS, 1.0),
    "extra_delay_ms": (Property.EXTRA, 1e3),
    "jitter_ms": (Property.JITTER, 1e3),
}
# That a field may be: what the kernel can be told.
MOST = {"rate_mbps": 1e7, "loss_pct": 100.0, "extra_delay_ms": 60_000.0, "jitter_ms": 10_000.0}

LEAST_MBPS = 1e-5  # 10 bit/s, at which a packet of 1,500 bytes takes 20 minutes; less is as good as nothing


@dataclass(frozen=True)
class Node:
    """kind: satellite or ground; layer: empty for ground; ip, ip6: addresses that follow its number."""

    name: str
    kind: str
    layer: str
    ip: str
    ip6: str


LINK_KINDS = ("isl", "access", "fibre")  # in the order of a plan; of which so many ends are on the ground


@dataclass(frozen=True)
class Link:
    """Two nodes, a < b (their numbers), that are linked at times; kind: isl, access or fibre; class_name: of
    link_class; name: a--b; turned: its way up is from b to a; given: rate and delay are those of a table, not
    of its class and geometry.
    """

    a: int
    b: int
    kind: str
    class_name: str
    link_class: LinkClass
    name: str
    turned: bool = False
    given: bool = False

    def capable(self, side: int) -> Capable:
        """Of what a sends (side 0), or b (1)."""
        return self.link_class.capable(up=(side == 0) != self.turned)

    def side(self, up: bool) -> int:
        """The end that sends up, or down."""
        return int(up == self.turned)

    def values(self, side: int) -> list[float]:
        """Those that its class gives a direction, by Property; nan: it changes over time."""
        capable = self.capable(side)
        numbers = [0.0] * len(Property)
        for field, (what, scale) in FIELDS.items():
            value = getattr(capable, field)
            numbers[what] = value * scale if isinstance(value, float) else math.nan
        changing = [Property.RATE, Property.EXTRA] if self.given else []
        if capable.slots:
            changing += [Property.SPIKE, Property.LOSS]
        if (
            capable.radio
            or self.link_class.optical
            or (capable.slots and capable.slots.rate_mbps is not None)
        ):
            changing.append(Property.RATE)
        for what in changing:
            numbers[what] = math.nan
        return numbers

    def jitter_deviation(self, side: int) -> float:
        """The standard deviation of what a direction draws as jitter, in means."""
        return float(jitter.means(self.capable(side).jitter).std())


def values(links: Sequence[Link]) -> Array:
    """float[link, side, Property]: what `Link.values` gives of each, worked out once for a class."""
    of_way: dict[tuple[int, bool, bool], list[list[float]]] = {}
    ways = [(id(link.link_class), link.turned, link.given) for link in links]
    for way, link in zip(ways, links, strict=True):
        if way not in of_way:
            of_way[way] = [link.values(side) for side in (0, 1)]
    each = [of_way[way] for way in ways]
    return np.array(each, float).reshape(len(links), 2, len(Property))
