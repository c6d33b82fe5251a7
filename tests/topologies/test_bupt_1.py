"""A pass that was measured, of BUPT-1 over Tongchuan in March 2024: the ready scenario against the antenna.

Figures of TiansuanConstellation, SatLink-Artifact; times in s from 15:11:30 UTC.
"""

import numpy as np
from pytest import approx, fixture, mark
from skyfield.api import EarthSatellite, load, wgs84

from skybed.topologies.orbits.walker import satellites
from skybed.topologies.plan.plan import Plan
from skybed.topologies.radio import budget, gases
from skybed.topologies.scenario.file import Scenario

# Where the antenna was told to point: s, azimuth and elevation in deg, the latter as refraction lifts it.
POINTED = [
    (34, 177.293, 3.410), (50, 177.856, 4.606), (70, 178.658, 6.258), (87, 179.448, 7.811),
    (277, 227.675, 50.115), (289, 242.127, 53.505), (301, 259.243, 54.861), (321, 286.614, 51.665),
    (569, 342.522, 3.506), (573, 342.658, 3.222),
]  # fmt: skip
LOCKED_S = (89.0, 580.0)
DECODED_MBIT = 24_430.0
EB_N0_DB = (14.0, 26.3)  # at 5 and 95 % of the time
CARRIER_KHZ = (191.4, -198.6)  # offset as the lock begins and ends


@fixture(scope="module")
def scenario():
    return Scenario.load("bupt-1")


@fixture(scope="module")
def seen(scenario):
    """A function of run time, s: elevation as refraction lifts it, azimuth, distance in km; by skyfield."""
    (satellite,) = satellites("bupt", scenario.layers["bupt"], scenario.epoch)
    (station,) = scenario.stations
    time = load.timescale(builtin=True)
    line = EarthSatellite.from_satrec(satellite.satrec, time) - wgs84.latlon(
        station.lat_deg, station.lon_deg, station.alt_m
    )

    def at(t_s):
        start = scenario.epoch
        t = time.utc(
            start.year, start.month, start.day, start.hour, start.minute, start.second + np.array(t_s)
        )
        elevation, azimuth, distance = line.at(t).altaz(temperature_C=10, pressure_mbar=920)
        return elevation.degrees, azimuth.degrees, distance.km

    return at


@mark.parametrize("t_s, azimuth, elevation", POINTED)
def test_it_flies_where_the_antenna_pointed(seen, t_s, azimuth, elevation):
    lifted, around, _ = seen(t_s)
    assert lifted == approx(elevation, abs=0.07)
    assert (around - azimuth) * np.cos(np.radians(elevation)) == approx(0, abs=0.05)


def test_it_is_above_3_deg_for_548_s_and_highest_halfway(seen):
    t_s = np.arange(0, 600, 0.5)
    elevation, _, _ = seen(t_s)
    above = t_s[elevation > 3]
    assert above[-1] - above[0] == approx(548, abs=2)
    assert elevation.max() == approx(54.86, abs=0.03)
    assert t_s[elevation.argmax()] - above[0] == approx(273, abs=2)


def test_the_link_stands_while_the_receiver_was_locked(scenario):
    plan = Plan.make(scenario)
    ((begin_s, end_s),) = plan.contacts[["start_s", "end_s"]].to_numpy()
    assert (begin_s, end_s) == approx(LOCKED_S, abs=1.5)
    assert end_s - begin_s == approx(491.0, abs=1.5)


def test_its_budget_carries_what_was_decoded_with_the_signal_that_was_measured(scenario):
    """A signal as measured at its worst and at its best, and 3 dB less in between."""
    plan = Plan.make(scenario.with_(rate_scale=1))
    (row,) = plan.passes("tongchuan").itertuples()
    assert row.volume_down_mb * 8 == approx(DECODED_MBIT, rel=0.03)
    looks = plan.look_angles("tongchuan", "bupt-1", np.arange(LOCKED_S[0] + 1.5, LOCKED_S[1] - 1.5))
    assert set(looks["modcod_down"]) == {"QPSK 1/2"}
    eb_n0_db = looks["c_n_down_db"] - 10 * np.log10(0.988858)  # bits per symbol
    assert np.quantile(eb_n0_db, (0.05, 0.95)) == approx(EB_N0_DB, abs=0.5)


def test_an_orbit_of_94_min_has_a_pass_of_583_s_and_carries_as_much(scenario):
    """As the receiver told of that pass: above 3 deg for 583 s, up to 55.15 deg, and locked for 491 s."""
    orbit = {
        "planes": 1, "per_plane": 1, "mean_motion_rev_day": 1440 / 94.13, "inclination_deg": 97.34389,
        "raan0_deg": 162.47992, "mean_anomaly0_deg": 15.26934,
    }  # fmt: skip
    changes = {"layers.bupt.walker": orbit, "rate_scale": 1, "access[0].min_elevation_deg": 3}
    plan = Plan.make(scenario.with_(changes | {"links.x-down-bupt.setup_s": 87}))
    (row,) = plan.passes("tongchuan").itertuples()
    assert row.max_elevation_deg == approx(55.15, abs=0.01)
    assert row.duration_s == approx(583, rel=0.01)
    assert row.contact_s == approx(491.0, abs=0.5)
    assert row.volume_down_mb * 8 == approx(DECODED_MBIT, rel=0.03)


def test_its_carrier_is_shifted_as_it_was_received(seen):
    """In the X band of Earth exploration, 8.025 to 8.4 GHz; the receiver's own offset is in it twice."""
    before, after = (np.diff(seen([t - 0.5, t + 0.5])[2])[0] for t in LOCKED_S)
    swing_khz = CARRIER_KHZ[0] - CARRIER_KHZ[1]
    ghz = swing_khz / (budget.doppler_khz(before, 1) - budget.doppler_khz(after, 1))
    assert 8.025 < ghz < 8.4
    assert budget.doppler_khz(np.array([before, after]), ghz) == approx(CARRIER_KHZ, abs=5)


def test_its_signal_varies_as_distance_and_air_make_it(seen):
    elevation, _, range_km = seen(np.arange(*LOCKED_S))
    loss_db = budget.free_space_db(range_km, 8.25) + gases.slant_db(8.25, elevation, 6.7, 0.8)
    assert np.ptp(np.quantile(loss_db, (0.05, 0.95))) == approx(np.ptp(EB_N0_DB), abs=0.7)
