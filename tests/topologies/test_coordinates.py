"""Latitudes and longitudes as they stand in station lists."""

import re

from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark, raises

from skybed.topologies.model.catalogue import STATIONS
from skybed.topologies.model.coordinates import degrees
from skybed.topologies.model.faults import Region
from skybed.topologies.model.ground import Station
from skybed.topologies.model.space import Geostationary


@mark.parametrize(
    "text, deg",
    [
        ("67:53:22", 67.889444), ("67 53 22 N", 67.889444), ("67°53'22\"N", 67.889444),
        ("67° 53′ 22″ N", 67.889444), ("67d53m22s", 67.889444), ("N67 53.3667", 67.889444), ("67.5N", 67.5),
        ("-35:24:05.5", -35.401528), ("35°24'05.5''S", -35.401528), ("0:30 S", -0.5), ("-0:30", -0.5),
        ("67.889", 67.889), ("−67.889", -67.889),
    ],
)  # fmt: skip
def test_forms_of_an_angle(text, deg):
    assert degrees(text, "NS") == approx(deg, abs=1e-6)


@given(
    st.integers(-179, 179), st.integers(0, 59), st.integers(0, 59), st.sampled_from(["{}:{}:{}", "{}d{}m{}s"])
)
def test_a_letter_is_a_sign(deg, minutes, seconds, form):
    text = form.format(abs(deg), minutes, seconds)
    size = abs(deg) + minutes / 60 + seconds / 3600
    assert degrees(f"{text} {'W' if deg < 0 else 'E'}", "EW") == approx(size if deg >= 0 else -size)
    assert degrees(f"-{text}", "EW") == approx(-size)


@given(st.floats(-180, 360, allow_nan=False).map(lambda x: f"{x:.9f}"))
def test_decimal_degrees_are_what_they_are(text):
    assert degrees(text, "EW") == float(text)


@mark.parametrize(
    "text, says",
    [
        ("15 24 28 E", "is not an angle; write degrees as 78.23, 78:13:47 or 78 13 47 N"),
        ("north", "is not an angle; write degrees as 78.23, 78:13:47 or 78 13 47 N"),
        ("10' N", "is not an angle; write degrees as 78.23, 78:13:47 or 78 13 47 N"),
        ("78 61 0", "has 60 or more minutes or seconds"),
        ("78.5 30", "has a fraction before its last part"),
        ("-78 13 S", "has both a sign and S; give one of them"),
    ],
)
def test_what_is_no_latitude(text, says):
    with raises(ValueError, match=re.escape(says)):
        degrees(text, "NS")


def test_every_field_that_is_an_angle_on_the_ground_takes_them():
    station = Station(name="kiruna", lat_deg="67 53 N", lon_deg="21 04 E")
    assert (station.lat_deg, station.lon_deg) == approx((67.88, 21.06), abs=0.01)
    assert station.lat_deg == approx(STATIONS["kiruna"]["lat_deg"], abs=0.01)
    assert Region(lat_deg="10 S", lon_deg="100 W", radius_km=5).lon_deg == -100
    assert Geostationary(longitudes_deg=["77:30 E", 177]).longitudes_deg == [77.5, 177]
