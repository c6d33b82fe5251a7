"""The life of a task, each time that it is asked for: seen, observed, brought to be computed, delivered."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from skybed.topologies.model.tasks import Step
from skybed.traffic.tasks.cloud import Cloud
from skybed.traffic.tasks.program import Program
from skybed.traffic.tasks.sending import Send
from skybed.traffic.tasks.site import Site
from skybed.traffic.tasks.stages import Stage
from skybed.traffic.tasks.storage import Item
from skybed.traffic.tasks.waiting import Ended, Moment, begin, every

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
        item = Item(cloud.scenario.scaled_bytes(command.kb / 1e3), self.task.priority)
        if command.via:
            now_s = cloud.now_s()
            stations = [cloud.by_name[name] for name in command.via]
            station = min(stations, key=lambda via: cloud.way(via, site, "contact", now_s, item.size)[0])
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
