# ruff: noqa: E501 (messages stand in one piece, as they are read)
"""What a station or a satellite does with the satellites it sees."""

import datetime as dt
import math
from types import SimpleNamespace

import numpy as np
import pytest
from skyfield.api import EarthSatellite, load, wgs84

from skybed.topologies.contacts import access, candidates, visibility
from skybed.topologies.contacts.access import Chooser, Rulebook, View
from skybed.topologies.contacts.foresight import AHEAD_S
from skybed.topologies.contacts.margins import Intervals
from skybed.topologies.contacts.visibility import Conditions, intervals
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.links import Access, LinkClass
from skybed.topologies.orbits.ephemeris import apart_km
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario import file
from skybed.topologies.scenario.file import Scenario

DRAIN_S = 0.1
DURATION_S = 3000.0
RADIO = {"min_elevation_deg": 5}
ABOVE_5_DEG = Conditions(min_elevation_deg=5)


def plan(setup_s=0.0, stations=("one",), radio=RADIO, **rule):
    """Stations under twelve planes of twelve at 1,100 km, so that there are always several in view."""
    walker = {"planes": 12, "per_plane": 12, "inclination_deg": 60, "altitude_km": 1100, "phasing": 5}
    return Plan.make(
        Scenario.model_validate(
            {
                "name": "access",
                "epoch": "2026-05-09T00:00:00Z",
                "duration_s": DURATION_S,
                "layers": {"net": {"walker": walker}},
                "stations": [
                    {"name": name, "lat_deg": 35, "lon_deg": 100 + n} for n, name in enumerate(stations)
                ],
                "links": {"radio": {"rate_mbps": 100} | radio | {"setup_s": setup_s}},
                "access": [{"from": "ground", "to": "net", "link": "radio", **rule}],
            }
        )
    )


def links_of(plan, station="one"):
    """Contacts of a station by start: satellite, start_s, end_s."""
    ends = np.stack(plan.network.ends, axis=1)[plan.contacts.link]
    table = plan.contacts.assign(satellite=ends[:, 0], station=ends[:, 1])
    return table[table.station == plan.node(station)].sort_values("start_s").reset_index(drop=True)


def in_view(plan, station="one", limits=ABOVE_5_DEG):
    """For each satellite the spans in which the station sees it."""
    satellites = np.arange(len(plan.orbits))
    node = np.full(len(satellites), plan.node(station))
    seen = intervals(plan.network.sky, node, satellites, limits, DURATION_S)
    return {
        int(s): [(a, b) for p, a, b in zip(*(x.tolist() for x in seen), strict=True) if p == s]
        for s in satellites
    }


def by_distance(plan, view, t, station="one"):
    """Satellites in view at time t, nearest first."""
    seen = [s for s, spans in view.items() if any(a <= t < b for a, b in spans)]
    return sorted(seen, key=lambda s: plan.network.sky.distance_km(s, plan.node(station), t))


def view_end(view, satellite, t):
    return next(b for a, b in view[satellite] if a <= t <= b)


def written(function, *lines):
    """A policy in Python of these lines, as a scenario holds it."""
    source = f"import numpy as np\n\n\ndef {function}(view):\n" + "".join(f"    {line}\n" for line in lines)
    return {"file": "rules.py", "function": function, "source": source}


NEAREST = written("best", "return np.argsort(view.range_km)")
ELEVATION, RANGE = "min_elevation_deg", "max_range_km"


# At 1,100 km a range of 1,500 km is an elevation of 42 deg: of each two limits another one is the narrower.
@pytest.mark.parametrize("limits", [{ELEVATION: 30, RANGE: 1500}, {ELEVATION: 60, RANGE: 1500}])
@pytest.mark.parametrize("given", [(), (ELEVATION,), (RANGE,), (ELEVATION, RANGE)])
def test_all_limits_hold_wherever_they_are_given(limits, given):
    rule = {name: limits[name] for name in given}
    of_class = {name: limits[name] for name in limits if name not in given}
    both = in_view(plan(policy="all"), limits=Conditions(**limits))
    starts = sorted(start for spans in both.values() for start, _ in spans)
    assert sorted(links_of(plan(policy="all", radio=of_class, **rule)).start_s) == pytest.approx(starts)


def test_a_limit_of_the_rule_takes_the_place_of_the_same_one_of_the_class():
    wide = {ELEVATION: 5, RANGE: 9000}
    narrow = links_of(plan(policy="all", radio={ELEVATION: 50, RANGE: 1200}, **wide))
    assert narrow.equals(links_of(plan(policy="all", radio=wide)))


def test_no_range_reaches_below_the_horizon():
    made = plan(policy="all", radio={}, max_range_km=9000)
    mine = links_of(made)
    horizon = in_view(made, limits=Conditions(min_elevation_deg=0))
    assert len(mine) == sum(map(len, horizon.values()))
    furthest = made.network.sky.distance_km(mine.satellite, made.node("one"), mine.start_s).max()
    assert furthest < 4000  # the horizon at 1,100 km, where the Earth's radius is 6,370 km: 3,900 km


def test_all_links_every_satellite_in_view():
    made = plan(policy="all")
    seen = sum(len(spans) for spans in in_view(made).values())
    assert len(links_of(made)) == seen


def test_nearest_is_always_with_the_nearest():
    made = plan(policy="nearest", terminals=1)
    mine, view = links_of(made), in_view(made)
    assert len(mine) > 10
    for t in np.linspace(1, DURATION_S - 1, 97):
        now = mine[(mine.start_s <= t) & (mine.end_s > t)]
        assert now.satellite.tolist() == by_distance(made, view, t)[:1]


def test_two_links_are_with_the_two_nearest():
    made = plan(policy="nearest", links=2, terminals=2)
    mine, view = links_of(made), in_view(made)
    for t in np.linspace(1, DURATION_S - 1, 53):
        now = mine[(mine.start_s <= t) & (mine.end_s > t)]
        assert set(now.satellite) == set(by_distance(made, view, t)[:2])


