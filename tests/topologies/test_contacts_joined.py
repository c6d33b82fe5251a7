"""From spans in which links stand to links and contacts: what touches is one, and each leaves in time."""

from types import SimpleNamespace

import numpy as np
import pytest

from skybed.topologies.contacts.contacts import (
    access_conditions,
    horizon_s,
    nodes,
    quiet,
    sources,
    spans,
    tables,
)  # fmt: skip
from skybed.topologies.contacts.motion import Span
from skybed.topologies.contacts.nodes import Node
from skybed.topologies.contacts.visibility import Conditions
from skybed.topologies.errors import ScenarioError
from skybed.topologies.scenario.file import Scenario
from support.tiny_sky import ELEMENTS, RADIO, TINY, plan_of

FIELDS = TINY | {
    "links": {
        "radio": RADIO,
        "optical": {"rate_mbps": 100},
        "split": {"rate_mbps": 10, "up": {"rate_mbps": 1}},
    },
    "routing": {"drain_ms": 500},
}
NODES = [Node(name, "satellite", "leo", "", "") for name in ("a", "b", "c", "d")]


def made(*spans, duration_s=60.0):
    """(link names and classes, rows of contacts) of spans (a, b, kind, class, start, end[, turned])."""
    links, contacts = tables(
        Scenario.model_validate(FIELDS), NODES, [Span(*span) for span in spans], duration_s
    )
    assert contacts.index.tolist() == list(range(len(contacts)))
    return [(link.name, link.class_name) for link in links], contacts.to_numpy().tolist()


def test_routing_leaves_a_contact_a_drain_time_before_its_end():
    _, rows = made((0, 1, "isl", "optical", 5.0, 20.0))
    assert rows == [[0, 5, 20, 5, 19.5]]


def test_a_contact_that_is_shorter_than_a_drain_time_is_never_used():
    _, rows = made((0, 1, "isl", "optical", 5.0, 5.4))
    assert rows == [[0, 5, 5.4, 5, 5]]


@pytest.mark.parametrize("end_s, row", [
    (59.0, [0, 5, 59, 5, 58.5]), (60.0, [0, 5, 60, 5, 59.5]), (60.2, [0, 5, 60, 5, 59.7]),
    (70.0, [0, 5, 60, 5, 60]),
])  # fmt: skip
def test_a_contact_that_outlasts_the_run_is_used_to_its_end(end_s, row):
    assert made((0, 1, "isl", "optical", 5.0, end_s))[1] == [row]


def test_what_begins_as_the_run_ends_is_none_of_it():
    links, rows = made((0, 1, "isl", "optical", 60.0, 70.0), (0, 2, "isl", "optical", 59.9, 70.0))
    assert links == [("a--c", "optical")] and rows == [[0, 59.9, 60, 59.9, 60]]


def test_spans_that_touch_or_overlap_are_one_contact():
    for first_end_s, count in ((20.0, 1), (25.0, 1), (40.0, 1), (19.9995, 1), (19.995, 2)):
        spans = [(0, 1, "isl", "optical", 5.0, first_end_s), (0, 1, "isl", "optical", 20.0, 30.0)]
        _, rows = made(*spans)
        assert len(rows) == count and rows[-1][2] == max(first_end_s, 30), first_end_s
        assert made(*reversed(spans))[1] == rows


def test_links_are_numbered_between_satellites_first_then_access_then_fibre():
    links, rows = made(
        (2, 3, "fibre", "optical", 0.0, 60.0), (0, 3, "access", "radio", 8.0, 9.0),
        (1, 2, "isl", "optical", 1.0, 2.0),
        (0, 1, "isl", "optical", 3.0, 4.0), (0, 1, "isl", "optical", 1.0, 2.0),
    )  # fmt: skip
    assert [name for name, _ in links] == ["a--b", "b--c", "a--d", "c--d"]
    assert [row[:2] for row in rows] == [[0, 1], [0, 3], [1, 1], [2, 8], [3, 0]]


def test_two_nodes_have_one_link():
    radio = (0, 1, "access", "radio", 20.0, 30.0)
    with pytest.raises(ScenarioError, match=r"a and b get two links \(optical and radio\), and can have one"):
        made((0, 1, "access", "optical", 5.0, 10.0), radio)
    turned = (0, 1, "access", "radio", 5.0, 10.0, True)
    assert len(made(turned, radio)[1]) == 2  # its directions are alike
    with pytest.raises(ScenarioError):
        made((0, 1, "access", "split", 5.0, 10.0, True), (0, 1, "access", "split", 20.0, 30.0))


def test_addresses_count_from_one_however_many_there_are():
    """10.1.0.0 is 65,536 further than 10.0.0.0; the station comes after all satellites."""
    sky = [SimpleNamespace(name=f"s{n}", layer="leo") for n in range(1, 65_536)]
    made = nodes(sky, Scenario.model_validate(FIELDS))
    told = {n: (made[n].name, made[n].kind, made[n].ip, made[n].ip6) for n in (0, 254, 255, 65_534, 65_535)}
    assert told == {
        0: ("s1", "satellite", "10.0.0.1", "fd5b::1"),
        254: ("s255", "satellite", "10.0.0.255", "fd5b::ff"),
        255: ("s256", "satellite", "10.0.1.0", "fd5b::100"),
        65_534: ("s65535", "satellite", "10.0.255.255", "fd5b::ffff"),
        65_535: ("Miyun", "ground", "10.1.0.0", "fd5b::1:0"),
    }
    assert [made[n].layer for n in (0, 65_535)] == ["leo", ""]


