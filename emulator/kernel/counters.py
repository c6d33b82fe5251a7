"""What has left each interface of a namespace, as the kernel counts it (rtnetlink's RTM_GETSTATS)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST

from skybed.emulator.kernel.netlink import HEADER, NLMSG_DONE, NLMSG_ERROR, each_attribute, each_message
from skybed.emulator.kernel.netns import Namespace

RTM_NEWSTATS, RTM_GETSTATS = 92, 94
IFLA_STATS_LINK_64 = 1
LOOPBACK = 1
MESSAGE_BYTES = 1 << 16
_STATS = struct.Struct("=BBHII")  # if_stats_msg: family, padding, padding, interface, filter
_LINK = struct.Struct("=QQQQ")  # the first of rtnl_link_stats64: packets in and out, bytes in and out
_ASK = HEADER.pack(HEADER.size + _STATS.size, RTM_GETSTATS, NLM_F_REQUEST | NLM_F_DUMP, 0, 0) + _STATS.pack(
    0, 0, 0, 0, 1 << (IFLA_STATS_LINK_64 - 1)
)


class Sent(NamedTuple):
    packets: int
    bytes: int


class Counters:
    """Of one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        self._socket = namespace.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._names: dict[int, str] = {}

    def read(self) -> dict[str, Sent]:
        """What has left so far, by the interface's name; without the loopback interface."""
        self._socket.send(_ASK)
        sent: dict[int, Sent] = {}
        while _take(self._socket.recv(MESSAGE_BYTES), sent):
            pass
        if not sent.keys() <= self._names.keys():
            with self._namespace.entered():
                self._names = dict(socket.if_nameindex())
        return {self._names[index]: counted for index, counted in sent.items() if index in self._names}

    def close(self) -> None:
        self._socket.close()


def _take(data: bytes, sent: dict[int, Sent]) -> bool:
    """Take in what a datagram tells. Returns whether more will come."""
    for kind, start, end in each_message(data):
        if kind in (NLMSG_DONE, NLMSG_ERROR):
            return False
        if kind == RTM_NEWSTATS:
            index = _STATS.unpack_from(data, start)[3]
            for attribute, place, _ in each_attribute(data, start + _STATS.size, end):
                if attribute == IFLA_STATS_LINK_64 and index != LOOPBACK:
                    _, packets, _, octets = _LINK.unpack_from(data, place)
                    sent[index] = Sent(packets, octets)
    return True
