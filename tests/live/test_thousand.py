"""A space cloud of 1,000 satellites, live: its kernels hold the plan's routes, and packets come through."""

import numpy as np
import pytest

from skybed.scripts.running import run
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.places import ROOT

pytestmark = pytest.mark.live

PLAYED_S = 10.0
CENTRE = "beijing"

PROGRAM = """
import contextlib, json, socket, struct, time
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.node import GroundStation
from skybed.emulator.sky.player import Player
from skybed.topologies.plan.plan import Plan

ECHO_REQUEST, ECHO_REPLY = 8, 0
PATIENCE_S = 5.0

plan = Plan.load(folder)
sky = Sky(plan)
player = Player(sky, plan)
player.open()
player.play(Clock(), played_s)  # from here on the sky stands still
nodes = sky.sky_nodes
by_ip = {node.ip: node.name for node in nodes}

# Of both families: destination and next hop of a node by name, as its kernel has them.
written = {}
for node in nodes:
    (number,) = struct.unpack("=I", socket.inet_aton(node.ip))
    written[f"{number:08X}"] = written[socket.inet_pton(socket.AF_INET6, node.ip6).hex()] = node.name
def routes(node):
    with node.namespace.entered():
        v4 = [line.split() for line in open("/proc/thread-self/net/route")]
        v6 = [line.split() for line in open("/proc/thread-self/net/ipv6_route")]
    tables = (v4, 1, 0), (v6, 0, 9)
    return [{written[row[to]]: row[by] for row in rows if row[to] in written and row[by] != "lo"}
            for rows, to, by in tables]

def ping(node, ips):
    "A socket that has sent an echo request to each."
    sender = node.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    for ip in ips:
        sender.sendto(struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 0, 1), (ip, 0))
    return sender

def drain(sock, kind, at, seen, wait_s=0.0):
    "Note the senders of the packets of a kind of ICMP, which is told `at` bytes after their beginning."
    sock.settimeout(wait_s)
    with contextlib.suppress(BlockingIOError, TimeoutError):
        while True:
            data, (ip, _) = sock.recvfrom(1500)
            if data[at] == kind:
                seen.add(by_ip[ip])

(centre,) = (node for node in nodes if node.name == centre_name)
arrived = set()
with centre.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as listener:
    for node in nodes:
        if node is not centre:
            ping(node, [centre.ip]).close()
            drain(listener, ECHO_REQUEST, 20, arrived)
    drain(listener, ECHO_REQUEST, 20, arrived, PATIENCE_S)
answered = {}
ground = [node for node in nodes if isinstance(node, GroundStation)]
for node in ground:
    answered[node.name] = set()
    others = {other.name: other.ip for other in ground if other is not node}
    with ping(node, others.values()) as sender:
        end = time.monotonic() + PATIENCE_S
        while answered[node.name] < set(others) and time.monotonic() < end:
            drain(sender, ECHO_REPLY, 0, answered[node.name], 0.1)
told = {
    "routes": {node.name: routes(node) for node in nodes}, "arrived": sorted(arrived),
    "answered": {name: sorted(names) for name, names in answered.items()},
}
print("answer", json.dumps(told), flush=True)
"""


@pytest.fixture
def plan(tmp_path):
    made = Plan.make(Scenario.load(ROOT / "scenarios" / "sc-1000.yaml"))
    made.save(tmp_path / "plan")
    return Plan.load(tmp_path / "plan")


def test_every_route_is_the_plan_s_and_every_satellite_reaches_the_centre(plan, in_lane, tmp_path):
    """After 10 s: the next hops of all 1,006 nodes to all destinations, IPv4 and IPv6, then real packets."""
    known = f"folder, played_s, centre_name = {str(tmp_path / 'plan')!r}, {PLAYED_S}, {CENTRE!r}\n"
    told = in_lane(PROGRAM, before=known, memory_mb=run.memory_of(plan, len(plan.nodes)))
    changes = plan.routes.whole()
    due = changes[changes["t_s"] <= PLAYED_S]
    assert len(np.unique(due["t_s"])) > 5
    names = [node.name for node in plan.nodes]
    expected = {name: {} for name in names}
    for _, node, destination, via in due.tolist():
        expected[names[node]][names[destination]] = names[via] if via >= 0 else None
    for name, to in expected.items():
        reached = {destination: via for destination, via in to.items() if via is not None}
        assert told["routes"][name] == [reached, reached], name
    assert sum(len(v4) for v4, _ in told["routes"].values()) > 9000
    ground = names[len(plan.orbits) :]
    assert told["answered"] == {name: sorted(set(ground) - {name}) for name in ground}
    arrival_s = [plan.trace(name, CENTRE, [PLAYED_S])[0][0] for name in names if name != CENTRE]
    assert np.isfinite(arrival_s[: len(plan.orbits)]).sum() >= 1000
    others = [name for name in names if name != CENTRE]
    assert told["arrived"] == sorted(np.array(others)[np.isfinite(arrival_s)])
