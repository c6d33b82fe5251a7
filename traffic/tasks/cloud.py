"""All that tasks of a run share: time, the nodes that they are at, who is reached when, and who is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from skybed.topologies.contacts.spans import by_key
from skybed.topologies.model.tasks import Step, Task
from skybed.topologies.plan import score
from skybed.topologies.tasks.prospect import OBSERVER, Prospect
from skybed.traffic.nodes import Clock
from skybed.traffic.shared import Shared
from skybed.traffic.tasks import datagrams, rules, tcp
from skybed.traffic.tasks.rules import Choice
from skybed.traffic.tasks.sending import LAST, Carrier, Mail, Rank, Send, Windows
from skybed.traffic.tasks.site import Site
from skybed.traffic.tasks.stages import Stage, Tally
from skybed.traffic.timers import Timers
from skybed.traffic.waiting import Moment

if TYPE_CHECKING:
    from skybed.traffic.tasks.parcels import Bundles

CARRIERS: dict[str, Carrier] = {"tcp": tcp, "udp": datagrams}


class Cloud(Timers):
    """All tasks of a run, and the nodes that they are at."""

    def __init__(self, shared: Shared, tasks: Sequence[Task]) -> None:
        assert shared.prospect and shared.plan, "tasks are foreseen"
        super().__init__(shared.loop)
        self.shared, self.tasks = shared, tasks
        self.prospect: Prospect = shared.prospect
        self.scenario = shared.plan.scenario
        self.scale = self.scenario.rate_scale
        self.stages: dict[tuple[int, int], list[Stage]] = {}  # by task and number
        self._pairs = {(int(a), int(b)): n for n, (a, b) in enumerate(self.prospect.pairs)}
        self._windows = {"path": by_key(self.prospect.path), "contact": by_key(self.prospect.contact)}
        self._rules = [[rules.of(step.choose) for step in task.steps] for task in tasks]
        self.bundles = self._bundles() if any(task.carrier == "bundles" for task in tasks) else None
        self.mail = Mail(shared, self, CARRIERS, self._reaches, self._room)
        self.sites = {number: self._site(number) for number in self._involved()}
        self.by_name = {site.name: site for site in self.sites.values()}
        self.going: dict[tuple[int, int], list[Stage]] = {}  # of them those that are not over
        self.tallies = [Tally() for _ in tasks]
        self.uses = sum((task.uses for task in tasks), Counter[int | str]())  # of products, by their tasks
        self._onward = [_onward(task) for task in tasks]
        self.changed = Moment()  # comes when a node goes out of service, or comes back
        self._products: dict[tuple[int, int], Moment] = {}

    def _bundles(self) -> Bundles:
        from skybed.traffic.tasks.parcels import Bundles  # which few need, and which imports much

        return Bundles(self.shared, self.sends)

    def _involved(self) -> list[int]:
        """The nodes of all pairs, and those that observe; all, where any may hold a bundle."""
        if self.bundles:
            return sorted(self.bundles.agency.agents)
        observers = self.prospect.asked["node"]
        every_one = np.concatenate([self.prospect.pairs.ravel(), observers[observers >= 0]])
        places = [node for steps in self.prospect.at for nodes in steps for node in nodes]
        return sorted({*every_one.tolist(), *places})

    def _site(self, number: int) -> Site:
        assert self.shared.plan
        node, carries = self.shared.plan.nodes[number], score.carried(self.shared.plan, number)
        site = Site(number, self.shared.nodes[node.name], not node.layer, carries, self.mail)
        if number in self.prospect.pairs[:, 1]:
            site.port.listen()
        return site

    # -- time -----------------------------------------------------------------------------------------

    def until(self, t_s: float) -> Moment:
        moment = Moment()
        if t_s <= self.now_s():
            moment.come()
        else:
            self.at(t_s, moment.come)
        return moment

    def begin(self, clock: Clock, live: Callable[[int], object]) -> None:
        """Of all tasks, once. live: begins what is asked for in a row of the prospect's `asked`."""
        if self.started:
            return
        self.start(clock)
        self._live = live
        for site in self.sites.values():
            site.begin(self)
        if self.bundles:
            self.bundles.agency.begin(clock)
        for number, start_s, end_s in zip(*self.prospect.sunlit, strict=True):
            lit = self.sites.get(int(number))
            if lit and lit.battery:
                self.at(max(0.0, start_s), partial(lit.shines, True))
                if end_s < self.shared.until_s:
                    self.at(end_s, partial(lit.shines, False))
        for number, start_s, end_s in zip(*self.prospect.dead, strict=True):
            dying = self.sites.get(int(number))
            if dying:
                self.at(start_s, partial(self._dies, dying))
                if end_s < self.shared.until_s:
                    self.at(end_s, partial(self._returns, dying))
        for row in range(len(self.prospect.asked)):
            self.at(float(self.prospect.asked["asked_s"][row]), partial(self._ask, row))
        self.at(self.shared.until_s, self._stop)

    def _stop(self) -> None:
        self.mail.stopped = True
        for site in self.sites.values():
            site.port.stop()

    def _dies(self, site: Site) -> None:
        site.dead = True
        site.store.lose()
        self._look_all()

    def _returns(self, site: Site) -> None:
        site.dead = False
        self._look_all()

    def _look_all(self) -> None:
        changed, self.changed = self.changed, Moment()
        changed.come()
        for site in self.sites.values():
            site.port.look()

    # -- what becomes of what was asked for ---------------------------------------------------------------

    def _ask(self, row: int) -> None:
        if not (self.shared.loop.stopped or self.mail.stopped):
            self._live(row)

    def _reaches(self, send: Send) -> bool:
        return not (self.by_name[send.node].dead or self.by_name[send.peer].dead)

    def _room(self, send: Send, call: Callable[[], None]) -> bool:
        """Whether its receiver has room for it, which it keeps from then on."""
        if not send.taken:
            store = self.by_name[send.peer].store
            if not store.takes(send.size, send.priority):
                store.when_room(call)
                return False
            send.taken = True
            store.take(send.item)
        return True

    def pair(self, here: Site, there: Site) -> int:
        return self._pairs[here.number, there.number]

    def windows(self, here: Site, there: Site, over: str) -> Windows:
        return self._windows[over].get(self.pair(here, there), [])

    def sends(self, number: int, more: int) -> None:
        """A node, bundles over so many contacts more than before."""
        self.sites[number].sends(more)

    def rate_mbps(self, here: Site, there: Site) -> float:
        """Of the way between two nodes now, by the plan; 0: there is none."""
        look = max(0, int(np.searchsorted(self.prospect.looks_s, self.now_s(), side="right")) - 1)
        return float(self.prospect.rate_mbps[self.pair(here, there), look])

    def product(self, task: int, number: int) -> Moment:
        """Brings what one of the times that a task was asked for leaves for others, a lot for each."""
        return self._products.setdefault((task, number), Moment())

    def choose(
        self, task: int, step: int, observer: Site, sizes: Mapping[Site, int],
        taken: Counter[Site] | None = None, rank: Rank = LAST,
    ) -> Site | None:  # fmt: skip
        """Who does a step; None: nobody who is in service can be reached any more. sizes: bytes that it
        takes, by where they are now. taken: by other tiles: none gets a second one before each has one. rank:
        of what waits to be sent already.
        """
        places = self.prospect.at[task][step]
        every_one = [observer if number == OBSERVER else self.sites[number] for number in places]
        sites = [site for site in every_one if not site.dead] or every_one
        if taken is not None:
            least = min(taken[site] for site in sites)
            sites = [site for site in sites if taken[site] == least]
        if len(sites) == 1:
            return sites[0]
        choice = self._choice(task, step, sizes, sites, rank)
        return sites[self._rules[task][step](choice)] if np.isfinite(choice.begins_s).any() else None

    def _choice(
        self, task: int, step: int, sizes: Mapping[Site, int], sites: Sequence[Site], rank: Rank
    ) -> Choice:
        now_s, of, size = self.now_s(), self.tasks[task].steps[step], sum(sizes.values())
        begins_s, arrives_s, delay_s = np.max([
            [self.way(task, here, site, of.over, now_s, each) for site in sites]
            for here, each in sizes.items()
        ], axis=0).T  # fmt: skip
        compute_s = np.array([self.seconds(of, site, size) for site in sites])
        queue_s = np.array([site.queue_s() if of.job else 0.0 for site in sites])
        out = of.kept_bytes(size)
        coming = sum((site.port.waiting_bytes for site in self.sites.values()), Counter[str]())
        done_s = np.array([
            self._done_s(site, there_s, seconds)
            for site, there_s, seconds in zip(sites, arrives_s.tolist(), compute_s.tolist(), strict=True)
        ])  # fmt: skip
        product_s = np.array([
            self._onwards(task, step, site, ready_s, out)
            for site, ready_s in zip(sites, done_s.tolist(), strict=True)
        ])  # fmt: skip
        behind_s = np.array([
            self._behind_s(task, step, sizes, site, coming[site.name], rank) for site in sites
        ])  # fmt: skip
        names = [site.name for site in sites]
        return Choice(
            now_s, size, names, delay_s, begins_s, arrives_s, queue_s, compute_s, product_s, behind_s, done_s
        )

    def _done_s(self, site: Site, arrives_s: float, seconds: float) -> float:
        return site.done_s(self.now_s(), arrives_s, seconds, self.prospect.sunlit.of(site.number))

    def _behind_s(
        self, task: int, step: int, sizes: Mapping[Site, int], there: Site, coming: int, rank: Rank
    ) -> float:
        """When the product would be with its receiver, see Choice. What waits there goes on one after the
        other, from now on, so that it is there no sooner than all of that would be. coming: bytes that are on
        their way there.
        """
        now_s, of = self.now_s(), self.tasks[task].steps[step]
        waits = there.port.waiting_bytes.total() + coming * of.keep_pct / 100
        size = sum(sizes.values())
        out = of.kept_bytes(size)
        arrives_s = max(
            self.way(task, here, there, of.over, now_s, each + here.port.ahead_bytes(there.name, rank))[1]
            for here, each in sizes.items()
        )
        ready_s = self._done_s(there, arrives_s, self.seconds(of, there, size))
        return max(
            self._onwards(task, step, there, ready_s, out),
            self._onwards(task, step, there, now_s, out + round(waits)),
        )

    def next_way_s(self, here: Site, places: Iterable[int], over: str, after_s: float) -> float:
        """When the next way from a node to one of some others opens after a time; inf: none does."""
        opens_s = [
            start_s
            for number in places
            if (pair := self._pairs.get((here.number, number))) is not None
            for start_s, _ in self._windows[over].get(pair, [])
            if start_s > after_s
        ]
        return min(opens_s, default=np.inf)

    def way(
        self, task: int, here: Site, there: Site, over: str, from_s: float, size: int
    ) -> tuple[float, float, float]:
        """When there is a way (of bundles: when the first byte could be there), when all would have arrived
        if nothing else were sent, and the delay now.
        """
        if here is there:
            return from_s, from_s, 0.0
        if self.bundles and self.tasks[task].carrier == "bundles":
            return self.bundles.way(here.number, there.number, over, from_s, size)
        pair = self.pair(here, there)
        left_s, begins_s = -1.0, np.inf
        delays_s, rates_mbps, looks_s = (
            self.prospect.delay_s[pair], self.prospect.rate_mbps[pair], self.prospect.looks_s
        )  # fmt: skip
        for start_s, end_s in self._windows[over].get(pair, []):
            if end_s <= from_s:
                continue
            start_s = max(start_s, from_s)
            look = max(0, int(np.searchsorted(looks_s, start_s + 1e-9, side="right")) - 1)
            delay_s = delays_s[look]
            if not np.isfinite(delay_s):
                look = min(look + 1, len(looks_s) - 1)
                delay_s = delays_s[look]
            if left_s < 0:
                begins_s, now_s = start_s, delay_s if start_s <= from_s else np.inf
                left_s = 8e-6 * size / rates_mbps[look] if rates_mbps[look] > 0 else np.inf
            if start_s + left_s <= end_s:
                return begins_s, start_s + left_s + float(np.where(np.isfinite(delay_s), delay_s, 0.0)), now_s
            left_s -= end_s - start_s
        return begins_s, np.inf, now_s if left_s >= 0 else np.inf

    def _onwards(self, task: int, step: int, here: Site, ready_s: float, size: int) -> float:
        """When what a step gives would be with all that take it, or its receiver, by the contact plan."""
        if not np.isfinite(ready_s):
            return np.inf
        return max(self._there_s(task, taker, here, ready_s, size) for taker in self._onward[task][step])

    def _there_s(self, task: int, step: int, here: Site, ready_s: float, size: int) -> float:
        over = self.over(task, step)
        others = [number for number in self.prospect.at[task][step] if number != OBSERVER]
        if here.number in others or not others:
            return ready_s
        return min(self.way(task, here, self.sites[number], over, ready_s, size)[1] for number in others)

    def over(self, task: int, step: int) -> str:
        """How it gets to a step; after the last, to its receiver."""
        of = self.tasks[task]
        return of.steps[step].over if step < len(of.steps) else of.over

    def seconds(self, step: Step, site: Site, size: int) -> float:
        """That a step takes at a node; 0: nothing is computed."""
        seconds = step.seconds_at(site.carries.computing, size / 1e6 / self.scale)
        assert seconds is not None, "checked"
        return seconds


def _onward(task: Task) -> list[list[int]]:
    """Of each step those that take what it gives; the number of steps stands for the receiver."""
    takers = [[k for k, takes in enumerate(task.takes) if step in takes] for step in range(len(task.steps))]
    return [of or [len(task.steps)] for of in takers]
