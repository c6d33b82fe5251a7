"""The channel between a program in a lane and who started it."""

import socket
import threading

import pytest

from skybed.emulator.lanes.channel import Channel


@pytest.fixture
def ends():
    """Of the outside, whose other end may not listen yet, and of the program."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours.fileno(), listens=False), Channel(theirs.fileno(), listens=True), (ours, theirs)


def test_lines_come_whole_and_in_order(ends):
    outside, _, (_, theirs) = ends
    theirs.sendall(b"one\ntw")
    lines = outside.lines()
    assert next(lines) == b"one"
    theirs.sendall(b"o\n\nthree\nunfinished")
    theirs.close()
    assert list(lines) == [b"two", b"", b"three"]


def test_a_line_of_any_length_comes(ends):
    outside, program, _ = ends
    long = b"x" * 1_000_000
    sending = threading.Thread(target=program.send, args=(long,))
    sending.start()
    assert next(outside.lines()) == long
    sending.join()


def test_nothing_is_sent_before_the_program_has_spoken(ends):
    """A guest whose serial line gets something before it is opened is not told of it."""
    outside, program, (_, theirs) = ends
    outside.send(b"stop")
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)
    program.send(b"here I am")
    assert next(outside.lines()) == b"here I am"
    assert theirs.recv(100) == b"stop\n"


def test_what_is_offered_waits_for_nobody(ends):
    """What there is no room for is left out; lines that come are whole, and what is sent comes after them."""
    outside, program, (_, theirs) = ends
    theirs.setblocking(False)
    line = b"x" * 10_000
    for _ in range(1000):
        program.offer(line)
    sending = threading.Thread(target=program.send, args=(b"end",))
    sending.start()
    came = list(iter(outside.lines().__next__, b"end"))
    assert set(came) == {line} and 1 < len(came) < 1000
    sending.join()
    program.offer(b"later")
    assert next(outside.lines()) == b"later"


def test_what_is_sent_to_nobody_is_lost(ends):
    _, program, (ours, _) = ends
    ours.close()
    program.send(b"too late")
    assert list(program.lines()) == []
