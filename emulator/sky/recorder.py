"""What daemons really do to a sky: every change of a forwarding table, and their own traffic on each link.

A process of its own notes both, so the player does not wait for it. It begins once routing has converged, by
reading all tables: what led to them is none of the run's, and was n^2 messages of the kernel's. Until run
time is known it only keeps the tables up to date.
"""

from __future__ import annotations

import contextlib
import math
import resource
import select
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skybed.emulator.kernel import control
from skybed.emulator.kernel.addresses import packed
from skybed.emulator.kernel.fib import Fib, Via
from skybed.emulator.sky import tables
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.topologies.model.tables import CONTROL, ROUTES
from skybed.topologies.routing import windowed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LOOK_S = 0.5  # how often the rings of packets are emptied
ONE_CHANGE_S = 1e-3  # a daemon that deletes a route and adds another within this has changed it once

Route = tuple[float, str, str, str | None, str]  # applied_s, node, dst, via, family


def record(sky: Sky, run: Path, udp: control.Ports, tcp: control.Ports, pipe: Connection) -> dict[str, Any]:
    """Write the tables `routes` and `control` of the nodes here of a sky whose routes daemons make.

    udp, tcp: ports of the scenario's own traffic, which is not control. Over the pipe: None is sent when all
    is watched; a Clock comes, and None is sent; what happens from then on is noted, up to the run time that
    comes at last. Returns what the manifest says of it.
    """
    with ExitStack() as stack:
        watch = _Watch(sky, control.program(udp, tcp), stack)
        append_routes = stack.enter_context(windowed.growing(run / "routes.parquet", ROUTES.schema))
        append_control = stack.enter_context(windowed.growing(run / "control.parquet", CONTROL.schema))
        pipe.send(None)
        clock = watch.wait(pipe)
        first = watch.begin(clock)
        pipe.send(None)
        for routes, counts in watch.pieces(pipe, clock):
            for piece in chain(first, [routes]):
                append_routes(piece)
            append_control(counts)
        return {"recorder": watch.facts()}