def test_hysteresis_moves_only_for_that_much():
    free, damped = plan(policy="nearest", terminals=1), plan(policy="nearest", terminals=1, hysteresis_km=200)
    mine, view = links_of(damped), in_view(damped)
    assert len(mine) < len(links_of(free))
    for old, new in zip(mine[:-1].itertuples(), mine[1:].itertuples(), strict=True):
        was, now = damped.network.sky.distance_km(
            [old.satellite, new.satellite], damped.node("one"), new.start_s
        )
        assert (
            was - now == pytest.approx(200, abs=1e-3)
            or view_end(view, old.satellite, old.start_s) == old.end_s
        )


def elevations_deg(made, satellites, t_s):
    """Over the station `one`, by skyfield."""
    ts, site = load.timescale(builtin=True), wgs84.latlon(35, 100)
    flying = {s.name: s for s in made.network.before_faults.motion.satellites}
    at = ts.from_datetime(made.scenario.begin + dt.timedelta(seconds=float(t_s)))
    tracks = (EarthSatellite.from_satrec(flying[made.nodes[s].name].satrec, ts) for s in satellites)
    return {s: (track - site).at(at).altaz()[0].degrees for s, track in zip(satellites, tracks, strict=True)}


def test_highest_is_the_one_that_skyfield_has_highest():
    made = plan(policy="highest", terminals=1, decision_s=60)
    mine, view = links_of(made), in_view(made)
    for t in np.arange(60.0, DURATION_S, 60):
        seen = elevations_deg(made, by_distance(made, view, t), t)
        now = mine[(mine.start_s <= t + 0.1) & (mine.end_s > t + 0.1)]
        assert now.satellite.tolist() == [max(seen, key=seen.get)]


def test_another_is_higher_by_the_hysteresis_before_it_is_taken():
    free, damped = (plan(policy="highest", terminals=1, hysteresis_deg=deg) for deg in (0, 15))
    mine, view = links_of(damped), in_view(damped)
    assert 3 < len(mine) < len(links_of(free))
    for old, new in zip(mine[:-1].itertuples(), mine[1:].itertuples(), strict=True):
        was, now = elevations_deg(damped, [old.satellite, new.satellite], new.start_s).values()
        gone = view_end(view, old.satellite, old.start_s) == pytest.approx(old.end_s, abs=1e-5)
        assert gone or 15 < now - was < 15.5  # the sky turns by less than half a degree in a second


KA = {"frequency_ghz": 20, "bandwidth_mhz": 100, "eirp_dbw": 30, "g_over_t_db_k": 15}


def test_strongest_in_clear_air_over_one_shell_is_the_highest_and_in_python_too():
    """The path is the shortest then, and through the least of the air."""
    radio = {"min_elevation_deg": 5, "radio": KA}
    best = written("best", "return np.argsort(-view.c_n_db)")
    rules = ("highest", "strongest", best)
    highest, *others = (links_of(plan(policy=x, radio=radio, terminals=1, decision_s=30)) for x in rules)
    assert len(highest) > 10
    for other in others:
        assert other.satellite.tolist() == highest.satellite.tolist()
        assert other.start_s.to_numpy() == pytest.approx(highest.start_s.to_numpy(), abs=1e-5)


def test_the_strongest_is_by_what_comes_down():
    """Whatever goes up."""
    both, down = (
        links_of(plan(policy="strongest", radio={"min_elevation_deg": 5} | of, terminals=1, decision_s=30))
        for of in ({"radio": KA}, {"rate_mbps": 10, "down": {"radio": KA}})
    )
    assert len(both) > 10 and both.equals(down)


def test_the_nearest_is_the_same_however_seldom_it_is_looked_for():
    """The instant is refined, and none is the nearest for less than ten seconds."""
    often, seldom = (links_of(plan(policy="nearest", terminals=1, decision_s=s)) for s in (1, 10))
    assert often.satellite.tolist() == seldom.satellite.tolist() and len(often) > 10
    assert seldom.start_s.to_numpy() == pytest.approx(often.start_s.to_numpy(), abs=1e-4)


def test_a_policy_is_not_asked_while_nothing_is_in_view():
    """This one could not answer."""
    nearest = written("best", "return [view.range_km.argmin()]")
    made = plan(policy=nearest, radio={ELEVATION: 60}, terminals=1)
    mine = links_of(made)
    assert len(mine) > 3
    assert (mine.start_s.to_numpy()[1:] > mine.end_s.to_numpy()[:-1] + 1).any()  # nothing in between


def test_another_is_stronger_by_the_hysteresis_before_it_is_taken():
    """In free space alone, at 1 GHz, 20 dB are a factor of ten of the range, which no two in view have."""
    radio = {"min_elevation_deg": 5, "radio": KA | {"frequency_ghz": 1}}
    damped = plan(policy="strongest", radio=radio, terminals=1, hysteresis_db=3, decision_s=10)
    mine, view = links_of(damped), in_view(damped)
    for old, new in zip(mine[:-1].itertuples(), mine[1:].itertuples(), strict=True):
        was_km, now_km = damped.network.sky.distance_km(
            [old.satellite, new.satellite], damped.node("one"), new.start_s
        )
        gone = view_end(view, old.satellite, old.start_s) == pytest.approx(old.end_s, abs=1e-5)
        assert gone or 20 * np.log10(was_km / now_km) > 2.8  # the rest is in the air
    none = plan(policy="strongest", radio=radio, terminals=1, hysteresis_db=20)
    assert links_of(none).satellite.tolist() != mine.satellite.tolist()
    for row in links_of(none).itertuples():
        assert row.end_s == pytest.approx(view_end(in_view(none), row.satellite, row.start_s), abs=1e-5)


@pytest.mark.parametrize("terminals", [1, 2])
def test_least_loaded_spreads_stations_evenly(terminals):
    """All see almost the same: without links in common there are more of them, and none has two too many."""
    stations = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    nearest, spread = (
        plan(policy=policy, stations=stations, terminals=terminals) for policy in ("nearest", "least-loaded")
    )
    view = in_view(spread)
    for t in np.arange(100.5, DURATION_S, 217):
        loads = [
            made.network.ends[0][made.network.standing(t)] for made in (nearest, spread)
        ]  # the satellite of each link
        most = [np.bincount(of).max() for of in loads]
        seen = by_distance(spread, view, t)
        assert len(loads[1]) == 8 and most[1] <= max(2, math.ceil(8 / len(seen)) + 1) < most[0]


