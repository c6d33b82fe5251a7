"""Who is in sunlight when: against skyfield, textbook formulas, and what operators know of their orbits."""

import datetime as dt
import itertools
import math

import numpy as np
import pytest
from sgp4.api import WGS72, Satrec

from skybed.topologies.contacts.sunlight import margin_km, sunlit
from skybed.topologies.orbits import ellipsoid, ephemeris, sun
from skybed.topologies.orbits.geometry import WGS72_RADIUS_KM

DAY_S = 86400.0
EQUINOX, SOLSTICE = dt.datetime(2026, 3, 20, tzinfo=dt.UTC), dt.datetime(2026, 6, 21, tzinfo=dt.UTC)
SSO_DEG = 97.6  # at 550 km


def orbit(epoch, altitude_km, inclination_deg, node_deg, eccentricity=1e-7, bstar=0.0):
    jd, fraction = ephemeris.julian_utc(epoch)
    motion = math.sqrt(398600.8 / (WGS72_RADIUS_KM + altitude_km) ** 3) * 60
    s = Satrec()
    s.sgp4init(
        WGS72, "i", 1, jd - ephemeris.SGP4_EPOCH_JD + fraction, bstar, 0, 0, eccentricity, 0.0,
        math.radians(inclination_deg), 0.0, motion, math.radians(node_deg),
    )  # fmt: skip
    return s


def sky_of(epoch, orbits, until_s=DAY_S):
    satrecs = [orbit(epoch, *each) for each in orbits]
    names = [str(n) for n in range(len(satrecs))]
    return ephemeris.make(ephemeris.elements_table(names, satrecs), [], epoch, until_s)


def lit_of(epoch, *orbits):
    return sunlit(sky_of(epoch, orbits), epoch, np.arange(len(orbits)), DAY_S)


def eclipses_of(lit, key):
    """Those that begin and end within the day."""
    spans = lit.of(key)
    return [(end, begin) for (_, end), (begin, _) in itertools.pairwise(spans)]


def test_edges_as_skyfield_finds_them():
    """find_discrete over is_sunlit with DE421 (skyfield 1.55), to a ms: a sphere of the equator's radius, so
    in the equator's plane there is no difference, and elsewhere one of seconds at most.
    """
    lit = lit_of(EQUINOX, (550, 0.1, 0), (35786, 0.01, 30), (550, 53, 60), (550, SSO_DEG, 0))
    assert eclipses_of(lit, 0)[0] == pytest.approx((1789.06, 3925.20), abs=0.05)
    assert eclipses_of(lit, 1) == [pytest.approx((33768.06, 37944.43), abs=0.3)]
    assert eclipses_of(lit, 2)[0] == pytest.approx((1205.14, 3032.37), abs=8)
    assert eclipses_of(lit, 3)[0] == pytest.approx((1797.07, 3934.90), abs=8)


@pytest.mark.parametrize("altitude_km", [500, 550, 1200])
def test_the_share_of_eclipse_is_that_of_the_beta_angle(altitude_km):
    """The formula's Earth is a sphere, whose shadow some orbits leave up to 0.005 of a period later."""
    nodes_deg = range(0, 360, 30)
    lit = lit_of(EQUINOX, *((altitude_km, 53, node_deg) for node_deg in nodes_deg))
    x, y, z = sun.position_km(EQUINOX, DAY_S / 2)
    tilt, sun_deg = math.atan2(z, math.hypot(x, y)), math.degrees(math.atan2(y, x))
    radius_km = ellipsoid.A_KM + altitude_km
    drift_deg = -2.5  # of the node in half a day, by the Earth's flattening
    for key, node_deg in enumerate(nodes_deg):
        i, ahead = math.radians(53), math.radians(sun_deg - node_deg - drift_deg)
        beta = math.asin(math.sin(tilt) * math.cos(i) - math.cos(tilt) * math.sin(i) * math.sin(ahead))
        reach = math.sqrt(altitude_km**2 + 2 * ellipsoid.A_KM * altitude_km) / (radius_km * math.cos(beta))
        found = eclipses_of(lit, key)
        period_s = 2 * math.pi * math.sqrt(radius_km**3 / 398600.4418)
        share = np.mean([end - begin for begin, end in found]) / period_s
        assert share == pytest.approx(math.acos(reach) / math.pi, abs=0.006)


