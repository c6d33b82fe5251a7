"""Processes of a guest read the clock in memory, and find there what a system call says."""

import pytest

from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

CLOCKS = """
import ctypes, json, os, threading, time

libc = ctypes.CDLL(None)
SYS_CLOCK_GETTIME = 228
NAMES = {"realtime": time.CLOCK_REALTIME, "monotonic": time.CLOCK_MONOTONIC, "raw": time.CLOCK_MONOTONIC_RAW}

class Timespec(ctypes.Structure):
    _fields_ = [("s", ctypes.c_long), ("ns", ctypes.c_long)]

def asked_ns(clock):
    said = Timespec()
    libc.syscall(SYS_CLOCK_GETTIME, clock, ctypes.byref(said))
    return said.s * 10**9 + said.ns

def readings(found):
    for n in range(40):
        time.sleep(1e-3 * (n % 3 + 1))
        for name, clock in NAMES.items():
            found.append((name, time.clock_gettime_ns(clock), asked_ns(clock), time.clock_gettime_ns(clock)))

def by_a_child():
    reader, writer = os.pipe()
    if not os.fork():
        found = []
        readings(found)
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        return json.load(told)

found = []
threads = [threading.Thread(target=readings, args=(found,)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found += by_a_child()
time.sleep(1e-3)
row = [time.monotonic_ns() for _ in range(300)]
print("answer", json.dumps({"found": found, "row": [t_ns - row[0] for t_ns in row]}), flush=True)
"""
THREADS, ROUNDS, NAMES, FREE = 4, 40, 3, 256


def test_in_virtual_time_it_is_the_same_to_the_nanosecond(in_virtual_time):
    """After 256 readings since one slept each takes a nanosecond more than the last, wherever it is read."""
    answer = in_virtual_time(CLOCKS, before="")
    assert len(answer["found"]) == THREADS * ROUNDS * NAMES
    assert [x for x in answer["found"] if len(set(x[1:])) > 1] == []
    assert answer["row"] == [0] * FREE + [k * (k + 1) // 2 for k in range(1, 300 - FREE + 1)]


def test_in_real_time_it_goes_on(in_real_time):
    answer = in_real_time(CLOCKS, before="")
    assert len(answer["found"]) == THREADS * ROUNDS * NAMES
    assert [x for x in answer["found"] if sorted(x[1:]) != x[1:]] == []
    assert answer["row"][-1] > 0 and answer["row"] == sorted(answer["row"])
