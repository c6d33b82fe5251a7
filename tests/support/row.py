"""Flows that cross a row of nodes in a lane, east - relay - far - west."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import pathlib
import subprocess
import sys
import threading
import traceback

from mininet.net import Mininet

from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.link import SkyLink
from skybed.emulator.sky.node import Satellite
from skybed.scripts.running import parts
from skybed.scripts.running.newest import Newest
from skybed.topologies.errors import MachineError
from skybed.traffic.crossings import Crossings, built
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.kinds.tcp import TcpFlow
from skybed.traffic.kinds.trace import TraceFlow
from skybed.traffic.kinds.udp import UdpFlow

NAMES = ("east", "relay", "far", "west")
DELAYS_US = (300, 200, 100)  # of its links, one way
FOUR_WAYS = [(protocol, family) for protocol in ("stamp", "echo") for family in (4, 6)]
PLAYS = {}


def row():
    """The nodes, by name, with routes to all others."""
    Mininet.inited = True
    net = Mininet(controller=None)
    numbered = enumerate(NAMES, 1)
    nodes = [net.addHost(name, cls=Satellite, ip=f"10.0.0.{i}", ip6=f"fd5b::{i}") for i, name in numbered]
    for ends, delay_us in zip(itertools.pairwise(nodes), DELAYS_US, strict=True):
        net.addLink(*ends, cls=SkyLink, delay_us=delay_us, rate_bps=1e9)
    for i, node in enumerate(nodes):
        node.config(
            routes=[
                ((other.ip, other.ip6), NAMES[i + 1 if j > i else i - 1])
                for j, other in enumerate(nodes)
                if i != j
            ]
        )
    return dict(zip(NAMES, nodes, strict=True))


def play(nodes, flows, out, until_s=1.0, meanwhile=lambda clock: None):
    """Have flows cross the row; returns when all was over. meanwhile: what else happens, in a thread."""
    with Crossings(flows, nodes, built(flows), until_s, out) as crossings:
        crossings.open()
        clock = Clock(0.3)
        crossings.begin(clock)
        beside = threading.Thread(target=meanwhile, args=(clock,))
        beside.start()
        crossings.run()
    ended_s = clock.now_s()
    beside.join()
    return {"ended_s": ended_s}


def run(node, *command):
    """What a command in a node prints."""
    process = node.popen(list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = process.communicate()
    assert process.returncode == 0, f"{command}: {said}"
    return said


@contextlib.contextmanager
def dropping(node, target, kind="blackhole"):
    """While this holds, the node drops IPv4 packets to the target."""
    before = run(node, "ip", "route", "show", target.ip).split()
    run(node, "ip", "route", "del", target.ip)
    run(node, "ip", "route", "add", kind, target.ip)
    try:
        yield
    finally:
        run(node, "ip", "route", "del", kind, target.ip)
        run(node, "ip", "route", "add", *before)


def dropping_from(node, target, from_s, until_s):
    """What has the node do so between two run times, as `play` takes it."""

    def outage(clock):
        clock.sleep_until(from_s)
        with dropping(node, target):
            clock.sleep_until(until_s)

    return outage


@contextlib.contextmanager
def returning(node, target, back):
    """While this holds, the node sends packets to the target the wrong way, to its neighbour `back`."""
    gateway = node.nameToIntf[back.name].peer
    ways = {
        "-4": (f"{target.ip}/32", "via", back.ip, "onlink"),
        "-6": (f"{target.ip6}/128", "via", gateway.link_local),
    }
    before = {f: run(node, "ip", f, "route", "show", to).split() for f, (to, *_) in ways.items()}
    for family, (to, *via) in ways.items():
        run(node, "ip", family, "route", "del", to)
        run(node, "ip", family, "route", "add", to, *via, "dev", back.name)
    try:
        yield
    finally:
        for family, route in before.items():
            run(node, "ip", family, "route", "del", ways[family][0])
            run(node, "ip", family, "route", "add", *route)


def probe(name, protocol="stamp", family=4, rate_hz=50, **rest):
    return ProbeFlow(
        name=name, kind="probe", source="east", target="west", protocol=protocol, family=family,
        rate_hz=rate_hz, **rest,
    )  # fmt: skip


trace = functools.partial(TraceFlow, kind="trace", source="east", target="west")
udp = functools.partial(UdpFlow, kind="udp", source="east", target="west")
tcp = functools.partial(TcpFlow, kind="tcp", source="east", target="west")


def plays(function):
    """Add it to what `main` plays: function(nodes, folder of its tables) -> what else there is to tell."""
    PLAYS[function.__name__] = function
    return function


@plays
def undisturbed(nodes, out):
    return play(nodes, [probe(f"{p}{f}", p, f) for p, f in FOUR_WAYS], out)


@plays
def captured(nodes, out):
    command = ["tcpdump", "-Z", "root", "-U", "-i", "far", "-w", str(out / "cap"), "udp", "port", "862"]
    with nodes["west"].popen(command, stderr=subprocess.PIPE) as capture:
        assert b"listening" in capture.stderr.readline()
        told = play(nodes, [probe("p", rate_hz=5)], out)
        capture.terminate()
    return told


@plays
def a_while(nodes, out):
    return play(nodes, [probe("p", start_s=0.4, stop_s=0.8)], out)


@plays
def dropped_for_half_a_second(nodes, out):
    outage = dropping_from(nodes["relay"], nodes["west"], 0.5, 1.0)
    return play(nodes, [probe("stamp"), probe("echo", "echo")], out, 2.0, outage)


@plays
def no_route(nodes, out):
    flows = [probe("stamp"), probe("echo", "echo"), trace(name="t", every_s=0.5), udp(name="u", rate_mbps=1)]
    with dropping(nodes["east"], nodes["west"], "unreachable"):
        return play(nodes, flows, out)


@plays
def probes_in_a_circle(nodes, out):
    with returning(nodes["far"], nodes["west"], nodes["relay"]):
        return play(nodes, [probe(f"{p}{f}", p, f, rate_hz=20) for p, f in FOUR_WAYS], out)


@plays
def answers_in_a_circle(nodes, out):
    with returning(nodes["relay"], nodes["east"], nodes["far"]):
        return play(nodes, [probe(f"{p}{f}", p, f, rate_hz=20) for p, f in FOUR_WAYS], out)


@plays
def unreachable_beyond_far(nodes, out):
    with dropping(nodes["far"], nodes["west"], "unreachable"):
        return play(nodes, [probe("p"), probe("e", "echo")], out)


@plays
def traced(nodes, out):
    return play(nodes, [trace(name=f"t{f}", every_s=0.25, family=f) for f in (4, 6)], out)


@plays
def traced_into_a_black_hole(nodes, out):
    with dropping(nodes["far"], nodes["west"]):
        return play(nodes, [trace(name="t", every_s=0.25, max_ttl=5)], out)


@plays
def traced_to_an_end(nodes, out):
    with dropping(nodes["far"], nodes["west"], "unreachable"):
        return play(nodes, [trace(name="t", every_s=0.25, max_ttl=5)], out)


@plays
def a_path_that_grows(nodes, out):
    """While east's packets to west are answered by relay itself, the path is one hop long."""
    relay, own = nodes["relay"], (f"{nodes['west'].ip}/32", "dev", "lo")
    run(relay, "ip", "addr", "add", *own)

    def grow(clock):
        clock.sleep_until(0.75)  # rounds begin at 0.125, 0.375, ...
        run(relay, "ip", "addr", "del", *own)

    return play(nodes, [trace(name="t", every_s=0.25)], out, 1.5, grow)


