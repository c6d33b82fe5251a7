"""The life of tasks: asked for, seen, observed, brought to where it is computed, delivered."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skybed.topologies.contacts.spans import Spans
from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS, Table
from skybed.topologies.model.tasks import Step, Task
from skybed.topologies.plan import score
from skybed.topologies.tasks.prospect import OBSERVER, Prospect
from skybed.traffic.nodes import Clock
from skybed.traffic.shared import Shared
from skybed.traffic.tasks import datagrams, rules, tcp
from skybed.traffic.tasks.program import Program
from skybed.traffic.tasks.rules import Choice
from skybed.traffic.tasks.sending import Carrier, Mail, Send, Windows
from skybed.traffic.tasks.site import Site
from skybed.traffic.tasks.storage import Item
from skybed.traffic.tasks.waiting import Ended, Moment, begin, every

NS_LATER = 1000  # than asked for, calls come: never before their time by the rounding of a clock
CARRIERS: dict[str, Carrier] = {"tcp": tcp, "udp": datagrams}
MOST_TOLD = 200  # of what is going on, to who looks on
ARRIVING = 10  # the priority of what has not arrived yet: it does not give way


class Stage:
    """A row of the table `tasks`, as far as it is known."""

    def __init__(
        self, stage: str, step: int, tile: int, site: Site | None, queued_s: float, size: int
    ) -> None:
        self.stage, self.step, self.tile, self.queued_s = stage, step, tile, queued_s
        self.node = site.name if site else None
        self.peer: str | None = None
        self.began_s: float | None = None
        self.ended_s: float | None = None
        self.no_way_s = self.at_work_s = self.wh = 0.0
        self.in_bytes = self.out_bytes = size
        self.outcome = "held"
        self.look: Callable[[float], None] = lambda now_s: None  # brings it up to date
        self.send: Send | None = None

    def end(self, now_s: float, outcome: str = "done") -> None:
        self.look(now_s)
        self.ended_s, self.outcome = now_s, outcome
        if self.began_s is None and outcome == "done":
            self.began_s = self.queued_s


@dataclass
class Tally:
    """Of a task, so far. response_s: of all that were delivered, together."""

    asked: int = 0
    delivered: int = 0
    response_s: float = 0.0


class Cloud:
    """All tasks of a run, and the nodes that they are at."""

    def __init__(self, shared: Shared, tasks: Sequence[Task]) -> None:
        assert shared.prospect and shared.plan, "tasks are foreseen"
        self.shared, self.tasks = shared, tasks
        self.prospect: Prospect = shared.prospect
        self.scale = shared.plan.scenario.rate_scale
        self.stages: dict[tuple[int, int], list[Stage]] = {}  # by task and number
        self._pairs = {(int(a), int(b)): n for n, (a, b) in enumerate(self.prospect.pairs)}
        self._windows = {"path": by_key(self.prospect.path), "contact": by_key(self.prospect.contact)}
        self._rules = [[rules.of(step.choose) for step in task.steps] for task in tasks]
        self._first = rules.of("first")
        self.mail = Mail(shared, self, CARRIERS, self._reaches, self._room)
        self.sites = {number: self._site(number) for number in self._involved()}
        self.by_name = {site.name: site for site in self.sites.values()}
        self.crossings = [Crossed(self, number) for number in range(len(tasks))]
        self.lives: dict[Life, None] = {}  # that are not over
        self.tallies = [Tally() for _ in tasks]
        self._clock: Clock | None = None
        self._turn, self._now_s = -1, 0.0

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

    def now_s(self) -> float:
        """The same for all that is done in one turn of the loop."""
        assert self._clock
        if self._turn != self.shared.loop.turn:
            self._turn, self._now_s = self.shared.loop.turn, self._clock.now_s()
        return self._now_s

    def at(self, t_s: float, call: Callable[[], None]) -> None:
        assert self._clock
        self.shared.loop.at(int(self._clock.to_realtime_ns(t_s)) + NS_LATER, lambda _now_ns: call())

    def _until(self, t_s: float) -> Moment:
        moment = Moment()
        if t_s <= self.now_s():
            moment.come()
        else:
            self.at(t_s, moment.come)
        return moment

    def begin(self, clock: Clock) -> None:
        """Of all tasks, once."""
        if self._clock:
            return
        self._clock = clock
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
        if self.shared.loop.stopped or self.mail.stopped:
            return
        begin(Life(self, row).whole())

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

    def bytes_of(self, mb: float) -> int:
        """On the wire, where volumes are scaled as rates are."""
        return max(1, round(mb * 1e6 * self.scale))

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
            *(self._way(here, site, of.over, now_s, size) for site in sites), strict=True
        ))  # fmt: skip
        compute_s = np.array([self.seconds(of, site, size) for site in sites])
        queue_s = np.array([site.queue_s() if of.job else 0.0 for site in sites])
        out = max(1, round(size * of.keep_pct / 100))
        product_s = np.array([
            self._onwards(task, step + 1, site, ready_s, out)
            for site, ready_s in zip(sites, (arrives_s + queue_s + compute_s).tolist(), strict=True)
        ])  # fmt: skip
        behind_s = np.array([
            self._behind_s(task, step, here, site, now_s, size, busy_s)
            for site, busy_s in zip(sites, (queue_s + compute_s).tolist(), strict=True)
        ])  # fmt: skip
        names = [site.name for site in sites]
        return Choice(
            now_s, size, names, delay_s, begins_s, arrives_s, queue_s, compute_s, product_s, behind_s
        )

    def _behind_s(
        self, task: int, step: int, here: Site, there: Site, now_s: float, size: int, busy_s: float
    ) -> float:
        """When the product would be with its receiver, see Choice. What waits there goes on one after the
        other, from now on, so that it is there no sooner than all of that would be.
        """
        of = self.tasks[task].steps[step]
        ahead = 0 if here is there else here.port.waiting_bytes[there.name]
        coming = sum(site.port.waiting_bytes[there.name] for site in self.sites.values())
        waits = there.port.waiting_bytes.total() + coming * of.keep_pct / 100
        out = max(1, round(size * of.keep_pct / 100))
        arrives_s = self._way(here, there, of.over, now_s, size + ahead)[1]
        return max(
            self._onwards(task, step + 1, there, arrives_s + busy_s, out),
            self._onwards(task, step + 1, there, now_s, out + round(waits)),
        )

    def _way(
        self, here: Site, there: Site, over: str, from_s: float, size: int
    ) -> tuple[float, float, float]:
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
        return min(self._way(here, self.sites[number], over, ready_s, size)[1] for number in others)

    def over(self, task: int, step: int) -> str:
        """How it gets to a step; after the last, to its receiver."""
        of = self.tasks[task]
        return of.steps[step].over if step < len(of.steps) else of.over

    def seconds(self, step: Step, site: Site, size: int) -> float:
        """That a step takes at a node; 0: nothing is computed."""
        seconds = step.seconds_at(site.carries.computing, size / 1e6 / self.scale)
        assert seconds is not None, "checked"
        return seconds


class Life:
    """Of one of the times that a task is asked for. row: of the prospect's `asked`."""

    def __init__(self, cloud: Cloud, row: int) -> None:
        asked = cloud.prospect.asked[row]
        self.cloud, self.row, self.number = cloud, row, int(asked["number"])
        self.task_number = int(asked["task"])
        self.task = cloud.tasks[self.task_number]
        self.observer = cloud.sites[int(asked["node"])] if asked["node"] >= 0 else None
        self.seen_s, self.acquisition_s = float(asked["seen_s"]), float(asked["acquisition_s"])
        self.stages = cloud.stages.setdefault((self.task_number, self.number), [])

    def _stage(self, stage: str, step: int, tile: int, site: Site | None, size: int) -> Stage:
        made = Stage(stage, step, tile, site, self.cloud.now_s(), size)
        self.stages.append(made)
        return made

    async def whole(self) -> None:
        tally, asked_s = self.cloud.tallies[self.task_number], self.cloud.now_s()
        tally.asked += 1
        self.cloud.lives[self] = None
        try:
            if await self._reached():
                tally.delivered += 1
                tally.response_s += self.cloud.now_s() - asked_s
        finally:
            del self.cloud.lives[self]

    async def _reached(self) -> bool:
        """Whether its product came to its receiver."""
        cloud, task = self.cloud, self.task
        if self.observer is None:  # nobody sees it before the end
            self._stage("view", -1, 0, None, 0)
            return False
        site = self.observed = self.observer
        if task.command:
            await self._command(site)
        await self._view(site)
        item = await self._observe(site)
        if self.acquisition_s:
            stage = self._stage("acquire", -1, 0, site, item.size)
            await self._unless_gone(cloud._until(cloud.now_s() + self.acquisition_s), item, stage)
            stage.end(cloud.now_s())
        pieces = [(item, site)]
        for number, step in enumerate(task.steps):
            pieces = await self._step(number, step, pieces)
        there = cloud.sites[cloud.prospect.at[self.task_number][-1][0]]
        last = len(task.steps)
        arrived = await every(
            [
                begin(self._carry(item, here, there, last, tile, task.over))
                for tile, (item, here) in enumerate(pieces)
            ]
        )
        stage = self._stage("arrive", last, 0, there, sum(item.size for item in arrived))
        for item in arrived:
            there.store.leave(item)
        stage.end(cloud.now_s())
        return True

    async def _command(self, site: Site) -> None:
        """Up to who is to observe: by any path, or from the station that sees it first."""
        cloud, command = self.cloud, self.task.command
        assert command
        here = cloud.by_name[command.source]
        item = Item(cloud.bytes_of(command.kb / 1e3), self.task.priority)
        if command.via:
            now_s = cloud.now_s()
            stations = [cloud.by_name[name] for name in command.via]
            station = min(stations, key=lambda via: cloud._way(via, site, "contact", now_s, item.size)[0])
            item = await self._carry(item, here, station, -1, 0, "path", "command")
            here, over = station, "contact"
        else:
            over = "path"
        arrived = await self._carry(item, here, site, -1, 0, over, "command")
        site.store.leave(arrived)

    async def _view(self, site: Site) -> None:
        cloud = self.cloud
        stage = self._stage("view", -1, 0, site, 0)
        if self.task.target is not None:
            views = cloud.prospect.views.of(self.row)
            now_s = cloud.now_s()
            ahead = [max(start_s, now_s) for start_s, end_s in views if end_s > now_s]
            if not ahead:
                raise Ended("held")
            await cloud._until(ahead[0])
        stage.end(cloud.now_s())

    async def _observe(self, site: Site) -> Item:
        cloud, camera = self.cloud, site.carries.camera
        scene_mb = self.task.scene_mb or (camera.scene_mb if camera else 0.0)
        item = Item(cloud.bytes_of(scene_mb), self.task.priority)
        stage = self._stage("observe", -1, 0, site, item.size)
        if site.dead:
            stage.end(cloud.now_s(), "lost")
            raise Ended("lost")
        if not site.store.takes(item.size, item.priority):
            stage.end(cloud.now_s(), "refused")
            raise Ended("refused")
        site.store.take(item)
        capture_s = camera.capture_s if camera else 0.0
        begins_s = max(cloud.now_s(), site.camera_free_s)
        site.camera_free_s = begins_s + capture_s
        await self._unless_gone(cloud._until(begins_s), item, stage)
        stage.began_s = cloud.now_s()
        watts = camera.watts if camera else 0.0
        site.draws("camera", watts)
        await cloud._until(begins_s + capture_s)
        site.draws("camera", -watts)
        stage.at_work_s, stage.wh = capture_s, capture_s * watts / 3600
        if item.gone.over:
            await self._unless_gone(Moment(), item, stage)
        stage.end(cloud.now_s())
        return item

    async def _step(
        self, number: int, step: Step, pieces: list[tuple[Item, Site]]
    ) -> list[tuple[Item, Site]]:
        """Split it, or bring its parts together, and have it done."""
        if step.tiles > 1 and len(pieces) == 1:
            ((item, here),) = pieces
            pieces = [(part, here) for part in self._split(item, here, step.tiles)]
        if step.tiles > 1:
            taken = Counter[Site]()
            lives = [
                begin(self._part(number, step, item, here, tile, taken))
                for tile, (item, here) in enumerate(pieces)
            ]
            return await every(lives)
        size = sum(item.size for item, _ in pieces)
        there = self.cloud.choose(self.task_number, number, self.observed, pieces[0][1], size)
        with self._expected(there, step, size):
            arrived = await every(
                [
                    begin(self._carry(item, here, there, number, tile, step.over))
                    for tile, (item, here) in enumerate(pieces)
                ]
            )
        return [(await self._compute(number, step, self._join(arrived, there), there, 0), there)]

    async def _part(
        self, number: int, step: Step, item: Item, here: Site, tile: int, taken: Counter[Site]
    ) -> tuple[Item, Site]:
        there = self.cloud.choose(self.task_number, number, self.observed, here, item.size, taken)
        taken[there] += 1
        with self._expected(there, step, item.size):
            item = await self._carry(item, here, there, number, tile, step.over)
        return await self._compute(number, step, item, there, tile), there

    @contextlib.contextmanager
    def _expected(self, there: Site, step: Step, size: int) -> Iterator[None]:
        """While it is on its way there, who chooses counts with it."""
        seconds = self.cloud.seconds(step, there, size)
        there.expected_s += seconds
        try:
            yield
        finally:
            there.expected_s -= seconds

    def _split(self, item: Item, here: Site, tiles: int) -> list[Item]:
        each, more = divmod(item.size, tiles)
        parts = [Item(max(1, each + (n < more)), item.priority) for n in range(tiles)]
        here.store.leave(item)
        for part in parts:
            here.store.take(part)
        return parts

    def _join(self, items: Sequence[Item], there: Site) -> Item:
        if len(items) == 1:
            return items[0]
        whole = Item(sum(item.size for item in items), self.task.priority)
        for item in items:
            there.store.leave(item)
        there.store.take(whole)
        return whole

    async def _carry(
        self, item: Item, here: Site, there: Site, step: int, tile: int, over: str, stage_name: str = ""
    ) -> Item:
        """Bring it there. Returns it as it is there."""
        cloud = self.cloud
        if here is there:
            return item
        stage = self._stage(stage_name or way_of(here, there), step, tile, here, item.size)
        stage.peer = there.name
        arriving = Item(item.size, ARRIVING)
        send = Send(
            here.name, there.name, item.size, item.priority, cloud.mail.rank(item.priority),
            cloud.windows(here, there, over), arriving, self.task.carrier,
            partial(cloud.rate_mbps, here, there),
        )  # fmt: skip
        stage.send, stage.look = send, partial(self._look_send, stage, send, here)
        item.gone.then(lambda: None if send.done.over else here.port.drop(send, item.gone.word))
        arriving.gone.then(lambda: None if send.done.over else send.restart())
        send.freed.then(lambda: here.store.leave(item))
        if not send.done.over:  # it may have been dropped while nobody asked for it
            cloud.mail.post(here.port, send)
        try:
            await send.done
        except Ended as why:
            there.store.leave(arriving)
            stage.end(cloud.now_s(), why.outcome)
            raise
        arriving.priority = item.priority
        stage.end(cloud.now_s())
        return arriving

    def _look_send(self, stage: Stage, send: Send, here: Site, now_s: float) -> None:
        stage.began_s = send.parts[0].began_s if send.parts else None
        stage.at_work_s = send.worked_s(now_s)
        stage.no_way_s = (now_s - send.queued_s) - send.open_s(send.queued_s, now_s)
        stage.wh = stage.at_work_s * here.transmit_w / 3600

    async def _compute(self, number: int, step: Step, item: Item, there: Site, tile: int) -> Item:
        cloud = self.cloud
        size = max(1, round(item.size * step.keep_pct / 100))
        if step.job is not None:
            stage = self._stage("compute", number, tile, there, item.size)
            stage.out_bytes = size
            runs = partial(self._program, step, stage, there, item) if step.program else None
            job = there.computer.job(cloud.seconds(step, there, item.size), item.priority, runs)

            def look(now_s: float) -> None:
                stage.began_s, stage.at_work_s = job.began_s, job.worked_s(now_s)
                stage.wh = stage.at_work_s * there.compute_w / 3600

            stage.look = look
            item.gone.then(lambda: None if job.done.over else there.computer.drop(job, item.gone.word))
            try:
                await job.done
            except Ended as why:
                stage.end(cloud.now_s(), why.outcome)
                there.store.leave(item)
                raise
            stage.end(cloud.now_s())
            size = stage.out_bytes
        if size != item.size:
            there.store.resize(item, size)
        return item

    def _program(self, step: Step, stage: Stage, there: Site, item: Item) -> Moment:
        """Run it. What it writes is what goes on."""
        assert step.program
        name = f"{self.task.name}-{self.number}-{stage.step}-{stage.tile}"
        about = {"TASK": str(self.task.name), "NUMBER": str(self.number), "TILE": str(stage.tile)}
        folder = self.cloud.shared.out / "programs" / name
        program = Program(self.cloud.shared, there.handle, folder, step.program, stage.in_bytes, about)

        def written() -> None:
            if not program.ended.ended_as:
                stage.out_bytes = max(1, int(program.ended.word))

        program.ended.then(written)
        item.gone.then(program.stop)
        return program.ended

    async def _unless_gone(self, moment: Moment, item: Item, stage: Stage) -> None:
        """Wait for it; ends with the stage if the item is dropped or lost before."""
        either = Moment()
        moment.then(either.come)
        item.gone.then(lambda: either.end(item.gone.word))
        try:
            await either
        except Ended as why:
            stage.end(self.cloud.now_s(), why.outcome)
            raise


