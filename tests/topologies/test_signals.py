# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Links whose rate follows from a budget, and the weather over their stations."""

import math
import pathlib
import re

import numpy as np
import pytest

from skybed.topologies.contacts import received
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import ellipsoid
from skybed.topologies.plan.plan import Plan
from skybed.topologies.radio import modcods
from skybed.topologies.scenario import file

DOC = (pathlib.Path(__file__).parents[2] / "docs" / "links.md").read_text()
EXAMPLE = re.search(r"```yaml\n(.*?)```", DOC, re.DOTALL)[1]
DOWN, UP = 0, 1  # sides: the satellite is the lower node
RADIO = {
    "frequency_ghz": 26.25, "bandwidth_mhz": 600, "eirp_dbw": 30, "g_over_t_db_k": 30, "losses_db": 1,
    "margin_db": 1, "modcods": "dvb-s2x",
}  # fmt: skip


@pytest.fixture(scope="module")
def example():
    return file.parse(EXAMPLE, "rain.yaml", pathlib.Path())


def planned(scenario, weather=(), **radio):
    """The example with other weather, and with another radio."""
    link = {"min_elevation_deg": 10, "up": {"rate_mbps": 2}, "down": {"radio": RADIO | radio}}
    return Plan.make(scenario.with_({"weather": list(weather), "links": {"ka": link}}))


def looks(plan, t_s):
    return plan.look_angles("sanya", "eo-0-0", t_s)


def rates(plan, t_s, side=DOWN):
    return plan.network.values.at(Property.RATE, 0, side, np.asarray(t_s, float))


# -- docs/links.md ---------------------------------------------------------------------------------


def test_the_example_is_as_it_is_told(example):
    table = looks(Plan.make(example), np.arange(60.0, 301.0, 60))
    head = "| run time (s) | elevation"
    told = [line.strip("| ").split(" | ") for line in DOC[DOC.index(head) :].splitlines()[2:7]]
    columns = ["t_s", "elevation_deg", "range_km", "c_n_down_db", "modcod_down", "rate_down_mbps"]
    for cells, row in zip(told, table[columns].itertuples(index=False), strict=True):
        for cell, value in zip(cells, row, strict=True):
            assert cell == value if isinstance(value, str) else float(cell) == pytest.approx(value, abs=0.006)


def test_the_classes_of_the_example_are_heard_as_it_is_told(example):
    (one,) = received.of_classes(Plan.make(example).network)
    assert (one.class_name, one.way, one.modcods) == ("ka", "down", ("8PSK 3/5", "256APSK 3/4"))
    assert "C/N {:.1f} to {:.1f} dB".format(*one.c_n_db) in DOC and one.outage_s == 0


# -- the budget ------------------------------------------------------------------------------------


def test_c_n_is_the_budget_worked_out_by_hand(example):
    """ITU-R P.525 in MHz and km. Of the gases only that they are there: see test_gases."""
    plan = planned(example)
    row = looks(plan, [227.0]).iloc[0]
    free_db = 32.45 + 20 * math.log10(26_250) + 20 * math.log10(row["range_km"])
    without_air_db = 30 + 30 + 228.6 - free_db - 1 - 1 - 10 * math.log10(600e6 / 1.2)
    assert 0.3 < without_air_db - row["c_n_down_db"] < 1.2
    pointed = looks(planned(example, pointing_error_deg=0.1, beamwidth_deg=0.4), [227.0]).iloc[0]
    assert row["c_n_down_db"] - pointed["c_n_down_db"] == pytest.approx(0.75)


def test_the_rate_of_the_plan_is_that_of_the_modcod_in_use(example):
    plan = planned(example)
    table = looks(plan, np.arange(20.0, 440.0))
    bits = {modcod.name: modcod for modcod in modcods.TABLES["dvb-s2x"]}
    used = [bits[name] for name in table["modcod_down"]]
    assert table["rate_down_mbps"].tolist() == pytest.approx([500 * m.bit_per_s_per_hz for m in used])
    assert (table["c_n_down_db"] >= [m.es_n0_db for m in used]).all()
    assert set(table["rate_up_mbps"]) == {2.0} and "c_n_up_db" not in table
    volume_mb = plan.passes("sanya").iloc[0]["volume_down_mb"]
    assert volume_mb == pytest.approx(
        table["rate_down_mbps"].mean() * plan.passes("sanya").iloc[0]["contact_s"] / 8, rel=0.03
    )


