"""Where packets go: a walk hop by hop under the routes and links in force when a packet reaches each hop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array
from skybed.topologies.contacts.between import Between
from skybed.topologies.contacts.faults import SILENT, of_contacts, silences
from skybed.topologies.contacts.latest import Latest
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.spans import Spans, minus
from skybed.topologies.model.flows import HOPS

AT_ONCE = 2**17  # packets: each takes some hundred bytes on its way


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
        network: Network,
        changes: np.ndarray,
        contacts: pd.DataFrame,
        lost: pd.DataFrame,
        keeps_path: bool,
    ) -> None:
        self.network, self.changes, self.keeps_path = network, changes, keeps_path
        self.duration_s = duration_s = network.duration_s
        self.satellites = len(network.orbits)
        self.between = Between(*network.ends, len(network.nodes))
        self.contact = Latest(contacts.link.to_numpy(np.int64), contacts.start_s.to_numpy(), duration_s)
        end_s = contacts.end_s.to_numpy()
        end_s = np.where(end_s >= duration_s, np.inf, end_s)  # the plan ends, the link does not
        self.end_s = np.append(end_s, -np.inf)  # at -1, where there is none
        quiet = silences(contacts, lost)
        self.quiet = Latest(quiet.key, quiet.start_s, duration_s)
        self.quiet_end_s = np.append(quiet.end_s, -np.inf)
        closed = network.values.closed
        self.closed = Latest(closed.key, closed.start_s, duration_s)
        self.closed_end_s = np.append(closed.end_s, -np.inf)

    def walk(self, src: int, dst: int, t_s: ArrayLike, most: int = HOPS) -> Walks:
        """Packets sent from src to dst at times t_s, which cross `most` links at most."""
        t = np.array(t_s, dtype=float, ndmin=1)
        if len(t) <= AT_ONCE:
            return self._walk(src, dst, t, most)
        parts = [self._walk(src, dst, t[n : n + AT_ONCE], most) for n in range(0, len(t), AT_ONCE)]
        number = {path: n for n, path in enumerate(sorted({path for part in parts for path in part.paths}))}
        path_id = [np.array([number[path] for path in part.paths])[part.path_id] for part in parts]
        return Walks(
            np.concatenate([part.arrival_s for part in parts]), np.concatenate(path_id), [*number]
        )  # fmt: skip

    def _walk(self, src: int, dst: int, t: Array, most: int) -> Walks:
        """These are changed."""
        rows = self.changes[self.changes["dst"] == dst]
        routes = Latest(rows["node"].astype(np.int64), rows["t_s"], self.duration_s)
        node = np.full(len(t), src)
        hops = [node.copy()]
        moving, lost, bound = node != dst, np.zeros(len(t), bool), np.zeros(len(t), bool)
        asked_s = t.copy()  # at which time's routes each packet goes
        while moving.any() and len(hops) <= most:
            i = np.flatnonzero(moving)
            asked_s[i] = np.where(bound[i], asked_s[i], t[i])
            bound[i] |= self.keeps_path & (node[i] >= self.satellites)
            row = routes.at(node[i], asked_s[i])
            i, via = i[row >= 0], rows["via"][row[row >= 0]].astype(np.int64)
            arrival = self.cross(self.between.at(node[i], via), (node[i] > via).astype(int), t[i])
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

    def cross(self, link: np.ndarray, side: np.ndarray, t_s: Array) -> Array:
        """When packets that enter links (-1: none) at an end (0: node a) at times t_s come out; nan: they do
        not.
        """
        arrival = np.full(len(t_s), np.nan)
        end_s = self.end_s[self.contact.at(link, t_s)]
        stands = t_s < end_s
        stands &= t_s >= self.quiet_end_s[self.quiet.at(link, t_s)]
        stands &= t_s >= self.closed_end_s[self.closed.at(2 * link + side, t_s)]
        arrival[stands] = t_s[stands] + self.network.one_way_s(link[stands], side[stands], t_s[stands])
        arrival[stands] = np.where(arrival[stands] < end_s[stands], arrival[stands], np.nan)
        return arrival


def over(
    network: Network, changes: np.ndarray, keeps_path: bool = False, down: Spans | None = None,
    silent: Spans | None = None,
) -> Forwarding:  # fmt: skip
    """Forwarding by these changes over the links of a network. down, silent: when links had no carrier, or
    dropped everything, against the plan.
    """
    contacts, lost = network.contacts, network.lost
    if down is not None:
        contacts = pd.DataFrame(minus(of_contacts(contacts), down)._asdict()).rename(columns={"key": "link"})
    if silent is not None:
        more = pd.DataFrame(silent._asdict()).rename(columns={"key": "link"})
        lost = pd.concat([lost, more.assign(kind=SILENT)])
    return Forwarding(network, changes, contacts, lost, keeps_path)


class Crossing(NamedTuple):
    """Packets that cross a link on one path: which of all (rows), as how manieth of it (from 0), from its end
    `side` (0: node a), and when each does.
    """

    rows: np.ndarray
    place: int
    link: int
    side: int
    t_s: Array


def crossings(
    network: Network, t_s: Array, path_id: np.ndarray, paths: Sequence[tuple[int, ...]]
) -> Iterator[Crossing]:
    """Each link that packets cross, sent at times t_s over paths[path_id] (-1: lost, nothing is told)."""
    for number, path in enumerate(paths):
        rows = np.flatnonzero(path_id == number)
        times = t_s[rows]
        for place, (node, via) in enumerate(pairwise(path) if len(rows) else ()):
            link, side = network.link_between[node, via], int(node > via)
            yield Crossing(rows, place, link, side, times)
            if len(network.changes):  # else the time does not matter
                times = times + network.one_way_s(link, side, times)
