# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""Routes by delay, by rate, by hops, or by a mixture: those of Bellman and Ford over costs worked out here."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skybed.emulator.daemons import routers
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.routing import Routing
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import metric
from skybed.topologies.routing.routes import Mesh
from skybed.topologies.scenario.file import Scenario, parse

REFERENCE = 100_000.0
NODES, GROUND = 9, 3
KM_PER_DEG, FIBRE_S_PER_KM = 6371.0088 * math.pi / 180, 1.4 / (0.68 * 299_792.458)


def lines(fibres, links, duration_s=30, **routing):
    """Stations on the equator and north of it, and lines between them; no satellite has a link."""
    places = {"a": (0, 0), "b": (0, 20), "c": (8, 10), "d": (-14, 10)}
    return Scenario.model_validate({
        "name": "lines", "epoch": "2026-05-01", "duration_s": duration_s,
        "layers": {"geo": {"geostationary": {"longitudes_deg": [110]}}},
        "stations": [{"name": n, "lat_deg": lat, "lon_deg": lon} for n, (lat, lon) in places.items()],
        "links": links,
        "fibre": [{"a": pair[0], "b": pair[1], "link": link} for pair, link in fibres.items()],
        "routing": routing,
    })  # fmt: skip


def path(plan, src, dst, t_s):
    """By the tables, hop by hop."""
    walks = plan.trace(src, dst, [t_s])
    return "".join(plan.nodes[n].name for n in walks.paths[walks.path_id[0]])


DIAMOND = {"ab": "thin", "ac": "thick", "cb": "thick", "ad": "thick", "db": "thick"}
LINES = {"thin": {"rate_mbps": 10}, "thick": {"rate_mbps": 100}}


# -- what it costs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reference, rate, cost",
    [(100, 10, 10), (100, 100, 1), (100, 1.544, 64.77), (REFERENCE, 1000, 100), (REFERENCE, 120_000, 0.8333)],
)
def test_by_rate_it_is_the_auto_cost_of_routers(reference, rate, cost):
    """Cisco's of Ethernet, Fast Ethernet and a T1 (64, rounded down), with its reference of 100 Mbit/s."""
    rule = Routing(metric="rate", reference_mbps=reference)
    assert metric.cost_s(rule, 0.5, rate) == pytest.approx(1e-3 * cost, rel=1e-3)


def test_a_mixture_adds_up_and_what_carries_nothing_has_no_cost():
    rule = Routing(metric={"delay_ms": 2, "rate": 10, "hops": 3})
    cost_s = metric.cost_s(rule, np.array([0.004, 0.004, 0.0]), np.array([100.0, 0.0, 1e-300]))
    assert cost_s[0] == pytest.approx(1e-3 * (2 * 4 + 10 * 1000 + 3))
    assert np.isinf(cost_s[1]) and np.isfinite(cost_s[2])


def test_by_default_it_is_the_delay_to_the_last_bit():
    delay_s = np.random.default_rng(1).uniform(1e-6, 0.3, 10_000)
    assert (metric.cost_s(Routing(), delay_s, 100.0) == delay_s).all()


@pytest.mark.parametrize("given, says", [
    ("fast", "routing.metric is fast; it must be delay, rate or hops."),
    ("{delay: 1}", "routing.metric.delay is not a field (did you mean delay_ms?)."),
    ("{rate: -1}", "routing.metric.rate is -1; it must be at least 0."),
    ("{rate: true}", "routing.metric.rate is true; it must be a number."),
    ("{}", "routing.metric has no weight of more than 0; give delay_ms, rate or hops one."),
    ("rate\n  protocol: ospf", "routing.reference_mbps is 100000, so that a link of 1 Mbit/s (line) costs more than 65535, the most that daemons take; let it or the weight of rate be less."),
])  # fmt: skip
def test_wrong_metrics_are_told(given, says, tmp_path):
    text = (
        "name: x\nepoch: 2026-05-01\nduration_s: 60\nlayers: {geo: {geostationary: {longitudes_deg: [110]}}}\n"
        "stations: [{name: a, lat_deg: 0, lon_deg: 0}, {name: b, lat_deg: 0, lon_deg: 9}]\n"
        f"links: {{line: {{rate_mbps: 1}}}}\nfibre: [{{a: a, b: b, link: line}}]\nrouting:\n  metric: {given}\n"
    )
    with pytest.raises(ScenarioError) as error:
        parse(text, "x.yaml", tmp_path)
    line = 8 if "reference" in says else 9
    assert str(error.value) == f"x.yaml, line {line}: {says}"


# -- the best ways -------------------------------------------------------------------------------

pairs = st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda pair: pair[0] < pair[1])
costs = st.one_of(st.integers(1, 30), st.just(math.inf))
networks = st.dictionaries(pairs, st.tuples(costs, costs), min_size=1, max_size=24)


