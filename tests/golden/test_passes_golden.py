"""Passes and Doppler of the ISS and of high orbits, against Skyfield."""

import datetime as dt
import pathlib

import numpy as np
import pytest
from skyfield.api import EarthSatellite, load, wgs84
from skyfield.searchlib import find_discrete, find_maxima

from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.geometry import C_KM_S
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

TLE = (pathlib.Path(__file__).parents[1] / "data" / "three.tle").read_text()
EPOCH = dt.datetime(2019, 12, 10, tzinfo=dt.UTC)
STATIONS = {"miyun": (40.45, 116.86, 55.0), "kiruna": (67.88, 21.06, 400.0), "equator": (0.0, -78.0, 2850.0)}
MASK_DEG, DAY_S, GHZ = 10.0, 86_400.0, 20.0
FINE_DAYS = 1e-3 / DAY_S
TS = load.timescale(builtin=True)


@pytest.fixture(scope="module")
def plan():
    """The ISS as it flew; and a navigation satellite and one on Molniya's orbit, both synthetic."""
    high = {"planes": 1, "per_plane": 1}
    molniya = {"mean_motion_rev_day": 2.006, "eccentricity": 0.72, "arg_perigee_deg": 270}
    fields = {
        "name": "three",
        "epoch": EPOCH,
        "duration_s": 60,
        "layers": {
            "iss": {"elements": "\n".join(TLE.splitlines()[:3]), "names": "iss"},
            "gps": {"walker": {**high, "inclination_deg": 55, "altitude_km": 20180}, "names": "gps"},
            "molniya": {"walker": {**high, "inclination_deg": 63.4, **molniya}, "names": "molniya"},
        },
        "stations": [
            {"name": name, "lat_deg": lat, "lon_deg": lon, "alt_m": alt}
            for name, (lat, lon, alt) in STATIONS.items()
        ],
    }
    return Plan.make(Scenario.model_validate(fields))


def skyfields(plan, satellite, station):
    """The same two in Skyfield's hands."""
    row = plan.orbits.iloc[plan.node(satellite)]
    flying = EarthSatellite.from_satrec(ephemeris.satrec(row), TS)
    return flying, wgs84.latlon(*STATIONS[station][:2], elevation_m=STATIONS[station][2])


def at(t_s):
    return TS.utc(EPOCH.year, EPOCH.month, EPOCH.day, 0, 0, t_s)


PAIRS = [("iss", "miyun"), ("iss", "equator"), ("gps", "miyun"), ("gps", "kiruna"), ("molniya", "kiruna")]


@pytest.mark.parametrize(("satellite", "station"), PAIRS)
def test_rise_culmination_and_set_are_skyfields(plan, satellite, station):
    """find_events tells them to half a second; its own search, asked for a millisecond, gives them around."""
    rows = plan.passes(station, satellite, min_elevation_deg=MASK_DEG, from_s=0, until_s=3 * DAY_S)
    flying, site = skyfields(plan, satellite, station)
    sight = flying - site
    t, events = flying.find_events(site, at(-DAY_S / 2), at(3.5 * DAY_S), altitude_degrees=MASK_DEG)

    def above(t):
        return sight.at(t).altaz()[0].degrees > MASK_DEG

    def altitude(t):
        return sight.at(t).altaz()[0].degrees

    above.step_days = altitude.step_days = 1 / DAY_S
    told = []
    for event, search, by in (
        (0, find_discrete, above),
        (1, find_maxima, altitude),
        (2, find_discrete, above),
    ):
        around_s = [(moment.utc_datetime() - EPOCH).total_seconds() for moment in t[events == event]]
        fine = [search(at(s - 3), at(s + 3), by, epsilon=FINE_DAYS)[0] for s in around_s]
        told.append(np.array([(moment[0].utc_datetime() - EPOCH).total_seconds() for moment in fine]))
    rises_s, tops_s, sets_s = told
    sets_s = sets_s[sets_s > rises_s[0]]
    rises_s = rises_s[: len(sets_s)]
    meant = (sets_s > 0) & (rises_s < 3 * DAY_S)
    assert len(rows) == meant.sum() > 2
    assert rows["rise_s"].to_numpy() == pytest.approx(rises_s[meant], abs=0.01)
    assert rows["set_s"].to_numpy() == pytest.approx(sets_s[meant], abs=0.01)
    for row in rows.itertuples():
        within_s = tops_s[(tops_s > row.rise_s) & (tops_s < row.set_s)]
        heights_deg = [altitude(at(s)) for s in within_s]
        assert row.max_elevation_deg == pytest.approx(max(heights_deg), abs=1e-3)
        assert altitude(at(row.culmination_s)) > max(heights_deg) - 1e-6
        if satellite == "iss":  # those that are high stay as high for a second
            assert row.culmination_s == pytest.approx(within_s[np.argmax(heights_deg)], abs=0.01)
        for when in ("rise", "culmination", "set"):
            azimuth = sight.at(at(getattr(row, f"{when}_s"))).altaz()[1].degrees
            assert getattr(row, f"{when}_azimuth_deg") == pytest.approx(azimuth, abs=0.02)


