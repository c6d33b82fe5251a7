"""Contacts that a plan of ION's or HDTN's gives: they stand as it says, with its rates and light times."""

import json
import re

import numpy as np
import pytest

from skybed.topologies.contacts import candidates, contact_plans
from skybed.topologies.contacts.properties import Property
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan import export
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.places import SCENARIOS

# The example of ION's tutorial on contact graphs, with a way that is one way only.
ION = """\
# two relays, and a way back that is slow
1 1 ''
s
m production 1000000
a contact +0 +3600 1 2 100000   # bytes a second
a contact +0 +3600 2 1 12500
@ 2026/05/09-00:10:00
a contact +0 +600 2 3 1250000
a contact 2026/05/09-00:40:00 2026/05/09-01:00:00 2 3 2500000
a range 2026/05/09-00:00:00 2026/05/09-01:00:00 1 2 1
a range 2026/05/09-00:30:00 2026/05/09-01:00:00 2 1 2
a range 2026/05/09-00:00:00 2026/05/09-01:00:00 2 3 0.25
"""
SKY = """\
name: given
epoch: 2026-05-09T00:00:00Z
duration_s: 3600
layers:
  deep: {geostationary: {longitudes_deg: [110, -70]}}
stations: [miyun, beijing]
between:
  - {links: plan, link: laser-isl, nodes: {1: miyun, 2: deep-0, 3: deep-1}}
"""


@pytest.fixture
def load(tmp_path):
    def read(text, sky=SKY):
        (tmp_path / "plan").write_text(text)
        (tmp_path / "sky.yaml").write_text(sky)
        return Scenario.load(tmp_path / "sky.yaml")

    return read


def contacts(plan):
    rows = plan.contacts.merge(plan.contacts.groupby("link").size().rename("n"), on="link")
    return [(plan.links[row.link].name, row.start_s, row.end_s) for row in rows.itertuples()]


def test_contacts_stand_as_ion_has_them_whatever_geometry_says(load):
    """deep-1 is on the other side of the Earth."""
    plan = Plan.make(load(ION))
    assert contacts(plan) == [
        ("deep-0--deep-1", 600, 1200),
        ("deep-0--deep-1", 2400, 3600),
        ("deep-0--miyun", 0, 3600),
    ]
    assert [link.kind for link in plan.links] == ["isl", "access"]


def test_rates_and_light_times_are_those_of_each_direction(load):
    plan = Plan.make(load(ION))
    values = plan.network.values
    near, far = (plan.network.link_between[pair] for pair in ((0, 2), (0, 1)))
    assert plan.delay_s(near, 100.0) == 0
    t_s = np.array([100.0, 1799.0, 1801.0])
    # From deep-0, which is node 2 of the plan's, to Miyun, 1; the range of the way back comes later.
    assert values.at(Property.RATE, near, 0, t_s).tolist() == [0.1] * 3
    assert values.at(Property.RATE, near, 1, t_s).tolist() == [0.8] * 3
    assert plan.network.one_way_s(near, 0, t_s).tolist() == [1, 1, 2]
    assert plan.network.one_way_s(near, 1, t_s).tolist() == [1, 1, 1]
    assert values.at(Property.RATE, far, 0, np.array([700.0, 2500.0])).tolist() == [10, 20]
    assert values.at(Property.RATE, far, 1, np.array([700.0, 2500.0])).tolist() == [0, 0]
    assert plan.network.one_way_s(far, 0, 700.0) == 0.25


def test_routes_follow_the_plan_and_take_no_way_that_carries_nothing(load):
    plan = Plan.make(load(ION))
    walks = plan.trace("miyun", "deep-1", np.array([300.0, 900.0, 3000.0]))
    assert np.isnan(walks.arrival_s[0])
    assert walks.arrival_s[1:] - [900, 3000] == pytest.approx([1.25, 1.25])
    assert np.isnan(plan.trace("deep-1", "miyun", np.array([900.0])).arrival_s).all()


def test_a_plan_is_stored_with_what_is_given(load, tmp_path):
    plan = Plan.make(load(ION))
    plan.save(tmp_path / "stored")
    again = Plan.load(tmp_path / "stored")
    assert [link.given for link in again.links] == [True, True]
    assert again.network.one_way_s(1, 0, 1801.0) == 2


def test_the_candidates_of_a_node_say_what_the_plan_says(load):
    plan = Plan.make(load(ION))
    found = candidates.of(plan.network, plan.node("deep-0"), 1300.0)
    told = {plan.nodes[one.peer].name: (one.stands, one.why) for one in found}
    assert told["miyun"] == (True, "to the end")
    assert told["deep-1"] == (False, "in sight, but listed for 600 to 1200 s, 2400 to 3600 s")


