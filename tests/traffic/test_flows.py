"""When flows are to send, against instants that are counted one by one."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest import approx

from skybed.topologies.model import kinds
from skybed.topologies.model.flows import Instants
from skybed.traffic.kinds.probe import ProbeFlow
from skybed.traffic.kinds.tcp import TcpFlow, shares
from skybed.traffic.kinds.trace import TraceFlow
from skybed.traffic.kinds.udp import UdpFlow

ENDS = {"source": "a", "target": "b"}
S = 1_000_000_000


@settings(deadline=None)  # it counts one by one
@given(st.integers(0, 10**6), st.floats(0.3, 1000), st.integers(0, 10**5))
def test_as_many_instants_are_counted_as_there_are(first_ns, period_ns, length_ns):
    instants = Instants(first_ns, period_ns, first_ns + length_ns)
    k = 0
    while instants.at_ns(k) < instants.end_ns:
        k += 1
    assert instants.total == k


def test_of_three_probe_flows_of_one_rate_each_has_a_third_of_the_period():
    flow = ProbeFlow(kind="probe", rate_hz=10, start_s=1, stop_s=2, **ENDS)
    at_ns = [flow.instants(60, place, 3) for place in range(3)]
    assert [x.first_ns - S for x in at_ns] == [0, 33_333_333, 66_666_667]
    assert [x.total for x in at_ns] == [10, 10, 10]
    assert [flow.instants(1.05, place, 3).total for place in range(3)] == [1, 1, 0]  # the run ends early


def test_rounds_of_path_proof_begin_between_whole_seconds():
    flow = TraceFlow(kind="trace", every_s=5, **ENDS)
    assert flow.instants(60, 1, 2) == (0.75 * S, 5 * S, 60 * S)
    assert flow.instants(60, 1, 2).total == 12
    assert TraceFlow(kind="trace", every_s=0.5, **ENDS).instants(60, 0, 1).first_ns == 0.25 * S


def test_a_stream_owes_its_rate_and_a_transfer_its_time():
    flow = UdpFlow(kind="udp", rate_mbps=100, size_bytes=1250, start_s=10, **ENDS)  # one in 100 us
    assert flow.instants(12) == (10 * S, 1e6, 12 * S)
    assert flow.due_by(1999 * 10**6) == 19_991
    slow = UdpFlow(kind="udp", rate_mbps=4, size_bytes=1200, **ENDS)  # one in 2.4 ms
    assert slow.instants(60).period_ns == approx(2.4e6) and slow.instants(60).total == 25_000
    tcp = TcpFlow(kind="tcp", start_s=3, stop_s=9.7, **ENDS)
    assert [kinds.of(tcp).due(tcp, until_s, 0, 1) for until_s in (60, 8.5, 3.2)] == approx([6.7, 5.5, 0.2])


@given(st.floats(0.001, 5), st.sampled_from([64, 1000, 1472]), st.floats(0.1, 50))
@example(0.5, 1000, 0.109375)  # the last is due a fraction of a ns after its instant
def test_a_stream_with_a_volume_owes_as_many_packets_as_that_is_and_no_more(volume_mb, size_bytes, rate_mbps):
    flow = UdpFlow(kind="udp", rate_mbps=rate_mbps, size_bytes=size_bytes, volume_mb=volume_mb, **ENDS)
    packets = -(-round(volume_mb * 1e6) // size_bytes)
    lasts_s = packets * flow.gap_ns / 1e9
    udp = kinds.of(flow)
    assert udp.due(flow, lasts_s + 1, 0, 1) == packets
    assert flow.instants(1e6).end_ns / 1e9 == approx(lasts_s + 0.05 - flow.gap_ns / 1e9, rel=1e-6)
    assert udp.due(flow, lasts_s / 2, 0, 1) == approx(packets / 2, rel=0.01, abs=1e6 / flow.gap_ns + 2)


def test_the_volume_of_a_transfer_is_shared_out_to_the_byte():
    flow = TcpFlow(kind="tcp", volume_mb=1.000001, streams=3, **ENDS)
    assert shares(flow) == [333_334, 333_334, 333_333]
    assert shares(TcpFlow(kind="tcp", streams=2, **ENDS)) == [None, None]