def test_least_loaded_leaves_a_satellite_only_to_even_links_out():
    """The other had at least two fewer then, or the one before was out of view."""
    made = plan(policy="least-loaded", stations=("one", "two", "three", "four"), terminals=1)
    ends = made.network.ends
    table = made.contacts.assign(satellite=ends[0][made.contacts.link], station=ends[1][made.contacts.link])

    def load_at(satellite, t_s):
        return int(((table.satellite == satellite) & (table.start_s <= t_s) & (table.end_s > t_s)).sum())

    for name in ("one", "two", "three", "four"):
        mine, view = links_of(made, name), in_view(made, name)
        for old, new in zip(mine[:-1].itertuples(), mine[1:].itertuples(), strict=True):
            gone = view_end(view, old.satellite, old.start_s) == pytest.approx(old.end_s, abs=1e-4)
            assert gone or load_at(new.satellite, new.start_s) <= load_at(old.satellite, new.start_s - 1e-6)


@pytest.mark.parametrize("setup_s", [0.0, 8.0])
def test_a_spare_terminal_makes_before_it_breaks(setup_s):
    """Each old link stands one drain time beside its successor, and routing moves when the new one stands."""
    mine = links_of(plan(setup_s, policy="nearest", terminals=2))
    assert len(mine) > 10
    assert mine.end_s[:-1].to_numpy() - mine.start_s[1:].to_numpy() == pytest.approx(DRAIN_S, abs=1e-5)
    assert mine.route_end_s[:-1].to_numpy() == pytest.approx(mine.start_s[1:].to_numpy(), abs=1e-5)


def test_without_one_it_breaks_first():
    mine = links_of(plan(8.0, policy="nearest", terminals=1))
    assert mine.start_s[1:].to_numpy() - mine.end_s[:-1].to_numpy() == pytest.approx(8.0, abs=1e-5)


def chooser(away_km, ends_s, starts_s=0.0, asked=None, setup_s=0.0, **rule):
    """Of one station, with a terminal to spare. Satellites are so far away (functions of time) and in view
    for these times; asked: a policy that takes the place of the rule's.
    """

    def position_km(node, t_s):
        node, t_s = np.broadcast_arrays(node, t_s)
        x_km = np.choose(node, [*(6378 + 0 * t_s + far(t_s) for far in away_km), 6378 + 0 * t_s])
        return np.stack([x_km, 0 * x_km, 0 * x_km], axis=-1)

    def distance_km(a, b, t_s):
        return apart_km(position_km(a, t_s), position_km(b, t_s))

    sky, station = SimpleNamespace(position_km=position_km, distance_km=distance_km), len(ends_s)
    given = {"source": "ground", "target": "net", "link": "radio", "policy": "nearest", "terminals": 2}
    names, link = [*(f"s{n}" for n in range(station)), "one"], LinkClass(rate_mbps=1, setup_s=setup_s)
    book = Rulebook(Access(**given | rule), link, names, 1, DRAIN_S, 300.0, [], asked, {})
    view = View(np.arange(station), np.zeros(station) + starts_s, np.array(ends_s, float))
    return Chooser(sky, book, {station: view})


def still(t_s):
    return 1000


def test_a_satellite_that_was_left_is_taken_again_as_soon_as_it_is_nearer():
    """One stays 1,000 km away; the other is nearer from 100 to 200 s, and both are in view all the time."""
    holds = chooser([still, lambda t_s: 950 + np.abs(t_s - 150)], [np.inf, np.inf]).play()
    assert [hold.target for hold in holds] == [0, 1, 0]
    assert [hold.up_s for hold in holds] == pytest.approx([0, 100, 200], abs=1e-5)
    assert [hold.end_s for hold in holds] == pytest.approx([100 + DRAIN_S, 200 + DRAIN_S, np.inf], abs=1e-5)


def test_who_decides_for_the_end_of_a_view_is_not_shown_what_has_gone_by_then():
    """Which is decided one drain time before; and at the end itself once more."""
    shown = []

    def policy(view):
        shown.append(view)
        return [0]

    holds = chooser([still, still], [100, np.inf], asked=policy).play()
    assert [hold.target for hold in holds] == [0, 1]
    assert {tuple(view.names) for view in shown if view.t_s < 100} == {("s0", "s1")}
    at_end = [(view.names, view.current, [*view.load], [*view.leaving]) for view in shown if view.t_s == 100]
    assert at_end == [(["s1"], None, [0], [0]), (["s1"], 0, [1], [0])]


def test_a_policy_is_told_when_satellites_set_within_a_day_and_of_no_gateway_or_radio_that_is_not_there():
    shown = []

    def policy(view):
        shown.append(view)
        return [0]

    chooser([still] * 3, [400, AHEAD_S - 1, AHEAD_S], asked=policy).play()
    assert shown[0].sets_s.tolist() == [400, AHEAD_S - 1, np.inf]
    assert shown[0].gateway_km.tolist() == [0, 0, 0] and np.isnan(shown[0].c_n_db).all()


@pytest.mark.parametrize("crosses_s, first_s", [(10.2, 10.2), (10.0, 10.0), (10.8, 10.5), (11.4, 10.5)])
def test_the_first_of_several_that_are_nearer_within_a_second_counts(crosses_s, first_s):
    """One comes into view at 10.5 s and is nearer then; one that is seen all the time comes nearer."""
    away_km = [still, lambda t_s: 900, lambda t_s: 1000 - 10 * (t_s - crosses_s)]
    made = chooser(away_km, [200] * 3, starts_s=np.array([0, 10.5, 0]))
    hold = made.acquire(3, 0, 0.0)
    assert made.crossing(5.0, hold, 200) == pytest.approx(first_s, abs=1e-5)


