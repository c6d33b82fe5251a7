"""rtnetlink messages as data: every kernel change skybed makes is one of these byte strings.

pyroute2 builds each kind once, with its own message classes, as a template with gaps; what varies (an
interface, an address, a delay) fills the gaps of copies. Built one by one, the 40,000 first routes of a sky
of 1,584 satellites would take ten seconds.

None asks for an acknowledgement: the kernel answers only what it refuses, so a batch of any length costs one
send (emulator/kernel/netlink.py).
"""

from __future__ import annotations

import functools
import itertools
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

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
from pyroute2.netlink.rtnl.rtmsg import LWTUNNEL_ENCAP_SEG6, rtmsg
from pyroute2.netlink.rtnl.tcmsg import tcmsg
from pyroute2.netlink.rtnl.tcmsg.sched_netem import options as netem_options

from skybed.emulator.kernel.addresses import packed

IFF_UP = 1
NUD_PERMANENT = 0x80
IFA_F_NODAD = 0x02
RTNH_F_ONLINK = 4
RTPROT_STATIC = 4
RT_SCOPE_LINK = 253
RTN_LOCAL = 2
NETEM_TICK_NS = 64  # the kernel's PSCHED_SHIFT
NETEM_ALL = 0xFFFFFFFF  # packets; of fewer it is a share
_MASK = 2**64 - 1
_TABLE = "TCA_NETEM_DELAY_DIST"


class _Netem(netem_options):
    """netem's options as pyroute2 knows them, and the table of jitter, rates beyond 34 Gbit/s and the seed
    (Linux 6.6).
    """

    nla_map = (
        *((name, "cdata" if name == _TABLE else kind) for name, kind in netem_options.nla_map),
        ("TCA_NETEM_ECN", "uint32"),
        ("TCA_NETEM_RATE64", "uint64"),
        ("TCA_NETEM_PAD", "none"),
        ("TCA_NETEM_LATENCY64", "int64"),
        ("TCA_NETEM_JITTER64", "int64"),
        ("TCA_NETEM_SLOT", "none"),
        ("TCA_NETEM_SLOT_DIST", "none"),
        ("TCA_NETEM_PRNG_SEED", "uint64"),
        ("TCA_NETEM_SLOPE", "cdata"),  # struct tc_netem_slope of netem-slope.patch
    )


class _Qdisc(tcmsg):
    """pyroute2's tcmsg, its options always netem's."""

    options = _Netem
    nla_map = tuple((name, "options" if name == "TCA_OPTIONS" else kind) for name, kind in tcmsg.nla_map)


def encode(message: nlmsg, kind: int, request: int = 0, attrs: list | None = None, **fields: object) -> bytes:
    """A netlink message as the kernel reads it; the fields are those of its header of the kind."""
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = attrs or []
    message["header"]["type"] = kind
    message["header"]["flags"] = NLM_F_REQUEST | request
    message.encode()
    return bytes(message.data)


class Template:
    """A message with gaps: places that held a mark when pyroute2 built it, to be filled by as many bytes."""

    def __init__(self, message: bytes, *marks: bytes):
        self.message = message
        self.gaps = []
        for mark in marks:
            if message.count(mark) != 1:
                raise AssertionError(f"the mark {mark!r} stands {message.count(mark)} times in a message")
            self.gaps.append(slice(message.index(mark), message.index(mark) + len(mark)))

    def fill(self, *values: bytes) -> bytes:
        message = bytearray(self.message)
        for gap, value in zip(self.gaps, values, strict=True):
            message[gap] = value
        return bytes(message)


_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")
_INDEX, _PEER_INDEX, _HANDLE = (0x51A7C3E0 + 0x01010101 * n for n in range(3))
_RATE, _SEED = 0x55CBE70D2F416385, 0x63D9F51B3D4F7193
_NAME, _PEER_NAME = "a-name-of-15-ch", "its-peer-s-name"
_MAC, _PEER_MAC = "02:a1:b3:c5:d7:e9", "02:f1:e3:d5:c7:b9"
_FD = 0x5E5F6061
_SEGMENT = 0x77D1E5C3
_VNI = 0x39C5A7


def _marks(size: int) -> list[bytes]:
    """Three addresses of `size` bytes that no other part of a message looks like."""
    return [bytes(range(first, first + size)) for first in (0xA0, 0xB0, 0xC0)]


