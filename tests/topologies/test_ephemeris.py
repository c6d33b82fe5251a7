import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from sgp4.api import WGS72, Satrec
from skyfield.api import EarthSatellite, load, wgs84

from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import ellipsoid, ephemeris
from skybed.topologies.orbits.geometry import WGS72_RADIUS_KM
from skybed.topologies.orbits.tracks import standing

EPOCH = dt.datetime(2026, 5, 9, 4, 0, 0, tzinfo=dt.UTC)
STATIONS = [(40.45, 116.86, 55.0), (67.88, 21.06, 400.0), (-90.0, 0.0, 2835.0)]
PLACES = [standing(*station) for station in STATIONS]


def circular(altitude_km, inclination_deg, anomaly_deg, eccentricity=1e-7, bstar=0.0):
    jd, fraction = ephemeris.julian_utc(EPOCH)
    n = math.sqrt(398600.8 / (WGS72_RADIUS_KM + altitude_km) ** 3) * 60
    s = Satrec()
    s.sgp4init(
        WGS72, "i", 1, jd - ephemeris.SGP4_EPOCH_JD + fraction, bstar, 0, 0, eccentricity, 0.0,
        math.radians(inclination_deg), math.radians(anomaly_deg), n, 1.0,
    )  # fmt: skip
    return s


SATRECS = [circular(300, 97, 0), circular(550, 53, 200), circular(1160, 86.5, 90), circular(35786, 0.01, 30)]


@pytest.fixture(scope="module")
def sky():
    table = ephemeris.elements_table(["a", "b", "c", "geo"], SATRECS)
    return ephemeris.make(table, PLACES, EPOCH, 7200)


def test_interpolation_stays_within_20_cm_of_sgp4(sky):
    t = np.linspace(0, 7200, 997)
    jd, fraction = ephemeris.julian_utc(EPOCH)
    for i, s in enumerate(SATRECS):
        _, r, _ = s.sgp4_array(np.full(t.shape, jd), fraction + t / 86400)
        off_km = np.linalg.norm(sky.position_km(i, t) - r, axis=-1)
        assert off_km.max() < (2e-4 if i == 3 else 1e-4)


def test_range_and_elevation_agree_with_skyfield(sky):
    ts = load.timescale(builtin=True)
    t_s = np.linspace(0, 6000, 61)
    t = ts.utc(2026, 5, 9, 4, 0, t_s)
    for g, station in enumerate(STATIONS):
        site = wgs84.latlon(*station)
        for i, s in enumerate(SATRECS):
            altitude, _, distance = (EarthSatellite.from_satrec(s, ts) - site).at(t).altaz()
            node = len(SATRECS) + g
            line = sky.position_km(i, t_s) - sky.position_km(node, t_s)
            up = ellipsoid.zenith(sky.position_km(node, t_s))
            range_km = np.linalg.norm(line, axis=-1)
            elevation = np.degrees(np.arcsin(np.einsum("ij,ij->i", line, up) / range_km))
            assert range_km == pytest.approx(distance.km, abs=2e-3)
            assert elevation == pytest.approx(altitude.degrees, abs=1e-3)
            assert sky.distance_km(i, node, t_s) == pytest.approx(range_km)


def test_stored_elements_give_the_same_positions(sky, tmp_path):
    ephemeris.elements_table(["a", "b", "c", "geo"], SATRECS).to_parquet(tmp_path / "e.parquet")
    again = ephemeris.make(pd.read_parquet(tmp_path / "e.parquet"), PLACES, EPOCH, 7200)
    every = np.arange(sky.table.nodes)[:, None], np.arange(sky.table.count)
    assert np.array_equal(again.table.at(*every), sky.table.at(*every))


def test_a_satellite_that_decays_stays_where_it_was_last_and_is_named():
    table = ephemeris.elements_table(
        ["fine", "falling"], [circular(550, 53, 0), circular(160, 53, 0, bstar=0.5)]
    )
    sky = ephemeris.make(table, PLACES, EPOCH, 86400 * 3)
    (decay,) = sky.decays
    assert (decay.satellite, decay.reason) == (
        1,
        "SGP4 fails: mrt is less than 1.0 which indicates the satellite has decayed",
    )
    assert sky.ends_s[1] == decay.t_s
    assert np.isinf(np.delete(sky.ends_s, 1)).all()
    last, later = sky.position_km(1, decay.t_s), sky.position_km(1, [decay.t_s + 60, 86400 * 3])
    assert np.linalg.norm(last) > 6378
    assert later == pytest.approx(np.array([last, last]))
    long = ephemeris.make(table, PLACES, EPOCH, 86400 * 4)
    assert long.decays == sky.decays


def test_a_satellite_that_is_down_at_the_beginning_is_an_error():
    table = ephemeris.elements_table(["falling"], [circular(160, 53, 0, bstar=0.5)])
    with pytest.raises(
        ScenarioError, match=r"satellite falling: SGP4 .*, at the beginning of the run; leave it out"
    ):
        ephemeris.make(table, PLACES, EPOCH + dt.timedelta(days=3), 60)
