"""What is read in batches is read whole, and no more often than it should be."""

import contextlib
import socket
import time

import pytest

from skybed.traffic.loop import Loop

MS = 1_000_000
EVERY_NS = 10 * MS
PATIENCE_NS = 60_000 * MS  # with a machine that is busy


@pytest.fixture
def pair():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in ends:
        end.setblocking(False)
    with ends[0], ends[1]:
        yield ends


@pytest.fixture
def loop():
    with contextlib.closing(Loop()) as loop:
        yield loop


def test_batches_are_whole_and_apart(pair, loop):
    sender, sink = pair
    looks, came = [], []

    def send(now_ns, left):
        sender.send(b"%d" % left)
        if left:
            loop.at(now_ns + (MS if left % 30 else 5 * EVERY_NS), lambda now_ns: send(now_ns, left - 1))
        else:
            loop.at(now_ns + 5 * EVERY_NS, lambda _: loop.stop())

    def read():
        looks.append(1)
        before = len(came)
        with contextlib.suppress(BlockingIOError):
            while True:
                came.append(int(sink.recv(10)))
        return len(came) > before

    begin_ns = time.time_ns()
    loop.watch_in_batches(sink.fileno(), read, EVERY_NS)
    loop.at(begin_ns, lambda now_ns: send(now_ns, 90))
    loop.run(begin_ns + PATIENCE_NS)
    assert came == list(range(90, -1, -1))
    assert len(looks) <= (time.time_ns() - begin_ns) // EVERY_NS + 2


def test_who_is_silent_is_not_looked_at(pair, loop):
    sender, sink = pair
    looks = []

    def read():
        looks.append(1)
        with contextlib.suppress(BlockingIOError):
            return sink.recv(10)
        loop.at(time.time_ns() + 10 * EVERY_NS, lambda _: loop.stop())

    loop.watch_in_batches(sink.fileno(), read, EVERY_NS)
    sender.send(b"once")
    loop.run(time.time_ns() + PATIENCE_NS)
    assert len(looks) == 2
