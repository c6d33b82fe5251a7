"""What links are capable of at any time, in each direction: by their class, or by its courses over time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import nodes
from skybed.topologies.contacts.latest import Latest
from skybed.topologies.contacts.nodes import Link
from skybed.topologies.contacts.properties import SIDES, Property
from skybed.topologies.contacts.spans import Spans, union

EDGE_S = 2e-4  # of a change: which of two things of one instant is first, is nobody's to say
BESIDE = (Property.EXTRA, Property.SPIKE, Property.JITTER)  # what makes packets later than the delay


class Values:
    """constant: float[link, side, Property]; nan: it changes. changes: EVENTs of what does."""

    def __init__(self, links: Sequence[Link], changes: np.ndarray, until_s: float) -> None:
        self.constant = nodes.values(links)
        self.changes, self.until_s = changes, until_s
        self._latest: dict[Property, tuple[Latest, Array]] = {}
        self._steps: dict[Property, tuple[np.ndarray, Array, Array]] = {}

    def at(self, what: Property, link: ArrayLike, side: ArrayLike, t_s: ArrayLike) -> Array:
        """Of directions of links (numbers; side 0: what node a sends) at run times, in the property's unit;
        all three broadcast. Before a direction's first contact it is that of its begin.
        """
        link, side, t_s = np.broadcast_arrays(link, side, t_s)
        value: Array = np.array(self.constant[link, side, what])
        if (varies := np.isnan(value)).any():
            key, times = 2 * link[varies] + side[varies], t_s[varies]
            latest, values = self._of(what)
            row = latest.at(key, times)
            first = np.minimum(np.searchsorted(latest.key, key), len(values) - 1)
            value[varies] = values[np.where(row >= 0, row, latest.order[first])]
        return value

    def all_at(self, links: Index, t_s: float) -> Array:
        """float[link, side, Property] at a time, of carriers and delays 0."""
        sides, every = np.array([0, 1]), [*Property]
        columns = [self.at(what, links[:, None], sides, t_s) for what in every]
        return np.stack(columns, axis=-1)

    def delay_us(self, link: ArrayLike, side: ArrayLike, t_s: ArrayLike) -> Array:
        """By how much packets are later than the delay of their link, on average."""
        return sum(self.at(what, link, side, t_s) for what in BESIDE)  # type: ignore[return-value]

    def mean(self, what: Property, link: ArrayLike, side: ArrayLike, start_s: Array, end_s: Array) -> Array:
        """Over spans of time, of directions of links; all four broadcast."""
        link, side, start_s, end_s = np.broadcast_arrays(link, side, start_s, end_s)
        mean: Array = self.constant[link, side, what]
        key, t_s, value = self.steps(what)
        for at in np.argwhere(np.isnan(mean)):
            i = tuple(at)
            own = slice(*np.searchsorted(key, 2 * link[i] + side[i] + np.array([0, 1])))
            edges_s = np.append(np.maximum(t_s[own], start_s[i]), np.inf).clip(max=end_s[i])
            mean[i] = np.diff(edges_s) @ value[own] / (end_s[i] - start_s[i])
        return mean

    def greatest(self, what: Property) -> Array:
        """float[link, side]: what it is all the time, or at most."""
        greatest = self.constant[:, :, what].copy().ravel()
        key, _, value = self.steps(what)
        np.fmax.at(greatest, key, value)
        return greatest.reshape(-1, 2)

    def usual(self, what: Property) -> Array:
        """float[link, side]: what it is all the time, or on average of the values that it takes beside 0."""
        usual = self.constant[:, :, what].copy()
        key, _, value = self.steps(what)
        taken = value > 0
        sums, counts = (np.bincount(key[taken], w, usual.size) for w in (value[taken], None))
        means = np.divide(sums, counts, out=np.zeros(usual.size), where=counts > 0).reshape(usual.shape)
        return np.where(np.isnan(usual), means, usual)

    def _of(self, what: Property) -> tuple[Latest, Array]:
        """Of all directions of which it changes."""
        if what not in self._latest:
            key, t_s, value = self.steps(what)
            self._latest[what] = Latest(key, t_s, self.until_s), value
        return self._latest[what]

    def steps(self, what: Property) -> tuple[np.ndarray, Array, Array]:
        """(2 * link + side, t_s, value) of all changes of a property, by key and time."""
        if what not in self._steps:
            self._steps[what] = self._sorted(what)
        return self._steps[what]

    def _sorted(self, what: Property) -> tuple[np.ndarray, Array, Array]:
        rows = self.changes[self.changes["property"] == what]
        of_side = [rows[np.isin(rows["direction"], [d for d, s in SIDES.items() if n in s])] for n in (0, 1)]
        key = np.concatenate([2 * part["link"].astype(np.int64) + n for n, part in enumerate(of_side)])
        both = np.concatenate(of_side)
        order = np.lexsort((both["t_s"], key))
        return key[order], both["t_s"][order].copy(), both["value"][order].copy()

    @cached_property
    def unsure(self) -> Spans:
        """When it is not sure what is added to the delay of packets that enter a direction (2 * link + side):
        EDGE_S about each change of an extra delay or a spike, and, where it falls, for as long as it fell:
        who enters then may wait for packets before it, which came while it took longer.
        """
        parts = []
        for what in (Property.EXTRA, Property.SPIKE):
            key, t_s, value = self.steps(what)
            later = np.flatnonzero(np.diff(key) == 0) + 1
            fell_s = np.maximum(value[later - 1] - value[later], 0.0) * 1e-6
            parts.append(Spans(key[later], t_s[later] - EDGE_S, t_s[later] + EDGE_S + fell_s))
        return union(*parts)

    @cached_property
    def varying(self) -> bool:
        """Whether anything of a link is not the same all the time, or not the same in both directions, or
        makes packets later than the delay.
        """
        both = self.constant[:, 0], self.constant[:, 1]
        later = self.constant[:, :, BESIDE].any()
        return bool(len(self.changes) or later) or not np.array_equal(*both)

    @cached_property
    def closed(self) -> Spans:
        """When directions carry nothing, since their rate is 0: by 2 * link + side; inf: to the end."""
        link, side = np.nonzero(self.constant[:, :, Property.RATE] == 0)
        always = 2 * link + side
        key, t_s, value = self.steps(Property.RATE)
        ends_s = np.append(np.where(key[1:] == key[:-1], t_s[1:], np.inf), np.inf)[: len(key)]
        nil = value == 0
        starts_s = np.where(np.append(True, key[1:] != key[:-1])[: len(key)], 0.0, t_s)
        return union(
            Spans(always, np.zeros(len(always)), np.full(len(always), np.inf)),
            Spans(key[nil], starts_s[nil], ends_s[nil]),
        )
