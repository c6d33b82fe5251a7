"""Routes around links that are held down by hand, where the oracle routes.

That is no planned failure, so routing knows of it, and of its end, `routing.detection_ms` later. From then on
it takes the best ways over what is left, as often as the oracle looks, and at last the planned ones.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from skybed.emulator.sky.net import Sky
from skybed.topologies.arrays import Array
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan.score import Playable
from skybed.topologies.routing import detours, metric
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.routing.detours import Costs, NextHops


class Told(NamedTuple):
    """What nodes are told at an instant, rows of CHANGE; and of these what nobody planned (t_s is nan)."""

    changes: np.ndarray
    unplanned: np.ndarray


NOTHING = np.empty(0, CHANGE)


class Detours:
    """Next hops of a sky that are not the planned ones, and why."""

    def __init__(self, sky: Sky, plan: Playable) -> None:
        self._sky, self._plan = sky, plan
        self._news: list[tuple[float, int]] = []  # when routing knows what became of a link: a heap
        self._lost = set[int]()  # links that it knows to be
        self._planned: NextHops = {}  # the next hops in the place of which others lead around them
        self._looks_s: Array = np.empty(0)  # when the oracle looks
        self._looked_s = -math.inf

    def note(self, t_s: float, link: int) -> None:
        """A link was lost, or came back."""
        if not len(self._plan.usable.key):
            return
        if not len(self._looks_s):
            self._looks_s = self._plan.looks_s
        heapq.heappush(self._news, (t_s + self._plan.scenario.routing.detection_ms / 1000, link))

    @property
    def due_s(self) -> float:
        """When it has to look again; inf: it need not."""
        news_s = self._news[0][0] if self._news else math.inf
        if not self._lost:
            return news_s
        look = np.searchsorted(self._looks_s, self._looked_s, side="right")
        return min([news_s, *self._looks_s[look : look + 1].tolist()])

    def at(self, t_s: float, planned: np.ndarray = NOTHING) -> Told:
        """What nodes are told at a time at which these changes are planned."""
        if self.due_s > t_s and not (self._lost and len(planned)):
            return Told(planned, NOTHING)
        while self._news and self._news[0][0] <= t_s:
            _, link = heapq.heappop(self._news)
            (self._lost.add if self._sky.link_values.holds_lost(link) else self._lost.discard)(link)
        self._looked_s = t_s
        due = {(node, dst): hop for _, node, dst, hop in planned.tolist()}
        by_plan = self._planned | due
        around = self._around(t_s, by_plan)
        other = {key: hop for key, hop in around.items() if key in due or self._sky.via[key] != hop}
        back = {key: hop for key, hop in self._planned.items() if key not in around and key not in due}
        self._planned = {key: by_plan.get(key, int(self._sky.via[key])) for key in around}
        unplanned = np.array([(math.nan, *key, hop) for key, hop in sorted((other | back).items())], CHANGE)
        as_planned = planned[np.array([key not in around for key in due], bool)]  # one row for each key
        return Told(np.concatenate([as_planned, unplanned]), unplanned)

    def _around(self, t_s: float, by_plan: NextHops) -> NextHops:
        """The next hops around what is lost. by_plan: the planned ones that are not those of the sky."""
        if not self._lost:
            return {}
        via, plan = self._sky.via.copy(), self._plan
        for key, hop in by_plan.items():
            via[key] = hop
        relay = plan.scenario.routing.ground_relay
        may_relay = np.array([relay or node.kind == "satellite" for node in plan.nodes])
        ends = [(plan.links[i].a, plan.links[i].b) for i in self._lost]
        return detours.around(via, ends, self._costs_ns(t_s), may_relay)

    def _costs_ns(self, t_s: float) -> Costs:
        """By the values in force, of the links that the oracle uses, without those that are lost."""
        usable, costs_ns = self._plan.usable, defaultdict[int, dict[int, int]](dict)
        now = (usable.start_s <= max(t_s, 0.0)) & (t_s < usable.end_s)
        links = sorted(set(usable.key[now].tolist()) - self._lost)
        values = self._sky.link_values.at(t_s, links)
        delay_s = (values[:, :, Property.DELAY] + values[:, :, Property.EXTRA]) * 1e-6
        cost_s = metric.cost_s(self._plan.scenario.routing, delay_s, values[:, :, Property.RATE])
        for number, (there_s, back_s) in zip(links, cost_s.tolist(), strict=True):
            link = self._plan.links[number]
            for one, other, way_s in ((link.a, link.b, there_s), (link.b, link.a, back_s)):
                if way_s < math.inf:
                    costs_ns[one][other] = max(1, round(way_s * 1e9))
        return costs_ns
