"""Why a link is not there: what is told of each candidate, held to the plan's contacts and to skyfield."""

import numpy as np
import pytest
from skyfield.api import EarthSatellite, wgs84

from skybed.topologies.contacts import candidates
from skybed.topologies.orbits import ephemeris
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

FAULTS = [
    {"kind": "carrier", "link": ["relay-0-3", "relay-0-4"], "at_s": 10, "for_s": 5, "reacquire_s": 0},
    {"kind": "silent", "link": ["relay-0-2", "relay-0-3"], "at_s": 10, "for_s": 5},
]


@pytest.fixture(scope="module")
def plan():
    return Plan.make(Scenario.load("sc-mini").with_({"faults": FAULTS}))


def of(plan, name, t_s):
    of_node = candidates.of(plan.network, plan.node(name), t_s)
    return {plan.nodes[one.peer].name: one for one in of_node}


@pytest.mark.parametrize("t_s", [0.0, 12.0, 47.3, 59.9])
def test_those_that_stand_are_the_contacts(plan, t_s):
    standing = {(x.a, x.b) for x in (plan.links[n] for n in plan.network.standing(t_s))}
    told = set()
    for node in range(len(plan.nodes)):
        for one in candidates.of(plan.network, node, t_s):
            if one.stands:
                told.add((min(node, one.peer), max(node, one.peer)))
    assert told == standing


def test_elevation_and_range_are_skyfields(plan):
    t_s = 12.0
    time = ephemeris.timescale().from_datetime(plan.scenario.begin) + t_s / 86_400
    station = next(s for s in plan.scenario.stations if s.name == "miyun")
    place = wgs84.latlon(station.lat_deg, station.lon_deg, station.alt_m)
    orbits = plan.orbits.set_index("name", drop=False)
    for name, one in of(plan, "miyun", t_s).items():
        if name not in orbits.index:
            continue
        satellite = EarthSatellite.from_satrec(ephemeris.satrec(orbits.loc[name]), ephemeris.timescale())
        elevation, _, distance = (satellite - place).at(time).altaz()
        assert one.range_km == pytest.approx(distance.km, abs=0.05)
        assert one.elevation_deg == pytest.approx(elevation.degrees, abs=0.01)
        assert ("below 10 deg" in one.why) == (elevation.degrees < 10)


def test_why_the_others_do_not(plan):
    relay = of(plan, "relay-0-3", 12.0)
    assert relay["relay-0-4"].why == "a fault (carrier) lasts until 15.000 s"
    assert not relay["relay-0-4"].stands
    assert relay["relay-0-2"].why == "to the end; a fault (silent) lasts until 15.000 s"
    assert relay["relay-0-2"].stands
    assert relay["eo-1-0"].why == "behind the Earth"
    assert relay["comp-0-4"].why == "beyond 5000 km"
    assert relay["eo-0-1"].why == "in sight, but nearest keeps eo-0-1 on relay-1-2"
    miyun = of(plan, "miyun", 12.0)
    assert miyun["relay-0-0"].why == "in sight, but nearest keeps miyun on relay-1-0"
    assert miyun["beijing"].by == "fibre[0]" and np.isnan(miyun["beijing"].elevation_deg)


def test_what_is_being_set_up_says_when_it_stands(plan):
    """Each contact of an access rule that begins within the run was being set up just before."""
    access = [n for n, link in enumerate(plan.links) if link.kind == "access"]
    contacts = plan.contacts[plan.contacts["link"].isin(access) & (plan.contacts["start_s"] > 0)]
    assert len(contacts) == 2
    for contact in contacts.itertuples():
        link = plan.links[contact.link]
        one = of(plan, plan.nodes[link.b].name, contact.start_s - 1e-3)[plan.nodes[link.a].name]
        assert one.why == f"being set up, to stand from {contact.start_s:.3f} s on"


RULES = """\
name: rules
epoch: 2026-05-09
duration_s: 60
layers:
  near: {walker: "53:24/4/1 at 1200 km", isl: {pattern: nearest, terminals: 2, link: beam}}
  ring: {walker: "53:12/1/0 at 1000 km", isl: {offsets: [[0, 1]], link: beam}}
  rule: {walker: "70:6/2/0 at 1100 km", isl: {python: rule.py:links, link: beam}}
stations: [miyun, sanya]
links: {beam: {rate_mbps: 1, max_range_km: 6000, setup_s: 3}}
between:
  - {layers: [near, ring], terminals: 1, link: beam}
  - {links: rows.csv, link: beam}
"""


@pytest.fixture
def ruled(tmp_path):
    (tmp_path / "rule.py").write_text("def links(*given):\n    return [(0, 1)]\n")
    (tmp_path / "rows.csv").write_text("a,b,from,until\nmiyun,near-1-3,,\nring-0-0,rule-0-0,10,20\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    return Plan.make(Scenario.load(tmp_path / "rules.yaml"))


@pytest.mark.parametrize("t_s", [0.0, 14.0])
def test_those_that_stand_by_any_rule_are_the_contacts(ruled, t_s):
    test_those_that_stand_are_the_contacts(ruled, t_s)


def test_why_a_satellite_in_sight_is_not_linked(ruled):
    told = {one.why.split(" near-")[0] for one in candidates.of(ruled.network, ruled.node("near-0-0"), 1.0)}
    assert {"in sight, but", "behind the Earth", "beyond 6000 km"} <= told
    by = {one.by for one in candidates.of(ruled.network, ruled.node("near-0-0"), 1.0)}
    assert by == {"layers.near.isl", "between[0]"}
    others = {one.why for one in candidates.of(ruled.network, ruled.node("rule-0-2"), 1.0)}
    assert others <= {"in sight, but the function does not ask for it", "behind the Earth", "beyond 6000 km"}
