"""One sky in several uml kernels, a core for each: who plays what, and what comes of it (docs/cores.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from skybed.emulator.lanes.wiring import Wiring, wired
from skybed.scripts.running import handover, merging
from skybed.topologies.arrays import Index
from skybed.topologies.plan import cores
from skybed.topologies.plan.plan import Plan

GIVEN = handover.PLAN, handover.FOLDER  # what kernels share of the run directory
APART_US = 10_000.0  # how far one may be ahead of the others where no link leads from one to another
MARGIN_US = 1.0  # what of the least delay netem has left to add; it may be that much off


@dataclass(frozen=True)
class Kernels:
    """All of them. place: int[nodes], the number of each node's; one_way_us: of the wires between them;
    folders: of what each writes, the first the run's.
    """

    plan: Plan
    place: Index
    one_way_us: float
    folders: list[Path]

    @classmethod
    def prepare(cls, plan: Plan, out: Path, count: int, grace_s: float) -> Self:
        """So many for a plan that has been handed over into the directory `out`. Raises ScenarioError where
        it cannot be parted so often.
        """
        place = cores.place(plan, count)
        least_us = cores.least_delay_us(plan, place, grace_s)
        one_way_us = math.floor(min(least_us, APART_US + MARGIN_US) - MARGIN_US)
        handover.give_for_kernels(out, place, one_way_us)
        folders = [out, *(out / handover.kernel(number) for number in range(1, count))]
        for folder in folders[1:]:
            folder.mkdir(parents=True)
            for given in GIVEN:
                (folder / given).symlink_to(Path("..", "..", given))
        return cls(plan, place, one_way_us, folders)

    @property
    def of_node(self) -> Mapping[str, int]:
        return {node.name: int(number) for node, number in zip(self.plan.nodes, self.place, strict=True)}

    @property
    def nodes(self) -> list[int]:
        """How many stand in each."""
        return np.bincount(self.place, minlength=len(self.folders)).tolist()

    def each(self, closing: ExitStack) -> Iterator[tuple[Path, int, list[str], Wiring]]:
        """Of each its folder, its number of nodes, what its inside is told, and what it has of the wires."""
        wirings = closing.enter_context(wired(len(self.folders), round(self.one_way_us * 1e3)))
        of_each = zip(self.folders, self.nodes, wirings, strict=True)
        for number, (folder, nodes, wiring) in enumerate(of_each):
            yield folder, nodes, [f"--kernel={number}"], wiring

    def join(self, facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Make one run directory of what all wrote. facts: what each gave; returns those of the run."""
        joined = merging.joined(facts, self.nodes)
        merging.merge([*map(merging.Written, self.folders)], self.plan, self.place, joined["played_s"])
        run, *others = self.folders
        for folder in others:
            merging.move(folder / handover.ROUTING, run / handover.ROUTING)
            for given in GIVEN:
                (folder / given).unlink()
        return joined | {"kernels": {"nodes": self.nodes, "one_way_us": self.one_way_us}}
