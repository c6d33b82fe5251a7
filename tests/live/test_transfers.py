"""Load over a geostationary relay, in virtual time: long ways, no way, volumes, and one after another."""

import re

import pytest
import yaml

from skybed.analysis.compare import exact
from skybed.analysis.run import load
from skybed.topologies.model.tables import BEGUN
from support import needs
from support.places import ROOT

pytestmark = [pytest.mark.live, needs.virtual_time]

RATE_MBPS, PAYLOAD = 10, 1448 / 1514  # of a TCP segment, on a link
SKY = {
    "name": "far", "epoch": "2026-05-01T00:00:00Z", "duration_s": 30,
    "layers": {"relay": {"geostationary": {"longitudes_deg": [110]}}},
    "stations": ["miyun", {"name": "harbin", "lat_deg": 45.75, "lon_deg": 126.65}],
    "links": {"far": {"rate_mbps": RATE_MBPS, "min_elevation_deg": 5}},
    "access": [{"from": "ground", "to": "relay", "link": "far"}],
}  # fmt: skip
DOWN = {"from": "relay-0", "to": "miyun"}


@pytest.fixture
def played(skybed, tmp_path):
    """played(traffic) runs it in virtual time; the Run, and what was printed."""

    def run(traffic, code=0, name="run", **fields):
        path = tmp_path / "far.yaml"
        path.write_text(yaml.safe_dump(SKY | {"traffic": traffic} | fields))
        done = skybed("run", path, "--clock", "virtual", "--out", tmp_path / name)
        assert done.returncode == code, done.stdout + done.stderr
        return load(tmp_path / name), " ".join(done.stdout.split())

    return run


@pytest.mark.parametrize(
    "fixed_delay_ms", [0, 1160]
)  # and 120 ms of light time: to a geostationary satellite; the Moon
def test_long_round_trips_cut_off_nothing_and_no_row_exceeds_the_rate(played, fixed_delay_ms):
    links = {"far": SKY["links"]["far"] | {"fixed_delay_ms": fixed_delay_ms}}
    up = {"from": "miyun", "to": "relay-0"}
    voice = up | {"kind": "udp", "name": "voice", "rate_mbps": 0.1, "size_bytes": 200, "stop_s": 20}
    bulk = DOWN | {"kind": "tcp", "name": "bulk", "start_s": 2, "stop_s": 25, "bin_s": 0.5}
    run, _ = played([bulk, voice], links=links)
    one_way_s = run.plan.path("relay-0", "miyun", 2.0).rtt_ms[0] / 2e3
    for _, rows in run.flows.groupby("flow"):
        assert (rows.throughput_mbps <= 1.001 * RATE_MBPS).all()
        assert (rows.end_s[:-1].to_numpy() == rows.start_s[1:].to_numpy()).all()
    rows = run.flows[run.flows.flow == "bulk"]
    # The first byte leaves after the round trip of the handshake, and is there a way later.
    first_sent, first_there = (rows[rows[name] > 0].end_s.min() for name in ("sent_bytes", "received_bytes"))
    assert first_sent == pytest.approx(2 + 2 * one_way_s, abs=0.5)
    assert first_there == pytest.approx(2 + 3 * one_way_s, abs=0.5)
    # What TCP had sent when it was stopped has arrived, but for a packet or two that waited below it.
    assert rows.received_bytes.sum() == pytest.approx(rows.sent_bytes.sum(), abs=2 * 1448)
    voice = run.flows[run.flows.flow == "voice"]
    assert voice.received_packets.sum() == voice.sent_packets.sum() == 1250
    late = voice[voice.sent_packets.isna()]
    assert late.received_packets.sum() == pytest.approx(one_way_s / 0.016, abs=2)


def test_without_a_path_a_transfer_waits_and_the_run_is_valid(played):
    flows = [
        DOWN | {"kind": "tcp", "name": name, "stop_s": stop_s}
        for name, stop_s in (("none", 10), ("some", 25))
    ]
    outage = {"kind": "carrier", "node": "relay-0", "at_s": 0, "for_s": 12}
    limit = {"flow": "none", "metric": "throughput_mbps", "min": 1}
    run, said = played(flows, code=1, faults=[outage], accept=[limit])
    assert said.startswith("FAIL run none: throughput_mbps is 0, at least 1 is accepted.")
    assert "none sent 0 of the 10 seconds that were due; the network may be why: no path stood" in said
    rows = run.flows[run.flows.flow == "some"]
    assert rows[rows.end_s < 12].received_bytes.sum() == 0
    assert rows[rows.start_s.between(17, 24)].throughput_mbps.min() > 0.99 * PAYLOAD * RATE_MBPS


