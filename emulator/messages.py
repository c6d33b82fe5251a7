"""rtnetlink messages as data: every kernel change skybed makes is one of these byte strings.

pyroute2 builds them with its own message classes. Of the two kinds that come by the thousand, routes and
netem states, it builds a template, and what varies is patched into copies: one by one, the 10,000 first
routes of a sky of 74 nodes would take seconds.

None asks for an acknowledgement: the kernel answers only what it refuses, so a batch of any length costs one
send and one receive (emulator/netlink.py).
"""

from __future__ import annotations

import functools
import ipaddress
import itertools
import socket
import struct

from pyroute2.netlink import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, nlmsg
from pyroute2.netlink.rtnl import (
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWQDISC,
    RTM_NEWROUTE,
    RTM_SETLINK,
    TC_H_ROOT,
)
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg
from pyroute2.netlink.rtnl.tcmsg import tcmsg
from pyroute2.netlink.rtnl.tcmsg.sched_netem import options as netem_options

IFF_UP = 1
NUD_PERMANENT = 0x80
IFA_F_NODAD = 0x02
RTNH_F_ONLINK = 4
RTPROT_STATIC = 4
NETEM_TICK_NS = 64  # the kernel's PSCHED_SHIFT
LOSS_ALL = 0xFFFFFFFF


class _Netem(netem_options):
    """netem's options as pyroute2 knows them, plus the rates beyond 34 Gbit/s and the seed (Linux 6.6)."""

    nla_map = (
        *netem_options.nla_map,
        ("TCA_NETEM_ECN", "uint32"),
        ("TCA_NETEM_RATE64", "uint64"),
        ("TCA_NETEM_PAD", "none"),
        ("TCA_NETEM_LATENCY64", "int64"),
        ("TCA_NETEM_JITTER64", "int64"),
        ("TCA_NETEM_SLOT", "none"),
        ("TCA_NETEM_SLOT_DIST", "none"),
        ("TCA_NETEM_PRNG_SEED", "uint64"),
    )


class _Qdisc(tcmsg):
    """pyroute2's tcmsg, its options always netem's."""

    options = _Netem
    nla_map = tuple((name, "options" if name == "TCA_OPTIONS" else kind) for name, kind in tcmsg.nla_map)


def _encode(
    message: nlmsg, kind: int, request: int = 0, attrs: list | None = None, **fields: object
) -> bytes:
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = attrs or []
    message["header"]["type"] = kind
    message["header"]["flags"] = NLM_F_REQUEST | request
    message.encode()
    return bytes(message.data)


def _offset(template: bytes, mark: bytes) -> int:
    """Where the one place is that a template left to be filled."""
    at = template.find(mark)
    if at < 0 or template.find(mark, at + 1) >= 0:
        raise AssertionError(
            f"mark {mark!r} stands {'twice' if at >= 0 else 'nowhere'} in a message template"
        )
    return at


# -- interfaces --------------------------------------------------------------------------------------


