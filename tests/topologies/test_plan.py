"""What holds for every plan, whatever the sky: checked on skies drawn at random."""

import datetime as dt
import pathlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skybed.topologies.contacts import faults, properties
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import RunError, ScenarioError
from skybed.topologies.plan import steps, timeline
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"
SITES = [("north", 60.0, 20.0), ("middle", 30.0, 25.0), ("south", -5.0, 30.0)]


def scenario(**changes):
    """Six planes of eight at 1,100 km over three stations, with what the test changes."""
    isl = {"pattern": "grid", "link": "isl", "polar_cutoff_deg": 70}
    sky = {
        "name": "sky",
        "epoch": "2026-05-09T00:00:00Z",
        "duration_s": 400,
        "layers": {
            "net": {
                "walker": {"planes": 6, "per_plane": 8, "inclination_deg": 80, "altitude_km": 1100},
                "isl": isl,
            },
            "eo": {"walker": {"planes": 1, "per_plane": 3, "inclination_deg": 97.5, "altitude_km": 535}},
        },
        "stations": [{"name": name, "lat_deg": lat, "lon_deg": lon} for name, lat, lon in SITES],
        "links": {
            "isl": {"rate_mbps": 100, "max_range_km": 6000, "setup_s": [3, 9]},
            "radio": {"rate_mbps": 100, "min_elevation_deg": 5},
            "optical": {"rate_mbps": 100, "max_range_km": 4000, "setup_s": [3, 9]},
        },
        "access": [
            {"from": "ground", "to": "net", "link": "radio", "policy": "nearest"},
            {"from": "eo", "to": "net", "link": "optical", "policy": "keep", "target_terminals": 2},
        ],
        "fibre": [{"a": "north", "b": "middle"}],
        "routing": {"interval_s": 5, "destinations": "ground"},
    }
    return Scenario.model_validate(sky | changes)


@st.composite
def scenarios(draw):
    """Skies of one or two planes to six, each access rule of any policy, terminals, faults."""
    planes = draw(st.integers(1, 6))
    pattern = draw(st.sampled_from(["delta", "star"]))
    inclination = draw(st.floats(30, 98))
    net = {
        "walker": {
            "planes": planes,
            "per_plane": draw(st.integers(3, 9)),
            "inclination_deg": inclination,
            "altitude_km": draw(st.floats(500, 1500)),
            "pattern": pattern,
            "phasing": draw(st.integers(0, planes - 1)),
            "raan0_deg": draw(st.floats(0, 360)),
        },
        "isl": {
            "pattern": draw(st.sampled_from(["grid", "ring", "none"])),
            "link": "isl",
            "polar_cutoff_deg": draw(st.sampled_from([None, 60.0])),
            "seam": draw(st.booleans()),
        },
    }
    policy = st.sampled_from(["all", "nearest", "longest", "keep", "slots"])
    rule = st.fixed_dictionaries(
        {
            "policy": policy,
            "links": st.integers(1, 2),
            "terminals": st.integers(2, 3),
            "target_terminals": st.sampled_from([None, 1, 3]),
            "hysteresis_km": st.sampled_from([0.0, 200.0]),
        }
    )
    eo = {
        "walker": {
            "planes": 1,
            "per_plane": 3,
            "inclination_deg": 97.5,
            "altitude_km": 535,
            "raan0_deg": draw(st.floats(0, 360)),
        }
    }
    region = {"lat_deg": 40.0, "lon_deg": 20.0, "radius_km": 2500.0}
    target = st.sampled_from(
        [{"node": "north"}, {"node": "eo-0-1"}, {"plane": ["net", 0]}, {"region": region}]
    )
    at_s, for_s = st.floats(0, 390), st.sampled_from([None, 0.05, 60.0])
    once = st.fixed_dictionaries({"at_s": at_s, "for_s": for_s, "planned": st.booleans()})
    random = st.just({"mtbf_s": 100.0, "mttr_s": 20.0})
    again = st.sampled_from([None, 0.0, [1.0, 40.0]])
    kind = st.fixed_dictionaries({"kind": st.sampled_from(["carrier", "silent"]), "reacquire_s": again})
    fault = st.tuples(kind, target, once | random).map(lambda parts: parts[0] | parts[1] | parts[2])
    return scenario(
        layers={"net": net, "eo": eo},
        access=[
            {"from": "ground", "to": "net", "link": "radio", **draw(rule)},
            {"from": "eo", "to": "net", "link": "optical", **draw(rule)},
        ],
        faults=draw(st.lists(fault, max_size=3)),
        routing={"interval_s": 20, "destinations": "all", "ground_relay": draw(st.booleans())},
        delay_bound_us=draw(st.sampled_from([3.0, 50.0])),
        seed=draw(st.integers(0, 99)),
    )


