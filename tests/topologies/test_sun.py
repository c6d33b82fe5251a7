"""The Sun against published instants, and against JPL's DE421 as skyfield reads it."""

import datetime as dt

import numpy as np
import pytest

from skybed.topologies.orbits import ellipsoid, sun

# skyfield 1.55 with DE421: earth.at(t).observe(sun).apparent().frame_xyz(TEME).km, whole km.
DE421_KM = {
    "2000-01-01T12:00": (26484772, -132761157, -57554637),
    "2026-03-20T14:46": (148987145, -4104, 245),
    "2026-05-09T04:00": (99950699, 103853253, 45024327),
    "2026-06-21T08:24": (5691, 139477456, 60466951),
    "2026-09-23T00:05": (-150132965, 6289, 149),
    "2026-12-21T20:50": (-6236, -135022354, -58534104),
    "2035-07-05T00:00": (-33839201, 136060879, 58969073),
}


def at(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize("when, there", DE421_KM.items(), ids=DE421_KM)
def test_it_is_where_de421_has_it(when, there):
    here = sun.position_km(at(when), 0.0)
    distance, distance_of_de421 = np.linalg.norm(here), np.linalg.norm(there)
    off_deg = np.degrees(np.linalg.norm(here / distance - np.array(there) / distance_of_de421))
    assert off_deg < 0.0096
    assert distance == pytest.approx(distance_of_de421, rel=8.1e-5)


def test_run_times_are_seconds_after_the_epoch():
    days = (at("2026-06-21T08:24") - at("2026-03-20T14:46")).total_seconds()
    both = sun.position_km(at("2026-03-20T14:46"), [0.0, days])
    assert both.shape == (2, 3)
    assert both[1] == pytest.approx(sun.position_km(at("2026-06-21T08:24"), 0.0), abs=1)


@pytest.mark.parametrize("when, rises", [("2026-03-20T14:46", True), ("2026-09-23T00:05", False)])
def test_the_equinoxes_of_2026(when, rises):
    """As the US Naval Observatory publishes them. 0.0096 deg are 14 minutes of the Sun's way."""
    z = sun.position_km(at(when), [-840.0, 840.0])[:, 2]
    assert (z > 0).tolist() == [not rises, rises]


@pytest.mark.parametrize("when, tilt_deg", [("2026-06-21T08:24", 23.436), ("2026-12-21T20:50", -23.436)])
def test_the_solstices_of_2026(when, tilt_deg):
    x, y, z = sun.position_km(at(when), 0.0)
    assert np.degrees(np.arctan2(z, np.hypot(x, y))) == pytest.approx(tilt_deg, abs=0.003)


def test_it_is_nearest_in_january_and_farthest_in_july():
    """Perihelion of 2026 on 3 January at 0.98330 au, aphelion on 6 July at 1.01664 au."""
    day = np.arange(365)
    distance_au = np.linalg.norm(sun.position_km(at("2026-01-01T12:00"), day * 86400.0), axis=1) / sun.AU_KM
    assert day[distance_au.argmin()] in (1, 2, 3)
    assert day[distance_au.argmax()] in (185, 186, 187)
    assert distance_au.min() == pytest.approx(0.98330, abs=1e-4)
    assert distance_au.max() == pytest.approx(1.01664, abs=1e-4)


def test_it_stands_overhead_on_the_tropic_at_the_solstice():
    when = at("2026-06-21T08:24")
    direction = sun.position_km(when, 0.0)
    longitude_deg = np.degrees(np.arctan2(direction[1], direction[0]))
    here = ellipsoid.point_km(ellipsoid.normal([23.436, -66.564], longitude_deg), 0)
    assert ellipsoid.elevation_deg(here, direction) == pytest.approx([90, 0], abs=0.01)
