"""How often and for how long a remote sensing satellite sees Chinese ground stations."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from skybed.topologies.contacts.spans import spans, union
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.model import catalogue
from skybed.topologies.model.space import Layer, Walker
from skybed.topologies.orbits import ephemeris
from skybed.topologies.orbits.tracks import standing
from skybed.topologies.orbits.walker import satellites

EPOCH = dt.datetime(2026, 5, 9, tzinfo=dt.UTC)
SITES = ("miyun", "sanya", "mohe", "kiruna", "kashi", "lijiang")
WEEK_S, PLANES = 7 * 86400.0, 6


@pytest.fixture(scope="module")
def passes():
    """site, satellite, start_s, end_s, minutes: six sun-synchronous satellites at 535 km; a week."""
    walker = Walker(planes=PLANES, per_plane=1, inclination_deg=97.535, altitude_km=535)
    sats = satellites("eo", Layer(walker=walker), EPOCH)
    orbits = ephemeris.elements_table([s.name for s in sats], [s.satrec for s in sats])
    sky = ephemeris.make(orbits, [standing(**catalogue.STATIONS[name]) for name in SITES], EPOCH, WEEK_S)
    a, b = np.repeat(np.arange(len(SITES)) + PLANES, PLANES), np.tile(np.arange(PLANES), len(SITES))
    seen = intervals(sky, a, b, Conditions(min_elevation_deg=5), WEEK_S)
    site = np.array(SITES)[a[seen.pair] - PLANES]
    columns = {"site": site, "satellite": b[seen.pair], "start_s": seen.start_s, "end_s": seen.end_s}
    table = pd.DataFrame(columns)
    return table.assign(minutes=(table.end_s - table.start_s) / 60)


@pytest.mark.parametrize(
    ("site", "per_day", "mean", "longest"),
    [("miyun", 4.4, 7.1, 9.6), ("sanya", 3.4, 7.5, 9.6), ("mohe", 5.4, 7.6, 9.6), ("kiruna", 10.3, 7.8, 9.7)],
)
def test_passes_over_a_station(passes, site, per_day, mean, longest):
    minutes = passes.minutes[passes.site == site]
    assert len(minutes) / 7 / PLANES == pytest.approx(per_day, abs=0.4)
    assert minutes.mean() == pytest.approx(mean, abs=1.0)
    assert minutes.max() == pytest.approx(longest, abs=0.1)


def test_five_domestic_stations_see_a_satellite_a_fourteenth_of_the_day(passes):
    """98 to 103 min/day, what two stations see together counted once."""
    domestic = passes[passes.site != "kiruna"]
    satellite = pd.factorize(domestic.satellite)[0]
    seen = union(spans(satellite, domestic.start_s, domestic.end_s))
    seen_s = (seen.end_s - seen.start_s).sum()
    assert 96 < seen_s / 60 / 7 / PLANES < 105
