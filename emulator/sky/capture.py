"""Captures of links, as the scenario asks for: what crosses an interface of a node, into a pcapng file."""

from __future__ import annotations

import contextlib
import select
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skybed.emulator.kernel import control, pcapng
from skybed.emulator.kernel.control import ETH_P_ALL, PACKET_OUTGOING
from skybed.emulator.kernel.netlink import SO_RCVBUFFORCE
from skybed.emulator.kernel.stamps import SO_TIMESTAMPNS, stamp_ns
from skybed.emulator.sky.clock import Clock
from skybed.emulator.sky.net import Sky
from skybed.emulator.sky.node import SkyNode

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

RTMGRP_LINK = 1
BUFFER_BYTES, PACKET_BYTES = 1 << 25, 1 << 16


def record(
    sky: Sky, pairs: Sequence[tuple[str, str]], begin_ns: int, run: Path, pipe: Connection
) -> dict[str, Any]:
    """Write a file for each (node, peer). begin_ns: what run time 0 is in the files, ns since 1970.

    Over the pipe: None is sent when all is ready; a Clock comes, and None is sent; what crosses from then on
    is written, up to when something comes again. Returns what the manifest says of it.
    """
    (run / pcapng.FOLDER).mkdir()
    with ExitStack() as stack:
        captures = [
            _Capture(sky[node], peer, run / pcapng.FOLDER, _later_ns(sky, node, peer), stack)
            for node, peer in pairs
        ]
        poll = select.epoll()
        stack.callback(poll.close)
        pipe.send(None)
        clock: Clock = pipe.recv()
        poll.register(pipe.fileno(), select.EPOLLIN)
        for capture in captures:
            capture.begin(clock, begin_ns, poll)
        pipe.send(None)
        over = False
        while not over:
            ready = [fd for fd, _ in poll.poll()]
            for capture in captures:
                capture.take(ready)
            over = pipe.fileno() in ready
        until_s = pipe.recv()
        for capture in captures:
            capture.end(until_s)
        return {"captures": {capture.name: capture.facts for capture in captures}}


def _later_ns(sky: Sky, node: str, peer: str) -> int:
    """By how much later than they leave here packets come to the end of a link that crosses."""
    numbers = {of.name: number for number, of in enumerate(sky.plan.nodes)}
    link = sky.link_between.get((numbers[node], numbers[peer]))  # None: there never is one
    crossing = None if link is None else sky.crossing(link)
    return round(crossing.one_way_us * 1e3) if crossing else 0


class _Capture:
    """One end of one link, as often as the link comes. later_ns: from when a packet that is sent is seen here
    to when its delay is over, which is the time that it has in the file, among those that come till then.
    """

    def __init__(self, node: SkyNode, peer: str, folder: Path, later_ns: int, stack: ExitStack) -> None:
        self.name = f"{node.name}--{peer}"
        self._node, self._peer, self._later_ns = node, peer, later_ns
        self._under_way = deque[tuple[int, bytes]]()  # (t_ns, packet) of those that were sent
        file = stack.enter_context((folder / f"{self.name}.pcapng").open("wb"))
        self._writer = pcapng.Writer(file, peer)
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._links = node.namespace.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        stack.enter_context(self._links)
        self._links.bind((0, RTMGRP_LINK))
        self._packets: socket.socket | None = None
        self._index = 0
        self._written = self._dropped = 0
        stack.callback(self._close)

    def begin(self, clock: Clock, begin_ns: int, poll: select.epoll) -> None:
        self._clock, self._begin_ns, self._poll = clock, begin_ns, poll
        poll.register(self._links, select.EPOLLIN)
        self._follow()

    def _follow(self) -> None:
        """A link that comes anew is another interface."""
        with self._node.namespace.entered():
            try:
                index = socket.if_nametoindex(self._peer)
            except OSError:
                index = 0
        if index == self._index:
            return
        self._close()
        self._index = index
        if index:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._packets = self._node.namespace.socket(socket.AF_PACKET, kind)
            self._packets.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            with contextlib.suppress(PermissionError):
                self._packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
            self._packets.bind((self._peer, ETH_P_ALL))
            self._poll.register(self._packets, select.EPOLLIN)

    def take(self, ready: Sequence[int]) -> None:
        """Write what has come."""
        if self._packets and self._packets.fileno() in ready:
            self._read()
        if self._links.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                while self._links.recv(PACKET_BYTES):
                    pass
            self._follow()

    def _read(self) -> None:
        assert self._packets
        with contextlib.suppress(OSError):  # no more, or the interface has gone
            while True:
                data, ancillary, _, (_, _, kind, *_) = self._packets.recvmsg(PACKET_BYTES, 64)
                t_s = self._clock.from_realtime_ns(stamp_ns(ancillary))
                t_ns = self._begin_ns + round(t_s * 1e9)
                if kind == PACKET_OUTGOING:
                    self._under_way.append((t_ns + self._later_ns, data))
                self._arrive(t_ns)
                if kind != PACKET_OUTGOING:
                    self._write(t_ns, data, outbound=False)

    def _arrive(self, t_ns: int) -> None:
        """Write those of which the delay is over by then."""
        while self._under_way and self._under_way[0][0] <= t_ns:
            self._write(*self._under_way.popleft(), outbound=True)

    def _write(self, t_ns: int, data: bytes, outbound: bool) -> None:
        self._writer.packet(data, t_ns, outbound)
        self._written += 1

    def end(self, until_s: float) -> None:
        if self._packets:
            self._read()
        self._close()
        self._arrive(self._begin_ns + round(self._clock.now_s() * 1e9))
        total = self._written + self._dropped
        self._writer.statistics(self._begin_ns + round(until_s * 1e9), total, self._dropped)

    def _close(self) -> None:
        if self._packets:
            self._dropped += control.dropped(self._packets)
            self._packets.close()
            self._packets = None

    @property
    def facts(self) -> dict[str, int]:
        return {"packets": self._written, "dropped": self._dropped}
