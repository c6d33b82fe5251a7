"""Where satellites are over the ground, where a line is cut, and from where a satellite is in view."""

import datetime as dt

import numpy as np
import pytest
from skyfield.api import EarthSatellite, load, wgs84

from skybed.topologies.orbits import ellipsoid, ephemeris, ground_tracks
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM
from support.tiny_sky import TINY, plan_of


def test_points_below_satellites_are_those_of_skyfield():
    plan = plan_of(TINY)
    t_s = np.array([0.0, 17.0, 59.0])
    below = ground_tracks.below(ground_tracks.fixed_km(plan.network.sky, np.array([[0], [1]]), t_s))
    timescale = load.timescale(builtin=True)
    begin = plan.scenario.begin
    for n in (0, 1):
        satellite = EarthSatellite.from_satrec(ephemeris.satrec(plan.orbits.iloc[n]), timescale)
        for k, at_s in enumerate(t_s.tolist()):
            when = timescale.from_datetime(begin + dt.timedelta(seconds=at_s))
            known = wgs84.geographic_position_of(satellite.at(when))
            assert below.lat_deg[n, k] == pytest.approx(known.latitude.degrees, abs=2e-4)
            assert below.lon_deg[n, k] == pytest.approx(known.longitude.degrees, abs=2e-4)
            assert below.height_km[n, k] == pytest.approx(known.elevation.km, abs=0.02)


def test_a_line_over_the_antimeridian_is_cut_on_both_sides():
    lon, lat = np.array([170.0, 178, -178, -170, 178]), np.array([0.0, 2, 4, 6, 9])
    pieces = ground_tracks.cut(lon, lat)
    assert [piece.tolist() for piece in pieces] == [
        [[170, 0], [178, 2], [180, 3]],
        [[-180, 3], [-178, 4], [-170, 6], [-180, 6 + 3 * 10 / 12]],
        [[180, 8.5], [178, 9]],
    ]


@pytest.mark.parametrize("lon", [[0.0, 10, 20], [180.0, 170], [-180.0, -170]])
def test_a_line_that_crosses_nothing_is_whole(lon):
    (piece,) = ground_tracks.cut(np.array(lon), np.zeros(len(lon)))
    assert piece[:, 0].tolist() == lon


def test_a_satellite_at_550_km_is_seen_25_deg_high_from_941_km():
    """The radius of coverage of Starlink's first shell, in SpaceX's filing of 2018 with the FCC: 940.7 km."""
    angle_deg = ground_tracks.half_angle_deg(np.array(MEAN_RADIUS_KM + 550), 25.0)
    assert np.radians(angle_deg) * MEAN_RADIUS_KM == pytest.approx(940.7, abs=0.6)


@pytest.mark.parametrize("lat_deg", [0.0, 53.0, -80.0, 90.0])
@pytest.mark.parametrize("elevation_deg", [0.0, 25.0])
def test_from_the_edge_of_a_footprint_a_satellite_stands_as_high_as_asked(lat_deg, elevation_deg):
    r_km = (MEAN_RADIUS_KM + 1000) * ellipsoid.normal(lat_deg, 175.0)
    edge = ground_tracks.footprint(r_km, elevation_deg)
    line = r_km - MEAN_RADIUS_KM * edge
    sine = (line * edge).sum(axis=1) / np.linalg.norm(line, axis=1)
    assert np.degrees(np.arcsin(sine)) == pytest.approx(elevation_deg, abs=1e-9)
    area = sum(np.dot(np.cross(a, b), r_km) for a, b in zip(edge, np.roll(edge, -1, axis=0), strict=True))
    assert area > 0  # anticlockwise