def farness(edges, destination, relays):
    """Of every node to a destination, by Bellman and Ford. edges: cost by (node, hop)."""
    far = {destination: 0}
    for _ in relays:
        for (node, hop), cost in edges.items():
            if (hop == destination or relays[hop]) and hop in far:
                far[node] = min(far.get(node, math.inf), cost + far[hop])
    return far


@settings(max_examples=200)
@given(networks, st.booleans())
def test_ways_of_directed_costs_are_the_best_ones(links, relay):
    a, b = (np.array([pair[end] for pair in links]) for end in (0, 1))
    cost_s = np.array([*links.values()], float).T / 1e9
    via, far = Mesh(NODES, NODES - GROUND, a, b, relay).next_hops(cost_s, np.arange(NODES))
    both = {(a, b): there for (a, b), (there, _) in links.items()}
    both |= {(b, a): back for (a, b), (_, back) in links.items()}
    edges = {ends: cost for ends, cost in both.items() if cost < math.inf}
    relays = [relay or n < NODES - GROUND for n in range(NODES)]
    for destination in range(NODES):
        best = farness(edges, destination, relays)
        for node in set(range(NODES)) - {destination}:
            assert far[destination, node] == best.get(node, math.inf)
            hops = [
                hop for (one, hop), cost in edges.items()
                if one == node and (hop == destination or relays[hop])
                and cost + best.get(hop, math.inf) == best.get(node)
            ]  # fmt: skip
            assert via[destination, node] == min(hops, default=-1)


METRICS = [
    "delay", "rate", "hops", {"delay_ms": 1, "rate": 0.01}, {"hops": 7, "delay_ms": 1}, {"rate": 1, "hops": 900},
]  # fmt: skip


@pytest.mark.parametrize("by", METRICS, ids=str)
def test_tables_of_a_plan_are_the_best_ways(by):
    """Of lines with other rates and extra delays in each direction, of which some have no rate for a time."""
    links = {
        "thin": {"rate_mbps": 10, "up": {"extra_delay_ms": 20}},
        "thick": {"rate_mbps": 100, "down": {"rate_mbps": [[0, 100], [10.25, 0], [20.5, 40]]}},
        "thicker": {"rate_mbps": [[0, 900], [5.3, 20], [5.4, 900]], "up": {"rate_mbps": 30}},
    }
    fibres = {"ab": "thin", "ac": "thicker", "bc": "thick", "ad": "thick", "db": "thicker", "cd": "thin"}
    scenario = lines(fibres, links, metric=by)
    plan = Plan.make(scenario).kept()
    weights = {"delay": {"delay_ms": 1}, "rate": {"rate": 1}, "hops": {"hops": 1}}.get(str(by), by)
    for t_s in (0.5, 5.35, 6.0, 10.3, 20.6):
        edges = {}
        for (one, other), name in fibres.items():
            place = {x.name: x for x in scenario.stations}
            angle = angle_rad(place[one], place[other])
            for here, there, way in ((one, other, "up"), (other, one, "down")):
                given = {**links[name], **links[name].get(way, {})}
                rate = value(given["rate_mbps"], t_s)
                delay_ms = 1e3 * angle * 6371.0088 * FIBRE_S_PER_KM + given.get("extra_delay_ms", 0)
                if rate:
                    cost = weights.get("delay_ms", 0) * delay_ms + weights.get("hops", 0)
                    edges[here, there] = cost + weights.get("rate", 0) * REFERENCE / rate
        for here, there in (("a", "b"), ("b", "a"), ("c", "b"), ("d", "c"), ("b", "d")):
            least = farness(edges, there, dict.fromkeys("abcd", True))[here]
            walked = sum(edges[hop] for hop in pairwise(path(plan, here, there, t_s)))
            assert walked == pytest.approx(least, rel=1e-4), (here, there, t_s)


def angle_rad(one, other):
    """Between two places, rad."""
    lat, lon, lat2, lon2 = np.radians([one.lat_deg, one.lon_deg, other.lat_deg, other.lon_deg])
    return math.acos(np.sin(lat) * np.sin(lat2) + np.cos(lat) * np.cos(lat2) * np.cos(lon - lon2))


def value(given, t_s):
    return given if isinstance(given, int) else [v for at_s, v in given if at_s <= t_s][-1]


def test_the_way_by_rate_is_longer_and_paths_tell_its_delay():
    by_delay, by_rate = (Plan.make(lines(DIAMOND, LINES, metric=m)) for m in ("delay", "rate"))
    assert [path(plan, "a", "b", 1) for plan in (by_delay, by_rate)] == ["ab", "acb"]
    told = by_rate.path("a", "b", 1.0)
    assert told.paths == [("a", "c", "b")]
    arrival_s = by_rate.trace("a", "b", [1.0]).arrival_s[0]
    assert told.rtt_ms[0] == pytest.approx(2e3 * (arrival_s - 1), abs=1e-3)
    assert (
        told.rtt_ms[0]
        > by_delay.path("a", "b", 1.0).rtt_ms[0]
        > 2e3 * 20 * KM_PER_DEG * FIBRE_S_PER_KM * 0.999
    )


