"""What a sky is made of: nodes, and links between two of them."""

from __future__ import annotations

from dataclasses import dataclass

from skybed.topologies.model.links import Capable, LinkClass


@dataclass(frozen=True)
class Node:
    """kind: satellite or ground; layer: empty for ground; ip, ip6: addresses that follow its number."""

    name: str
    kind: str
    layer: str
    ip: str
    ip6: str


@dataclass(frozen=True)
class Link:
    """Two nodes, a < b (their numbers), that are linked at times; kind: isl, access or fibre; class_name: of
    link_class; name: a--b; turned: its way up is from b to a."""

    a: int
    b: int
    kind: str
    class_name: str
    link_class: LinkClass
    name: str
    turned: bool = False

    def capable(self, side: int) -> Capable:
        """Of what a sends (side 0), or b (1)."""
        return self.link_class.capable(up=(side == 0) != self.turned)
