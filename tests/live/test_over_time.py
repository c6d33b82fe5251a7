"""Links that change over time, in virtual time: what packets meet is what was said, at its instant."""

import numpy as np
import pandas as pd
import pytest

from skybed.analysis.run import load
from skybed.analysis.verdict.judging import judge
from skybed.topologies.contacts.properties import Property
from skybed.topologies.scenario.file import Scenario
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]

STEPS = [[0, 4], [10, 2], [20, 0], [22, 8]]  # Mbit/s
PAYLOAD = 1472 / 1514  # at most, of a packet on the wire
SPIKE = {"height_ms": 30, "width_ms": 400, "loss_pct": 0}
LINK = {
    "min_elevation_deg": 5, "queue_packets": 20, "rate_mbps": STEPS,
    "up": {
        "rate_mbps": 10, "loss_pct": {"good_s": 2, "bad_s": 0.5, "bad_pct": 60},
        "extra_delay_ms": [[0, 5], [15, 9]],
    },
}  # fmt: skip
PING = {"kind": "probe", "name": "ping", "from": "sanya", "to": "eo-0-0", "rate_hz": 100}
DOWN = {"kind": "udp", "name": "down", "from": "eo-0-0", "to": "sanya", "rate_mbps": 10, "bin_s": 0.5}


def played(skybed, folder, link, traffic, name="run", **more):
    changes = {"links": {"x": link}, "access[0].link": "x", "rate_scale": 1, "accept": [], "traffic": traffic}
    (folder / "s.yaml").write_text(Scenario.load("pair").with_(changes | more).dump())
    done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / name)
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / name)


@pytest.fixture(scope="module")
def probed(skybed, tmp_path_factory):
    return played(skybed, tmp_path_factory.mktemp("probed"), LINK, [PING])


def one_way_us(run, column, flow="ping", station="sanya"):
    """What is beside light time, of a flow's probes from there to the satellite; nan where lost."""
    plan, probes = run.plan, run.probes[run.probes["flow"] == flow]
    link = plan.network.link_between[0, plan.node(station)]
    return probes[column] - 1e6 * plan.delay_s(link, probes["sent_s"].to_numpy())


def test_extra_delays_begin_and_end_at_their_instants(probed):
    """One way only; on 10 Mbit/s 106 bytes take 85 us."""
    extra_us, sent_s = one_way_us(probed, "owd_us") - 8 * 106 / 10, probed.probes["sent_s"]
    assert extra_us[sent_s < 14.99].dropna().to_numpy() == pytest.approx(5000, abs=30)
    assert extra_us[sent_s > 15.01].dropna().to_numpy() == pytest.approx(9000, abs=30)


def test_probes_are_lost_in_bursts_and_where_nothing_is_carried(probed):
    probes, values = probed.probes, probed.plan.network.values
    link = probed.plan.network.link_between[0, probed.plan.node("sanya")]
    loss = values.at(Property.LOSS, link, 1, probes["sent_s"].to_numpy())
    nil = probes["sent_s"].between(20, 21.98)
    assert (
        probes["lost"][nil].all()
        and not probes["lost"][(loss == 0) & ~probes["sent_s"].between(19.9, 22)].any()
    )
    bad = probes["lost"][(loss > 0) & ~nil]
    assert len(bad) > 200 and 100 * bad.mean() == pytest.approx(60, abs=10)
    (loss,) = judge(probed).losses
    assert loss.classes == "x" and loss.within and loss.lost > 100


def test_a_stream_is_carried_at_the_rate_of_its_time(skybed, tmp_path):
    run = played(skybed, tmp_path, {k: v for k, v in LINK.items() if k != "up"}, [DOWN])
    rows = run.flows.set_index("start_s")
    for from_s, until_s, mbps in ((1, 9.5, 4), (11, 19.5, 2), (20.5, 21.5, 0), (23, 29, 8)):
        received = rows.loc[from_s : until_s - 0.01, "received_bytes"].sum() * 8e-6 / (until_s - from_s)
        assert received == pytest.approx(mbps * PAYLOAD, rel=0.03), (from_s, until_s)
    (rate,) = judge(run).rates
    assert (rate.link_class, rate.way) == ("x", "both") and rate.bins > 30 and rate.within
    assert rate.carried_mbit == pytest.approx(rate.planned_mbit, rel=0.03)