@plays
def streams(nodes, out):
    return play(
        nodes, [udp(name=f"u{f}", rate_mbps=20, size_bytes=1250, family=f) for f in (4, 6)], out, until_s=2.5
    )


@plays
def transfer(nodes, out):
    return play(nodes, [tcp(name="t", rate_mbps=20, streams=2)], out, until_s=3.0)


@plays
def transfer_that_cannot_be(nodes, out):
    try:
        return play(nodes, [tcp(name="t", congestion="nonsense")], out)
    except MachineError as error:
        return {"refused": str(error)}


@plays
def transfer_that_waits_for_a_route(nodes, out):
    with contextlib.ExitStack() as outage:
        outage.enter_context(dropping(nodes["east"], nodes["west"], "unreachable"))

        def return_at_2_s(clock):
            clock.sleep_until(2.0)
            outage.close()

        return play(nodes, [tcp(name="t", rate_mbps=20)], out, 5.0, return_at_2_s)


@plays
def transfer_that_never_has_a_route(nodes, out):
    with dropping(nodes["east"], nodes["west"], "unreachable"):
        return play(nodes, [tcp(name="t")], out, 3.0)


@plays
def fine_bins(nodes, out):
    flows = [udp(name="u", rate_mbps=20, size_bytes=1250, bin_s=0.1), tcp(name="t", rate_mbps=20, bin_s=0.25)]
    return play(nodes, flows, out, until_s=2.05)


@plays
def transfer_over_a_link_that_dies(nodes, out):
    outage = dropping_from(nodes["far"], nodes["west"], 1.5, 6.0)
    return play(nodes, [tcp(name="t", rate_mbps=5)], out, 3.0, outage)


@plays
def ended_early(nodes, out):
    flows = [probe("p"), udp(name="u", rate_mbps=1), tcp(name="t", rate_mbps=1)]
    traffic = parts.traffic(
        flows, nodes, built(flows), 60.0, out, 1.0, None, None, None, None, Newest(), 10.0
    )
    try:
        traffic.open()
        clock = Clock(0.5)
        traffic.begin(clock)
        clock.sleep_until(1.5)
        traffic.end(1.5)
        ended_s = clock.now_s()
    finally:
        traffic.close()
    return {"ended_s": ended_s}


@plays
def streams_beyond_the_rate_of_a_link(nodes, out):
    """The last play, for the link stays as it is."""
    shape = ["tbf", "rate", "5mbit", "burst", "5kb", "limit", "20kb"]
    run(nodes["relay"], "tc", "qdisc", "replace", "dev", "far", "root", *shape)
    return play(nodes, [udp(name="u", rate_mbps=10, size_bytes=1222)], out, until_s=3.0)


def main(folder):
    """Play all; what there is to tell of each, or `error`."""
    logging.basicConfig(stream=sys.stdout)
    nodes, told = row(), {}
    for name, function in PLAYS.items():
        out = pathlib.Path(folder, name)
        out.mkdir()
        try:
            told[name] = function(nodes, out)
        except BaseException:
            told[name] = {"error": traceback.format_exc()}
    return told
