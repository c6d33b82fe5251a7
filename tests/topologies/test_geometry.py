"""The numbers that the field quotes for well-known shells, and inverses that are inverse."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark

from skybed.topologies.orbits import geometry as g

# altitude km, period min, one-way ms at 40, 25, 10, 5 deg, slant range km at 25, overhead pass min at 5, 25
SHELLS = [
    (500, 94.62, (2.473, 3.442, 5.654, 6.931), 1031.9, 9.21, 4.11),
    (550, 95.65, (2.709, 3.747, 6.056, 7.358), 1123.4, 9.83, 4.49),
    (630, 97.31, (3.083, 4.225, 6.673, 8.008), 1266.7, 10.79, 5.10),
    (780, 100.45, (3.774, 5.091, 7.757, 9.142), 1526.3, 12.51, 6.22),
    (1145, 108.23, (5.406, 7.069, 10.117, 11.582), 2119.3, 16.46, 8.89),
]


@mark.parametrize("altitude_km, period_min, delays_ms, slant_km, pass_5_min, pass_25_min", SHELLS)
def test_shells(altitude_km, period_min, delays_ms, slant_km, pass_5_min, pass_25_min):
    assert g.period_s(altitude_km) / 60 == approx(period_min, abs=0.01)
    delay_ms = g.slant_range_km(altitude_km, [40, 25, 10, 5]) / g.C_KM_S * 1e3
    assert delay_ms == approx(delays_ms, abs=0.001)
    assert g.slant_range_km(altitude_km, 25) == approx(slant_km, abs=0.05)
    assert g.overhead_pass_s(altitude_km, [5, 25]) / 60 == approx((pass_5_min, pass_25_min), abs=0.01)


def test_hypatia_s_cone_of_30_deg_is_really_25_deg():
    assert g.elevation_deg(630, 1260) == approx(25.2, abs=0.05)
    assert g.slant_range_km(630, 30) == approx(1124.1, abs=0.05)


def test_a_satellite_cannot_be_nearer_than_its_altitude():
    assert np.isnan(g.elevation_deg(550, 500))


def test_overhead_is_90_deg_at_every_altitude():
    altitude_km = np.linspace(200, 40_000, 10_001)
    assert g.elevation_deg(altitude_km, g.slant_range_km(altitude_km, 90)) == approx(90, abs=1e-4)


@given(st.floats(200, 40_000), st.floats(0, 90))
def test_elevation_undoes_slant_range(altitude_km, elevation_deg):
    assert g.elevation_deg(altitude_km, g.slant_range_km(altitude_km, elevation_deg)) == approx(
        elevation_deg, abs=1e-4
    )


def test_doppler_of_a_low_satellite_near_the_horizon():
    speed_km_s = g.range_rate_km_s(500, 5)
    assert speed_km_s == approx(7.032, abs=0.001)
    assert 8.2e9 * speed_km_s / g.C_KM_S == approx(192.4e3, abs=0.1e3)  # X band


def test_neighbours_in_a_plane():
    assert g.chord_km(550, 22) == approx(1971.95, abs=0.01)  # Starlink
    assert g.chord_km(780, 11) == approx(4033.4, abs=0.05)  # Iridium
    assert g.chord_km(535, 12) == approx(3578.5, abs=0.05)
    assert g.chord_km(1160, 10) == approx(4658, abs=1)


def test_how_far_satellites_see_each_other_above_80_km_of_air():
    assert g.grazing_range_km([500, 550, 1145]) == approx((4733.4, 5016.6, 7717.5), abs=0.05)
    assert g.grazing_range_km(630, 80, g.WGS72_RADIUS_KM) == approx(5442.96, abs=0.005)  # Hypatia's constant


def test_fewest_satellites_of_a_ring():
    assert [g.ring_minimum(h, g.grazing_range_km(h)) for h in (500, 550, 1145)] == [9, 9, 6]


def test_sun_synchronous_inclinations():
    altitudes_km = [500, 535, 550, 650, 700]
    assert g.sun_synchronous_inclination_deg(altitudes_km) == approx(
        (97.402, 97.535, 97.593, 97.986, 98.188), abs=0.001
    )
    assert np.isnan(g.sun_synchronous_inclination_deg(7000))


def test_london_to_new_york_by_fibre():
    km = g.great_circle_km(51.50853, -0.12574, 40.717042, -74.003663)
    assert km == approx(5570, abs=3)
    assert 2e3 * g.fibre_delay_s(km, stretch=1.0) == approx(54.6, abs=0.1)


def test_great_circle_is_exact_for_neighbours_and_antipodes():
    assert g.great_circle_km(40, 116, 40, 116) == 0
    assert g.great_circle_km(0, 0, 0, 180) == approx(np.pi * 6371)


def test_what_a_station_sees_is_a_triangle_with_the_centre_of_the_earth():
    """Its sides by the law of cosines, at every elevation and on another sphere too."""
    elevation_deg = np.array([-3.0, 0.0, 5.0, 40.0, 90.0])
    for radius_km in (g.EARTH_RADIUS_KM, 1737.4):
        range_km = g.slant_range_km(550, elevation_deg, radius_km)
        psi = np.radians(g.central_angle_deg(550, elevation_deg, radius_km))
        r = radius_km + 550
        assert range_km**2 == approx(r**2 + radius_km**2 - 2 * r * radius_km * np.cos(psi))
        assert g.elevation_deg(550, range_km, radius_km) == approx(elevation_deg, abs=1e-6)
    assert g.central_angle_deg(550, 90) == approx(0, abs=1e-9)


def test_the_speed_along_the_line_of_sight_is_that_at_which_the_range_grows():
    """A satellite 550 km up comes from the horizon to overhead: numerically, over a tenth of a second."""
    for elevation_deg in (5.0, 25.0, 60.0):
        psi = np.radians(g.central_angle_deg(550, elevation_deg))
        later = psi + g.orbit_rate_rad_s(550) * np.array([-0.05, 0.05])
        r = g.EARTH_RADIUS_KM + 550
        ranges_km = np.sqrt(r**2 + g.EARTH_RADIUS_KM**2 - 2 * r * g.EARTH_RADIUS_KM * np.cos(later))
        assert g.range_rate_km_s(550, elevation_deg) == approx(np.diff(ranges_km)[0] / 0.1, rel=1e-6)
    assert g.range_rate_km_s(550, 90) == approx(0, abs=1e-9)


def test_rings_and_lines_of_sight_at_their_ends():
    assert g.chord_km(550, 2) == approx(2 * (g.EARTH_RADIUS_KM + 550))  # opposite each other
    assert g.chord_km(100, 6, 1000.0) == approx(1100)  # a hexagon
    assert g.grazing_range_km(80.0) == 0 and g.grazing_range_km(50.0) == 0  # in the air
    assert g.grazing_range_km(3000.0, 0.0, 4000.0) == approx(2 * np.sqrt(7000**2 - 4000**2))
    r_km = g.EARTH_RADIUS_KM + 550
    assert g.ring_minimum(550, 3 * r_km) == 3 and g.ring_minimum(550, 2 * r_km) == 3
    assert g.ring_minimum(100.0, 1100.1, 1000.0) == 6 and g.ring_minimum(100.0, 1099.9, 1000.0) == 7


def test_the_node_of_a_sun_synchronous_orbit_turns_once_a_year():
    """By J2: -3/2 n J2 (R/r)^2 cos i; above 5,975 km even 180 deg do not do."""
    inclination_deg = g.sun_synchronous_inclination_deg(700)
    ratio = g.EARTH_RADIUS_KM / (g.EARTH_RADIUS_KM + 700)
    rate = -1.5 * g.orbit_rate_rad_s(700) * g.J2 * ratio**2 * np.cos(np.radians(inclination_deg))
    assert rate * 86_400 * 365.2422 == approx(2 * np.pi)
    assert g.sun_synchronous_inclination_deg(5974) > 178
    assert np.isnan(g.sun_synchronous_inclination_deg(5976))


def test_straight_down_is_as_far_as_it_goes():
    altitude_km = np.linspace(200, 40_000, 10_001)
    through_km = g.slant_range_km(altitude_km, -90)
    assert through_km == approx(altitude_km + 2 * g.EARTH_RADIUS_KM)
    assert g.elevation_deg(altitude_km, through_km) == approx(-90, abs=1e-4)
    assert np.isnan(g.elevation_deg(550, 20_000))  # farther than through the Earth


def test_antipodes_are_half_a_circumference_apart_wherever_they_are():
    lat_deg, lon_deg = np.meshgrid(np.linspace(-89, 89, 179), np.linspace(-180, 180, 97))
    assert g.great_circle_km(lat_deg, lon_deg, -lat_deg, lon_deg + 180) == approx(np.pi * 6371)


def test_great_circles_on_known_arcs():
    quarter_km = np.pi / 2 * 6371
    assert g.great_circle_km(0, 0, 90, 0) == approx(quarter_km)
    assert g.great_circle_km(0, 170, 0, -100) == approx(quarter_km)
    assert g.great_circle_km(60, 0, 60, 180) == approx(np.pi / 3 * 6371)  # over the pole
    assert g.great_circle_km(60, 0, 60, 90, 1.0) == approx(np.arccos(0.75))  # sin^2 + cos^2 cos 90 deg
    assert g.great_circle_km(10, 20, 30, 50) == approx(g.great_circle_km(30, 50, 10, 20))
    assert g.fibre_delay_s(1000) == approx(1000 * 1.4 * 1.47 / 299_792.458)
