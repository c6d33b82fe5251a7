"""How soon tasks can be done at best, by the plan alone: what is asked for waits for the command, the view
and contacts, then for light, rates and computers, and for nothing else.

Nothing of how a run sends is in it but that TCP connects first, a round trip, and that packets have headers.
Light goes straight from end to end. Bytes go at the best rate that the planned ways have about then, by the
looks of the prospect, and never more than the best link of either end. So a task that meets no others takes
little longer, and none is quicker, unless a way between two looks was wider than at both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.spans import by_key
from skybed.topologies.model.tasks import Step, Task
from skybed.topologies.orbits.geometry import C_KM_S
from skybed.topologies.plan import score
from skybed.topologies.plan.plan import Plan
from skybed.topologies.tasks.prospect import OBSERVER, Prospect

WIRE = 1514 / 1448  # bytes with the headers of TCP, IP and Ethernet, of those within, in the largest packets
CONNECTING = {"tcp": 2, "udp": 0}  # ways of the light before the first byte can leave, by carrier

Windows = list[tuple[float, float]]


def scene_bytes(plan: Plan, task: Task, observer: int) -> int:
    """Of a scene on the wire, where volumes are scaled as rates are."""
    camera = score.carried(plan, observer).camera
    return plan.scenario.scaled_bytes(task.scene_mb or (camera.scene_mb if camera else 0.0))


def kept_bytes(step: Step, size: int) -> int:
    """What a step makes of so many bytes; at the least, where a program does it."""
    return 1 if step.program else step.kept_bytes(size)


def seconds(plan: Plan, step: Step, node: int, size: int) -> float:
    """That a step takes at a node; 0: nothing is computed there. size: on the wire."""
    return step.seconds_at(score.carried(plan, node).computing, size / 1e6 / plan.scenario.rate_scale) or 0.0


@dataclass(frozen=True, eq=False)
class Limits:
    """What a plan allows what is sent between nodes, by their numbers."""

    plan: Plan
    prospect: Prospect

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], int]:
        return {(int(a), int(b)): n for n, (a, b) in enumerate(self.prospect.pairs)}

    @cached_property
    def _windows(self) -> dict[str, dict[int, Windows]]:
        return {"path": by_key(self.prospect.path), "contact": by_key(self.prospect.contact)}

    @cached_property
    def _rates_mbps(self) -> tuple[Array, Array]:
        """Of every node that of the best link out of it, and into it, at any time."""
        network = self.plan.network
        best, ends = np.zeros((2, len(self.plan.nodes))), np.stack(network.ends, axis=1)
        greatest = network.values.greatest(Property.RATE)
        for side in (0, 1):
            np.maximum.at(best[0], ends[:, side], greatest[:, side])
            np.maximum.at(best[1], ends[:, 1 - side], greatest[:, side])
        return best[0], best[1]

    def windows(self, a: int, b: int, over: str) -> Windows:
        """When there is a way, `path` or `contact`, ascending."""
        return self._windows[over].get(self._pairs.get((a, b), -1), [])

    def rate_mbps(self, a: int, b: int, over: str) -> float:
        """At most, from a to b."""
        network = self.plan.network
        if over == "contact":
            link = network.link_between.get((a, b))
            greatest = network.values.greatest(Property.RATE)
            return 0.0 if link is None else float(greatest[link, int(network.links[link].a != a)])
        out, into = self._rates_mbps
        return float(min(out[a], into[b]))

    def planned_mbps(self, a: int, b: int, from_s: float, until_s: float) -> float:
        """The best rate of the ways over paths at the looks in a time, with one before and one after it."""
        looks_s, rates_mbps = self.prospect.looks_s, self.prospect.rate_mbps[self._pairs[a, b]]
        first = max(0, int(np.searchsorted(looks_s, from_s, side="right")) - 1)
        last = int(np.searchsorted(looks_s, until_s)) + 1
        return float(rates_mbps[first:last].max(initial=0.0))

    def light_s(self, a: Index | int, b: Index | int, t_s: Array | float) -> Array:
        """Along the straight line between two nodes; 0 where tables give the delays of links."""
        if any(link.given for link in self.plan.links):
            return np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b), np.shape(t_s)))
        light_s: Array = self.plan.network.sky.distance_km(np.asarray(a), np.asarray(b), t_s) / C_KM_S
        return light_s

    def arrives_s(self, a: int, b: int, over: str, carrier: str, from_s: float, size: int) -> float:
        """When so many bytes can be there at best, if all before is done at a time; inf: not by the end."""
        if a == b or not np.isfinite(from_s):
            return from_s
        left, best_mbps = 8e-6 * size * WIRE, self.rate_mbps(a, b, over)
        for start_s, end_s in self.windows(a, b, over):
            if end_s <= from_s or not best_mbps:
                continue
            start_s = max(start_s, from_s)
            light_s = float(self.light_s(a, b, start_s))
            sending_s, rate_mbps = start_s + CONNECTING[carrier] * light_s, best_mbps
            if over == "path":
                until_s = min(end_s, sending_s + left / best_mbps)
                rate_mbps = min(best_mbps, self.planned_mbps(a, b, start_s, until_s)) or best_mbps
            if sending_s + left / rate_mbps <= end_s:
                return sending_s + left / rate_mbps + light_s
            left -= max(0.0, end_s - sending_s) * rate_mbps
        return np.inf

    def first_s(
        self, here: Mapping[int, float], there: Iterable[int], over: str, carrier: str, size: int
    ) -> dict[int, float]:
        """When so many bytes can be at each of some nodes. here: where they are, and from when on."""
        return {
            b: min(self.arrives_s(a, b, over, carrier, t_s, size) for a, t_s in here.items()) for b in there
        }


def responses_s(limits: Limits) -> Array:
    """Of each row of the prospect's `asked` the shortest response; inf: none by the end of the plan."""
    asked = limits.prospect.asked
    ended_s = [_ended_s(limits, row) if asked["node"][row] >= 0 else np.inf for row in range(len(asked))]
    return np.array(ended_s, float) - asked["asked_s"]


