"""The ready scenario `earth-observation`, in virtual time."""

import pytest

from skybed.analysis.run import load
from skybed.analysis.verdict import judging
from support import needs

pytestmark = [pytest.mark.live, needs.virtual_time]
DURATION_S, SET_S = 650, 588  # gs-2 sees it at first, until then
SCALE, LINE_MBPS, DOWN_MBPS, UP_KBPS, BACK_BPS = 1 / 32, 1000, 10_000, 64, 512
REPORTS, REPORT_BYTES = 4, 110  # of multicast groups, by IPv6, when an interface comes up
BEFORE = {"gs-2": "2026-05-09T00:00:00Z", "gs-1": "2026-05-09T01:10:00Z"}  # by who sees it


@pytest.fixture(scope="module")
def run(skybed, tmp_path_factory):
    folder, runs = tmp_path_factory.mktemp("earth"), {}

    def of(station):
        if station not in runs:
            words = ("--start", BEFORE[station], "--duration", str(DURATION_S), "--out", folder / station)
            done = skybed("run", "earth-observation", "--clock", "virtual", *words)
            assert done.returncode == 0, done.stdout + done.stderr
            runs[station] = load(folder / station)
            assert judging.judge(runs[station]).status == "pass"
        return runs[station]

    return of


def of_flow(run, table, name):
    rows = run.table(table)
    return rows[rows["flow"] == name]


def test_images_come_down_a_link_with_hardly_a_way_back(run):
    images = of_flow(run("gs-2"), "bundles", "payload")
    down = images["created_s"] < SET_S - 1
    delay_s = images["delivered_s"] - images["created_s"]
    bits, light_s = 312_500 * 8, 0.031
    least_s = (
        light_s + bits / (LINE_MBPS * SCALE * 1e6) + bits / 20 / (DOWN_MBPS * SCALE * 1e6)
    )  # twenty fragments
    assert down.sum() == 52 and images["hops"][down].eq(2).all()
    assert delay_s[down].between(least_s, least_s + 0.04).all()
    assert images["outcome"][~down].eq("held").all()


def test_telecommands_wait_for_the_station_that_can_send_them(run):
    """Through gs-2 one goes up, which takes minutes, and no other would be there before it sets."""
    first, *others = of_flow(run("gs-2"), "bundles", "telecommand").itertuples()
    (hop,) = of_flow(run("gs-2"), "hops", "telecommand").query("peer == 'eo-1'").itertuples()
    up_s = 8 * (hop.carried_bytes + 42) / (BACK_BPS * SCALE)
    reports_s = 8 * REPORTS * REPORT_BYTES / (BACK_BPS * SCALE)
    assert up_s < first.delivered_s < up_s + reports_s + 1 and others[0].created_s + up_s > SET_S
    assert [bundle.outcome for bundle in others] == ["held", "held"]
    sent = of_flow(run("gs-1"), "bundles", "telecommand")
    assert sent["outcome"].eq("delivered").all()
    up_s = of_flow(run("gs-1"), "hops", "telecommand").query("peer == 'eo-1'")["carried_bytes"] * 8
    up_s = (up_s + 42 * 8) / (UP_KBPS * SCALE * 1e3)
    delay_s = (sent["delivered_s"] - sent["created_s"]).to_numpy()
    assert delay_s == pytest.approx(up_s.mean() + 0.036, abs=0.1)


def test_telemetry_takes_whatever_station_there_is(run):
    image_s = 312_500 * 1.01 * 8 / (8e6 * SCALE)  # one that gs-1 has begun to take is not interrupted
    for station, most_s in (("gs-2", 0.5), ("gs-1", image_s + 0.5)):
        rows = of_flow(run(station), "bundles", "telemetry")
        rows = rows[rows["created_s"] < SET_S]
        assert rows["outcome"].eq("delivered").all()
        assert (rows["delivered_s"] - rows["created_s"]).max() < most_s
