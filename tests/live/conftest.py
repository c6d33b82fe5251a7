"""What live tests share: a program run in a kernel lane, and the skybed command as a user runs it."""

import json
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from skybed.emulator.lanes import lanes
from support.lane import MEMORY_MB, ZERO_NS
from support.places import ROOT, SKYBED

# A sky of three in a row, a - sat - c, on Mininet's own class: what most programs begin with.
THREE = """
import json, sys, time
from mininet.net import Mininet
from skybed.emulator.sky.link import SkyLink
from skybed.emulator.sky.node import GroundStation, Satellite
from skybed.topologies.contacts.properties import Property

Mininet.inited = True
net = Mininet(controller=None)
nodes = [net.addHost(name, cls=cls, ip=f"10.0.0.{i}", ip6=f"fd5b::{i}")
         for i, (name, cls) in enumerate([("a", GroundStation), ("sat", Satellite), ("c", GroundStation)], 1)]
a, sat, c = nodes
near = net.addLink(a, sat, cls=SkyLink, delay_us=10_000, rate_bps=1e9)
far = net.addLink(sat, c, cls=SkyLink, delay_us=5_000, rate_bps=1e9)
ips = [(node.ip, node.ip6) for node in nodes]
def routes():
    a.config(routes=[(ips[1], "sat"), (ips[2], "sat")])
    sat.config(routes=[(ips[0], "a"), (ips[2], "c")])
    c.config(routes=[(ips[0], "sat"), (ips[1], "sat")])
routes()
def answer(**values):
    print("answer", json.dumps(values), flush=True)
"""


class Programs:
    """Runs Python programs in a lane. said: what the last one said over the channel, lines; zero_ns: run time
    0, in virtual time."""

    def __init__(self, folder, virtual=None):
        self._folder, self._virtual = folder, virtual
        self.zero_ns = virtual.zero_ns if virtual else None
        self.said = []

    def __call__(self, source, before=THREE, timeout_s=120, memory_mb=MEMORY_MB):
        """What a program gave to answer(...). before: what it begins with."""
        program = self._folder / "program.py"
        here = f"import os, sys; sys.path.insert(0, {str(ROOT / 'src')!r}); os.chdir({str(ROOT)!r})\n"
        program.write_text(f"{here}ZERO_NS = {self.zero_ns}\n{before}{textwrap.dedent(source)}")
        command = ["timeout", str(timeout_s), sys.executable, str(program)]
        lane = "uml" if self._virtual else lanes.choose("auto")
        with lanes.running(lane, command, self._folder, memory_mb, virtual=self._virtual) as begun:
            self.said = list(begun.channel.lines())
            begun.process.wait()
        lines = (self._folder / lanes.LOG).read_text(errors="replace").splitlines()
        answers = [json.loads(line[7:]) for line in lines if line.startswith("answer ")]
        assert answers, "\n".join(lines)
        return answers[-1]


@pytest.fixture
def in_lane(tmp_path):
    """in_lane(source) runs a Python program in the lane; returns what it gave to answer(...)."""
    return Programs(tmp_path)


@pytest.fixture
def in_virtual_time(tmp_path):
    """The same in virtual time, with ZERO_NS as run time 0: the machine may be as busy as it likes."""
    return Programs(tmp_path, lanes.VirtualTime(ZERO_NS, seed=1))


@pytest.fixture(scope="session")
def skybed():
    """skybed("run", ...) as a user types it; returns the finished process."""

    def run(*arguments, timeout_s=300):
        command = [str(SKYBED), *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)

    return run


@pytest.fixture
def machine(tmp_path):
    """What a run into tmp_path must not leave changed: called before and after, it gives equal answers."""

    def look():
        commands = (["ip", "-o", "address"], ["ip", "route", "show", "table", "all"], ["ip", "netns"])
        told = [subprocess.run(command, capture_output=True, text=True).stdout for command in commands]
        told = [re.sub(r" expires \d+sec", "", text) for text in told]  # a router advertisement counts down
        mark = f"{lanes.MARK}={tmp_path}".encode()
        marked = [pid.name for pid in Path("/proc").iterdir() if pid.name.isdigit() and mark in _environ(pid)]
        records = Path(tempfile.gettempdir()).glob(f"{lanes.TEMPORARY}*/run")
        return told, marked, [record for record in records if str(tmp_path) in record.read_text()]

    return look


def _environ(process):
    try:
        return (process / "environ").read_bytes()
    except OSError:  # gone
        return b""