def _ended_s(limits: Limits, row: int) -> float:
    plan, asked = limits.plan, limits.prospect.asked[row]
    number, observer = int(asked["task"]), int(asked["node"])
    task = plan.scenario.tasks[number]
    taken_s = _taken_s(limits, row, task, observer)
    here, size = {observer: taken_s + float(asked["acquisition_s"])}, scene_bytes(plan, task, observer)
    pieces, places = 1, limits.prospect.at[number]
    for step, listed in zip(task.steps, places, strict=False):
        if step.tiles > 1 and pieces == 1:
            pieces, size = step.tiles, max(1, size // step.tiles)
        there = [observer if node == OBSERVER else node for node in listed]
        brought_s = limits.first_s(here, there, step.over, task.carrier, size)
        if step.tiles == 1:
            pieces, size = 1, size * pieces
        here = {node: t_s + seconds(plan, step, node, size) for node, t_s in brought_s.items()}
        size = kept_bytes(step, size)
    (receiver,) = places[-1]
    return limits.first_s(here, [receiver], task.over, task.carrier, size)[receiver]


def _taken_s(limits: Limits, row: int, task: Task, observer: int) -> float:
    """When its scene can have been taken."""
    plan, t_s = limits.plan, float(limits.prospect.asked["asked_s"][row])
    if command := task.command:
        source, size = plan.node(command.source), plan.scenario.scaled_bytes(command.kb / 1e3)
        if command.via:
            up = limits.first_s({source: t_s}, map(plan.node, command.via), "path", task.carrier, size)
            t_s = limits.first_s(up, [observer], "contact", task.carrier, size)[observer]
        else:
            t_s = limits.arrives_s(source, observer, "path", task.carrier, t_s, size)
    if task.target is not None:
        views = limits.prospect.views.of(row)
        t_s = min((max(start_s, t_s) for start_s, end_s in views if end_s > t_s), default=np.inf)
    camera = score.carried(plan, observer).camera
    return t_s + (camera.capture_s if camera else 0.0)