def test_one_that_comes_into_view_after_a_minute_is_found_as_it_does():
    made = chooser([still, lambda t_s: 900], [200, 200], starts_s=np.array([0, 68.5]))
    assert made.crossing(5.0, made.acquire(2, 0, 0.0), 200) == pytest.approx(68.5)


def test_one_that_is_nearer_for_less_than_a_second_before_it_sets_is_not_looked_at():
    made = chooser([still, lambda t_s: 1000 - 10 * (t_s - 19.5)], [200, 20])
    assert made.crossing(5.0, made.acquire(2, 0, 0.0), 200) == np.inf


def test_a_view_that_ends_before_a_link_stood_for_a_drain_time_is_not_taken():
    made = chooser([still], [99.5 + DRAIN_S])
    assert [bool(made.can(t_s, 1, 0, t_s)) for t_s in (99.4, 99.5, 99.55)] == [True, False, False]


def test_a_link_is_set_up_from_its_decision_on_anew_each_time_and_there_from_the_start():
    made = chooser([still], [100], setup_s=(2.0, 5.0))
    setup_s = made.setup_s(1, 0)
    assert made.up_s(0.5, 1, 0, 0.5) == pytest.approx(0.5 + setup_s) and made.up_s(0, 1, 0, 0) == 0
    made.acquire(1, 0, 0.0)
    assert 2 <= setup_s <= 5 and 2 <= made.setup_s(1, 0) <= 5 and made.setup_s(1, 0) != setup_s


def test_who_has_found_no_successor_looks_again_and_at_the_end():
    made = chooser([still], [100])
    hold = made.acquire(1, 0, 0.0)
    assert [made.next_decision(t_s, 1, hold) for t_s in (50, 99.95)] == [pytest.approx(99.9), 100]


@pytest.mark.parametrize("hysteresis_km, order", [(40, [1, 0]), (60, [0])])
def test_one_50_km_nearer_is_wanted_if_that_is_beyond_the_hysteresis(hysteresis_km, order):
    made = chooser([still, lambda t_s: 950], [200, 200], hysteresis_km=hysteresis_km)
    assert made.order(5.0, 2, 5.0, made.acquire(2, 0, 0.0)) == order


def test_where_nothing_is_in_view_nobody_has_a_view():
    none = Intervals(np.array([], int), np.array([]), np.array([]))
    assert access.views(np.array([2]), np.array([0, 1]), none, 300.0) == {}


@pytest.mark.parametrize("t_s, asked, next_s", [
    (0, None, 10.3), (10.3, None, 11.3), (20, None, 21), (200, None, np.inf),
    (0, lambda view: [], 11), (10.3, lambda view: [], 11), (20, lambda view: [], 21),
])  # fmt: skip
def test_without_a_link_one_thinks_again_as_something_comes_into_view_and_each_second_from_then_on(
    t_s, asked, next_s
):
    made = chooser([still], [200], starts_s=10.3, asked=asked)
    assert made.next_decision(t_s, 1, None) == pytest.approx(next_s)


@pytest.mark.parametrize("rule, ahead_s", [
    ({}, DRAIN_S + 5), ({"terminals": 1}, 0), ({"terminals": 3, "links": 2}, DRAIN_S + 5),
    ({"terminals": 2, "links": 2}, 0), ({"policy": "slots", "slot_s": 15}, 0),
])  # fmt: skip
def test_a_successor_is_looked_for_as_long_before_the_end_as_it_may_take(rule, ahead_s):
    """With a terminal to spare, and not in slots; its set-up takes 2 to 5 s."""
    made = chooser([still], [200], setup_s=(2.0, 5.0), **rule)
    assert made.look_ahead_s(made.acquire(1, 0, 0.0)) == pytest.approx(200 - ahead_s)


@pytest.mark.parametrize("terminals", [1, 2])
def test_keep_holds_on_until_out_of_view(terminals):
    made = plan(policy="keep", terminals=terminals)
    mine, view = links_of(made), in_view(made)
    assert len(mine) > 3
    for row in mine.itertuples():
        assert row.end_s == pytest.approx(view_end(view, row.satellite, row.start_s), abs=1e-5)


def test_longest_takes_what_remains_longest():
    made = plan(policy="longest", terminals=1)
    mine, view = links_of(made), in_view(made)
    assert len(mine) < len(links_of(plan(policy="keep", terminals=1)))
    for row in mine[:-2].itertuples():
        at = row.start_s + 1e-3
        assert view_end(view, row.satellite, at) == max(
            view_end(view, s, at) for s in by_distance(made, view, at)
        )


ALTITUDES_KM = {"low": 1100, "middle": 8062, "high": 20_184}


@pytest.mark.parametrize("layer", ALTITUDES_KM)
def test_what_longest_takes_does_not_depend_on_how_long_the_run_is(layer):
    """Passes take from 15 minutes to 6 hours here, and runs end in the midst of them."""
    fields = {
        "name": "longest", "epoch": "2026-05-09T00:00:00Z", "duration_s": 7 * 3600,
        "layers": {"net": {"walker": f"56:24/3/1 at {ALTITUDES_KM[layer]} km"}},
        "stations": ["miyun", "Nairobi"], "links": {"radio": {"rate_mbps": 1, "min_elevation_deg": 5}},
        "access": [{"from": "ground", "to": "net", "link": "radio", "policy": "longest", "terminals": 1}],
    }  # fmt: skip
    whole = Plan.make(Scenario.model_validate(fields))
    names = np.array([link.name for link in whole.links])[whole.contacts["link"]]
    for duration_s in (60.0, 1000.0, 5000.0, 6 * 3600.0 + 7):
        short = Plan.make(Scenario.model_validate(fields | {"duration_s": duration_s}))
        begun = whole.contacts[whole.contacts["start_s"] < duration_s]
        assert [short.links[n].name for n in short.contacts["link"]] == list(names[begun.index])
        assert short.contacts["start_s"].to_numpy() == pytest.approx(begun["start_s"].to_numpy(), abs=1e-5)
        ends_s = np.minimum(begun["end_s"].to_numpy(), duration_s)
        assert short.contacts["end_s"].to_numpy() == pytest.approx(ends_s, abs=1e-5)


