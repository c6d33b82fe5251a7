"""What flows have come to, for who looks on, agrees with what is written of them at the end."""

from tempfile import TemporaryFile

import numpy as np
import pytest

from skybed.emulator.sky.clock import Clock
from skybed.scripts.running.newest import Newest
from skybed.topologies.model import kinds
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.probing.log import ProbeLog

GRACE_S = 1.0


@pytest.fixture
def log():
    """Ten probes a second from run time 0, of which 3 and 4 have no answer, and 5 a second one."""
    flow = ProbeFlow.model_validate({
        "kind": "probe", "name": "p", "from": "a", "to": "b", "rate_hz": 10, "protocol": "echo",
    })  # fmt: skip
    log, clock = ProbeLog(flow, TemporaryFile), Clock(zero_ns=10**18)

    def send(first, last):
        for seq in range(first, last):
            sent_ns = clock.to_realtime_ns(seq / 10)
            log.add(sent_ns)
            if seq not in (3, 4):
                for late_ns in (0, 5_000_000) if seq == 5 else (0,):
                    log.add_answer(seq, sent_ns + 20_000_000 + seq * 1_000_000 + late_ns)

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
    (rows,) = log.columns(clock)
    assert log.figures(5.0, clock, GRACE_S)["lost"] == np.sum(rows["lost"]) == 2


def test_an_answer_that_comes_after_all_takes_a_loss_back(log):
    log, clock, send = log
    send(0, 10)
    assert log.figures(5.0, clock, GRACE_S)["lost"] == 2
    log.add_answer(4, clock.to_realtime_ns(0.4) + 4_000_000_000)
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


# -- metrics so far --------------------------------------------------------------------------------

ENDS = {"from": "a", "to": "b"}
FIGURES = {
    "probe": ({"sent": 200, "lost": 3}, {"sent": 200, "lost": 3, "loss_pct": 1.5}),
    "udp": (
        {"sent": 1000, "received": 800, "lost": 100, "reordered": 8},
        {"sent": 1000, "lost": 100, "loss_pct": 10, "reordered_pct": 1, "throughput_mbps": 0.8},
    ),
    "tcp": ({"received_mb": 2.0, "retransmits": 7}, {"throughput_mbps": 2.0, "retransmits": 7}),
    "bundles": ({"created": 4, "delivered": 3}, {"created": 4, "delivered": 3, "delivered_pct": 75}),
}
MORE = {"udp": {"rate_mbps": 1, "size_bytes": 1000}, "probe": {"protocol": "echo"}}


@pytest.mark.parametrize("kind", FIGURES)
def test_what_can_be_told_of_a_flow_eight_seconds_after_its_start(kind):
    figures, metrics = FIGURES[kind]
    flow = kinds.named(kind).MODEL.model_validate(
        {"kind": kind, "name": "f", "start_s": 2} | ENDS | MORE.get(kind, {})
    )
    assert kinds.hook(flow, "so_far")(flow, figures, 10.0) == pytest.approx(metrics)


def test_the_throughput_of_a_flow_that_has_stopped_is_over_its_own_time():
    fields = {"kind": "tcp", "name": "f", "start_s": 2, "stop_s": 6}
    flow = kinds.named("tcp").MODEL.model_validate(fields | ENDS)
    told = kinds.hook(flow, "so_far")(flow, {"received_mb": 2.0, "retransmits": 0}, 10.0)
    assert told["throughput_mbps"] == pytest.approx(4.0)


def test_all_that_kinds_tell_so_far_are_metrics_of_theirs():
    for kind, (figures, _) in FIGURES.items():
        flow = kinds.named(kind).MODEL.model_validate({"kind": kind, "name": "f"} | ENDS | MORE.get(kind, {}))
        assert kinds.hook(flow, "so_far")(flow, figures, 10.0).keys() <= {*kinds.named(kind).METRICS}
