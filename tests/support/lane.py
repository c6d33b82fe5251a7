"""Programs that live tests run in a lane."""

import json
import sys
import textwrap

from skybed.emulator.lanes import lanes
from support.places import ROOT

MEMORY_MB = 1024  # of a guest
ZERO_NS = 10**18  # run time 0 in virtual time

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

# It, and what it starts, has the code of this checkout.
HERE = f"""
import os, sys
os.chdir({str(ROOT)!r})
os.environ["PYTHONPATH"] = {str(ROOT / "src")!r}
sys.path.insert(0, os.environ["PYTHONPATH"])
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
        program.write_text(f"{HERE}ZERO_NS = {self.zero_ns}\n{before}{textwrap.dedent(source)}")
        command = ["timeout", str(timeout_s), sys.executable, str(program)]
        lane = "uml" if self._virtual else lanes.choose("auto")
        with lanes.running(lane, command, self._folder, memory_mb, virtual=self._virtual) as begun:
            self.said = list(begun.channel.lines())
            begun.process.wait()
        lines = (self._folder / lanes.LOG).read_text(errors="replace").splitlines()
        answers = [json.loads(line[7:]) for line in lines if line.startswith("answer ")]
        assert answers, "\n".join(lines)
        return answers[-1]
