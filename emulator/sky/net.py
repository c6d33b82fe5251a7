"""The sky as a Mininet network, and what can be done to it at one instant."""

from __future__ import annotations

import itertools
import resource
import select
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from mininet.log import output
from mininet.net import Mininet
from mininet.topo import Topo

from skybed.emulator.kernel import messages
from skybed.emulator.kernel.addresses import mac, packed
from skybed.emulator.sky import order, segments, shaping, throughput
from skybed.emulator.sky.link import Crossing, SkyLink
from skybed.emulator.sky.node import Distant, GroundStation, Satellite, SkyNode
from skybed.emulator.sky.values import Values
from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.contacts.properties import SIDES, Direction, Property
from skybed.topologies.errors import ChangeError
from skybed.topologies.plan.score import Playable
from skybed.topologies.routing import srv6, windowed

PAUSE_EVERY = 64  # nodes that were told something: two milliseconds
Outbox = dict[SkyNode, list[bytes]]  # what each node's kernel is to be told; one send each


class Switch(Protocol):
    """What takes links down and lets them be up again, by the names of their nodes."""

    def down(self, a: str, b: str) -> object: ...
    def up(self, a: str, b: str) -> object: ...


class Beyond(Protocol):
    """Where the nodes are that do not stand here. place: int[nodes], the number of each node's host, or
    kernel; here: the number of this one.
    """

    @property
    def place(self) -> Index: ...
    @property
    def here(self) -> int: ...
    def crossing(self, number: int, link: Link) -> Crossing | None:
        """Of a link with an end here; None: both of its ends are."""


class SkyTopo(Topo):
    """A plan's nodes as a Mininet topology, without links, for `Sky` to drive."""

    def build(self, plan: Playable, beyond: Beyond | None = None) -> None:
        keeps_path = plan.scenario.routing.means.keeps_path
        for i, node in enumerate(plan.nodes):
            of_mininet = of_node(node) | ({"sid": srv6.sid(i)} if keeps_path else {})
            if beyond and beyond.place[i] != beyond.here:
                of_mininet["cls"] = Distant
            self.addHost(node.name, **of_mininet)


def of_node(node: Node) -> dict[str, Any]:
    """What Mininet is to know of a node."""
    return {
        "cls": Satellite if node.kind == "satellite" else GroundStation, "ip": node.ip, "ip6": node.ip6,
    }  # fmt: skip


def ends(plan: Playable, i: int) -> tuple[str, str]:
    link = plan.links[i]
    return plan.nodes[link.a].name, plan.nodes[link.b].name


def of_link(plan: Playable, i: int, values: np.ndarray, life: int = 0) -> dict[str, Any]:
    """What Mininet is to know of a link besides its delay. values: [direction, Property]. life: how often it
    was made and dropped before.
    """
    both = [plan.links[i].capable(side) for side in SIDES[Direction.BOTH]]
    return {
        "cls": SkyLink, "rate_bps": values[:, Property.RATE] * 1e6, "loss_pct": values[:, Property.LOSS],
        "queue_packets": [way.queue_packets for way in both], "seed": _seed(plan.scenario.seed, i, life),
        "jitters": [way.jitter if way.jitter_ms else None for way in both],
        "addr1": mac(i, 0), "addr2": mac(i, 1),
    }  # fmt: skip


def longest_delay_us(plan: Playable) -> np.ndarray:
    """Per link, over the whole plan, with all that packets are later at times."""
    longest_us = np.zeros((len(plan.links), len(Property)))
    longest_us[:] = Values(plan).in_force.max(axis=1)
    for number, events in enumerate(plan.events, start=1):
        np.maximum.at(longest_us, (events["link"], events["property"]), _greatest(events, number))
    return longest_us[:, [*shaping.LATER, Property.JITTER]].sum(axis=1)


