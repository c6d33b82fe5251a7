"""Contact graph routing after CCSDS 734.3-B-1, Schedule-Aware Bundle Routing (SABR): over which contacts a
bundle gets to its destination first.

Contacts, and what is booked on them, are plain numbers; nothing here knows of a sky. Times are s.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf, nextafter
from typing import NamedTuple

PRIORITIES = 10  # 0 to 9, higher goes first
KEPT_S = 1.0  # later than any way can be, at most, is one that was found before


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
        self._onward: dict[int, list[int]] = defaultdict(list)
        self._between: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number in sorted(range(len(self.contacts)), key=lambda n: self.contacts[n].start_s):
            contact = self.contacts[number]
            self._onward[contact.node].append(number)
            self._between[contact.node, contact.peer].append(number)
        self._left: dict[int, tuple[float, float, Sequence[int]]] = {}

    def of(self, node: int) -> Sequence[int]:
        """The contacts of a node, by their start."""
        return self._onward.get(node, ())

    def between(self, node: int, peer: int) -> Sequence[int]:
        """The contacts from a node to another, by their start."""
        return self._between.get((node, peer), ())

    def at(self, node: int, peer: int, t_s: float) -> int | None:
        """The contact from a node to another at a time, if there is one."""
        numbers = self.between(node, peer)
        place = bisect_right(numbers, t_s, key=lambda n: self.contacts[n].start_s) - 1
        return numbers[place] if place >= 0 and self.contacts[numbers[place]].end_s > t_s else None

    def onward(self, node: int, t_s: float) -> Sequence[int]:
        """The contacts of a node that have not ended at a time, by their start. Who asks for later and later
        times goes through each of them once.
        """
        since_s, until_s, left = self._left.get(node, (inf, inf, ()))
        if not since_s <= t_s < until_s:
            kept = [n for n in self.of(node) if self.contacts[n].end_s > t_s]
            first_s = min((self.contacts[n].end_s for n in kept), default=inf)
            self._left[node] = t_s, first_s, kept
            return kept
        return left


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

    def cancel(self, plan: Plan, route: Route, size: int, priority: int) -> None:
        """A bundle that was to take a route will not."""
        for number in route.contacts:
            free_s, takes_s = self._free_s.get(number, []), size / plan.contacts[number].bytes_s
            free_s[: priority + 1] = [booked_s - takes_s for booked_s in free_s[: priority + 1]]

    def clear(self) -> None:
        """Nothing is booked any more."""
        self._free_s.clear()


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
REACHED = -1


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

    def over(self, number: int, t_s: float) -> float:
        """When the bundle is there that is ready to cross a contact at a time; inf: it may not."""
        contact = self.plan.contacts[number]
        if number in self.excluded or contact.end_s < self.least_s:
            return inf
        if contact.node == self.source and self.entry not in (None, contact.peer):
            return inf
        return arrival_s(self.plan, number, t_s, self.size, self.priority, self.ledger)

    def earliest(self) -> tuple[Route | None, bool]:
        """A route that arrives first, and whether some node is reached as early by another contact.

        Through time, by a heap of nodes that are reached and of contacts that begin.
        """
        contacts, tied = self.plan.contacts, False
        best_s, by = {self.source: self.t_s}, dict[int, int]()
        heap = [(self.t_s, self.source, REACHED)]  # or place in its contacts, of one that begins
        reached_s = dict[int, float]()  # nodes that have been gone on from
        while heap:
            now_s, node, place = heapq.heappop(heap)
            if now_s > best_s.get(self.target, inf) or node == self.target:
                break
            if place == REACHED:
                if node in reached_s:
                    continue
                reached_s[node], place = now_s, 0
            numbers = self.plan.onward(node, self.t_s)
            for at in range(place, len(numbers)):
                number = numbers[at]
                contact = contacts[number]
                if contact.start_s > now_s:  # not yet
                    heapq.heappush(heap, (contact.start_s, node, at))
                    break
                there_s, peer = self.over(number, reached_s[node]), contact.peer
                known_s = best_s.get(peer, inf)
                if there_s < known_s:
                    best_s[peer], by[peer] = there_s, number
                    heapq.heappush(heap, (there_s, peer, REACHED))
                elif there_s == known_s < inf:
                    tied = True
        if self.target not in by:
            return None, tied
        way, node = list[int](), self.target
        while node != self.source:
            way.append(by[node])
            node = contacts[way[-1]].node
        return self._route(way[::-1], best_s[self.target]), tied

    def fewest(self, most: float = inf) -> Route | None:
        """Of the routes that arrive by latest_s one of the fewest hops, and of no more than `most`."""
        rounds = list[dict[int, tuple[float, int]]]()
        for found in self._hops():
            rounds.append(found)
            if self.target in found or len(rounds) >= most:
                break
        if not rounds or self.target not in rounds[-1]:
            return None
        way, node = list[int](), self.target
        for found in reversed(rounds):
            way.append(found[node][1])
            node = self.plan.contacts[way[-1]].node
        return self._route(way[::-1], rounds[-1][self.target][0])

    def _hops(self) -> Iterator[dict[int, tuple[float, int]]]:
        """For 1, 2, ... hops: the nodes that are reached earlier than with fewer, when, by which contact."""
        best_s, new = {self.source: self.t_s}, {self.source: self.t_s}
        while new:
            found: dict[int, tuple[float, int]] = {}
            for node, t_s in new.items():
                for number in self.plan.onward(node, self.t_s):
                    contact = self.plan.contacts[number]
                    if contact.start_s > self.latest_s:
                        break
                    there_s, peer = self.over(number, t_s), contact.peer
                    known_s = min(best_s.get(peer, inf), found[peer][0] if peer in found else inf)
                    if there_s < known_s and there_s <= self.latest_s:
                        found[peer] = there_s, number
            new = {node: t_s for node, (t_s, _) in found.items()}
            best_s |= new
            if new:
                yield found

    def _route(self, numbers: Sequence[int], arrival: float) -> Route:
        contacts = [self.plan.contacts[number] for number in numbers]
        return Route(tuple(numbers), arrival, min(contact.end_s for contact in contacts), contacts[0].peer)

    def waits(self, route: Route) -> bool:
        """Whether there is waiting on a route, but for its source: who is later on it then is as good."""
        t_s = self.t_s
        for place, number in enumerate(route.contacts):
            free_s = self.ledger.free_s(number, self.priority) if self.ledger else -inf
            if place and max(self.plan.contacts[number].start_s, free_s) > t_s:
                return True
            t_s = self.over(number, t_s)
        return False


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
    route, tied = search.earliest()
    if route is None or not (tied or search.waits(route)):
        return route  # no other arrives as early
    search = search._replace(latest_s=route.arrival_s)
    route = search.fewest() or route
    hops = len(route.contacts)
    while True:  # of those as early, and with as few hops, one that ends later
        later = search._replace(least_s=nextafter(route.until_s, inf)).fewest(hops)
        if later is None:
            break
        route = later
    search = search._replace(least_s=route.until_s)
    peers = {plan.contacts[number].peer for number in plan.onward(source, t_s)}
    for peer in sorted(peer for peer in peers if peer < route.entry):
        smaller = search._replace(entry=peer).fewest(hops)
        if smaller:
            return smaller
    return route


def routes(plan: Plan, source: int, target: int, t_s: float, excluded: Excluded = ()) -> Iterator[Route]:
    """The best route, then the best by another last contact, and so on."""
    left = set(excluded)
    while route := best(plan, source, target, t_s, excluded=left):
        yield route
        left.add(route.contacts[-1])


class Router:
    """Who is at a node and has bundles again and again: routes that were found are kept for the next.

    A way is never earlier than the best one was before, nor than at once. So a route will do as long as it
    is KEPT_S later than that at most. plan: as the node knows it. down: contacts of it that are known not to
    stand.
    """

    def __init__(self, plan: Plan, node: int) -> None:
        self.plan, self.node = plan, node
        self.ledger = Ledger()
        self.down = set[int]()
        self._kept: dict[tuple[int, int, int, frozenset[int]], Route | None] = {}

    def route(
        self, target: int, t_s: float, size: int, priority: int, avoiding: Collection[int]
    ) -> Route | None:
        """By which a bundle is to go; not to the peers to avoid first, if it need not."""
        first = self._first(target, t_s, size, priority, frozenset())
        if first and first.entry in avoiding:
            return self._first(target, t_s, size, priority, frozenset(avoiding)) or first
        return first

    def _first(
        self, target: int, t_s: float, size: int, priority: int, avoided: frozenset[int]
    ) -> Route | None:
        key = target, size, priority, avoided
        if key in self._kept:
            known = self._kept[key]
            if known is None:
                return None
            there_s = self._arrival_s(known, t_s, size, priority)
            if there_s <= max(known.arrival_s, t_s) + KEPT_S:
                return known._replace(arrival_s=there_s)
        back = {n for peer in avoided for n in self.plan.between(self.node, peer)}
        found = best(self.plan, self.node, target, t_s, size, priority, self.ledger, self.down | back)
        self._kept[key] = found
        return found

    def _arrival_s(self, route: Route, t_s: float, size: int, priority: int) -> float:
        for number in route.contacts:
            t_s = arrival_s(self.plan, number, t_s, size, priority, self.ledger)
        return t_s

    def book(self, route: Route, t_s: float, size: int, priority: int) -> None:
        """A bundle is to take it."""
        self.ledger.book(self.plan, route, t_s, size, priority)

    def cancel(self, route: Route, size: int, priority: int) -> None:
        """It will not."""
        self.ledger.cancel(self.plan, route, size, priority)
        self._kept.clear()  # what was full may be so no longer

    def give_up(self, number: int) -> None:
        """A contact does not stand, or no longer."""
        self.down.add(number)
        self.forget()

    def trust(self, peer: int) -> bool:
        """A peer is there after all. Returns whether contacts to it had been given up."""
        again = {number for number in self.down if self.plan.contacts[number].peer == peer}
        self.down -= again
        if again:
            self.forget()
        return bool(again)

    def forget(self) -> None:
        """What it had found and booked: contacts are others than it believed."""
        self.ledger.clear()
        self._kept.clear()
