"""Byte strings of CBOR over a stream, as another implementation of MTCP, pyd3tn's, reads and writes them."""

import socket

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyd3tn.mtcp import MTCPSocket

from skybed.traffic.bundles import mtcp

SIZES = [0, 1, 23, 24, 255, 256, 65_535, 65_536]


@pytest.mark.parametrize("size", SIZES)
def test_a_head_is_that_of_cbor(size):
    assert mtcp.head(size) + bytes(size) == cbor2.dumps(bytes(size))


def test_the_longest_heads_are_those_of_rfc_8949():
    assert mtcp.head(1 << 32).hex() == "5b0000000100000000"
    assert mtcp.head((1 << 32) - 1).hex() == "5affffffff"


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_byte_strings_come_out_whole_wherever_the_stream_is_cut(strings, piece):
    stream, reader = b"".join(map(cbor2.dumps, strings)), mtcp.Reader()
    got = [whole for at in range(0, len(stream), piece) for whole in reader.feed(stream[at : at + piece])]
    assert got == strings


@pytest.mark.parametrize("wrong", [b"\x80", b"\x5f", b"\x5c", b"get", b"\x5b" + b"\xff" * 8])
def test_what_is_no_byte_string_with_a_length_is_malformed(wrong):
    with pytest.raises(mtcp.Malformed):
        list(mtcp.Reader().feed(wrong))


@pytest.mark.parametrize("size", SIZES[1:])
def test_another_implementation_reads_what_is_written_and_the_other_way_round(size):
    here, there = socket.socketpair()
    here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    other, data = MTCPSocket(there, timeout=10), bytes(range(256)) * (size // 256) + bytes(size % 256)
    with here, there:
        here.sendall(mtcp.head(size) + data)
        assert other.recv_bundle() == data
        other.send_bundle(data)
        reader, got = mtcp.Reader(), list[bytes]()
        while not got:
            got += reader.feed(here.recv(1 << 16))
        assert got == [data]