def test_between_satellites_there_is_no_air():
    fields = {
        "name": "isl", "epoch": "2026-05-09", "duration_s": 10, "seed": 1,
        "layers": {"l": {"walker": "53:12/1/0 at 1200 km", "isl": {"pattern": "ring", "link": "isl"}}},
        "links": {"isl": {"max_range_km": 5000, "radio": RADIO | {"eirp_dbw": 50}}},
    }  # fmt: skip
    plan = Plan.make(file.Scenario.model_validate(fields))
    range_km = plan.delay_s(0, 0.0) * 299_792.458
    free_db = 32.45 + 20 * math.log10(26_250) + 20 * math.log10(range_km)
    c_n_db = 50 + 30 + 228.6 - free_db - 2 - 10 * math.log10(500e6)
    heard = [*received.of_classes(plan.network)]
    assert [one.way for one in heard] == ["up", "down"]
    assert heard[0].c_n_db == pytest.approx((c_n_db, c_n_db), abs=0.02)
    used = modcods.ladder(modcods.TABLES["dvb-s2x"])
    best = max(m.bit_per_s_per_hz for m in used if m.es_n0_db + 0.5 <= c_n_db)
    assert rates(plan, [5.0, 5.0], np.array([0, 1])).tolist() == pytest.approx([500 * best] * 2)


def test_a_fixed_modcod_is_out_where_it_does_not_work(example):
    plan = planned(example, modcod="64APSK 4/5")
    table = looks(plan, np.arange(20.0, 440.0))
    works = table["c_n_down_db"] >= 15.87
    assert 50 < works.sum() < 400
    assert (table["rate_down_mbps"] > 0).tolist() == works.tolist()
    assert (table["modcod_down"] == "64APSK 4/5").tolist() == works.tolist()
    closed = plan.network.values.closed
    assert set(closed.key.tolist()) == {2 * 0 + DOWN}
    (one,) = received.of_classes(plan.network)
    assert one.outage_s == pytest.approx(
        (~looks(plan, np.arange(0.5, 460.0))["rate_down_mbps"].gt(0)).sum() - (460 - one.contact_s), abs=2
    )


def test_a_plan_of_modcods_is_followed(example):
    table = looks(planned(example, modcod=[[100, "QPSK 1/2"], [200, "8PSK 3/4"]]), [50.0, 150.0, 250.0])
    assert table["modcod_down"].fillna("none").tolist() == ["none", "QPSK 1/2", "8PSK 3/4"]
    assert table["rate_down_mbps"].tolist() == pytest.approx([0, 500 * 0.988858, 500 * 2.228124])


def test_a_table_of_one_s_own_and_a_cap(example):
    own = [["low", 0, 1], ["high", 30, 4]]
    plan = planned(example, modcods=own)
    assert set(rates(plan, np.arange(20.0, 440.0, 10)).tolist()) == {500.0}
    capped = example.with_({"links.ka.down.rate_mbps": 1000, "rate_scale": 0.1})
    values = rates(Plan.make(capped), np.arange(20.0, 440.0))
    assert values.max() == pytest.approx(100)


def test_rates_are_scaled_and_c_n_is_not(example):
    whole, tenth = Plan.make(example), Plan.make(example.with_(rate_scale=0.1))
    t_s = np.arange(20.0, 440.0, 7)
    assert rates(tenth, t_s) == pytest.approx(rates(whole, t_s) / 10)
    assert looks(tenth, t_s)["c_n_down_db"].tolist() == looks(whole, t_s)["c_n_down_db"].tolist()


# -- weather ---------------------------------------------------------------------------------------


def test_rain_weakens_while_it_falls_and_warms_the_receiver(example):
    t_s = np.arange(170.0, 310.0)
    rain = {"at": "sanya", "from_s": 180, "until_s": 300, "rain_mm_h": 5}
    clear, wet, warm = (
        looks(planned(example, *more[:1], **more[1]), t_s)["c_n_down_db"].to_numpy()
        for more in (([], {}), ([rain], {}), ([rain], {"system_temperature_k": 200}))
    )
    falls = (t_s >= 180) & (t_s < 300)
    assert ((clear - wet)[falls] > 4).all() and (clear == wet)[~falls].all()
    noise = 10 * np.log10(1 + 272.3 * (1 - 10 ** (-(clear - wet) / 10)) / 200)
    assert wet - warm == pytest.approx(noise, abs=1e-3)


