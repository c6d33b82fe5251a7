"""What figures of a sky show: land where there is land, night where the Sun is down, links that stand."""

import datetime as dt

import numpy as np
import pytest
from matplotlib.transforms import Affine2D

from skybed.analysis.pages.sky import earth, flat, globe, passes, planes, way
from skybed.analysis.pages.sky.instant import Instant
from skybed.analysis.pages.sky.passes import Chart
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

ON_LAND = {
    "Beijing": (40, 116), "Cairo": (30, 31), "Brasilia": (-16, -48), "Alice Springs": (-24, 134),
    "Denver": (40, -105), "South Pole": (-89, 0), "Vostok": (-78, 107), "Chukotka": (67, 178),
}  # fmt: skip
AT_SEA = {
    "North Pole": (89, 0), "north of Hawaii": (30, -160), "Indian Ocean": (-25, 80), "Caspian": (42, 51),
    "Atlantic": (0, -25), "Southern Ocean": (-60, -120), "Point Nemo": (-49, -123),
}  # fmt: skip
FINE = 1e4
CENTRES = [(0, 0), (20, 100), (-30, -120), (-48, 176), (89, 0), (-89, 0), (35, -179), (0, 90)]


@pytest.fixture(scope="module")
def plan():
    faults = [{"kind": "silent", "link": ["relay-0-2", "relay-0-3"], "at_s": 10, "for_s": 5}]
    return Plan.make(Scenario.load("sc-mini").with_({"faults": faults}))


def inside(polygon, x, y):
    """By the number of crossings to the right."""
    a, b = polygon, np.roll(polygon, -1, axis=0)
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return bool((crosses & (x < at)).sum() % 2)


# -- the Earth -----------------------------------------------------------------------------------


def test_land_is_29_percent_of_the_earth():
    area = 0.0
    for ring, lake in earth.flat_shores():
        lon, sine = np.radians(ring[:, 0]), np.sin(np.radians(ring[:, 1]))
        area += (-1) ** lake * np.sum(np.diff(lon) * (sine[:-1] + sine[1:]) / 2)
    assert abs(area) / (4 * np.pi) == pytest.approx(0.292, abs=0.005)


@pytest.mark.parametrize("centre", CENTRES, ids=str)
def test_land_on_the_globe_is_where_it_is(centre):
    """From wherever it is looked at, also where a continent reaches round the point behind."""
    turn = globe.axes_of(*centre)
    outlines = [globe.outline(earth.unit(*shore.ring.T) @ turn.T) for shore in earth.shores()]
    large = Affine2D().scale(FINE)  # what is less than a tenth is left out
    polygons = [part / FINE for path in outlines if path for part in path.to_polygons(large)]
    seen = 0
    for places, on_land in ((ON_LAND, True), (AT_SEA, False)):
        for name, (lat, lon) in places.items():
            x, y, z = turn @ earth.unit(np.array(lon), np.array(lat))
            if z > 0.05:
                seen += 1
                count = sum(inside(polygon, x, y) for polygon in polygons)
                assert (count % 2 == 1) is on_land, name
    assert seen > 3


@pytest.mark.parametrize("centre", CENTRES, ids=str)
@pytest.mark.parametrize("month", [3, 6, 12])
def test_night_on_globe_and_map_is_where_the_sun_is_down(centre, month):
    turn, sun = globe.axes_of(*centre), earth.sun(dt.datetime(2026, month, 21, 8, tzinfo=dt.UTC))
    shade = globe.night(turn @ sun)
    for lat in range(-80, 81, 20):
        for lon in range(-175, 180, 25):
            up = earth.unit(np.array(lon), np.array(lat))
            if abs(up @ sun) < 0.03:
                continue
            (edge,), pole = flat.terminator(sun, np.array([lon]))
            assert (min(edge, pole) < lat < max(edge, pole)) == (up @ sun < 0)
            x, y, z = turn @ up
            if z > 0.05:
                assert inside(shade, x, y) == (up @ sun < 0)


@pytest.mark.parametrize(
    ("utc", "lat_deg", "lon_deg"),
    [
        ("2026-06-21T08:25:00+00:00", 23.44, 54.2),  # the solstice; the equation of time is -1.8 minutes
        ("2026-03-20T14:46:00+00:00", 0.0, -39.6),  # the equinox; -7.4 minutes
        ("2000-01-01T12:00:00+00:00", -23.03, 0.8),  # J2000; -3.3 minutes
    ],
)
def test_the_sun_of_figures_stands_where_almanacs_have_it(utc, lat_deg, lon_deg):
    x, y, z = earth.sun(dt.datetime.fromisoformat(utc))
    assert np.degrees(np.arcsin(z)) == pytest.approx(lat_deg, abs=0.05)
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(lon_deg, abs=0.2)


# -- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("t_s", [0.0, 12.0, 60.0])
def test_links_are_those_that_stand_and_silent_ones_are_told(plan, t_s):
    instant = Instant(plan, t_s)
    names = {
        frozenset((plan.nodes[a].name, plan.nodes[b].name)) for a, b in instant.links[["a", "b"]].to_numpy()
    }
    last = plan.network.standing(min(t_s, 59.999999))
    assert names == {frozenset(plan.links[n].name.split("--")) for n in last.tolist()}
    silent = instant.links[instant.links["silent"]]
    between = {plan.nodes[n].name for n in silent[["a", "b"]].to_numpy().ravel()}
    assert between == ({"relay-0-2", "relay-0-3"} if t_s == 12.0 else set())


def test_the_way_is_that_of_skybed_path(plan):
    instant = Instant(plan, 20.0, ("kashi", "eo-0-0"))
    assert tuple(plan.nodes[n].name for n in instant.path) == plan.path("kashi", "eo-0-0", [20.0]).paths[0]


@pytest.mark.parametrize("picture", [globe.picture, flat.picture, planes.picture])
def test_the_same_instant_is_the_same_figure_and_names_what_it_shows(plan, picture):
    instant = Instant(plan, 12.0, ("beijing", "eo-0-0"))
    drawn = picture(instant).drawn("svg")
    assert drawn == picture(instant).drawn("svg")
    for text in ("sc-mini at 12 s, 2026-05-09 02:40:12 UTC", "beijing to eo-0-0", "relay", "silent"):
        assert f"<!-- {text} -->".encode() in drawn


def test_the_way_over_time_and_the_chart_of_passes_are_drawn(plan):
    instant = Instant(plan, 20.0, ("beijing", "eo-0-0"))
    drawn = way.picture(instant, way.over_time(plan, instant.ends)).drawn("svg")
    assert b"beijing to eo-0-0, 4 hops" in drawn and b"path change" in drawn
    rows = plan.passes("miyun", "eo", until_s=43200)
    drawn = passes.picture(Chart(plan, "miyun", rows, 0.0, 43200.0)).drawn("svg")
    assert f"{len(rows)} passes over miyun".encode() in drawn
    assert all(f"<!-- {name} -->".encode() in drawn for name in rows["satellite"].unique())
