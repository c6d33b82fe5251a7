"""The sky in the formats of others: CZML as czml3 knows it, GeoJSON by the rules of RFC 7946."""

import datetime as dt
import itertools
import json

import numpy as np
import pytest
from czml3 import Packet
from scipy.interpolate import BarycentricInterpolator

from skybed.topologies.orbits import ellipsoid, ground_tracks, knots
from skybed.topologies.orbits.ephemeris import KNOT_S, Flying
from skybed.topologies.orbits.geometry import MEAN_RADIUS_KM
from skybed.topologies.plan.export import czml, geojson
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

FAULT = {"kind": "carrier", "link": ["relay-0-3", "relay-0-4"], "at_s": 10, "for_s": 5, "reacquire_s": 0}


@pytest.fixture(scope="module")
def mini():
    return Plan.make(Scenario.load("sc-mini").with_({"faults": [FAULT]}), duration_s=900)


@pytest.fixture(scope="module")
def flight():
    return Plan.make(Scenario.load("flight"), duration_s=600)


def packets(plan):
    return {packet["id"]: packet for packet in json.loads(czml.text(plan))}


def span_s(plan, interval):
    begin = plan.scenario.begin
    return [(dt.datetime.fromisoformat(text) - begin).total_seconds() for text in interval.split("/")]


@pytest.mark.parametrize("export", [czml, geojson])
def test_positions_are_worked_out_once_however_few_are_kept(export, monkeypatch):
    """Who asks for one satellite has those of its whole block worked out."""
    monkeypatch.setattr(knots, "KEPT_MIB", 0)
    plan = Plan.make(Scenario.load("sc-mini"), duration_s=4 * 3600)
    worked_out, at = [], Flying.at

    def counted(flying, satellites, t_s):
        worked_out.append((satellites.stop - satellites.start) * len(t_s))
        return at(flying, satellites, t_s)

    monkeypatch.setattr(Flying, "at", counted)
    export.text(plan)
    assert sum(worked_out) < 1.1 * plan.network.sky.satellites * plan.duration_s / KNOT_S


# -- CZML ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mini", "flight"])
def test_every_packet_is_one_by_the_types_of_czml3(name, request):
    document, *others = json.loads(czml.text(request.getfixturevalue(name)))
    assert (document["id"], document["version"]) == ("document", "1.0")
    for packet in (document, *others):
        Packet.model_validate(packet)  # it takes no property that CZML has not


def test_czml3_would_find_what_is_wrong():
    with pytest.raises(ValueError, match="bogus"):
        Packet.model_validate({"id": "a", "bogus": 1})


