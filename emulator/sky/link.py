"""A link between two sky nodes: a veth pair with netem on both ends, driven over netlink.

Each end delays what it sends by the one-way delay, so the round trip is twice that. The interface at each end
has the name of the node at the other: `tcpdump -i relay-0-3` in beijing is the link to relay-0-3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from mininet.link import Intf, Link
from numpy.typing import ArrayLike

from skybed.emulator.kernel import messages
from skybed.emulator.kernel.addresses import link_local, packed
from skybed.emulator.sky import jitter, shaping
from skybed.emulator.sky.node import SkyNode
from skybed.emulator.sky.shaping import Small
from skybed.topologies.contacts.properties import SIDES, Direction, Property
from skybed.topologies.model.draws import Distribution
from skybed.topologies.model.links import PACKET_BYTES, JitterShape
from skybed.topologies.routing import srv6

INDEX_BASE = 100  # below it a kernel may put fallback tunnels into every new namespace
CROSSING_BASE = 1 << 20  # of links that cross: far above those of a machine and those of other links


class Crossing(Protocol):
    """How one link gets from here to its other end, elsewhere. index: of its interface, whose number no other
    has; one_way_us: what that takes, and is taken off the link's delay.
    """

    @property
    def index(self) -> int: ...
    @property
    def one_way_us(self) -> float: ...
    def make(self, name: str, mac: str, node: SkyNode) -> None:
        """The interface of the link in a node that stands here."""


class SkyIntf(Intf):
    """One end of a link, which shapes what it sends."""

    index: int
    netem: messages.Netem
    values: np.ndarray  # in force, by Property: a row of the link's
    delay: np.ndarray  # how the delay goes on: slope, since_s
    queue_packets: int  # beyond those in flight
    jitter: jitter.Table

    def config(self, **_params: Any) -> dict:
        return {}

    @property
    def peer(self) -> SkyIntf:
        return self.link.intf2 if self is self.link.intf1 else self.link.intf1

    @property
    def link_local(self) -> str:
        return link_local(self.mac)

    def carrier(self, up: bool) -> bytes:
        return messages.link_state(self.index, up)

    def shape(self, fresh: bool = False) -> bytes:
        """Puts the values in force. fresh: see Netem.message."""
        link = self.link
        now_s = float(sum(self.values[what] for what in shaping.LATER)) * 1e-6
        longest_s = max(link.longest_s, now_s)  # what is set by hand is in no plan
        options = shaping.options(
            self.values.tolist(), self.queue_packets, longest_s, link.early_us, link.small, self.jitter.one_us
        )
        slope_us_s, since_s = self.delay.tolist()
        if slope_us_s:
            slope = shaping.slope_ps_s(slope_us_s)
            options = options._replace(slope=slope, since_ns=link.zero_ns + round(since_s * 1e9))
        return self.netem.message(options, fresh)

    def up_messages(self) -> list[bytes]:
        """What makes a link of a carrier that has just come, at both ends. The neighbours are set anew: the
        kernel forgets them with the carrier."""
        peer = self.peer
        gateways = [ip for ip in (peer.node.ip, peer.node.ip6 and peer.link_local) if ip]
        return [
            self.shape(fresh=True),
            *(messages.neighbour(self.index, ip, peer.mac) for ip in gateways),
            *self._route_to_segment(),
        ]

    def _route_to_segment(self) -> list[bytes]:
        """To the peer's SRv6 identifier, if it has one; not limited to PACKET_BYTES."""
        peer = self.peer
        if not peer.node.sid:
            return []
        to, gateway, source = (packed(ip) for ip in (peer.node.sid, peer.link_local, self.node.ip6))
        return [messages.route(to, gateway, self.index, source)]

    def routes_to(self, ip: str, ip6: str) -> list[bytes]:
        """Host routes to a node's two addresses by way of this interface."""
        peer = self.peer
        mtu = PACKET_BYTES if peer.node.sid else 0
        hops = [(ip, peer.node.ip, self.node.ip), (ip6, peer.link_local, self.node.ip6)]
        return [
            messages.route(packed(to), packed(gateway), self.index, packed(source), mtu)
            for to, gateway, source in hops
            if to
        ]

    def paths_to(self, ip: str, ip6: str, segments: list[str]) -> list[bytes]:
        """Host routes to a node's two addresses by SRv6 segments; this interface leads to the first."""
        through, mtu = [packed(sid) for sid in segments], PACKET_BYTES + srv6.overhead_bytes(len(segments))
        ends = (ip, self.node.ip), (ip6, self.node.ip6)
        return [
            messages.source_route(packed(to), through, self.index, packed(source), mtu) for to, source in ends
        ]

    # -- Mininet's shell commands, without the shell

    def ifconfig(self, *args: str) -> str:
        if args in (("up",), ("down",)):
            self.node.netlink.apply([self.carrier(args == ("up",))])
            return ""
        return super().ifconfig(*args)

    def IP(self) -> str:
        return self.node.ip

    updateIP = IP  # what the prompt puts in the place of a node's name

    def delete(self) -> None:
        """The peer goes with it; a namespace that is closed has taken it along."""
        if self.node.namespace.fd >= 0:
            self.node.netlink.send([messages.link_delete(self.index)])
        self.node.delIntf(self)


