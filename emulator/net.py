"""The sky as a Mininet network, and what can be done to it at one instant."""

from __future__ import annotations

import resource
import select
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from mininet.net import Mininet
from mininet.topo import Topo

from emulator import messages, order
from emulator.link import SkyLink
from emulator.messages import packed
from emulator.node import GroundStation, Satellite, SkyNode
from topologies.timeline import EventKind

if TYPE_CHECKING:
    from topologies.plan import Plan

Outbox = dict[SkyNode, list[bytes]]  # what each node's kernel is to be told; one send each


class SkyTopo(Topo):
    """A plan's nodes and links as a Mininet topology.

    at_s None: every link that the plan ever uses, all down, for `Sky` to drive. A time: only the links that
    stand then, up, with their delays and routes: a still of the sky, which stock `mn` can build.
    """

    def build(self, plan: Plan, at_s: float | None = None, early_us: float = 0.0) -> None:
        names = [node.name for node in plan.nodes]
        via = None if at_s is None else _table(plan, at_s)
        for i, node in enumerate(plan.nodes):
            cls = Satellite if node.kind == "satellite" else GroundStation
            still: dict[str, Any] = {}
            if via is not None:
                reached = np.flatnonzero(via[i] >= 0)
                still["routes"] = [((plan.nodes[d].ip, plan.nodes[d].ip6), names[via[i, d]]) for d in reached]
            self.addHost(node.name, cls=cls, ip=node.ip, ip6=node.ip6, **still)
        links = range(len(plan.links)) if at_s is None else _standing(plan, at_s)
        longest_us = _longest_delay_us(plan)
        for i in links:
            link = plan.links[i]
            capable = link.link_class
            self.addLink(
                names[link.a], names[link.b], cls=SkyLink, up=at_s is not None,
                delay_us=0.0 if at_s is None else float(plan.delay_s(i, at_s)) * 1e6,
                max_delay_us=longest_us[i], rate_bps=capable.rate_mbps * 1e6, loss_pct=capable.loss_pct,
                queue_packets=capable.queue_packets, seed=_seed(plan.scenario.seed, i),
                early_us=early_us, addr1=_mac(i, 0), addr2=_mac(i, 1),
            )  # fmt: skip


def _table(plan: Plan, at_s: float) -> np.ndarray:
    """The next hop of every node to every destination at a time: int[node, destination], -1 for none."""
    changes = plan.routes().changes
    via = np.full((len(plan.nodes), len(plan.nodes)), -1)
    for _, node, destination, hop in changes[changes["t_s"] <= at_s].tolist():
        via[node, destination] = hop
    return via


def _standing(plan: Plan, at_s: float) -> list[int]:
    rows = plan.contacts[(plan.contacts["start_s"] <= at_s) & (at_s < plan.contacts["end_s"])]
    return sorted(rows["link"].tolist())


def _longest_delay_us(plan: Plan) -> np.ndarray:
    """Per link, over the whole plan."""
    longest_us = np.zeros(len(plan.links))
    events = plan.timeline().events
    set_by = events[~np.isnan(events["delay_us"])]
    np.maximum.at(longest_us, set_by["link"], set_by["delay_us"])
    return longest_us


