"""Bundles over fibre whose delays and rates are known, in virtual time: what arithmetic says, to the byte."""

import numpy as np
import pytest
import yaml

from skybed.analysis.run import load
from skybed.analysis.verdict import judging
from skybed.traffic.bundles import codec, mtcp
from skybed.traffic.bundles.codec import Bundle
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]
PLACES = {
    "a": 110,
    "b": 112,
    "c": 116,
    "d": 100,
    "e": 102,
    "f": 104,
    "x": 90,
    "y": 92,
    "z": 94,
    "p": 80,
    "q": 82,
    "m": 70,
    "n": 72,
    "o": 74,
    "r": 60,
    "s": 62,
}
FIRST_MBPS, SECOND_MBPS, PULSED_MBPS = 20, 5, 2
WINDOWS = [(0, 30), (60, 90)]
PULSED = [[0, PULSED_MBPS], [30, 0], [60, PULSED_MBPS], [90, 0]]
KILLED_S = 20.25
STRAY = codec.encode(
    Bundle((99, 1), (19, 1), (99, 0), 831_600_000_000, 0, 10**12, b"from nobody", checked=False)
)
STRANGER = f"""
import socket
with socket.create_connection(("n", {mtcp.PORT})) as sock:
    sock.sendall(bytes.fromhex("{(mtcp.head(len(STRAY)) + STRAY).hex()}"))
"""
SKY = {
    "name": "chains", "about": "Three chains of fibre.", "epoch": "2026-05-09T00:00:00Z", "duration_s": 125,
    "layers": {"geo": {"geostationary": {"longitudes_deg": [110]}}},
    "stations": [{"name": name, "lat_deg": 30, "lon_deg": lon} for name, lon in PLACES.items()],
    "links": {
        "first": {"rate_mbps": FIRST_MBPS}, "second": {"rate_mbps": SECOND_MBPS},
        "pulsed": {"rate_mbps": PULSED}, "late": {"rate_mbps": [[0, 0], *([t + 30, r] for t, r in PULSED)]},
    },
    "fibre": [
        {"a": "a", "b": "b", "link": "first"}, {"a": "b", "b": "c", "link": "second"},
        {"a": "d", "b": "e", "link": "pulsed"}, {"a": "e", "b": "f", "link": "late"},
        {"a": "x", "b": "y", "link": "first"}, {"a": "y", "b": "z", "link": "second"},
        {"a": "p", "b": "q", "link": "first"},
        {"a": "m", "b": "n", "link": "first"}, {"a": "n", "b": "o", "link": "second"},
        {"a": "r", "b": "s", "link": "pulsed"},
    ],
    "faults": [
        {"kind": "carrier", "node": "y", "at_s": KILLED_S, "for_s": 10, "reacquire_s": 0, "dead": True},
        {"kind": "silent", "link": ["p", "q"], "at_s": 10, "for_s": 5},
    ],
    "routing": {"destinations": ["m", "n"]},
    "traffic": [
        {"kind": "bundles", "name": "each", "from": "a", "to": "c", "every_s": 2, "start_s": 1, "stop_s": 30},
        {"kind": "bundles", "name": "fill", "from": "d", "to": "f", "size_bytes": 100_000, "every_s": 0.1,
         "stop_s": 20},
        {"kind": "bundles", "name": "through", "from": "x", "to": "z", "size_bytes": 200_000, "every_s": 0.25,
         "stop_s": 40},
        {"kind": "bundles", "name": "poured", "from": "a", "to": "c", "size_bytes": 40_000, "every_s": 2,
         "start_s": 2, "stop_s": 30, "layer": "udp"},
        {"kind": "bundles", "name": "unheard", "from": "p", "to": "q", "size_bytes": 1000, "every_s": 1,
         "start_s": 0.5, "stop_s": 30, "layer": "udp"},
        {"kind": "bundles", "name": "plain", "from": "m", "to": "o", "size_bytes": 40_000, "every_s": 11,
         "start_s": 1, "stop_s": 60, "layer": "mtcp"},
        {"kind": "bundles", "name": "torn", "from": "r", "to": "s", "size_bytes": 5_000_000, "at_s": [15],
         "layer": "mtcp"},
        {"kind": "program", "name": "stranger", "node": "m", "start_s": 3, "stop_s": 40, "every_s": 5,
         "command": ["python3", "stranger.py"], "files": {"stranger.py": STRANGER}},
    ],
}  # fmt: skip
PACKET, HEADERS, SEGMENT = 1448, 66, 1 << 14  # of TCP with time stamps, over Ethernet; of TCPCL
CONNECTING = 2 * 74 + 2 * (66 + 72) + 66 + 2 * 98  # bytes of SYN, ACK, contact headers, SESS_INIT, one by one
ROUNDS = 3  # for TCP, contact headers and SESS_INIT, before the first bundle of a session