def _greatest(events: np.ndarray, number: int) -> Array:
    """The greatest value of each event of a window until the link's next one of the property, or of the
    carrier, or the end of the window, the number of which counts from 1."""
    lasts = events["slope"] != 0
    lasts |= events["property"] == Property.CARRIER
    order = np.flatnonzero(lasts)
    order = order[np.lexsort((events["t_s"][order], events["link"][order]))]
    link, t_s = events["link"][order], events["t_s"][order]
    end_s = np.append(np.where(link[1:] == link[:-1], t_s[1:], np.inf), np.inf)[: len(order)]
    end_s = np.minimum(end_s, number * windowed.WINDOW_S)
    greatest: Array = events["value"].copy()
    greatest[order] += np.maximum(events["slope"][order], 0) * (end_s - t_s)
    return greatest


class Sky(Mininet):
    """A Mininet whose links and routes are those of a plan. At first there are only nodes; a Player does the
    rest.

    The `prepare` methods turn what happens at one instant into messages, in the order in which they are
    called; `send` gives them to the kernel. So encoding is done before the deadline.
    """

    def __init__(self, plan: Playable, early_us: float = 0.0, zero_ns: int = 0, beyond: Beyond | None = None):
        """early_us: see shaping.options. zero_ns: run time 0 by CLOCK_MONOTONIC, for delays with slopes.
        beyond: where only a part of the nodes stands here; the plan is that part's.
        """
        segments.check(plan.scenario)
        self.plan = plan
        self._early_us, self._zero_ns, self._beyond = early_us, zero_ns, beyond
        satellites = sum(node.kind == "satellite" for node in plan.nodes)
        self._means, self._satellites = plan.scenario.routing.means, satellites
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # two descriptors a node
        Mininet.inited = True  # no change of the machine's own limits by a dozen of `sysctl -w`
        super().__init__(topo=SkyTopo(plan, beyond), controller=None, waitConnected=False)
        names = [node.name for node in plan.nodes]
        self.sky_nodes: list[SkyNode] = [self[name] for name in names]
        self.nodes_here = [node for node in self.sky_nodes if node.here]
        self.sky_links: dict[int, SkyLink] = {}  # by number in the plan
        self._lives: Counter[int] = Counter()
        self._longest_us, self._small = longest_delay_us(plan), shaping.small(plan.scenario.flows)
        self._by_fd = {node.netlink.socket.fileno(): node for node in self.nodes_here}
        self._answers = select.epoll()
        for fd in self._by_fd:
            self._answers.register(fd, select.EPOLLIN)
        self.link_between = {pair: i for i, x in enumerate(plan.links) for pair in ((x.a, x.b), (x.b, x.a))}
        self.link_values = Values(plan)
        self.hand: Switch | None = None  # by which links are changed while they are played
        self.via = np.full((len(names), len(names)), -1, np.int32)  # [node, destination]; wanted by routing

    def configHosts(self) -> None:
        """Called by Mininet's constructor: nothing is left to do."""

    def change_links(self, coming: np.ndarray) -> Iterator[None]:
        """Drop the links that neither stand nor come by plan, make those that do and are not there, one by
        one.

        coming: numbers of the links that come up before this is called again.
        """
        wanted = self.link_values.in_contact() | {*coming.tolist()}
        leaving, lacking = sorted(self.sky_links.keys() - wanted), sorted(wanted - self.sky_links.keys())
        return itertools.chain(map(self._drop_link, leaving), map(self._make_link, lacking))

    def _make_link(self, i: int) -> None:
        crossing = self.crossing(i)
        link = self.addLink(
            *ends(self.plan, i), up=False, max_delay_us=self._longest_us[i], crossing=crossing,
            early_us=self._early_us + (crossing.one_way_us if crossing else 0.0), zero_ns=self._zero_ns,
            small=self._small, addressed=self._means.filled_by == "daemons",
            **of_link(self.plan, i, self.link_values.in_force[i], self._lives[i]),
        )  # fmt: skip
        values = self.link_values
        link.hold(values.in_force[i], values.delays[i])  # which go on changing while it is not there
        self.sky_links[i] = link
        self._lives[i] += 1

    def crossing(self, i: int) -> Crossing | None:
        """How a link with an end here gets to its other end, if that stands elsewhere."""
        return self._beyond.crossing(i, self.plan.links[i]) if self._beyond else None

    def stands(self, i: int) -> bool:
        """Whether a link has its carrier."""
        return bool(self.link_values.in_force[i, 0, Property.CARRIER])

    def _drop_link(self, i: int) -> None:
        self.delLink(self.sky_links.pop(i))

    def prepare_carriers(self, events: np.ndarray) -> Outbox:
        """Messages that give or take the carrier of links, at both ends."""
        outbox: Outbox = defaultdict(list)
        for i, value in zip(events["link"].tolist(), events["value"].tolist(), strict=True):
            stood = self.stands(i)
            for side in SIDES[Direction.BOTH]:
                self.link_values.plan(i, side, Property.CARRIER, value)
            if self.stands(i) or stood:
                self._carrier(i, outbox)
        return outbox

    def _carrier(self, i: int, outbox: Outbox) -> None:
        for intf in self.sky_links[i].intfs:
            outbox[intf.node].append(intf.carrier(self.stands(i)))

    def prepare_states(self, events: np.ndarray) -> Outbox:
        """Messages for links that change, or come, which have their carrier already: by all events of an
        instant but those of carriers that go, the whole state of each direction once.
        """
        new, changed = set[int](), dict[int, int]()  # links; directions by link
        for t_s, i, direction, what, value, slope in events.tolist():
            if what == Property.CARRIER:
                new.add(i)
            for side in SIDES[direction]:
                self.link_values.plan(i, side, what, value, slope, t_s)
            changed[i] = changed.get(i, 0) | direction
        return self._states(changed, new)

    def prepare_held(
        self, i: int, values: Mapping[Property, float | None], direction: Direction = Direction.BOTH
    ) -> list[Outbox]:
        """Messages that put values of a link in force against the plan, or with None those of the plan again,
        in rounds. Where the link has no contact there are none, and what is held is in force when it has.
        """
        stood = self.stands(i)
        for what, value in values.items():
            for side in SIDES[direction]:
                self.link_values.hold(i, side, what, value)
        if not (stood or self.stands(i)):
            return []
        carrier: Outbox = defaultdict(list)
        if stood != self.stands(i):
            self._carrier(i, carrier)
        return [carrier, self._states({i: direction}, set() if stood else {i})]

    def _states(self, changed: Mapping[int, int], new: Container[int]) -> Outbox:
        """changed: directions by link. new: links whose carrier has just come."""
        outbox: Outbox = defaultdict(list)
        for i, direction in changed.items():
            if not self.stands(i):
                continue
            for side in SIDES[direction]:
                intf = self.sky_links[i].intfs[side]
                outbox[intf.node] += intf.up_messages() if i in new else [intf.shape()]
            if i in new:
                for node, routes in self._routes_over(i):
                    outbox[node] += routes
        return outbox

    def _routes_over(self, i: int) -> Iterable[tuple[SkyNode, list[bytes]]]:
        """The routes that a carrier loss took away and that routing still wants."""
        link = self.plan.links[i]
        for node, via in ((link.a, link.b), (link.b, link.a)):
            for destination in np.flatnonzero(self.via[node] == via):
                yield self.sky_nodes[node], self._route(node, int(destination), via)

    def _route(self, node: int, destination: int, via: int) -> list[bytes]:
        intf = self.sky_nodes[node].nameToIntf[self.sky_nodes[via].name]
        to = self.sky_nodes[destination]
        if self._means.keeps_path and node >= self._satellites:
            path = segments.path(self.via, node, destination)
            return intf.paths_to(to.ip, to.ip6, [self.sky_nodes[n].sid for n in path])
        return intf.routes_to(to.ip, to.ip6)

    def prepare_routes(self, changes: np.ndarray) -> list[Outbox]:
        """Messages for route changes of one instant, rows of routing.changes.CHANGE, in rounds.

        A route over a link that is down waits for it: until then its destination has none.
        """
        node, destination, via = (changes[name] for name in ("node", "dst", "via"))
        had = self.via[node, destination] >= 0
        self.via[node, destination] = via
        turn = order.rounds(node, destination, self.via)
        if self._means.keeps_path:
            ground, to = segments.rerouted(node, destination, self.via, self._satellites)
            node, destination = np.append(node, ground), np.append(destination, to)
            via, had = self.via[node, destination], np.append(had, np.ones(len(to), bool))
            turn = np.append(turn, np.zeros(len(to), int))  # at once: such packets meet no mixture of routes
        outboxes: list[Outbox] = [defaultdict(list) for _ in range(turn.max(initial=-1) + 1)]
        rows = (node.tolist(), destination.tolist(), via.tolist(), had.tolist(), turn.tolist())
        for a, b, hop, replaced, i in zip(*rows, strict=True):
            if hop >= 0 and self.stands(self.link_between[a, hop]):
                outboxes[i][self.sky_nodes[a]] += self._route(a, b, hop)
            elif replaced:
                to = self.sky_nodes[b]
                outboxes[i][self.sky_nodes[a]] += [
                    messages.route_delete(packed(ip)) for ip in (to.ip, to.ip6)
                ]
        return outboxes

    def send(self, outboxes: Iterable[Outbox], pause: Callable[[], None] | None = None) -> None:
        """Tell the kernel, one outbox after another; what it refuses is raised. pause: called now and then
        where much is to be told.
        """
        told = itertools.count(1)
        for outbox in outboxes:
            for node, batch in outbox.items():
                if pause and not next(told) % PAUSE_EVERY:
                    pause()
                if self._means.keeps_path and isinstance(node, GroundStation):
                    segments.send(node.netlink, batch)
                else:
                    node.netlink.send(batch)
        for fd, _ in self._answers.poll(0, maxevents=1):  # one system call for all nodes, not one for each
            for error in self._by_fd[fd].netlink.refused():
                raise error

    def configLinkStatus(self, src: str, dst: str, status: str) -> None:
        """Mininet's: take a link down, or let it be up. Raises ChangeError if that cannot be."""
        if self.hand is None or status not in ("up", "down"):
            raise ChangeError(f"The link of {src} and {dst} cannot be switched to {status} now.")
        switch = self.hand.up if status == "up" else self.hand.down
        switch(src, dst)

    def iperf(
        self, hosts: Sequence[SkyNode] | None = None, l4Type: str = "TCP", udpBw: str = "10M",
        fmt: str | None = None, seconds: int = 5, port: int = 5001,
    ) -> list[str]:  # fmt: skip
        """Mininet's: what the path between two nodes carries, as it arrives, and as it is sent."""
        client, server = hosts or (self.sky_nodes[0], self.sky_nodes[-1])
        udp_rate = udpBw if l4Type == "UDP" else None
        output(f"*** Iperf: testing {l4Type} bandwidth between {client.name} and {server.name}\n")
        rates_mbps = throughput.measure(client, server, seconds, port, udp_rate)
        result = [*([udpBw] if udp_rate else []), *(f"{rate:.3g} Mbits/sec" for rate in rates_mbps)]
        output(f"*** Results: {result}\n")
        return result

    def stop(self) -> None:
        """The kernel takes interfaces and routes away with their namespaces; nothing is undone one by one."""
        self._answers.close()
        for node in self.sky_nodes:
            node.terminate()


def _seed(seed: int, link: int, life: int) -> int:
    """A seed of 30 bits for netem's losses, another for each link and each time that it is made."""
    return int(np.random.SeedSequence([seed, link, life]).generate_state(1)[0]) >> 2
