"""Satellites that link with those nearest to them."""

import pathlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario

SHELL = "53:60/6/1 at 1200 km"
UPPER = "70:24/4/1 at 1400 km"
RANGE_KM = 5000
SIGHT = Conditions(max_range_km=RANGE_KM, min_radius_km=6378.135 + 80)


def planned(duration_s=300.0, setup_s=0.0, layers=None, between=(), **isl):
    layers = layers or {"net": {"walker": SHELL, "isl": {"pattern": "nearest", "link": "beam", **isl}}}
    return Plan.make(
        Scenario.model_validate(
            {
                "name": "nearest", "epoch": "2026-05-09", "duration_s": duration_s, "layers": layers,
                "links": {"beam": {"rate_mbps": 1, "max_range_km": RANGE_KM, "setup_s": setup_s}},
                "between": list(between), "routing": {"destinations": []},
            }
        )
    )  # fmt: skip


def standing(plan, t_s):
    links = plan.network.standing(t_s)
    a, b = plan.network.ends
    return set(zip(a[links].tolist(), b[links].tolist(), strict=True))


def by_hand(plan, t_s, terminals, held=(), hysteresis_km=0.0, group=None):
    """All pairs in sight, the shortest first."""
    count = len(plan.nodes)
    r = plan.network.sky.position_km(np.arange(count), t_s)
    pairs = []
    for a in range(count):
        for b in range(a + 1, count):
            way = r[b] - r[a]
            apart = np.linalg.norm(way)
            foot = r[a] + np.clip(-(r[a] @ way) / apart**2, 0, 1) * way
            if group and group[a] == group[b]:
                continue
            if apart < RANGE_KM and np.linalg.norm(foot) > 6378.135 + 80:
                pairs.append((apart - hysteresis_km * ((a, b) in held), a, b))
    free, taken = [terminals] * count, set()
    for _, a, b in sorted(pairs):
        if free[a] and free[b]:
            free[a], free[b] = free[a] - 1, free[b] - 1
            taken.add((a, b))
    return taken


@pytest.mark.parametrize("terminals", [1, 3, 4, 20])
def test_at_each_decision_the_shortest_links_come_first(terminals):
    plan = planned(60.0, terminals=terminals, every_s=20)
    for t_s in (0, 20, 40):
        assert standing(plan, t_s + 1e-4) == by_hand(plan, t_s, terminals)


def test_a_link_that_is_held_is_nearer_by_the_hysteresis():
    shape = {"terminals": 2, "every_s": 20}
    plan, free = planned(600.0, **shape, hysteresis_km=400), planned(600.0, **shape)
    held = set()
    for t_s in range(0, 600, 20):
        held = by_hand(plan, t_s, 2, held, 400)
        assert standing(plan, t_s + 1e-4) == held
    assert len(plan.contacts) < 0.8 * len(free.contacts)


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 5), st.sampled_from([0.0, 100.0]), st.sampled_from([0.0, 8.0]))
def test_nobody_has_more_links_than_terminals(terminals, hysteresis_km, setup_s):
    plan = planned(120.0, setup_s, terminals=terminals, hysteresis_km=hysteresis_km)
    for t_s in np.arange(0, 120, 1.0) + 0.5:
        links = plan.network.standing(t_s)
        assert np.bincount(np.concatenate([end[links] for end in plan.network.ends])).max() <= terminals


def test_a_link_that_geometry_ends_ends_then():
    """With a terminal for everybody a link stands while it is in view, but for when it is seen to be so."""
    plan = planned(1200.0, terminals=60, every_s=5)
    a, b = plan.network.ends
    seen = intervals(plan.network.sky, a, b, SIGHT, 1200)
    view = {(int(p), round(end, 3)) for p, end in zip(seen.pair, seen.end_s, strict=True)}
    ends = plan.contacts[plan.contacts["end_s"] < 1200]
    assert len(ends) > 100
    assert {(int(row.link), round(row.end_s, 3)) for row in ends.itertuples()} <= view
    assert not (plan.contacts["start_s"] % 5).any()


def test_a_new_link_is_set_up_first():
    swift, slow = planned(300.0, 0.0, hysteresis_km=500), planned(300.0, 8.0, hysteresis_km=500)
    names = [[x.name for x in plan.links] for plan in (swift, slow)]
    starts = [
        {(names[n][row.link], round(row.start_s, 3)) for row in plan.contacts.itertuples()}
        for n, plan in enumerate((swift, slow))
    ]
    assert {(name, round(start - 8 * (start > 0), 3)) for name, start in starts[1]} <= starts[0]
    assert any(start > 0 for _, start in starts[1])


def test_what_is_decided_does_not_depend_on_how_long_the_run_is():
    whole, short = planned(200.0, 3.0), planned(77.0, 3.0)
    for t_s in np.arange(0, 77, 1.7):
        assert standing(short, t_s) == standing(whole, t_s)


def test_between_layers_only_different_ones_are_linked():
    layers = {"net": {"walker": SHELL}, "up": {"walker": UPPER}}
    rule = {"layers": ["up", "net"], "link": "beam", "terminals": 2, "every_s": 20}
    plan = planned(60.0, layers=layers, between=[rule])
    group = [node.layer for node in plan.nodes]
    for t_s in (0, 20, 40):
        assert standing(plan, t_s + 1e-4) == by_hand(plan, t_s, 2, group=group)
    assert len(plan.links) >= 48


def test_the_example_between_layers():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "scenario.md").read_text()
    example = re.search(r"## Between layers\n.*?```yaml\n(.*?)```", text, re.DOTALL)
    scenario = file.parse(f"name: x\nepoch: 2026-05-09\nduration_s: 10\n{example[1]}", "x", pathlib.Path())
    plan = Plan.make(scenario)
    layers = {frozenset(plan.nodes[end].layer for end in (link.a, link.b)) for link in plan.links}
    assert layers == {frozenset(["low"]), frozenset(["low", "high"])}


TWO = "  a: {walker: '53:2/1/0 at 550 km'}\n"


@pytest.mark.parametrize(
    "layers, says",
    [
        ("  a: {walker: '53:1/1/0 at 550 km', isl: {pattern: nearest}}",
         "layers.a.isl.pattern is nearest, and there is one satellite only."),
        ("  a: {walker: '53:2/1/0 at 550 km', isl: {pattern: nearest}}",
         "layers.a.isl.pattern is nearest, but neighbours are 13856 km apart and the link reaches"),
        (TWO + "between: [{layers: [a]}]",
         "between[0].layers needs two layers or more; links within one are its isl."),
        (TWO + "between: [{layers: [a, b]}]",
         "between[0].layers names b, but there is no such layer (there are a)."),
        (TWO + "between: [{layers: [a, a]}]", "between[0].layers names a twice."),
        (TWO + "between: [{pattern: grid}]",
         "between[0].pattern is grid; it must be nearest, listed or python."),
    ],
)  # fmt: skip
def test_what_cannot_be(layers, says):
    text = f"name: x\nepoch: 2026-05-09\nduration_s: 10\nlayers:\n{layers}\n"
    with pytest.raises(ScenarioError, match=re.escape(says)):
        file.parse(text, "x.yaml", pathlib.Path())
