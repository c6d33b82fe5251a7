"""What a node holds: scenes, what it has received for others, products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from skybed.topologies.model.carried import Storage
from skybed.traffic.waiting import Moment


@dataclass(eq=False)
class Item:
    """Data of a task at a node. gone: comes when it is dropped or lost there, with the word why."""

    size: int
    priority: int
    gone: Moment = field(default_factory=Moment)


class Store:
    """A node's. room_bytes: None: without limit. clock: run time now."""

    def __init__(self, rule: Storage | None, scale: float, now_s: Callable[[], float]) -> None:
        self.room_bytes = None if rule is None else max(1, round(rule.gb * 1e9 * scale))
        self._drops = rule is not None and rule.when_full == "drop-oldest"
        self._now_s = now_s
        self._held: dict[Item, int] = {}  # in the order in which they came
        self.held_bytes = 0
        self.rows: list[tuple[float, int, int | None]] = []
        self._waiting: list[Callable[[], None]] = []

    def takes(self, size: int, priority: int) -> bool:
        """Whether there is room for so much, or can be made."""
        if self.room_bytes is None or self.held_bytes + size <= self.room_bytes:
            return True
        may_go = sum(held for item, held in self._held.items() if item.priority <= priority)
        return self._drops and self.held_bytes - may_go + size <= self.room_bytes

    def take(self, item: Item) -> None:
        """Hold it; the oldest of the least priority gives way. `takes` was asked before."""
        while self.room_bytes is not None and self.held_bytes + item.size > self.room_bytes:
            victim = min(self._held, key=lambda held: held.priority)  # the first of them, which is the oldest
            self.leave(victim)
            victim.gone.come("dropped")
        self._held[item] = item.size
        self._change(item.size)

    def resize(self, item: Item, size: int) -> None:
        """A job has made a product of it, or only so much of it has come."""
        if item in self._held:
            self._held[item] = size
            self._change(size - item.size)
        item.size = size

    def replace(self, old: Sequence[Item], new: Sequence[Item]) -> None:
        """The same data in other pieces, all at once: nobody else gets room meanwhile."""
        before = sum(self._held.pop(item, 0) for item in old)
        for item in new:
            self._held[item] = item.size
        self._change(sum(item.size for item in new) - before)

    def leave(self, item: Item) -> None:
        if item in self._held:
            self._change(-self._held.pop(item))

    def lose(self) -> None:
        """All that it holds."""
        for item in list(self._held):
            self.leave(item)
            item.gone.come("lost")

    def when_room(self, call: Callable[[], None]) -> None:
        """Call it once when it holds less."""
        self._waiting.append(call)

    def _change(self, size: int) -> None:
        self.held_bytes += size
        t_s = self._now_s()
        if self.rows and self.rows[-1][0] == t_s:
            self.rows.pop()
        self.rows.append((t_s, self.held_bytes, self.room_bytes))
        if size < 0 and self._waiting:
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call()