def test_rain_that_is_exceeded_is_that_of_the_itu():
    """14.25 GHz, station and elevation of one of P.618's validation examples: 2.185847422 dB at 0.1 %."""
    home = {
        "name": "home", "lat_deg": 51.5, "lon_deg": -0.14, "alt_m": 31.382992, "rain_001_mm_h": 26.48052,
        "rain_height_km": 2.45273333,
    }  # fmt: skip
    radio = {"frequency_ghz": 14.25, "bandwidth_mhz": 36, "eirp_dbw": 50, "g_over_t_db_k": 30, "tilt_deg": 0}
    fields = {
        "name": "geo", "epoch": "2026-05-09", "duration_s": 10, "stations": [home],
        "layers": {"geo": {"geostationary": {"longitudes_deg": [0]}}},
        "links": {"ku": {"min_elevation_deg": 5, "radio": radio}},
        "access": [{"from": "ground", "to": "geo", "link": "ku"}],
    }  # fmt: skip
    clear, wet = (
        Plan.make(file.Scenario.model_validate(fields | {"weather": weather})).look_angles(
            "home", "geo-0", [5.0]
        )
        for weather in ([], [{"exceeded_pct": 0.1}])
    )
    assert clear["elevation_deg"][0] == pytest.approx(31.077, abs=0.3)
    assert clear["c_n_up_db"][0] - wet["c_n_up_db"][0] == pytest.approx(2.185847422, rel=0.01)


def test_drawn_rain_follows_the_seed_and_the_station_alone(example):
    weather = [{"series": True}]

    def c_n(scenario):
        return looks(Plan.make(scenario), np.arange(20.0, 440.0))["c_n_down_db"].to_numpy()

    # Of some seeds it rains in one.
    by_seed = {seed: c_n(example.with_({"weather": weather, "seed": seed})) for seed in range(1, 40)}
    clear = c_n(example.with_(weather=[]))
    wet = [seed for seed, values in by_seed.items() if (values < clear - 0.5).any()]
    assert 0 < len(wet) < 15  # it rains 10 % of the time
    longer = example.with_(
        {"weather": weather, "seed": wet[0], "duration_s": 900, "stations": ["miyun", "sanya"]}
    )
    assert (c_n(longer) == by_seed[wet[0]]).all()


def test_clouds_close_a_laser_both_ways_and_no_other_link(example):
    changes = {"access[0].link": "laser-down", "weather": [{"from_s": 100, "until_s": 200, "cloud_share": 1}]}
    plan = Plan.make(example.with_(changes))
    for side in (DOWN, UP):
        assert rates(plan, [50, 99, 100, 199, 200], side).tolist() == [10_000, 10_000, 0, 0, 10_000]
    heard = [(one.way, one.c_n_db, one.outage_s) for one in received.of_classes(plan.network)]
    assert heard == [("up", None, pytest.approx(100)), ("down", None, pytest.approx(100))]
    radio = Plan.make(example.with_(weather=[{"cloud_share": 1}]))
    assert (rates(radio, np.arange(20.0, 440.0)) > 0).all()


def test_a_laser_carries_what_was_announced():
    """AIRSAT-02 over the Pamir: 12.656 Tbit in 108 s, 97.7 % of 120 Gbit/s."""
    fields = {
        "name": "laser", "epoch": "2026-05-09", "duration_s": 1200, "stations": ["pamir"],
        "layers": {"air": {"walker": {"notation": "97.5:1/1/0", "altitude_km": 535, "raan0_deg": 298.545}}},
        "access": [{"from": "ground", "to": "air", "link": "laser-down-120g", "policy": "all"}],
    }  # fmt: skip
    (row,) = Plan.make(file.Scenario.model_validate(fields)).passes("pamir").itertuples()
    assert (row.duration_s, row.contact_s) == (pytest.approx(113, abs=1), pytest.approx(108, abs=1))
    terabit = row.volume_down_mb * 8e-6
    assert terabit == pytest.approx(12.656, rel=0.03) and 12.656 / terabit == pytest.approx(0.977, abs=0.01)


def test_a_low_line_of_sight_is_cloudy_more_often(example):
    """Overhead 0.3 of the time; at 30 deg 1 - 0.7^2 = 0.51. Over many seeds."""
    low = high = 0
    for seed in range(60):
        plan = Plan.make(
            example.with_({"access[0].link": "laser-down", "weather": [{"cloud_share": 0.3}], "seed": seed})
        )
        elevation_deg = looks(plan, [150.0, 227.0])["elevation_deg"]
        one = (rates(plan, [150.0, 227.0]) == 0).tolist()
        low, high = low + one[0], high + one[1]
    assert elevation_deg.tolist() == pytest.approx([34.8, 51.7], abs=2)
    assert 0.36 < low / 60 < 0.64 and 0.22 < high / 60 < 0.52 and high <= low