def test_the_longest_of_a_short_run_is_known_from_a_long_one():
    made, whole = (
        Plan.make(
            Scenario.model_validate(
                {
                    "name": "meo", "epoch": "2026-05-09T00:00:00Z", "duration_s": duration_s,
                    "layers": {"net": {"walker": "56:24/3/1 at 20184 km"}},
                    "stations": ["miyun"], "links": {"radio": {"rate_mbps": 1, "min_elevation_deg": 5}},
                    "access": [{"from": "ground", "to": "net", "link": "radio", "policy": policy}],
                }
            )
        )
        for duration_s, policy in ((60, "longest"), (86_400, "all"))
    )  # fmt: skip
    at_once = whole.contacts[whole.contacts["start_s"] == 0]
    (link,) = made.links
    assert link.name == whole.links[at_once.loc[at_once["end_s"].idxmax(), "link"]].name
    nearest = by_distance(whole, {n: [(0, 1)] for n in whole.network.ends[0][at_once["link"]]}, 0.0, "miyun")
    assert link.a != nearest[0]


def test_slots_decide_at_common_instants():
    made = plan(policy="slots", slot_s=15, stations=("one", "two"))
    for station in ("one", "two"):
        mine, view = links_of(made, station), in_view(made, station)
        assert len(mine) > 10
        assert (mine.start_s % 15 == 0).all()
        for row in mine.itertuples():
            assert row.satellite == by_distance(made, view, row.start_s, station)[0]


def test_what_is_in_view_at_the_start_is_acquired_and_later_links_are_set_up_first():
    made = plan((3.0, 9.0), policy="all")
    mine = links_of(made)
    seen = {(s, a): b for s, spans in in_view(made).items() for a, b in spans}
    took = {key: row.start_s - key[1] for row in mine.itertuples() for key in seen if key[0] == row.satellite
            and key[1] <= row.start_s < seen[key]}  # fmt: skip
    assert {took[key] for key in took if key[1] == 0} == {0.0}
    later = np.array([took[key] for key in took if key[1] > 0])
    assert later.min() >= 3
    assert later.max() <= 9
    assert later.std() > 1


def test_set_up_times_depend_on_the_seed_the_link_and_the_contact_alone():
    link = LinkClass(rate_mbps=1, setup_s=(12, 30))
    times = [access.setup_s(link, 1, "a--b", 0), access.setup_s(link, 2, "a--b", 0),
             access.setup_s(link, 1, "a--c", 0), access.setup_s(link, 1, "a--b", 1)]  # fmt: skip
    assert len(set(times)) == 4
    assert access.setup_s(link, 1, "a--b", 0) == times[0] == pytest.approx(25.4, abs=20)
    many = np.array([access.setup_s(link, 7, "a--b", n) for n in range(4000)])
    assert (many.min(), many.mean(), many.max()) == pytest.approx((12, 21, 30), abs=0.3)


def test_a_satellite_with_one_terminal_serves_one_station():
    made = plan(policy="nearest", stations=("one", "two", "three"), target_terminals=1)
    mine = made.contacts.assign(satellite=made.network.ends[0][made.contacts.link])
    for _, served in mine.sort_values("start_s").groupby("satellite"):
        assert (served.start_s.to_numpy()[1:] >= served.end_s.to_numpy()[:-1]).all()
    first = mine[mine.start_s == 0]
    assert len(first) == first.satellite.nunique() == 3


@pytest.mark.parametrize(
    "policy",
    ["nearest", "highest", "least-loaded", "longest", "keep", "slots", "shuffle", NEAREST],
)
def test_a_terminal_is_taken_while_a_link_is_set_up(policy):
    """Set-up takes 8 s here, so a link occupies a terminal at both ends from 8 s before it stands."""
    made = plan(
        8.0, policy=policy, stations=("one", "two", "three"), links=1, terminals=2, target_terminals=1
    )
    satellite, station = (ends[made.contacts.link] for ends in made.network.ends)
    taken_s = np.where(made.contacts.start_s > 0, made.contacts.start_s - 8, 0.0)
    end_s = made.contacts.end_s.to_numpy()
    for at in taken_s:
        now = (taken_s <= at + 1e-5) & (end_s > at + 1e-4)
        assert np.bincount(station[now]).max() <= 2
        assert np.bincount(satellite[now]).max() <= 1


SHELLS = {"low": "53:144/12/5 at 550 km", "middle": "70:96/8/3 at 570 km", "high": "55:24/3/1 at 8062 km"}


def over_shells(to, duration_s=2000.0, **rule):
    fields = {
        "name": "shells", "epoch": "2026-05-09T00:00:00Z", "duration_s": duration_s,
        "layers": {name: {"walker": walker} for name, walker in SHELLS.items()},
        "stations": ["miyun", "Sydney"], "links": {"radio": {"rate_mbps": 1, "min_elevation_deg": 5}},
        "access": [{"from": "ground", "to": to, "link": "radio", **rule}],
    }  # fmt: skip
    return Plan.make(Scenario.model_validate(fields))


@pytest.mark.parametrize("station", ["miyun", "Sydney"])
def test_of_several_layers_the_nearest_of_any(station):
    made = over_shells(["high", "low", "middle"], terminals=1)
    mine, view = links_of(made, station), in_view(made, station)
    assert {made.nodes[n].layer for n in mine.satellite} == {"low", "middle"}  # the third is never near
    for t in np.linspace(1, 1999, 97):
        now = mine[(mine.start_s <= t) & (mine.end_s > t)]
        seen = [s for s, spans in view.items() if any(a <= t < b for a, b in spans)]
        nearest = min(seen, key=lambda s: made.network.sky.distance_km(s, made.node(station), t))
        assert now.satellite.tolist() == [nearest]


def test_a_low_satellite_takes_over_from_a_high_one_as_it_comes_into_view_and_not_before():
    """570 km high, it is 1,200 km away then; lower than that it is nearer than 8,062 km, too."""
    made = over_shells(["high", "middle"], policy="nearest", terminals=1, min_elevation_deg=25)
    view, before, rises = in_view(made, "miyun", Conditions(min_elevation_deg=25)), "", 0
    for row in links_of(made, "miyun").itertuples():
        layer = made.nodes[row.satellite].layer
        if (before, layer) == ("high", "middle"):
            rises += 1
            assert min(abs(start_s - row.start_s) for start_s, _ in view[row.satellite]) < 1e-3
        before = layer
    assert rises > 1


