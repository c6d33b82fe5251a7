"""Benchmark, inside the lane: what skies cost in time and memory, and stock Mininets of the same graph.

Stock is what a user of Mininet would write: hosts, and links of class TCLink with a rate and a delay.
"""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mininet.link import TCLink
from mininet.log import setLogLevel
from mininet.net import Mininet

from skybed.emulator import mn
from skybed.emulator.kernel import messages
from skybed.emulator.kernel.netlink import Connection
from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.player import Player
from skybed.scripts.bench.figures import Section, Tell, figure
from skybed.topologies.contacts.nodes import Link
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

Shape = tuple[int, int]  # planes, satellites in each

RATE_MBPS, QUEUE_PACKETS = 10, 100
STOCK_DELAY_MS = 10
MOST_STOCK_HOSTS = 1000
A_PLANE_S = 0.01  # a budget in which one plane is made, and no more
GONE_POLL_S = 0.005
SETTLE_S = 0.3  # the kernel frees what forks and namespaces leave a little later


def grid(shape: Shape, **isl: Any) -> Plan:
    """A sky without ground: each satellite linked to two in its plane and two beside it. isl: says else.

    So high that the Earth cuts off no link; without destinations, so that there are no routes.
    """
    planes, per_plane = shape
    walker = {"planes": planes, "per_plane": per_plane, "inclination_deg": 60, "altitude_km": 20_000}
    fields = {
        "name": "bench",
        "epoch": "2026-01-01T00:00:00Z",
        "duration_s": 1,
        "layers": {"sat": {"names": "s{n}", "walker": walker, "isl": {"link": "isl", **isl}}},
        "links": {"isl": {"rate_mbps": RATE_MBPS, "queue_packets": QUEUE_PACKETS}},
        "routing": {"destinations": "ground"},
    }
    return Plan.make(Scenario.model_validate(fields)).kept()  # nothing is worked out while a sky is timed


def open_sky(plan: Plan) -> Sky:
    """A sky as it stands at 0."""
    sky = Sky(plan)
    Player(sky, plan).open()
    return sky


def stock_net() -> Mininet:
    """A stock Mininet, still empty. What is linked in it becomes a TCLink."""
    setLogLevel("critical")
    mn.leave_machine_alone()
    return Mininet(controller=None, waitConnected=False, link=partial(TCLink, bw=RATE_MBPS))


def add_stock_link(net: Mininet, plan: Plan, link: Link) -> None:
    names = plan.nodes[link.a].name, plan.nodes[link.b].name
    net.addLink(*names, delay=f"{STOCK_DELAY_MS}ms", max_queue_size=QUEUE_PACKETS)


# -- what they cost --------------------------------------------------------------------------------


class Costs(NamedTuple):
    """Of a whole network: to make its nodes and its links, and until all is gone; the kernel's memory for
    either, that of kernel and processes together; processes."""

    nodes_s: float
    links_s: float
    down_s: float
    nodes_kib: float
    links_kib: float
    all_kib: float
    processes: int


class Use(NamedTuple):
    """Of the machine, at a moment."""

    kernel_kib: int
    all_kib: int
    processes: int


NOTHING = Use(0, 0, 0)


def bring_up(params: dict[str, Any], tell: Tell) -> Section:
    """params: budget_s for stock Mininet to come up; per_plane of its grid; rounds of our skies; shape of a
    large one."""
    _stock_costs(A_PLANE_S, 3, tell)  # what comes first finds cold caches
    planes, stock = _stock_costs(params["budget_s"], params["per_plane"], tell)
    sky_costs((1, 3))
    shape, large_shape = (planes, params["per_plane"]), params["shape"]
    tell(f"skies of {math.prod(shape):,} nodes")
    same = [sky_costs(shape, seam=False) for _ in range(params["rounds"])]
    tell(f"skies of {math.prod(large_shape):,} nodes")
    large = [sky_costs(large_shape) for _ in range(params["rounds"])]
    nodes, large_nodes = math.prod(shape), math.prod(large_shape)
    links, large_links = len(grid(shape, seam=False).links), len(grid(large_shape).links)

    def line(key: str, what: str, of: Callable[[Costs], float]) -> dict[str, Any]:
        return figure(key, what, [of(costs) for costs in same], [of(stock)], "Mininet")

    return {
        "about": f"Bring-up and tear-down: {nodes:,} nodes and {links:,} links, the same graph in both",
        "nodes": nodes,
        "links": links,
        "figures": [
            line("node_up_ms", "bring-up, ms a node", lambda c: 1e3 * c.nodes_s / nodes),
            line("link_up_ms", "bring-up, ms a link", lambda c: 1e3 * c.links_s / links),
            line("node_down_ms", "tear-down, ms a node with its links", lambda c: 1e3 * c.down_s / nodes),
            line("node_kernel_kib", "kernel memory, KiB a node", lambda c: c.nodes_kib / nodes),
            line("link_kernel_kib", "kernel memory, KiB a link", lambda c: c.links_kib / links),
            line("node_memory_kib", "all memory, KiB a node with its links", lambda c: c.all_kib / nodes),
            line("node_processes", "processes a node", lambda c: c.processes / nodes),
            figure("large_up_s", f"{large_nodes:,} nodes, {large_links:,} links: bring-up, s",
                   [c.nodes_s + c.links_s for c in large]),
            figure("large_down_s", "  tear-down of these, s", [c.down_s for c in large]),
            figure("large_node_kernel_kib", "  kernel memory of these, KiB a node",
                   [(c.nodes_kib + c.links_kib) / large_nodes for c in large]),
        ],
    }  # fmt: skip


