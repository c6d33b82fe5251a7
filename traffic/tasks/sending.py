"""What nodes send each other: one thing at a time from each, while there is a way.

Of what a node has a way for now it sends that of the highest priority, then what has waited longest. What is
broken off, because the way has gone or something more urgent has come, goes on later where it stopped.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from skybed.traffic.nodes import NodeHandle
from skybed.traffic.shared import Shared
from skybed.traffic.storage import Item
from skybed.traffic.timers import Timers
from skybed.traffic.waiting import Moment

PORT = 5100  # of every node that receives
RETRY_S = 1.0  # from a connection that came to nothing to the next attempt
PATIENCE_S = 10.0  # for which nothing is acknowledged: then the connection is given up

Rank = tuple[int, int]  # the lesser goes first
LAST: Rank = (1, 0)  # behind all
Windows = Sequence[tuple[float, float]]  # ascending, disjoint; run time


@dataclass
class Part:
    """One connection of a send: what the table `transfers` says of it."""

    node: str
    peer: str
    began_s: float
    ended_s: float | None = None  # it is under way
    arrived_s: float | None = None  # the last that has; also after the sender broke off, out of queues
    size: int = 0
    retransmits: int = 0


@dataclass(eq=False)
class Send:
    """size: in bytes, 1 at least. windows: when there is a way. done: comes when the last byte has arrived.
    freed: comes when the sender has learnt of it.
    """

    node: str
    peer: str
    size: int
    priority: int
    rank: Rank
    windows: Windows
    item: Item  # as it will be there
    carrier: str
    rate_mbps: Callable[[], float]  # of its way now, by the plan
    taken: bool = False  # the receiver keeps room for it
    number: int = 0
    arrived: int = 0  # bytes, at the receiver
    acked: int = 0  # bytes, as the sender knows
    missing: list[tuple[int, int]] = field(init=False)  # ranges of bytes, at the receiver; of datagrams
    sent_whole: bool = False  # once, of datagrams
    parts: list[Part] = field(default_factory=list)
    done: Moment = field(default_factory=Moment)
    freed: Moment = field(default_factory=Moment)
    begun: Moment = field(default_factory=Moment)  # comes when its first connection is made
    queued_s: float = 0.0

    def __post_init__(self) -> None:
        self.missing = [(0, self.size)]

    def window(self, now_s: float) -> tuple[float, float] | None:
        """The one that is open now, or the next; None: there is none any more."""
        place = bisect.bisect_right(self.windows, now_s, key=lambda window: window[1])
        return self.windows[place] if place < len(self.windows) else None

    def open_s(self, from_s: float, until_s: float) -> float:
        """For how long of a time there is a way."""
        return sum(max(0.0, min(end_s, until_s) - max(start_s, from_s)) for start_s, end_s in self.windows)

    def no_way_s(self, now_s: float) -> float:
        """Since it was queued."""
        return now_s - self.queued_s - self.open_s(self.queued_s, now_s)

    def worked_s(self, now_s: float) -> float:
        """For how long it was being sent."""
        return sum((now_s if part.ended_s is None else part.ended_s) - part.began_s for part in self.parts)

    def restart(self) -> None:
        """What had arrived is lost."""
        self.taken, self.arrived, self.acked = False, 0, 0
        self.missing, self.sent_whole = [(0, self.size)], False


class Going(Protocol):
    """What a stage tells of what is on its way."""

    done: Moment

    @property
    def parts(self) -> list[Part]:
        """By when they began."""

    def worked_s(self, now_s: float) -> float: ...

    def no_way_s(self, now_s: float) -> float: ...


class Connection(Protocol):
    """The end of one that sends. It tells its port when it has ended of itself."""

    send: Send

    def connect(self) -> None: ...

    def close(self) -> None:
        """At once; what has been acknowledged need not be sent again."""


class Carrier(Protocol):
    """How data goes from node to node: a module."""

    def listen(self, mail: Mail, node: NodeHandle) -> None:
        """Have a node receive."""

    def connection(self, port: Port, send: Send) -> Connection: ...


class Port:
    """What a node sends, and receives. sends: told whether it sends, from now on."""

    def __init__(self, mail: Mail, node: NodeHandle, sends: Callable[[bool], None]) -> None:
        self.mail, self.node, self._sends = mail, node, sends
        self._waiting: list[Send] = []  # in the order of their turn
        self.waiting_bytes = Counter[str]()  # of what has not arrived, by the node that it is for
        self._active: Connection | None = None
        self._look = 0  # which timer counts

    def listen(self) -> None:
        """To be called before run time 0 of who may receive."""
        for carrier in self.mail.carriers.values():
            carrier.listen(self.mail, self.node)

    def add(self, send: Send) -> None:
        self._waiting.append(send)
        self.expects(send.peer, send.size, send.done)
        self._waiting.sort(key=lambda other: other.rank)
        self.look()

    def drop(self, send: Send, outcome: str) -> None:
        """Send it no more."""
        if self._active and self._active.send is send:
            self._active.close()
            self._active = None
            self._sends(False)
        self._leave(send)
        send.done.end(outcome)
        send.freed.end(outcome)
        self.look()

    def withdraw(self, send: Send) -> None:
        """It is to go elsewhere, and nothing of it has been sent."""
        self._leave(send)
        send.done.end("withdrawn")

    def ahead_bytes(self, peer: str, rank: Rank) -> int:
        """Of what is to go to a node, what goes before a rank."""
        behind = sum(send.size for send in self._waiting if send.peer == peer and send.rank > rank)
        return self.waiting_bytes[peer] - behind

    def look(self) -> None:
        """Send what is to be sent now, and look again when that may be another."""
        mail, now_s = self.mail, self.mail.timers.now_s()
        if mail.stopped:
            return
        chosen, next_s = None, float("inf")
        for send in self._waiting:
            window = send.window(now_s)
            if window is None:
                continue
            if window[0] > now_s:
                next_s = min(next_s, window[0])
            elif chosen is None and mail.reaches(send) and mail.room(send, self.look):
                chosen = send
                next_s = min(next_s, window[1])
        active = self._active.send if self._active else None
        if active is not chosen:
            if self._active:
                self._active.close()
            self._active = mail.carriers[chosen.carrier].connection(self, chosen) if chosen else None
            if (active is None) != (chosen is None):
                self._sends(chosen is not None)
            if self._active:
                self._active.send.begun.come()
                self._active.connect()
        self._look += 1
        if next_s < float("inf"):
            look = self._look
            mail.timers.at(next_s, lambda: self.look() if look == self._look else None)

    def ended(self, connection: Connection, retry: bool) -> None:
        """Of itself. retry: it came to nothing, and is made anew."""
        if connection is not self._active:
            return
        connection.close()
        self._active = None
        self._sends(False)
        if retry:
            self.mail.timers.at(self.mail.timers.now_s() + RETRY_S, self.look)
        else:
            self.look()

    def acknowledged(self, send: Send) -> None:
        self._leave(send)
        send.freed.come()

    def expects(self, peer: str, size: int, done: Moment) -> None:
        """So much is on its way, until it has arrived, or never will."""
        self.waiting_bytes[peer] += size

        def over() -> None:
            self.waiting_bytes[peer] -= size

        done.then(over)

    def _leave(self, send: Send) -> None:
        if send in self._waiting:
            self._waiting.remove(send)

    def stop(self) -> None:
        if self._active:
            self._active.close()
            self._active = None
            self._sends(False)


class Mail:
    """All sends of a run. carriers: how they may go, by name. reaches: whether both ends of a send are in
    service; room: whether its receiver has room, and if not whom to call when it may have.
    """

    def __init__(
        self,
        shared: Shared,
        timers: Timers,
        carriers: Mapping[str, Carrier],
        reaches: Callable[[Send], bool],
        room: Callable[[Send, Callable[[], None]], bool],
    ) -> None:
        self.shared, self.timers, self.carriers = shared, timers, carriers
        self.reaches, self.room = reaches, room
        self.sends: list[Send] = []
        self.stopped = False
        self._order = itertools.count()

    def post(self, port: Port, send: Send) -> None:
        send.number, send.queued_s = len(self.sends), self.timers.now_s()
        self.sends.append(send)
        port.add(send)

    def rank(self, priority: int) -> Rank:
        return -priority, next(self._order)