def test_one_flow_after_another_as_the_docs_have_it(played):
    """Each begins when the one before has ended; a second run is the same to the byte."""
    text = (ROOT / "docs" / "scenario.md").read_text()
    (example,) = re.findall(r"```yaml\n(traffic:[^`]*after: scene[^`]*)```", text)
    fields = yaml.safe_load(example.replace("eo-a0", "relay-0")) | {"duration_s": 100}
    run, said = played(**fields)
    again, _ = played(**fields, name="again")
    assert said.startswith("PASS")
    assert exact.compare(run, again).differences == []
    begun = run.table(BEGUN.name).set_index("flow")
    (turn,) = run.table("programs").itertuples()
    scene, product = (run.flows[run.flows.flow == name] for name in ("scene", "product"))
    done_s = scene.end_s.max()
    assert scene.received_bytes.sum() == 50e6 and product.received_bytes.sum() == 0.2e6
    assert begun.ended_s["process"] == pytest.approx(done_s, abs=1e-6)
    assert turn.start_s == pytest.approx(
        done_s + 20, abs=1e-6
    ) and turn.end_s - turn.start_s == pytest.approx(5, abs=1e-3)
    assert begun.start_s["product"] == pytest.approx(turn.end_s, abs=1e-6) == product.start_s.min()
    # By hand: the handshake, the first byte's way, and 50 MB in segments; slow start costs a second more.
    one_way_s = run.plan.path("relay-0", "miyun", 0.0).rtt_ms[0] / 2e3
    least_s = 3 * one_way_s + 50e6 * 8e-6 / (PAYLOAD * RATE_MBPS)
    assert least_s < done_s < least_s + 1.5


def test_a_stream_of_a_volume_ends_with_it(played):
    stream = DOWN | {
        "kind": "udp",
        "name": "u",
        "rate_mbps": 2,
        "size_bytes": 1250,
        "volume_mb": 1.0005,
        "start_s": 1,
    }
    probe = DOWN | {"kind": "probe", "name": "p", "after": "u", "stop_s": 20}
    run, _ = played([stream, probe])
    one_way_s = run.plan.path("relay-0", "miyun", 5.0).rtt_ms[0] / 2e3
    rows = run.flows
    assert rows.sent_packets.sum() == rows.received_packets.sum() == 801  # 800.4
    last_s = 1 + 800 * 0.005
    assert rows.end_s.max() == pytest.approx(last_s + one_way_s + 1292 * 8e-6 / RATE_MBPS, abs=1e-4)
    assert run.probes.sent_s.min() == pytest.approx(last_s, abs=1e-6)


def test_what_never_begins_is_told_whatever_its_kind(played):
    endless = DOWN | {"kind": "tcp", "name": "t", "volume_mb": 1e6}
    kinds = ({"kind": "udp", "rate_mbps": 1}, {"kind": "tcp"}, {"kind": "probe"}, {"kind": "trace"})
    late = [DOWN | kind | {"name": f"late-{kind['kind']}", "after": "t"} for kind in kinds]
    run, said = played([endless, *late])
    assert {*run.flows["flow"]} == {"t"} and run.probes.empty
    assert all(f"late-{kind['kind']} never began" in said for kind in kinds), said


def test_small_packets_are_not_dropped_while_rate_and_queue_have_room(played):
    """8,000 a second of 142 bytes on the link are 9.1 of its 10 Mbit/s, and 970 are in flight. They come in
    eights."""
    links = {"far": SKY["links"]["far"] | {"queue_packets": 30}}
    voice = DOWN | {"kind": "udp", "name": "u", "rate_mbps": 6.4, "size_bytes": 100, "stop_s": 5}
    run, _ = played([voice], links=links, duration_s=6)
    assert run.flows.sent_packets.sum() == run.flows.received_packets.sum() == pytest.approx(40_000, abs=8)
    assert run.flows.lost_packets.sum() == 0


def test_the_queue_holds_as_many_packets_as_it_is_to_beyond_those_in_flight(played):
    """Of what a link cannot carry, all is lost but what waits in its queue when the stream stops."""
    queue_packets, stop_s = 60, 5
    links = {"far": SKY["links"]["far"] | {"queue_packets": queue_packets}}
    bulk = DOWN | {"kind": "udp", "name": "u", "rate_mbps": 14, "size_bytes": 1472, "stop_s": stop_s}
    run, _ = played([bulk], links=links, duration_s=6)
    carried = stop_s * RATE_MBPS * 1e6 / (8 * 1514)
    assert run.flows.received_packets.sum() == pytest.approx(carried + queue_packets, abs=3)