def test_a_stored_plan_needs_no_other_file(example, tmp_path):
    made = Plan.make(example)
    made.save(tmp_path / "plan")
    stored = Plan.load(tmp_path / "plan")
    t_s = np.arange(0.0, 460.0, 5)
    assert stored.network.changes.tobytes() == made.network.changes.tobytes()
    assert looks(stored, t_s).equals(looks(made, t_s))


@pytest.mark.parametrize("height_km", [0.0, 1.5, 30.0])
def test_where_a_point_is_over_the_ellipsoid(height_km):
    lat_deg = np.array([-89.9, -45.0, 0.0, 18.3, 67.88])
    up = ellipsoid.normal(lat_deg, np.linspace(0, 300, 5))
    lat, height = ellipsoid.latitude_and_height(ellipsoid.point_km(up, height_km))
    assert lat == pytest.approx(lat_deg, abs=1e-8) and height == pytest.approx(height_km, abs=1e-6)


# -- what cannot be --------------------------------------------------------------------------------

WRONG = [
    ("up: {rate_mbps: 2}", "up: {}", "line 9: links.ka.rate_mbps is missing, and there is no radio for the way up."),
    ("26.25", "60", "line 15: links.ka.down.radio.frequency_ghz is 60; it must be at most 54."),
    ("losses_db", "loses_db", "line 16: links.ka.down.radio.loses_db is not a field (did you mean losses_db?)."),
    ("eirp_dbw: 30, ", "", "line 14: links.ka.down.radio.eirp_dbw is missing."),
    ("dvb-s2x}", "dvb-s3}", "line 16: links.ka.down.radio.modcods names dvb-s3, but there is no such table of "
     "MODCODs (did you mean dvb-s2"),
    ("dvb-s2x}", "[[a, 1]]}", "line 16: links.ka.down.radio.modcods[0] needs three values: a name, the least Es/N0 "
     "in dB, bits per symbol."),
    ("dvb-s2x}", "[[a, 1, 1], [a, 2, 2]]}", "line 16: links.ka.down.radio.modcods has a twice."),
    ("dvb-s2x}", "dvb-s2, modcod: QPSK 2/1}", "line 16: links.ka.down.radio.modcod names QPSK 2/1, which is neither "
     "adaptive nor one of modcods (did you mean "),
    ("dvb-s2x}", "dvb-s2, modcod: [[5, QPSK 1/2], [5, QPSK 1/3]]}", "line 16: links.ka.down.radio.modcod has a step "
     "at 5 s after the one at 5 s; times ascend."),
    ("dvb-s2x}", "dvb-s2, modcod: [[5]]}", "line 16: links.ka.down.radio.modcod[0] needs two values: run time in s, "
     "the name of a MODCOD."),
    ("dvb-s2x}", "dvb-s2, pointing_error_deg: 1}", "line 16: links.ka.down.radio.pointing_error_deg costs by the "
     "width of the beam; give beamwidth_deg, too."),
    ("at: sanya", "at: sania", "line 20: weather[0].at names sania, but there is no such station (did you mean "
     "sanya?)."),
    (", rain_mm_h: 5", "", "line 20: weather[0] has no rain and no clouds; give exactly one of rain_mm_h, "
     "exceeded_pct, series, cloud_share."),
    ("rain_mm_h: 5", "rain_mm_h: 5, series: true", "line 20: weather[0] has rain_mm_h and series; give exactly one"),
    ("until_s: 300", "until_s: 30", "line 20: weather[0].until_s is 30; it must be later than from_s, 180."),
    ("rain_mm_h: 5", "rain_mm_h: 501", "line 20: weather[0].rain_mm_h is 501; it must be at most 500."),
    ("[sanya]", "[{name: sanya, lat_deg: 0, lon_deg: 0}]", "line 20: weather[0].at has rain over sanya, whose climate "
     "is not known; give that station rain_height_km (docs/links.md tells where from)."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG, ids=[says for *_, says in WRONG])
def test_what_cannot_be_is_told_with_its_line(old, new, says):
    assert old in EXAMPLE
    with pytest.raises(ScenarioError) as error:
        file.parse(EXAMPLE.replace(old, new), "rain.yaml", pathlib.Path())
    assert str(error.value).startswith(f"rain.yaml, {says}")


def test_fibre_has_no_radio(example):
    stations = ["sanya", "beijing"]
    with pytest.raises(
        ScenarioError, match=r"fibre.0..link is ka, which has a radio or a laser: there is none in"
    ):
        example.with_({"stations": stations, "fibre": [{"a": "sanya", "b": "beijing", "link": "ka"}]})