def check_contacts(plan):
    for _, mine in plan.contacts.groupby("link"):
        start, end = mine.start_s.to_numpy(), mine.end_s.to_numpy()
        assert (start < end).all()
        assert (start[1:] > end[:-1]).all()
        assert start[0] >= 0
        assert end[-1] <= plan.duration_s
    assert (plan.contacts.route_start_s >= plan.contacts.start_s).all()


def check_terminals(plan):
    """At no start of a contact are there more links than terminals, on either side."""
    ends = np.stack(plan.network.ends, axis=1)
    nodes = ends[plan.contacts.link]
    access = np.array([plan.links[n].kind == "access" for n in plan.contacts.link], bool)
    start, end = plan.contacts.start_s.to_numpy(), plan.contacts.end_s.to_numpy()
    for rule in plan.scenario.access:
        ground = rule.source == "ground"
        of_rule = access & ((nodes[:, 1] >= len(plan.orbits)) == ground)
        source, target = nodes[:, 1], nodes[:, 0]  # net comes first, so a target has the lower number
        for k in np.flatnonzero(of_rule):
            now = of_rule & (start <= start[k]) & (end > start[k])
            if rule.policy != "all":
                assert (now & (source == source[k])).sum() <= rule.terminals
            if rule.target_terminals is not None:
                assert (now & (target == target[k])).sum() <= rule.target_terminals


def check_delays(plan, rng):
    """The value in force is within the bound of the true delay at random instants of every contact."""
    events = plan.events.whole()
    assert (np.diff(events["t_s"]) >= 0).all()
    delays = events[events["property"] == Property.DELAY]
    for row in plan.contacts.itertuples():
        mine = delays[delays["link"] == row.link]
        t = np.append(rng.uniform(row.start_s, row.end_s, 40), [row.start_s, np.nextafter(row.end_s, 0)])
        inside = mine[(mine["t_s"] >= row.start_s) & (mine["t_s"] < row.end_s)]
        assert inside["t_s"][0] == row.start_s
        applied_us = inside["value"][np.searchsorted(inside["t_s"], t, side="right") - 1]
        true_us = plan.delay_s(row.link, t) * 1e6
        assert np.abs(applied_us - true_us).max() <= plan.scenario.delay_bound_us


def check_events(plan):
    """A link comes, with a delay, and goes in turn; what is silenced is up, and healed before it goes."""
    events = plan.events.whole()
    switched = np.isin(events["property"], [Property.CARRIER, Property.SILENCE])
    assert {*events["value"][switched].tolist()} <= {0, 1}
    told, delay_us, _ = properties.rows(events)
    events, delay_us = events[told], delay_us[told]
    for link in range(len(plan.links)):
        up = silent = False
        mine = events["link"] == link
        for number, first_us in zip(properties.kind(events[mine]), delay_us[mine], strict=True):
            kind = properties.KINDS[number]
            assert up == (kind != "up")
            assert silent == (kind == "heal") or kind == "delay"
            assert np.isfinite(first_us) == (kind in ("up", "delay"))
            up = kind != "down"
            silent = (silent or kind == "silence") and kind != "heal"


