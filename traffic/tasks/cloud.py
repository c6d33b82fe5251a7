"""All that tasks of a run share: time, the nodes that they are at, who is reached when, and who is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from skybed.topologies.contacts.spans import by_key
from skybed.topologies.model.tasks import Step, Task
from skybed.topologies.plan import score
from skybed.topologies.tasks.prospect import OBSERVER, Prospect
from skybed.traffic.nodes import Clock
from skybed.traffic.shared import Shared
from skybed.traffic.tasks import datagrams, rules, tcp
from skybed.traffic.tasks.rules import Choice
from skybed.traffic.tasks.sending import Carrier, Mail, Send, Windows
from skybed.traffic.tasks.site import Site
from skybed.traffic.tasks.stages import Stage, Tally
from skybed.traffic.tasks.waiting import Moment
from skybed.traffic.timers import Timers

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
        self.mail = Mail(shared, self, CARRIERS, self._reaches, self._room)
        self.sites = {number: self._site(number) for number in self._involved()}
        self.by_name = {site.name: site for site in self.sites.values()}
        self.going: dict[tuple[int, int], list[Stage]] = {}  # of them those that are not over
        self.tallies = [Tally() for _ in tasks]

    def _involved(self) -> list[int]:
        """The nodes of all pairs, and those that observe."""
        observers = self.prospect.asked["node"]
        every_one = np.concatenate([self.prospect.pairs.ravel(), observers[observers >= 0]])
        places = [node for steps in self.prospect.at for nodes in steps for node in nodes]
        return sorted({*every_one.tolist(), *places})

    def _site(self, number: int) -> Site:
        assert self.shared.plan
        node, carries = self.shared.plan.nodes[number], score.carried(self.shared.plan, number)
        site = Site(number, self.shared.nodes[node.name], not node.layer, carries, self.mail, self.scale)
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

    def rate_mbps(self, here: Site, there: Site) -> float:
        """Of the way between two nodes now, by the plan; 0: there is none."""
        look = max(0, int(np.searchsorted(self.prospect.looks_s, self.now_s(), side="right")) - 1)
        return float(self.prospect.rate_mbps[self.pair(here, there), look])

    def choose(
        self, task: int, step: int, observer: Site, here: Site, size: int, taken: Counter[Site] | None = None
    ) -> Site:
        """Who does a step with so many bytes that are here now. taken: by other tiles: none gets a second one
        before each has one.
        """
        places = self.prospect.at[task][step]
        every_one = [observer if number == OBSERVER else self.sites[number] for number in places]
        sites = [site for site in every_one if not site.dead] or every_one
        if taken is not None:
            least = min(taken[site] for site in sites)
            sites = [site for site in sites if taken[site] == least]
        if len(sites) == 1:
            return sites[0]
        return sites[self._rules[task][step](self._choice(task, step, here, sites, size))]

    def _choice(self, task: int, step: int, here: Site, sites: Sequence[Site], size: int) -> Choice:
        now_s, of = self.now_s(), self.tasks[task].steps[step]
        begins_s, arrives_s, delay_s = (np.array(column) for column in zip(
            *(self.way(here, site, of.over, now_s, size) for site in sites), strict=True
        ))  # fmt: skip
        compute_s = np.array([self.seconds(of, site, size) for site in sites])
        queue_s = np.array([site.queue_s() if of.job else 0.0 for site in sites])
        out = of.kept_bytes(size)
        coming = sum((site.port.waiting_bytes for site in self.sites.values()), Counter[str]())
        product_s = np.array([
            self._onwards(task, step + 1, site, ready_s, out)
            for site, ready_s in zip(sites, (arrives_s + queue_s + compute_s).tolist(), strict=True)
        ])  # fmt: skip
        behind_s = np.array([
            self._behind_s(task, step, here, site, coming[site.name], size, busy_s)
            for site, busy_s in zip(sites, (queue_s + compute_s).tolist(), strict=True)
        ])  # fmt: skip
        names = [site.name for site in sites]
        return Choice(
            now_s, size, names, delay_s, begins_s, arrives_s, queue_s, compute_s, product_s, behind_s
        )

    def _behind_s(
        self, task: int, step: int, here: Site, there: Site, coming: int, size: int, busy_s: float
    ) -> float:
        """When the product would be with its receiver, see Choice. What waits there goes on one after the
        other, from now on, so that it is there no sooner than all of that would be. coming: bytes that are on
        their way there.
        """
        now_s, of = self.now_s(), self.tasks[task].steps[step]
        ahead = 0 if here is there else here.port.waiting_bytes[there.name]
        waits = there.port.waiting_bytes.total() + coming * of.keep_pct / 100
        out = of.kept_bytes(size)
        arrives_s = self.way(here, there, of.over, now_s, size + ahead)[1]
        return max(
            self._onwards(task, step + 1, there, arrives_s + busy_s, out),
            self._onwards(task, step + 1, there, now_s, out + round(waits)),
        )

    def way(self, here: Site, there: Site, over: str, from_s: float, size: int) -> tuple[float, float, float]:
        """When there is a way, when all would have arrived if nothing else were sent, and the delay now."""
        if here is there:
            return from_s, from_s, 0.0
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
        """When it would be at the next step, or with its receiver, by the contact plan."""
        if not np.isfinite(ready_s):
            return np.inf
        over = self.over(task, step)
        others = [number for number in self.prospect.at[task][step] if number != OBSERVER]
        if here.number in others or not others:
            return ready_s
        return min(self.way(here, self.sites[number], over, ready_s, size)[1] for number in others)

    def over(self, task: int, step: int) -> str:
        """How it gets to a step; after the last, to its receiver."""
        of = self.tasks[task]
        return of.steps[step].over if step < len(of.steps) else of.over

    def seconds(self, step: Step, site: Site, size: int) -> float:
        """That a step takes at a node; 0: nothing is computed."""
        seconds = step.seconds_at(site.carries.computing, size / 1e6 / self.scale)
        assert seconds is not None, "checked"
        return seconds