def way_of(here: Site, there: Site) -> str:
    """What going from a node to another is called."""
    if here.on_ground:
        return "backhaul" if there.on_ground else "uplink"
    return "delivery" if there.on_ground else "transfer"


def by_key(spans: Spans) -> dict[int, list[tuple[float, float]]]:
    """Windows by key, ascending."""
    windows: dict[int, list[tuple[float, float]]] = {}
    for key, start_s, end_s in zip(*(column.tolist() for column in spans), strict=True):
        windows.setdefault(key, []).append((start_s, end_s))
    return windows


class Crossed:
    """One task, as traffic knows flows. The first gives the rows of all nodes."""

    dropped = None

    def __init__(self, cloud: Cloud, task: int) -> None:
        self._cloud, self._task = cloud, task

    def begin(self, clock: Clock, flow: Task) -> None:
        self._cloud.begin(clock)

    def figures(self, t_s: float) -> dict[str, Any]:
        """asked, delivered, response_s (mean), so far; stages: what the newest MOST_TOLD are at, [number,
        stage, tile, node, peer, since when]. The first has all nodes, see Site.figures.
        """
        cloud, tally = self._cloud, self._cloud.tallies[self._task]
        going = [life for life in cloud.lives if life.task_number == self._task][-MOST_TOLD:]
        stages = [
            [life.number, stage.stage, stage.tile, stage.node, stage.peer, round(stage.queued_s, 3)]
            for life in going
            for stage in life.stages
            if stage.ended_s is None
        ]
        told = {
            "asked": tally.asked, "delivered": tally.delivered, "stages": stages,
            "response_s": tally.response_s / tally.delivered if tally.delivered else None,
        }  # fmt: skip
        nodes = {} if self._task else {"nodes": [site.figures(t_s) for site in cloud.sites.values()]}
        return told | nodes

    def columns(self, clock: Clock) -> dict[str, Any]:
        """Of the table `tasks`."""
        until_s = self._cloud.shared.until_s
        name, rows = self._cloud.tasks[self._task].name, []
        for number, place, stage in self._stages():
            if stage.ended_s is None:
                stage.look(min(clock.now_s(), until_s))
            rows.append((
                name, number, place, stage.stage, stage.step, stage.tile, stage.node,
                stage.peer, stage.queued_s, stage.began_s, stage.ended_s, stage.no_way_s, stage.at_work_s,
                stage.in_bytes, stage.out_bytes, stage.wh, stage.outcome,
            ))  # fmt: skip
        return columns(TASKS, rows)

    def more(self, clock: Clock) -> dict[str, dict[str, Any]]:
        """Of the other tables."""
        name = self._cloud.tasks[self._task].name
        parts = [
            (
                name,
                number,
                place,
                n,
                stage.send.node,
                stage.send.peer,
                part.began_s,
                part.ended_s,
                part.size,
                part.retransmits,
            )
            for number, place, stage in self._stages()
            if stage.send
            for n, part in enumerate(stage.send.parts)
        ]
        told = {TRANSFERS.name: columns(TRANSFERS, parts)}
        if not self._task:
            sites = list(self._cloud.sites.values())
            until_s = min(clock.now_s(), self._cloud.shared.until_s)
            for site in sites:
                site.close(until_s)
            told[STORAGE.name] = columns(
                STORAGE, [(site.name, *row) for site in sites for row in site.store.rows]
            )
            told[ENERGY.name] = columns(
                ENERGY, [(site.name, *row) for site in sites if site.battery for row in site.battery.rows]
            )
        return told

    def _stages(self) -> list[tuple[int, int, Stage]]:
        return [
            (number, place, stage)
            for (task, number), stages in sorted(self._cloud.stages.items())
            if task == self._task
            for place, stage in enumerate(stages)
        ]


def columns(table: Table, rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Rows as columns of a table."""
    names = [column.name for column in table.columns]
    return dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {name: [] for name in names}
