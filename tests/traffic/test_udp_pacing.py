"""The arithmetic of a constant rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.traffic.kinds.udp import BURST_NS, Pacer, UdpFlow


def stream(rate_mbps, size_bytes):
    return UdpFlow(kind="udp", source="a", target="b", rate_mbps=rate_mbps, size_bytes=size_bytes)


def sent_after(pacer, ticks_ns):
    sent, bursts = 0, []
    for t in ticks_ns:
        bursts.append(max(pacer.due(t, sent), 0))
        sent += bursts[-1]
    return sent, bursts


@pytest.mark.parametrize("rate_mbps, size, per_s", [(100, 1250, 10_000), (1, 1250, 100), (9.6, 1200, 1000)])
def test_a_second_on_time_sends_the_rate(rate_mbps, size, per_s):
    pacer, instants = Pacer(stream(rate_mbps, size)), stream(rate_mbps, size).instants(1.0)
    sent, _ = sent_after(pacer, [instants.at_ns(k) for k in range(instants.total)])
    assert sent == pytest.approx(per_s, abs=pacer.burst)


@given(st.floats(0.1, 500), st.integers(64, 1472), st.lists(st.floats(0, 3), min_size=5, max_size=200))
def test_a_burst_is_never_more_than_two_ms_or_two_packets(rate_mbps, size, steps_ms):
    pacer = Pacer(stream(rate_mbps, size))
    t, ticks = 0.0, []
    for step in steps_ms:
        t += step * 1e6
        ticks.append(int(t))
    _, bursts = sent_after(pacer, ticks)
    assert max(bursts) <= max(2, BURST_NS / stream(rate_mbps, size).gap_ns)


def test_a_stall_of_a_second_is_not_made_up_for_beyond_50_ms():
    pacer = Pacer(stream(100, 1250))
    sent, _ = sent_after(pacer, range(1_000_000_000, 2_000_000_000, 1_000_000))
    assert sent == pytest.approx(10_000 + 500, abs=pacer.burst)
    assert pacer.left_out == pytest.approx(9_500, abs=pacer.burst)


def test_a_stall_of_20_ms_is_made_up_for_within_the_next_50():
    pacer = Pacer(stream(100, 1250))
    ticks = [*range(0, 100_000_000, 1_000_000), *range(120_000_000, 170_000_000, 1_000_000)]
    sent, _ = sent_after(pacer, ticks)
    assert sent == pytest.approx(1700, abs=pacer.burst)