class _Watch:
    """One epoll over all nodes, and what was seen since the last piece of the tables."""

    def __init__(self, sky: Sky, program: bytes, stack: ExitStack):
        self._nodes, self._program = sky.nodes_here, program
        self._names = {node.name for node in sky.sky_nodes}
        ips = (
            (x.name, family, ip) for x in sky.sky_nodes for family, ip in (("4", x.ip), ("6", x.ip6)) if ip
        )
        self._destinations = sorted(ips)
        places = {packed(ip): place for place, (_, _, ip) in enumerate(self._destinations)}
        self._fibs: list[Fib] = []
        self._by_fd: dict[int, int] = {}
        self._poll = select.epoll()
        stack.callback(self._poll.close)
        for number, node in enumerate(self._nodes):
            fib = Fib(node.namespace, places, {intf.index: intf.name for intf in node.intfList()})
            stack.callback(fib.socket.close)
            self._fibs.append(fib)
            self._by_fd[fib.socket.fileno()] = number
            self._poll.register(fib.socket, select.EPOLLIN)
        self._taps: dict[tuple[int, int], tuple[str, control.Tap]] = {}  # by node and interface: its name
        self._missed = self._overruns = 0
        self._cpu_s = 0.0  # spent before run time was known
        self._rows: list[Route] = []
        self._pending: dict[tuple[int, int], tuple[Via, float]] = {}  # node, destination: before, and when
        self._counts: dict[tuple[int, str, str, int], list[int]] = {}  # second, node, peer, protocol
        for number in range(len(self._nodes)):
            self._follow_links(number)

    def wait(self, pipe: Connection) -> Clock:
        """Keep the tables up to date until run time is known."""
        self._poll.register(pipe, select.EPOLLIN)
        while True:
            ready = [fd for fd, _ in self._poll.poll()]
            for fd in ready:
                if fd != pipe.fileno():
                    self._fibs[self._by_fd[fd]].read()
                    self._follow_links(self._by_fd[fd])
            if pipe.fileno() in ready:
                return pipe.recv()

    def begin(self, clock: Clock) -> Iterator[tables.Columns]:
        """From now on changes of tables are noted. Columns of `routes`, the tables as they are, to be written
        once there is time: a node at a time, as the rows of all would fill the memory."""
        self._cpu_s = _cpu_s()
        before_s = float(math.floor(clock.now_s()))  # of what was done before, no finer than it means
        self._overruns = sum(fib.overruns for fib in self._fibs)
        inherited = [list(fib.table) for fib in self._fibs]
        order = sorted(range(len(self._nodes)), key=lambda number: self._nodes[number].name)

        def written() -> Iterator[tables.Columns]:
            for number in order:
                routes = enumerate(inherited[number])
                yield tables.recorded_routes(
                    [self._row(before_s, number, to, via) for to, via in routes if via]
                )

        return written()

    def pieces(self, pipe: Connection, clock: Clock) -> Iterator[tuple[tables.Columns, tables.Columns]]:
        """Columns of `routes` and of `control` of what happens then, a window at a time."""
        self._count_all(clock)
        for _, tap in self._taps.values():
            if clock.now_s() < 0:  # what was missed was none of the run's
                tap.missed()
        look_s, until_s, window = clock.now_s(), None, 1
        while until_s is None:
            ready = [fd for fd, _ in self._poll.poll(max(0.0, look_s - clock.now_s()))]
            for fd in ready:
                if fd != pipe.fileno():
                    self._read(self._by_fd[fd], clock)
            if pipe.fileno() in ready:
                until_s = pipe.recv()
            now_s = clock.now_s()
            if now_s >= look_s or until_s is not None:
                self._settle(now_s)
                self._count_all(clock)
                look_s = now_s + LOOK_S
            if now_s > window * windowed.WINDOW_S + LOOK_S:
                yield self._piece(window * windowed.WINDOW_S)
                window += 1
        self._settle(np.inf)
        yield self._piece(until_s)

    def facts(self) -> dict[str, Any]:
        """CPU time since run time was known, and what was missed since."""
        missed = self._missed + sum(tap.missed() for _, tap in self._taps.values())
        overruns = sum(fib.overruns for fib in self._fibs) - self._overruns
        return {"cpu_s": round(_cpu_s() - self._cpu_s, 3), "missed_packets": missed, "overruns": overruns}

    def _read(self, number: int, clock: Clock) -> None:
        """Take in what a node's kernel tells. A change goes on being one while others follow at once."""
        changed = self._fibs[number].read()
        now_s = clock.now_s()
        for to, via in changed.items():
            before, last_s = self._pending.get((number, to), (via, now_s))
            if now_s - last_s > ONE_CHANGE_S:
                if before != via:
                    self._rows.append(self._row(last_s, number, to, via))
                before = via
            self._pending[number, to] = before, now_s
        self._follow_links(number, clock)

    def _settle(self, now_s: float) -> None:
        """Note the changes that nothing followed."""
        for (number, to), (before, last_s) in list(self._pending.items()):
            if last_s <= now_s - ONE_CHANGE_S:
                via = self._fibs[number].table[to]
                if via != before:
                    self._rows.append(self._row(last_s, number, to, via))
                del self._pending[number, to]

    def _row(self, applied_s: float, number: int, to: int, via: Via) -> Route:
        dst, family, _ = self._destinations[to]
        return applied_s, self._nodes[number].name, dst, " ".join(via) or None, family

    def _follow_links(self, number: int, clock: Clock | None = None) -> None:
        """A tap on every link of a node, none on those that are gone."""
        links = self._fibs[number].links
        for place in [place for place in self._taps if place[0] == number and place[1] not in links]:
            peer, tap = self._taps.pop(place)
            if clock:
                self._count(self._nodes[number].name, peer, tap, clock)
                self._missed += tap.missed()
            tap.close()
        for index, peer in links.items():
            if (number, index) not in self._taps and peer in self._names:
                with contextlib.suppress(OSError):  # gone again
                    tap = control.Tap(self._nodes[number].namespace, peer, self._program)
                    self._taps[number, index] = peer, tap

    def _count_all(self, clock: Clock) -> None:
        for (number, _), (peer, tap) in self._taps.items():
            self._count(self._nodes[number].name, peer, tap, clock)

    def _count(self, node: str, peer: str, tap: control.Tap, clock: Clock) -> None:
        """Add what has left an interface to its seconds."""
        taken = tap.take()
        if not len(taken):
            return
        ns = taken["s"].astype(np.int64) * 1_000_000_000 + taken["ns"]
        second = np.floor(clock.from_realtime_ns(ns)).astype(np.int64)
        kinds, which = np.unique(second * 8 + taken["kept"], return_inverse=True)
        packets, size = np.bincount(which), np.bincount(which, taken["bytes"])
        for kind, n, total in zip(kinds.tolist(), packets.tolist(), size.tolist(), strict=True):
            if kind >= 0:
                counted = self._counts.setdefault((kind // 8, node, peer, kind % 8), [0, 0])
                counted[0] += n
                counted[1] += int(total)

    def _piece(self, until_s: float) -> tuple[tables.Columns, tables.Columns]:
        """What is known up to a run time, which is then forgotten."""
        rows = sorted((row for row in self._rows if row[0] <= until_s), key=lambda row: (*row[:3], row[4]))
        self._rows = [row for row in self._rows if row[0] > until_s]
        seconds = sorted(key for key in self._counts if key[0] < until_s)
        counts = [self._counts.pop(key) for key in seconds]
        return tables.recorded_routes(rows), tables.control(seconds, counts)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
