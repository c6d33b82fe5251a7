"""What a task waits for, so that its life can be written as one coroutine.

    async def life() -> None:
        await moment        # a Moment that somebody calls `come` of
    begin(life())

Nothing runs beside the event loop of traffic: whoever makes a moment come runs what waits for it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Any


class Ended(Exception):
    """A task ends before its product is there. outcome: as in the table `tasks`."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Moment:
    """Something that comes once, or ends instead."""

    def __init__(self) -> None:
        self.over = False
        self._value: Any = None
        self._ended: Ended | None = None
        self._waiting: list[Callable[[], None]] = []

    def __await__(self) -> Generator[Moment, None, Any]:
        if not self.over:
            yield self
        if self._ended:
            raise self._ended
        return self._value

    @property
    def word(self) -> str:
        """What it brought."""
        return str(self._value)

    @property
    def ended_as(self) -> str:
        """The outcome with which it ended; "": it came, or is not over."""
        return self._ended.outcome if self._ended else ""

    def come(self, value: Any = None) -> None:
        self._value = value
        self._over()

    def end(self, outcome: str) -> None:
        """Who waits is told with `Ended`."""
        self._ended = Ended(outcome)
        self._over()

    def then(self, call: Callable[[], None]) -> None:
        """Call it when it is over; at once if it is."""
        if self.over:
            call()
        else:
            self._waiting.append(call)

    def _over(self) -> None:
        if self.over:
            return
        self.over, waiting = True, self._waiting
        self._waiting = []
        for call in waiting:
            call()


def came() -> Moment:
    """One that is over already."""
    moment = Moment()
    moment.come()
    return moment


def begin(life: Coroutine[Moment, None, Any]) -> Moment:
    """Run it to where it waits, and on whenever what it waits for has come. Returns the moment of its end."""
    ended = Moment()

    def go_on() -> None:
        try:
            awaited = life.send(None)
        except StopIteration as done:
            ended.come(done.value)
        except Ended as why:
            ended.end(why.outcome)
        else:
            awaited.then(go_on)

    go_on()
    return ended


async def first_of(*moments: Moment) -> None:
    """Until one of them is over, whatever it brings."""
    any_over = Moment()
    for moment in moments:
        moment.then(any_over.come)
    await any_over


async def every(moments: Sequence[Moment]) -> list[Any]:
    """What they bring, once all are over; ends as the first of them that did."""
    left = len(moments)
    all_over = Moment()

    def one_over() -> None:
        nonlocal left
        left -= 1
        if not left:
            all_over.come()

    for moment in moments:
        moment.then(one_over)
    if moments:
        await all_over
    return [await moment for moment in moments]
