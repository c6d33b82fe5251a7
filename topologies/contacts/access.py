"""Which of the satellites in view a node really talks to, and when: policies, terminals, set-up, handover.

The life of an access link: a terminal at each end is taken and the link is acquired for its set-up time; then
it stands (`start_s`) until `end_s`. Links in view when the plan starts are taken as acquired. A handover with
a terminal to spare makes the new link before it breaks the old one: the old one stands until the new one
does, plus the drain time in which routing and packets leave it. A coming end of view is known, so the new
link is then acquired in advance, to stand one drain time before the old one ends. Without a spare terminal
the old link ends first.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts import gateways
from skybed.topologies.contacts.courses import signals
from skybed.topologies.contacts.courses.signals import Overheads
from skybed.topologies.contacts.foresight import AHEAD_S
from skybed.topologies.contacts.gateways import Gateway
from skybed.topologies.contacts.margins import Intervals
from skybed.topologies.contacts.policy import InView, Policy
from skybed.topologies.model.links import Access, LinkClass
from skybed.topologies.orbits import chance, ellipsoid
from skybed.topologies.orbits.ephemeris import Ephemeris, apart_km
from skybed.topologies.orbits.roots import EDGE_S, zeros

LOOK_STEPS = 64  # decisions looked at in one go
IN_SLOTS = ("slots", "shuffle")  # policies that decide at multiples of slot_s only


def setup_s(link: LinkClass, seed: int, name: str, nth: int) -> float:
    """Set-up time of the nth contact of a link."""
    return chance.between(link.setup_s, seed, name, nth)


def setup_range_s(link: LinkClass) -> tuple[float, float]:
    """Shortest and longest set-up time of a link class."""
    return link.setup_s if isinstance(link.setup_s, tuple) else (link.setup_s, link.setup_s)


def tick(step_s: float, after_s: float, from_s: float = 0.0) -> float:
    """The first multiple of a step after one time and not before another."""
    if math.isinf(from_s):
        return math.inf
    return max(math.floor(after_s / step_s + 1e-9) + 1, math.ceil(from_s / step_s - 1e-9)) * step_s


@dataclass
class Hold:
    """A link that takes a terminal at both ends until end_s; it stands from up_s, when its set-up is over."""

    source: int
    target: int
    row: int  # in the source's View
    up_s: float
    end_s: float  # the end of view, or sooner after a handover
    view_end_s: float


@dataclass(frozen=True)
class View:
    """What one source sees: target nodes, start and end of view; the end is inf if beyond what is known."""

    target: Index
    start_s: Array
    end_s: Array


@dataclass
class Rulebook:
    """One access rule of a scenario, with what its decisions need."""

    access: Access
    link: LinkClass
    names: list[str]  # of all nodes
    seed: int
    drain_s: float
    until_s: float
    gateways: list[Gateway]
    policy: Policy | None  # that is asked
    overheads: Overheads  # if it has a radio


@dataclass
class Chooser:
    """Plays an access rule: the decisions of all its sources, in time order. Ties in time go by source."""

    sky: Ephemeris
    book: Rulebook
    views: dict[int, View]  # by source
    holds: list[Hold] = field(default_factory=list)
    held: dict[int, list[Hold]] = field(default_factory=lambda: defaultdict(list))  # by node, either end
    acquired: Counter[tuple[int, int]] = field(default_factory=Counter)

    def play(self) -> list[Hold]:
        """All links acquired, in order."""
        if self.book.access.policy == "all":
            self.take_all()
            return self.holds
        chains = range(self.book.access.links)  # a chain is one active link and its successors
        queue = [(0.0, source, chain) for source in sorted(self.views) for chain in chains]
        current: dict[tuple[int, int], Hold | None] = {}
        while queue:
            t, source, chain = heapq.heappop(queue)
            hold = self.decide(t, source, current.get((source, chain)))
            current[source, chain] = hold
            after = self.next_decision(t, source, hold)
            if after < self.book.until_s:
                heapq.heappush(queue, (after, source, chain))
        return self.holds

    def take_all(self) -> None:
        """Every view, as many terminals as that takes at the source; left out if the target has none free."""
        order = sorted(
            (start, n, k) for n, view in self.views.items() for k, start in enumerate(view.start_s)
        )
        for start, source, k in order:
            if self.has_room(int(self.views[source].target[k]), start):
                self.acquire(source, k, self.up_s(start, source, k, at=start))

    # -- what to do at a time --------------------------------------------------------------------

    def decide(self, t: float, source: int, old: Hold | None) -> Hold | None:
        """The link that a chain of `source` relies on after time t, given the one until now."""
        spare = len(self.busy(source, t)) < self.book.access.terminals
        if old is not None and old.end_s <= t:
            old = None
        ahead = old is not None and t >= self.look_ahead_s(old)
        if (old is None or ahead) and not spare:
            return old
        at = old.view_end_s if old is not None and ahead else t
        for k in self.order(t, source, at, None if ahead else old):
            if old is not None and not ahead and k == old.row:
                return old
            if self.can(t, source, k, at):
                new = self.acquire(source, k, self.up_s(t, source, k, at))
                if old is not None:
                    old.end_s = min(old.end_s, new.up_s + self.book.drain_s) if spare else t
                return new
        if old is not None and not ahead:
            old.end_s, old = t, None
        return old

    def order(self, t: float, source: int, at: float, old: Hold | None) -> list[int]:
        """Which of the source's views it would use at time `at`, best first; it gives up a link that it
        relies on until now, `old`, if that is not among them.
        """
        if self.book.policy is not None:
            return self.ask(self.book.policy, t, source, at, old)
        access, view = self.book.access, self.views[source]
        seen = np.flatnonzero((view.start_s <= at) & (view.end_s > at))
        if access.policy == "shuffle":
            best = seen[np.argsort(self.draw(source, view.target[seen], at))]
        else:
            distance = self.way_km(source, view.target[seen], at)
            if old is not None:
                limit = self.way_km(source, old.target, at) - access.hysteresis_km
                seen, distance = seen[distance < limit], distance[distance < limit]
            longest = access.policy == "longest"
            first = -np.minimum(view.end_s[seen], at + AHEAD_S) if longest else distance
            best = seen[np.lexsort((view.target[seen], distance, first))]
        return best.tolist() if old is None else [*best[best != old.row].tolist(), old.row]

    def draw(self, source: int, targets: Index, at: float) -> list[float]:
        """A number for each target, by chance, anew in each slot."""
        slot = round(at / self.book.access.slot_s)
        name = self.book.seed, self.book.names[source], "slot", slot
        return [chance.between((0.0, 1.0), *name, self.book.names[target]) for target in targets]

    def ask(self, policy: Policy, t: float, source: int, at: float, old: Hold | None) -> list[int]:
        """As order, by a policy that is asked. What other links of the source hold is not shown to it."""
        view = self.views[source]
        others = [hold.row for hold in self.busy(source, t) if hold is not old]
        seen = np.flatnonzero((view.start_s <= at) & (view.end_s > at))
        seen = seen[~np.isin(seen, others)]
        if not len(seen):
            return []
        target = view.target[seen]
        here, there = self.sky.position_km(source, at), self.sky.position_km(target, at)
        to_gateway = gateways.range_km(self.sky, self.book.gateways, target, at) if self.book.gateways else 0
        busy = [self.busy(int(n), t) for n in target]
        shown = InView(
            t_s=at,
            source=self.book.names[source],
            seed=self.book.seed,
            names=[self.book.names[n] for n in target],
            elevation_deg=ellipsoid.elevation_deg(here, there),
            azimuth_deg=ellipsoid.azimuth_deg(here, there),
            range_km=self.sky.distance_km(source, target, at),
            gateway_km=np.zeros(len(seen)) + to_gateway,
            sets_s=np.where(view.end_s[seen] < at + AHEAD_S, view.end_s[seen] - at, np.inf),
            load=np.array([len(holds) for holds in busy]),
            c_n_db=self.c_n_db(source, target, at),
            leaving=np.array([sum(hold.end_s < hold.view_end_s for hold in holds) for holds in busy]),
            current=seen.tolist().index(old.row) if old is not None else None,
        )
        return [int(seen[place]) for place in policy(shown)]

    def c_n_db(self, source: int, target: Index, t_s: float) -> Array:
        """Of what satellites send, as a source hears them; nan without a radio."""
        radio, when_s = self.book.link.capable(up=False).radio, np.full(len(target), t_s)
        if radio is None:
            return np.full(len(target), np.nan)
        ends = signals.Ends(target, np.full(len(target), source))
        return signals.c_n_db(radio, when_s, ends, self.sky, self.book.overheads)

    def can(self, t: float, source: int, k: int, at: float) -> bool:
        """Whether view k may be acquired from time t on so as to use it at time `at`."""
        target = int(self.views[source].target[k])
        taken = {hold.target for hold in self.busy(source, t)}
        lasts = self.up_s(t, source, k, at) + self.book.drain_s < self.views[source].end_s[k]
        return target not in taken and self.has_room(target, t) and bool(lasts)

    def way_km(self, source: int, target: ArrayLike, t_s: ArrayLike) -> Array:
        """To satellites, and where the rule has gateways on to the nearest that sees them."""
        return self.beyond_km(self.sky.distance_km(source, target, t_s), target, t_s)

    def beyond_km(self, range_km: Array, target: ArrayLike, t_s: ArrayLike) -> Array:
        """The way over satellites this far away."""
        if not self.book.gateways:
            return range_km
        return range_km + gateways.range_km(self.sky, self.book.gateways, target, t_s)

    def up_s(self, t: float, source: int, k: int, at: float) -> float:
        """When view k comes to stand if it is decided on at time t for use at time `at`.

        It is acquired so as to stand one drain time before, but neither before t nor before it is in view.
        """
        setup = self.setup_s(source, int(self.views[source].target[k]))
        begin = max(t, float(self.views[source].start_s[k]), at - self.book.drain_s - setup)
        return begin + setup if begin > 0 else 0.0

    def acquire(self, source: int, k: int, up_s: float) -> Hold:
        """Take terminals for view k, which stands from up_s."""
        target, end_s = int(self.views[source].target[k]), float(self.views[source].end_s[k])
        hold = Hold(source, target, k, up_s, end_s, end_s)
        self.acquired[source, target] += 1
        self.holds.append(hold)
        self.held[source].append(hold)
        self.held[target].append(hold)
        return hold

    # -- when to think again ---------------------------------------------------------------------

    def next_decision(self, t: float, source: int, hold: Hold | None) -> float:
        """The first time after t at which a chain with this link may want another."""
        access = self.book.access
        if access.policy in IN_SLOTS:
            return tick(access.slot_s, after_s=t)
        view = self.views[source]
        if hold is None:
            later = view.start_s[view.start_s > t].min(initial=math.inf)
            waiting = ((view.start_s <= t) & (view.end_s > t)).any()  # for a terminal, or too short
            if self.book.policy is not None:
                return tick(access.decision_s, after_s=t, from_s=t if waiting else float(later))
            return min(later, t + access.decision_s) if waiting else float(later)
        ahead = self.look_ahead_s(hold)
        if self.book.policy is not None:
            regular = tick(access.decision_s, after_s=t, from_s=hold.up_s)
            return min(regular, hold.end_s, ahead if ahead > t else math.inf)
        if t >= ahead:  # nothing to hand over to, yet
            return min(t + access.decision_s, hold.end_s)
        crossing = self.crossing(t, hold, ahead) if access.policy == "nearest" else math.inf
        return min(ahead, hold.end_s, crossing)

    def look_ahead_s(self, hold: Hold) -> float:
        """When to look for the successor of a link that will go out of view."""
        access = self.book.access
        if access.policy in IN_SLOTS or access.terminals <= access.links:
            return hold.view_end_s
        return hold.view_end_s - self.book.drain_s - setup_range_s(self.book.link)[1]

    def crossing(self, t: float, hold: Hold, until_s: float) -> float:
        """When first a free satellite is nearer than the one in use, by the hysteresis; inf: not in time."""
        view, step = self.views[hold.source], self.book.access.decision_s
        in_use = [other.target for other in self.busy(hold.source, t) if other.end_s == other.view_end_s]
        others = ~np.isin(view.target, in_use)  # one that is being left may come back
        until_s = min(until_s, self.book.until_s)
        low = max(t, hold.up_s)
        while low < until_s:
            ticks = np.append(low, (math.floor(low / step) + 1 + np.arange(LOOK_STEPS)) * step)
            near = np.flatnonzero((view.start_s < ticks[-1]) & (view.end_s > low) & others)
            seen = (view.start_s[near, None] <= ticks) & (view.end_s[near, None] > ticks)
            nearer = seen & (self.gain_km(hold, view.target[near, None], ticks) > 0)
            k = int(np.argmax(nearer.any(axis=0)))
            if nearer[:, k].any():
                if k == 0:  # at t it was looked at, and turned down
                    return low if low > t else t + step
                which = near[nearer[:, k]]
                return self.refine(hold, view, which, ticks[k - 1], ticks[k])
            low = ticks[-1]
        return math.inf

    def refine(self, hold: Hold, view: View, which: Index, left_s: float, right_s: float) -> float:
        """First instant in a decision step at which one of the views `which` is nearer."""
        target = view.target[which]

        def gain_km(rows: Index, t_s: Array) -> Array:
            return self.gain_km(hold, target[rows], t_s)

        first_s = np.maximum(left_s, view.start_s[which])
        before = gain_km(np.arange(len(which)), first_s)
        later = np.flatnonzero(before <= 0)  # than it comes into view
        begin, end = first_s[later], np.full(len(later), right_s)
        zero_s = zeros(
            lambda rows, t_s: gain_km(later[rows], t_s), end, begin, gain_km(later, end), before[later]
        )
        first_s[later] = np.minimum(zero_s + EDGE_S, right_s)  # at the zero itself rounding would say no
        return float(first_s.min())

    def gain_km(self, hold: Hold, target: Index, t_s: Array) -> Array:
        """How much nearer than the link in use a target is, beyond the hysteresis."""
        nodes = np.stack(np.broadcast_arrays(hold.source, hold.target, target))
        here, held, other = self.sky.position_km(nodes, t_s)  # in one go, for it is asked for a few at a time
        now_km = self.beyond_km(apart_km(here, held), hold.target, t_s) - self.book.access.hysteresis_km
        return now_km - self.beyond_km(apart_km(here, other), target, t_s)

    # -- terminals -------------------------------------------------------------------------------

    def busy(self, node: int, t: float) -> list[Hold]:
        """Links that take a terminal of a node at time t, or are to."""
        self.held[node] = [hold for hold in self.held[node] if hold.end_s > t]
        return self.held[node]

    def has_room(self, target: int, t: float) -> bool:
        limit = self.book.access.target_terminals
        return limit is None or len(self.busy(target, t)) < limit

    def setup_s(self, source: int, target: int) -> float:
        name = "--".join(self.book.names[n] for n in sorted((source, target)))
        return setup_s(self.book.link, self.book.seed, name, self.acquired[source, target])


def views(sources: Index, targets: Index, seen: Intervals, until_s: float) -> dict[int, View]:
    """Intervals of every source with every target, by source. An end at until_s is unknown."""
    source, target = sources[seen.pair // len(targets)], targets[seen.pair % len(targets)]
    end = np.where(seen.end_s != until_s, seen.end_s, np.inf)
    cuts = np.flatnonzero(np.diff(source)) + 1
    parts = zip(*(np.split(x, cuts) for x in (source, target, seen.start_s, end)), strict=True)
    return {int(n[0]): View(*part) for n, *part in parts if len(n)}
