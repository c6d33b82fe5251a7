"""Values of links over time: what files and functions say is what holds, at any instant."""

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skybed.topologies.contacts.courses.steps import Steps, combined
from skybed.topologies.contacts.properties import Direction, Property
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.draws import Distribution
from skybed.topologies.orbits import chance
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

RATE, LOSS, EXTRA, SPIKE = Property.RATE, Property.LOSS, Property.EXTRA, Property.SPIKE
UP = 1  # pair's stations are its higher nodes: what they send goes up


def scenario(**link):
    """pair, its links of a class that stands from 0 s on."""
    given_class = {"rate_mbps": 10, "min_elevation_deg": 10} | link
    changes = {
        "links": {"x": given_class},
        "access[0].link": "x",
        "rate_scale": 1,
        "traffic": [],
        "accept": [],
    }
    return Scenario.load("pair").with_(changes)


def plan(duration_s=30.0, **link):
    return Plan.make(scenario(**link), duration_s=duration_s)


def at(made, what, t_s, side=UP, link=0):
    return made.network.values.at(what, link, side, np.asarray(t_s, float)).tolist()


def written(path, text):
    path.write_text(text)
    return str(path)


def events(made, what):
    every = np.concatenate(list(made.events))
    return every[every["property"] == what]


def test_steps_hold_from_their_instants_on():
    made = plan(rate_mbps=[[0, 100], [20, 50]], up={"loss_pct": [[5, 1], [10, 2]]})
    assert at(made, RATE, [0, 19.999, 20, 25]) == [100, 100, 50, 50]
    assert at(made, LOSS, [0, 4, 5, 10, 29]) == [1, 1, 1, 2, 2]  # before the first, its value
    assert at(made, LOSS, [0, 29], side=0) == [0, 0]
    rates = events(made, RATE)
    assert set(rates["direction"]) == {Direction.BOTH} and set(rates["t_s"]) == {0.0, 20.0}
    assert set(events(made, LOSS)["direction"]) == {Direction.BACK}


def test_a_first_step_after_the_end_holds_all_the_time():
    made = plan(rate_mbps=[[1000, 5]], extra_delay_ms=[[500, 3]])
    assert at(made, RATE, [0, 29]) == [5, 5] and at(made, EXTRA, [0, 29]) == [3000, 3000]


def test_rates_are_scaled_whatever_gives_them(tmp_path):
    rule = written(tmp_path / "r.py", "def rate(t_s, range_km, elevation_deg):\n    return 40\n")
    for rate, usual in (([[0, 100]], 100), (rule + ":rate", 40)):
        tenth = scenario(rate_mbps=rate).with_(rate_scale=0.1)
        assert at(Plan.make(tenth, duration_s=5), RATE, [1])[0] == pytest.approx(usual / 10)


def test_a_table_may_have_rows_for_one_link(tmp_path):
    table = "t_s,a,b,value\n0,,,10\n5,,,20\n0,sanya,eo-0-0,7\n"
    made = plan(rate_mbps=written(tmp_path / "r.csv", table), min_elevation_deg=1, duration_s=200)
    own = made.network.link_between[made.node("eo-0-0"), made.node("sanya")]
    other = made.network.link_between[made.node("eo-0-0"), made.node("miyun")]
    assert at(made, RATE, [6], link=own) == [7] and at(made, RATE, [1, 6], link=other) == [10, 20]


def test_a_table_begins_anew(tmp_path):
    csv = {"csv": written(tmp_path / "e.csv", "t_s;extra_delay_ms\n0;1,5\n2;3\n"), "repeat_s": 5}
    made = plan(extra_delay_ms=csv)
    assert at(made, EXTRA, [0, 2, 4.9, 5, 7, 22.5]) == [1500, 3000, 3000, 1500, 3000, 3000]


def test_a_rule_is_asked_with_what_geometry_is(tmp_path):
    rule = "import numpy as np\ndef rate(t_s, range_km, elevation_deg):\n    return np.round(range_km, 6)\n"
    made = plan(rate_mbps=written(tmp_path / "r.py", rule) + ":rate")
    t_s = np.arange(0, 30.0)
    light_km = made.delay_s(0, t_s) * 299_792.458
    assert at(made, RATE, t_s) == pytest.approx(light_km.tolist(), abs=1e-5)
    assert at(made, RATE, t_s + 0.999) == at(made, RATE, t_s)


