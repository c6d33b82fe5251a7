"""Skies for Mininet's own command:

    sudo .venv/bin/mn --custom emulator/mn.py --topo sky,pair --controller none

builds a still of the sky at the scenario's epoch; `--topo sky,pair,30` the one 30 s later.
"""

import itertools
import resource
import sys

import numpy as np
from mininet.net import Mininet
from mininet.topo import Topo
from mininet.util import ensureRoot, rlimitTestAndSet

from skybed.emulator.lanes import host
from skybed.emulator.sky import net
from skybed.topologies.contacts.properties import SIDES, Direction
from skybed.topologies.errors import MachineError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.scenario.file import Scenario

OPEN_FILES = 16384  # as mininet.util.fixLimits; mnexec closes them one by one for each host


class Still(Topo):
    """A sky as it is at a time: with the links that stand then, up, with their delays and routes."""

    def build(self, plan: Plan, at_s: float) -> None:
        names, via = [node.name for node in plan.nodes], table(plan, at_s)
        for i, node in enumerate(plan.nodes):
            reached = [(plan.nodes[d], names[via[i, d]]) for d in np.flatnonzero(via[i] >= 0)]
            routes = [((to.ip, to.ip6), hop) for to, hop in reached]
            self.addHost(node.name, routes=routes, **net.of_node(node))
        for i in plan.network.standing(at_s).tolist():
            delay_us = plan.network.one_way_s(i, SIDES[Direction.BOTH], at_s) * 1e6
            values = plan.network.values.all_at(np.array([i]), at_s)[0]
            self.addLink(*net.ends(plan, i), delay_us=delay_us, **net.of_link(plan, i, values))


def table(plan: Plan, at_s: float) -> np.ndarray:
    """The next hop of every node to every destination at a time, over links that stand: int[node,
    destination], -1 for none.
    """
    via = np.full((len(plan.nodes), len(plan.nodes)), -1)
    for changes in itertools.islice(plan.routes, windowed.index(at_s) + 1):
        for _, node, destination, hop in changes[changes["t_s"] <= at_s].tolist():
            via[node, destination] = hop
    there = plan.network.linked(plan.network.standing(at_s))[np.arange(len(via))[:, None], via]
    return np.where(there, via, -1)


def sky(scenario: str, at_s: float = 0.0) -> Still:
    if not (netem := host.netem_available()):
        print(
            f"mn plays links in this kernel, and {netem.why}: use `skybed run {scenario} --cli`.",
            file=sys.stderr,
        )
        sys.exit(MachineError.exit_code)
    leave_machine_alone()
    loaded = Scenario.load(scenario)
    return Still(Plan.make(loaded, duration_s=max(at_s + 1.0, 1.0)), at_s=float(at_s))


def leave_machine_alone() -> None:
    """What Mininet's `init` does, but for this process alone: it sets limits of the machine's kernel, too."""
    ensureRoot()
    rlimitTestAndSet(resource.RLIMIT_NOFILE, OPEN_FILES)
    Mininet.inited = True


topos = {"sky": sky}