def veth(
    name: str, index: int, mac: str, peer_name: str, peer_index: int, peer_mac: str, peer_netns: int
) -> bytes:
    """A pair of interfaces: one here, its peer at once in the namespace of the descriptor `peer_netns`."""
    peer = {
        "index": peer_index,
        "attrs": [("IFLA_IFNAME", peer_name), ("IFLA_ADDRESS", peer_mac), ("IFLA_NET_NS_FD", peer_netns)],
    }
    info = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", {"attrs": [("VETH_INFO_PEER", peer)]})]}
    attrs = [("IFLA_IFNAME", name), ("IFLA_ADDRESS", mac), ("IFLA_LINKINFO", info)]
    return _encode(ifinfmsg(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, attrs, index=index)


def link_state(index: int, up: bool) -> bytes:
    return _encode(ifinfmsg(), RTM_SETLINK, index=index, flags=IFF_UP if up else 0, change=IFF_UP)


def link_delete(index: int) -> bytes:
    return _encode(ifinfmsg(), RTM_DELLINK, index=index)


def address(index: int, ip: str) -> bytes:
    """A host address (/32 or /128), usable at once: no duplicate address detection."""
    version, bits = _family(ip)
    flags = IFA_F_NODAD if version == socket.AF_INET6 else 0
    attrs = [("IFA_LOCAL", ip), ("IFA_ADDRESS", ip)]
    return _encode(
        ifaddrmsg(),
        RTM_NEWADDR,
        NLM_F_CREATE | NLM_F_REPLACE,
        attrs,
        family=version,
        prefixlen=bits,
        index=index,
        flags=flags,
    )


def neighbour(index: int, ip: str, mac: str) -> bytes:
    """A permanent neighbour: without it the first packet of a delayed link pays one more round trip."""
    version, _ = _family(ip)
    return _encode(
        ndmsg(),
        RTM_NEWNEIGH,
        NLM_F_CREATE | NLM_F_REPLACE,
        [("NDA_DST", ip), ("NDA_LLADDR", mac)],
        family=version,
        ifindex=index,
        state=NUD_PERMANENT,
    )


# -- netem -------------------------------------------------------------------------------------------

_DELAY, _LOSS, _SEED, _HANDLE = (struct.Struct(f"={code}") for code in "IIQI")
_DELAY_MARK, _LOSS_MARK, _SEED_MARK, _HANDLE_MARK = 0x51A7C3E9, 0x53B9D5FB, 0x55CBE70D2F416385, 0x57DDF91F


class Netem:
    """The netem state of one direction of a link: always sent whole, since netem overwrites all of it.

    rate_bps in bit/s, loss_pct 0 to 100, limit in packets. `seed` (31 bits) makes the losses repeatable on
    Linux 6.6 and later; each change makes netem start its random numbers anew, so each message has its own.
    early_us: what the kernel itself adds to a hop, taken off every delay (emulator/calibrate.py).
    """

    def __init__(
        self, index: int, rate_bps: float, loss_pct: float, limit: int, seed: int = 0, early_us: float = 0.0
    ):
        self._loss = round(loss_pct / 100 * LOSS_ALL)
        self._early_us = early_us
        self._seeds = itertools.count(seed << 32)
        options = {
            "delay": _DELAY_MARK, "limit": limit, "loss": _LOSS_MARK, "gap": 0, "duplicate": 0, "jitter": 0,
            "attrs": [
                ("TCA_NETEM_RATE", {"rate": 0, "packet_overhead": 0, "cell_size": 0, "cell_overhead": 0}),
                ("TCA_NETEM_RATE64", round(rate_bps / 8)),
                ("TCA_NETEM_PRNG_SEED", _SEED_MARK),
            ],
        }  # fmt: skip
        template = _encode(
            _Qdisc(), RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE,
            [("TCA_KIND", "netem"), ("TCA_OPTIONS", options)],
            family=socket.AF_UNSPEC, index=index, handle=_HANDLE_MARK, parent=TC_H_ROOT,
        )  # fmt: skip
        self._delay_at = _offset(template, _DELAY.pack(_DELAY_MARK))
        self._loss_at = _offset(template, _LOSS.pack(_LOSS_MARK))
        self._seed_at = _offset(template, _SEED.pack(_SEED_MARK))
        self._handle_at = _offset(template, _HANDLE.pack(_HANDLE_MARK))
        self._state = bytearray(template)
        self._major = 0

    def message(self, delay_us: float, silent: bool = False, fresh: bool = False) -> bytes:
        """The whole state with this one-way delay; `silent` drops every packet and leaves the carrier.

        fresh: in a new queue, for a carrier that has just come. The old queue goes back into service when the
        kernel finds time, and drops packets until then; a new one is in service at once.
        """
        if fresh:
            self._major = 3 - self._major if self._major else 1
            _HANDLE.pack_into(self._state, self._handle_at, self._major << 16)
        ticks = round(max(0.0, delay_us - self._early_us) * 1000 / NETEM_TICK_NS)
        _DELAY.pack_into(self._state, self._delay_at, ticks)
        _LOSS.pack_into(self._state, self._loss_at, LOSS_ALL if silent else self._loss)
        _SEED.pack_into(self._state, self._seed_at, next(self._seeds))
        return bytes(self._state)


# -- routes ------------------------------------------------------------------------------------------


def route(destination: bytes, gateway: bytes, index: int, source: bytes) -> bytes:
    """Replace the host route to `destination`. All addresses packed: 4 bytes for IPv4, 16 for IPv6."""
    template, at = _route_template(len(destination))
    message = bytearray(template)
    for where, value in zip(at, (destination, gateway, source, struct.pack("=I", index)), strict=True):
        message[where : where + len(value)] = value
    return bytes(message)


@functools.cache
def route_delete(destination: bytes) -> bytes:
    version = socket.AF_INET if len(destination) == 4 else socket.AF_INET6
    return _encode(
        rtmsg(),
        RTM_DELROUTE,
        attrs=[("RTA_DST", socket.inet_ntop(version, destination))],
        family=version,
        dst_len=8 * len(destination),
        table=254,
    )


@functools.cache
def _route_template(size: int) -> tuple[bytes, tuple[int, int, int, int]]:
    marks = [bytes(range(first, first + size)) for first in (0xA0, 0xB0, 0xC0)]
    version = socket.AF_INET if size == 4 else socket.AF_INET6
    destination, gateway, source = (socket.inet_ntop(version, mark) for mark in marks)
    index = 0x54C1D6EB
    template = _encode(
        rtmsg(),
        RTM_NEWROUTE,
        NLM_F_CREATE | NLM_F_REPLACE,
        [("RTA_DST", destination), ("RTA_GATEWAY", gateway), ("RTA_PREFSRC", source), ("RTA_OIF", index)],
        family=version,
        dst_len=8 * size,
        table=254,
        proto=RTPROT_STATIC,
        scope=0,
        type=1,
        flags=RTNH_F_ONLINK,
    )
    at = tuple(_offset(template, mark) for mark in (*marks, struct.pack("=I", index)))
    return template, at  # type: ignore[return-value]


@functools.cache
def packed(ip: str) -> bytes:
    """4 or 16 bytes, as in a message."""
    return ipaddress.ip_address(ip).packed


def _family(ip: str) -> tuple[int, int]:
    """The socket family of an address and its length in bits."""
    size = len(packed(ip))
    return (socket.AF_INET if size == 4 else socket.AF_INET6), 8 * size
