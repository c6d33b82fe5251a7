# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Ground nodes that move: where they are, whom they see, how long light takes to them, and what is no track."""

import datetime as dt
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skyfield.api import EarthSatellite, load, wgs84
from skyfield.sgp4lib import theta_GMST1982

from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.space import Layer
from skybed.topologies.orbits import ellipsoid, ephemeris, tracks
from skybed.topologies.orbits.tracks import Track
from skybed.topologies.orbits.walker import satellites
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file

EPOCH = dt.datetime(2026, 5, 9, tzinfo=dt.UTC)
FLIGHT_S = 11 * 3600.0
PUDONG, LOS_ANGELES, CRUISE_M = (31.143, 121.805), (33.942, -118.408), 11_000.0


def made(layer):
    """Its satellites, and their elements as ephemeris.make takes them."""
    flying = satellites("x", Layer.model_validate(layer), EPOCH)
    return flying, ephemeris.elements_table([s.name for s in flying], [s.satrec for s in flying])


def track(*points):
    return Track(*np.array(points, float).T)


AIRCRAFT = track((0, *PUDONG, CRUISE_M), (FLIGHT_S, *LOS_ANGELES, CRUISE_M))


def great_circle(share, a=PUDONG, b=LOS_ANGELES):
    """Latitudes and longitudes of the points at shares of the way: haversine, then by the first azimuth."""
    (lat_a, lon_a), (lat_b, lon_b) = np.radians(a), np.radians(b)
    dlon = lon_b - lon_a
    azimuth = np.arctan2(
        np.sin(dlon) * np.cos(lat_b),
        np.cos(lat_a) * np.sin(lat_b) - np.sin(lat_a) * np.cos(lat_b) * np.cos(dlon),
    )
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin(dlon / 2) ** 2
    whole = 2 * np.arcsin(np.sqrt(min(half, 1.0)))
    d = whole * np.asarray(share)
    lat = np.arcsin(np.sin(lat_a) * np.cos(d) + np.cos(lat_a) * np.sin(d) * np.cos(azimuth))
    east = np.arctan2(np.sin(azimuth) * np.sin(d) * np.cos(lat_a), np.cos(d) - np.sin(lat_a) * np.sin(lat))
    return np.degrees(lat), np.degrees(lon_a + east)


@pytest.fixture(scope="module")
def crossing():
    """Satellites of Iridium, and their sky with the aircraft."""
    flying, orbits = made({"constellation": "iridium-next"})
    return flying, ephemeris.make(orbits, [AIRCRAFT], EPOCH, FLIGHT_S)


# -- geometry -------------------------------------------------------------------------------------


def test_ranges_over_the_pacific_agree_with_skyfield(crossing):
    flying, sky = crossing
    ts = load.timescale(builtin=True)
    for t_s in np.linspace(0, FLIGHT_S, 45):
        site = wgs84.latlon(*great_circle(t_s / FLIGHT_S), CRUISE_M)
        t = ts.utc(2026, 5, 9, 0, 0, t_s)
        for n in range(0, 66, 8):
            _, _, distance = (EarthSatellite.from_satrec(flying[n].satrec, ts) - site).at(t).altaz()
            assert sky.distance_km(66, n, t_s) == pytest.approx(distance.km, abs=0.01)


def elevation_deg(sky, aircraft_at, satellite, t_s):
    """Of a satellite over an aircraft's horizon: Earth-fixed, by latitude and longitude."""
    t = ephemeris.timescale().utc(2026, 5, 9, 0, 0, t_s)
    theta, _ = theta_GMST1982(t.whole, t.ut1_fraction)
    x, y, z = sky.position_km(satellite, t_s).T
    fixed = np.array([x * np.cos(theta) + y * np.sin(theta), y * np.cos(theta) - x * np.sin(theta), z])
    lat_deg, lon_deg, alt_m = aircraft_at(t_s)
    site = wgs84.latlon(lat_deg, lon_deg, alt_m).itrs_xyz.km
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    line = fixed - site
    return np.degrees(np.arcsin((line * up).sum(axis=0) / np.linalg.norm(line, axis=0)))