def check_windows(plan):
    """Windows hold what is in their time, and together all of it; a window does not depend on later ones."""
    parts = list(plan.windows())
    assert [part.begin_s for part in parts] == [60.0 * n for n in range(len(parts))]
    assert [part.end_s for part in parts] == [part.begin_s for part in parts[1:]] + [plan.duration_s]
    for part in parts:
        for rows in (part.events, part.changes):
            assert ((rows["t_s"] >= part.begin_s) & (rows["t_s"] < part.end_s)).all()
            assert (np.diff(rows["t_s"]) >= 0).all()
    assert np.concatenate([part.events for part in parts]).tobytes() == plan.events.whole().tobytes()
    assert np.concatenate([part.changes for part in parts]).tobytes() == plan.routes.whole().tobytes()
    again = list(plan.kept().windows())
    assert [part.events.tobytes() for part in again] == [part.events.tobytes() for part in parts]
    assert [part.changes.tobytes() for part in again] == [part.changes.tobytes() for part in parts]


def check_routes(plan):
    """Every next hop is over a link that routing uses then, and leads to the destination without a loop."""
    usable = faults.routed(plan.contacts, plan.lost, plan.scenario.routing)
    link_of = {(link.a, link.b): n for n, link in enumerate(plan.links)}
    via = np.full((len(plan.nodes), len(plan.nodes)), -1)
    changes = plan.routes.whole()
    edges = np.concatenate([usable.start_s, usable.end_s])
    for t in np.unique(np.concatenate([changes["t_s"], edges[edges < plan.duration_s]])):
        now = changes[changes["t_s"] == t]
        assert (via[now["node"], now["dst"]] != now["via"]).all()
        via[now["node"], now["dst"]] = now["via"]
        for node, dst in np.argwhere(via >= 0):
            link = link_of[tuple(sorted((node, via[node, dst])))]
            assert any(start <= t < end for start, end in usable.of(link))
        for dst in range(len(plan.nodes)):
            at = np.where(via[:, dst] >= 0, via[:, dst], np.arange(len(plan.nodes)))
            hops = at.copy()
            for _ in range(len(plan.nodes)):
                hops = at[hops]
            assert set(hops[via[:, dst] >= 0]) <= {dst}
            if not plan.scenario.routing.ground_relay:
                through = [n for n in at[via[:, dst] >= 0] if n >= len(plan.orbits)]
                assert set(through) <= {dst}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios(), st.integers(0, 2**32 - 1))
