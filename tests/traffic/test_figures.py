"""What flows have come to, for who looks on, agrees with what is written of them at the end."""

import numpy as np
import pytest

from skybed.emulator.sky.clock import Clock
from skybed.scripts.running.newest import Newest
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.probing.log import ProbeLog

GRACE_S = 1.0


@pytest.fixture
def log():
    """Ten probes a second from run time 0, of which 3 and 4 have no answer, and 5 a second one."""
    flow = ProbeFlow.model_validate({
        "kind": "probe", "name": "p", "from": "a", "to": "b", "rate_hz": 10, "protocol": "echo",
    })  # fmt: skip
    log, clock = ProbeLog(flow), Clock(zero_ns=10**18)

    def send(first, last):
        for seq in range(first, last):
            log.sent_ns.append(clock.to_realtime_ns(seq / 10))
            if seq not in (3, 4):
                for late_ns in (0, 5_000_000) if seq == 5 else (0,):
                    log.add_answer(seq, log.sent_ns[-1] + 20_000_000 + seq * 1_000_000 + late_ns)

    return log, clock, send


def test_losses_count_once_an_answer_is_waited_for_no_more(log):
    log, clock, send = log
    send(0, 10)
    told = log.figures(1.0, clock, GRACE_S)
    assert (told["sent"], told["answered"], told["lost"]) == (10, 8, 0)
    assert told["sent_s"] == pytest.approx(0.9)
    assert (told["least_us"], told["rtt_us"], told["greatest_us"]) == (20_000, 29_000, 29_000)
    told = log.figures(1.35, clock, GRACE_S)
    assert (told["lost"], told["rtt_us"], told["sent_s"]) == (1, None, None)
    send(10, 20)
    assert log.figures(5.0, clock, GRACE_S)["lost"] == np.sum(log.columns(clock)["lost"]) == 2


def test_an_answer_that_comes_after_all_takes_a_loss_back(log):
    log, clock, send = log
    send(0, 10)
    assert log.figures(5.0, clock, GRACE_S)["lost"] == 2
    log.add_answer(4, log.sent_ns[4] + 4_000_000_000)
    told = log.figures(5.5, clock, GRACE_S)
    assert (told["lost"], told["answered"], told["rtt_us"]) == (1, 9, 4e6)


def test_of_what_is_told_the_newest_is_taken_and_nobody_waits():
    newest = Newest()
    assert newest.take() is None
    for n in range(10_000):
        newest.tell(b"%d" % n + b"x" * 1000)
    assert newest.take().endswith(b"x" * 1000) and newest.take() is None
    newest.tell(b"y" * (64 << 20))  # longer than there is room for
    assert newest.take() is None
    newest.tell(b"last")
    assert newest.take() == b"last"
    newest.close()