@pytest.mark.parametrize(("name", "node"), [("mini", "eo-0-0"), ("mini", "comp-0-3"), ("flight", "cabin")])
def test_cesium_interpolates_to_where_the_plan_has_a_node(name, node, request):
    """As Cesium does: the degree + 1 samples around a time, and a polynomial through them."""
    plan = request.getfixturevalue(name)
    position = packets(plan)[node]["position"]
    assert position["referenceFrame"] == "FIXED"
    rows = np.array(position["cartesian"]).reshape(-1, 4)
    assert span_s(plan, f"{position['epoch']}/{position['epoch']}") == [0, 0]
    count = position["interpolationDegree"] + 1
    limit_m = 1.0 if count > 2 else 6.0  # an aircraft goes 15 km in a minute, which bends by 4 m
    for t_s in np.linspace(0, plan.duration_s, 41):
        k = np.clip(np.searchsorted(rows[:, 0], t_s) - count // 2, 0, len(rows) - count)
        near = rows[k : k + count]
        r_m = BarycentricInterpolator(near[:, 0], near[:, 1:])(t_s)
        true_km = ground_tracks.fixed_km(plan.network.sky, np.array(plan.node(node)), np.array(t_s))
        assert np.linalg.norm(r_m - 1e3 * true_km) < limit_m


def test_links_are_there_while_their_contacts_last(mini):
    known = packets(mini)
    shown = {name: packet for name, packet in known.items() if "polyline" in packet}
    assert len(shown) == mini.contacts["link"].nunique()
    for number, rows in mini.contacts.groupby("link"):
        link = mini.links[number]
        packet = shown[f"link {link.name}"]
        ends = [mini.nodes[end].name for end in (link.a, link.b)]
        assert packet["polyline"]["positions"]["references"] == [f"{name}#position" for name in ends]
        assert {*ends} <= known.keys()
        spans = [span_s(mini, interval) for interval in packet["availability"]]
        assert spans == [pytest.approx(row, abs=1e-6) for row in rows[["start_s", "end_s"]].to_numpy()]
    cut = shown["link relay-0-3--relay-0-4"]["availability"]
    assert [span_s(mini, interval) for interval in cut] == [[0, 10], [15, 900]]


# -- GeoJSON -------------------------------------------------------------------------------------


def features(plan, kind):
    found = json.loads(geojson.text(plan))["features"]
    return {x["properties"]["name"]: x for x in found if x["properties"]["kind"] == kind}


def area(ring):
    """Of a sphere's, signed: anticlockwise is positive."""
    lon, sine = np.radians(ring[:, 0]), np.sin(np.radians(ring[:, 1]))
    return np.sum(lon[:-1] * sine[1:] - lon[1:] * sine[:-1]) / 2 / (4 * np.pi)


@pytest.mark.parametrize("name", ["mini", "flight"])
def test_what_is_drawn_is_by_the_rules_of_rfc_7946(name, request):
    plan = request.getfixturevalue(name)
    tracks, footprints = features(plan, "track"), features(plan, "footprint")
    assert len(footprints) == len(plan.orbits)
    for feature in tracks.values():
        for line in map(np.array, feature["geometry"]["coordinates"]):
            assert len(line) >= 2
            assert (np.abs(line) <= [180, 90]).all() and (np.abs(np.diff(line[:, 0])) < 180).all()
    for feature in footprints.values():
        for (ring,) in feature["geometry"]["coordinates"]:
            ring = np.array(ring)
            assert len(ring) >= 4 and (ring[0] == ring[-1]).all() and area(ring) > 0
            assert (np.abs(ring) <= [180, 90]).all()
    assert {*features(plan, "station"), *tracks} == {node.name for node in plan.nodes}


def test_a_station_lies_in_the_footprint_of_those_satellites_that_stand_high_enough(mini):
    footprints, stations = features(mini, "footprint"), features(mini, "station")
    seen = 0
    for satellite, feature in footprints.items():
        least_deg = feature["properties"]["min_elevation_deg"]
        for name, station in stations.items():
            elevation_deg = mini.look_angles(name, satellite, [0.0])["elevation_deg"][0]
            if abs(elevation_deg - least_deg) > 0.7:  # the Earth is no sphere, and outlines have corners
                inside = [
                    _inside(np.array(ring), *station["geometry"]["coordinates"])
                    for (ring,) in feature["geometry"]["coordinates"]
                ]
                assert any(inside) == (elevation_deg > least_deg), (satellite, name, elevation_deg)
                seen += any(inside)
    assert seen > 5


def _inside(ring, x, y):
    crossed = 0
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        crossed += (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
    return crossed % 2 == 1


@pytest.mark.parametrize("place", [(0, 0), (10, 179), (-40, -178), (80, 100), (90, 0), (-85, 170), (-90, 0)])
@pytest.mark.parametrize("height_km", [550, 1200, 35786])
def test_a_footprint_that_is_cut_covers_what_it_covered(place, height_km):
    """A cap of a sphere is (1 - cos(angle)) / 2 of it, wherever it lies."""
    r_km = (MEAN_RADIUS_KM + height_km) * ellipsoid.normal(*place)
    x, y, z = ground_tracks.footprint(r_km, 5.0, 720).T
    rings = geojson.cut(np.degrees(np.stack([np.arctan2(y, x), np.arcsin(z)], axis=-1)))
    angle_rad = np.radians(ground_tracks.half_angle_deg(np.array(MEAN_RADIUS_KM + height_km), 5.0))
    assert sum(map(area, rings)) == pytest.approx((1 - np.cos(angle_rad)) / 2, rel=2e-3)
    for ring in rings:
        assert np.abs(ring[:, 0]).max() <= 180 + 1e-9


def test_an_aircraft_has_a_track_and_a_station_a_place(flight):
    assert "cabin" in features(flight, "track") and "cabin" not in features(flight, "station")
    lon, lat = features(flight, "station")["Shanghai"]["geometry"]["coordinates"]
    station = next(s for s in flight.scenario.stations if s.name == "Shanghai")
    assert (lat, lon) == pytest.approx(station.place, abs=1e-4)
