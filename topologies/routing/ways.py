"""Which ways there are over the links that stand, whatever routing makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.contacts import faults
from skybed.topologies.contacts.network import Network
from skybed.topologies.routing import oracle, routes


@dataclass(frozen=True)
class Paths:
    """Shortest paths at instants: t_s, rtt_ms (nan: unreachable), path_id (-1: unreachable) into paths (node
    names).
    """

    t_s: Array
    rtt_ms: Array
    path_id: np.ndarray
    paths: list[tuple[str, ...]]


def shortest(network: Network, src: str, dst: str, t_s: ArrayLike) -> Paths:
    """The shortest path at each of the ascending times."""
    t_s = np.array(t_s, dtype=float, ndmin=1)
    start, end = network.node(src), network.node(dst)
    standing = faults.of_contacts(network.contacts)
    beyond = standing.end_s >= network.duration_s
    standing = standing._replace(end_s=np.where(beyond, np.inf, standing.end_s))
    rtt_ms, path_id = np.full(len(t_s), np.nan), np.full(len(t_s), -1)
    known: dict[tuple[int, ...], int] = {}
    for k, (t, links, mesh) in enumerate(routes.meshes(oracle.graph(network), standing, t_s)):
        via, far_ns = mesh.next_hops(network.delay_s(links, t), np.array([end]))
        if np.isfinite(far_ns[0, start]):
            walk = [start]
            while walk[-1] != end:
                walk.append(int(via[0, walk[-1]]))
            rtt_ms[k] = 2e-6 * far_ns[0, start]
            path_id[k] = known.setdefault(tuple(walk), len(known))
    return Paths(t_s, rtt_ms, path_id, [tuple(network.nodes[n].name for n in walk) for walk in known])