def _name(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")


def _mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _family(size: int) -> int:
    return socket.AF_INET if size == 4 else socket.AF_INET6


# -- interfaces --------------------------------------------------------------------------------------


def veth(
    name: str,
    index: int,
    mac: str,
    peer_name: str,
    peer_index: int,
    peer_mac: str,
    peer_netns: int,
    mtu: int = 1500,
) -> bytes:
    """A pair of interfaces: one here, its peer at once in the namespace of the descriptor `peer_netns`."""
    ends = [
        (_name(a_name), _U32.pack(an_index), _mac(a_mac))
        for a_name, an_index, a_mac in ((name, index, mac), (peer_name, peer_index, peer_mac))
    ]
    return _veth(mtu).fill(*ends[0], *ends[1], _U32.pack(peer_netns))


# TCP sends packets as they would be on a wire: queues count packets, and one of 64 kB would count as one.
_GSO = "IFLA_GSO_MAX_SEGS", 1


@functools.cache
def _veth(mtu: int) -> Template:
    size = ("IFLA_MTU", mtu), _GSO
    peer = {
        "index": _PEER_INDEX,
        "attrs": [("IFLA_IFNAME", _PEER_NAME), ("IFLA_ADDRESS", _PEER_MAC), *size, ("IFLA_NET_NS_FD", _FD)],
    }
    info = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", {"attrs": [("VETH_INFO_PEER", peer)]})]}
    attrs = [("IFLA_IFNAME", _NAME), ("IFLA_ADDRESS", _MAC), *size, ("IFLA_LINKINFO", info)]
    message = encode(ifinfmsg(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, attrs, index=_INDEX)
    near = _name(_NAME), _U32.pack(_INDEX), _mac(_MAC)
    far = _name(_PEER_NAME), _U32.pack(_PEER_INDEX), _mac(_PEER_MAC)
    return Template(message, *near, *far, _U32.pack(_FD))


class Tunnel(NamedTuple):
    """VXLAN between two machines: the network identifier (24 bits), and the UDP port and addresses (IPv4) of
    the one here and the one there."""

    vni: int
    local: str
    remote: str
    port: int


def vxlan(name: str, index: int, mac: str, netns: int, tunnel: Tunnel, mtu: int = 1500) -> bytes:
    """An interface that leads to another machine, at once in the namespace of the descriptor `netns`. What it
    sends goes by the namespace that is told so.

    Both namespaces must have room for the index.
    """
    template = _vxlan(mtu, tunnel._replace(vni=_VNI))
    return template.fill(_name(name), _U32.pack(index), _mac(mac), _U32.pack(netns), _U32.pack(tunnel.vni))


@functools.cache
def _vxlan(mtu: int, tunnel: Tunnel) -> Template:
    data = [
        ("IFLA_VXLAN_ID", tunnel.vni), ("IFLA_VXLAN_LOCAL", tunnel.local),
        ("IFLA_VXLAN_GROUP", tunnel.remote), ("IFLA_VXLAN_PORT", tunnel.port), ("IFLA_VXLAN_LEARNING", 0),
    ]  # fmt: skip
    info = {"attrs": [("IFLA_INFO_KIND", "vxlan"), ("IFLA_INFO_DATA", {"attrs": data})]}
    attrs = [
        ("IFLA_IFNAME", _NAME), ("IFLA_ADDRESS", _MAC), ("IFLA_MTU", mtu), _GSO, ("IFLA_NET_NS_FD", _FD),
        ("IFLA_LINKINFO", info),
    ]  # fmt: skip
    message = encode(ifinfmsg(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, attrs, index=_INDEX)
    return Template(
        message, _name(_NAME), _U32.pack(_INDEX), _mac(_MAC), _U32.pack(_FD), _U32.pack(tunnel.vni)
    )


def wire(name: str, index: int, mac: str, kernel: int, mtu: int = 1500) -> bytes:
    """An interface that leads to another uml kernel, to the one with the same index there: see
    scripts/machine/uml/wire.patch. kernel: the number of that among the others, from 0.
    """
    return _wire(mtu).fill(_name(name), _U32.pack(index), _mac(mac), _U32.pack(kernel))


@functools.cache
def _wire(mtu: int) -> Template:
    attrs = [
        ("IFLA_IFNAME", _NAME), ("IFLA_ADDRESS", _MAC), ("IFLA_MTU", mtu), _GSO, ("IFLA_LINK", _FD),
        ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "wire")]}),
    ]  # fmt: skip
    message = encode(ifinfmsg(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, attrs, index=_INDEX)
    return Template(message, _name(_NAME), _U32.pack(_INDEX), _mac(_MAC), _U32.pack(_FD))


@functools.cache
def link_state(index: int, up: bool) -> bytes:
    return encode(ifinfmsg(), RTM_SETLINK, index=index, flags=IFF_UP if up else 0, change=IFF_UP)


def link_delete(index: int) -> bytes:
    return encode(ifinfmsg(), RTM_DELLINK, index=index)


def address(index: int, ip: str) -> bytes:
    """A host address (/32 or /128), usable at once: no duplicate address detection."""
    return _address(index, len(packed(ip))).fill(packed(ip))


@functools.cache
def _address(index: int, size: int) -> Template:
    mark = _marks(size)[0]
    message = encode(
        ifaddrmsg(), RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
        [("IFA_LOCAL", socket.inet_ntop(_family(size), mark))],
        family=_family(size), prefixlen=8 * size, index=index, flags=IFA_F_NODAD if size == 16 else 0,
    )  # fmt: skip
    return Template(message, mark)


def neighbour(index: int, ip: str, mac: str) -> bytes:
    """A permanent neighbour: without it the first packet of a delayed link pays one more round trip."""
    return _neighbour(len(packed(ip))).fill(_U32.pack(index), packed(ip), _mac(mac))


@functools.cache
def _neighbour(size: int) -> Template:
    mark = _marks(size)[0]
    message = encode(
        ndmsg(), RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
        [("NDA_DST", socket.inet_ntop(_family(size), mark)), ("NDA_LLADDR", _MAC)],
        family=_family(size), ifindex=_INDEX, state=NUD_PERMANENT,
    )  # fmt: skip
    return Template(message, _U32.pack(_INDEX), mark, _mac(_MAC))


# -- netem -------------------------------------------------------------------------------------------


class NetemOptions(NamedTuple):
    """All that netem is told: delay and jitter in ticks of NETEM_TICK_NS, the limit of its queue in packets,
    shares of NETEM_ALL, gap in packets, and the rate in bytes a second. slope: of the delay, ps a second,
    since_ns of CLOCK_MONOTONIC; only a kernel of ours knows it.
    """

    delay: int
    limit: int
    loss: int
    rate: int
    gap: int = 0
    duplicate: int = 0
    jitter: int = 0
    slope: int = 0
    since_ns: int = 0


_QOPT = struct.Struct("=6I")  # struct tc_netem_qopt: delay, limit, loss, gap, duplicate, jitter
_QOPTS = tuple(0x54AAC6E3 + 0x01010101 * n for n in range(6))
_SLOPE = struct.Struct("=qQ")  # struct tc_netem_slope: slope, since
_SLOPES = 0x4B3A291807F6E5D4, 0x3C2B1A0918F7E6D5


@functools.cache
def _netem(jitter_table: bytes = b"", sloped: bool = False) -> Template:
    delay, limit, loss, gap, duplicate, jitter = _QOPTS
    options = {
        "delay": delay, "limit": limit, "loss": loss, "gap": gap, "duplicate": duplicate, "jitter": jitter,
        "attrs": [
            ("TCA_NETEM_RATE", {"rate": 0, "packet_overhead": 0, "cell_size": 0, "cell_overhead": 0}),
            ("TCA_NETEM_RATE64", _RATE),
            ("TCA_NETEM_PRNG_SEED", _SEED),
            *([(_TABLE, jitter_table)] if jitter_table else []),
            *([("TCA_NETEM_SLOPE", _SLOPE.pack(*_SLOPES))] if sloped else []),
        ],
    }  # fmt: skip
    message = encode(
        _Qdisc(), RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE,
        [("TCA_KIND", "netem"), ("TCA_OPTIONS", options)],
        family=socket.AF_UNSPEC, index=_INDEX, handle=_HANDLE, parent=TC_H_ROOT,
    )  # fmt: skip
    marks = _U32.pack(_INDEX), _U32.pack(_HANDLE), _QOPT.pack(*_QOPTS), _U64.pack(_RATE), _U64.pack(_SEED)
    return Template(message, *marks, *([_SLOPE.pack(*_SLOPES)] if sloped else []))


class Netem:
    """The netem of one interface: its state is always sent whole, since netem overwrites all of it.

    jitter_table: int16, from which a new queue draws jitter and which it keeps; empty: jitter is uniform.
    `seed` (31 bits) makes what it does by chance repeatable on Linux 6.6 and later; each change makes netem
    start its random numbers anew, so each message has its own.
    """

    def __init__(self, index: int, seed: int = 0, jitter_table: bytes = b""):
        self._index, self._jitter_table = _U32.pack(index), jitter_table
        self._seeds = itertools.count(seed << 32)
        self._major = 1

    def message(self, options: NetemOptions, fresh: bool = False) -> bytes:
        """The state.

        fresh: in a new queue, for a carrier that has just come. The old queue goes back into service when the
        kernel finds time, and drops packets until then; a new one is in service at once.
        """
        if fresh:
            self._major = 3 - self._major
        delay, limit, loss, rate, gap, duplicate, jitter, *slope = options
        sloped = options.slope != 0
        return _netem(self._jitter_table if fresh else b"", sloped).fill(
            self._index, _U32.pack(self._major << 16),
            _QOPT.pack(delay, limit, loss, gap, duplicate, jitter),
            _U64.pack(rate), _U64.pack(_mixed(next(self._seeds))),
            *([_SLOPE.pack(*slope)] if sloped else []),
        )  # fmt: skip


def _mixed(number: int) -> int:
    """SplitMix64 (Steele et al. 2014): 64 bits that look random, others for each number of 64 bits.

    netem does not stir its seeds: of numbers that follow one another its first random ones are alike, and
    with thousands of changes nearly every packet has a first one.
    """
    x = (number + 0x9E3779B97F4A7C15) & _MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & _MASK
    return x ^ x >> 31


# -- routes ------------------------------------------------------------------------------------------


def route(destination: bytes, gateway: bytes, index: int, source: bytes, mtu: int = 0) -> bytes:
    """Replace the host route to `destination`. All addresses packed: 4 bytes for IPv4, 16 for IPv6.

    mtu: of what takes this route, where it is less than the link's; 0: the link's.
    """
    return _route(len(destination), mtu).fill(destination, gateway, source, _U32.pack(index))


@functools.cache
def _route(size: int, mtu: int) -> Template:
    marks = _marks(size)
    destination, gateway, source = (socket.inet_ntop(_family(size), mark) for mark in marks)
    message = encode(
        rtmsg(), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
        [("RTA_DST", destination), ("RTA_GATEWAY", gateway), ("RTA_PREFSRC", source), ("RTA_OIF", _INDEX),
         *_metrics(mtu)],
        family=_family(size), dst_len=8 * size, table=254, proto=RTPROT_STATIC, scope=0, type=1,
        flags=RTNH_F_ONLINK,
    )  # fmt: skip
    return Template(message, *marks, _U32.pack(_INDEX))


def _metrics(mtu: int) -> list[tuple[str, dict]]:
    return [("RTA_METRICS", {"attrs": [("RTAX_MTU", mtu)]})] if mtu else []


def source_route(destination: bytes, segments: Sequence[bytes], index: int, source: bytes, mtu: int) -> bytes:
    """Replace the host route to `destination`: what takes it is encapsulated with SRv6 segments.

    It leaves by the route to the first segment; `index` is the interface with which this route goes.
    mtu: as in `route`, encapsulation included.
    """
    template = _source_route(len(destination), len(segments), mtu)
    return template.fill(destination, b"".join(reversed(segments)), source, _U32.pack(index))


@functools.cache
def _source_route(size: int, count: int, mtu: int) -> Template:
    destination, _, source = _marks(size)
    segments = [struct.pack("=I12x", _SEGMENT + n) for n in range(count)]
    path = {"mode": "encap", "segs": [socket.inet_ntop(socket.AF_INET6, segment) for segment in segments]}
    message = encode(
        rtmsg(), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
        [("RTA_DST", socket.inet_ntop(_family(size), destination)),
         ("RTA_PREFSRC", socket.inet_ntop(_family(size), source)), ("RTA_OIF", _INDEX), *_metrics(mtu),
         ("RTA_ENCAP_TYPE", LWTUNNEL_ENCAP_SEG6), ("RTA_ENCAP", {"attrs": [("SEG6_IPTUNNEL_SRH", path)]})],
        family=_family(size), dst_len=8 * size, table=254, proto=RTPROT_STATIC, scope=RT_SCOPE_LINK, type=1,
    )  # fmt: skip
    return Template(message, destination, b"".join(segments), source, _U32.pack(_INDEX))


def local(address: bytes, index: int) -> bytes:
    """Take in what is sent to an IPv6 address that is not an interface's, and so never a source."""
    return encode(
        rtmsg(), RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
        [("RTA_DST", socket.inet_ntop(socket.AF_INET6, address)), ("RTA_OIF", index)],
        family=socket.AF_INET6, dst_len=128, table=255, proto=RTPROT_STATIC, scope=0, type=RTN_LOCAL,
    )  # fmt: skip


def route_delete(destination: bytes) -> bytes:
    return _route_delete(len(destination)).fill(destination)


@functools.cache
def _route_delete(size: int) -> Template:
    mark = _marks(size)[0]
    message = encode(
        rtmsg(), RTM_DELROUTE, attrs=[("RTA_DST", socket.inet_ntop(_family(size), mark))],
        family=_family(size), dst_len=8 * size, table=254,
    )  # fmt: skip
    return Template(message, mark)