def test_edges_of_passes_over_an_aircraft_are_those_of_brute_force(crossing):
    _, sky = crossing
    rule = Conditions(min_elevation_deg=8.2)
    seen = intervals(sky, np.full(66, 66), np.arange(66), rule, FLIGHT_S)

    def at(t_s):
        return *great_circle(t_s / FLIGHT_S), CRUISE_M

    every_s, total = np.arange(0, FLIGHT_S, 20.0), 0
    for satellite in range(0, 66, 5):
        above = elevation_deg(sky, at, satellite, every_s) > 8.2
        changes = np.flatnonzero(above[1:] != above[:-1])
        edges = []
        for k in changes:  # every millisecond, from twenty seconds down
            left, right = every_s[k], every_s[k + 1]
            for step in (1.0, 1e-3):
                fine = np.arange(left, right + step / 2, step)
                there = elevation_deg(sky, at, satellite, fine) > 8.2
                turn = np.flatnonzero(there[1:] != there[:-1])[0]
                left, right = fine[turn], fine[turn + 1]
            edges.append((left + right) / 2)
        rows = seen.pair == satellite
        inner = np.sort(np.concatenate([seen.start_s[rows], seen.end_s[rows]]))
        inner = inner[(inner > 0) & (inner < every_s[-1])]
        known = np.array(edges)
        # a pass of less than twenty seconds may lie between two looks
        nearest = np.abs(inner[:, None] - known).min(axis=0)
        total += len(edges)
        assert nearest.max(initial=0) < 1e-3
        assert len(inner) - len(edges) in (0, 2)
    assert total > 50


latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(st.floats(10, 5000), st.floats(-89.9, 89.9), longitudes, st.floats(-500, 50_000)),
        min_size=2,
        max_size=6,
    )  # at the poles themselves the formula to compare with has no azimuth
)
def test_a_track_passes_its_points_evenly_along_great_circles(rows):
    gaps, lat, lon, alt = np.array(rows).T
    route = Track(np.cumsum(gaps) - 100, lat, lon, alt)
    follow = tracks.together(np.array([3]), [route])

    def at_km(t_s):
        return follow.position_km(np.full(np.shape(t_s), 3), np.asarray(t_s, float))

    points_km = wgs84.latlon(lat, lon, alt).itrs_xyz.km.T
    assert at_km(route.t_s) == pytest.approx(points_km, abs=1e-6)
    assert at_km([route.t_s[0] - 1e4, route.t_s[-1] + 1e4]) == pytest.approx(points_km[[0, -1]], abs=1e-6)
    assert at_km(route.t_s - 1e-7) == pytest.approx(points_km, abs=0.01)  # no jump
    for leg in range(len(rows) - 1):
        a, b = np.array([lat[leg], lon[leg]]), np.array([lat[leg + 1], lon[leg + 1]])
        share = np.array([0.25, 0.5, 0.9])
        between = wgs84.latlon(*great_circle(share, a, b), alt[leg] + share * (alt[leg + 1] - alt[leg]))
        inside_s = route.t_s[leg] + share * (route.t_s[leg + 1] - route.t_s[leg])
        opposite = np.linalg.norm(points_km[leg] + points_km[leg + 1]) < 100
        if not opposite:
            assert at_km(inside_s) == pytest.approx(between.itrs_xyz.km.T, abs=1e-3)


@given(latitudes, longitudes, st.floats(-0.5, 100))
def test_the_zenith_of_a_point_is_the_normal_it_was_made_of(lat_deg, lon_deg, height_km):
    up = ellipsoid.normal(lat_deg, lon_deg)
    assert ellipsoid.zenith(ellipsoid.point_km(up, height_km)) == pytest.approx(up, abs=1e-11)
    assert ellipsoid.point_km(up, height_km) == pytest.approx(
        wgs84.latlon(lat_deg, lon_deg, 1000 * height_km).itrs_xyz.km, abs=1e-8
    )


def zigzag(long_s, legs):
    """A platform 20 km high that turns back every so many seconds, at 0.3 km/s."""
    t_s = np.arange(legs) * long_s
    east = 100 + (np.arange(legs) % 2) * 0.3 * long_s / 111.2
    return Track(t_s, np.zeros(legs), east, np.full(legs, 20_000.0))


# It stands, but for 6 s: then it is away and back between two samples, the last ones of a minute.
ONCE = track(
    *((t_s, 0, east_deg, 20_000) for t_s, east_deg in ((0, 100), (51, 100), (54, 100.008), (57, 100)))
)