@pytest.fixture(scope="module")
def run(skybed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("chains")
    (folder / "s.yaml").write_text(yaml.safe_dump(SKY))
    done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


def of_flow(run, table, name):
    rows = run.table(table)
    return rows[rows["flow"] == name]


def delay_s(run, node, peer):
    return float(run.plan.delay_s(run.plan.network.link_between[run.plan.node(node), run.plan.node(peer)], 0))


def on_the_link(carried):
    """The bytes that a bundle of so many takes there: heads of segments, then of packets."""
    data = carried + 13 + np.ceil(carried / SEGMENT) * 18
    return data + np.ceil(data / PACKET) * HEADERS


def test_first_byte_last_byte_and_delivery_are_those_of_arithmetic(run):
    bundles = of_flow(run, "bundles", "each").set_index("number")
    ready_s = bundles["created_s"]
    for node, peer, mbps in (("a", "b", FIRST_MBPS), ("b", "c", SECOND_MBPS)):
        hops = of_flow(run, "hops", "each").query("node == @node and peer == @peer").set_index("number")
        away_s = delay_s(run, node, peer)
        connecting_s = (2 * ROUNDS * away_s + CONNECTING * 8 / (mbps * 1e6)) * (hops.index == 0)
        assert hops["began_s"].to_numpy() == pytest.approx(ready_s + connecting_s, abs=1e-3)
        ready_s = hops["began_s"] + away_s + on_the_link(hops["carried_bytes"]) * 8 / (mbps * 1e6)
        assert hops["arrived_s"].to_numpy() == pytest.approx(ready_s, abs=1e-3)
        ready_s = hops["arrived_s"]
    assert len(bundles) == 15 and bundles["delivered_s"].to_numpy() == pytest.approx(ready_s, abs=1e-6)


def datagram(carried):
    """The bytes that one takes on a link, in packets of 1,500 bytes."""
    return carried + 8 + np.ceil((carried + 8) / 1480) * 34


def test_datagrams_leave_at_once_and_follow_each_other_as_fast_as_the_link_is(run):
    hops = of_flow(run, "hops", "poured")
    assert len(hops) == 2 * 14 * 3  # fragments of 16 KiB
    created_s = of_flow(run, "bundles", "poured").set_index("number")["created_s"]
    ready_s = {(hop.number, hop.offset): created_s[hop.number] for hop in hops.itertuples()}
    for node, peer, mbps in (("a", "b", FIRST_MBPS), ("b", "c", SECOND_MBPS)):
        free_s = 0.0
        for hop in hops.query("node == @node and peer == @peer").sort_values("arrived_s").itertuples():
            began_s = max(ready_s[hop.number, hop.offset], free_s)
            free_s = began_s + datagram(hop.carried_bytes) * 8 / (mbps * 1e6)
            assert hop.began_s == pytest.approx(began_s, abs=1e-3)
            assert hop.arrived_s == pytest.approx(free_s + delay_s(run, node, peer), abs=1e-3)
            ready_s[hop.number, hop.offset] = hop.arrived_s
    assert of_flow(run, "bundles", "poured")["outcome"].eq("delivered").all()


def test_a_datagram_that_is_lost_is_not_sent_again(run):
    bundles = of_flow(run, "bundles", "unheard")
    lost = bundles["created_s"].between(10 - delay_s(run, "p", "q"), 15)
    assert lost.sum() == 5
    assert (bundles["outcome"] == np.where(lost, "lost", "delivered")).all()


def test_over_tcp_alone_the_first_byte_leaves_after_one_round_trip(run):
    """Each has a connection of its own, as the last one was idle for too long."""
    ready_s = of_flow(run, "bundles", "plain").set_index("number")["created_s"]
    for node, peer, mbps in (("m", "n", FIRST_MBPS), ("n", "o", SECOND_MBPS)):
        hops = of_flow(run, "hops", "plain").query("node == @node and peer == @peer").set_index("number")
        away_s = delay_s(run, node, peer)
        assert hops["began_s"].to_numpy() == pytest.approx(
            ready_s + 2 * away_s + 2 * 74 * 8 / (mbps * 1e6), abs=1e-3
        )
        data = hops["carried_bytes"] + 3  # a head of CBOR
        on_the_link = data + np.ceil(data / PACKET) * HEADERS
        ready_s = hops["began_s"] + away_s + on_the_link * 8 / (mbps * 1e6)
        assert hops["arrived_s"].to_numpy() == pytest.approx(ready_s, abs=1e-3)
        ready_s = hops["arrived_s"]
    assert len(ready_s) == 6 and of_flow(run, "bundles", "plain")["outcome"].eq("delivered").all()


def test_a_bundle_that_no_flow_has_created_is_not_taken(run):
    """And harms nothing: see the other bundles on that link."""
    assert run.table("programs")["exit_code"].tolist() == [0] * 8
    assert set(run.table("bundles")["flow"]) == {
        flow["name"] for flow in SKY["traffic"] if flow["kind"] == "bundles"
    }


def test_over_tcp_alone_what_a_contact_was_too_short_for_begins_again_in_the_next(run):
    (hop,) = of_flow(run, "hops", "torn").itertuples()
    assert hop.whole and hop.offset == 0 and hop.bytes == 5_000_000
    assert hop.began_s == pytest.approx(60 + 2 * delay_s(run, "r", "s"), abs=5e-3)
    sent_s = hop.arrived_s - hop.began_s - delay_s(run, "r", "s")
    assert hop.carried_bytes * (PACKET + HEADERS) / PACKET / sent_s == pytest.approx(
        PULSED_MBPS * 125_000, rel=5e-3
    )


def test_contacts_are_full_where_there_is_enough_to_send(run):
    used = run.table("contact_use").query("flow == 'fill'")
    assert sorted(used["start_s"]) == [start + after for start, _ in WINDOWS for after in (0, 30)]
    assert used["capacity_bytes"].to_numpy() == pytest.approx(30 * PULSED_MBPS * 125_000)
    assert (used["carried_bytes"] / used["capacity_bytes"]).min() > 0.95
    assert used["carried_bytes"].max() * (PACKET + HEADERS) / PACKET < 30 * PULSED_MBPS * 125_000


def test_an_agent_that_is_killed_loses_what_it_had_taken_and_nothing_else(run):
    hops, bundles = of_flow(run, "hops", "through"), of_flow(run, "bundles", "through").set_index("number")
    by_then = hops[hops["arrived_s"] <= KILLED_S + 1e-3].groupby(["peer", "number"])["bytes"].sum()
    taken, onward = by_then["y"], by_then["z"].reindex(by_then["y"].index, fill_value=0)
    lost, part = taken.index[onward == 0], taken.index[(onward > 0) & (onward < taken)]
    assert len(lost) > 5 and len(part) == 1
    assert set(bundles.index[bundles["outcome"] == "lost"]) == set(lost)
    assert bundles["outcome"][part].eq("held").all()  # the destination has a fragment, and waits for the rest
    assert bundles.drop([*lost, *part])["outcome"].eq("delivered").all()


def test_the_run_passes(run):
    verdict = judging.judge(run)
    assert verdict.status == "pass" and not verdict.reasons
