"""How links of one sky cross from one uml kernel to another: over wires, in virtual time.

From here to there a packet takes the wires' own delay, the same for all, exact, which is taken off what netem
adds where the packet is sent. See scripts/machine/uml/wire.patch.
"""

from __future__ import annotations

from dataclasses import dataclass

from skybed.emulator.kernel import messages
from skybed.emulator.sky.link import CROSSING_BASE
from skybed.emulator.sky.node import SkyNode
from skybed.topologies.arrays import Index
from skybed.topologies.contacts.nodes import Link


@dataclass(frozen=True)
class Wire:
    """One of them. kernel: at its other end, its number among the others, from 0."""

    index: int
    kernel: int
    one_way_us: float

    def make(self, name: str, mac: str, node: SkyNode) -> None:
        """The interface of a link in a node that stands here."""
        node.netlink.apply([messages.wire(name, self.index, mac, self.kernel)])


@dataclass(frozen=True)
class Wires:
    """Those of the kernel `here` (its number). place: int[nodes], the number of each node's kernel."""

    place: Index
    here: int
    one_way_us: float

    def crossing(self, number: int, link: Link) -> Wire | None:
        """Of a link with an end here; None: both of its ends are."""
        there = int(self.place[link.b] if self.place[link.a] == self.here else self.place[link.a])
        if there == self.here:
            return None
        return Wire(CROSSING_BASE + number, there - (there > self.here), self.one_way_us)
