"""Which core plays which node, and by how much the kernels of several may be ahead of each other."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skybed.topologies.contacts.properties import Property, events, in_order
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.tables import PROGRAMS
from skybed.topologies.plan import cores, score
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario

PLANES, PER_PLANE = 20, 10
SKY = {
    "name": "grid",
    "epoch": "2026-01-01T00:00:00Z",
    "duration_s": 20,
    "layers": {
        "sat": {
            "walker": {
                "planes": PLANES, "per_plane": PER_PLANE, "inclination_deg": 53, "altitude_km": 1160,
            },
            "isl": {"link": "isl", "pattern": "grid"},
        }
    },
    "stations": ["miyun", "sanya", "kashi", "mohe"],
    "links": {"isl": {"rate_mbps": 10}, "radio": {"rate_mbps": 10, "min_elevation_deg": 10}},
    "access": [{"from": "ground", "to": "sat", "link": "radio"}],
    "routing": {"destinations": "all"},
}  # fmt: skip
GRID = Plan.make(Scenario.model_validate(SKY)).kept()
NAMES = [node.name for node in GRID.nodes]
IN_ORBIT = np.array([node.kind == "satellite" for node in GRID.nodes])


def carrying(traffic, plan=GRID):
    return replace(plan, scenario=plan.scenario.with_(traffic=traffic))


def with_short(links, plan=GRID):
    """The same, but that some links are of 499 us in the end."""
    over = plan.events.whole()
    last = [events([plan.duration_s - 1], [link], Property.DELAY, 499) for link in links]
    return replace(plan, events=Pieces(lambda: iter([in_order(np.concatenate([over, *last]))])))


def tcp(name, source, target, **more):
    return {"kind": "tcp", "name": name, "from": source, "to": target, **more}


def in_planes(per_plane):
    """Flows halfway around each plane."""
    half = PER_PLANE // 2
    return [
        tcp(f"f{plane}-{slot}", f"sat-{plane}-{slot}", f"sat-{plane}-{slot + half}")
        for plane in range(PLANES)
        for slot in range(per_plane)
    ]


def core_of(plan, place):
    return {name: int(core) for name, core in zip(NAMES, place, strict=True)}


def test_two_cores_have_half_of_the_flows_each_and_planes_are_not_parted():
    plan = carrying(in_planes(5))
    place = cores.place(plan, 2)
    of = core_of(plan, place)
    of_flows = [of[flow.source] for flow in plan.scenario.traffic]
    assert len(of_flows) == 100 and np.bincount(of_flows).tolist() == [50, 50]
    assert [len({of[f"sat-{plane}-{slot}"] for slot in range(10)}) for plane in range(20)] == [1] * 20
    # of neighbouring planes 9 and 10, and of the last and the first, 10 links each
    isl = [link for link in plan.links if link.kind == "isl"]
    assert sum(place[link.a] != place[link.b] for link in isl) == 20 < len(isl) / 10


@pytest.mark.parametrize("kept", [range(4), range(16, 20), range(0, 20, 2)])
def test_flows_that_are_all_the_work_are_shared_out_wherever_they_are(kept):
    flows = [flow for flow in in_planes(5) if int(flow["from"].split("-")[1]) in kept]
    plan = carrying([{**flow, "rate_mbps": 1000} for flow in flows])
    of = core_of(plan, cores.place(plan, 2))
    of_flows = np.bincount([of[flow.source] for flow in plan.scenario.traffic])
    assert abs(of_flows[0] - of_flows[1]) <= 2


def test_a_sky_without_traffic_is_halved_and_so_is_the_ground():
    place = cores.place(carrying([]), 2)
    assert np.bincount(place).tolist() == [102, 102]
    assert (np.diff(place[IN_ORBIT]) >= 0).all() and np.bincount(place[IN_ORBIT]).tolist() == [100, 100]


FLOW = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(["probe", "trace", "tcp"]))
FLOWS = st.lists(FLOW.filter(lambda flow: flow[0] != flow[1]), max_size=12)
SHORT = st.lists(st.integers(0, len(GRID.links) - 1), max_size=6)


@settings(deadline=None, max_examples=60)
@given(flows=FLOWS, short=SHORT, count=st.integers(1, 6))
def test_every_node_is_on_one_core_and_nothing_is_parted_that_belongs_together(flows, short, count):
    named = [
        {"kind": kind, "name": f"f{n}", "from": source, "to": target}
        for n, (source, target, kind) in enumerate(flows)
    ]
    plan = carrying(named, with_short(short))
    place = cores.place(plan, count)
    assert len(place) == len(plan.nodes) and np.unique(place).tolist() == [*range(count)]
    of = core_of(plan, place)
    assert all(of[source] == of[target] for source, target, _ in flows)
    assert all(place[plan.links[n].a] == place[plan.links[n].b] for n in short)
    assert cores.least_delay_us(plan, place) >= cores.SHORT_US
    assert place.tolist() == cores.place(plan, count).tolist()
    assert np.unique(place, return_index=True)[1].tolist() == sorted(
        np.unique(place, return_index=True)[1].tolist()
    )


@settings(deadline=None, max_examples=60)
@given(flows=FLOWS, count=st.integers(2, 6))
def test_cores_have_equally_much_where_no_group_is_more_than_a_share(flows, count):
    """But for what the heaviest group is: no cut goes through one."""
    named = [
        {"kind": "probe", "name": f"f{n}", "from": source, "to": target, "rate_hz": 500}
        for n, (source, target, _) in enumerate(flows)
    ]
    plan = carrying(named)
    weight = cores.weights(plan)
    heaviest = weight[weight > 1].sum() if flows else 1.0  # at most: all flows in one group
    assume(heaviest < weight.sum() / count)
    of_core = np.bincount(cores.place(plan, count), weight)
    assert np.ptp(of_core) <= 2 * heaviest


def test_what_is_more_than_a_share_has_a_core_of_its_own():
    hub = [tcp(f"f{n}", "sat-10-0", f"sat-{n}-0") for n in (8, 9, 11, 12)]
    plan = carrying([{**flow, "rate_mbps": 1000} for flow in hub])
    place = cores.place(plan, 3)
    of = core_of(plan, place)
    own = [name for name in NAMES if of[name] == of["sat-10-0"]]
    assert own == [f"sat-{n}-0" for n in (8, 9, 10, 11, 12)]
    assert sorted(np.bincount(place).tolist()) == [5, 99, 100]


def test_flows_between_stations_go_to_who_has_least():
    flows = [tcp("a", "miyun", "sanya"), tcp("b", "kashi", "mohe")]
    of = core_of(GRID, cores.place(carrying(flows), 2))
    assert of["miyun"] == of["sanya"] != of["kashi"] == of["mohe"]


def test_flows_that_wait_for_others_are_where_these_are():
    first = tcp("first", "sat-0-0", "sat-0-5", volume_mb=1)
    then = tcp("then", "sat-19-0", "sat-19-5", after="first")
    server = {"kind": "program", "name": "server", "node": "sat-1-0", "command": "serve"}
    client = {"kind": "program", "name": "client", "node": "sat-18-0", "command": "ask", "needs": ["server"]}
    plan = carrying([first, then, server, client])
    assert {flow.kind for flow in plan.scenario.traffic} == {"tcp", PROGRAMS.name.removesuffix("s")}
    of = core_of(plan, cores.place(plan, 4))
    assert of["sat-0-0"] == of["sat-19-0"] and of["sat-1-0"] == of["sat-18-0"]


def test_a_flow_counts_by_its_packets_half_at_each_end():
    flows = [
        {"kind": "probe", "name": "p", "from": "miyun", "to": "sat-0-0", "rate_hz": 480},  # for 20 s
        {"kind": "tcp", "name": "greedy", "from": "sat-1-0", "to": "sat-1-1"},  # 10 Mbit/s: 16,667 packets
        {"kind": "tcp", "name": "some", "from": "sat-2-0", "to": "sat-2-1", "volume_mb": 3.6},  # 2,400
        {"kind": "program", "name": "x", "node": "sat-3-0", "command": "true"},
    ]
    weight = dict(zip(NAMES, cores.weights(carrying(flows)), strict=True))
    assert weight["miyun"] == weight["sat-0-0"] == 1 + (1 + 9600 / 2400) / 2
    assert weight["sat-1-0"] == weight["sat-1-1"] == pytest.approx(1 + (1 + 16_667 / 2400) / 2, rel=1e-4)
    assert weight["sat-2-0"] == 1 + (1 + 1) / 2
    assert (weight["sat-3-0"], weight["sat-4-0"]) == (2, 1)


def test_a_router_is_dearer_than_a_node():
    """So flows count for less beside it."""
    flows = [{"kind": "probe", "name": "p", "from": "miyun", "to": "sanya", "rate_hz": 480}]
    routed = GRID.scenario.with_(routing={"protocol": "ospf"}, traffic=flows)
    weight = cores.weights(replace(GRID, scenario=routed))
    assert weight.max() == 1 + (1 + 9600 / 48_000) / 2


def test_a_sky_that_falls_into_too_few_groups():
    plan = Plan.make(Scenario.load("pair"))
    with pytest.raises(ScenarioError) as error:
        cores.place(plan, 9)
    assert "--cores asks for 9, and this sky has " in str(error.value)
    ring = Plan.make(Scenario.load("ring12").with_(duration_s=5, stations=[], access=[], traffic=[]))
    names = [node.name for node in ring.nodes]
    flows = [tcp(f"f{n}", names[n], names[n + 1]) for n in range(len(names) - 1)]
    with pytest.raises(ScenarioError) as error:
        cores.place(replace(ring, scenario=ring.scenario.with_(traffic=flows)), 2)
    assert str(error.value) == (
        "--cores asks for 2, and this sky has 1 group of nodes that a core can play alone, as one core must "
        "have the ends of flows (f0, f1, f2 and 8 more). Take --cores 1, or change these."
    )
    with pytest.raises(ScenarioError, match=r"those of links of less than 500 us \(comp-0-0--comp-0-1, "):
        cores.place(with_short(range(len(ring.links)), ring), 2)


# -- the least delay -------------------------------------------------------------------------------------


def line(t_s, link, delay_us, slope_us_s):
    return events([t_s], [link], Property.DELAY, delay_us, slope=slope_us_s)


def carrier(t_s, link, on):
    return events([t_s], [link], Property.CARRIER, on)


@pytest.mark.parametrize("windows", [1, 2, 3])
def test_the_least_delay_is_that_of_lines_up_to_where_they_end(windows):
    """However the table is cut; a line that falls goes on to the next, to the end of its link, or of all."""
    whole = in_order(
        np.concatenate(
            [
                *(carrier(0, link, 1) for link in (0, 1, 2)),
                line(0, 0, 1000, -10), line(20, 0, 900, 5), line(40, 0, 950, 0),  # 800 just before 20 s
                line(0, 1, 700, -10), carrier(15, 1, 0), carrier(90, 1, 1), line(90, 1, 2000, 0),  # 550
                line(0, 2, 3000, 1), line(60, 2, 3060, -1),  # 3020 at 100 s
            ]
        )
    )  # fmt: skip
    pieces = np.array_split(whole, windows)
    plan = replace(GRID, events=Pieces(lambda: iter(pieces)))
    assert score.least_delays_us(plan, 100.0)[:4].tolist() == [800, 550, 3000, np.inf]
    assert score.least_delays_us(plan, 200.0)[:3].tolist() == [800, 550, 2920]


def test_no_link_is_ever_shorter_than_that_by_geometry_to_a_microsecond():
    scenario = Scenario.load("ring12").with_(duration_s=60).in_virtual_time()
    plan = Plan.make(scenario)
    least_us = score.least_delays_us(plan, plan.duration_s)
    slopes = plan.events.whole()["slope"]
    assert slopes.min() < -1  # approaching, so that no event has the least
    contacts = plan.contacts.groupby("link")[["start_s", "end_s"]].apply(lambda of: of.to_numpy())
    true_us = np.array([
        min(plan.delay_s(link, np.linspace(*span, 2001)).min() * 1e6 for span in contacts[link])
        for link in range(len(plan.links))
    ])  # fmt: skip
    assert least_us == pytest.approx(true_us, abs=1.0)


def test_what_does_not_cross_does_not_count():
    place = np.zeros(len(GRID.nodes), int)
    assert cores.least_delay_us(GRID, place) == np.inf
    link = GRID.links[7]
    place[link.a] = 1
    crossing = [n for n, other in enumerate(GRID.links) if link.a in (other.a, other.b)]
    least_us = score.least_delays_us(GRID, GRID.duration_s)
    assert cores.least_delay_us(GRID, place) == least_us[crossing].min() > least_us.min()


@pytest.mark.parametrize(
    "name, what",
    [
        ("reroute-srv6", "srv6 is"), ("dtn-ring", "Tasks and bundles are"),
        ("retasking", "Tasks and bundles are"),
    ],
)  # fmt: skip
def test_what_is_not_played_on_several_cores(name, what):
    with pytest.raises(ScenarioError, match=rf"{what} not played on several cores.* leave out --cores\.$|"
                       rf"{what} not played on several cores.* Leave out --cores\.$"):  # fmt: skip
        cores.check(Scenario.load(name))


def test_all_else_is():
    for name in ("sc-mini", "reroute-ospf", "ring12"):
        cores.check(Scenario.load(name))