@pytest.mark.parametrize("ending", [".ionrc", ".hdtn.json"])
def test_what_leaves_comes_in_again(load, ending):
    """ring12's contacts, without its lasers, masks and fibre: all that there is comes from the file."""
    ring = Plan.make(Scenario.load(SCENARIOS / "ring12.yaml"), duration_s=3600)
    bare = {
        "access": [],
        "fibre": [],
        "faults": [],
        "layers.comp.isl.pattern": "none",
        "traffic": [],
        "accept": [],
    }
    text = export.FORMATS[ending](ring)
    rule = {"links": text, "link": "laser-isl"}
    back = ring.scenario.with_({**bare, "between": [rule], "rate_scale": 1, "tasks": []})
    plan = Plan.make(back, duration_s=3600)
    # whole seconds both times
    assert [x for x in export.FORMATS[ending](plan).splitlines() if x[:1] != "#"] == [
        x for x in text.splitlines() if x[:1] != "#"
    ]


def test_hdtn_may_have_fractions_and_light_times_of_each_way(load):
    ways = [(1, 2, 0.5, 30, 2e6, 1.5), (2, 1, 10, 30, 1e6, 0.5)]
    names = ("source", "dest", "startTime", "endTime", "rateBitsPerSec", "owlt")
    told = [{"contact": k, **dict(zip(names, way, strict=True))} for k, way in enumerate(ways)]
    sky = SKY.replace("nodes: {1: miyun, 2: deep-0, 3: deep-1}", "nodes: {}")  # as they count: deep-0, deep-1
    plan = Plan.make(load(json.dumps({"contacts": told}, indent=1), sky))
    assert contacts(plan) == [("deep-0--deep-1", 0.5, 30)]
    assert plan.network.one_way_s(0, np.array([0, 1]), 20.0).tolist() == [1.5, 0.5]
    assert plan.network.values.at(Property.RATE, 0, 1, np.array([5.0, 15.0])).tolist() == [0, 1]


def test_a_csv_may_give_rates_and_delays_too(load):
    rows = "a,b,from,until,rate_mbps,rate_back_mbps,delay_ms\nmiyun,beijing,0,60,5,1,40\n"
    plan = Plan.make(load(rows, SKY.replace(", nodes: {1: miyun, 2: deep-0, 3: deep-1}", "")))
    assert contacts(plan) == [("miyun--beijing", 0, 60)] and plan.links[0].kind == "fibre"
    assert plan.network.one_way_s(0, np.array([0, 1]), 20.0).tolist() == [0.04, 0.04]


def test_light_times_of_0_are_ways_too():
    """ION rounds those near the Earth to 0, and a route of no cost is still one."""
    ring = Plan.make(Scenario.load(SCENARIOS / "ring12.yaml"), duration_s=600)
    rule = {"links": export.ion.text(ring), "link": "laser-isl"}
    bare = {"access": [], "fibre": [], "layers.comp.isl.pattern": "none", "traffic": [], "accept": []}
    plan = Plan.make(ring.scenario.with_({**bare, "between": [rule]}), duration_s=600)
    assert not any(plan.network.one_way_s(n, 0, 300.0) for n in range(len(plan.links)))
    ends = [("comp-0-0", f"comp-0-{n}") for n in range(1, 12)] + [("miyun", "mohe")]
    for a, b in ends:
        arrival_s = [sky.trace(a, b, np.array([300.0])).arrival_s[0] for sky in (ring, plan)]
        assert np.isnan(arrival_s[0]) == np.isnan(arrival_s[1])
        assert np.isnan(arrival_s[1]) or arrival_s[1] == 300


HEAD = "a contact +0 +60 1 2 1000\n"
WRONG = {
    "a contact +0 +60 1 2\n": "line 1 has 6 words; ION's `a contact` has 7 or more",
    "a contact 0 +60 1 2 9\n": r"line 1 has the time 0; it must be \+SECONDS or yyyy/mm/dd-hh:mm:ss",
    "a contact +0 2026/13/09-00:00:00 1 2 9\n": "line 1 has the time 2026/13/09-00:00:00, which is no",
    "a contact +9 +9 1 2 9\n": "line 1 ends at 9 s, not after its begin, 9 s",
    "a contact +0 +9 1 1 9\n": "line 1 has node 1 at both ends",
    "a contact +0 +9 0 1 9\n": "line 1 has the node 0; it must be a number, 1 or more",
    "a contact +0 +9 one 1 9\n": "line 1 has one where a number must be",
    HEAD: "line 1 has a contact from 1 to 2, and no range says how far it is at 0",
    HEAD + "a range +0 +50 1 2 1\n": "line 1 has a contact from 1 to 2, and no range says how far it is at",
    HEAD + "a contact +59 +70 1 2 1000\n": "line 2 has a contact from 1 to 2 that overlaps the one of line 1",
    HEAD + "d contact +0 1 2\n": "line 2 changes or deletes a contact; give those that there are",
    "a contact +0 +9 1 2 9\na contact +0 +9 1 4 9\na range +0 +9 1 2 0\na range +0 +9 1 4 0\n":
        "line 2 has node 4, and nodes does not say who it is",
    HEAD.replace("1000", "-12500"): "line 1 has -12500 B/s where a number of 0 or more must be",
    "\n": r"it is empty\.",
    "# nothing\n": "it is empty, but for comments",
    '{"contacts": []}': "it has no contacts",
    '{"contacts": [': "line 2: this is not JSON: Expecting value",
    '{"contacts": [{"source": 1}]}': r"contacts\[0\] in line 1 begins a contact without dest",
    "a contact 2025/05/09-00:00:00 2025/05/09-01:00:00 1 2 9\n": "it has contacts of 2025-05-09T00:00:00 to "
        "2025-05-09T01:00:00, and the run is from 2026-05-09T00:00:00 to 2026-05-09T01:00:00",
    "a contact +3600 +3700 1 2 9\n": "it has contacts of 2026-05-09T01:00:00 to 2026-05-09T01:01:40, and",
    HEAD + "a contct +0 +9 1 2 9\n": "line 2 has a contct, which is no command of ION's",
    HEAD + "hello world\n": "line 2 has hello world, which is no command of ION's",
    '{"contacts": 1}': 'line 1 begins JSON without a list "contacts"; HDTN has one',
    '{"contacts": [\n{"source": 1}]}': "line 2 begins a contact without dest",
    "a,b,rate_mbps\nmiyun,deep-0,5\n": "line 2 has no delay_ms",
    "a,b,rate_mbps,delay_ms\nmiyun,deep-0,5,-1\n": "line 2 has delay_ms -1; it must be a number, 0 or more",
}  # fmt: skip


