"""Rain and humidity at the catalogue's stations."""

from pytest import approx, mark

from skybed.topologies.model import catalogue
from skybed.topologies.radio import climate


def test_every_station_of_the_catalogue_has_its_climate():
    assert climate.CLIMATES.keys() == catalogue.STATIONS.keys()


# The examples are some km from the cities of the catalogue.
@mark.parametrize(
    "lat, lon, rain_height_km",
    [
        (51.5, -0.14, 2.45273333),
        (25.78, -80.22, 4.56946133),
        (28.717, 77.3, 5.25820404),
        (3.133, 101.7, 4.95797440),
    ],
)
def test_rain_heights_are_those_of_the_itu_s_validation_examples(lat, lon, rain_height_km):
    assert climate.near(lat, lon).rain_height_km == approx(rain_height_km, abs=0.02)


@mark.parametrize(
    "lat, lon, rain_001_mm_h",
    [
        (51.5, -0.14, 26.48052),
        (25.78, -80.22, 78.2994993),
        (28.717, 77.3, 63.61888808),
        (3.133, 101.7, 99.15117186),
    ],
)
def test_rain_rates_are_those_of_the_itu_s_validation_examples(lat, lon, rain_001_mm_h):
    assert climate.near(lat, lon).rain_001_mm_h == approx(rain_001_mm_h, rel=0.03)


def test_far_from_all_stations_it_is_unknown():
    assert climate.near(35.0, 109.0) is None
    assert climate.near(40.07, 116.27) == climate.CLIMATES["beijing"]
    assert climate.near(40.3, 116.5).rain_001_mm_h == approx(43, abs=1)
