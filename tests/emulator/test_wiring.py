"""What kernels have of the wires between them: descriptors, the line that tells of them, and no more."""

import mmap
import os
import re
import socket

import pytest

from skybed.emulator.lanes.umlkernel import RECIPE
from skybed.emulator.lanes.wiring import FIRST, MOST_KERNELS, SHARED_BYTES, wired


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("kernels", [2, 3, 5])
def test_every_two_share_a_socket_and_a_piece_of_memory_of_which_one_is_the_second(kernels):
    with wired(kernels, 1000) as every:
        assert [len(wiring.ends) for wiring in every] == [kernels - 1] * kernels
        for a in range(kernels):
            for b in range(a):
                # among the others of each: those before it and those after it, in order
                first, second = every[b].ends[a - 1], every[a].ends[b]
                assert (first.second, second.second) == (False, True)
                first.socket.sendall(b"x")
                assert second.socket.recv(2) == b"x"
                assert os.fstat(first.memory).st_size == SHARED_BYTES
                with mmap.mmap(first.memory, 1 << 12) as here, mmap.mmap(second.memory, 1 << 12) as there:
                    here[:2] = bytes([a, b])
                    assert there[:2] == bytes([a, b])


def test_the_line_names_descriptors_in_their_order_from_the_first_on():
    """As wire.patch reads it: NS, then for each other kernel a socket, memory and a side."""
    with wired(3, 2_900_000) as every:
        lines = [wiring.argument() for wiring in every]
        given = [wiring.descriptors() for wiring in every]
        held = [[(end.socket.fileno(), end.memory) for end in wiring.ends] for wiring in every]
    a, b, c, d = range(FIRST, FIRST + 4)
    assert lines == [
        f"skybed.wire=2900000,{a},{b},0,{c},{d},0",
        f"skybed.wire=2900000,{a},{b},1,{c},{d},0",
        f"skybed.wire=2900000,{a},{b},1,{c},{d},1",
    ]
    assert given == [[number for pair in pairs for number in pair] for pairs in held]


def test_of_what_is_closed_here_the_other_end_hears_and_nothing_stays_open():
    with wired(2, 1000) as (first, second):
        numbers = first.descriptors() + second.descriptors()
        other = second.ends[0].socket
        first.close()
        assert first.descriptors() == [] and other.recv(1) == b""
        first.close()  # once more does nothing
    assert not any(is_open(number) for number in numbers)


def test_an_error_leaves_nothing_open():
    with pytest.raises(RuntimeError), wired(4, 1000) as every:
        numbers = [number for wiring in every for number in wiring.descriptors()]
        raise RuntimeError
    assert len({*numbers}) == 4 * 3 * 2 and not any(is_open(number) for number in numbers)


def test_what_one_kernel_sends_wakes_no_third():
    with wired(3, 1000) as (first, second, third):
        first.ends[0].socket.sendall(b"x")
        assert second.ends[0].socket.recv(1) == b"x"
        for end in (third.ends[0], third.ends[1]):
            with pytest.raises(BlockingIOError):
                end.socket.recv(1, socket.MSG_DONTWAIT)


def test_the_patch_knows_as_many_kernels_as_are_allowed():
    patch = (RECIPE / "wire.patch").read_text()
    assert int(re.search(r"#define WIRE_PEERS\s+(\d+)", patch)[1]) == MOST_KERNELS - 1
    megabytes = int(re.search(r"#define WIRE_BUFFER\s+\((\d+)UL << 20\)", patch)[1])
    assert 4 * (megabytes << 20) == SHARED_BYTES
