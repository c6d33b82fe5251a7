"""When satellites have places in view, against Skyfield."""

import datetime as dt

import numpy as np
import pytest
from skyfield.api import EarthSatellite, load, wgs84
from skyfield.searchlib import find_discrete

from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from skybed.topologies.tasks.views import views

EPOCH = dt.datetime(2026, 5, 9, tzinfo=dt.UTC)
DAY_S = 86_400.0
TS = load.timescale(builtin=True)
PLACES = [(-3.1, -60.0), (35.4, 139.7, 40.0), (64.1, -51.7), (0.0, 0.0)]  # Manaus, Tokyo, Nuuk, the sea


@pytest.fixture(scope="module")
def plan():
    """It is much shorter than what is asked for, and has no stations."""
    walker = {"planes": 2, "per_plane": 2, "inclination_deg": 97.535, "altitude_km": 535}
    layers = {"eo": {"walker": walker}}
    return Plan.make(Scenario.model_validate(dict(name="x", epoch=EPOCH, duration_s=60, layers=layers)))


def at(t_s):
    return TS.utc(EPOCH.year, EPOCH.month, EPOCH.day, 0, 0, t_s)


def run_time_s(moment):
    return (moment.utc_datetime() - EPOCH).total_seconds()


def skyfields(plan, satellite, place):
    row = plan.orbits.iloc[satellite]
    height_m = place[2] if len(place) == 3 else 0.0
    return EarthSatellite.from_satrec(ephemeris.satrec(row), TS), wgs84.latlon(*place[:2], height_m)


@pytest.mark.parametrize("satellite", [0, 3])
@pytest.mark.parametrize("place", range(len(PLACES)))
def test_rise_and_set_are_skyfields(plan, satellite, place):
    """find_events tells them to half a second; its own search finds them around there to 0.1 ms."""
    found = views(plan, [0, 3], PLACES, min_elevation_deg=30, until_s=DAY_S)
    mine = found.of([0, 3].index(satellite) * len(PLACES) + place)
    flying, site = skyfields(plan, satellite, PLACES[place])
    t, events = flying.find_events(site, at(0), at(DAY_S), altitude_degrees=30)

    def above(t):
        return (flying - site).at(t).altaz()[0].degrees > 30

    above.step_days = 1 / DAY_S
    for event, edges in zip((0, 2), np.array(mine).reshape(-1, 2).T, strict=True):
        around_s = [run_time_s(moment) for moment in t[events == event]]
        fine = [find_discrete(at(s - 3), at(s + 3), above, epsilon=1e-4 / DAY_S)[0][0] for s in around_s]
        assert edges == pytest.approx([run_time_s(moment) for moment in fine], abs=1e-3)


def apart_deg(a, b):
    return np.degrees(
        np.arccos(np.sum(a * b, axis=0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0))
    )


def of_edges(plan, found):
    """At each start and end: satellite and place, km, from the Earth's centre."""
    for key, *edges_s in zip(*found, strict=True):
        flying, site = skyfields(plan, key // len(PLACES), PLACES[key % len(PLACES)])
        yield flying.at(at(np.array(edges_s))).position.km, site.at(at(np.array(edges_s))).position.km


def test_off_nadir_is_the_angle_at_the_satellite(plan):
    found = views(plan, range(4), PLACES, max_off_nadir_deg=30, until_s=3 * DAY_S)
    assert set(found.key // len(PLACES)) == {0, 1, 2, 3}
    assert set(found.key % len(PLACES)) == {0, 1, 2, 3}
    for satellite_km, place_km in of_edges(plan, found):
        assert apart_deg(-satellite_km, place_km - satellite_km) == pytest.approx(30, abs=1e-4)


def test_a_swath_is_as_wide_on_the_ground(plan):
    """And what is 250 km from the track below 535 km is seen by a camera that looks 25 deg to the side."""
    found = views(plan, range(4), PLACES, swath_km=500, until_s=3 * DAY_S)
    assert len(found.key) > 8
    for satellite_km, place_km in of_edges(plan, found):
        assert np.radians(apart_deg(satellite_km, place_km)) * MEAN_RADIUS_KM == pytest.approx(250, abs=0.02)
        assert apart_deg(-satellite_km, place_km - satellite_km) == pytest.approx(25, abs=1)


def test_all_limits_hold_together(plan):
    """From 535 km what is 30 deg off nadir sees the satellite 57 deg high: the higher limit binds."""
    off = {"max_off_nadir_deg": 30, "swath_km": 2000, "until_s": DAY_S}
    for elevation_deg, alone in (
        (5, {"max_off_nadir_deg": 30, "until_s": DAY_S}),
        (60, {"min_elevation_deg": 60, "until_s": DAY_S}),
    ):
        both = views(plan, [1], PLACES, min_elevation_deg=elevation_deg, **off)
        one = views(plan, [1], PLACES, **alone)
        assert len(both.key)
        assert all(np.allclose(*columns, atol=1e-5, rtol=0) for columns in zip(both, one, strict=True))


def test_nothing_is_seen_through_the_earth(plan):
    """A geocentric line of sight within 89 deg of nadir meets the Earth's far side too."""
    wide = views(plan, [0], PLACES, max_off_nadir_deg=89, until_s=DAY_S)
    horizon = views(plan, [0], PLACES, until_s=DAY_S)
    assert all(np.allclose(*columns) for columns in zip(wide, horizon, strict=True))
