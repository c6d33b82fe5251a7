"""Routes by each node's own copy of the contact plan, right, stale and wrong."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_faults import T_S, lost, plan, relays

from skybed.topologies.model.routing import Copy
from skybed.topologies.plan import steps
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed

CUT = {"link": ["west", "east"], "at_s": 10, "for_s": 20}


def scheduled(faults, copies=(), duration_s=1500, **changes):
    """A sky of 24 satellites and two stations under a schedule."""
    sky = relays(faults, duration_s).scenario
    rule = {"protocol": "schedule", "copies": list(copies), "destinations": "all", "interval_s": 60}
    return Plan.make(type(sky).model_validate(sky.model_dump(by_alias=True) | {"routing": rule} | changes))


def test_right_copies_are_the_oracle_without_surprises():
    """The same routes to the byte, planned outages or not."""
    faults = [{"kind": "carrier", "plane": ["net", 1], "at_s": 300, "for_s": 200, "planned": True}]
    by_schedule = scheduled(faults)
    rule = by_schedule.scenario.routing.model_copy(update={"protocol": "oracle"})
    by_oracle = Plan.make(by_schedule.scenario.model_copy(update={"routing": rule}))
    assert len(by_oracle.routes.whole()) > 1000
    assert by_schedule.routes.whole().tobytes() == by_oracle.routes.whole().tobytes()


@pytest.mark.parametrize("kind", ["carrier", "silent"])
def test_what_nobody_planned_costs_as_long_as_it_lasts(kind):
    broken = plan([CUT | {"kind": kind}], protocol="schedule")
    assert lost(broken) == [pytest.approx((10.0, 29.99), abs=0.011)]
    assert (broken.routes.whole()["t_s"] == 0).all()
    served = plan([CUT | {"kind": kind, "planned": True}], protocol="schedule")
    assert lost(served) == []


def test_a_copy_issued_before_the_announcement_lacks_the_outage():
    """The other end takes the long way back in time, but packets from the west are lost."""
    fault = CUT | {"kind": "carrier", "planned": True, "announced_s": -3600}
    old = plan([fault], protocol="schedule", copies=[{"nodes": ["west"], "issued_s": -7200}])
    assert lost(old) == [pytest.approx((10.0, 29.99), abs=0.011)]
    back, _, _ = old.trace("east", "west", T_S)
    assert not np.isnan(back).any()
    for copies in (
        [{"issued_s": -3600}],
        [{"issued_s": -7200}, {"nodes": ["ground"]}],
    ):  # the last one counts
        assert lost(plan([fault], protocol="schedule", copies=copies)) == []


def test_satellites_taken_to_be_ahead_come_and_go_early():
    """At 1,500 km they fly 7.12 km in a second: a copy 70 km ahead has handovers 10 s early."""
    true = scheduled([])
    early = true.network.believed(Copy(along_track_km=70))
    begins = [
        {x.links[row.link].name: row.start_s for row in x.contacts.itertuples() if row.start_s > 0}
        for x in (true, early)
    ]
    shifts_s = [begins[0][name] - begins[1][name] for name in begins[0].keys() & begins[1].keys()]
    assert len(shifts_s) >= 4
    assert np.median(shifts_s) == pytest.approx(70 / 7.12, rel=0.02)


def test_a_stale_copy_at_a_station_loses_packets_at_its_handovers_only():
    stale = scheduled([], [{"nodes": ["miyun"], "along_track_km": 70}])
    t_s = np.arange(0, 1500, 0.1)
    arrival_s, _, _ = stale.trace("miyun", "sanya", t_s)
    right, _, _ = scheduled([]).trace("miyun", "sanya", t_s)
    assert not np.isnan(right).any()
    gone = np.isnan(arrival_s)
    starts = t_s[1:][np.diff(gone.astype(int)) > 0]
    of_miyun = [n for n, x in enumerate(stale.links) if "miyun" in x.name]
    ups = stale.contacts[stale.contacts.link.isin(of_miyun)].start_s.to_numpy()
    assert len(starts) and all(((ups > t) & (ups < t + 20)).any() for t in starts)


def drawn_copies():
    node = st.sampled_from(["ground", "net", "net-0-0", "net-2-3", "miyun"])
    which = st.just("all") | st.lists(node, min_size=1, max_size=3)
    km = st.sampled_from([0.0, -300.0, 20.0, 2000.0])
    issued_s = st.sampled_from([None, -100.0, 50.0])
    copy = st.fixed_dictionaries({"nodes": which, "along_track_km": km, "issued_s": issued_s})
    return st.lists(copy, max_size=3)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn_copies())
def test_whatever_the_copies_routes_are_over_interfaces_and_windows_are_whole(copies):
    faults = [
        {"kind": "silent", "plane": ["net", 0], "at_s": 100, "for_s": 200, "planned": True, "announced_s": 0},
        {"kind": "carrier", "links": "isl", "mtbf_s": 500, "mttr_s": 50},
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "WINDOW_S", 60.0)
        patch.setattr(steps, "CHUNK_S", 20.0)
        made = scheduled(faults, copies, duration_s=400)
        parts = list(made.windows())
    changes = np.concatenate([part.changes for part in parts])
    linked = {pair for x in made.links for pair in ((x.a, x.b), (x.b, x.a))}
    used = changes[changes["via"] >= 0]
    assert set(zip(used["node"].tolist(), used["via"].tolist(), strict=True)) <= linked
    place = np.lexsort((changes["dst"], changes["node"], changes["t_s"]))
    assert (place == np.arange(len(place))).all()
    via = np.full((len(made.nodes), len(made.nodes)), -1)
    for t_s, rows in ((t, changes[changes["t_s"] == t]) for t in np.unique(changes["t_s"])):
        assert (via[rows["node"], rows["dst"]] != rows["via"]).all(), t_s
        via[rows["node"], rows["dst"]] = rows["via"]
    for part in parts:
        assert ((part.changes["t_s"] >= part.begin_s) & (part.changes["t_s"] < part.end_s)).all()


def test_a_stored_plan_works_its_copies_out_anew(tmp_path):
    faults = [{"kind": "silent", "plane": ["net", 0], "at_s": 100, "for_s": 90, "planned": True}]
    made = scheduled(faults, [{"nodes": ["net"], "along_track_km": 30}], duration_s=200)
    made.save(tmp_path, with_routes=False)
    assert Plan.load(tmp_path).routes.whole().tobytes() == made.routes.whole().tobytes()
    made.save(tmp_path)
    assert Plan.load(tmp_path).routes.whole().tobytes() == made.routes.whole().tobytes()
