"""Outages of links, planned or not, and what packets and routes do about them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skyfield.api import EarthSatellite, wgs84

from skybed.topologies.contacts import faults, properties
from skybed.topologies.contacts.spans import common
from skybed.topologies.errors import ScenarioError
from skybed.topologies.orbits import chance
from skybed.topologies.orbits.ephemeris import satrec, timescale
from skybed.topologies.orbits.geometry import great_circle_km
from skybed.topologies.plan.plan import Plan
from skybed.topologies.plan.score import reachable
from skybed.topologies.routing import oracle, routes
from skybed.topologies.scenario.file import Scenario

T_S = np.arange(0, 60, 0.01)


def plan(faults, duration_s=60, seed=1, links=None, **routing):
    """A triangle of fibres: west to east directly, or the longer way over north."""
    ground = [("west", 30, 100), ("east", 30, 110), ("north", 45, 105)]
    return Plan.make(
        Scenario.model_validate(
            {
                "name": "triangle",
                "epoch": "2026-05-09T00:00:00Z",
                "duration_s": duration_s,
                "seed": seed,
                "links": links or {},
                "layers": {
                    "net": {"walker": {"planes": 1, "per_plane": 1, "inclination_deg": 5, "altitude_km": 500}}
                },
                "stations": [{"name": name, "lat_deg": lat, "lon_deg": lon} for name, lat, lon in ground],
                "fibre": [
                    {"a": a, "b": b} for a, b in (("west", "east"), ("west", "north"), ("north", "east"))
                ],
                "routing": {"detection_ms": 500, **routing},
                "faults": faults,
            }
        )
    )


def lost(plan):
    """(first, last) sending time of each run of lost packets from west to east."""
    arrival_s, _, _ = plan.trace("west", "east", T_S)
    gone = np.isnan(arrival_s)
    edges = np.flatnonzero(np.diff(gone, prepend=False, append=False))
    return [(T_S[a], T_S[b - 1]) for a, b in edges.reshape(-1, 2)]


def events(plan):
    """(kind, t_s) of what happens to links after 0."""
    made = plan.events.whole()
    named = zip(properties.kind(made), made["t_s"], strict=True)
    return [(properties.KINDS[number], float(t_s)) for number, t_s in named if t_s > 0]


def test_a_sound_triangle_loses_nothing():
    sound = plan([])
    assert lost(sound) == []
    assert sound.trace("west", "east", T_S[:1])[2] == [(sound.node("west"), sound.node("east"))]


@pytest.mark.parametrize("kind", ["carrier", "silent"])
def test_packets_are_lost_until_routing_notices_and_then_take_the_other_way(kind):
    broken = plan([{"kind": kind, "link": ["west", "east"], "at_s": 10, "for_s": 20}])
    assert lost(broken) == [pytest.approx((10.0, 10.49), abs=0.011)]
    _, path_id, paths = broken.trace("west", "east", T_S)
    hops = np.array([len(path) - 1 for path in paths])[path_id]
    assert (hops[(T_S > 10.51) & (T_S < 29.99)] == 2).all()
    assert (hops[T_S > 30.01] == 1).all()


def test_a_carrier_fault_is_down_and_up():
    broken = plan([{"kind": "carrier", "link": ["east", "west"], "at_s": 10, "for_s": 20}])
    assert events(broken) == [("down", 10.0), ("up", 30.0), ("delay", 30.0)]
    assert broken.contacts.route_end_s.min() == 10.5


def test_a_silent_fault_leaves_the_carrier():
    broken = plan([{"kind": "silent", "link": ["east", "west"], "at_s": 10, "for_s": 20}])
    assert events(broken) == [("silence", 10.0), ("heal", 30.0)]
    assert len(broken.contacts) == 3


def test_a_fault_shorter_than_its_detection_moves_no_route():
    for kind in ("carrier", "silent"):
        broken = plan([{"kind": kind, "link": ["west", "east"], "at_s": 10, "for_s": 0.2}])
        assert lost(broken) == [pytest.approx((10.0, 10.19), abs=0.021)]
        assert (broken.routes.whole()["t_s"] == 0).all()


def test_a_node_loses_all_its_links_for_good():
    broken = plan([{"kind": "carrier", "node": "east", "at_s": 10}])
    assert [kind for kind, _ in events(broken)] == ["down", "down"]
    assert lost(broken) == [pytest.approx((10.0, 59.99), abs=0.021)]
    after = [c for c in broken.routes.whole() if c["t_s"] > 0 and c["dst"] == broken.node("east")]
    assert {c["via"] for c in after} == {-1}


def test_faults_that_overlap_are_one():
    broken = plan([{"kind": "silent", "node": "east", "at_s": 10, "for_s": 5},
                   {"kind": "silent", "link": ["west", "east"], "at_s": 12, "for_s": 10}])  # fmt: skip
    mine = broken.lost[broken.lost.link == 0]
    assert mine[["start_s", "end_s"]].to_numpy().tolist() == [[10.0, 22.0]]


def test_a_fault_on_a_link_that_never_is():
    with pytest.raises(ScenarioError, match="net-0-0 and west are never linked in this plan"):
        plan([{"kind": "carrier", "link": ["net-0-0", "west"], "at_s": 10}])


def test_what_can_be_reached_is_not_over_silent_or_cut_links():
    west, east, north = (plan([]).node(name) for name in ("west", "east", "north"))
    cut = [
        {"kind": kind, "link": [end, "east"], "at_s": 10}
        for kind, end in (("silent", "west"), ("carrier", "north"))
    ]
    broken = plan(cut)
    ends = [(west, east), (west, north), (north, east)]
    assert [bool(reachable(broken, 9.0)[a, b]) for a, b in ends] == [True, True, True]
    assert [bool(reachable(broken, 11.0)[b, a]) for a, b in ends] == [False, True, False]


def test_what_can_be_reached_is_not_through_a_station_that_does_not_relay():
    cut = [{"kind": "carrier", "link": ["west", "east"], "at_s": 10}]
    west, east = (plan([]).node(name) for name in ("west", "east"))
    assert reachable(plan(cut), 11.0)[west, east]
    assert not reachable(plan(cut, ground_relay=False), 11.0)[west, east]


def test_where_daemons_route_the_plan_keeps_the_oracle_s_routes_and_plays_none():
    ideal, real = plan([]), plan([], protocol="ospf")
    assert len(ideal.routes.whole()) and (ideal.routes.whole() == real.routes.whole()).all()
    assert [len(window.changes) for window in real.windows()] == [0] * len(list(ideal.windows()))
    assert sum(len(window.changes) for window in ideal.windows())


# -- re-acquisition, plans, chance, targets --------------------------------------------------------


def spans_of(plan, link=0):
    mine = plan.lost[plan.lost.link == link]
    return mine[["start_s", "end_s"]].to_numpy().tolist()


@pytest.mark.parametrize(
    "kind, again, least, most",
    [("carrier", None, 12, 30), ("silent", None, 0, 0), ("silent", [2, 4], 2, 4), ("carrier", 5, 5, 5)],
)
def test_how_long_a_link_is_acquired_after_its_repair(kind, again, least, most):
    """A carrier for the set-up time of its class, here 12 to 30 s, a silent link not at all, or as asked."""
    fibre = {"fibre-10g": {"rate_mbps": 1, "setup_s": [12, 30]}}
    fault = {"kind": kind, "links": "fibre", "for_s": 1, "reacquire_s": again}
    took = []
    for seed in (1, 2):
        broken = plan([fault | {"at_s": t} for t in (0, 50)], duration_s=90, seed=seed, links=fibre)
        took += [end - start - 1 for link in range(3) for start, end in spans_of(broken, link)]
    assert len(took) == 12 and least <= min(took) and max(took) <= most
    assert len(set(took)) == (12 if least < most else 1)


@pytest.mark.parametrize("kind", ["carrier", "silent"])
def test_a_planned_outage_loses_nothing(kind):
    """Routes leave the link before it goes and return when it is acquired."""
    fault = {"kind": kind, "link": ["west", "east"], "at_s": 10, "for_s": 20, "planned": True}
    served = plan([fault | {"reacquire_s": 3}])
    assert lost(served) == []
    changes = served.routes.whole()
    mine = changes[(changes["node"] == served.node("west")) & (changes["dst"] == served.node("east"))]
    assert mine["t_s"].tolist() == [0, pytest.approx(9.9), 33]


def test_what_overlaps_a_planned_outage_is_known_by_what_comes_first():
    planned = {"kind": "carrier", "link": ["west", "east"], "at_s": 10, "for_s": 20, "planned": True}
    early = plan([planned, planned | {"at_s": 5, "for_s": 10, "planned": False}])
    assert lost(early) == [pytest.approx((5.0, 5.49), abs=0.011)]
    late = plan([planned, planned | {"at_s": 15, "for_s": 10, "planned": False}])
    assert lost(late) == []


def test_availability_of_a_long_random_process():
    """Mean time up over mean time up and down, within four standard deviations; of each link by itself."""
    for mtbf_s, mttr_s in ((50.0, 5.0), (20.0, 60.0)):
        fault = {"kind": "silent", "links": "fibre", "mtbf_s": mtbf_s, "mttr_s": mttr_s}
        day_s = 86_400.0
        down = plan([fault], duration_s=day_s).lost
        end_s = np.minimum(down.end_s, day_s)
        for _, mine in (end_s - down.start_s).groupby(down.link):
            # Renewal theory: the variance of the time down is T * 2 mtbf^2 mttr^2 / (mtbf + mttr)^3.
            sigma_s = (day_s * 2 * mtbf_s**2 * mttr_s**2 / (mtbf_s + mttr_s) ** 3) ** 0.5
            assert mine.sum() == pytest.approx(day_s * mttr_s / (mtbf_s + mttr_s), abs=4 * sigma_s)
        starts = [set(mine.start_s) for _, mine in down.groupby("link")]
        assert len(starts) == 3 and not set.intersection(*starts)


def test_failures_follow_each_other_by_times_that_are_drawn_one_by_one():
    """Up, down, up, down and so on: 200 of them drawn in one go, of which some 85 are in the run."""
    means_s = 50.0, 20.0
    lost = plan([{"kind": "silent", "links": "fibre", "mtbf_s": 50, "mttr_s": 20}], duration_s=6000).lost
    assert lost.index.tolist() == list(range(len(lost)))
    for number, name in enumerate(("west--east", "west--north", "east--north")):
        drawn_s = next(chance.exponential(means_s, 200, 1, name, "silent", *means_s))
        edges_s = np.cumsum(drawn_s).reshape(-1, 2)
        begun = edges_s[edges_s[:, 0] < 6000]
        mine = lost[lost.link == number]
        assert 60 < len(begun) < 110
        assert mine[["start_s", "end_s"]].to_numpy() == pytest.approx(begun)


@pytest.mark.parametrize("at_s, count", [(59.9, 1), (60.0, 0), (70.0, 0)])
def test_what_begins_as_the_run_ends_is_no_outage_of_it(at_s, count):
    assert len(plan([{"kind": "silent", "link": ["west", "east"], "at_s": at_s}]).lost) == count


def test_stations_in_a_region_are_out_of_service_for_as_long_as_its_fault_lasts():
    """West and east are within 1,000 km of the middle between them, north is not; for ever, or by chance."""
    region = {"lat_deg": 30, "lon_deg": 105, "radius_km": 1000}
    for_good = plan([{"kind": "silent", "region": region, "at_s": 10}])
    assert [spans_of(for_good, link) for link in range(3)] == [[[10.0, np.inf]]] * 3
    fault = {"kind": "silent", "region": region, "mtbf_s": 5, "mttr_s": 5}
    first, *others = (spans_of(plan([fault], duration_s=90), link) for link in range(3))
    assert len(first) > 3 and others == [first, first]


@settings(max_examples=15, deadline=None)
@given(st.floats(1, 100), st.floats(0.1, 100), st.integers(0, 5), st.floats(10, 100))
def test_chance_follows_the_target_alone(mtbf_s, mttr_s, seed, longer_s):
    """Other faults, other nodes and a longer run change nothing of what is drawn."""
    random = {"kind": "silent", "mtbf_s": mtbf_s, "mttr_s": mttr_s}
    alone = plan([random | {"link": ["west", "east"]}], seed=seed)
    among = plan(
        [random | {"links": "fibre"}, {"kind": "carrier", "layer": "net", "mtbf_s": 5, "mttr_s": 5}],
        seed=seed,
    )
    assert spans_of(alone) == spans_of(among)
    longer = plan([random | {"link": ["west", "east"]}], seed=seed, duration_s=60 + longer_s)
    assert [x for x in spans_of(longer) if x[0] < 60] == spans_of(alone)
    if spans_of(alone):
        assert spans_of(plan([random | {"link": ["west", "east"]}], seed=seed + 1)) != spans_of(alone)


def relays(faults, duration_s=3000):
    """Four planes of six over two stations, and what befalls them."""
    walker = {"planes": 4, "per_plane": 6, "inclination_deg": 80, "altitude_km": 1500}
    isl = {"link": "laser", "seam": True, "grazing_altitude_km": 0}
    return Plan.make(
        Scenario.model_validate(
            {
                "name": "relays",
                "epoch": "2026-05-09T00:00:00Z",
                "duration_s": duration_s,
                "layers": {"net": {"walker": walker, "isl": isl}},
                "stations": ["miyun", "sanya"],
                "links": {
                    "laser": {"rate_mbps": 1, "max_range_km": 9000, "setup_s": [12, 30]},
                    "radio": {"rate_mbps": 1, "min_elevation_deg": 5, "setup_s": 4},
                },
                "access": [{"from": "ground", "to": "net", "link": "radio"}],
                "routing": {"destinations": "ground", "interval_s": 60},
                "faults": faults,
            }
        )
    )


def touched(plan):
    return {plan.links[n].name for n in plan.lost.link}


def test_targets():
    sound = relays([], duration_s=60)
    names = [x.name for x in sound.links]
    at = {"kind": "silent", "at_s": 10}

    def of(*stems):
        return {name for name in names if any(name.startswith(s) or f"--{s}" in name for s in stems)}

    assert touched(relays([at | {"node": "sanya"}], 60)) == of("sanya")
    assert touched(relays([at | {"plane": ["net", 2]}], 60)) == of("net-2-")
    assert touched(relays([at | {"layer": "net"}], 60)) == set(names)
    assert touched(relays([at | {"links": "isl"}], 60)) == touched(relays([at | {"links": "laser"}], 60))
    assert touched(relays([at | {"links": "laser"}], 60)) == set(names) - of("miyun", "sanya")
    assert touched(relays([at | {"links": "access"}], 60)) == of("miyun", "sanya")
    with pytest.raises(ScenarioError, match="no link of this plan is of fibre"):
        relays([at | {"links": "fibre"}], 60)


def test_a_region_is_dark_for_who_is_above_it():
    """Satellites come and go; their links are lost while they are inside, and the fault lasts."""
    region = {"lat_deg": 20, "lon_deg": 100, "radius_km": 2000}
    dark = relays([{"kind": "silent", "region": region, "at_s": 200, "for_s": 2000}])
    t_s = np.arange(0, 3000, 7.0)
    days = t_s / 86_400
    place = wgs84.latlon(20, 100)
    inside = {}
    for n, row in dark.orbits.iterrows():
        satellite = EarthSatellite.from_satrec(satrec(row), timescale())
        below = wgs84.subpoint_of(satellite.at(timescale().utc(2026, 5, 9 + days)))
        apart_km = great_circle_km(
            place.latitude.degrees, place.longitude.degrees, below.latitude.degrees, below.longitude.degrees
        )
        inside[n] = apart_km - 2000
    assert any((x < 0).any() and (x > 0).any() for x in inside.values())
    for number, link in enumerate(dark.links):
        apart_km = np.min([inside.get(n, np.full(len(t_s), np.inf)) for n in (link.a, link.b)], axis=0)
        if "sanya" in link.name:  # 1,050 km from the middle
            apart_km[:] = -1000
        mine = spans_of(dark, number)
        now = np.array([any(a <= t < b for a, b in mine) for t in t_s])
        lasts = (t_s >= 200) & (t_s < 2200)
        clear = np.abs(apart_km) > 40  # the Earth is no sphere, and the edge is not looked at
        assert (now == ((apart_km < 0) & lasts))[clear].all()
        assert not now[~lasts].any()


@pytest.mark.parametrize("planned", [False, True])
def test_contacts_never_overlap_outages_and_nothing_planned_is_lost(planned):
    """Lasers and radios under outages of all kinds of targets: what stands, works, or is silent."""
    when = {"at_s": 300, "for_s": 900, "planned": planned}
    region = {"lat_deg": 30, "lon_deg": 110, "radius_km": 1500}
    targets = [{"plane": ["net", 0]}, {"node": "net-1-1"}, {"region": region}]
    broken = relays([{"kind": kind, **when, **x} for kind in ("carrier", "silent") for x in targets])
    carrier = faults.of_kind(broken.lost, "carrier")
    assert len(carrier.key)
    assert not len(common(faults.of_contacts(broken.contacts), carrier).key)
    t_s = np.arange(0, 3000, 0.5)
    arrival_s, _, _ = broken.trace("miyun", "sanya", t_s)
    # Without a path nothing arrives, planned or not; with one a packet is lost on the way only.
    reached = np.isfinite(broken.path("miyun", "sanya", t_s).rtt_ms)
    usable = faults.routed(broken.contacts, broken.lost, broken.scenario.routing)
    lit = [(links, t) for t, links, _ in routes.meshes(oracle.graph(broken.network), usable, t_s)]
    connected = np.array([_connected(broken, links) for links, _ in lit])
    assert reached.any() and connected.any()
    if planned:
        assert not np.isnan(arrival_s[connected]).any()
    else:
        assert np.isnan(arrival_s[connected]).any()


def _connected(plan, links):
    mesh, sanya = oracle.graph(plan.network).mesh(links), np.array([plan.node("sanya")])
    via, _ = mesh.next_hops(np.full(len(links), 0.01), sanya)
    return via[0, plan.node("miyun")] >= 0
