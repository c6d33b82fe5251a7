"""Where packets go: a walk hop by hop under the routes and links in force when a packet reaches each hop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.faults import SILENT, of_contacts, silences
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.spans import Spans, minus
from skybed.topologies.model.flows import HOPS
from skybed.topologies.routing import oracle
from skybed.topologies.routing.routes import Graph


class Steps:
    """A value per key that changes at known times: `at` looks up many keys and times at once."""

    def __init__(self, key: np.ndarray, t_s: Array, until_s: float) -> None:
        self.span = (
            2.0 * until_s + 1e3
        )  # keys lie this far apart on one axis: 1e3 keys of a day, exact to 30 ns
        self.order = np.lexsort((t_s, key))
        self.key = key[self.order]
        self.place = self.key * self.span + t_s[self.order]

    def at(self, key: np.ndarray, t_s: Array) -> np.ndarray:
        """Row (as given) of the last change of each key not after each time; -1: none."""
        if not len(self.key):
            return np.full(len(key), -1)
        last = np.searchsorted(self.place, key * self.span + t_s, side="right") - 1
        return np.where((last >= 0) & (self.key[last] == key), self.order[last], -1)


class Walks(NamedTuple):
    """What became of packets: when each arrived (s; nan: lost), the number of its path, and the paths: node
    numbers, up to where the packet was lost if it was.
    """

    arrival_s: Array
    path_id: np.ndarray
    paths: list[tuple[int, ...]]


class Forwarding:
    """Forwarding tables over time, and the links that packets meet.

    changes: array of changes.CHANGE by time, of which the first may come before 0. A packet crosses a link if
    the link stands, and is not silenced, when the packet leaves, and still stands when it arrives.
    keeps_path: from its first node on the ground on a packet follows the routes of that instant.
    """

    def __init__(
        self,
        graph: Graph,
        changes: np.ndarray,
        contacts: pd.DataFrame,
        lost: pd.DataFrame,
        duration_s: float,
        keeps_path: bool,
    ) -> None:
        self.graph, self.changes, self.duration_s, self.keeps_path = graph, changes, duration_s, keeps_path
        pair = graph.a * graph.nodes + graph.b
        self.by_pair = np.argsort(pair)
        self.pair = pair[self.by_pair]
        self.contact = Steps(contacts.link.to_numpy(np.int64), contacts.start_s.to_numpy(), duration_s)
        end_s = contacts.end_s.to_numpy()
        self.end_s = np.where(end_s >= duration_s, np.inf, end_s)  # the plan ends, the link does not
        quiet = silences(contacts, lost)
        self.quiet = Steps(quiet.key, quiet.start_s, duration_s)
        self.quiet_end_s = quiet.end_s

    def walk(self, src: int, dst: int, t_s: ArrayLike, most: int = HOPS) -> Walks:
        """Packets sent from src to dst at times t_s, which cross `most` links at most."""
        t = np.array(t_s, dtype=float, ndmin=1)
        rows = self.changes[self.changes["dst"] == dst]
        routes = Steps(rows["node"].astype(np.int64), rows["t_s"], self.duration_s)
        node = np.full(len(t), src)
        hops = [node.copy()]
        moving, lost, bound = node != dst, np.zeros(len(t), bool), np.zeros(len(t), bool)
        asked_s = t.copy()  # at which time's routes each packet goes
        while moving.any() and len(hops) <= most:
            i = np.flatnonzero(moving)
            asked_s[i] = np.where(bound[i], asked_s[i], t[i])
            bound[i] |= self.keeps_path & (node[i] >= self.graph.satellites)
            row = routes.at(node[i], asked_s[i])
            i, via = i[row >= 0], rows["via"][row[row >= 0]].astype(np.int64)
            arrival = self.cross(self.link(node[i], via), t[i])
            through = ~np.isnan(arrival)
            i, via = i[through], via[through]
            t[i], node[i] = arrival[through], via
            went = np.zeros(len(t), bool)
            went[i] = True
            lost |= moving & ~went
            moving = went & (node != dst)
            hops.append(np.where(went, node, -1))
        lost |= moving
        walked, path_id = np.unique(np.stack(hops, axis=1), axis=0, return_inverse=True)
        paths = [tuple(int(n) for n in path if n >= 0) for path in walked]
        return Walks(np.where(lost, np.nan, t), path_id, paths)

    def link(self, node: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The link between two nodes; -1 where there is none (or no other)."""
        wanted = np.minimum(node, other) * self.graph.nodes + np.maximum(node, other)
        if not len(self.pair):
            return np.full(len(node), -1)
        at = np.minimum(np.searchsorted(self.pair, wanted), len(self.pair) - 1)
        return np.where(self.pair[at] == wanted, self.by_pair[at], -1)

    def cross(self, link: np.ndarray, t_s: Array) -> Array:
        """When packets that enter links (-1: none) at times t_s come out; nan: they do not."""
        arrival = np.full(len(t_s), np.nan)
        contact, quiet = self.contact.at(link, t_s), self.quiet.at(link, t_s)
        stands = (contact >= 0) & (t_s < self.end_s[contact]) if len(self.end_s) else np.zeros(len(t_s), bool)
        if len(self.quiet_end_s):
            stands &= (quiet < 0) | (t_s >= self.quiet_end_s[quiet])
        arrival[stands] = t_s[stands] + self.graph.delay_at(link[stands], t_s[stands])
        arrival[stands] = np.where(arrival[stands] < self.end_s[contact[stands]], arrival[stands], np.nan)
        return arrival


def over(
    network: Network, changes: np.ndarray, keeps_path: bool = False, down: Spans | None = None,
    silent: Spans | None = None,
) -> Forwarding:  # fmt: skip
    """Forwarding by these changes over the links of a network. down, silent: when links had no carrier, or
    dropped everything, against the plan.
    """
    graph, contacts, lost = oracle.graph(network), network.contacts, network.lost
    if down is not None:
        contacts = pd.DataFrame(minus(of_contacts(contacts), down)._asdict()).rename(columns={"key": "link"})
    if silent is not None:
        more = pd.DataFrame(silent._asdict()).rename(columns={"key": "link"})
        lost = pd.concat([lost, more.assign(kind=SILENT, planned=False)], ignore_index=True)
    return Forwarding(graph, changes, contacts, lost, network.duration_s, keeps_path)
