"""What a task is at: a row of the table `tasks`, as far as it is known; and what has come of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from skybed.traffic.tasks.sending import Send
from skybed.traffic.tasks.site import Site


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
    """Of a task, so far. response_s: of each that was delivered."""

    asked: int = 0
    response_s: list[float] = field(default_factory=list)