def test_without_nodes_a_number_beyond_the_sky_is_refused(load):
    with pytest.raises(
        ScenarioError, match="line 1 of plan has node 7, and this sky has 4; say in nodes who"
    ):
        load(
            "a contact +0 +9 7 9 9\na range +0 +9 7 9 0\n",
            SKY.replace("{1: miyun, 2: deep-0, 3: deep-1}", "{}"),
        )


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_plan(load, text):
    with pytest.raises(ScenarioError) as error:
        load(text)
    told = str(error.value).replace(" of plan", "").replace(" (plan)", "")
    assert re.search(r"sky\.yaml, line 8: between\[0\]\.links cannot be used: " + WRONG[text], told)


LINKS = "sky.yaml, line 8: between[0].links "
NAMED = {
    "a contact +0 +60 1 2\n": "cannot be used: line 1 of plan has 6 words;",
    HEAD + HEAD: "cannot be used: line 2 of plan has a contact from 1 to 2 that overlaps the one of line 1.",
    '{"contacts": [\n{"source": 1}]}': "cannot be used: line 2 of plan begins a contact without dest.",
    "# nothing\n": "(plan) cannot be used: it is empty, but for comments.",
    HEAD + "a range +0 +60 1 2 61\n": "has delay_ms 61000 in line 1 of plan; it must be at most 60000.",
}  # fmt: skip


@pytest.mark.parametrize("text", NAMED)
def test_what_is_wrong_is_told_with_the_file_of_the_plan(load, text):
    with pytest.raises(ScenarioError, match=re.escape(LINKS + NAMED[text])):
        load(text)


def test_a_plan_that_stands_in_the_scenario_has_no_file(load):
    with pytest.raises(ScenarioError, match=re.escape(LINKS + "cannot be used: line 2 has 6 words;")):
        load("", SKY.replace("links: plan", 'links: "\\na contact +0 +60 1 2"'))


FIELDS = {
    ("a,b\nmiyun,deep-0\n", "nodes: {1: miyun"): r"between\[0\]\.nodes is of the numbers of a contact plan",
    (HEAD + "a range +0 +60 1 2 61\n", ""): r"between\[0\]\.links has delay_ms 61000 in line 1 of plan; it",
    (HEAD + "a range +0 +60 1 2 1\n", "link: starlink-user"): "gives rates to links of class",
    ("a,b,rate_mbps,delay_ms,until\nmiyun,deep-0,1,1,9\ndeep-0,miyun,1,1,\n", ""):
        r"has deep-0 and miyun in line 3 of plan for a time of line 2|has miyun and deep-0 in line 2 of plan",
    (ION, "3: deep-9"): r"between\[0\]\.links names deep-9 in line \d+ of plan, but there is no such node",
}  # fmt: skip


@pytest.mark.parametrize(("text", "changed"), FIELDS)
def test_what_a_rule_says_of_a_plan(load, text, changed):
    sky = SKY
    if changed.startswith("link:"):
        sky = SKY.replace("link: laser-isl", changed)
    elif changed.startswith("3:"):
        sky = SKY.replace("3: deep-1", changed)
    elif text.startswith("a,b,"):
        sky = SKY.replace(", nodes: {1: miyun, 2: deep-0, 3: deep-1}", "")
    with pytest.raises(ScenarioError, match=FIELDS[text, changed]):
        load(text, sky)


def test_a_plan_is_known_by_what_it_holds():
    assert contact_plans.is_one(ION) and contact_plans.is_one('\n {"contacts": []}')
    assert not contact_plans.is_one("a,b\nmiyun,deep-0\n")