class SkyLink(Link):
    """A link whose properties change over time, in each direction by itself.

    delay_us (one way), rate_bps in bit/s and loss_pct, 0 to 100, are those it begins with; queue_packets
    beyond those in flight. Each is one number, or one for either direction. jitters: how the jitter of each
    direction is distributed; None: it has none. small: see shaping.options. max_delay_us is the longest delay
    it will have: netem's limit counts the packets in flight too, and drops silently beyond it. values:
    [direction, Property], in force; delays: [direction, 2], how the delay goes on, see values.Values.
    zero_ns: run time 0 by CLOCK_MONOTONIC. crossing: to the end that stands elsewhere, if one does.
    addressed: the ends carry their nodes' IPv4 addresses, as OSPF wants it; still no prefix is the link's.
    Between nodes with segment identifiers it carries packets of PACKET_BYTES with any number of segments.
    """

    def __init__(
        self, node1: SkyNode, node2: SkyNode, *, addr1: str, addr2: str, up: bool = True,
        delay_us: ArrayLike = 0.0, max_delay_us: float | None = None, rate_bps: ArrayLike = 1e9,
        loss_pct: ArrayLike = 0.0, queue_packets: ArrayLike = 1000, seed: int = 0, early_us: float = 0.0,
        zero_ns: int = 0, small: tuple[Small, ...] = (), addressed: bool = False,
        jitters: Sequence[JitterShape | Distribution | None] = (None, None),
        crossing: Crossing | None = None, **_mininet: Any,
    ):  # fmt: skip
        self._ports = node1.newPort(), node2.newPort()
        self._crossing = crossing
        super().__init__(
            node1, node2, intfName1=node2.name, intfName2=node1.name, addr1=addr1, addr2=addr2, intf=SkyIntf
        )
        self.longest_s = float(np.max(delay_us) if max_delay_us is None else max_delay_us) * 1e-6
        self.early_us, self.small, self.zero_ns = early_us, small, zero_ns
        values = np.zeros((2, len(Property)))
        values[:, Property.DELAY], values[:, Property.LOSS] = delay_us, loss_pct
        values[:, Property.RATE] = np.asarray(rate_bps) / 1e6
        queues = np.broadcast_to(queue_packets, 2).tolist()
        self.hold(values, np.zeros((2, 2)))
        for side, (intf, port) in enumerate(zip(self.intfs, self._ports, strict=True)):
            intf.index = crossing.index if crossing else INDEX_BASE + port
            intf.jitter = jitter.of(jitters[side])
            intf.netem = messages.Netem(intf.index, 2 * seed + side, intf.jitter.entries)
            intf.queue_packets = queues[side]
            if addressed:
                intf.node.netlink.apply([messages.address(intf.index, intf.node.ip)])
        if up:
            self.set_up(delay_us)

    def makeIntfPair(
        self, name1: str, name2: str, addr1: str, addr2: str, node1: SkyNode, node2: SkyNode, **_: Any
    ) -> None:
        if self._crossing:
            self._crossing.make(*((name1, addr1, node1) if node1.here else (name2, addr2, node2)))
            return
        index1, index2 = (INDEX_BASE + port for port in self._ports)
        mtu = PACKET_BYTES + (srv6.overhead_bytes(srv6.MOST_SEGMENTS) if node1.sid else 0)
        pair = messages.veth(name1, index1, addr1, name2, index2, addr2, node2.namespace.fd, mtu)
        node1.netlink.apply([pair])

    @property
    def intfs(self) -> tuple[SkyIntf, SkyIntf]:
        return self.intf1, self.intf2

    def hold(self, values: np.ndarray, delays: np.ndarray) -> None:
        """Shape packets by these values from the next message on: float[direction, Property], and by delays
        that go on so: float[direction, 2].
        """
        self.values = values
        for intf, of_direction, delay in zip(self.intfs, values, delays, strict=True):
            intf.values, intf.delay = of_direction, delay

    def set(self, what: Property, value: float, direction: Direction = Direction.BOTH) -> None:
        """Change a property at once; for the carrier there are set_up and set_down."""
        for side in SIDES[direction]:
            intf = self.intfs[side]
            intf.values[what] = value
            intf.node.netlink.apply([intf.shape()])

    def set_up(self, delay_us: ArrayLike) -> None:
        self.values[:, Property.DELAY] = delay_us
        for intf in self.intfs:
            intf.node.netlink.apply([intf.carrier(True)])
        for intf in self.intfs:
            intf.node.netlink.apply(intf.up_messages())

    def set_down(self) -> None:
        for intf in self.intfs:
            intf.node.netlink.apply([intf.carrier(False)])
