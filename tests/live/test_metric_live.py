"""Routes by rate and by delay, in virtual time: which way packets go, and none is lost as ways change."""

import pytest

from skybed.analysis.measures import truth
from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

CLOSED_S = (4.25, 8.5)
THIN, THICK = {"rate_mbps": 10}, {"rate_mbps": 100}
GAP = {"rate_mbps": [[0, 100], [CLOSED_S[0], 0], [CLOSED_S[1], 100]]}
LINKS = {"thin": THIN, "thick": THICK, "gap": THICK}
# A straight line from a to b, and ways over c and, longer, over d.
FIBRES = {"ab": "thin", "ac": "thick", "cb": "gap", "ad": "thick", "db": "thick"}
PLACES = {"a": (0, 0), "b": (0, 20), "c": (8, 10), "d": (-14, 10)}
ENDS = ({"from": "a", "to": "b"}, {"from": "b", "to": "a"})


def played(skybed, folder, links, **routing):
    flows = [{"kind": "probe", "name": "ping", **ENDS[0], "rate_hz": 200}]
    flows += [{"kind": "trace", "name": f"proof-{n}", **ends, "every_s": 1} for n, ends in enumerate(ENDS)]
    scenario = Scenario.model_validate({
        "name": "lines", "epoch": "2026-05-01", "duration_s": 12,
        "layers": {"geo": {"geostationary": {"longitudes_deg": [110]}}},
        "stations": [{"name": n, "lat_deg": lat, "lon_deg": lon} for n, (lat, lon) in PLACES.items()],
        "links": LINKS | links, "routing": routing, "traffic": flows,
        "fibre": [{"a": pair[0], "b": pair[1], "link": link} for pair, link in FIBRES.items()],
    })  # fmt: skip
    (folder / "lines.yaml").write_text(scenario.dump())
    done = skybed("run", folder / "lines.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


def errors_us(run):
    """Without those of the first second, which meet the many packets of the first path proofs."""
    probes = truth.probes(run)
    assert not probes["lost"].any()
    return probes["error_us"][probes["sent_s"] > 1].abs()


def proved(run, flow):
    """{s of sending: nodes on the way}, as they answered."""
    rows = run.table("paths")
    rows = rows[rows["flow"] == flow].sort_values(["sent_s", "hop"])
    return {round(t_s): "".join(part["node"]) for t_s, part in rows.groupby("sent_s")}


@pytest.mark.parametrize(
    "by, there", [("delay", "b"), ("rate", "cb"), ({"delay_ms": 1, "rate": 0.0001}, "b")]
)
def test_packets_go_the_way_of_the_metric(by, there, skybed, tmp_path):
    run = played(skybed, tmp_path, {}, metric=by)
    assert set(proved(run, "proof-0").values()) == {there}
    assert errors_us(run).max() < 100


@pytest.mark.parametrize("protocol", ["oracle", "schedule", "srv6"])
def test_no_probe_is_lost_as_a_rate_falls_to_0_and_is_back(protocol, skybed, tmp_path):
    run = played(skybed, tmp_path, {"gap": GAP}, metric="rate", protocol=protocol)
    probes = truth.probes(run)
    assert not probes["lost"].any()
    over_d = probes["path"].eq("a > d > b")
    left_s = CLOSED_S[0] - 0.5 * (protocol == "srv6")
    assert over_d.equals(probes["sent_s"].between(left_s, CLOSED_S[1], inclusive="left"))
    turned = probes["path"].eq("a > c > a > d > b")
    assert turned.any() != (protocol == "srv6") and errors_us(run).max() < 100
    if protocol != "srv6":  # whose packets show the far end first
        ways = proved(run, "proof-0")
        assert {ways[t_s] for t_s in (5, 6, 7, 8)} == {"db"} and {ways[t_s] for t_s in (1, 10)} == {"cb"}


def test_there_and_back_go_other_ways_and_round_trips_are_true(skybed, tmp_path):
    run = played(skybed, tmp_path, {"thin": THIN | {"up": {"extra_delay_ms": 40}}})
    assert set(proved(run, "proof-0").values()) == {"cb"} and set(proved(run, "proof-1").values()) == {"a"}
    plan, probes = run.plan, run.probes
    light_us = {
        pair: 1e6 * float(plan.delay_s(plan.network.link_between[plan.node(pair[0]), plan.node(pair[1])], 0))
        for pair in ("ab", "ac", "cb")
    }
    there_us, back_us = light_us["ac"] + light_us["cb"] + 2 * 8 * 106 / 100, light_us["ab"] + 8 * 106 / 10
    assert probes["owd_us"].median() == pytest.approx(there_us, abs=60)
    assert probes["owd_back_us"].median() == pytest.approx(back_us, abs=60)
    assert errors_us(run).max() < 100


@needs.program("bird", "bird2")
def test_daemons_take_the_way_of_the_metric(skybed, tmp_path):
    run = played(skybed, tmp_path, {}, metric="rate", protocol="ospf", hello_s=1, dead_s=4)
    assert set(proved(run, "proof-0").values()) <= {"cb", "db"}  # as good as each other
