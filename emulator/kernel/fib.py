"""The forwarding table of a node, followed by what its kernel tells of it (rtnetlink's multicast groups).

Followed are host routes of the main table to addresses that are nodes'. A next hop is an interface, which has
the name of the node at its other end.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping

from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.rtnl import (
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_GETROUTE,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
)

from skybed.emulator.kernel.messages import IFF_UP
from skybed.emulator.kernel.netlink import (
    HEADER,
    NLMSG_DONE,
    SO_RCVBUFFORCE,
    each_attribute,
    each_message,
)
from skybed.emulator.kernel.netns import Namespace

KIND = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
ROUTES = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE
BUFFER_BYTES = 8 << 20  # what may wait to be read; the kernel takes memory only as it fills
IFLA_IFNAME = 3
RTA_DST, RTA_OIF, RTA_MULTIPATH, RTA_TABLE = 1, 4, 9, 15
RT_TABLE_MAIN, RTN_UNICAST, RTM_F_CLONED = 254, 1, 0x200
HOST_BITS = {socket.AF_INET: 32, socket.AF_INET6: 128}
MESSAGE_BYTES = 1 << 16

_ROUTE = struct.Struct("=BBBBBBBBI")  # family, bits of dst and src, tos, table, protocol, scope, type, flags
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, weight, interface
_U32 = struct.Struct("=I")

Via = tuple[str, ...]  # the next hops of a destination; none where there is no route


class Fib:
    """The table of one node. `read` takes in what the kernel has told since; `table` is then what it was at
    that moment.

    destinations: the place in the table of each packed address. links: names of the interfaces that are
    there, by index; `links` is then kept up to date too.
    """

    def __init__(self, namespace: Namespace, destinations: Mapping[bytes, int], links: Mapping[int, str]):
        self.table: list[Via] = [()] * len(destinations)
        self.links = dict(links)
        self._vias: dict[Via, Via] = {}  # one object each: a thousand tables have a million entries
        self.overruns = 0  # how often the kernel had more to tell than it could keep
        self._destinations = destinations
        self._before: list[Via] | None = None  # while the whole table is being told
        self.socket = namespace.socket(socket.AF_NETLINK, KIND, socket.NETLINK_ROUTE)
        with contextlib.suppress(PermissionError):
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self.socket.bind((0, RTMGRP_LINK | ROUTES))
        self.ask()

    def read(self) -> dict[int, Via]:
        """Take in all that waits. Returns what has changed: the next hops that destinations had before."""
        before: dict[int, Via] = {}
        while True:
            try:
                data = self.socket.recv(MESSAGE_BYTES)
            except BlockingIOError:
                return before
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.overruns += 1
                self.ask()
                continue
            self.take(data, before)

    def take(self, data: bytes, before: dict[int, Via]) -> None:
        """Take in one datagram; next hops that it changes are added to `before`, if not there already."""
        for kind, start, end in each_message(data):
            if kind in (RTM_NEWROUTE, RTM_DELROUTE):
                self._route(data, kind == RTM_NEWROUTE, start, end, before)
            elif kind in (RTM_NEWLINK, RTM_DELLINK):
                self._link(data, kind == RTM_NEWLINK, start, end, before)
            elif kind == NLMSG_DONE and self._before is not None:
                old, self._before = self._before, None
                for number, (was, now) in enumerate(zip(old, self.table, strict=True)):
                    if was != now:
                        before.setdefault(number, was)

    def ask(self) -> None:
        """Have the kernel tell its whole table; what it does not name is no longer there."""
        self._before = self.table if self._before is None else self._before
        self.table = [()] * len(self.table)
        request = HEADER.pack(HEADER.size + _ROUTE.size, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
        self.socket.send(request + bytes(_ROUTE.size))

    def _route(self, data: bytes, new: bool, start: int, end: int, before: dict[int, Via]) -> None:
        family, bits, _, _, table, _, _, kind, flags = _ROUTE.unpack_from(data, start)
        if flags & RTM_F_CLONED or bits != HOST_BITS.get(family):
            return
        dst, hops = b"", set[int]()
        for name, at, until in each_attribute(data, start + _ROUTE.size, end):
            if name == RTA_DST:
                dst = data[at:until]
            elif name == RTA_OIF:
                hops.add(_U32.unpack_from(data, at)[0])
            elif name == RTA_TABLE:
                table = _U32.unpack_from(data, at)[0]
            elif name == RTA_MULTIPATH:
                hops |= set(_next_hops(data, at, until))
        if table != RT_TABLE_MAIN or dst not in self._destinations:
            return
        via = {self.links[hop] for hop in hops if hop in self.links} if kind == RTN_UNICAST else set()
        number = self._destinations[dst]
        # Of equal ways one may go. One that was replaced may go after the one that took its place came.
        self._set(number, via if new else set(self.table[number]) - via, before)

    def _link(self, data: bytes, new: bool, start: int, end: int, before: dict[int, Via]) -> None:
        family, _, index, flags, _ = _LINK.unpack_from(data, start)
        if family != socket.AF_UNSPEC:
            return
        for name, at, until in each_attribute(data, start + _LINK.size, end):
            if name == IFLA_IFNAME and new:
                self.links[index] = data[at:until].rstrip(b"\0").decode()
        if new and flags & IFF_UP:
            return
        gone = self.links.get(index)
        for number, via in enumerate(self.table):  # of IPv4 routes that go with their link nothing is told
            if gone in via:
                self._set(number, set(via) - {gone}, before)
        if not new:
            self.links.pop(index, None)

    def _set(self, number: int, via: set[str], before: dict[int, Via]) -> None:
        old, now = self.table[number], tuple(sorted(via))
        if old == now:
            return
        if self._before is None:
            before.setdefault(number, old)
        self.table[number] = self._vias.setdefault(now, now)


class Changes:
    """In which of some namespaces a forwarding table has changed.

    What the kernel tells is not read, only that it told something: the buffer of a socket holds a message or
    two, and what does not fit is dropped where it is made. So many changes cost no more than one.
    """

    def __init__(self, namespaces: Iterable[Namespace]) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, tuple[int, socket.socket]] = {}  # by descriptor
        for number, namespace in enumerate(namespaces):
            told = namespace.socket(socket.AF_NETLINK, KIND, socket.NETLINK_ROUTE)
            told.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the kernel makes it its least
            told.bind((0, ROUTES))
            self._sockets[told.fileno()] = number, told
            self._poll.register(told, select.EPOLLIN)

    def take(self) -> list[int]:
        """The numbers of those in which one has, since the last time."""
        ready = [self._sockets[fd] for fd, _ in self._poll.poll(0, max(1, len(self._sockets)))]
        for _, told in ready:
            _empty(told)
        return [number for number, _ in ready]

    def close(self) -> None:
        self._poll.close()
        for _, told in self._sockets.values():
            told.close()


def _empty(told: socket.socket) -> None:
    while True:
        try:
            told.recv(1)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # which says that some were dropped
                raise


def _next_hops(data: bytes, at: int, end: int) -> Iterator[int]:
    """The interfaces of a route with several."""
    while at + _NEXT_HOP.size <= end:
        length, _, _, interface = _NEXT_HOP.unpack_from(data, at)
        yield interface
        at += max(_NEXT_HOP.size, (length + 3) & ~3)
