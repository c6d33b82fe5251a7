"""The hosts of one sky: machines that each carry a part of its nodes."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from skybed.topologies.model.fields import Model, Title

BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def _ipv4(text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError("is no IPv4 address") from None
    if address.is_loopback or address.is_unspecified or address.is_multicast or address == BROADCAST:
        raise ValueError("is no address of a machine on a network")
    return str(address)


class Host(Model):
    """command: what runs a command there, such as [ssh, root@b]; of the first, which is the machine where the
    run is started, there is none. skybed: the program there. address: of the underlay, the network that
    carries links between hosts. nodes: names, layers, patterns of names such as relay-3-*.
    """

    name: Title
    address: Annotated[str, AfterValidator(_ipv4)]
    command: list[str] = []
    skybed: str = "skybed"
    nodes: list[str] = []


class Hosts(Model):
    """port: UDP, of VXLAN; the next one is that of the exchanges by which clocks and delays are measured."""

    port: Annotated[int, Field(ge=1, le=65_534)] = 4789
    hosts: Annotated[list[Host], Field(min_length=2, max_length=100)]

    @property
    def exchange_port(self) -> int:
        return self.port + 1
