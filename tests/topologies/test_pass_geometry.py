"""What is true of all passes, of a sky of three layers and a sky of elements that decay."""

import pathlib

import numpy as np
import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"
DAY_S = 86_400.0
FALLS = (
    "FALLS\n1 70112U 26001A   26121.00000000  .00000000  00000-0  30000-2 0  9997\n"
    "2 70112  51.6000 150.0000 0010000 269.0000  90.0000 16.30000000    08\n"
)


@pytest.fixture(scope="module")
def plan():
    return Plan.make(Scenario.load(SCENARIOS / "sc-mini.yaml"), duration_s=3600)


@pytest.fixture(scope="module")
def passes(plan):
    return plan.passes("kashi", until_s=6 * 3600)


def test_a_pass_is_above_its_mask_and_only_there(plan, passes):
    assert len(passes) > 50 and set(passes["min_elevation_deg"]) == {0, 10}
    for row in passes[::7].itertuples():
        t_s = np.linspace(row.rise_s - 60, row.set_s + 60, 501)
        elevation_deg = plan.look_angles("kashi", row.satellite, t_s)["elevation_deg"].to_numpy()
        inside = (t_s > row.rise_s) & (t_s < row.set_s)
        assert np.array_equal(elevation_deg > row.min_elevation_deg, inside)
        at_s = [row.rise_s, row.culmination_s, row.set_s]
        looks = plan.look_angles("kashi", row.satellite, at_s)
        mask_deg, top_deg = row.min_elevation_deg, row.max_elevation_deg
        assert looks["elevation_deg"].tolist() == pytest.approx([mask_deg, top_deg, mask_deg], abs=1e-6)
        assert looks["azimuth_deg"].tolist() == pytest.approx(
            [row.rise_azimuth_deg, row.culmination_azimuth_deg, row.set_azimuth_deg], abs=1e-6
        )
        assert elevation_deg.max() <= top_deg
        assert row.duration_s == pytest.approx(row.set_s - row.rise_s)


def test_passes_asked_for_piece_by_piece_are_the_same(plan, passes):
    """Whatever is in view at a border is whole on both sides of it."""
    early = plan.passes("kashi", until_s=3 * 3600)
    late = plan.passes("kashi", from_s=3 * 3600, until_s=6 * 3600)
    for part, over in ((early, passes["rise_s"] < 3 * 3600), (late, passes["set_s"] > 3 * 3600)):
        meant = passes[over]
        assert part["satellite"].tolist() == meant["satellite"].tolist()
        for name in ("rise_s", "culmination_s", "set_s"):
            assert part[name].to_numpy() == pytest.approx(meant[name].to_numpy(), abs=1e-4)


def test_every_contact_of_a_station_is_part_of_a_pass(plan):
    """With what it can carry: 20 Mbit/s, a hundredth of a gateway's 2 Gbit/s."""
    _, b = plan.network.ends
    kinds = np.array([link.kind for link in plan.links])
    for station in ("miyun", "kashi", "sanya"):
        links = np.flatnonzero((b == plan.node(station)) & (kinds == "access"))
        contacts = plan.contacts[plan.contacts["link"].isin(links)]
        total_s = (contacts["end_s"] - contacts["start_s"]).sum()
        passes = plan.passes(station, "relay")
        assert passes["contacts"].sum() == len(contacts)
        assert passes["contact_s"].sum() == pytest.approx(total_s, abs=1e-3)
        assert passes["volume_down_mb"].sum() == pytest.approx(total_s * 20 / 8, abs=1e-2)
    row = plan.passes("miyun", "relay").query("contacts > 0").iloc[-1]
    t_s = np.arange(row["contact_start_s"] - 5, row["contact_end_s"] + 5, 1.0)
    stands = plan.look_angles("miyun", row["satellite"], t_s)["contact"]
    assert stands.tolist() == ((t_s >= row["contact_start_s"]) & (t_s < row["contact_end_s"])).tolist()


def test_what_has_come_down_passes_no_more():
    """It is down from 20130 s on; before the run it passes as any other."""
    fields = {
        "name": "leo", "epoch": "2026-05-02", "duration_s": 60_000, "stations": ["miyun"],
        "layers": {"leo": {"elements": FALLS}},
    }  # fmt: skip
    plan = Plan.make(Scenario.model_validate(fields))
    assert len(plan.passes("miyun", from_s=-DAY_S, until_s=0)) > 3
    assert plan.passes("miyun", from_s=25_000, until_s=DAY_S).empty


@pytest.mark.parametrize("t_s", [[], [np.nan], [1e9]])
def test_times_at_which_nothing_can_be_looked_at(plan, t_s):
    with pytest.raises(ScenarioError, match=r"The times to look at are \[.*\]; give one or more, 2592000 s"):
        plan.look_angles("kashi", "relay-0-0", t_s)


def test_whether_a_pass_is_in_sunlight_and_its_station_in_the_dark():
    """Over a day. The Sun's elevations are skyfield's with DE421; so are the shares, but that its Earth is a
    sphere, whose shadow the satellite enters 7.5 s earlier.
    """
    passes = Plan.make(Scenario.load(SCENARIOS / "pair.yaml")).passes("miyun", until_s=DAY_S)
    assert passes["sun_elevation_deg"].tolist() == pytest.approx(
        [51.424, -20.040, -29.500, 32.639, 50.062], abs=0.01
    )
    assert passes["sunlit_pct"].tolist() == pytest.approx([100, 53.85, 84.72, 100, 100], abs=2.5)
    cut_s = (100 - passes["sunlit_pct"]) / 100 * passes["duration_s"]
    assert cut_s.tolist() == pytest.approx([0, 0.4615 * 573.94, 0.1528 * 327.03, 0, 0], abs=8)
