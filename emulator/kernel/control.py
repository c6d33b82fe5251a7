"""Control traffic: the packets that routing itself sends over a link, counted as they leave.

A packet socket on an interface has the kernel note them in a ring of memory; nothing else is copied and
nobody is woken. A filter (classic BPF) tells protocols apart. It returns how many bytes to keep of a packet,
and each protocol keeps another number: so the ring tells length, time and protocol of each, and no more.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
from collections.abc import Iterable, Sequence

import numpy as np

from skybed.emulator.kernel.netns import Namespace
from skybed.topologies.model.protocols import CONTROL

# A protocol's number is its place, from 1. `other` is all that is neither of these nor PASSED nor the
# scenario's own traffic.
PROTOCOLS = (*CONTROL, "other")
TCP, UDP = 6, 17
# Of IP: ICMP, IGMP, IP and IPv6 in IP, routing headers, hop-by-hop options (of MLD), ICMPv6; and ARP.
PASSED, ARP, IPV4, IPV6, LONGEST_802_3 = (0, 1, 2, 4, 41, 43, 58), 0x0806, 0x0800, 0x86DD, 1500

Ports = tuple[range, ...]

_HEAD = ("status", "bytes", "kept", "_offsets", "s", "ns")  # of struct tpacket2_hdr
FRAME = np.dtype([*((name, "u4") for name in _HEAD), ("_rest", "V104")])
RING_BYTES = 32 << 10  # one piece: a process of the uml lane is mapped piece by piece, and has 65,530 at most
FRAMES = RING_BYTES // FRAME.itemsize
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V2 = 263, 5, 6, 10, 1
SO_ATTACH_FILTER = 26
ETH_P_ALL, PACKET_OUTGOING = 3, 4

# <linux/bpf_common.h>
_LOAD_BYTE, _LOAD_HALF, _LOAD_HALF_X = 0x30, 0x28, 0x48  # of the packet, at k; at X + k
_X_IS, _X_IS_HEADER = 0x01, 0xB1  # k; four times the low half of the byte at k: an IPv4 header's length
_GOTO, _IF_EQUAL, _IF_ABOVE, _IF_AT_LEAST, _RETURN = 0x05, 0x15, 0x25, 0x35, 0x06
_PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE

Instruction = tuple[int, int, str, str]  # code, k, and the labels where to go on if a condition holds, or not


def program(udp: Ports, tcp: Ports) -> bytes:
    """The filter, an array of struct sock_filter: it returns the number of a leaving packet's protocol, 0 for
    what does not count. udp, tcp: ports of the scenario's own traffic."""
    leaving: list[Instruction | str] = [
        (_LOAD_BYTE, _PACKET_TYPE, "", ""), (_IF_EQUAL, PACKET_OUTGOING, "", "none")
    ]  # fmt: skip
    return assembled([*leaving, *protocol_of(udp, tcp)])


def protocol_of(udp: Ports, tcp: Ports) -> list[Instruction | str]:
    """The number of the protocol of an Ethernet frame, as instructions; a text labels what follows it."""
    by_llc = [(_IF_EQUAL, packets.llc, name, "") for name, packets in CONTROL.items() if packets.llc]
    by_ip = [(_IF_EQUAL, packets.ip, name, "") for name, packets in CONTROL.items() if packets.ip]
    code: list[Instruction | str] = [
        (_LOAD_HALF, 12, "", ""), (_IF_ABOVE, LONGEST_802_3, "ether", ""),
        (_LOAD_HALF, 14, "", ""), *by_llc, (_GOTO, 0, "other", ""),
        "ether", (_IF_EQUAL, ARP, "none", ""), (_IF_EQUAL, IPV4, "ipv4", ""),
        (_IF_EQUAL, IPV6, "ipv6", "other"),
        "ipv4", (_X_IS_HEADER, 14, "", ""), (_LOAD_BYTE, 23, "", ""), (_GOTO, 0, "ip", ""),
        "ipv6", (_X_IS, 40, "", ""), (_LOAD_BYTE, 20, "", ""),
        "ip", *by_ip, (_IF_EQUAL, TCP, "tcp", ""), (_IF_EQUAL, UDP, "udp", ""),
        *((_IF_EQUAL, number, "none", "") for number in PASSED), (_GOTO, 0, "other", ""),
        "tcp", *_by_port({name: packets.tcp for name, packets in CONTROL.items()}, tcp),
        "udp", *_by_port({name: packets.udp for name, packets in CONTROL.items()}, udp),
    ]  # fmt: skip
    for number, protocol in enumerate(("none", *PROTOCOLS)):
        code += [protocol, (_RETURN, number, "", "")]
    return code


def _by_port(meanings: dict[str, tuple[int, ...]], own: Ports) -> Iterable[Instruction | str]:
    """Where to go by the source port or the destination port behind the IP header; to `none` where it is one
    of the scenario's own traffic, else to `other`."""
    for at in (14, 16):
        yield _LOAD_HALF_X, at, "", ""
        for label, ports in meanings.items():
            yield from ((_IF_EQUAL, port, label, "") for port in ports)
        for some in own:
            beyond = f"none {at} {some}"
            yield _IF_AT_LEAST, some.start, "", beyond
            yield _IF_AT_LEAST, some.stop, "", "none"
            yield beyond
    yield _GOTO, 0, "other", ""


def assembled(code: Sequence[Instruction | str]) -> bytes:
    """Instructions as bytes. A label "" is the next instruction; labels lie ahead, 255 away at most."""
    places, steps = dict[str, int](), list[Instruction]()
    for item in code:
        if isinstance(item, str):
            places[item] = len(steps)
        else:
            steps.append(item)
    bytecode = b""
    for here, (operation, k, then, other) in enumerate(steps, 1):
        ahead = [places[label] - here if label else 0 for label in (then, other)]
        bytecode += struct.pack(
            "=HBBI", operation, *([0, 0, ahead[0]] if operation == _GOTO else [*ahead, k])
        )
    return bytecode


def attach(sock: socket.socket, code: bytes) -> None:
    """Give a socket a filter."""
    instructions = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(instructions))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def dropped(sock: socket.socket) -> int:
    """How many packets a packet socket had no room for since the last time."""
    return int(struct.unpack("=II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])


class Tap:
    """What leaves one interface of a namespace. code: what `program` made."""

    def __init__(self, namespace: Namespace, interface: str, code: bytes):
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
        attach(self.socket, code)
        self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        request = struct.pack("=IIII", RING_BYTES, 1, FRAME.itemsize, FRAMES)
        self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
        self._ring = np.frombuffer(mmap.mmap(self.socket.fileno(), RING_BYTES), FRAME)
        self._next = 0
        self.socket.bind((interface, ETH_P_ALL))

    def take(self) -> np.ndarray:
        """What has left since the last time: rows of FRAME."""
        ring = self._ring
        if not ring["status"][self._next] & 1:
            return ring[:0]
        order = np.roll(np.arange(FRAMES), -self._next)
        waiting = ring["status"][order] & 1
        count = FRAMES if waiting.all() else int(waiting.argmin())
        taken = ring[order[:count]]
        ring["status"][order[:count]] = 0
        self._next = (self._next + count) % FRAMES
        return taken

    def missed(self) -> int:
        """How many the ring had no room for since the last time."""
        return dropped(self.socket)

    def close(self) -> None:
        self.socket.close()