class Sky(Mininet):
    """A Mininet whose links and routes are those of a plan. At first all are down; a Player does the rest.

    The `prepare` methods turn what happens at one instant into messages, in the order in which they are
    called; `send` gives them to the kernel. So encoding is done before the deadline.
    """

    def __init__(self, plan: Plan, early_us: float = 0.0):
        self.plan = plan
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # two descriptors a node
        Mininet.inited = True  # no change of the machine's own limits by a dozen of `sysctl -w`
        super().__init__(topo=SkyTopo(plan, early_us=early_us), controller=None, waitConnected=False)
        names = [node.name for node in plan.nodes]
        self.sky_nodes: list[SkyNode] = [self[name] for name in names]
        self.sky_links: list[SkyLink] = [self[names[x.a]].nameToIntf[names[x.b]].link for x in plan.links]
        self._by_fd = {node.netlink.socket.fileno(): node for node in self.sky_nodes}
        self._answers = select.epoll()
        for fd in self._by_fd:
            self._answers.register(fd, select.EPOLLIN)
        self._link_between = {pair: i for i, x in enumerate(plan.links) for pair in ((x.a, x.b), (x.b, x.a))}
        self._up = np.zeros(len(plan.links), bool)
        self._silent = np.zeros(len(plan.links), bool)
        self._delay_us = np.zeros(len(plan.links))
        self._via = np.full((len(names), len(names)), -1, np.int32)  # [node, destination]

    def prepare_carriers(self, events: np.ndarray) -> Outbox:
        """Messages that give or take the carrier of the links of UP and DOWN events, at both ends."""
        outbox: Outbox = defaultdict(list)
        for event in events:
            i, up = int(event["link"]), event["kind"] == EventKind.UP
            self._up[i] = up
            for intf in self.sky_links[i].intfs:
                outbox[intf.node].append(intf.carrier(up))
        return outbox

    def prepare_states(self, events: np.ndarray) -> Outbox:
        """Messages that set the delay and the silence of links with a carrier, by all events but DOWN."""
        outbox: Outbox = defaultdict(list)
        for event in events:
            kind, i = EventKind(event["kind"]), int(event["link"])
            if kind in (EventKind.UP, EventKind.DELAY):
                self._delay_us[i] = event["delay_us"]
            else:
                self._silent[i] = kind is EventKind.SILENCE
            state = float(self._delay_us[i]), bool(self._silent[i])
            for intf in self.sky_links[i].intfs:
                new = kind is EventKind.UP
                outbox[intf.node] += intf.up_messages(*state) if new else [intf.netem.message(*state)]
            if kind is EventKind.UP:
                for node, routes in self._routes_over(i):
                    outbox[node] += routes
        return outbox

    def _routes_over(self, i: int) -> Iterable[tuple[SkyNode, list[bytes]]]:
        """The routes that a carrier loss took away and that routing still wants."""
        link = self.plan.links[i]
        for node, via in ((link.a, link.b), (link.b, link.a)):
            for destination in np.flatnonzero(self._via[node] == via):
                yield self.sky_nodes[node], self._route(node, int(destination), via)

    def _route(self, node: int, destination: int, via: int) -> list[bytes]:
        intf = self.sky_nodes[node].nameToIntf[self.sky_nodes[via].name]
        to = self.sky_nodes[destination]
        return intf.routes_to(to.ip, to.ip6)

    def prepare_routes(self, changes: np.ndarray) -> list[Outbox]:
        """Messages for route changes of one instant, as `topologies.routes.Routes.changes`, in rounds.

        A route over a link that is down waits for it: until then its destination has none.
        """
        node, destination, via = (changes[name] for name in ("node", "dst", "via"))
        had = self._via[node, destination] >= 0
        self._via[node, destination] = via
        turn = order.rounds(node, destination, self._via)
        outboxes: list[Outbox] = [defaultdict(list) for _ in range(turn.max(initial=-1) + 1)]
        rows = (node.tolist(), destination.tolist(), via.tolist(), had.tolist(), turn.tolist())
        for a, b, hop, replaced, i in zip(*rows, strict=True):
            if hop >= 0 and self._up[self._link_between[a, hop]]:
                outboxes[i][self.sky_nodes[a]] += self._route(a, b, hop)
            elif replaced:
                to = self.sky_nodes[b]
                outboxes[i][self.sky_nodes[a]] += [
                    messages.route_delete(packed(ip)) for ip in (to.ip, to.ip6)
                ]
        return outboxes

    def send(self, outboxes: Iterable[Outbox]) -> None:
        """Tell the kernel, one outbox after another; what it refuses is raised."""
        for outbox in outboxes:
            for node, batch in outbox.items():
                node.netlink.send(batch)
        for fd, _ in self._answers.poll(0, maxevents=1):  # one system call for all nodes, not one for each
            for error in self._by_fd[fd].netlink.refused():
                raise error

    def stop(self) -> None:
        """The kernel takes interfaces and routes away with their namespaces; nothing is undone one by one."""
        self._answers.close()
        for node in self.sky_nodes:
            node.terminate()


def _mac(link: int, side: int) -> str:
    """Locally administered, from the link's number: the same in every run."""
    return ":".join(f"{byte:02x}" for byte in (2, side, *link.to_bytes(4, "big")))


def _seed(seed: int, link: int) -> int:
    """A seed of 30 bits for netem's losses, another for each link."""
    return int(np.random.SeedSequence([seed, link]).generate_state(1)[0]) >> 2