def test_elevations_are_those_over_the_station(tmp_path):
    rule = "def loss(t_s, range_km, elevation_deg):\n    return elevation_deg\n"
    made = plan(loss_pct={"python": written(tmp_path / "r.py", rule) + ":loss", "every_s": 10})
    (station,) = {made.links[0].a, made.links[0].b} - {made.node("eo-0-0")}
    seen = made.network.sky.position_km([0, station], np.array([10.0, 10.0]))
    up = seen[1] / np.linalg.norm(seen[1])  # geocentric: within 0.2 deg of the vertical
    line = seen[0] - seen[1]
    assert at(made, LOSS, [10])[0] == pytest.approx(
        math.degrees(math.asin(line @ up / np.linalg.norm(line))), abs=0.3
    )


def test_packet_opportunities_are_a_rate(tmp_path):
    """Three a millisecond are 36 Mbit/s of packets of 1500 bytes; with Ethernet headers 36.3."""
    lines = [ms for ms in range(1, 101) for _ in range(3)] + list(range(101, 201))
    made = plan(rate_mbps={"trace": written(tmp_path / "up", "\n".join(map(str, lines)) + "\n")})
    assert at(made, RATE, [0.05, 0.15, 0.25, 0.35]) == pytest.approx([36.3, 12.2, 36.3, 12.2], abs=0.4)


def test_delay_files_have_a_value_every_ten_ms(tmp_path):
    trace = {"trace": written(tmp_path / "d", "24\n18\n20\n")}
    made = plan(extra_delay_ms=trace, duration_s=2)
    assert at(made, EXTRA, [0.005, 0.015, 0.025, 0.035, 1.505]) == [24e3, 18e3, 20e3, 24e3, 24e3]
    later = plan(extra_delay_ms=trace | {"from_s": 0.025}, duration_s=2)
    assert at(later, EXTRA, [0.002, 0.006, 0.016, 0.026]) == [20e3, 24e3, 18e3, 20e3]


def test_bursts_have_their_shares_and_lengths():
    """A good time of 2 s and a bad one of 0.5 s: a fifth is bad, in bursts of half a second."""
    made = plan(loss_pct={"good_s": 2, "bad_s": 0.5, "bad_pct": 40}, duration_s=300)
    contact = made.contacts[made.contacts["link"] == 0].iloc[0]
    t_s = np.arange(contact.start_s, contact.end_s, 0.01)
    loss = np.array(at(made, LOSS, t_s))
    assert set(loss) == {0, 40}
    begun = np.flatnonzero(np.diff(loss) > 0)
    assert (loss > 0).mean() == pytest.approx(0.2, abs=0.07)
    assert (loss > 0).sum() / len(begun) * 0.01 == pytest.approx(0.5, rel=0.3)
    assert at(made, LOSS, t_s, side=0) != loss.tolist()  # directions by themselves
    longer = plan(loss_pct={"good_s": 2, "bad_s": 0.5, "bad_pct": 40}, duration_s=310)
    assert at(longer, LOSS, t_s) == loss.tolist()


def test_slots_are_those_of_the_minute():
    spike = {"height_ms": [20, 40], "width_ms": 100, "loss_pct": 3}
    slots = {"rate_mbps": [4, 8], "spike": spike}
    made = plan(slots=slots, min_elevation_deg=1, duration_s=120)
    begin_s = made.scenario.begin.second
    starts = events(made, SPIKE)
    heights = starts[(starts["value"] > 0) & (starts["link"] == 0)]
    assert {round((begin_s + t) % 60, 6) for t in heights["t_s"]} == {12, 27, 42, 57}
    assert ((heights["value"] >= 20e3) & (heights["value"] <= 40e3)).all()
    first_s = heights["t_s"][0]
    look_s = first_s + np.array([-0.001, 0, 0.099, 0.101])
    assert [us > 0 for us in at(made, SPIKE, look_s)] == [False, True, True, False]
    assert at(made, LOSS, look_s) == pytest.approx([0, 3, 3, 0])
    rates = np.array(at(made, RATE, first_s + np.arange(0, 44, 0.1)))
    assert len(set(rates)) == 3 and rates.min() >= 4 and rates.max() <= 8
    assert at(made, RATE, look_s[:1]) != at(made, RATE, look_s[1:2])


