"""Processes of a guest keep their floating-point registers, which the kernel moves only when it must."""

import pytest

from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

NUMBERS = """
import ctypes, hashlib, os, signal, subprocess, threading, time
import numpy as np

libm = ctypes.CDLL("libm.so.6")
MODES = {"nearest": 0, "down": 0x400, "up": 0x800, "zero": 0xC00}  # of rounding: kept in a register
one, three, rounds = 1.0, 3.0, 150

def worked(seed):
    numbers = np.random.default_rng(seed).random(2000)
    for _ in range(20):
        numbers = np.sqrt(numbers / three + 1) * np.cumsum(numbers)[::-1] % 1
    return hashlib.sha256(numbers.tobytes()).hexdigest()

expected, thirds = {}, {}
for name, mode in MODES.items():
    libm.fesetround(mode)
    thirds[name], expected[name] = one / three, worked(mode)
libm.fesetround(0)

def work(name, wrong):
    libm.fesetround(MODES[name])
    for n in range(rounds):
        time.sleep(1e-5)
        if libm.fegetround() != MODES[name] or one / three != thirds[name]:
            wrong.append((name, n, "rounding"))
        if n % 10 == 0 and worked(MODES[name]) != expected[name]:
            wrong.append((name, n, "numbers"))
        if n % 50 == 0:  # a child begins with the registers of who forks
            pid = os.fork()
            if not pid:
                os._exit(libm.fegetround() != MODES[name] or one / three != thirds[name])
            if os.waitpid(pid, 0)[1]:
                wrong.append((name, n, "child"))

def process():
    handled, wrong = [], []
    signal.signal(signal.SIGUSR1, lambda *_: handled.append(one / three))
    threads = [threading.Thread(target=work, args=(name, wrong)) for name in MODES]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for thread in threads:
            if thread.is_alive():
                signal.pthread_kill(thread.ident, signal.SIGUSR1)
        time.sleep(1e-4)
    return wrong + [("handler", len(handled), "never")] * (not handled)

pipes = []
for _ in range(4):
    reader, writer = os.pipe()
    if not os.fork():
        os.write(writer, repr(process()).encode()[:4000])
        os._exit(0)
    os.close(writer)
    pipes.append(reader)
wrong = [os.read(reader, 5000).decode() for reader in pipes]
libm.fesetround(0x800)  # a new program begins with its own
shown = "import ctypes; print(ctypes.CDLL('libm.so.6').fegetround())"
begun = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True).stdout.strip()
answer(wrong=wrong, different=len({*thirds.values()}), begun=begun)
"""


@pytest.mark.parametrize("time", ["in_virtual_time", "in_real_time"])
def test_every_thread_has_its_own_and_keeps_them(request, time):
    told = request.getfixturevalue(time)(NUMBERS, timeout_s=600)
    assert told == {"wrong": ["[]"] * 4, "different": 2, "begun": "0"}
