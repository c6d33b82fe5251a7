"""Routing protocols, each told once: who fills the forwarding tables, and with what.

Who reads a scenario, plans, emulates, judges or documents takes it from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

FilledBy = Literal["oracle", "schedule", "daemons"]


@dataclass(frozen=True)
class Packets:
    """By what the packets of a protocol are known: the number in an IP header, a UDP or TCP port at either
    end, or the two service access points of a frame that is not IP (LLC).
    """

    ip: int | None = None
    udp: tuple[int, ...] = ()
    tcp: tuple[int, ...] = ()
    llc: int | None = None


@dataclass(frozen=True)
class RoutingProtocol:
    """filled_by: who fills the kernels' forwarding tables. software: what can, the usual one first; each is a
    module of emulator/daemons/suites. packets: its own, without those of BFD; None: they count as `other`.
    inner: whether it can route within a domain. keeps_path: whether a packet keeps the path that was planned
    when it came to the ground.
    """

    name: str
    about: str
    filled_by: FilledBy
    software: tuple[str, ...] = ()
    packets: Packets | None = None
    inner: bool = False
    keeps_path: bool = False
    bfd: bool = False

    @property
    def family(self) -> str:
        """Its name without BFD."""
        return self.name.partition("+")[0]


def _each(protocol: RoutingProtocol) -> tuple[RoutingProtocol, RoutingProtocol]:
    """A protocol without and with BFD."""
    return protocol, replace(protocol, name=f"{protocol.name}+bfd", bfd=True)


_ALL = (
    RoutingProtocol("oracle", "the best ways, known everywhere at once", "oracle", inner=True),
    RoutingProtocol("schedule", "each node by its own copy of the contact plan", "schedule", inner=True),
    RoutingProtocol("srv6", "the oracle's paths, in packets from the ground", "oracle", keeps_path=True),
    *_each(
        RoutingProtocol(
            "ospf", "OSPFv2 and OSPFv3, one area", "daemons", ("bird", "frr"), Packets(ip=89), inner=True
        )
    ),
    *_each(
        RoutingProtocol(
            "isis", "IS-IS, level 2, both families", "daemons", ("frr",), Packets(llc=0xFEFE), inner=True
        )
    ),
    *_each(
        RoutingProtocol(
            "bgp", "BGP, every node a system of its own (RFC 7938)", "daemons", ("frr",), Packets(tcp=(179,))
        )
    ),
    RoutingProtocol("custom", "a daemon of your own", "daemons", ("custom",), inner=True),
)
PROTOCOLS = {protocol.name: protocol for protocol in _ALL}

# What control traffic is told apart by, in the order of the table `control`; all else is `other`.
CONTROL = {protocol.family: protocol.packets for protocol in _ALL if protocol.packets}
CONTROL["bfd"] = Packets(udp=(3784, 3785, 4784))

# What routes a network of domains, whatever does within each.
BETWEEN_DOMAINS = RoutingProtocol("domains", "BGP between autonomous systems", "daemons", ("bird",))

_SOFTWARE = dict.fromkeys(software for protocol in _ALL for software in protocol.software)

if TYPE_CHECKING:
    ProtocolName = str
    InnerName = str
    DaemonName = str
else:
    ProtocolName = Literal[tuple(PROTOCOLS)]
    InnerName = Literal[tuple(name for name, protocol in PROTOCOLS.items() if protocol.inner)]
    DaemonName = Literal[tuple(software for software in _SOFTWARE if software != "custom")]
