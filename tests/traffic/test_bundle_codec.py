"""Bundles as bytes: the example of RFC 9173, fragments, reports; and the messages that carry them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.traffic.bundles import codec, tcpcl
from skybed.traffic.bundles.codec import Bundle, Unreadable
from skybed.traffic.bundles.held import Assembly

# RFC 9173, A.1.1.3
PUBLISHED = bytes.fromhex(
    "9f88070000820282010282028202018202820201820018281a000f42408501010000"
    "58235265616479" + "20746f2067656e657261746520612033322d62797465207061796c6f6164ff"
)
FULL = Bundle(
    (1, 1), (2, 1), (1, 0), 831_655_500_123, 7, 3_600_000, b"abc" * 1000, previous=4, age_ms=99, hops=(30, 2)
)


def test_the_bundle_of_rfc_9173_is_read_and_written_byte_for_byte():
    bundle = codec.decode(PUBLISHED)
    assert (bundle.source, bundle.target, bundle.report_to) == ((2, 1), (1, 2), (2, 1))
    assert (bundle.created_ms, bundle.sequence, bundle.lifetime_ms) == (0, 40, 1_000_000)
    assert bundle.payload == b"Ready to generate a 32-byte payload"
    assert codec.encode(bundle) == PUBLISHED


def test_all_blocks_come_back():
    assert codec.decode(codec.encode(FULL)) == FULL
    fragment = FULL.cut(100, 300)
    assert (fragment.offset, fragment.total, len(fragment.payload)) == (100, 3000, 200)
    assert codec.decode(codec.encode(fragment)) == fragment
    assert fragment.cut(50, 200).offset == 150 and fragment.cut(50, 200).total == 3000


@pytest.mark.parametrize("place", [5, 30, 60])
def test_a_damaged_header_is_not_taken(place):
    data = bytearray(codec.encode(FULL))
    data[place] ^= 1
    with pytest.raises(Unreadable):
        codec.decode(bytes(data))


def test_the_head_of_a_transfer_is_a_fragment():
    data = codec.encode(FULL)
    head = len(data) - 1 - len(FULL.payload)
    assert codec.begun(data[:head], len(data)) is None
    assert codec.begun(data[: head + 700], len(data)) == FULL.cut(0, 700)
    assert codec.begun(data, len(data)) == FULL


def test_a_report_names_the_bundle():
    told = codec.read_report(codec.report(FULL, codec.DELIVERED, 831_655_600_000))
    assert told == (codec.DELIVERED, 831_655_600_000, FULL.identity)


@given(st.permutations(range(10)), st.lists(st.tuples(st.integers(0, 2999), st.integers(1, 500))))
def test_fragments_in_any_order_are_the_bundle(order, others):
    assembly = Assembly(3000)
    for first, size in others:
        assembly.add(FULL.cut(first, min(first + size, 3000)))
    for part in order:
        assembly.add(FULL.cut(300 * part, 300 * part + 300))
    assert assembly.payload == FULL.payload
    assert not assembly.add(FULL)


# RFC 9174, figures of sections 4.2 to 6.1
SAID = [
    (b"dtn!\x04\x00", tcpcl.ContactHeader(4)),
    (
        b"\x07\x00\x0f" + (1 << 16).to_bytes(8) + (1 << 40).to_bytes(8) + b"\x00\x07ipn:9.0"
        b"\x00\x00\x00\x00",
        tcpcl.Init(15, 1 << 16, 1 << 40, "ipn:9.0"),
    ),
    (
        b"\x01\x02" + bytes(7) + b"\x05\x00\x00\x00\x0d\x01\x00\x01\x00\x08" + bytes(7) + b"\x06" + bytes(7)
        + b"\x04abcd",
        tcpcl.Segment(5, tcpcl.START, 6, b"abcd"),
    ),
    (b"\x01\x01" + bytes(7) + b"\x05" + bytes(7) + b"\x02ef", tcpcl.Segment(5, tcpcl.END, None, b"ef")),
    (b"\x02\x01" + bytes(7) + b"\x05" + bytes(7) + b"\x06", tcpcl.Ack(5, tcpcl.END, 6)),
    (b"\x03\x01" + bytes(7) + b"\x05", tcpcl.Refuse(5, tcpcl.COMPLETED)),
    (b"\x04", tcpcl.Keepalive()),
    (b"\x05\x01\x01", tcpcl.Terminate(True, tcpcl.IDLE)),
    (b"\x06\x01\x09", tcpcl.Reject(1, 9)),
]  # fmt: skip


@given(st.lists(st.integers(0, 200)))
def test_messages_are_read_however_they_come(cuts):
    stream = b"".join(data for data, _ in SAID)
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    reader, heard = tcpcl.Reader(), []
    for start, end in pairwise(edges):
        heard += reader.feed(stream[start:end])
    assert heard == [message for _, message in SAID]


def test_messages_are_written_as_they_are_read():
    assert tcpcl.init("ipn:9.0", 15, 1 << 16, 1 << 40) == SAID[1][0]
    assert tcpcl.segment_head(5, tcpcl.START, 4, 6) + b"abcd" == SAID[2][0]
    assert tcpcl.segment_head(5, tcpcl.END, 2, 6) + b"ef" == SAID[3][0]
    assert tcpcl.ack(5, tcpcl.END, 6) == SAID[4][0]
    assert tcpcl.refuse(5, tcpcl.COMPLETED) == SAID[5][0]
    assert tcpcl.terminate(tcpcl.IDLE, is_reply=True) == SAID[7][0]


@pytest.mark.parametrize("data", [b"GET / HTTP", SAID[0][0] + b"\x63"])
def test_what_no_peer_may_say_is_told(data):
    with pytest.raises(tcpcl.Malformed):
        list(tcpcl.Reader().feed(data))