def test_a_run_that_begins_later_meets_the_same_slots():
    early = scenario(slots={"rate_mbps": {"normal": [6, 1]}})
    shift_s = 20.25
    late = early.with_(start=(early.begin + dt.timedelta(seconds=shift_s)).isoformat())
    one, other = (Plan.make(s, duration_s=d) for s, d in ((early, shift_s + 60), (late, 60)))
    names = [{link.name: n for n, link in enumerate(made.links)} for made in (one, other)]
    name = next(name for name in names[1] if name in names[0])
    contact = other.contacts[other.contacts["link"] == names[1][name]].iloc[0]
    t_s = np.arange(contact.start_s + 0.05, min(contact.end_s, 60), 0.5)
    assert at(one, RATE, t_s + shift_s, link=names[0][name]) == at(other, RATE, t_s, link=names[1][name])


def test_routing_sees_a_rate_that_is_nil_as_a_link_that_is_gone():
    gone = plan(down={"rate_mbps": [[0, 5], [10, 0], [20, 5]]})
    for src, dst, t_s, arrives in (
        ("eo-0-0", "sanya", 9.0, True), ("eo-0-0", "sanya", 11.0, False), ("sanya", "eo-0-0", 11.0, True),
        ("eo-0-0", "sanya", 20.5, True),
    ):  # fmt: skip
        assert np.isnan(gone.trace(src, dst, [t_s]).arrival_s[0]) != arrives, (src, dst, t_s)
    changes = gone.routes.whole()
    by_satellite = changes[(changes["node"] == 0) & (changes["dst"] == gone.node("sanya"))]
    assert by_satellite["t_s"].tolist()[:3] == [0.0, 10.0, 20.0] and by_satellite["via"][1] == -1


def test_a_link_may_go_one_way():
    made = plan(up={"rate_mbps": 0})
    assert np.isnan(made.trace("sanya", "eo-0-0", [5.0]).arrival_s[0])
    assert not np.isnan(made.trace("eo-0-0", "sanya", [5.0]).arrival_s[0])


def test_directions_have_delays_of_their_own():
    made = plan(extra_delay_ms=1, up={"extra_delay_ms": 8})
    up, down = (
        made.trace(*ends, [5.0]).arrival_s[0] - 5.0 for ends in (("sanya", "eo-0-0"), ("eo-0-0", "sanya"))
    )
    assert up - down == pytest.approx(0.007, abs=1e-6)
    path = made.path("sanya", "eo-0-0", [5.0])
    assert path.rtt_ms[0] == pytest.approx(1e3 * (up + down), abs=1e-3)


def test_a_stored_plan_has_them(tmp_path):
    made = plan(rate_mbps=[[0, 100], [20, 50]], jitter_ms=[[0, 1], [7, 2]], jitter={"lognormal": [1, 0.5]})
    made.save(tmp_path)
    again = Plan.load(tmp_path)
    assert np.array_equal(again.network.changes, made.network.changes)
    assert at(again, RATE, [19, 21]) == [100, 50] and at(again, Property.JITTER, [1, 8]) == [1000, 2000]
    assert again.links[0].capable(0).jitter == Distribution(lognormal=(1, 0.5))


@pytest.mark.parametrize("link, says", [
    ({"rate_mbps": "fast"}, r"links\.x\.rate_mbps fast is neither a number nor steps"),
    ({"rate_mbps": [[5, 1], [5, 2]]}, r"has a step at 5 s after the one at 5 s; times ascend"),
    ({"rate_mbps": []}, r"links\.x\.rate_mbps is an empty list; it must be a list of at least 1"),
    ({"loss_pct": [[0, 120]]}, r"links\.x\.loss_pct has the value 120; it must be at most 100"),
    ({"rate_mbps": {"good_s": 1, "bad_s": 1}}, r"good_s and bad_s, which are of losses"),
    ({"rate_mbps": {"steps": [[0, 1]], "evry": 3}}, r"links\.x\.rate_mbps\.evry is not a field"),
    ({"rate_mbps": 0}, r"is 0 in both directions"),
    ({"slots": {"at_s": [60]}}, r"links\.x\.slots\.at_s"),
    ({"slots": {"rate_mbps": {"normal": [1, 1], "pareto": [1, 2]}}}, r"needs one of normal, lognormal"),
    ({"slots": {"rate_mbps": {"normal": [5, -1]}}}, r"slots\.rate_mbps\.normal\[1\] is -1"),
    ({"slots": {"rate_mbps": [5, 1]}}, r"slots\.rate_mbps is \[5\.0, 1\.0\]; the lesser comes first"),
    ({"slots": {"rate_mbps": {"lognormal": [5, 1000]}}}, r"draws values up to .*; they must be at most"),
    ({"slots": {"at_s": [12, 12]}}, r"slots\.at_s names a second twice"),
    ({"extra_delay_ms": 1e9}, r"extra_delay_ms has the value 1e\+09; it must be at most 60000"),
    ({"rate_mbps": [1, 2]}, r"must be \[t_s, value\]"),
    ({"rate_mbps": {"trace": "/dev/zero"}}, r"/dev/zero: this is a device"),
    ({"jitter": "gauss"}, r"links\.x\.jitter is gauss; it must be"),
    ({"extra_delay_ms": "nowhere.csv"}, r"there is no such value file"),
])  # fmt: skip
def test_what_is_no_such_value_is_one_sentence(link, says):
    with pytest.raises(ScenarioError, match=says):
        scenario(**link)