def test_all_of_several_layers_are_the_links_of_each():
    whole = over_shells(list(SHELLS), policy="all")
    parts = [over_shells(name, policy="all") for name in SHELLS]
    assert len(whole.contacts) == sum(len(part.contacts) for part in parts)
    assert {link.name for link in whole.links} == {link.name for part in parts for link in part.links}


def test_of_several_layers_the_longest_of_any():
    """Nothing stays longer than the highest, at a quarter of the speed."""
    made = over_shells(list(SHELLS), policy="longest", terminals=1)
    assert {made.nodes[n].layer for n in links_of(made, "miyun").satellite} == {"high"}


@pytest.mark.parametrize("policy", ["nearest", "all"])
def test_terminals_of_satellites_count_in_every_layer(policy):
    made = over_shells(list(SHELLS), policy=policy, target_terminals=1, duration_s=60.0)
    ends = made.network.ends[0][made.contacts["link"]]
    assert len(set(ends)) == len(ends)


# -- slots that change the satellite ----------------------------------------------------------------


def test_shuffle_takes_another_satellite_in_each_slot():
    made = plan(policy="shuffle", slot_s=15, stations=("one", "two"))
    for station in ("one", "two"):
        mine, view = links_of(made, station), in_view(made, station)
        assert mine.start_s.tolist() == list(np.arange(0, DURATION_S, 15))
        assert (mine.satellite.to_numpy()[1:] != mine.satellite.to_numpy()[:-1]).all()
        for row in mine.itertuples():
            assert row.satellite in by_distance(made, view, row.start_s, station)


def test_shuffle_draws_anew_in_the_shortest_slots():
    """Of a dozen in view most have had their turn after a hundred."""
    made = over_shells(["low", "middle", "high"], policy="shuffle", slot_s=0.1, duration_s=10.0)
    seen = by_distance(made, in_view(made, "miyun"), 5.0, "miyun")
    assert len(set(links_of(made, "miyun").satellite)) > len(seen) / 2 > 3


def test_shuffle_has_no_favourites_and_follows_the_seed():
    made = plan(policy="shuffle", slot_s=1)
    mine, view = links_of(made), in_view(made)
    ranks = []
    for row in mine.itertuples():
        seen = by_distance(made, view, row.start_s)
        ranks.append(seen.index(row.satellite) / (len(seen) - 1))
    assert len(ranks) == 3000 and np.mean(ranks) == pytest.approx(0.5, abs=0.03)
    again = plan(policy="shuffle", slot_s=1)
    assert again.contacts.equals(made.contacts)
    other = Plan.make(made.scenario.with_({"seed": 2}))
    assert not other.contacts.equals(made.contacts)


def test_shuffle_keeps_what_is_alone_in_view():
    narrow = {ELEVATION: 60}
    mine = links_of(plan(policy="shuffle", slot_s=15, radio=narrow))
    view = in_view(plan(policy="all"), limits=Conditions(min_elevation_deg=60))
    alone = 0
    for t in np.arange(15.0, DURATION_S, 15):
        seen = [s for s, spans in view.items() if any(a <= t < b for a, b in spans)]
        before = [s for s, spans in view.items() if any(a <= t - 15 < b for a, b in spans)]
        if len(seen) == 1 and before == seen:
            now = mine[(mine.start_s <= t) & (mine.end_s > t)]
            alone += now.satellite.tolist() == seen and (now.start_s < t).all()
    assert alone > 5


# -- gateways -------------------------------------------------------------------------------------


def bent_pipe(policy="nearest", **rule):
    """A user between two gateways, 1,500 km from each, with other limits than theirs."""
    fields = {
        "name": "bent", "epoch": "2026-05-09T00:00:00Z", "duration_s": DURATION_S,
        "layers": {"net": {"walker": "60:144/12/5 at 1100 km"}},
        "stations": [
            {"name": "user", "lat_deg": 35, "lon_deg": 100}, {"name": "west", "lat_deg": 35, "lon_deg": 84},
            {"name": "east", "lat_deg": 35, "lon_deg": 116},
        ],
        "links": {"radio": {"rate_mbps": 1}},
        "access": [
            {"from": ["user"], "to": "net", "link": "radio", "policy": policy, "terminals": 1,
             "min_elevation_deg": 15, "gateways": ["west", "east"], **rule},
            {"from": ["west"], "to": "net", "link": "radio", "policy": "all", "min_elevation_deg": 10},
            {"from": ["east"], "to": "net", "link": "radio", "policy": "all", "min_elevation_deg": 30},
        ],
    }  # fmt: skip
    return Plan.make(Scenario.model_validate(fields))


LIMITS = {"user": 15, "west": 10, "east": 30}


def sums_km(made, t):
    """Of each satellite that the user and a gateway see, the way over it to the nearer gateway that does."""
    sky, satellites = made.network.sky, np.arange(144)
    nodes = {name: made.node(name) for name in LIMITS}
    views = {name: Conditions(min_elevation_deg=limit) for name, limit in LIMITS.items()}
    at = sky.position_km(satellites, t)
    sees = {
        name: visibility.margin_km(views[name], np.broadcast_to(sky.position_km(n, t), at.shape), at) > 0
        for name, n in nodes.items()
    }
    range_km = {name: sky.distance_km(n, satellites, t) for name, n in nodes.items()}
    beyond = np.minimum(*(np.where(sees[name], range_km[name], np.inf) for name in ("west", "east")))
    return np.where(sees["user"], range_km["user"] + beyond, np.inf)


