"""Scapy layers of CCSDS Space Packets (133.0-B-2) and PUS-C (ECSS-E-ST-70-41C), to read and build packets.

from skybed.analysis import space_packets
space_packets.bind()                      # UDP ports of flows of the kind ccsds
rdpcap("captures/miyun--eo-0-0.pcap")[0][space_packets.SpacePacket].show()
"""

from __future__ import annotations

import binascii
import struct
from typing import Any

from scapy.fields import BitEnumField, BitField, ByteField, IntField, ShortField, StrField, XByteField
from scapy.layers.inet import UDP
from scapy.packet import Packet, bind_layers

PORTS = range(24_000, 24_064)  # of a scenario's first flows
TELEMETRY, TELECOMMAND = 0, 1


class SpacePacket(Packet):
    """The primary header. length: of the packet data field less one; None: as it is."""

    name = "CCSDS Space Packet"
    fields_desc = [
        BitField("version", 0, 3),
        BitEnumField("type", TELEMETRY, 1, {TELEMETRY: "telemetry", TELECOMMAND: "telecommand"}),
        BitField("secondary", 1, 1),
        BitField("apid", 0, 11),
        BitEnumField("sequence_flags", 3, 2, {0: "continuation", 1: "first", 2: "last", 3: "unsegmented"}),
        BitField("sequence_count", 0, 14),
        ShortField("length", None),
    ]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        if self.length is None:
            pkt = pkt[:4] + struct.pack("!H", len(pay) - 1)
        return pkt + (_with_control(pkt, pay) if isinstance(self.payload, _Pus) else pay)

    def guess_payload_class(self, payload: bytes) -> Any:
        if not self.secondary:
            return super().guess_payload_class(payload)
        return PusTc if self.type == TELECOMMAND else PusTm


class _Pus(Packet):
    """A secondary header, the data, and two bytes of packet error control."""


class PusTm(_Pus):
    """Telemetry, with a CDS short time stamp: days since 1958, ms of the day."""

    name = "PUS-C telemetry"
    fields_desc = [
        BitField("pus", 2, 4),
        BitField("time_status", 0, 4),
        ByteField("service", 3),
        ByteField("subtype", 25),
        ShortField("counter", 0),
        ShortField("destination", 0),
        XByteField("p_field", 0x40),
        ShortField("day", 0),
        IntField("ms", 0),
        StrField("data", b"\0\0"),
    ]


class PusTc(_Pus):
    """A telecommand. reports: 8 acceptance, 4 start, 2 progress, 1 completion."""

    name = "PUS-C telecommand"
    fields_desc = [
        BitField("pus", 2, 4),
        BitField("reports", 0b1001, 4),
        ByteField("service", 17),
        ByteField("subtype", 1),
        ShortField("source", 0),
        StrField("data", b"\0\0"),
    ]


def _with_control(head: bytes, rest: bytes) -> bytes:
    """The packet data field with its last two bytes as the CRC of all before them."""
    crc = binascii.crc_hqx(head + rest[:-2], 0xFFFF)
    return rest[:-2] + struct.pack("!H", crc)


def is_whole(packet: SpacePacket) -> bool:
    """Whether the packet error control is right."""
    return binascii.crc_hqx(bytes(packet.original), 0xFFFF) == 0


def bind(ports: range = PORTS) -> None:
    """Have Scapy read these UDP ports as space packets."""
    for port in ports:
        bind_layers(UDP, SpacePacket, dport=port)
        bind_layers(UDP, SpacePacket, sport=port)