@pytest.mark.parametrize(
    "moves", [zigzag(3.0, 400), zigzag(7.0, 400), zigzag(31.0, 400), zigzag(7.0, 31), ONCE]
)
def test_passes_of_seconds_between_turns_are_found(moves):
    """A geostationary satellite, in range at one end of the way only, less than two seconds a turn. Samples
    are 10 s apart.
    """
    _, orbits = made({"geostationary": {"longitudes_deg": [130]}})
    sky = ephemeris.make(orbits, [moves], EPOCH, 400.0)
    one, other = np.array([1]), np.array([0])
    fine_s = np.arange(0, 400, 0.01)
    range_km = sky.distance_km(one, other, fine_s)
    rule = Conditions(max_range_km=float(range_km.min() + 0.1))
    seen = intervals(sky, one, other, rule, 400.0)
    inside = np.zeros(len(fine_s), bool)
    for start, end in zip(seen.start_s, seen.end_s, strict=True):
        inside |= (fine_s >= start) & (fine_s < end)
    true = range_km < rule.max_range_km
    assert 0 < true.sum() < len(fine_s) / 2
    assert (inside != true).sum() <= 2 * len(seen.pair)  # at the edges themselves


# -- in a scenario --------------------------------------------------------------------------------

SCENARIO = """\
name: fly
epoch: 2026-05-09
duration_s: 900
layers:
  l: {constellation: iridium-next}
stations:
  - name: cabin
    alt_m: 11000
    track:
      - {lat_deg: 31.143, lon_deg: 121.805, t_s: -600}
      - {lat_deg: 33, lon_deg: 125, speed_kmh: 900}
      - {lat_deg: 33.942, lon_deg: -118.408, at: 2026-05-09T11:00:00Z}
  - miyun
access:
  - {from: ground, to: l, link: ka-user}
traffic:
  - {kind: probe, from: cabin, to: miyun}
"""


def parse(text, folder="."):
    return file.parse(text, "fly.yaml", pathlib.Path(folder))


def test_speeds_are_over_the_ground():
    route = tracks.of_station(parse(SCENARIO).stations[0], EPOCH)
    assert route.t_s[[0, 2]].tolist() == [-600, 39600]
    lat, lon = np.radians(route.lat_deg[:2]), np.radians(route.lon_deg[:2])
    cosine = np.sin(lat[0]) * np.sin(lat[1]) + np.cos(lat[0]) * np.cos(lat[1]) * np.cos(lon[1] - lon[0])
    assert route.t_s[1] + 600 == pytest.approx(6371.0 * np.arccos(cosine) / 900 * 3600, rel=1e-9)
    assert (route.alt_m == 11_000).all()


def test_a_file_is_taken_along_and_is_the_same_as_points(tmp_path):
    scenario = parse(SCENARIO)
    route = tracks.of_station(scenario.stations[0], EPOCH)
    rows = [",".join(map(repr, row)) for row in np.column_stack(route).tolist()]
    (tmp_path / "way.csv").write_text("t_s,lat_deg,lon_deg,alt_m\n" + "\n".join(rows) + "\n")
    head, tail = SCENARIO.split("    track:\n")[0], SCENARIO.split("  - miyun")[1]
    read = parse(f"{head}    track_file: way.csv\n  - miyun{tail}", tmp_path)
    (tmp_path / "way.csv").unlink()
    again = parse(read.dump())
    assert again == read
    one, other = (Plan.make(x) for x in (scenario, again))
    assert one.contacts.equals(other.contacts)
    assert np.array_equal(one.events.whole(), other.events.whole())


def test_a_file_may_have_dates(tmp_path):
    route = tracks.of_station(parse(SCENARIO).stations[0], EPOCH)
    rows = [
        ",".join([(EPOCH + dt.timedelta(seconds=t)).isoformat(), *map(repr, row)])
        for t, *row in np.column_stack(route).tolist()
    ]
    text = "time,lat_deg,lon_deg,alt_m\n" + "\n".join(rows) + "\n"
    for begin in (EPOCH, EPOCH + dt.timedelta(hours=2)):
        dated = tracks.read(text, begin)
        assert dated.t_s == pytest.approx(route.later((begin - EPOCH).total_seconds()).t_s, abs=1e-5)
        assert np.array_equal(dated.lat_deg, route.lat_deg) and np.array_equal(dated.alt_m, route.alt_m)


