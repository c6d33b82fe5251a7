"""The life of a task, each time that it is asked for: seen, observed, brought to be computed, delivered."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from math import inf

from skybed.topologies.model.tasks import SCENE, Step
from skybed.topologies.tasks.prospect import OBSERVER
from skybed.traffic import processes
from skybed.traffic.storage import Item
from skybed.traffic.tasks.cloud import Cloud
from skybed.traffic.tasks.program import Program
from skybed.traffic.tasks.rules import AGAIN
from skybed.traffic.tasks.sending import Going, Rank, Send
from skybed.traffic.tasks.site import Site
from skybed.traffic.tasks.stages import Stage
from skybed.traffic.waiting import Ended, Moment, begin, every, first_of

Lot = list[tuple[Item, Site]]  # what one step takes: pieces, and where they are
BEFORE_S = 1e-3  # a way opens, one is chosen anew: who is first may be another by then
ARRIVING = 10  # the priority of what has not arrived yet: it does not give way


class Life:
    """Of one of the times that a task is asked for. row: of the prospect's `asked`."""

    def __init__(self, cloud: Cloud, row: int) -> None:
        asked = cloud.prospect.asked[row]
        self.cloud, self.row, self.number = cloud, row, int(asked["number"])
        self.task_number = int(asked["task"])
        self.task = cloud.tasks[self.task_number]
        self.observer = cloud.sites[int(asked["node"])] if asked["node"] >= 0 else None
        self.acquisition_s = float(asked["acquisition_s"])
        self.stages = cloud.stages.setdefault((self.task_number, self.number), [])
        self.product = cloud.product(self.task_number, self.number)

    def _stage(self, stage: str, step: int, tile: int, site: Site | None, size: int) -> Stage:
        made = Stage(stage, step, tile, site, self.cloud.now_s(), size)
        self.stages.append(made)
        return made

    async def whole(self) -> None:
        tally, asked_s = self.cloud.tallies[self.task_number], self.cloud.now_s()
        tally.asked += 1
        key = self.task_number, self.number
        self.cloud.going[key] = self.stages
        try:
            if await self._reached():
                tally.response_s.append(self.cloud.now_s() - asked_s)
        except Ended as why:
            if why.outcome != "held":
                self.product.end(why.outcome)
        finally:
            del self.cloud.going[key]

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
            await self._unless_gone(cloud.until(cloud.now_s() + self.acquisition_s), item, stage)
            stage.end(cloud.now_s())
        lots = {SCENE: begin(self._copied(SCENE, [(item, site)], task.uses[SCENE]))}
        for number in task.in_order:
            lots[number] = begin(self._step(number, task.steps[number], lots))
        pieces = list(chain.from_iterable([(await lots[place]).pop() for place in task.gives]))
        there = cloud.sites[cloud.prospect.at[self.task_number][-1][0]]
        last = len(task.steps)
        arrived = await every(
            [
                begin(self._carry(item, here, there, last, tile, task.over))
                for tile, (item, here) in enumerate(pieces)
            ]
        )
        stage = self._stage("arrive", last, 0, there, sum(item.size for item in arrived))
        stage.end(cloud.now_s())
        if uses := cloud.uses[str(task.name)]:  # other tasks take it from here
            whole = [(self._join(arrived, there), there)]
            self.product.come(await self._copied(last, whole, uses))
        else:
            for item in arrived:
                there.store.leave(item)
        return True

    async def _copied(self, step: int, pieces: Lot, uses: int) -> list[Lot]:
        """The same for each of so many that take it; one for the product, if nobody else does."""
        lots = [pieces]
        for _ in range(uses - 1):
            lots.append([(self._copy(step, tile, *piece), piece[1]) for tile, piece in enumerate(pieces)])
        return lots

    def _copy(self, step: int, tile: int, item: Item, site: Site) -> Item:
        stage = self._stage("copy", step, tile, site, item.size)
        copy = Item(item.size, item.priority)
        if item.gone.over or not site.store.takes(item.size, item.priority):
            stage.end(self.cloud.now_s(), item.gone.word if item.gone.over else "refused")
            raise Ended(stage.outcome)
        site.store.take(copy)
        stage.end(self.cloud.now_s())
        return copy

    async def _taken(self, name: str, step: int, tile: int) -> Lot:
        """The product of another task, asked for as often as this one, where it was received."""
        cloud = self.cloud
        other = next(n for n, task in enumerate(cloud.tasks) if task.name == name)
        stage = self._stage("await", step, tile, cloud.sites[cloud.prospect.at[other][-1][0]], 0)
        product = cloud.product(other, self.number)
        try:
            lot: Lot = (await product).pop()
        except Ended as why:
            stage.end(cloud.now_s(), why.outcome)
            raise
        ((item, _),) = lot
        stage.in_bytes = stage.out_bytes = item.size
        stage.end(cloud.now_s())
        return lot

    async def _command(self, site: Site) -> None:
        """Up to who is to observe: by any path, or from the station that sees it first."""
        cloud, command = self.cloud, self.task.command
        assert command
        here = cloud.by_name[command.source]
        item = Item(cloud.scenario.scaled_bytes(command.kb / 1e3), self.task.priority)
        if command.via:
            now_s = cloud.now_s()
            stations = [cloud.by_name[name] for name in command.via]
            station = min(
                stations,
                key=lambda via: cloud.way(self.task_number, via, site, "contact", now_s, item.size)[0],
            )
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
            await cloud.until(ahead[0])
        stage.end(cloud.now_s())

    async def _observe(self, site: Site) -> Item:
        cloud, camera = self.cloud, site.carries.camera
        scene_mb = self.task.scene_mb or (camera.scene_mb if camera else 0.0)
        item = Item(cloud.scenario.scaled_bytes(scene_mb), self.task.priority)
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
        await self._unless_gone(cloud.until(begins_s), item, stage)
        stage.began_s = cloud.now_s()
        watts = camera.watts if camera else 0.0
        site.draws("camera", watts)
        await cloud.until(begins_s + capture_s)
        site.draws("camera", -watts)
        stage.at_work_s, stage.wh = capture_s, capture_s * watts / 3600
        if item.gone.over:
            await self._unless_gone(Moment(), item, stage)
        stage.end(cloud.now_s())
        return item

    async def _step(self, number: int, step: Step, lots: Mapping[int, Moment]) -> list[Lot]:
        """Once there is what it takes, split it, or bring its parts together, and have it done."""
        pieces = Lot()
        for place in self.task.takes[number]:
            if isinstance(place, int):
                pieces += (await lots[place]).pop()
            else:
                pieces += await self._taken(place, number, len(pieces))
        return await self._copied(number, await self._done(number, step, pieces), self.task.uses[number])

    async def _done(self, number: int, step: Step, pieces: Lot) -> Lot:
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
        if len(pieces) == 1 and step.choose in AGAIN and self.task.carrier != "bundles":
            item, there = await self._placed(number, step, *pieces[0])
            return [(await self._compute(number, step, item, there, 0), there)]
        size = sum(item.size for item, _ in pieces)
        there = await self._chosen(number, pieces)
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
        there = await self._chosen(number, [(item, here)], taken, tile)
        taken[there] += 1
        with self._expected(there, step, item.size):
            item = await self._carry(item, here, there, number, tile, step.over)
        return await self._compute(number, step, item, there, tile), there

    async def _chosen(
        self, number: int, pieces: Lot, taken: Counter[Site] | None = None, tile: int = 0
    ) -> Site:
        """Who does a step, once there is somebody who can be reached."""
        cloud, (item, here), sizes, stage = self.cloud, pieces[0], sizes_of(pieces), None
        while not (there := cloud.choose(self.task_number, number, self.observed, sizes, taken)):
            if stage is None:
                stage = self._stage("reach", number, tile, here, sum(sizes.values()))
                stage.look = partial(_look_reach, stage)
            await self._unless_gone(cloud.changed, item, stage)
        if stage:
            stage.end(cloud.now_s())
        return there

    async def _placed(self, number: int, step: Step, item: Item, here: Site) -> tuple[Item, Site]:
        """Bring it to where a step is done, which is chosen anew as ways open until it begins to be sent."""
        cloud, rank = self.cloud, self.cloud.mail.rank(item.priority)
        places = [place for place in cloud.prospect.at[self.task_number][number] if place != OBSERVER]
        there = await self._chosen(number, [(item, here)])
        if there is here:
            return item, here
        stage = self._stage(way_of(here, there), number, 0, here, item.size)
        while True:
            stage.stage, stage.peer = way_of(here, there), there.name
            arriving = Item(item.size, ARRIVING)
            with self._expected(there, step, item.size):
                going = self._send(item, here, there, step.over, arriving, rank)
                going.queued_s = stage.queued_s
                stage.send, stage.look = going, partial(self._look_way, stage, going)
                opens_s = cloud.next_way_s(here, places, step.over, cloud.now_s() + BEFORE_S) - BEFORE_S
                opens = cloud.until(opens_s) if opens_s < inf else Moment()
                await first_of(going.done, going.begun, opens, cloud.changed)
                if going.done.over or going.begun.over:
                    return await self._arrived(going, arriving, item, there, stage), there
                here.port.withdraw(going)
            other = cloud.choose(self.task_number, number, self.observed, {here: item.size}, rank=rank)
            there = there if other in (None, here) else other

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
        here.store.replace([item], parts)
        return parts

    def _join(self, items: Sequence[Item], there: Site) -> Item:
        if len(items) == 1:
            return items[0]
        whole = Item(sum(item.size for item in items), self.task.priority)
        there.store.replace(items, [whole])
        return whole

    async def _carry(
        self, item: Item, here: Site, there: Site, step: int, tile: int, over: str, stage_name: str = ""
    ) -> Item:
        """Bring it there. Returns it as it is there."""
        if here is there:
            return item
        stage = self._stage(stage_name or way_of(here, there), step, tile, here, item.size)
        stage.peer = there.name
        arriving = Item(item.size, ARRIVING)
        going = (self._bundle if self.task.carrier == "bundles" else self._send)(
            item, here, there, over, arriving
        )
        stage.send, stage.look = going, partial(self._look_way, stage, going)
        return await self._arrived(going, arriving, item, there, stage)

    async def _arrived(self, going: Going, arriving: Item, item: Item, there: Site, stage: Stage) -> Item:
        cloud = self.cloud
        try:
            await going.done
        except Ended as why:
            there.store.leave(arriving)
            stage.end(cloud.now_s(), why.outcome)
            raise
        arriving.priority = item.priority
        stage.end(cloud.now_s())
        return arriving

    def _send(
        self, item: Item, here: Site, there: Site, over: str, arriving: Item, rank: Rank | None = None
    ) -> Send:
        """From node to node, once there is a way. rank: None: behind all of its priority."""
        cloud = self.cloud
        send = Send(
            here.name, there.name, item.size, item.priority, rank or cloud.mail.rank(item.priority),
            cloud.windows(here, there, over), arriving, self.task.carrier,
            partial(cloud.rate_mbps, here, there),
        )  # fmt: skip
        item.gone.then(lambda: None if send.done.over else here.port.drop(send, item.gone.word))
        arriving.gone.then(lambda: None if send.done.over else send.restart())
        send.freed.then(lambda: here.store.leave(item))
        if not send.done.over:  # it may have been dropped while nobody asked for it
            cloud.mail.post(here.port, send)
        return send

    def _bundle(self, item: Item, here: Site, there: Site, over: str, arriving: Item) -> Going:
        """Hop by hop, over contacts as they come."""
        assert self.cloud.bundles
        parcel = self.cloud.bundles.post(self.task, here.number, there.number, over, item, arriving)
        here.port.expects(there.name, item.size, parcel.done)
        return parcel

    def _look_way(self, stage: Stage, going: Going, now_s: float) -> None:
        stage.began_s = going.parts[0].began_s if going.parts else None
        stage.at_work_s, stage.no_way_s = going.worked_s(now_s), going.no_way_s(now_s)
        stage.wh = (
            sum(
                ((now_s if part.ended_s is None else part.ended_s) - part.began_s)
                * self.cloud.by_name[part.node].transmit_w
                for part in going.parts
            )
            / 3600
        )

    async def _compute(self, number: int, step: Step, item: Item, there: Site, tile: int) -> Item:
        cloud = self.cloud
        size = step.kept_bytes(item.size)
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
        folder = self.cloud.shared.out / processes.FOLDER / name
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


def _look_reach(stage: Stage, now_s: float) -> None:
    stage.no_way_s = now_s - stage.queued_s


def sizes_of(pieces: Lot) -> dict[Site, int]:
    """Bytes, by where they are."""
    sizes = Counter[Site]()
    for item, here in pieces:
        sizes[here] += item.size
    return sizes


def way_of(here: Site, there: Site) -> str:
    """What going from a node to another is called."""
    if here.on_ground:
        return "backhaul" if there.on_ground else "uplink"
    return "delivery" if there.on_ground else "transfer"