@pytest.mark.parametrize("text, says", [
    ("t_s,value\n1,2\n1,3\n", "line 3 has t_s 1 after 1; times ascend"),
    ("t_s,value\n", "no row follows"),
    ("t_s,value\n0,-1\n", "line 2 has value -1"),
    ("t_s,rate\n0,1\n", "line 1 has the column rate"),
    ("t_s,a,value\n0,sanya,1\n", "a link has two ends"),
])  # fmt: skip
def test_a_table_that_is_none_is_told_with_its_line(tmp_path, text, says):
    with pytest.raises(ScenarioError, match=says):
        scenario(rate_mbps=written(tmp_path / "r.csv", text))


@pytest.mark.parametrize(
    "text, says", [("1\n2\nx\n", "line 3 is x"), ("5\n3\n", "line 2 is earlier"), ("0\n", "all lines are 0")]
)
def test_a_trace_that_is_none_is_told_with_its_line(tmp_path, text, says):
    with pytest.raises(ScenarioError, match=says):
        scenario(rate_mbps={"trace": written(tmp_path / "up", text)})


@pytest.mark.parametrize("body, says", [
    ("return -elevation_deg", r"rate: it gives -\d.* its values must be 0 to 1e\+07"),
    ("return elevation_deg[:2]", "no array of as many numbers"),
    ("return 'much'", "no array of as many numbers"),
    ("return None", "no array of as many numbers"),
    ("return 1j * elevation_deg", "no array of as many numbers"),
    ("return 1 / 0", "links.x.rate_mbps cannot be used: .*r.py, line 2, rate: ZeroDivisionError"),
])  # fmt: skip
def test_a_rule_that_answers_wrongly_is_told(tmp_path, body, says):
    rule = written(tmp_path / "r.py", f"def rate(t_s, range_km, elevation_deg):\n    {body}\n") + ":rate"
    with pytest.raises(ScenarioError, match=says):
        plan(rate_mbps=rule)


STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50), st.integers(0, 9)), max_size=20)


def steps(rows):
    """Of keys 0 to 2, each with a value from 0 s on."""
    values = {(key, 0): 1 for key in range(3)} | {(key, t): value for key, t, value in rows}
    key, t_s = np.array(sorted(values)).T
    return Steps(key, t_s.astype(float), np.array([values[pair] for pair in sorted(values)], float))


def held(some, key, t_s):
    own = some.key == key
    return some.value[own][np.searchsorted(some.t_s[own], t_s, "right") - 1]


@given(STEPS, STEPS)
def test_what_is_made_of_two_is_so_at_any_instant(one, other):
    a, b = steps(one), steps(other)
    both = combined(a, b, np.minimum)
    t_s = np.arange(0, 60, 0.5)
    for key in range(3):
        assert (held(both, key, t_s) == np.minimum(held(a, key, t_s), held(b, key, t_s))).all()
    repeated = (np.diff(both.key) == 0) & (np.diff(both.value) == 0)
    assert not repeated.any()


@pytest.mark.parametrize("draw, quantiles", [
    (Distribution(normal=(10, 2)), [10 - 2 * 1.2815516, 10, 10 + 2 * 1.2815516]),
    (Distribution(lognormal=(10, 0.5)), [10 * math.exp(-0.64077578), 10, 10 * math.exp(0.64077578)]),
    (Distribution(pareto=(2, 3)), [2 * 0.9 ** (-1 / 3), 2 * 0.5 ** (-1 / 3), 2 * 0.1 ** (-1 / 3)]),
    (Distribution(values=[3, 1, 2]), [1, 2, 3]),
    ((4, 8), [4.4, 6, 7.6]),
    (5.0, [5, 5, 5]),
])  # fmt: skip
def test_distributions_have_their_quantiles(draw, quantiles):
    assert chance.quantile(draw, np.array([0.1, 0.5, 0.9])) == pytest.approx(quantiles, rel=1e-5)
