"""SRv6 in the kernel: which paths ground nodes are to be told anew, and whether the kernel can take them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence

import numpy as np

from skybed.emulator.kernel import messages
from skybed.emulator.kernel.addresses import packed
from skybed.emulator.kernel.netlink import Connection
from skybed.emulator.kernel.netns import Namespace
from skybed.emulator.sky.node import LOOPBACK
from skybed.topologies.arrays import Index
from skybed.topologies.errors import MachineError
from skybed.topologies.model.scenario import ScenarioModel
from skybed.topologies.routing import srv6

AT_ONCE, TRIES, PAUSE_S = 100, 50, 1e-4


def check(scenario: ScenarioModel) -> None:
    """Raise MachineError if the scenario wants what this kernel cannot do."""
    if not scenario.routing.means.keeps_path:
        return
    namespace = Namespace()
    netlink = Connection(namespace)
    trial = messages.source_route(packed("10.0.0.1"), [packed(srv6.sid(0))], LOOPBACK, packed("127.0.0.1"), 0)
    try:
        netlink.apply([messages.link_state(LOOPBACK, True), trial])
    except OSError as refusal:
        raise MachineError(
            f"{scenario.where('routing', 'protocol')} is srv6, which needs a kernel with "
            f"CONFIG_IPV6_SEG6_LWTUNNEL; Linux {os.uname().release} says {refusal.strerror}. The one that "
            "`skybed install --kernel` builds has it: --lane uml."
        ) from None
    finally:
        netlink.close()
        namespace.close()


def send(netlink: Connection, batch: Sequence[bytes]) -> None:
    """Apply messages that may be routes with segments, each of which takes memory of every CPU.

    The kernel has little of it at hand and makes more when it next has time: it is then asked again.
    """
    for start in range(0, len(batch), AT_ONCE):
        part, tries = batch[start : start + AT_ONCE], 0
        while True:
            netlink.send(part)
            refused = netlink.refused()
            if not refused:
                break
            if tries == TRIES or any(error.errno != errno.ENOMEM for error in refused):
                raise refused[0]
            tries += 1
            time.sleep(PAUSE_S)


def path(via: Index, node: int, destination: int) -> list[int]:
    """The nodes after `node` on its way to a destination that it has a route to."""
    nodes = []
    while node != destination:
        node = int(via[node, destination])
        nodes.append(node)
    return nodes


def rerouted(node: Index, destination: Index, via: Index, satellites: int) -> tuple[Index, Index]:
    """(ground nodes, destinations): the paths that are other than before though they begin as before.

    node, destination, via: as for order.rounds. A path has changed if a node on it has.
    """
    changing = np.zeros(via.shape, bool)
    changing[node, destination] = True
    grid = np.meshgrid(np.unique(destination), np.arange(satellites, len(via)), indexing="ij")
    to, ground = (axis.ravel() for axis in grid)
    other = np.zeros(len(to), bool)
    walking, at = np.flatnonzero(~changing[ground, to]), via[ground, to]
    at = at[walking]
    while len(walking):
        on = (at >= 0) & (at != to[walking])
        walking, at = walking[on], at[on]
        hit = changing[at, to[walking]]
        other[walking[hit]] = True
        walking, at = walking[~hit], at[~hit]
        at = via[at, to[walking]]
    return ground[other], to[other]
