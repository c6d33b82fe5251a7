"""Bundles as the carrier of tasks: what has no way yet waits in a node, is carried along, and goes on with
the next contact (docs/bundles.md). Over a path it goes by contact graph routing, over a contact directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from skybed.topologies.bundles import foretold, sabr
from skybed.topologies.model.tasks import Task
from skybed.traffic.bundles.crossing import Agency
from skybed.traffic.bundles.fleet import Service
from skybed.traffic.bundles.held import Transfer
from skybed.traffic.shared import Shared
from skybed.traffic.storage import Item
from skybed.traffic.tasks.sending import Part
from skybed.traffic.waiting import Moment

ROUTING = {"path": "cgr", "contact": "direct"}


@dataclass(eq=False)
class Parcel:
    """What goes to a node as one bundle. sends: told of a node by how much more, or less, it sends from now
    on. parts: a row each of the table `transfers`, from neighbour to neighbour.
    """

    agency: Agency
    service: Service
    number: int  # of a service no two have the same
    item: Item  # as it will be there
    sends: Callable[[int, int], None]
    queued_s: float
    done: Moment = field(default_factory=Moment)
    _parts: dict[Transfer, Part] = field(default_factory=dict)

    @property
    def parts(self) -> list[Part]:
        return list(self._parts.values())

    # -- told by agents ---------------------------------------------------------------------------------

    def leaves(self, transfer: Transfer, peer: int) -> None:
        names, now_s = self.agency.fleet.names, self.agency.fleet.now_s()
        self._parts[transfer] = Part(names[transfer[0]], names[peer], now_s)
        self.sends(transfer[0], 1)

    def comes(self, transfer: Transfer, size: int) -> None:
        part = self._parts[transfer]
        part.size, part.ended_s = size, self.agency.fleet.now_s()
        part.arrived_s = part.ended_s

    def ends(self, transfer: Transfer) -> None:
        part = self._parts[transfer]
        if part.ended_s is None:
            part.ended_s = self.agency.fleet.now_s()
        self.sends(transfer[0], -1)

    def delivered(self) -> None:
        self.done.come()

    def fails(self, fate: str) -> None:
        if not self.done.over and not self.agency.has_all(self.service, self.number):
            self.done.end(fate)

    # -- how it went ------------------------------------------------------------------------------------

    def worked_s(self, now_s: float) -> float:
        """For how long some of it was under way."""
        return sum(end_s - begin_s for begin_s, end_s, _ in self._busy(now_s))

    def no_way_s(self, now_s: float) -> float:
        """Of the rest the time in which the contact that it took next did not stand; that of which nothing
        came, whole.
        """
        since_s, waited_s = self.queued_s, 0.0
        for begin_s, end_s, part in self._busy(now_s):
            stood_s = self.agency.fleet.stood_s(part.node, part.peer, since_s, begin_s)
            waited_s += begin_s - since_s - stood_s
            since_s = end_s
        return waited_s if self.done.over else waited_s + now_s - since_s

    def _busy(self, now_s: float) -> list[tuple[float, float, Part]]:
        """When some of it was under way, ascending and disjoint, and what began it."""
        busy: list[tuple[float, float, Part]] = []
        for part in sorted(self.parts, key=lambda part: part.began_s):
            end_s = now_s if part.ended_s is None else min(part.ended_s, now_s)
            if busy and part.began_s <= busy[-1][1]:
                begin_s, last_s, first = busy[-1]
                busy[-1] = begin_s, max(last_s, end_s), first
            elif part.began_s < now_s:
                busy.append((part.began_s, end_s, part))
        return busy


class Bundles:
    """The agents of a run, as who plays tasks knows them: bundles are posted, and what the plan says of ways
    that they take. sends: as of a Parcel.
    """

    def __init__(self, shared: Shared, sends: Callable[[int, int], None]) -> None:
        self.agency = shared.one(Agency)
        self._fleet, self._sends = self.agency.fleet, sends
        self._direct: dict[tuple[int, int], sabr.Plan] = {}
        self._posted = 0

    def post(self, task: Task, here: int, there: int, over: str, item: Item, arriving: Item) -> Parcel:
        """What a node holds, to another; arriving: as it will be there."""
        service = Service(str(task.name), task.priority, ROUTING[over])
        parcel = Parcel(self.agency, service, self._posted, arriving, self._sends, self._fleet.now_s())
        self._posted += 1
        if item.gone.over:  # while nobody asked for it
            parcel.done.end(item.gone.word)
        else:
            self.agency.post(service, here, there, parcel.number, item, parcel)
        return parcel

    def way(self, here: int, there: int, over: str, from_s: float, size: int) -> tuple[float, float, float]:
        """When the first byte could be there, and the last, if nothing else were sent; and the delay where
        nothing waits on the way, else inf.
        """
        plan = self._fleet.copy_of(here) if over == "path" else self._between(here, there)
        first = sabr.best(plan, here, there, from_s)
        if first is None:
            return float("inf"), float("inf"), float("inf")
        waits, t_s = False, from_s
        for number in first.contacts:
            waits |= plan.contacts[number].start_s > t_s
            t_s = sabr.arrival_s(plan, number, t_s)
        delay_s = float("inf") if waits else first.arrival_s - from_s
        return first.arrival_s, foretold.arrival_s(plan, here, there, from_s, size), delay_s

    def _between(self, here: int, there: int) -> sabr.Plan:
        if (here, there) not in self._direct:
            plan = self._fleet.copy_of(here)
            self._direct[here, there] = sabr.Plan(plan.contacts[n] for n in plan.between(here, there))
        return self._direct[here, there]