def test_there_and_back_lead_other_ways_where_directions_differ():
    links = LINES | {"thin": {"rate_mbps": 10, "up": {"extra_delay_ms": 40}}}
    plan = Plan.make(lines(DIAMOND, links))
    assert (path(plan, "a", "b", 1), path(plan, "b", "a", 1)) == ("acb", "ba")


# -- when it looks -------------------------------------------------------------------------------


def changes_s(plan):
    return np.unique(plan.routes.whole()["t_s"])[1:].tolist()


def test_a_rate_that_changes_seldom_is_followed_at_once():
    links = LINES | {"thick": {"rate_mbps": [[0, 100], [4.7, 5], [8.2, 100], [8.6, 5]]}}
    plan = Plan.make(lines(DIAMOND, links, metric="rate"))
    assert changes_s(plan) == [4.7, 8.2, 9.0]  # 8.6 is the second of its second
    assert path(plan, "a", "b", 4.69) == "acb" and path(plan, "a", "b", 4.7) == "ab"


def test_by_delay_rates_are_not_looked_at_but_those_of_0():
    links = LINES | {"thin": {"rate_mbps": [[0, 10], [4.7, 0], [4.9, 3], [9.3, 0.1]]}}
    plan = Plan.make(lines(DIAMOND, links))
    assert changes_s(plan) == [4.7, 4.9]


def test_srv6_leaves_a_line_as_long_before_its_rate_is_0_as_one_that_ends():
    """What is under way keeps its path, so nothing must be on it when the line carries nothing any more."""
    links = LINES | {"thick": {"rate_mbps": [[0, 100], [10.25, 0], [20.5, 100]]}}
    plan = Plan.make(lines(DIAMOND, links, metric="rate", protocol="srv6"))
    assert changes_s(plan) == [9.75, 20.5]
    walks = plan.trace("a", "b", np.arange(0, 29, 0.005))
    assert not np.isnan(walks.arrival_s).any()


@pytest.mark.parametrize("protocol", ["oracle", "schedule"])
def test_no_packet_is_lost_while_a_rate_is_0_and_another_way_is_there(protocol):
    """What is on its way to the line turns round."""
    links = LINES | {"gap": {"rate_mbps": [[0, 100], [10.25, 0], [20.5, 100]]}}
    plan = Plan.make(lines(DIAMOND | {"cb": "gap"}, links, metric="rate", protocol=protocol))
    sent_s = np.arange(0, 29, 0.001)
    walks = plan.trace("a", "b", sent_s)
    assert not np.isnan(walks.arrival_s).any()
    ways = ["".join(plan.nodes[n].name for n in path) for path in walks.paths]
    taken = {way: sent_s[walks.path_id == n] for n, way in enumerate(ways)}
    assert set(taken) == {"acb", "acadb", "adb"}
    assert taken["adb"].min() == 10.25 and 10.23 < taken["acadb"].min() < taken["acadb"].max() < 10.25


# -- daemons -------------------------------------------------------------------------------------


def told(by, **links):
    scenario = lines({"ab": "thin"}, {"thin": {"rate_mbps": 10} | links}, metric=by, protocol="ospf")
    plan = Plan.make(scenario)
    return routers.link_costs(plan)[0].tolist()


def test_daemons_are_told_the_cost_of_what_each_end_sends():
    delay = round(1e4 * 20 * KM_PER_DEG * FIBRE_S_PER_KM)
    assert told("delay", up={"extra_delay_ms": 5}) == [delay + 50, delay]
    assert told("rate", up={"rate_mbps": 20}) == [5000, 10_000]
    assert told("hops") == [1, 1]
    assert told({"delay_ms": 1, "rate": 0.01}) == [delay + 1000, delay + 1000]
    assert told("rate", up={"rate_mbps": 0}) == [metric.MOST, 10_000]


def test_a_daemon_takes_the_mean_cost_while_a_line_carries_anything():
    """10 Mbit/s for 15 s, nothing for 7.5 s, 20 Mbit/s for 7.5 s: two parts of 10,000 and one of 5,000."""
    assert told("rate", up={"rate_mbps": [[0, 10], [15, 0], [22.5, 20]]}) == [pytest.approx(8333, 1), 10_000]


def test_a_delay_that_is_added_both_ways_alike_counts():
    """For packets under way, and for the choice of theirs."""
    plan = Plan.make(lines(DIAMOND, LINES | {"thin": {"rate_mbps": 10, "extra_delay_ms": 30}}))
    assert path(plan, "a", "b", 1) == path(plan, "b", "a", 1)[::-1] == "acb"
    link = plan.network.link_between[plan.node("a"), plan.node("b")]
    assert plan.network.one_way_s(link, [0, 1], 1.0) == pytest.approx(plan.delay_s(link, 1.0) + 0.03)