def test_over_gateways_the_least_sum_of_both_ranges():
    made = bent_pipe()
    mine = links_of(made, "user")
    taken = 0
    for t in np.linspace(1, DURATION_S - 1, 397):
        sums = sums_km(made, t)
        now = mine[(mine.start_s <= t) & (mine.end_s > t)]
        if np.isinf(sums).all():
            assert now.empty
            continue
        assert sums[now.satellite].tolist() == pytest.approx([sums.min()], abs=1e-3)
        taken += 1
    assert taken > 300
    other = links_of(bent_pipe(gateways=[]), "user")
    assert not other.equals(mine)


def test_a_link_over_gateways_ends_with_the_view_of_either():
    made = bent_pipe(policy="keep")
    mine = links_of(made, "user")
    views = {name: in_view(made, name, Conditions(min_elevation_deg=limit)) for name, limit in LIMITS.items()}
    ended = {"user": 0, "west": 0, "east": 0}
    for row in mine[mine.end_s < DURATION_S].itertuples():
        ends = {
            name: [b for _, b in view[row.satellite] if b == pytest.approx(row.end_s, abs=1e-4)]
            for name, view in views.items()
        }
        assert any(ends.values())
        for name, there in ends.items():
            ended[name] += bool(there)
    assert ended["user"] and (ended["west"] or ended["east"])


def test_the_longest_over_gateways_does_not_depend_on_how_long_the_run_is():
    whole = bent_pipe(policy="longest")
    short = Plan.make(whole.scenario, duration_s=1234.5)
    begun = links_of(whole, "user")[lambda table: table.start_s < 1234.5]
    assert links_of(short, "user").satellite.tolist() == begun.satellite.tolist()
    assert not links_of(bent_pipe(policy="keep"), "user").equals(links_of(whole, "user"))


# -- policies in Python ---------------------------------------------------------------------------


@pytest.mark.parametrize("setup_s", [0.0, 4.0])
@pytest.mark.parametrize("terminals", [1, 2])
def test_nearest_in_python_is_nearest_at_the_same_instants(setup_s, terminals):
    code = plan(setup_s, policy=NEAREST, decision_s=15, terminals=terminals)
    assert code.contacts.equals(plan(setup_s, policy="slots", slot_s=15, terminals=terminals).contacts)
    assert len(code.contacts) > 10


def test_nearest_in_python_is_nearest_within_a_decision():
    code, refined = links_of(plan(policy=NEAREST)), links_of(plan(policy="nearest"))
    assert code.satellite.tolist() == refined.satellite.tolist()
    later_s = code.start_s[1:].to_numpy() - refined.start_s[1:].to_numpy()
    assert (later_s > -1e-5).all() and (later_s < 1 + 1e-5).all()


def test_over_gateways_python_is_given_both_ranges():
    least = written("least", "return np.argsort(view.range_km + view.gateway_km)")
    code, mine = (links_of(bent_pipe(policy, decision_s=1), "user") for policy in (least, "nearest"))
    assert code.satellite.tolist() == mine.satellite.tolist()


@pytest.mark.parametrize("terminals", [1, 2])
def test_one_that_keeps_what_it_has_is_keep(terminals):
    held = "return ([] if view.current is None else [view.current]) + list(np.argsort(view.range_km))"
    kept = links_of(plan(3.0, policy=written("kept", held), terminals=terminals))
    keep = links_of(plan(3.0, policy="keep", terminals=terminals))
    assert kept.satellite.tolist() == keep.satellite.tolist()
    assert kept.start_s.to_numpy() == pytest.approx(keep.start_s.to_numpy(), abs=1e-5)
    assert kept.end_s.to_numpy() == pytest.approx(keep.end_s.to_numpy(), abs=1e-5)


