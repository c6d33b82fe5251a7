"""What is read in batches is read whole, and no more often than it should be."""

import contextlib
import socket
import time

import pytest

from skybed.topologies.model.flows import Instants
from skybed.traffic.loop import Loop

MS = 1_000_000
EVERY_NS = 10 * MS


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
    begin_ns = time.time_ns() + 5 * MS
    sent, looks, came = [], [], []

    def send(now_ns):
        sender.send(b"%d" % len(sent))
        sent.append(now_ns)

    def read():
        looks.append(1)
        before = len(came)
        with contextlib.suppress(BlockingIOError):
            while True:
                came.append(int(sink.recv(10)))
        return len(came) > before

    loop.watch_in_batches(sink.fileno(), read, EVERY_NS)
    for start_ms in (0, 150):  # and silence between
        loop.every(Instants(begin_ns + start_ms * MS, MS, begin_ns + (start_ms + 60) * MS), send)
    loop.run(begin_ns + 300 * MS)
    assert came == list(range(len(sent))) and len(sent) > 2
    assert len(looks) <= 300 * MS // EVERY_NS + 2


def test_who_is_silent_is_not_looked_at(pair, loop):
    sender, sink = pair
    looks = []

    def read():
        looks.append(1)
        with contextlib.suppress(BlockingIOError):
            return sink.recv(10)

    loop.watch_in_batches(sink.fileno(), read, EVERY_NS)
    sender.send(b"once")
    loop.run(time.time_ns() + 20 * EVERY_NS)
    assert len(looks) == 2