def test_geostationary_satellites_are_eclipsed_around_the_equinoxes_only():
    """At most 72 minutes a day, penumbra and all; of that the half of the penumbra is 70."""
    at_equinox, at_solstice = (lit_of(epoch, (35786, 0.01, 30)) for epoch in (EQUINOX, SOLSTICE))
    ((begin, end),) = eclipses_of(at_equinox, 0)
    assert 69 < (end - begin) / 60 < 72
    assert at_solstice.of(0) == [(0.0, DAY_S)]


def test_dawn_and_dusk_orbits_have_sun_but_around_one_solstice():
    """Ascending at 18 h local time, at 12 h, and at 6 h. The first two weeks of summer bring the first an
    eclipse an orbit; at the equinox only who flies at noon has any.
    """
    dusk, noon, dawn = (lit_of(EQUINOX, (550, SSO_DEG, node_deg)) for node_deg in (90, 0, 270))
    assert dusk.of(0) == dawn.of(0) == [(0.0, DAY_S)]
    assert [round((end - begin) / 60) for begin, end in eclipses_of(noon, 0)] == [35] * 15
    dusk, dawn = (lit_of(SOLSTICE, (550, SSO_DEG, node_deg)) for node_deg in (180, 0))
    minutes = {len(x.of(0)): [(end - begin) / 60 for begin, end in eclipses_of(x, 0)] for x in (dusk, dawn)}
    assert minutes[1] == []
    (shadowed,) = (found for found in minutes.values() if found)
    assert min(shadowed) > 10 and max(shadowed) < 25


def test_the_shadow_is_that_of_the_ellipsoid():
    """Lines to the Sun that graze it: all their points have a height, or one has none."""
    rng = np.random.default_rng(1)
    sun_km = sun.position_km(SOLSTICE, 0.0)
    up = rng.normal(size=(2000, 3))
    r_km = up / np.linalg.norm(up, axis=1)[:, None] * 6928
    margin = margin_km(r_km, sun_km)
    way = (sun_km - r_km) / np.linalg.norm(sun_km - r_km, axis=1)[:, None]
    along = r_km + np.linspace(0, 8000, 16001)[:, None, None] * way
    scaled = along / np.array([ellipsoid.A_KM, ellipsoid.A_KM, ellipsoid.B_KM])
    outside = (np.einsum("...i,...i", scaled, scaled) > 1).all(axis=0)
    assert ((margin > 0) == outside)[np.abs(margin) > 1e-3].all()
    assert 0.2 < (margin < 0).mean() < 0.4


def test_no_eclipse_is_missed_or_made_up():
    """Nodes side by side, among them orbits that only touch the shadow."""
    orbits = [(550, SSO_DEG, 60 + n / 10) for n in range(100)]
    sky = sky_of(EQUINOX, orbits)
    lit = sunlit(sky, EQUINOX, np.arange(100), DAY_S)
    t_s = np.arange(0.5, DAY_S, 2.0)
    shortest_s = DAY_S
    for key in range(100):
        truth = margin_km(sky.position_km(key, t_s), sun.position_km(EQUINOX, t_s)) > 0
        told = np.zeros(len(t_s), bool)
        for begin, end in lit.of(key):
            told |= (begin <= t_s) & (t_s < end)
        assert (told == truth).all()
        shortest_s = min([shortest_s, *(end - begin for begin, end in eclipses_of(lit, key))])
    assert shortest_s < 20  # less than between samples


def test_keys_are_the_numbers_asked_for():
    orbits = [(550, SSO_DEG, 90), (550, SSO_DEG, 0), (35786, 0.01, 30)]
    sky = sky_of(EQUINOX, orbits)
    every = sunlit(sky, EQUINOX, np.arange(3), DAY_S)
    some = sunlit(sky, EQUINOX, np.array([1, 2]), DAY_S)
    assert set(some.key.tolist()) == {1, 2}
    for key in (1, 2):
        assert np.array(some.of(key)) == pytest.approx(np.array(every.of(key)), abs=1e-5)
    assert not len(sunlit(sky, EQUINOX, np.zeros(0, np.int64), DAY_S).key)


def test_a_satellite_that_is_down_is_in_sunlight_no_more():
    sky = sky_of(EQUINOX, [(160, 53, 0, 1e-7, 0.5)], 3 * DAY_S)
    (decay,) = sky.decays
    lit = sunlit(sky, EQUINOX, np.array([0]), 3 * DAY_S)
    assert 0 < lit.end_s.max() <= decay.t_s