def test_what_it_does_not_name_it_does_not_have():
    """Names do as well as numbers. Only odd minutes, and only what is 30 deg high."""
    lines = (
        "high = view.elevation_deg > 30",
        "return [n for n, up in zip(view.names, high) if up and view.t_s // 60 % 2]",
    )
    made = plan(policy=written("odd", *lines), terminals=1)
    mine = links_of(made)
    assert len(mine) > 20
    assert (mine.start_s // 60 % 2 == 1).all() and (mine.end_s - mine.start_s <= 60).all()


def test_what_a_function_is_given_is_what_skyfield_sees(tmp_path):
    lines = (
        "rows = zip(view.names, view.elevation_deg, view.azimuth_deg, view.range_km, view.sets_s, view.load)",
        f"with open({str(tmp_path / 'seen')!r}, 'a') as out:",
        "    out.writelines(f'{view.t_s} {view.source} {view.current} ' + ' '.join(map(str, row)) + chr(10) for row in rows)",
        "return [0]",
    )
    made = plan(policy=written("noted", *lines), stations=("one", "two"), decision_s=60)
    view, ts = in_view(made), load.timescale(builtin=True)
    site, flying = wgs84.latlon(35, 100), {s.name: s for s in made.network.before_faults.motion.satellites}
    rows = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert {row[1] for row in rows} == {"one", "two"} and {row[2] for row in rows} >= {"None", "0"}
    assert {row[-1] for row in rows} >= {"0", "1"}
    for t_s, source, _, name, *values in rows[::7]:
        if source == "one":
            elevation, azimuth, range_km, sets_s, _ = map(float, values)
            craft = EarthSatellite.from_satrec(flying[name].satrec, ts)
            altitude, compass, distance = (craft - site).at(ts.utc(2026, 5, 9, 0, 0, float(t_s))).altaz()
            assert elevation == pytest.approx(altitude.degrees, abs=2e-3)
            assert (azimuth - compass.degrees + 180) % 360 == pytest.approx(180, abs=0.02)
            assert range_km == pytest.approx(distance.km, abs=0.01)
            end_s = view_end(view, made.node(name), float(t_s))
            if end_s < DURATION_S:
                assert sets_s == pytest.approx(end_s - float(t_s), abs=1e-4)
            else:
                assert sets_s > DURATION_S - float(t_s) - 1e-6


def test_what_it_decides_does_not_depend_on_how_long_the_run_is():
    last = written("last", "return np.argsort(-view.sets_s, kind='stable')")
    whole = plan(policy=last, decision_s=30)
    short = Plan.make(whole.scenario, duration_s=1234.5)
    begun = links_of(whole)[lambda table: table.start_s < 1234.5]
    assert links_of(short).satellite.tolist() == begun.satellite.tolist()
    assert links_of(short).start_s.to_numpy() == pytest.approx(begun.start_s.to_numpy(), abs=1e-5)


TEXT = """\
name: mine
epoch: 2026-05-09
duration_s: 300
layers: {l: {constellation: iridium-next}}
stations: [miyun]
access:
  - {from: ground, to: l, link: ka-user, policy: RULE}
"""


def parse(folder, rule):
    return file.parse(TEXT.replace("RULE", rule), "mine.yaml", folder)


def test_the_scenario_takes_the_code_along(tmp_path):
    (tmp_path / "rules.py").write_text(NEAREST["source"])
    scenario = parse(tmp_path, "rules.py:best")
    assert scenario.code == {"access[0]": "rules.py:best, as you, to plan"}
    (tmp_path / "rules.py").unlink()
    again = file.parse(scenario.dump(), "again.yaml", tmp_path / "elsewhere")
    assert again == scenario and again.plan_sha256 == scenario.plan_sha256
    made = Plan.make(again)
    made.save(tmp_path / "plan")
    assert Plan.load(tmp_path / "plan").scenario == scenario
    assert parse(tmp_path, "nearest").plan_sha256 != scenario.plan_sha256


@pytest.mark.parametrize(
    "lines, says",
    [
        (["return 1 / 0"], "rules.py, line 5, mine: ZeroDivisionError: division by zero."),
        (["return view.names["], "rules.py, line 5, mine: SyntaxError: '[' was never closed."),
        (["return None"], "rules.py, mine: it returned None at 0 s; it must return a list of names in view, or of numbers from 0 to "),
        (["return [99]"], "rules.py, mine: it returned [99] at 0 s; it must return a list of names in view, or of numbers from 0 to "),
        (["return [-1]"], "rules.py, mine: it returned [-1] at 0 s; it must "),
        (["return [0.0]"], "rules.py, mine: it returned [0.0] at 0 s; it must "),
        (["return [True]"], "rules.py, mine: it returned [True] at 0 s; it must "),
        (["return ['l-9-9']"], "rules.py, mine: it returned ['l-9-9'] at 0 s; it must "),
        (["return np.eye(2)"], "rules.py, mine: it returned [[1. 0.]"),
        (["return 'l-0-0'"], "rules.py, mine: it returned l-0-0 at 0 s; it must "),
    ],
)  # fmt: skip
def test_code_that_goes_wrong_is_told_in_a_sentence(lines, says, tmp_path):
    (tmp_path / "rules.py").write_text(written("mine", *lines)["source"])
    with pytest.raises(ScenarioError) as error:
        Plan.make(parse(tmp_path, "rules.py:mine"))
    assert str(error.value).startswith(f"mine.yaml, line 7: access[0].policy cannot be used: {says}")
    assert error.value.exit_code == 2 and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "rule, says",
    [
        ("rules.py:best", "line 7: rules.py: there is no such Python file."),
        ("rules.py", "line 7: access[0].policy is rules.py; it must be all, nearest, highest, strongest, least-loaded, longest, keep, slots or shuffle or "
         "FILE.py:function, a function in Python."),
        ("{file: x}", "line 7: access[0].policy is a mapping; it must be all, "),
        ("nearest, gateways: [sanya]", "line 7: access[0].gateways names sanya, but there is no such station (there are miyun)."),
        ("nearest, gateways: [miyun]", "line 7: access[0].gateways names miyun, which is one of `from`; a gateway is another "
         "station."),
        ("nearest, slot_s: 0", "line 7: access[0].slot_s is 0; it must be at least 0.01."),
        ("strongest", "line 7: access[0].policy is strongest, by the radio of what comes down, and link class ka-user has none."),
        ("nearest, hysteresis_deg: 2", "line 7: access[0].hysteresis_deg is of the policy highest; nearest has hysteresis_km."),
        ("highest, hysteresis_km: 2", "line 7: access[0].hysteresis_km is given, but highest does not go by range; leave it out."),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_told_by_its_line(rule, says, tmp_path):
    with pytest.raises(ScenarioError) as error:
        parse(tmp_path, rule)
    assert str(error.value).startswith(f"mine.yaml, {says}")


def test_a_gateway_without_a_link_of_its_own_is_told(tmp_path):
    text = TEXT.replace("[miyun]", "[miyun, sanya]").replace("from: ground", "from: [miyun]")
    with pytest.raises(ScenarioError) as error:
        file.parse(text.replace("RULE", "keep, gateways: [sanya]"), "mine.yaml", tmp_path)
    assert str(error.value) == (
        "mine.yaml, line 7: access[0].gateways names sanya, which no other rule links to l; give it one."
    )


def test_what_no_gateway_sees_is_no_candidate():
    made = bent_pipe(NEAREST)
    why = {one.peer: one.why for one in candidates.of(made.network, made.node("user"), 1000.0)}
    user = Conditions(min_elevation_deg=LIMITS["user"])
    seen = [s for s, spans in in_view(made, "user", user).items() if any(a <= 1000 < b for a, b in spans)]
    without = [s for s in seen if np.isinf(sums_km(made, 1000.0)[s])]
    assert without and [why[s] for s in without] == ["no gateway sees it"] * len(without)
    others = [why[s] for s in seen if s not in without and why[s].startswith("in sight")]
    assert others and all("user has its terminals on" in words for words in others)


@pytest.mark.parametrize("after_s, from_s, next_s", [
    (0, 0, 15), (14.9, 0, 15), (15, 0, 30), (15 - 1e-12, 0, 30), (0, 40, 45), (0, 45, 45), (50, 40, 60),
    (0, np.inf, np.inf), (15 - 1e-7, 0, 15), (0, 15 + 1e-7, 30),
])  # fmt: skip
def test_a_decision_is_at_the_next_multiple_of_its_step_and_not_before_there_is_one(after_s, from_s, next_s):
    assert access.tick(15.0, after_s, from_s) == next_s


def test_slots_may_be_shorter_than_a_second():
    assert access.tick(0.5, 0.0) == 0.5
