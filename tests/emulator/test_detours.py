"""Routes around links that are held down: those of an oracle that learns of it when it may."""

import numpy as np
import pytest

from skybed.emulator.sky.detours import Detours
from skybed.emulator.sky.values import Values
from skybed.topologies.contacts.properties import Property
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import oracle
from skybed.topologies.scenario.file import Scenario
from support.places import ROOT

DOWN_S, UP_S, DETECTION_S = 4.25, 12.5, 0.1


def planned(**routing):
    loaded = Scenario.load(ROOT / "scenarios" / "reroute-oracle.yaml")
    return Plan.make(loaded.with_(routing={"protocol": "oracle"} | routing, faults=[], duration_s=20)).kept()


class Played:
    """A sky without a kernel, of which routes alone are played: `via` is what nodes have."""

    def __init__(self, plan):
        self.plan, self.link_values = plan, Values(plan)
        self.via = np.full((len(plan.nodes), len(plan.nodes)), -1, np.int32)
        self.by_plan = self.via.copy()
        self.detours = Detours(self, plan)
        self.unplanned = []

    def hold(self, link, value):
        for side in (0, 1):
            self.link_values.hold(link, side, Property.CARRIER, value)

    def at(self, t_s, changes):
        """Delays and rates are the true ones of this time."""
        links = np.arange(len(self.plan.links))
        self.link_values.in_force[:, :, Property.DELAY] = 1e6 * self.plan.delay_s(links, t_s)[:, None]
        rates_mbps = self.plan.network.values.at(Property.RATE, links[:, None], [[0, 1]], t_s)
        self.link_values.in_force[:, :, Property.RATE] = rates_mbps
        told = self.detours.at(t_s, changes)
        for table, rows in ((self.via, told.changes), (self.by_plan, changes)):
            table[rows["node"], rows["dst"]] = rows["via"]
        self.unplanned += [t_s] * len(told.unplanned)

    def through(self, events):
        """Plays all routes; events: (t_s, what is done). Yields the time after each."""
        routes = self.plan.routes.whole()
        times_s = np.unique(routes["t_s"]).tolist()
        while times_s or events or np.isfinite(self.detours.due_s):
            t_s = min([*times_s[:1], *(at_s for at_s, _ in events[:1]), self.detours.due_s])
            if events and events[0][0] == t_s:
                events.pop(0)[1]()
                continue
            changes = routes[routes["t_s"] == t_s]
            times_s = [at_s for at_s in times_s if at_s > t_s]
            self.at(t_s, changes)
            yield t_s


def farness_ns(plan, t_s, lost):
    """[node, destination]: of the shortest ways over the links in use at a time, but those that are lost."""
    usable = plan.usable
    links = np.unique(usable.key[(usable.start_s <= t_s) & (t_s < usable.end_s)])
    links = np.setdiff1d(links, lost)
    _, far = (
        oracle.graph(plan.network).mesh(links).next_hops(plan.cost_s(links, t_s), np.arange(len(plan.nodes)))
    )
    return far.T, {(plan.links[i].a, plan.links[i].b): i for i in links.tolist()}


def walked_ns(plan, via, t_s, links):
    """The same of the ways that tables lead; inf: to no end, or over a link that is not in use."""
    far = np.full(via.shape, np.inf)
    costs_ns = np.maximum(np.round(1e9 * plan.cost_s(np.arange(len(plan.links)), t_s)), 1)
    for node, destination in np.ndindex(*via.shape):
        at, way_ns, hops = node, 0.0, 0
        while at != destination and via[at, destination] >= 0 and hops < 64:
            following = int(via[at, destination])
            link = links.get((min(at, following), max(at, following)))
            way_ns += np.inf if link is None else costs_ns[link]
            at, hops = following, hops + 1
        far[node, destination] = way_ns if at == destination else np.inf
    return far


@pytest.mark.parametrize(
    "rule",
    [
        {"ground_relay": True},
        {"ground_relay": False},
        {"metric": "rate"},
        {"metric": {"delay_ms": 1, "hops": 9}},
    ],
    ids=str,
)
def test_while_links_are_down_all_ways_are_the_best_over_the_others(rule):
    plan = planned(**rule)
    sky = Played(plan)
    lost = [plan.links.index(link) for link in plan.links if link.name in LOST]
    assert len(lost) == 2

    def switch(t_s, value):
        for link in lost:
            sky.hold(link, value)
            sky.detours.note(t_s, link)

    events = [(DOWN_S, lambda: switch(DOWN_S, 0.0)), (UP_S, lambda: switch(UP_S, None))]
    looks = 0
    for t_s in sky.through(events):
        if DOWN_S + DETECTION_S <= t_s < UP_S + DETECTION_S:
            far, links = farness_ns(plan, t_s, lost)
            assert np.array_equal(walked_ns(plan, sky.via, t_s, links), far)
            looks += 1
        else:
            assert np.array_equal(sky.via, sky.by_plan)
    assert looks > 8
    assert min(sky.unplanned) == DOWN_S + DETECTION_S and max(sky.unplanned) == UP_S + DETECTION_S


