"""Probe packets as Scapy reads them, and time stamps as the RFCs give them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.stamp import (
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
)
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest

from skybed.traffic.wire import built, packets


def unix_ns(text):
    return int(dt.datetime.fromisoformat(text + "+00:00").timestamp()) * 1_000_000_000


def test_ntp_time_of_the_unix_epoch_is_70_years_with_17_leap_days():
    assert packets.ntp_from_ns(0) == (70 * 365 + 17) * 86400 << 32


def test_ntp_time_wraps_in_february_2036():
    """Era 1 begins 2**32 s after 1900 (RFC 5905 section 6)."""
    assert packets.ntp_from_ns(unix_ns("2036-02-07T06:28:16")) == 0


@given(st.integers(unix_ns("1970-01-01T00:00:00"), unix_ns("2100-01-01T00:00:00")))
def test_ntp_time_stamps_keep_every_nanosecond(ns):
    assert packets.ns_from_ntp(packets.ntp_from_ns(ns)) == ns


def test_error_estimate_is_101_us_and_synchronized():
    estimate = built.error_estimate()
    assert estimate.multiplier * 2.0 ** (estimate.scale - 32) == pytest.approx(101e-6, rel=0.01)
    assert (estimate.S, estimate.Z) == (1, 0)


@pytest.mark.parametrize("size", [44, 45, 47, 48, 64, 1400])
def test_stamp_request_has_the_asked_size_and_dissects(size):
    request = bytearray(built.stamp_request(size))
    assert len(request) == size
    packets.STAMP_HEAD.pack_into(
        request, 0, 12, packets.ntp_from_ns(unix_ns("2026-05-09T00:00:00")), 0x8D35, 7
    )
    read = STAMPSessionSenderTestUnauthenticated(bytes(request))
    assert (read.seq, read.ssid, read.mbz) == (12, 7, 0)
    assert int(read.ts) == unix_ns("2026-05-09T00:00:00") // 10**9 + packets.NTP_UNIX_S
    assert (read.err_estimate.S, read.err_estimate.scale, read.err_estimate.multiplier) == (1, 13, 53)
    if size >= 48:
        assert [(tlv.type, tlv.len) for tlv in read.tlv_objects] == [(built.EXTRA_PADDING, size - 48)]


def test_stamp_reply_dissects():
    reply = bytearray(built.stamp_reply())
    assert len(reply) == packets.STAMP_BYTES
    packets.STAMP_HEAD.pack_into(reply, 0, 3, 30 << 32, 0x8D35, 9)
    packets.STAMP_REFLECTED.pack_into(
        reply, packets.STAMP_REFLECTED_AT, 20 << 32, 12, 10 << 32, 0x8D35, 0, 251
    )
    read = STAMPSessionReflectorTestUnauthenticated(bytes(reply))
    assert (read.seq, read.ssid, read.seq_sender, read.ttl_sender) == (3, 9, 12, 251)
    assert [int(t) for t in (read.ts_sender, read.ts_rx, read.ts)] == [10, 20, 30]
    assert read.err_estimate_sender.multiplier == 53


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**16 - 1), st.integers(8, 200))
def test_echo_request_keeps_a_right_checksum_whatever_its_numbers(seq, ident, size):
    packet = bytearray(built.echo_request(4, size))
    packets.identify_echo(packet, ident, checksummed=True)
    assert bytes(packet) == bytes(ICMP(type=8, id=ident, seq=0) / bytes(packet[8:]))
    checksum0 = packets.ECHO_HEAD.unpack_from(packet)[2]
    packets.set_echo_sequence(packet, seq, checksum0)
    read = ICMP(bytes(packet))
    assert (read.id, read.seq) == (ident, seq & 0xFFFF)
    stated = read.chksum
    del read.chksum
    assert ICMP(bytes(read)).chksum == stated
    assert packets.ECHO_PAYLOAD.unpack_from(packet, 8) == (packets.ECHO_MARK, seq)


def test_echo_request_of_ipv6_leaves_the_checksum_to_the_kernel():
    packet = bytearray(built.echo_request(6, 64))
    packets.identify_echo(packet, 77, checksummed=False)
    packets.set_echo_sequence(packet, 70_000, None)
    read = ICMPv6EchoRequest(bytes(packet))
    assert (read.id, read.seq, read.cksum, len(read.data)) == (77, 70_000 & 0xFFFF, 0, 64)


def test_echo_request_in_ip_is_well_formed():
    assert IP(bytes(IP() / built.echo_request(4, 8))).len == 20 + 8 + 8
