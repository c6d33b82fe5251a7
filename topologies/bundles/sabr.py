"""Contact graph routing after CCSDS 734.3-B-1, Schedule-Aware Bundle Routing (SABR): over which contacts a
bundle gets to its destination first.

Contacts, and what is booked on them, are plain numbers; nothing here knows of a sky. Times are s.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from math import inf, nextafter
from typing import NamedTuple

PRIORITIES = 10  # 0 to 9, higher goes first


class Contact(NamedTuple):
    """node can send to peer from start_s until end_s. light_s: one way."""

    node: int
    peer: int
    start_s: float
    end_s: float
    bytes_s: float = inf
    light_s: float = 0.0


class Route(NamedTuple):
    """contacts: their numbers, in the order in which they are crossed. arrival_s: of the last byte. until_s:
    when the first of them to end does.
    """

    contacts: tuple[int, ...]
    arrival_s: float
    until_s: float
    entry: int

    @property
    def choice(self) -> tuple[float, int, float, int]:
        """Least of the best: earliest arrival, fewest hops, latest end, smallest entry node."""
        return self.arrival_s, len(self.contacts), -self.until_s, self.entry


class Plan:
    """Contacts; those of two nodes do not overlap. Their numbers are those of the sequence."""

    def __init__(self, contacts: Iterable[Contact]) -> None:
        self.contacts = list(contacts)
        self._onward: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number in sorted(range(len(self.contacts)), key=lambda n: self.contacts[n].start_s):
            contact = self.contacts[number]
            self._onward[contact.node][contact.peer].append(number)

    def peers(self, node: int) -> list[int]:
        """To whom it ever can send."""
        return list(self._onward.get(node, ()))

    def onward(self, node: int, t_s: float) -> Iterator[tuple[int, Iterator[int]]]:
        """Each peer with the contacts to it that have not ended at a time, by their start."""
        for peer, numbers in self._onward.get(node, {}).items():
            first = bisect_right(numbers, t_s, key=lambda n: self.contacts[n].end_s)
            yield peer, (numbers[n] for n in range(first, len(numbers)))


class Ledger:
    """What a node has booked on contacts, by priority: who is of less waits for it, who is of more does not.

    So at a rate that does not change it is the residual volume of each contact, and the delay of its queue.
    """

    def __init__(self) -> None:
        self._free_s: dict[int, list[float]] = {}

    def free_s(self, contact: int, priority: int) -> float:
        """From when on a contact has nothing else to send; -inf: always."""
        booked = self._free_s.get(contact)
        return booked[priority] if booked else -inf

    def book(self, plan: Plan, route: Route, t_s: float, size: int, priority: int) -> None:
        """A bundle of so many bytes is to take a route from a time on."""
        for number in route.contacts:
            contact = plan.contacts[number]
            free_s = self._free_s.setdefault(number, [-inf] * PRIORITIES)
            t_s, takes_s = max(t_s, contact.start_s, free_s[priority]), size / contact.bytes_s
            for lower in range(priority):
                free_s[lower] = max(free_s[lower], t_s) + takes_s
            t_s += takes_s
            free_s[priority] = t_s
            t_s += contact.light_s

    def forget(self, contact: int) -> None:
        """What is booked on it."""
        self._free_s.pop(contact, None)


def arrival_s(
    plan: Plan, number: int, t_s: float, size: int = 0, priority: int = 0, ledger: Ledger | None = None
) -> float:
    """When the last of so many bytes is there that are ready to cross a contact at a time; inf: it ends
    before they have been sent. Who is ready just as it ends is too late.
    """
    contact = plan.contacts[number]
    free_s = ledger.free_s(number, priority) if ledger else -inf
    begins_s = max(t_s, contact.start_s, free_s)
    sent_s = begins_s + size / contact.bytes_s
    return sent_s + contact.light_s if begins_s < contact.end_s and sent_s <= contact.end_s else inf


Excluded = Collection[int]


class _Search(NamedTuple):
    """What all parts of one search have in common. latest_s: who arrives later is of no use. least_s:
    contacts that end before it are none. entry: the node that a route is to come to first; None: any.
    """

    plan: Plan
    source: int
    target: int
    t_s: float
    size: int
    priority: int
    ledger: Ledger | None
    excluded: Excluded
    latest_s: float = inf
    least_s: float = -inf
    entry: int | None = None

    def hops(self, ties: list[int]) -> Iterator[dict[int, tuple[float, int]]]:
        """For 1, 2, ... hops: the nodes that are reached earlier than with fewer, when, by which contact.

        ties: gets the nodes that are reached as early by another contact.
        """
        best_s, new = {self.source: self.t_s}, [(self.source, self.t_s)]
        while new:
            found: dict[int, tuple[float, int]] = {}
            for node, t_s in new:
                if node == self.target:
                    continue
                for peer, numbers in self.plan.onward(node, t_s):
                    if node == self.source and self.entry not in (None, peer):
                        continue
                    known_s = min(best_s.get(peer, inf), found[peer][0] if peer in found else inf)
                    there_s, number, tied = self._first(numbers, t_s, known_s)
                    if tied or there_s == known_s < inf:
                        ties.append(peer)
                    if there_s < known_s and there_s <= min(self.latest_s, best_s.get(self.target, inf)):
                        found[peer] = there_s, number
            best_s |= {node: t_s for node, (t_s, _) in found.items()}
            new = [(node, t_s) for node, (t_s, _) in found.items()]
            if new:
                yield found

    def _first(self, numbers: Iterator[int], t_s: float, before_s: float) -> tuple[float, int, bool]:
        """The earliest arrival over one of the contacts of two nodes, and whether another is as early."""
        best_s, best, tied = inf, -1, False
        for number in numbers:
            contact = self.plan.contacts[number]
            if contact.start_s > min(best_s, before_s):
                break
            if number in self.excluded or contact.end_s < self.least_s:
                continue
            there_s = arrival_s(self.plan, number, t_s, self.size, self.priority, self.ledger)
            if there_s < best_s:
                best_s, best, tied = there_s, number, False
            elif there_s == best_s < inf:
                tied = True
        return best_s, best, tied

    def waits(self, route: Route) -> bool:
        """Whether there is waiting on a route, but for its source: who is later on it then is as good."""
        t_s = self.t_s
        for place, number in enumerate(route.contacts):
            free_s = self.ledger.free_s(number, self.priority) if self.ledger else -inf
            if place and max(self.plan.contacts[number].start_s, free_s) > t_s:
                return True
            t_s = arrival_s(self.plan, number, t_s, self.size, self.priority, self.ledger)
        return False

    def route(self, most: float = inf, ties: list[int] | None = None) -> Route | None:
        """Of those that arrive first one of the fewest hops, and of no more than `most`."""
        rounds: list[dict[int, tuple[float, int]]] = []
        arrived, count = inf, 0
        for found in self.hops([] if ties is None else ties):
            rounds.append(found)
            if self.target in found:
                arrived, count = found[self.target][0], len(rounds)
            if len(rounds) >= most:
                break
        if not count:
            return None
        node, numbers = self.target, list[int]()
        for n in range(count - 1, -1, -1):
            numbers.append(rounds[n][node][1])
            node = self.plan.contacts[numbers[-1]].node
        contacts = [self.plan.contacts[number] for number in numbers]
        until_s = min(contact.end_s for contact in contacts)
        return Route(tuple(reversed(numbers)), arrived, until_s, contacts[-1].peer)


def best(
    plan: Plan,
    source: int,
    target: int,
    t_s: float,
    size: int = 0,
    priority: int = 0,
    ledger: Ledger | None = None,
    excluded: Excluded = (),
) -> Route | None:
    """The best route (Route.choice) of a bundle that is at source from a time on; None: there is none.

    size: in bytes. ledger: what is booked there. excluded: numbers of contacts that are not to be used.
    """
    search = _Search(plan, source, target, t_s, size, priority, ledger, excluded)
    ties = list[int]()
    route = search.route(ties=ties)
    if route is None or not (ties or search.waits(route)):
        return route  # no other arrives as early
    hops = len(route.contacts)
    search = search._replace(latest_s=route.arrival_s)
    while True:  # of those as early, and with as few hops, one that ends later
        later = search._replace(least_s=nextafter(route.until_s, inf)).route(hops)
        if later is None:
            break
        route = later
    search = search._replace(least_s=route.until_s)
    for peer in sorted(peer for peer in plan.peers(source) if peer < route.entry):
        smaller = search._replace(entry=peer).route(hops)
        if smaller:
            return smaller
    return route


def routes(plan: Plan, source: int, target: int, t_s: float, excluded: Excluded = ()) -> Iterator[Route]:
    """The best route, then the best by another last contact, and so on."""
    left = set(excluded)
    while route := best(plan, source, target, t_s, excluded=left):
        yield route
        left.add(route.contacts[-1])