LOST = {"relay-2-1--relay-3-1", "relay-1-1--relay-2-1"}


@pytest.mark.parametrize("by", ["delay", "rate"])
def test_ways_around_leave_a_line_at_the_instant_at_which_its_rate_is_0(by):
    """One of four ways is lost; the best of the others carries nothing for a time, one way. No planned way
    changes by that.
    """
    spokes = {"c": 3, "d": 6, "e": 9, "f": 12}  # deg north, in the middle between both ends
    gap = {"rate_mbps": 100, "up": {"rate_mbps": [[0, 100], [6.37, 0], [8.61, 100]]}}
    stations = [{"name": "a", "lat_deg": 0, "lon_deg": 0}, {"name": "b", "lat_deg": 0, "lon_deg": 20}]
    stations += [{"name": name, "lat_deg": deg, "lon_deg": 10} for name, deg in spokes.items()]
    fibre = [{"a": end, "b": name, "link": "line"} for name in spokes for end in "ab"]
    fibre[2]["link"] = "gap"  # a to d
    scenario = Scenario.model_validate({
        "name": "spokes", "epoch": "2026-05-01", "duration_s": 12, "stations": stations, "fibre": fibre,
        "layers": {"geo": {"geostationary": {"longitudes_deg": [110]}}},
        "links": {"line": {"rate_mbps": 100}, "gap": gap}, "routing": {"metric": by},
    })  # fmt: skip
    plan = Plan.make(scenario).kept()
    sky, (a, b, c, d, e) = Played(plan), map(plan.node, "abcde")
    lost = plan.network.link_between[a, c]

    def fail():
        sky.hold(lost, 0.0)
        sky.detours.note(DOWN_S, lost)

    hops = {t_s: (sky.via[a, b], sky.via[b, a]) for t_s in sky.through([(DOWN_S, fail)])}
    planned_s = np.unique(plan.routes.whole()["t_s"])
    assert ((planned_s <= 6.37) | (planned_s >= 8.61)).all()
    first = c if by == "delay" else min(c, d, e)  # all are as good by rate
    for t_s, (there, back) in hops.items():
        around = d if t_s < 6.37 or t_s >= 8.61 else e
        expected = (first, first) if t_s < DOWN_S + DETECTION_S else (around, d)
        assert (there, back) == expected, t_s
    assert {6.37, 8.61} <= hops.keys()


def test_what_is_over_before_it_is_noticed_changes_nothing():
    plan = planned()
    sky = Played(plan)
    (link,) = (plan.links.index(link) for link in plan.links if link.name == "relay-2-1--relay-3-1")

    def switch(t_s, value):
        sky.hold(link, value)
        sky.detours.note(t_s, link)

    events = [(DOWN_S, lambda: switch(DOWN_S, 0.0)), (DOWN_S + 0.05, lambda: switch(DOWN_S + 0.05, None))]
    for _ in sky.through(events):
        assert np.array_equal(sky.via, sky.by_plan)
    assert sky.unplanned == []


@pytest.mark.parametrize("protocol, there", [("oracle", True), ("srv6", True), ("schedule", False)])
def test_who_is_told_of_what_is_not_planned(protocol, there):
    plan = planned(protocol=protocol)
    detours = Detours(Played(plan), plan)
    detours.note(1.0, 0)
    assert np.isfinite(detours.due_s) == there


def test_within_domains_of_an_oracle_only_their_own_links_are_used():
    loaded = Scenario.load(ROOT / "scenarios" / "reroute-oracle.yaml")
    domains = [
        {"name": "space", "nodes": ["relay"], "protocol": "oracle"},
        {"name": "earth", "nodes": ["ground"], "protocol": "ospf"},
    ]
    plan = Plan.make(loaded.with_(routing={"domains": domains}, faults=[], duration_s=20))
    kinds = {plan.links[link].kind for link in plan.usable.key.tolist()}
    assert kinds == {"isl"}
