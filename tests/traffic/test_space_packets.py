"""Space packets: what is sent is read by PyPI's spacepackets and by the Scapy layers, and what they make."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from spacepackets.ccsds.time import CdsShortTimestamp
from spacepackets.ecss.tc import PusTc
from spacepackets.ecss.tm import PusTm

from skybed.analysis import space_packets
from skybed.analysis.space_packets import SpacePacket
from skybed.traffic.wire import ccsds

WHEN = dt.datetime(2026, 5, 9, 1, 41, 50, 123_000, tzinfo=dt.UTC)
WHEN_NS = int(WHEN.timestamp()) * 10**9 + 123_456_789
APIDS, COUNTS = st.integers(0, 2046), st.integers(0, 1 << 20)
BYTE, DATA = st.integers(0, 255), st.binary(max_size=64)


@given(APIDS, COUNTS, BYTE, BYTE, DATA)
def test_spacepackets_reads_telemetry(apid, count, service, subtype, data):
    packet = ccsds.telemetry(apid, count, service, subtype, count, WHEN_NS, data)
    read = PusTm.unpack(packet, timestamp_len=7)
    assert (read.apid, read.seq_count, read.service, read.message_subtype) == (
        apid,
        count % 16384,
        service,
        subtype,
    )
    assert bytes(read.source_data) == data and read.packet_len == len(packet)
    assert read.pack() == packet  # with its error control
    assert CdsShortTimestamp.unpack(bytes(read.timestamp)).as_datetime() == WHEN


@given(APIDS, COUNTS, BYTE, BYTE, DATA)
def test_spacepackets_reads_telecommands(apid, count, service, subtype, data):
    packet = ccsds.telecommand(apid, count, service, subtype, data)
    read = PusTc.unpack(packet)
    assert (read.apid, read.seq_count, read.service, read.message_subtype) == (
        apid,
        count % 16384,
        service,
        subtype,
    )
    assert bytes(read.app_data) == data and read.pack() == packet


@given(APIDS, st.integers(0, 16383), BYTE, BYTE, DATA)
def test_what_spacepackets_makes_is_read(apid, count, service, subtype, data):
    command = PusTc(
        service=service, message_subtype=subtype, apid=apid, seq_count=count, app_data=data, ack_flags=9
    )
    assert ccsds.read(bytes(command.pack())) == (True, apid, count, service, subtype, b"")
    report = PusTm(
        service=service, message_subtype=subtype, apid=apid, seq_count=count, source_data=data,
        timestamp=CdsShortTimestamp.from_datetime(WHEN).pack(),
    )  # fmt: skip
    request = data[:4] if service == ccsds.VERIFICATION else b""
    header = ccsds.read(bytes(report.pack()))
    assert header[:5] == (False, apid, count, service, subtype)
    assert header.request[: len(data)] == request[: len(header.request)]


@given(st.binary(max_size=80), st.integers(0, 79), st.integers(1, 255))
def test_what_is_damaged_is_no_packet(data, place, flip):
    packet = bytearray(ccsds.telecommand(5, 7, 17, 1, data))
    packet[place % len(packet)] ^= flip
    assert ccsds.read(bytes(packet)) is None
    assert ccsds.read(data) is None or len(data) >= ccsds.TC_LEAST


@given(st.integers(0, 1 << 20), st.integers(-8000, 8000))
def test_a_count_that_wraps_tells_the_whole_number(last, ahead):
    number = max(last + ahead, 0)
    assert ccsds.counted(number % ccsds.COUNTS, last) == number


@given(APIDS, st.integers(0, 16383), DATA)
def test_scapy_reads_and_builds_the_same_bytes(apid, count, data):
    made = ccsds.telemetry(apid, count, 3, 25, 7, WHEN_NS, data), ccsds.telecommand(apid, count, 17, 1, data)
    for packet in made:
        layer = SpacePacket(packet)
        assert (layer.apid, layer.sequence_count, layer.sequence_flags) == (apid, count, 3)
        assert space_packets.is_whole(layer) and layer.payload.data[:-2] == data
        layer.length, layer.payload.data = None, data + b"\0\0"  # the error control is worked out anew
        assert bytes(layer) == packet


def test_scapy_knows_the_ports_of_flows():
    space_packets.bind()
    sent = IP(dst="10.0.0.1") / UDP(sport=24_003, dport=24_003) / ccsds.telecommand(9, 1, 17, 1, b"ping")
    layer = IP(bytes(sent))[SpacePacket]
    assert layer.type == space_packets.TELECOMMAND and layer.payload.name == "PUS-C telecommand"
    assert (layer.payload.service, layer.payload.subtype, layer.payload.reports) == (17, 1, 0b1001)


def test_without_a_secondary_header_the_rest_is_data():
    packet = SpacePacket(bytes(SpacePacket(secondary=0, apid=3) / b"abc"))
    assert packet.length == 2 and bytes(packet.payload) == b"abc"
    assert packet.type == pytest.approx(0)
