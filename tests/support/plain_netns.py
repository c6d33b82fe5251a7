"""Plain network namespaces for tests: nodes, veth links, routes; gone afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000
NAMED = "tr"  # how their names begin
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()


@contextlib.contextmanager
def inside(path):
    """This thread inside the network namespace at path, then back."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        if _libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        os.close(there)
        if _libc.setns(home, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns home")
        os.close(home)


class FakeNode:
    """A named network namespace that is a NodeHandle."""

    def __init__(self, name, number):
        self.name = name
        self.ip, self.ip6 = f"10.0.0.{number}", f"fd5b::{number:x}"
        self.netns = f"{NAMED}{os.getpid()}-{next(_serial)}"
        self.run("ip", "netns", "add", self.netns, here=True)
        try:
            for key, value in {
                "net.ipv4.ip_forward": 1,
                "net.ipv6.conf.all.forwarding": 1,
                "net.ipv6.conf.default.accept_dad": 0,
                "net.ipv4.icmp_ratelimit": 0,
                "net.ipv4.icmp_ratemask": 0,
                "net.ipv6.icmp.ratelimit": 0,
            }.items():
                self.sysctl(key, value)
            self.run("ip", "link", "set", "lo", "up")
            self.run("ip", "addr", "add", f"{self.ip}/32", "dev", "lo")
            self.run("ip", "addr", "add", f"{self.ip6}/128", "dev", "lo")
        except BaseException:
            self.remove()
            raise

    def sysctl(self, key, value):
        with inside(f"/run/netns/{self.netns}"), open("/proc/sys/" + key.replace(".", "/"), "w") as file:
            file.write(str(value))

    def run(self, *args, here=False):
        prefix = [] if here else ["ip", "netns", "exec", self.netns]
        done = subprocess.run([*prefix, *args], capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"{' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def socket(self, family, type, proto=0):
        with inside(f"/run/netns/{self.netns}"):
            return socket.socket(family, type, proto)

    def popen(self, args, **kwargs):
        return subprocess.Popen(["ip", "netns", "exec", self.netns, *args], **kwargs)

    def remove(self):
        self.run("ip", "netns", "del", self.netns, here=True)


class FakeClock:
    """Run time that starts in_s from now."""

    def __init__(self, in_s=0.2):
        self.epoch_ns = time.time_ns() + int(in_s * 1e9)

    def now_s(self):
        return (time.time_ns() - self.epoch_ns) / 1e9

    def sleep_until(self, t_s):
        time.sleep(max(0.0, t_s - self.now_s()))

    def from_realtime_ns(self, ns):
        return (ns - self.epoch_ns) / 1e9

    def to_realtime_ns(self, t_s):
        return self.epoch_ns + int(t_s * 1e9)


@contextlib.contextmanager
def chain(*names):
    """Nodes in a row, each linked to the next and routed to all; a dict by name."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for i, name in enumerate(names):
            nodes.append(FakeNode(name, i + 1))
            stack.callback(nodes[-1].remove)
        for left, right in itertools.pairwise(nodes):
            left.run(
                "ip", "link", "add", "right", "type", "veth", "peer", "name", "left", "netns", right.netns
            )
            for node, device, side in ((left, "right", 2), (right, "left", 1)):
                node.run("ip", "link", "set", device, "up")
                node.run("ip", "addr", "add", f"fe80::{side}/64", "dev", device)
        for i, node in enumerate(nodes):
            for j, other in enumerate(nodes):
                if i != j:
                    device = "right" if j > i else "left"
                    gateway = "fe80::1" if j > i else "fe80::2"
                    # IPv4 by way of an IPv6 next hop: links need no IPv4 addresses
                    node.run("ip", "route", "add", f"{other.ip}/32", "via", "inet6", gateway, "dev", device,
                             "src", node.ip)  # fmt: skip
                    node.run("ip", "-6", "route", "add", f"{other.ip6}/128", "via", gateway, "dev", device,
                             "src", node.ip6)  # fmt: skip
        yield {node.name: node for node in nodes}


def can_make_namespaces():
    """Whether this machine and user may make network namespaces."""
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True)
    return probe.returncode == 0 and os.geteuid() == 0
