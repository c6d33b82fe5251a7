"""A link's properties in the kernel's units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.emulator.kernel.messages import NETEM_ALL, NETEM_TICK_NS
from skybed.emulator.sky import shaping
from skybed.topologies.contacts.properties import Property
from skybed.traffic.kinds.udp import UdpFlow


def options(changed, **line):
    values = {Property.RATE: 1000.0} | changed
    return shaping.options([values.get(what, 0.0) for what in Property], **line)


@given(st.integers(0, 40_000_000), st.integers(1, 2**40))
def test_delay_is_in_ticks_and_rate_in_bytes(delay_us, rate_bytes):
    found = options({Property.DELAY: delay_us, Property.RATE: rate_bytes * 8e-6})
    assert found.delay * NETEM_TICK_NS == pytest.approx(delay_us * 1000, abs=32)
    assert found.rate == rate_bytes


def test_loss_is_a_share_of_packets_and_silence_the_loss_of_all():
    assert [options({Property.LOSS: pct}).loss for pct in (0, 50, 100)] == [0, 0x80000000, NETEM_ALL]
    assert options({Property.LOSS: 50, Property.SILENCE: 1}).loss == NETEM_ALL


def test_the_cost_of_a_hop_comes_off_the_delay():
    delays = [options({Property.DELAY: delay_us}, early_us=50).delay for delay_us in (1050, 10)]
    assert delays == [round(1_000_000 / NETEM_TICK_NS), 0]


def test_the_queue_has_room_for_what_is_in_flight():
    """At 1.2 Gbit/s 100 packets of 1,500 bytes a millisecond."""
    assert options({Property.RATE: 1200}, queue_packets=20, longest_s=0.005).limit == 20 + 500
    assert options({Property.RATE: 1e9}, queue_packets=20, longest_s=1000).limit == 2**31 - 1


def test_what_is_in_flight_beside_netem_takes_no_room_in_its_queue():
    """On a wire to another kernel, of the 5 ms of the link 3."""
    line = {"queue_packets": 20, "longest_s": 0.005}
    assert options({Property.RATE: 1200}, early_us=3000, **line).limit == 20 + 200
    assert options({Property.RATE: 1200}, early_us=6000, **line).limit == 20


def test_small_packets_in_flight_have_room_beside_the_queue():
    """Of 6,000 a second, of 142 bytes on the link, 720 are in flight; they leave 3.184 Mbit/s."""
    flow = UdpFlow(kind="udp", source="a", target="b", size_bytes=100, rate_mbps=4.8)
    small = shaping.small([flow])
    assert small == ((142 * 8, 6000.0),)
    line = {"queue_packets": 20, "longest_s": 0.12, "small": small}
    assert options({Property.RATE: 10}, **line).limit == 20 + 720 + round(0.12 * 3.184e6 / 12_000)
    assert options({Property.RATE: 2}, **line).limit == 20 + round(
        0.12 * 2e6 / (142 * 8)
    )  # more than it carries


def test_packets_that_fill_a_link_s_leave_the_queue_as_it_was():
    flows = [UdpFlow(kind="udp", source="a", target="b", size_bytes=1472, rate_mbps=8)]
    line = {"queue_packets": 20, "longest_s": 0.12}
    assert options({Property.RATE: 10}, small=shaping.small(flows), **line) == options(
        {Property.RATE: 10}, **line
    )