def test_a_plan_holds_the_bound_at_every_turn(tmp_path):
    """1 us is 300 m: the platform turns every seven seconds, and light takes up to 7 us less each time."""
    route = zigzag(7.0, 60)
    text = "t_s,lat_deg,lon_deg\n" + "\n".join(
        f"{t},{lat},{lon}" for t, lat, lon, _ in zip(*route, strict=True)
    )
    (tmp_path / "zigzag.csv").write_text(text)
    scenario = parse(
        "name: high\nepoch: 2026-05-09\nduration_s: 400\ndelay_bound_us: 1\n"
        "layers: {l: {geostationary: {longitudes_deg: [130]}}}\n"
        "stations: [{name: hap, alt_m: 20000, track_file: zigzag.csv}]\n"
        "access: [{from: ground, to: l, link: ground-geo-ka}]\n", tmp_path,
    )  # fmt: skip
    plan = Plan.make(scenario)
    events = plan.events.whole()
    events = events[events["property"] == Property.DELAY]
    t_s = np.sort(
        np.concatenate([np.arange(0, 400, 0.01), route.t_s[route.t_s < 400], events["t_s"][1:] - 1e-6])
    )
    applied_us = events["value"][np.searchsorted(events["t_s"], t_s, side="right") - 1]
    assert np.abs(applied_us - plan.delay_s(0, t_s) * 1e6).max() <= 1.0


def test_a_region_takes_the_aircraft_while_it_is_there():
    near = "faults:\n  - {kind: carrier, region: {lat_deg: 32.2, lon_deg: 123.6, radius_km: 50}, at_s: 0}\n"
    plan = Plan.make(parse(SCENARIO + near))
    inside_s = np.array([t for name in ("start_s", "end_s") for t in plan.lost[name]])
    t_s = np.arange(0, 900, 1.0)
    route = tracks.of_station(parse(SCENARIO).stations[0], EPOCH)
    share = np.clip((t_s - route.t_s[0]) / (route.t_s[1] - route.t_s[0]), 0, 1)
    lat, lon = np.radians(great_circle(share, PUDONG, (33, 125)))
    away = np.sin(lat) * np.sin(np.radians(32.2)) + np.cos(lat) * np.cos(np.radians(32.2)) * np.cos(
        lon - np.radians(123.6)
    )
    within = t_s[6371 * np.arccos(away) < 50]
    assert 0 < within[0] < within[-1] < 899
    assert inside_s.min() == pytest.approx(within[0], abs=2) and inside_s.max() == pytest.approx(
        within[-1], abs=2
    )


def test_who_is_seen_longest_does_not_depend_on_how_long_the_run_is():
    scenario = parse(SCENARIO.replace("link: ka-user", "link: ka-user, policy: longest"))
    long, short = (Plan.make(scenario, duration_s=s) for s in (900, 300))
    names = {
        plan.duration_s: [
            (plan.links[row.link].name, round(row.start_s, 3))
            for row in plan.contacts.sort_values("start_s").itertuples()
            if row.start_s < 290
        ]
        for plan in (long, short)
    }
    assert names[900.0] == names[300.0]


def test_a_stored_plan_knows_where_it_flies(tmp_path):
    plan = Plan.make(parse(SCENARIO))
    plan.save(tmp_path / "plan")
    t_s = np.linspace(0, 900, 31)
    for link in range(len(plan.links)):
        assert np.array_equal(Plan.load(tmp_path / "plan").delay_s(link, t_s), plan.delay_s(link, t_s))


# -- what is wrong --------------------------------------------------------------------------------

