"""Tasks as traffic knows flows: begun, looked at, and at the end their tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from skybed.topologies.model.tables import ENERGY, STORAGE, TASKS, TRANSFERS
from skybed.topologies.model.tasks import Task
from skybed.traffic import tables
from skybed.traffic.nodes import Clock
from skybed.traffic.tasks.cloud import Cloud
from skybed.traffic.tasks.life import Life
from skybed.traffic.tasks.stages import Stage
from skybed.traffic.waiting import begin

MOST_TOLD = 200  # of what is going on, to who looks on


class Crossed:
    """One task, as traffic knows flows. The first gives the rows of all nodes."""

    dropped = None

    def __init__(self, cloud: Cloud, task: int) -> None:
        self._cloud, self._task = cloud, task

    def begin(self, clock: Clock, flow: Task) -> None:
        cloud = self._cloud
        cloud.begin(clock, lambda row: begin(Life(cloud, row).whole()))

    def figures(self, t_s: float) -> dict[str, Any]:
        """asked, delivered, responses_s (mean, p50, p90, max), so far; stages: what the newest MOST_TOLD are
        at, [number, stage, tile, node, peer, since when]. The first has all nodes, see Site.figures.
        """
        cloud, tally = self._cloud, self._cloud.tallies[self._task]
        going = [(number, of) for (task, number), of in cloud.going.items() if task == self._task]
        stages = [
            [number, stage.stage, stage.tile, stage.node, stage.peer, round(stage.queued_s, 3)]
            for number, of in going[-MOST_TOLD:]
            for stage in of
            if stage.ended_s is None
        ]
        told = {
            "asked": tally.asked, "delivered": len(tally.response_s), "stages": stages,
            "responses_s": _summary(tally.response_s),
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
        return tables.columns(TASKS, rows)

    def more(self, clock: Clock) -> dict[str, dict[str, Any]]:
        """Of the other tables."""
        name, now_s = self._cloud.tasks[self._task].name, min(clock.now_s(), self._cloud.shared.until_s)
        parts = [
            (name, number, place, n, part.node, part.peer, part.began_s,
             now_s if part.ended_s is None else part.ended_s, part.arrived_s, part.size, part.retransmits)
            for number, place, stage in self._stages()
            if stage.send
            for n, part in enumerate(stage.send.parts)
        ]  # fmt: skip
        told = {TRANSFERS.name: tables.columns(TRANSFERS, parts)}
        if not self._task:
            sites = list(self._cloud.sites.values())
            until_s = min(clock.now_s(), self._cloud.shared.until_s)
            for site in sites:
                site.close(until_s)
            told[STORAGE.name] = tables.columns(
                STORAGE, [(site.name, *row) for site in sites for row in site.store.rows]
            )
            told[ENERGY.name] = tables.columns(
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


def _summary(response_s: list[float]) -> dict[str, float]:
    if not response_s:
        return {}
    p50, p90 = np.percentile(response_s, (50, 90)).tolist()
    return {"mean": sum(response_s) / len(response_s), "p50": p50, "p90": p90, "max": max(response_s)}