def test_slots_have_their_spikes_and_rates(skybed, tmp_path):
    link = {"min_elevation_deg": 5, "rate_mbps": 50, "slots": {"spike": SPIKE, "rate_mbps": [4, 8]}}
    run = played(skybed, tmp_path, link, [PING])
    extra_us = one_way_us(run, "owd_us")
    begin = run.plan.scenario.begin.second + run.plan.scenario.begin.microsecond * 1e-6
    slot_s = [t for t in np.arange(0, 30.0) if (begin + t) % 60 in (12, 27, 42, 57)]
    assert slot_s
    for t_s in slot_s:
        inside = run.probes["sent_s"].between(t_s + 0.001, t_s + 0.399)
        if inside.any() and not run.probes["lost"][inside].all():
            assert extra_us[inside].dropna().to_numpy() == pytest.approx(30_000, abs=300)
        after = run.probes["sent_s"].between(t_s + 0.44, t_s + 1)
        assert extra_us[after].dropna().to_numpy() == pytest.approx(150, abs=150)


JITTERS = {"normal": "normal", "exponential": "exponential", "lognormal": {"lognormal": [1, 0.4]}}


@pytest.fixture(scope="module")
def jittered(skybed, tmp_path_factory):
    """Three stations in one place, each over a link with a jitter of its own."""
    there = {"lat_deg": 18.3, "lon_deg": 109.3}  # Sanya's
    link = {"min_elevation_deg": 5, "rate_mbps": 50}
    changes = {
        "stations": [{"name": name, **there} for name in JITTERS],
        "links": {n: link | {"up": {"jitter_ms": 1, "jitter": jitter}} for n, jitter in JITTERS.items()},
        "access": [{"from": [n], "to": "eo", "link": n, "policy": "all"} for n in JITTERS],
        "traffic": [PING | {"name": name, "from": name} for name in JITTERS],
        "rate_scale": 1, "accept": [],
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("jittered")
    (folder / "s.yaml").write_text(Scenario.load("pair").with_(changes).dump())
    done = skybed("run", folder / "s.yaml", "--clock", "virtual", "--out", folder / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    return load(folder / "run")


@pytest.mark.parametrize(
    "jitter, sigma",
    [("normal", 1 / 3), ("exponential", 1.0), ("lognormal", float(np.sqrt(np.exp(0.4**2) - 1)))],
)
def test_jitter_has_its_mean_and_keeps_the_order(jittered, jitter, sigma):
    probes = jittered.probes[jittered.probes["flow"] == jitter]
    later_us = (one_way_us(jittered, "owd_us", jitter, jitter) - 8 * 106 / 50).dropna()
    assert later_us.min() > -30 and later_us.mean() == pytest.approx(1000, rel=0.06)
    assert later_us.std() / later_us.mean() == pytest.approx(sigma, rel=0.12)
    assert not probes["reordered"].any()
    (judged,) = (row for row in judge(jittered).jitter if row.flow == jitter)
    assert judged.within and judged.meant_us == pytest.approx(1000)
    back_us = (one_way_us(jittered, "owd_back_us", jitter, jitter) - 8 * 106 / 50).dropna()
    assert back_us.to_numpy() == pytest.approx(0, abs=30)


def test_a_run_repeats_to_the_byte(skybed, tmp_path):
    link = LINK | {"jitter_ms": 0.5, "slots": {"spike": SPIKE}}
    traffic = [PING, DOWN]
    one, other = (played(skybed, tmp_path, link, traffic, name, duration_s=12) for name in ("one", "other"))
    for table in ("probes", "flows", "applied"):
        pd.testing.assert_frame_equal(one.table(table), other.table(table))
