"""Model B2 of the space cloud: each stage takes what the plan of its sky says, worked out by hand."""

import itertools

import numpy as np
import pytest

from skybed.topologies.contacts.properties import Property
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

PACKET_BYTES, PAYLOAD_BYTES, SYN_BYTES, ACK_BYTES = 1514, 1448, 74, 66
HEADER_BYTES = 24  # that a send begins with
COMPUTES_S = 120


@pytest.fixture(scope="module")
def run(virtual_run):
    return virtual_run("space-cloud", "--duration", 7200)


def way(run, src, dst, t_s):
    """How long light takes along the planned path, and the rates of its links in Mbit/s."""
    network, walk = run.plan.network, run.plan.trace(src, dst, [t_s])
    path = walk.paths[walk.path_id[0]]
    links = [network.link_between[pair] for pair in itertools.pairwise(path)]
    sides = [int(network.links[link].a != a) for link, a in zip(links, path[:-1], strict=True)]
    return walk.arrival_s[0] - t_s, network.values.at(Property.RATE, links, sides, t_s)


def planned_s(run, stage):
    """Of TCP on a way that nothing else uses: a handshake, slow start from ten packets on until a round trip
    is filled, and each packet sent anew by every node on the way.
    """
    there_s, mbps = way(run, stage.node, stage.peer, stage.began_s)
    back_s, mbps_back = way(run, stage.peer, stage.node, stage.began_s)

    def sent_s(size, rates_mbps):
        return (8e-6 * size / rates_mbps).sum()

    round_s = there_s + back_s + sent_s(PACKET_BYTES, mbps) + sent_s(ACK_BYTES, mbps_back)
    packet_s = 8e-6 * PACKET_BYTES / mbps.min()
    size = stage.in_bytes + HEADER_BYTES
    took_s = there_s + back_s + sent_s(SYN_BYTES, mbps) + sent_s(SYN_BYTES, mbps_back)
    took_s += size * packet_s / PAYLOAD_BYTES + there_s + sent_s(PACKET_BYTES, mbps) - packet_s
    packets, window = np.ceil(size / PAYLOAD_BYTES), 10
    while packets > window and window * packet_s < round_s:
        took_s += round_s - window * packet_s
        packets, window = packets - window, 2 * window
    return took_s


@pytest.mark.parametrize("stage", ["transfer", "delivery"])
def test_what_is_sent_takes_what_the_plan_says_within_a_hundredth(run, stage):
    rows = run.table("tasks").query("stage == @stage and outcome == 'done'")
    took_s = (rows["ended_s"] - rows["queued_s"]).to_numpy()
    due_s = np.array([planned_s(run, row) for row in rows.itertuples()])
    assert len(rows) > 5
    assert took_s == pytest.approx(due_s, rel=0.01)


def test_a_response_is_the_sum_of_its_stages(run):
    rows = run.table("tasks").query("outcome == 'done'")
    for _, of in rows.groupby(["flow", "number"]):
        if "arrive" not in [*of["stage"]]:
            continue  # the end of the run came first
        by_stage = of.set_index("stage")
        took_s = by_stage["ended_s"] - by_stage["queued_s"]
        assert took_s["compute"] == pytest.approx(COMPUTES_S, abs=1e-3)
        assert 12 <= took_s["acquire"] <= 30
        response_s = by_stage["ended_s"]["arrive"] - by_stage["queued_s"]["view"]
        assert took_s.sum() == pytest.approx(response_s, abs=1e-3)