CSV = "t_s,lat_deg,lon_deg,alt_m\n0,31,121,0\n600,32,122,9000\n"


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("t_s: -600}", "t_s: soon}", "line 10: stations[0].track[0].t_s is soon; it must be a number."),
        ("lat_deg: 31.143, ", "", "line 10: stations[0].track[0].lat_deg is missing."),
        ("lat_deg: 31.143", "lat_deg: 91", "line 10: stations[0].track[0].lat_deg is 91; it must be at most 90."),
        ("lon_deg: 121.805", "lon_deg: 400", "line 10: stations[0].track[0].lon_deg is 400; it must be at most 360."),
        ("speed_kmh: 900", "speed_kn: 900", "line 11: stations[0].track[1].speed_kn is not a field (did you mean speed_kmh?)."),
        ("speed_kmh: 900", "speed_kmh: 0", "line 11: stations[0].track[1].speed_kmh is 0; it must be more than 0."),
        ("speed_kmh: 900", "speed_kmh: 3700", "line 11: stations[0].track[1] is reached at 3,700 km/h; at most 3,600 km/h are "
         "allowed for what is not in orbit."),
        (", speed_kmh: 900", "", "line 11: stations[0].track[1] has no time; give exactly one of t_s, at, speed_kmh."),
        ("speed_kmh: 900", "speed_kmh: 900, t_s: 9", "line 11: stations[0].track[1] has t_s and speed_kmh; give exactly one of "
         "t_s, at, speed_kmh."),
        ("t_s: -600", "speed_kmh: 900", "line 10: stations[0].track[0].speed_kmh is that from the point before; the first "
         "point needs t_s or at."),
        ("at: 2026-05-09T11:00:00Z", "at: 2026-05-08", "line 12: stations[0].track[2] is at -86400 s, the one before at "),
        ("at: 2026-05-09T11:00:00Z", "at: noon", "line 12: stations[0].track[2].at is noon; it must be a date and time in UTC"),
        ("lat_deg: 33, lon_deg: 125", "lat_deg: -31.143, lon_deg: -58.195", "line 11: stations[0].track[1] is on the other side of "
         "the Earth from the one before, where any way is as long; give one between."),
        ("alt_m: 11000", "alt_m: 60000", "line 10: stations[0].track[0] has alt_m 60000; it must be at least -500 and at most 50000."),
        ("speed_kmh: 900", "speed_kmh: 900, alt_m: -501", "line 11: stations[0].track[1] has alt_m -501; it must be at least"),
        ("alt_m: 11000", "lat_deg: 3", "line 7: stations[0] has track and lat_deg; give one of them."),
        ("alt_m: 11000", "track_file: x.csv", "line 8: x.csv: there is no such track file."),
        ("  - miyun", "  - {name: x, track: [{lat_deg: 1, lon_deg: 1, t_s: 0}]}\n  - miyun",
         "line 13: stations[1].track is a list; it must be a list of at least 2."),
        ("  - miyun", "  - {name: x, lat_deg: 1}\n  - miyun", "line 13: stations[1].lon_deg is missing."),
        ("traffic:", "fibre: [{a: miyun, b: cabin}]\ntraffic:", "line 16: fibre[0].b names cabin, which moves: no fibre can follow it."),
        ("to: miyun}", "to: miyun}\naccept: [{flow: probe-1, metric: stretch_p50, max: 2}]", "line 18: accept[0].metric is "
         "stretch_p50, which is measured of flows that have both ends at rest on the ground."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_a_sentence(old, new, says):
    assert old in SCENARIO
    with pytest.raises(ScenarioError) as error:
        parse(SCENARIO.replace(old, new, 1))
    assert str(error.value).startswith(f"fly.yaml, {says}") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, says",
    [
        (CSV.replace("600,", "0,"), "way point 2 is at 0 s, the one before at 0 s; give times that rise by 0.1 s or more."),
        (CSV.replace("32,", "95,"), "way point 2 has lat_deg 95; it must be at least -90 and at most 90."),
        (CSV.replace("32,", "north,"), "line 3 has lat_deg north; it must be a number."),
        (CSV.replace("32,", ","), "line 3 has no lat_deg."),
        (CSV.replace("32,", "1e999,"), "line 3 has lat_deg 1e999; it must be a number."),
        (CSV.replace("32,", ""), "line 3 has 3 columns, and line 1 names 4."),
        (CSV.replace("lat_deg", "lat"), "line 1 has the column lat (did you mean lat_deg?)."),
        (CSV.replace("t_s", "time"), "line 2 has time 0; it must be a date and time in UTC such as 2026-05-09T00:00:00Z."),
        (CSV.replace("t_s", "when"), "line 1 has the column when (there are alt_m, lat_deg, lon_deg, t_s, time)."),
        (CSV.replace("alt_m", "time"), "line 1 has the columns t_s and time; give one of them."),
        (CSV.replace("t_s,", ""), "line 1, of names of columns, has no t_s or time."),
        (CSV.split("\n")[0] + "\n\n", "it has no way point; give two or more, or lat_deg and lon_deg of a node that stands."),
        (CSV.rsplit("\n", 2)[0] + "\n", "it has one way point; give two or more, or lat_deg and lon_deg of a node that stands."),
        (CSV + '900,32,122,"' + "9" * 140_000 + '"\n', "line 4 is not CSV: field larger than field limit (131072)."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_track(text, says, tmp_path):
    (tmp_path / "way.csv").write_text(text)
    named = SCENARIO.replace("    alt_m: 11000\n", "    track_file: way.csv\n")
    without = named[: named.index("    track:")] + named[named.index("  - miyun") :]
    with pytest.raises(ScenarioError) as error:
        parse(without, tmp_path)
    told = str(error.value)
    assert "way.csv" in told
    told = told.replace(" (way.csv)", "").replace(" of way.csv", "")
    assert told == f"fly.yaml, line 8: stations[0].track_file cannot be used: {says}"
