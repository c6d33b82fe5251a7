"""Rain by the ITU's own validation examples for P.838-3 and P.618-14, and what must hold for any rain."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark

from skybed.topologies.radio import rain

# Latitude, station and rain height in km, elevation and tilt in deg, mm/h exceeded 0.01 % of the year; dB
# exceeded 1, 0.1, 0.01 and 0.001 % of it at 14.25 and at 29 GHz. The rain height is that of P.839-4,
# in Addis Ababa from the length of the path.
SITES = {
    "London": (51.5, 0.031382984, 2.45273333, 31.07699124, 0, 26.48052,
               (0.495317069, 2.185847422, 6.798072267, 14.89982248),
               (2.207786043, 8.570058374, 23.44444523, 45.19865638)),
    "Rome": (41.9, 0.046122988, 3.04749333, 40.232036, 0, 33.936232,
             (0.623263001, 2.696765133, 8.223265009, 17.67155766),
             (2.823465634, 10.73100773, 28.74272193, 54.25561152)),
    "Cape Town": (33.94, 0, 2.56330276, 46.35969261, 0, 27.13586832,
                  (0.421017025, 1.913387572, 5.941806096, 12.98151687),
                  (1.960636113, 7.808322508, 21.24861968, 40.68133016)),
    "low": (22.9, 0, 4.15877867, 22.27833468, 0, 50.639304,
            (1.706901281, 8.271647438, 18.94410356, 29.91171296),
            (6.813368079, 29.31896844, 59.62576355, 83.5996391)),
    "Miami": (25.78, 0.00861728, 4.56946133, 52.67898486, 0, 78.2994993,
              (1.437312523, 6.297247244, 16.42980703, 29.9309477),
              (6.654855651, 25.56295492, 58.47438336, 93.39562548)),
    "Delhi": (28.717, 0.209383699, 5.25820404, 48.24117054, 90, 63.61888808,
              (1.274463613, 5.486346969, 14.87213733, 28.23603149),
              (5.887821871, 22.22622902, 52.83372062, 87.96233699)),
    "Kuala Lumpur": (3.133, 0.051251456, 4.95797440, 85.80459566, 90, 99.15117186,
                     (2.001026654, 11.00145492, 21.61057916, 28.81950409),
                     (10.2131477, 48.81996807, 83.37856227, 96.67521082)),
    "Addis Ababa": (9.05, 2.539861878, 4.78390667, 20.14335809, 90, 42.91007183,
                    (1.012353973, 5.881071312, 12.28976033, 17.44199306),
                    (3.70158394, 19.23910378, 35.97037673, 45.67419098)),
}  # fmt: skip
SHARES_PCT = np.array([1, 0.1, 0.01, 0.001])

rates = st.floats(0.1, 200)
frequencies = st.floats(4, 54)
elevations = st.floats(5, 90)
depths = st.floats(0.5, 6)
latitudes = st.floats(-70, 70)


@mark.parametrize("site", SITES)
def test_what_is_exceeded_as_the_itu_has_it(site):
    lat, station_km, rain_km, el, tilt, rain_mm_h, at_14, at_29 = SITES[site]
    for frequency_ghz, published in ((14.25, at_14), (29, at_29)):
        depth_km = rain_km - station_km
        db = rain.exceeded_db(SHARES_PCT, rain_mm_h, frequency_ghz, el, depth_km, lat, tilt)
        assert db == approx(published, rel=1e-6)


@mark.parametrize(
    "frequency, elevation, tilt, rain_mm_h, k, alpha, db_km",
    [
        (14.25, 31.07699124, 0, 26.48052, 0.03975488, 1.12418043, 1.58130839),
        (29, 40.232036, 0, 33.936232, 0.22031404, 0.9504446, 6.27846024),
        (14.25, 85.80459566, 90, 99.13558978, 0.04133039, 1.09499629, 6.34064598),
        (29, 20.14335809, 90, 42.91007183, 0.21298877, 0.92265917, 6.83364556),
    ],
)
def test_specific_attenuation_as_the_itu_has_it(frequency, elevation, tilt, rain_mm_h, k, alpha, db_km):
    assert rain.coefficients(frequency, elevation, tilt) == approx((k, alpha), abs=5e-9)
    assert rain.specific_db_km(rain_mm_h, frequency, elevation, tilt) == approx(db_km, abs=5e-9)


def test_rain_stops_ka_in_sanya_and_hardly_x_in_kashi():
    """10 deg, 1 % of the year; ITU-Rpy 0.4.0 with its own maps: 15.1, 1.6, 2.1 and 0.1 dB."""
    sanya, kashi = (81.1, 5.23, 18.3), (9.5, 4.73 - 1.29, 39.5)
    db = [
        rain.exceeded_db(1, rain_mm_h, frequency, 10, depth_km, lat)
        for rain_mm_h, depth_km, lat in (sanya, kashi)
        for frequency in (26.25, 8.2)
    ]
    assert db == approx([15.1, 1.6, 2.1, 0.1], abs=0.15)


def test_circular_is_between_horizontal_and_vertical():
    vertical, circular, horizontal = (rain.specific_db_km(30, 20, 10, tilt) for tilt in (90, 45, 0))
    assert vertical < circular < horizontal


def test_above_the_rain_there_is_none():
    assert rain.exceeded_db(0.01, 50, 20, 30, [0, -0.5], 40) == approx(0)
    assert rain.shower_db(0, 20, 30, 4, 40) == 0


def test_straight_up_goes_through_the_depth_of_the_rain():
    assert rain.effective_path_km(1e-9, 20, 90, 4, 50) == approx(4 / 0.55, rel=1e-3)  # 1 - 0.45, step 7
    assert rain.shower_db(30, 20, 90, 4, 50) == approx(rain.shower_db(30, 20, 89.99, 4, 50), rel=0.01)


@given(rates, frequencies, elevations, depths, latitudes)
def test_heavier_rain_attenuates_more(rate, frequency, elevation, depth_km, lat):
    db = rain.shower_db([rate, rate * 1.01], frequency, elevation, depth_km, lat)
    assert 0 < db[0] < db[1]


@given(rates, frequencies, elevations, depths, latitudes)
def test_a_shower_of_the_rate_exceeded_a_hundredth_of_a_percent(rate, frequency, elevation, depth_km, lat):
    where = (frequency, elevation, depth_km, lat)
    assert rain.shower_db(rate, *where) == approx(rain.exceeded_db(0.01, rate, *where))


@given(st.floats(10, 100), frequencies, st.floats(5, 60), st.floats(1, 5), latitudes)
def test_the_rarer_the_worse(rain_mm_h, frequency, elevation, depth_km, lat):
    db = rain.exceeded_db([5, 2, 1, 0.3, 0.1, 0.03, 0.01], rain_mm_h, frequency, elevation, depth_km, lat)
    assert (np.diff(db) > 0).all()


def test_lower_paths_are_longer():
    db = rain.exceeded_db(0.1, 40, 20, np.arange(5, 60, 5), 4, 45)
    assert (np.diff(db) < 0).all()
