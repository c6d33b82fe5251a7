"""What leaves for one node or one instant, read by others: orbits by `oem` and astropy, GraphML by networkx,
contacts by the grammars that uD3TN's and hardy's documents give.
"""

import datetime as dt
import io
import re

import networkx
import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import GCRS, TEME, CartesianDifferential, CartesianRepresentation
from astropy.time import Time
from astropy.utils import iers
from oem import OrbitEphemerisMessage

from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import elements
from skybed.topologies.plan import export
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.places import SCENARIOS

# "uD3TN Contacts Data Format": <COMMAND><NODE_ID_STRING><,RELIABILITY><:CLA_ADDRESS_STRING>
# <:REACHABLE_EID_LIST><:CONTACT_LIST>; strings in parentheses, lists in square brackets, contacts in curly.
UD3TN = re.compile(
    r"1\(ipn:(\d+)\.0\)(?:,\d+)?:\(tcpclv3:([\d.]+):4556\):(?:\[\])?:"
    r"\[((?:\{\d+,\d+,\d+\})(?:,\{\d+,\d+,\d+\})*)\];"
)
# hardy-tvr: <pattern> <action> [fields...], one-shot; bandwidth a number of bit/s, delay as humantime has it.
HARDY = re.compile(r"ipn:0\.(\d+)\.\* via ipn:(\d+)\.0 start (\S+) end (\S+) bandwidth (\d+) delay (\d+)us")
DTN_EPOCH = pd.Timestamp("2000-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def ring():
    return Plan.make(Scenario.load(SCENARIOS / "ring12.yaml"), duration_s=3600)


@pytest.fixture(scope="module", autouse=True)
def no_network():
    """astropy would look for newer tables of the Earth's rotation."""
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("iers_degraded_accuracy", "ignore"):
        yield


def of(plan, node):
    """The contacts of a node by the table of all: peer, begin, end, Mbit/s from it, middle delay in ms."""
    for row in pd.read_csv(io.StringIO(export.csv.text(plan))).itertuples():
        middle_ms = (row.delay_min_ms + row.delay_max_ms) / 2
        if node == row.a:
            yield row.b, row.start_s, row.end_s, row.rate_mbps, middle_ms
        elif node == row.b:
            yield row.a, row.start_s, row.end_s, row.rate_back_mbps, middle_ms


# -- contacts --------------------------------------------------------------------------------------


def test_ud3tn_gets_the_contacts_of_a_node_in_its_grammar(ring):
    begin_s = (pd.Timestamp(ring.scenario.begin) - DTN_EPOCH).total_seconds()
    told = []
    for line in export.ud3tn.text(ring, "comp-0-0").splitlines():
        n, ip, contacts = UD3TN.fullmatch(line).groups()
        assert ring.nodes[int(n) - 1].ip == ip
        for contact in re.findall(r"\{(\d+),(\d+),(\d+)\}", contacts):
            start, end, bytes_s = map(int, contact)
            told.append((ring.nodes[int(n) - 1].name, start - begin_s, end - begin_s, bytes_s))
    true = [row for row in of(ring, "comp-0-0") if np.floor(row[2]) > np.ceil(row[1])]
    assert len(told) == len(true) > 2
    for peer, start_s, end_s, mbps, _ in true:
        (own,) = [x for x in told if x[0] == peer and start_s <= x[1] < start_s + 1]
        assert 0 <= end_s - own[2] < 1 and own[3] == pytest.approx(mbps * 1e6 / 8, abs=1)


def test_hardy_gets_the_contacts_of_a_node_in_its_grammar(ring):
    comment, *lines = export.hardy.text(ring, "miyun").splitlines()
    assert comment.startswith("# ")
    begin, told = pd.Timestamp(ring.scenario.begin), []
    for line in lines:
        pattern, via, start, end, bits_s, delay_us = HARDY.fullmatch(line).groups()
        assert pattern == via
        seconds = [(pd.Timestamp(time) - begin).total_seconds() for time in (start, end)]
        told.append((ring.nodes[int(via) - 1].name, *seconds, int(bits_s) / 1e6, int(delay_us) / 1e3))
    true = list(of(ring, "miyun"))
    assert len(told) == len(true) > 1
    for one, other in zip(told, true, strict=True):
        assert one[0] == other[0] and one[1:] == pytest.approx(other[1:], abs=1e-3)


# -- orbits ----------------------------------------------------------------------------------------


def as_sgp4_and_astropy_have_it(plan, name, times):
    """Positions in GCRS, km: SGP4's, which astropy takes out of TEME; nothing of it is ours."""
    (satellite,) = [x for x in elements.layer_satellites(plan.scenario) if x.name == name]
    error, r, v = satellite.satrec.sgp4_array(times.jd1, times.jd2)
    assert not error.any()
    speed = CartesianDifferential(v.T * units.km / units.s)
    place = CartesianRepresentation(r.T * units.km).with_differentials(speed)
    turned = TEME(place, obstime=times).transform_to(GCRS(obstime=times)).cartesian
    return turned.xyz.to_value(units.km).T, turned.differentials["s"].d_xyz.to_value(units.km / units.s).T


@pytest.mark.parametrize(("duration_s", "within_m"), [(30, 0.25), (200, 0.25), (300, 0.01), (3600, 0.01)])
def test_oem_reads_an_orbit_and_interpolates_it_to_where_sgp4_has_it(tmp_path, duration_s, within_m):
    plan = Plan.make(Scenario.load("sc-mini"), duration_s=duration_s)
    export.write(plan, tmp_path / "{node}.oem")
    assert len(list(tmp_path.iterdir())) == len(plan.orbits)
    for name in ("relay-0-3", "eo-1-0"):
        message = OrbitEphemerisMessage.open(tmp_path / f"{name}.oem")
        assert message.version == "3.0"
        (segment,) = message.segments
        meta = segment.metadata
        assert (meta["OBJECT_NAME"], meta["REF_FRAME"], meta["CENTER_NAME"]) == (name, "ICRF", "EARTH")
        begin = Time(plan.scenario.begin.replace(tzinfo=None), scale="utc")
        assert meta["START_TIME"] == begin
        assert -1e-6 < (meta["STOP_TIME"] - begin).sec - duration_s < 30
        times = begin + np.linspace(0.01, duration_s - 0.01, 97) * units.s
        r_km, v_km_s = as_sgp4_and_astropy_have_it(plan, name, times)
        read = [segment(time) for time in times]
        assert np.abs([x.position for x in read] - r_km).max() < within_m / 1000
        assert np.abs([x.velocity for x in read] - v_km_s).max() < 2e-5


def test_an_orbit_is_of_what_flies(ring):
    with pytest.raises(ScenarioError, match=r"miyun is no satellite; an Orbit Ephemeris Message is of one"):
        export.oem.text(ring, "miyun")
    with pytest.raises(ScenarioError, match=r"has no node eo-9-9"):
        export.hardy.text(ring, "eo-9-9")


# -- the topology ----------------------------------------------------------------------------------


def test_networkx_reads_the_topology_of_an_instant(ring, tmp_path):
    at_s = 1234.5
    export.write(ring, tmp_path / "ring.graphml", at_s=at_s)
    graph = networkx.read_graphml(tmp_path / "ring.graphml")
    assert not graph.is_directed() and list(graph) == [node.name for node in ring.nodes]
    standing = {frozenset((ring.links[n].a, ring.links[n].b)): n for n in ring.network.standing(at_s)}
    assert {frozenset(map(ring.node, edge)) for edge in graph.edges} == set(standing)
    assert nothing_but_the_truth(ring, graph, standing, at_s) > 10


def nothing_but_the_truth(plan, graph, standing, at_s):
    """Distances by the positions of nodes are those that delays say."""
    for a, b, edge in graph.edges(data=True):
        link = standing[frozenset((plan.node(a), plan.node(b)))]
        assert edge["delay_ms"] == edge["delay_back_ms"] == pytest.approx(1e3 * plan.delay_s(link, at_s))
        km = [np.array([graph.nodes[end][f"{axis}_km"] for axis in "xyz"]) for end in (a, b)]
        if edge["kind"] != "fibre":
            light_ms = np.linalg.norm(km[0] - km[1]) / 299.792458
            assert edge["delay_ms"] == pytest.approx(light_ms, abs=1e-5)
        assert edge["rate_mbps"] > 0 and edge["link_class"] == plan.links[link].class_name
    assert graph.nodes["miyun"]["lat_deg"] == pytest.approx(40.45, abs=0.01)
    assert graph.nodes["comp-0-0"]["kind"] == "satellite" and graph.nodes["comp-0-0"]["layer"] == "comp"
    assert graph.nodes["comp-0-0"]["height_km"] == pytest.approx(535, abs=20)
    return len(graph.edges)


def test_a_link_of_two_unlike_directions_says_so():
    links = {"x": {"rate_mbps": 10, "min_elevation_deg": 5, "up": {"rate_mbps": 1, "extra_delay_ms": 3}}}
    rule = {"from": "ground", "to": "eo", "link": "x", "policy": "all"}
    plan = Plan.make(Scenario.load("pair").with_({"links": links, "access": [rule], "rate_scale": 1}))
    graph = networkx.parse_graphml(export.graphml.text(plan, 10.0))
    edge = graph.edges["eo-0-0", "sanya"]
    assert (edge["rate_mbps"], edge["rate_back_mbps"]) == (10, 1)
    assert edge["delay_back_ms"] - edge["delay_ms"] == pytest.approx(3)


@pytest.mark.parametrize(
    ("name", "told", "says"),
    [
        ("a.oem", {}, r"a\.oem is of one node; name it with --node, or put \{node\} into the name"),
        ("a.csv", {"node": "miyun"}, r"--node is of \.ud3tn and \.hardy and \.oem; .*a\.csv is of all nodes"),
        ("a.graphml", {"at_s": 9999.0}, r"--at is 9999; this plan is of 0 to 3600 s\."),
    ],
)
def test_what_a_format_is_not_told(ring, tmp_path, name, told, says):
    with pytest.raises(ScenarioError, match=says):
        export.write(ring, tmp_path / name, **told)
    assert not list(tmp_path.iterdir())


def test_the_begin_of_a_plan_need_not_be_a_whole_second():
    plan = Plan.make(Scenario.load("pair").with_({"epoch": dt.datetime(2026, 5, 9, 1, 41, 50, 500_000)}))
    (line,) = export.ud3tn.text(plan, "sanya").splitlines()
    assert re.search(r"\[\{831606111,831606140,1125000\}\]", line)  # from 01:41:50.5 to 01:42:20.5


def test_a_node_without_contacts_gets_no_file(ring, tmp_path):
    alone = ring.scenario.with_({"access": [], "fibre": [], "traffic": [], "accept": [], "tasks": []})
    plan = Plan.make(alone, duration_s=60)
    without = export.write(plan, tmp_path / "{node}.UD3TN")
    assert set(without) == {node.name for node in plan.nodes if node.kind == "ground"}
    assert {path.stem for path in tmp_path.iterdir()} == {node.name for node in plan.nodes} - set(without)