def sky_costs(shape: Shape, **isl: Any) -> Costs:
    """What its links cost is told by a sky without them."""
    bare_s, _, bare = _sky_costs(grid(shape, pattern="none"))
    whole_s, down_s, whole = _sky_costs(grid(shape, **isl))
    kib = bare.kernel_kib, whole.kernel_kib - bare.kernel_kib, whole.all_kib
    return Costs(bare_s, whole_s - bare_s, down_s, *kib, whole.processes)


def _sky_costs(plan: Plan) -> tuple[float, float, Use]:
    time.sleep(SETTLE_S)
    before, started_s = _use(), time.monotonic()
    sky = open_sky(plan)
    up_s = time.monotonic() - started_s
    used = _use(before)
    return up_s, _down_s(sky.stop), used


def _stock_costs(budget_s: float, per_plane: int, tell: Tell) -> tuple[int, Costs]:
    """The largest stock Mininet that is up within the budget, and its number of planes.

    It grows by a plane at a time: hosts, their links to one another and to the plane before.
    """
    plan = grid((MOST_STOCK_HOSTS // per_plane, per_plane), seam=False)
    by_plane = defaultdict(list)
    for link in plan.links:
        by_plane[link.b // per_plane].append(link)
    net, before = stock_net(), _use()
    planes, nodes_s, links_s, nodes_kib, last_s = 0, 0.0, 0.0, 0, 0.0
    while planes < len(by_plane) and nodes_s + links_s + last_s < budget_s:
        tell(f"stock Mininet, {len(net.hosts)} hosts")
        names = [node.name for node in plan.nodes[planes * per_plane :][:per_plane]]
        hosts_s, linked_s, kib = _add_plane(net, plan, names, by_plane[planes])
        nodes_s, links_s, nodes_kib = nodes_s + hosts_s, links_s + linked_s, nodes_kib + kib
        planes, last_s = planes + 1, hosts_s + linked_s
    time.sleep(SETTLE_S)
    used = _use(before)
    kib_parts = nodes_kib, used.kernel_kib - nodes_kib, used.all_kib
    return planes, Costs(nodes_s, links_s, _down_s(net.stop), *kib_parts, used.processes)


def _add_plane(net: Mininet, plan: Plan, names: list[str], links: list[Link]) -> tuple[float, float, int]:
    """Time for hosts, time for links, and the kernel's memory for the hosts in KiB."""
    time.sleep(SETTLE_S)
    before, began_s = _use(), time.monotonic()
    hosts = [net.addHost(name) for name in names]
    made_s = time.monotonic()
    time.sleep(SETTLE_S)
    kib = _use(before).kernel_kib
    linking_s = time.monotonic()
    for link in links:
        add_stock_link(net, plan, link)
    linked_s = time.monotonic()
    for host in hosts:
        host.configDefault()  # addresses: what Mininet.start does for a host
    return made_s - began_s + time.monotonic() - linked_s, linked_s - linking_s, kib


def _use(before: Use = NOTHING) -> Use:
    """What is in use beyond `before`."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
    everything = kib["MemTotal"] - kib["MemFree"] - kib["Buffers"] - kib["Cached"]
    processes = sum(_is_process(entry) for entry in Path("/proc").iterdir())
    now = everything - kib["AnonPages"], everything, processes
    return Use(*(a - b for a, b in zip(now, before, strict=True)))


def _is_process(entry: Path) -> bool:
    """A thread of the kernel has no command line."""
    try:
        return entry.name.isdigit() and bool((entry / "cmdline").read_bytes())
    except OSError:  # gone
        return False


def _down_s(stop: Callable[[], None]) -> float:
    """How long `stop` takes, and then the kernel, which takes namespaces away behind its back.

    It does so in the order in which they were closed, so one more is closed after them, and its link watched.
    """
    stays, goes = Namespace(), Namespace()
    with contextlib.closing(stays), contextlib.closing(Connection(stays)) as connection:
        watched = messages.veth("watched", 100, "02:fe:00:00:00:01", "end", 100, "02:fe:00:00:00:02", goes.fd)
        connection.apply([watched])
        started_s = time.monotonic()
        stop()
        goes.close()
        with stays.entered():
            while any(name == "watched" for _, name in socket.if_nameindex()):
                time.sleep(GONE_POLL_S)
        return time.monotonic() - started_s
