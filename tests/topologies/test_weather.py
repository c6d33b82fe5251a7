"""Weather over time: distributed as P.618 has it, remembered as P.1853 has it, and drawn as chance is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, fixture, mark

from skybed.topologies.orbits import chance
from skybed.topologies.radio import climate, rain, weather

STEP_S = 120.0


@fixture(scope="module")
def decade():
    """Ten years, two minutes each."""
    return weather.series(2_628_000, STEP_S, weather.RAIN_MEMORY_S, 1, "rain", "sanya")


def test_normal_numbers():
    x = chance.normal(1_000_001, "a")
    assert (x.mean(), x.var(), (x**4).mean()) == approx((0, 1, 3), abs=0.02)
    assert (x[:-1] * x[1:]).mean() == approx(0, abs=0.005)
    assert (chance.normal(77, "a") == x[:77]).all()


def test_a_longer_series_begins_with_the_shorter():
    short, long = (weather.series(n, 10, weather.RAIN_MEMORY_S, 7, "rain", "miyun") for n in (101, 5000))
    assert (long[:101] == short).all()


@mark.parametrize("other", [(8, "rain", "miyun"), (7, "cloud", "miyun"), (7, "rain", "kashi")])
def test_another_seed_purpose_or_place_is_other_weather(other):
    one, two = (weather.series(20_000, 1000, 500, *name) for name in ((7, "rain", "miyun"), other))
    assert np.corrcoef(one, two)[0, 1] == approx(0, abs=0.05)


def test_it_is_standard_normal_from_the_first_instant_on():
    first = np.array([weather.series(2, 100, 5000, seed) for seed in range(4000)])
    assert first.mean(axis=0) == approx([0, 0], abs=0.06)
    assert first.var(axis=0) == approx([1, 1], abs=0.08)
    assert np.corrcoef(first.T)[0, 1] == approx(np.exp(-100 / 5000), abs=0.003)


def test_it_forgets_in_5000_s(decade):
    for steps in (5, 30, 60, 120):
        kept = (decade[:-steps] * decade[steps:]).mean()
        assert kept == approx(np.exp(-steps * STEP_S / 5000), abs=0.03)


@mark.parametrize(
    "station, lat, alt_km, frequency, elevation",
    [
        ("sanya", 18.3, 0, 8.2, 10),
        ("sanya", 18.3, 0, 26.25, 60),
        ("kashi", 39.5, 1.3, 26.25, 10),
        ("miyun", 40.45, 0.1, 20, 30),
    ],
)
def test_over_a_decade_rain_is_exceeded_as_p618_says(decade, station, lat, alt_km, frequency, elevation):
    place = climate.CLIMATES[station]
    path = (place.rain_001_mm_h, frequency, elevation, place.rain_height_km - alt_km, lat)
    db = weather.rain_db(decade, *path)
    for share_pct, tolerance in ((5, 0.03), (1, 0.05), (0.1, 0.15), (0.03, 0.3)):
        above = 100 * (db > rain.exceeded_db(share_pct, *path)).mean()
        assert above == approx(share_pct, rel=tolerance)
    assert 100 * (db > 0).mean() == approx(weather.WET_PCT, rel=0.03)


def test_showers_of_a_decade_last_minutes_to_hours(decade):
    """Above 10 dB at 26 GHz and 30 deg in Sanya."""
    place = climate.CLIMATES["sanya"]
    above = weather.rain_db(decade, place.rain_001_mm_h, 26.25, 30, place.rain_height_km, 18.3) > 10
    begun = np.count_nonzero(above[1:] & ~above[:-1])
    assert 5 < above.sum() / begun * STEP_S / 60 < 60


@given(st.floats(-4, 5), st.floats(0.01, 1), st.floats(10, 50))
def test_worse_weather_attenuates_no_less_and_lower_paths_no_less(x, worse, elevation):
    path = (40.0, 20.0, elevation, 4.0, 45.0)
    db = weather.rain_db([x, x + worse], *path)
    assert 0 <= db[0] <= db[1]
    assert weather.rain_db(x, 40.0, 20.0, elevation - 5, 4.0, 45.0) >= db[0]


def test_it_begins_to_rain_gently():
    x = np.linspace(1.2, 1.8, 601)
    db = weather.rain_db(x, 80, 26.25, 10, 5, 18)
    assert db[0] == 0 and np.abs(np.diff(db)).max() < 0.05


def test_showers_by_hand():
    showers = [(10, 20, 30.0), (15, 40, 5.0)]
    assert [*weather.falling_mm_h(showers, [9, 10, 19.9, 20, 39, 40])] == [0, 30, 30, 5, 5, 0]
    assert weather.falling_mm_h([], 5) == 0


@mark.parametrize("elevation, share", [(90, 0.4), (30, 1 - 0.6**2), (20, 1 - 0.6 ** (1 / 0.34202))])
def test_a_low_line_of_sight_is_cloudy_more_often(elevation, share):
    sky = weather.series(200_000, 3600, weather.CLOUD_MEMORY_S, 1, "cloud", "pamir")
    assert weather.cloudy(sky, 0.4, elevation).mean() == approx(share, abs=0.01)


@given(st.floats(-4, 4), st.floats(0, 1), st.floats(5, 85))
def test_what_is_clear_low_is_clear_higher_up(x, cloud_share, elevation):
    low, high = weather.cloudy(x, cloud_share, [elevation, elevation + 5])
    assert low or not high


def test_no_clouds_and_nothing_but_clouds():
    assert not weather.cloudy([-3, 0, 3], 0, 30).any()
    assert weather.cloudy([-3, 0, 3], 1, 30).all()
