"""Outages that nobody planned, and what packets and routes do about them."""

import numpy as np
import pytest

from topologies.errors import ScenarioError
from topologies.faults import minus, union
from topologies.plan import Plan
from topologies.scenario import Scenario
from topologies.timeline import EventKind

T_S = np.arange(0, 60, 0.01)


def plan(faults, **routing):
    """A triangle of fibres: west to east directly, or the longer way over north."""
    ground = [("west", 30, 100), ("east", 30, 110), ("north", 45, 105)]
    return Plan.make(
        Scenario.model_validate(
            {
                "name": "triangle",
                "epoch": "2026-05-09T00:00:00Z",
                "duration_s": 60,
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


def events(plan, *kinds):
    made = plan.timeline().events
    return [(EventKind(e["kind"]).name, float(e["t_s"])) for e in made if e["kind"] in kinds and e["t_s"] > 0]


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
    assert events(broken, *EventKind) == [("DOWN", 10.0), ("UP", 30.0)]
    assert broken.contacts.route_end_s.min() == 10.5


def test_a_silent_fault_leaves_the_carrier():
    broken = plan([{"kind": "silent", "link": ["east", "west"], "at_s": 10, "for_s": 20}])
    assert events(broken, *EventKind) == [("SILENCE", 10.0), ("HEAL", 30.0)]
    assert len(broken.contacts) == 3


def test_a_fault_shorter_than_its_detection_moves_no_route():
    for kind in ("carrier", "silent"):
        broken = plan([{"kind": kind, "link": ["west", "east"], "at_s": 10, "for_s": 0.2}])
        assert lost(broken) == [pytest.approx((10.0, 10.19), abs=0.021)]
        assert (broken.routes().changes["t_s"] == 0).all()


def test_a_node_loses_all_its_links_for_good():
    broken = plan([{"kind": "carrier", "node": "east", "at_s": 10}])
    assert len(events(broken, EventKind.DOWN)) == 2
    assert lost(broken) == [pytest.approx((10.0, 59.99), abs=0.021)]
    after = [c for c in broken.routes().changes if c["t_s"] > 0 and c["dst"] == broken.node("east")]
    assert {c["via"] for c in after} == {-1}


def test_faults_that_overlap_are_one():
    broken = plan([{"kind": "silent", "node": "east", "at_s": 10, "for_s": 5},
                   {"kind": "silent", "link": ["west", "east"], "at_s": 12, "for_s": 10}])  # fmt: skip
    mine = broken.lost[broken.lost.link == 0]
    assert mine[["start_s", "end_s"]].to_numpy().tolist() == [[10.0, 22.0]]


def test_a_fault_on_a_link_that_never_is():
    with pytest.raises(ScenarioError, match="net-0-0 and west are never linked in this plan"):
        plan([{"kind": "carrier", "link": ["net-0-0", "west"], "at_s": 10}])


def test_spans():
    assert union([(3, 4), (1, 2), (2, 2.5), (5, 5)]) == [(1, 2.5), (3, 4)]
    assert minus([(0, 10), (20, 30)], [(2, 3), (8, 22), (29, 40)]) == [(0, 2), (3, 8), (22, 29)]


def test_what_can_be_reached_is_not_over_silent_or_cut_links():
    west, east, north = (plan([]).node(name) for name in ("west", "east", "north"))
    cut = [
        {"kind": kind, "link": [end, "east"], "at_s": 10}
        for kind, end in (("silent", "west"), ("carrier", "north"))
    ]
    broken = plan(cut)
    ends = [(west, east), (west, north), (north, east)]
    assert [bool(broken.reachable(9.0)[a, b]) for a, b in ends] == [True, True, True]
    assert [bool(broken.reachable(11.0)[b, a]) for a, b in ends] == [False, True, False]


def test_what_can_be_reached_is_not_through_a_station_that_does_not_relay():
    cut = [{"kind": "carrier", "link": ["west", "east"], "at_s": 10}]
    west, east = (plan([]).node(name) for name in ("west", "east"))
    assert plan(cut).reachable(11.0)[west, east]
    assert not plan(cut, ground_relay=False).reachable(11.0)[west, east]


def test_where_daemons_route_the_plan_keeps_the_oracle_s_routes_and_plays_none():
    ideal, real = plan([]), plan([], protocol="ospf")
    assert len(ideal.routes().changes) and (ideal.routes().changes == real.routes().changes).all()
    assert [len(window.changes) for window in real.windows()] == [0] * len(list(ideal.windows()))
    assert sum(len(window.changes) for window in ideal.windows())
