"""The network between the hosts of one sky, and how links cross it: as VXLAN."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skybed.emulator.kernel import messages
from skybed.emulator.kernel.netlink import Connection
from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.sky import exchanges
from skybed.emulator.sky.exchanges import Answering, Estimate
from skybed.emulator.sky.link import CROSSING_BASE
from skybed.emulator.sky.node import SkyNode
from skybed.topologies.arrays import Index
from skybed.topologies.contacts.nodes import Link
from skybed.topologies.errors import MachineError, ScenarioError
from skybed.topologies.model.hosts import Hosts
from skybed.topologies.plan import score
from skybed.topologies.plan.score import Playable


@dataclass(frozen=True)
class Tunnelled:
    """How one link gets from here to another host."""

    underlay: Connection
    tunnel: messages.Tunnel
    index: int
    one_way_us: float  # of the underlay

    def make(self, name: str, mac: str, node: SkyNode) -> None:
        """The interface of a link in a node that stands here."""
        try:
            self.underlay.apply([messages.vxlan(name, self.index, mac, node.namespace.fd, self.tunnel)])
        except OSError as error:
            raise MachineError(
                f"The kernel refuses a VXLAN interface from {self.tunnel.local} to {self.tunnel.remote} "
                f"({error.strerror}); see that it has VXLAN, and that no other run uses UDP port "
                f"{self.tunnel.port}."
            ) from None


@dataclass
class Underlay:
    """What the host `here` (its number) has of the underlay. namespace: the machine's own, where addresses of
    the underlay are; place: int[nodes], the number of each node's host. one_way_us: to other hosts, by
    number, once it is measured.
    """

    hosts: Hosts
    place: Index
    here: int
    namespace: Namespace
    one_way_us: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._netlink = Connection(self.namespace)

    @property
    def name(self) -> str:
        return self.hosts.hosts[self.here].name

    @property
    def address(self) -> str:
        return self.hosts.hosts[self.here].address

    def answering(self) -> Answering:
        """What answers the exchanges of the other hosts."""
        others = {host.address for host in self.hosts.hosts} - {self.address}
        return Answering(self.namespace, self.address, self.hosts.exchange_port, others)

    def exchanged(self, there: int) -> Estimate:
        """With another host, which answers."""
        peer = self.hosts.hosts[there].address
        return exchanges.measure(self.namespace, self.address, peer, self.hosts.exchange_port)

    def measure(self, plan: Playable) -> dict[str, float]:
        """Find one_way_us to the hosts that links lead to; the round trips, by their names.

        Raises ScenarioError for a link that is shorter than its way over the underlay.
        """
        shortest = self._shortest(plan)
        rtt_us = {}
        for there, (delay_us, link) in sorted(shortest.items()):
            host = self.hosts.hosts[there]
            exchanged = self.exchanged(there)
            rtt_us[host.name] = round(exchanged.rtt_us, 3)
            self.one_way_us[there] = exchanged.one_way_us
            if delay_us < self.one_way_us[there]:
                raise ScenarioError(
                    f"The delay of link {plan.links[link].name} is {delay_us:.0f} us at times, and packets "
                    f"take {self.one_way_us[there]:.0f} us from host {self.name} to {host.name}; place both "
                    "of its nodes on one host."
                )
        return rtt_us

    def _shortest(self, plan: Playable) -> dict[int, tuple[float, int]]:
        """By the number of the other host, the shortest delay of links that lead there, and which has it."""
        least_us = score.least_delays_us(plan, plan.duration_s)
        shortest: dict[int, tuple[float, int]] = {}
        for number, link in enumerate(plan.links):
            hosts = {int(self.place[link.a]), int(self.place[link.b])}
            if self.here in hosts and len(hosts) > 1:
                (there,) = hosts - {self.here}
                shortest[there] = min(shortest.get(there, (np.inf, -1)), (float(least_us[number]), number))
        return shortest

    def crossing(self, number: int, link: Link) -> Tunnelled | None:
        """Of a link with an end here; None: both of its ends are."""
        there = int(self.place[link.b] if self.place[link.a] == self.here else self.place[link.a])
        if there == self.here:
            return None
        local, remote = (self.hosts.hosts[number].address for number in (self.here, there))
        tunnel = messages.Tunnel(number + 1, local, remote, self.hosts.port)
        return Tunnelled(self._netlink, tunnel, CROSSING_BASE + number, self.one_way_us[there])