def test_what_holds_for_every_plan(sky, seed):
    """Windows are short here, so that a plan has several and many delays outlast one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "WINDOW_S", 60.0)
        patch.setattr(steps, "CHUNK_S", 20.0)
        plan = Plan.make(sky)
        check_contacts(plan)
        check_terminals(plan)
        check_windows(plan)
        plan = plan.kept()
        check_delays(plan, np.random.default_rng(seed))
        check_events(plan)
        check_routes(plan)


@pytest.fixture(scope="module")
def plan():
    faults = [{"kind": "silent", "node": "north", "at_s": 100, "for_s": 50},
              {"kind": "carrier", "node": "net-0-0", "at_s": 200}]  # fmt: skip
    return Plan.make(scenario(faults=faults)).kept()


def test_a_stored_plan_is_the_same_plan(plan, tmp_path):
    plan.save(tmp_path)
    again = Plan.load(tmp_path)
    assert (again.nodes, again.links, again.duration_s) == (plan.nodes, plan.links, plan.duration_s)
    assert again.scenario == plan.scenario
    pd.testing.assert_frame_equal(again.contacts, plan.contacts)
    assert again.events.whole().tobytes() == plan.events.whole().tobytes()
    assert again.routes.whole().tobytes() == plan.routes.whole().tobytes()
    t_s = np.arange(0, 400, 0.5)
    there, here = again.trace("eo-0-0", "south", t_s), plan.trace("eo-0-0", "south", t_s)
    np.testing.assert_array_equal(there[0], here[0])
    assert there[1].tolist() == here[1].tolist()
    assert there[2] == here[2]


def test_a_stored_plan_is_read_window_by_window(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(windowed, "WINDOW_S", 60.0)
    made = Plan.make(plan.scenario)
    made.save(tmp_path)
    again = Plan.load(tmp_path)
    parts = again.windows()
    first = next(parts)
    assert (first.begin_s, first.end_s) == (0, 60)
    assert (first.events["t_s"] < 60).all()
    assert np.concatenate([first.events, *(part.events for part in parts)]).tobytes() == (
        made.events.whole().tobytes()
    )
    assert pq.ParquetFile(tmp_path / "events.parquet").num_row_groups == 7
    again.save(tmp_path)  # over what it is read from
    assert [p.changes.tobytes() for p in Plan.load(tmp_path).windows()] == [
        p.changes.tobytes() for p in made.windows()
    ]
    monkeypatch.setattr(windowed, "WINDOW_S", 50.0)
    with pytest.raises(
        RunError, match=r"events\.parquet: this part of the plan has pieces of another length"
    ):
        Plan.load(tmp_path)


def test_routes_that_were_not_stored_are_worked_out(plan, tmp_path):
    plan.save(tmp_path)
    plan.save(tmp_path, with_routes=False)
    assert not (tmp_path / "routes.parquet").exists()
    assert Plan.load(tmp_path).routes.whole().tobytes() == plan.routes.whole().tobytes()


def test_a_plan_without_any_contact_can_be_stored(tmp_path):
    empty = Plan.make(scenario(access=[], fibre=[], layers={"eo": scenario().layers["eo"].model_dump()}))
    empty.save(tmp_path)
    assert np.isnan(Plan.load(tmp_path).trace("north", "south", [0.0, 1.0])[0]).all()
    assert empty.path("north", "south", 0.0).path_id.tolist() == [-1]


def test_nothing_crosses_a_link_that_never_stands():
    """The only link of this sky is broken from the beginning: a plan with a link and without a contact."""
    eo = {"eo": scenario().layers["eo"].model_dump()}
    broken = Plan.make(
        scenario(access=[], layers=eo, faults=[{"kind": "carrier", "node": "north", "at_s": 0}])
    )
    assert (len(broken.links), len(broken.contacts), len(broken.events.whole())) == (1, 0, 0)
    assert np.isnan(broken.trace("north", "middle", [0.0, 1.0])[0]).all()


def test_a_part_of_a_stored_plan_that_lacks_something_is_named(plan, tmp_path):
    plan.save(tmp_path)
    links = tmp_path / "links.parquet"
    pd.read_parquet(links).drop(columns="kind").to_parquet(links)
    with pytest.raises(RunError, match=r"links\.parquet: this part of the plan has no column kind"):
        Plan.load(tmp_path)
    for name in ("links", "events"):
        part = tmp_path / f"{name}.parquet"
        part.write_text("not Parquet")
        with pytest.raises(RunError, match=rf"{name}\.parquet: this part of the plan is damaged"):
            Plan.load(tmp_path)
        part.unlink()
        with pytest.raises(RunError, match=rf"{name}\.parquet: this part of the plan is missing"):
            Plan.load(tmp_path)
        plan.save(tmp_path)


def test_how_far_planning_is_is_told_in_numbers_of_python():
    """Campaigns send it to another process as it is."""
    told = []
    Plan.make(scenario(), progress=lambda what, share: told.append((what, share))).kept()
    assert {type(share) for _, share in told} == {float}
    assert {what for what, _ in told} > {"orbits", "routes"}


def test_an_unknown_node_gets_a_hint(plan):
    with pytest.raises(ScenarioError, match=r"sky has no node nort.*north"):
        plan.path("nort", "south", 0.0)


def test_addresses_follow_the_order_of_nodes(plan):
    assert (plan.nodes[0].name, plan.nodes[0].ip, plan.nodes[0].ip6) == ("net-0-0", "10.0.0.1", "fd5b::1")
    assert (plan.nodes[-1].name, plan.nodes[-1].ip, plan.nodes[-1].ip6) == ("south", "10.0.0.54", "fd5b::36")
    assert len({node.ip for node in plan.nodes}) == len({node.ip6 for node in plan.nodes}) == len(plan.nodes)


def test_two_links_between_two_nodes_are_refused():
    with pytest.raises(ScenarioError, match="north and middle get two links"):
        Plan.make(
            scenario(
                fibre=[{"a": "north", "b": "middle"}, {"a": "middle", "b": "north", "link": "fibre-622m"}]
            )
        )


def test_fibre_delay_is_the_laid_way_at_two_thirds_of_light(plan):
    """North (60, 20) to middle (30, 25): 3,359 km of great circle x 1.4, at c / 1.47."""
    fibre = next(n for n, link in enumerate(plan.links) if link.kind == "fibre")
    assert plan.delay_s(fibre, [0.0, 400.0]) * 1e3 == pytest.approx([23.1, 23.1], abs=0.2)


def test_the_plan_does_not_depend_on_how_far_it_reaches():
    """But for what lies ahead of its end: a longer plan begins like a shorter one."""
    short, long = Plan.make(scenario(), duration_s=150), Plan.make(scenario(), duration_s=400)

    def begun(plan):
        return {(plan.links[c.link].name, round(c.start_s, 5), round(min(c.end_s, 149), 5))
                for c in plan.contacts.itertuples() if c.start_s < 149}  # fmt: skip

    assert begun(short) == begun(long)


def test_an_observer_above_reaches_its_centre_all_the_time():
    """The reference constellation: every observing satellite reaches Beijing, in 9 to 107 ms one way."""
    mini = Plan.make(Scenario.load(SCENARIOS / "sc-mini.yaml"), duration_s=3000)
    t_s = np.arange(0, 3000, 60.0)
    one_way_ms = np.concatenate(
        [mini.path(node.name, "beijing", t_s).rtt_ms / 2 for node in mini.nodes if node.layer == "eo"]
    )
    assert not np.isnan(one_way_ms).any()
    assert one_way_ms.min() > 8
    assert one_way_ms.max() < 110
    assert np.median(one_way_ms) == pytest.approx(60, abs=10)


def test_planned_handovers_lose_no_packet():
    mini = Plan.make(Scenario.load(SCENARIOS / "sc-mini.yaml"), duration_s=600)
    t_s = np.arange(0, 599, 0.02)
    for src, dst in (("beijing", "eo-0-2"), ("eo-1-1", "beijing"), ("kashi", "sanya")):
        arrival_s, path_id, _ = mini.trace(src, dst, t_s)
        assert not np.isnan(arrival_s).any()
        assert (np.diff(path_id) != 0).any()


def test_a_later_start_is_the_same_sky_later():
    scenario = Scenario.load(SCENARIOS / "sc-mini.yaml")
    later = scenario.model_copy(update={"start": scenario.epoch + dt.timedelta(seconds=40)})
    before, after = (Plan.make(x, duration_s=s) for x, s in ((scenario, 50), (later, 10)))
    for ends in (("beijing", "eo-0-0"), ("kashi", "lijiang")):
        then, now = before.path(*ends, np.arange(40.0, 50.0)), after.path(*ends, np.arange(0.0, 10.0))
        assert np.allclose(then.rtt_ms, now.rtt_ms, atol=1e-6, rtol=0)


def test_how_far_the_events_of_links_have_come_is_told_window_by_window(plan, monkeypatch):
    monkeypatch.setattr(windowed, "WINDOW_S", 100.0)
    told = []
    assert len(list(timeline.windows(plan.network, lambda what, share: told.append((what, share))))) == 4
    assert told == [("delays", share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