# What is true of range rates: SGP4's velocities are the slope of its positions within 15 mm/s only, and for
# eccentric orbits less so.
@pytest.mark.parametrize(
    ("satellite", "station", "off_km_s", "off_hz_s"),
    [("iss", "miyun", 25e-6, 0.3), ("iss", "equator", 25e-6, 0.3), ("gps", "miyun", 5e-6, 0.05),
     ("molniya", "kiruna", 2e-4, 2.0)],
)  # fmt: skip
def test_range_and_doppler_are_skyfields(plan, satellite, station, off_km_s, off_hz_s):
    highest = plan.passes(station, satellite, until_s=DAY_S).nlargest(1, "max_elevation_deg").iloc[0]
    t_s = np.linspace(highest.rise_s, highest.set_s, 301)
    flying, site = skyfields(plan, satellite, station)
    sight = flying - site
    elevation, azimuth, distance, _, _, rate = sight.at(at(t_s)).frame_latlon_and_rates(site)
    looked = plan.look_angles(station, satellite, t_s, frequency_ghz=GHZ)
    assert looked["elevation_deg"].to_numpy() == pytest.approx(elevation.degrees, abs=1e-3)
    assert looked["azimuth_deg"].to_numpy() == pytest.approx(azimuth.degrees, abs=0.02)
    assert looked["range_km"].to_numpy() == pytest.approx(distance.km, abs=2e-3)
    assert looked["delay_ms"].to_numpy() == pytest.approx(distance.km / C_KM_S * 1e3, abs=1e-5)
    assert looked["delay_rate_us_s"].to_numpy() * C_KM_S * 1e-6 == pytest.approx(rate.km_per_s, abs=off_km_s)
    per_km_s = -GHZ * 1e9 / C_KM_S
    assert looked["doppler_hz"].to_numpy() == pytest.approx(
        rate.km_per_s * per_km_s, abs=off_km_s * -per_km_s
    )
    later, sooner = (sight.at(at(t_s + s)).frame_latlon_and_rates(site)[5].km_per_s for s in (0.5, -0.5))
    assert looked["doppler_rate_hz_s"].to_numpy() == pytest.approx((later - sooner) * per_km_s, abs=off_hz_s)


def test_a_satellite_that_stays_in_view_neither_rises_nor_sets():
    fields = {
        "name": "still",
        "epoch": EPOCH,
        "duration_s": 60,
        "layers": {"geo": {"geostationary": {"longitudes_deg": [110, -60]}}},
        "stations": ["sanya"],
    }
    (row,) = Plan.make(Scenario.model_validate(fields)).passes("sanya").itertuples()
    assert row.satellite == "geo-0" and 68 < row.max_elevation_deg < 69  # 18.3 N, under the satellite
    assert np.isnan([row.rise_s, row.set_s, row.duration_s, row.rise_azimuth_deg]).all()
    assert row.rise_utc is None and 0 <= row.culmination_s <= 60


def test_a_ship_sees_what_a_station_sees_where_it_is():
    """And what it sees changes otherwise, as it moves."""
    track = [{"t_s": 0, "lat_deg": 10, "lon_deg": 100}, {"t_s": 3600, "lat_deg": 12, "lon_deg": 103}]
    half_way = {"name": "half-way", "lat_deg": 11.0026, "lon_deg": 101.4955}
    fields = {
        "name": "ship",
        "epoch": EPOCH,
        "duration_s": 3600,
        "layers": {"leo": {"walker": "90:1/1/0 at 8000 km"}},
        "stations": [{"name": "ship", "track": track}, half_way],
    }
    plan = Plan.make(Scenario.model_validate(fields))
    (moving,), (still,) = (
        plan.look_angles(name, "leo-0-0", 1800).itertuples() for name in ("ship", "half-way")
    )
    assert moving.range_km == pytest.approx(still.range_km, abs=0.1)
    assert moving.azimuth_deg == pytest.approx(still.azimuth_deg, abs=1e-3)
    assert abs(moving.delay_rate_us_s - still.delay_rate_us_s) * C_KM_S * 1e-6 > 0.01  # it does 0.11 km/s