def test_geometry_is_known_until_a_handover_after_the_end_is_prepared():
    """A drain time, the 2 s that a radio takes to acquire, and a second."""
    assert horizon_s(Scenario.model_validate(FIELDS), 60.0) == 63.5
    assert horizon_s(Scenario.model_validate(FIELDS | {"access": []}), 60.0) == 61.5
    slow = {"links": FIELDS["links"] | {"slow": RADIO | {"setup_s": [1, 8]}}}
    two = {"access": [FIELDS["access"][0], FIELDS["access"][0] | {"from": ["Sanya"], "link": "slow"}]}
    assert horizon_s(Scenario.model_validate(FIELDS | slow | two), 60.0) == 69.5


@pytest.mark.parametrize("source, numbers", [
    ("ground", [2, 3]), (["Sanya"], [3]), (["Sanya", "Miyun"], [3, 2]), ("leo", [0, 1]),
])  # fmt: skip
def test_a_rule_gives_links_to_stations_or_to_the_satellites_of_a_layer(source, numbers):
    scenario = Scenario.model_validate(TINY)
    sky = SimpleNamespace(
        scenario=scenario, node=["s1", "s2", "Miyun", "Sanya"].index, layer={"leo": np.array([0, 1])}.get
    )
    assert sources(sky, scenario.access[0].model_copy(update={"source": source})).tolist() == numbers


def test_what_would_stand_only_after_all_that_is_known_is_no_link():
    """Until 63 s: a second, and the 2 s of a set-up, after the run. What is begun at 61.5 s is no longer."""
    made = plan_of(TINY | {"access": [TINY["access"][0] | {"slot_s": 61.5}]})
    found = spans(made.network.before_faults.motion, quiet)
    assert [(span.start_s, span.end_s) for span in found] == [(0.0, 61.5), (0.0, 61.5)]


@pytest.mark.parametrize("own, of_class, lowest_deg, reach_km", [
    ({}, {}, 0.0, None), ({}, {"min_elevation_deg": 5, "max_range_km": 900}, 5.0, 900.0),
    ({"min_elevation_deg": 0}, {"min_elevation_deg": 5}, 0.0, None),
    ({"min_elevation_deg": 25, "max_range_km": 800}, {"min_elevation_deg": 5, "max_range_km": 900}, 25.0,
     800.0),
])  # fmt: skip
def test_a_limit_of_a_rule_goes_before_that_of_its_link_class(own, of_class, lowest_deg, reach_km):
    """Without either a station sees down to the horizon, and a satellite past the Earth, 80 km above it."""
    scenario = Scenario.model_validate(
        TINY | {"links": {"radio": {"rate_mbps": 10} | of_class}, "access": [TINY["access"][0] | own]}
    )
    (rule,), link = scenario.access, scenario.link_class("radio")
    assert access_conditions(rule, link, ground=True) == Conditions(reach_km, min_elevation_deg=lowest_deg)
    beside = access_conditions(rule, link, ground=False)
    assert beside == Conditions(reach_km, min_radius_km=6378.135 + 80)  # WGS-72


@pytest.mark.parametrize("a, b, turned", [("Miyun", "Sanya", False), ("Sanya", "Miyun", True)])
def test_a_fibre_stands_all_the_time_and_its_way_up_is_from_its_first_end(a, b, turned):
    links = {"radio": RADIO, "split": FIELDS["links"]["split"]}
    made = plan_of(TINY | {"links": links, "fibre": [{"a": a, "b": b, "link": "split"}]})
    (span,) = [span for span in spans(made.network.before_faults.motion, quiet) if span.kind == "fibre"]
    assert (span.a, span.b, span.start_s, span.turned) == (2, 3, 0.0, turned)
    assert span.end_s > made.duration_s
    (link,) = [link for link in made.links if link.kind == "fibre"]
    assert [link.capable(side).rate_mbps for side in (0, 1)] == ([10, 1] if turned else [1, 10])


def test_how_far_the_search_for_links_has_come_is_told():
    told = []
    motion = plan_of(TINY).network.before_faults.motion
    assert len(spans(motion, lambda what, share: told.append((what, share)))) == 4
    assert told == [("links within leo", 0.0), ("access to leo", 0.5), ("links", 1.0)]


def test_who_finds_no_free_satellite_waits():
    """One satellite, with one terminal, is in view of both stations from the start to the end."""
    (header, one, _), rule = ELEMENTS.split(), TINY["access"][0]
    made = plan_of(
        TINY | {
            "layers": {"leo": {"elements": "\n".join([header, one])}},
            "access": [rule | {"policy": "nearest", "target_terminals": 1}],
        }
    )  # fmt: skip
    assert [link.name for link in made.links] == ["s1--Miyun"]
    assert made.contacts[["start_s", "end_s"]].to_numpy().tolist() == [[0.0, 60.0]]


def test_two_layers_are_linked_where_the_scenario_says_so():
    """Their satellites fly 24 degrees apart in one plane, 1,223 km high, so 3,160 km, and see each other."""
    header, one, other = ELEMENTS.split()
    layers = {
        "ahead": {"elements": "\n".join([header, one])},
        "behind": {"elements": "\n".join([header, other])},
    }
    made = plan_of(
        TINY | {
            "layers": layers, "links": {"radio": RADIO, "optical": {"rate_mbps": 100}},
            "access": [TINY["access"][0] | {"to": ["ahead", "behind"]}],
            "between": [{"layers": ["ahead", "behind"], "link": "optical", "pattern": "nearest"}],
        }
    )  # fmt: skip
    told = []
    found = spans(made.network.before_faults.motion, lambda what, share: told.append(what))
    assert "links between layers" in told
    assert [(span.a, span.b, span.start_s) for span in found if span.kind == "isl"] == [(0, 1, 0.0)]
