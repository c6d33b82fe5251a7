"""Where packets go: a walk hop by hop under the routes and links in force when a packet reaches each hop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from topologies.ephemeris import Array
from topologies.faults import silences
from topologies.routes import DelayAt

MAX_HOPS = 64  # Linux's initial TTL


class Steps:
    """A value per key that changes at known times: `at` looks up many keys and times at once."""

    def __init__(self, key: np.ndarray, t_s: Array, until_s: float) -> None:
        self.span = (
            2.0 * until_s + 1e3
        )  # keys lie this far apart on one axis; at 1e3 nodes and a day still exact to 30 ns
        self.order = np.lexsort((t_s, key))
        self.key = key[self.order]
        self.place = self.key * self.span + t_s[self.order]

    def at(self, key: np.ndarray, t_s: Array) -> np.ndarray:
        """Row (as given) of the last change of each key not after each time; -1: none."""
        found = np.searchsorted(self.place, key * self.span + t_s, side="right") - 1
        known = (found >= 0) & (self.key[found] == key) if len(self.key) else np.zeros(len(key), bool)
        return np.where(known, self.order[found] if len(self.key) else 0, -1)


@dataclass(frozen=True)
class Tracer:
    """The truth that a walk needs. A packet crosses a link if it stands, and is not silenced, when the packet
    leaves, and still stands when it arrives.
    """

    changes: np.ndarray  # of CHANGE
    link_of: dict[tuple[int, int], int]
    contacts: pd.DataFrame
    lost: pd.DataFrame
    delay_at: DelayAt
    duration_s: float

    def walk(self, src: int, dst: int, t_s: Array) -> tuple[Array, np.ndarray, list[tuple[int, ...]]]:
        """Packets sent from src to dst at times t_s: arrival times (nan: lost), for each the index of its
        path, and the paths (node indices; those of lost packets end where they were lost).
        """
        t = np.atleast_1d(np.asarray(t_s, dtype=float)).copy()
        rows = self.changes[self.changes["dst"] == dst]
        routes = Steps(rows["node"].astype(np.int64), rows["t_s"], self.duration_s)
        node = np.full(len(t), src)
        hops = [node.copy()]
        alive = node != dst
        lost = np.zeros(len(t), bool)
        while alive.any() and len(hops) <= MAX_HOPS:
            i = np.flatnonzero(alive)
            row = routes.at(node[i], t[i])
            via = np.where(row >= 0, rows["via"][row] if len(rows) else -1, -1)
            link = np.array(
                [self.link_of.get((min(x, y), max(x, y)), -1) for x, y in zip(node[i], via, strict=True)]
            )
            arrival = self.cross(link, t[i])
            ok = ~np.isnan(arrival)
            lost[i[~ok]], alive[i[~ok]] = True, False
            t[i[ok]], node[i[ok]] = arrival[ok], via[ok]
            alive[i[ok]] = via[ok] != dst
            hops.append(np.where(np.isin(np.arange(len(t)), i[ok]), node, -1))
        lost |= alive
        walked, path_id = np.unique(np.stack(hops, axis=1), axis=0, return_inverse=True)
        paths = [tuple(int(n) for n in path if n >= 0) for path in walked]
        return np.where(lost, np.nan, t), path_id, paths

    def cross(self, link: np.ndarray, t_s: Array) -> Array:
        """When packets that enter links (-1: none) at times t_s come out; nan: they do not."""
        start, end = self.contacts.start_s.to_numpy(), self.contacts.end_s.to_numpy()
        end = np.where(end >= self.duration_s, np.inf, end)  # the plan ends, the link does not
        row = Steps(self.contacts.link.to_numpy(np.int64), start, self.duration_s).at(link, t_s)
        stands = (row >= 0) & (t_s < end[row])
        arrival = np.full(len(t_s), np.nan)
        arrival[stands] = t_s[stands] + self.delay_at(link[stands], t_s[stands])
        arrival[stands & ~(arrival < end[row])] = np.nan
        quiet = np.array(silences(self.contacts, self.lost)).reshape(-1, 3)
        row = Steps(quiet[:, 0].astype(np.int64), quiet[:, 1], self.duration_s).at(link, t_s)
        if len(quiet):
            arrival[(row >= 0) & (t_s < quiet[row, 2])] = np.nan
        return arrival
