"""Several lanes that play one sky together, followed from outside: what all say, and how they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from skybed.emulator.lanes.lanes import LOG, Lane
from skybed.scripts.running import handover, messages
from skybed.scripts.running.messages import Answer, Carried, Message, Traffic
from skybed.scripts.running.progress import Listener
from skybed.topologies.errors import BY_EXIT_CODE, InvalidRun, SkybedError


class Company:
    """All of them. The first is followed by who makes this, each other one by a thread of this. place: the
    number of the lane in which each node stands, by the node's name.
    """

    def __init__(self, lanes: Sequence[Lane], place: Mapping[str, int], listener: Listener) -> None:
        self._every, self._place, self._listener = lanes, place, listener
        self._visited: dict[int, int] = {}  # the number of the lane, by that of a visitor
        self.pass_on: Callable[[Answer], None] = lambda _: None  # to visitors
        self._facts: dict[int, dict[str, Any]] = {}  # by number of the kernel
        self._seen: dict[int, dict[int, messages.Seen]] = {}  # by visitor, and number of the lane
        self._newest: dict[type, dict[int, Any]] = {}  # what each told last, by kind and number of the lane
        self._over = 0
        self._lock = threading.Lock()
        self.error: SkybedError | None = None  # the first that one of the others told, or was
        self._threads = [
            threading.Thread(target=self._listen, args=(number, lane), daemon=True)
            for number, lane in enumerate(lanes[1:], 1)
        ]

    def listen(self) -> None:
        """From now on."""
        for thread in self._threads:
            thread.start()

    def ask(self, message: Message) -> None:
        """Of the lane that it is for: what a visitor asks, or types. All are asked what is in force."""
        if isinstance(message, messages.Look):
            for each in self._every:
                messages.say(each.channel, message)
            return
        if isinstance(message, messages.Enter):
            self._visited[message.visitor] = self._place.get(message.node, 0)
        lane = self._visited.get(getattr(message, "visitor", -1), 0)
        messages.say(self._every[lane].channel, message)

    def ask_to_stop(self) -> None:
        for lane in self._every:
            messages.say(lane.channel, messages.Stop())

    def over(self, early: bool) -> None:
        """The traffic of one more of them is over. When that of all is, they may part; where it is early, the
        others are asked to stop.
        """
        if early:
            self.ask_to_stop()
        with self._lock:
            self._over += 1
            if self._over == len(self._every):
                self._part()

    def answer(self, number: int, message: Answer) -> None:
        """One of them, by its number, answers a visitor; what is in force is passed on once all have told."""
        if not isinstance(message, messages.Seen):
            self.pass_on(message)
            return
        with self._lock:
            of = self._seen.setdefault(message.visitor, {})
            of[number] = message
            every = len(of) == len(self._every) and self._seen.pop(message.visitor)
        if every:
            links = {link[0]: link for each in every.values() for link in each.links}  # by its number
            first = every[min(every)]
            self.pass_on(messages.Seen(first.visitor, first.t_s, [links[link] for link in sorted(links)]))

    def heard(self, number: int, message: Traffic | Carried) -> None:
        """One of them, by its number, tells what it has come to; told on once all have, of the same time."""
        with self._lock:
            of = self._newest.setdefault(type(message), {})
            of[number] = message
            if len(of) == len(self._every) and len({one.t_s for one in of.values()}) == 1:
                self._listener.heard(_joined([of[each] for each in sorted(of)]))

    def facts(self) -> list[dict[str, Any]]:
        """Of the others, in order, once they have ended. Raises what they say of errors."""
        for thread in self._threads:
            thread.join()
        if self.error:
            raise self.error
        return [self._facts[number] for number in sorted(self._facts)]

    def _part(self) -> None:
        for lane in self._every:
            messages.say(lane.channel, messages.Part())

    def _listen(self, number: int, lane: Lane) -> None:
        try:
            for message in messages.said(lane.channel):
                self._take(number, message)
        except SkybedError as error:
            self.error = self.error or error
        lane.process.wait()
        if number not in self._facts:
            ended = InvalidRun(f"Kernel {number + 1} of {len(self._every)} ended before the run did.")
            self.error = self.error or ended
            self.ask_to_stop()
            self._part()  # nobody waits for it

    def _take(self, number: int, message: Message) -> None:
        match message:
            case messages.Done(facts):
                self._facts[number] = facts
            case messages.Over(early):
                self.over(early)
            case messages.Printed() | messages.Exited() | messages.Seen():
                self.answer(number, message)
            case messages.Traffic() | messages.Carried():
                self.heard(number, message)
            case messages.Refused(why, exit_code):
                raise BY_EXIT_CODE.get(exit_code, InvalidRun)(why)
            case messages.Broken(error):
                raise InvalidRun(
                    f"A defect of skybed ended the run inside kernel {number + 1}, {error}; its traceback is "
                    f"in {handover.kernel(number)}/{LOG} of the run directory."
                )


def _joined(each: Sequence[Any]) -> Traffic | Carried:
    """Of one kind and time."""
    t_s = each[0].t_s
    if isinstance(each[0], Traffic):
        return Traffic(t_s, {name: of for one in each for name, of in one.flows.items()})
    return Carried(t_s, [link for one in each for link in one.links])
