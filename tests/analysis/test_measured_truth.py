"""What each probe should have measured, worked out by hand, mostly over lines on the ground."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pytest import approx

from skybed.analysis import run as runs
from skybed.analysis.measures import truth
from skybed.analysis.run import PIECE_ROWS
from skybed.topologies.contacts.values import EDGE_S
from skybed.topologies.errors import RunError
from skybed.topologies.model.tables import CHANGED
from support.tiny_sky import PROBE, RADIO, TINY, WIRE_US, Builder, plan_of

US_PER_DEG = 1e6 * math.radians(1) * 6371 * 1.4 * 1.47 / 299_792.458  # of a line along the equator
LINE = {"rate_mbps": 10}
ROW = {"a": (0, 0), "b": (0, 5), "c": (0, 10), "d": (0, 15)}  # lat, lon
HOP_US = 5 * US_PER_DEG  # between two of the row
SQUARE = {"a": (0, 0), "b": (0, 20), "c": (8, 10), "d": (-8, 10)}  # from a to b it is as far by c as by d


@pytest.fixture
def lines(tmp_path):
    """Makes a Builder on stations and lines between them, by their class; probes go from `a` to the last."""

    def make(places, classes, target, **changes):
        fields = TINY | {
            "layers": {"geo": {"geostationary": {"longitudes_deg": [110]}}},
            "stations": [{"name": n, "lat_deg": lat, "lon_deg": lon} for n, (lat, lon) in places.items()],
            "links": {name: LINE | of for name, of in classes.items()},
            "fibre": [{"a": a, "b": b, "link": name} for name in classes for a, b in changes.pop(name)],
            "traffic": [PROBE | {"from": "a", "to": target}],
            "access": [],
        }
        return Builder(tmp_path / "run", plan_of(fields | changes))

    return make


def sent(made, *sent_s):
    """The truth of probes of these times, in this order."""
    made.tables["probes"] = made.tables["probes"].iloc[: len(sent_s)].assign(sent_s=np.array(sent_s, float))
    return truth.probes(made.told())


# -- along a way -------------------------------------------------------------------------------------------


def test_probes_are_held_to_the_way_there_and_the_way_back(builder):
    made = builder()
    found = truth.probes(made.told())
    gone = found["sent_s"].between(30, 31.95)
    assert found["expected_lost"].tolist() == gone.tolist()
    assert (found["true_rtt_us"] - found["true_owd_us"] - found["true_owd_back_us"]).abs().max() < 1e-6
    arrived = ~found["expected_lost"]
    assert found["error_us"][arrived].to_numpy() == approx(40, abs=1e-3)
    assert found["owd_error_us"][arrived].to_numpy() == approx(20, abs=1e-3)
    assert found["owd_back_error_us"][arrived].to_numpy() == approx(20, abs=1e-3)
    assert found["path"][arrived].isin(["Miyun > s1 > Sanya", "Miyun > s2 > Sanya"]).all()
    assert (found["path"][~arrived] == "").all() and (found["losing"] == "").all()
    assert found["loss_probability"][arrived].to_numpy() == approx(0) and found["known"].all()
    assert found["oracle_rtt_us"].equals(found["true_rtt_us"])


def test_a_run_without_probes_has_the_columns_all_the_same(builder):
    full, none = truth.probes(builder().told()), truth.probes(builder(traffic=[]).told())
    assert none.empty and [*none.columns] == [*full.columns]


def test_probes_of_a_flow_that_the_scenario_does_not_have_are_an_error(builder):
    made = builder()
    made.tables["probes"]["flow"] = "p9"
    with pytest.raises(RunError, match="holds p9, no probe flow of the scenario"):
        truth.probes(made.told())


def test_flows_come_in_the_order_of_the_table_and_then_those_without_rows(builder):
    made = builder(traffic=[PROBE | {"name": name} for name in ("p1", "p2", "p3")])
    rows = made.tables["probes"]
    made.tables["probes"] = pd.concat([rows[rows["flow"] == "p3"], rows[rows["flow"] == "p2"]])
    assert [flow.name for flow in truth.flows(made.told())] == ["p3", "p2", "p1"]


def test_with_srv6_a_probe_is_longer_on_the_wire_by_a_header_and_two_segments(builder):
    """40 bytes of IPv6, 8 of the routing header and 16 for each of two links: 64 us at 10 Mbit/s on each."""
    plain, longer = (
        sent(builder(routing={"protocol": name, "drain_ms": 0}), 5) for name in ("oracle", "srv6")
    )
    for name, links in (("true_owd_us", 2), ("true_owd_back_us", 2), ("true_rtt_us", 4)):
        assert (longer[name] - plain[name]).to_numpy() == approx(64 * links, abs=0.1)


# -- classes that lose -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["up", "down", "both"])
def test_the_classes_that_lose_on_either_way_are_named(builder, way):
    lossy = RADIO | ({"loss_pct": 1} if way == "both" else {way: {"loss_pct": 1}})
    found = truth.probes(builder(links={"radio": lossy}).told())
    arrived = ~found["expected_lost"]
    assert (found["losing"] == np.where(arrived, "radio", "")).all()
    assert found["loss_probability"][arrived].to_numpy() == approx(1 - 0.99 ** (4 if way == "both" else 2))


def test_classes_that_lose_are_named_as_packets_cross_them_there_and_answers_back(lines):
    """The first line loses what goes there; the last, from 10 s on, what comes back: answers are sent 3 hops
    after the probes, 11.7 ms.
    """
    classes = {
        "west": {"up": {"loss_pct": 2}}, "mid": {}, "east": {"down": {"loss_pct": [[0, 0], [10, 5]]}},
    }  # fmt: skip
    made = lines(ROW, classes, "d", west=["ab"], mid=["bc"], east=["cd"])
    there_s = 3e-6 * (HOP_US + WIRE_US)
    found = sent(made, 5, 10 - there_s - 1e-4, 10 - there_s + 1e-4, 20)
    assert found["true_owd_us"].to_numpy() == approx(1e6 * there_s, abs=0.01)
    assert found["losing"].tolist() == ["west", "west", "east + west", "east + west"]
    assert found["loss_probability"].to_numpy() == approx([0.02, 0.02, 1 - 0.98 * 0.95, 1 - 0.98 * 0.95])


# -- chance ------------------------------------------------------------------------------------------------


def test_half_a_microsecond_of_jitter_is_chance_too():
    chance = truth.Chance(np.array([0.0, 0.5, np.nan, 3.0]), np.zeros(4))
    assert chance.some.tolist() == [False, True, True, True]


def test_jitter_adds_up_along_the_way_and_its_variance_does(lines):
    """Uniform jitter deviates by its mean over the root of three; from 10 s on 3 and 4 ms are 5 together."""
    classes = {
        "one": {"up": {"jitter_ms": 3}, "jitter": "uniform"},
        "two": {"up": {"jitter_ms": [[0, 0], [10, 4]]}, "jitter": "uniform"},
    }
    found = sent(lines(ROW, classes, "c", one=["ab"], two=["bc"]), 5, 15)
    assert found["jitter_us"].tolist() == [3000, 7000]
    assert found["jitter_deviation_us"].to_numpy() == approx(np.array([3000, 5000]) / np.sqrt(3), rel=1e-5)
    still_us = 2 * (HOP_US + WIRE_US)
    assert found["true_owd_us"].to_numpy() == approx(still_us + np.array([3000, 7000]), abs=0.01)
    assert found["true_owd_back_us"].to_numpy() == approx(still_us, abs=0.01)


def test_what_chance_adds_there_takes_nothing_from_what_is_known_of_the_way_back(lines):
    for way, there, back in (("up", True, False), ("down", False, True)):
        made = lines(ROW, {"one": {way: {"jitter_ms": 3}}}, "b", one=["ab"])
        found = sent(made, 5)
        names = ["error_us", "owd_error_us", "owd_back_error_us"]
        assert found[names].isna().to_numpy().tolist() == [[True, there, back]]
        assert found["jitter_us"].tolist() == [3000 * there]


def test_who_may_wait_for_packets_before_it_is_left_to_chance(lines):
    """On the second line a delay falls by 5 ms at 10 s there, and rises at 20 s back. Who enters within
    0.2 ms of a change may be on either side of it; where a delay falls, that lasts 5 ms longer.
    """
    second = {
        "up": {"extra_delay_ms": [[0, 8], [10, 3]]}, "down": {"extra_delay_ms": [[0, 0], [20, 2]]}
    }  # fmt: skip
    made = lines(ROW, {"one": {}, "two": second}, "c", one=["ab"], two=["bc"])
    hop_s, back_s = 1e-6 * HOP_US, 1e-6 * (2 * HOP_US + 2 * WIRE_US + 3000)
    enters_s = [5, 9.9997, 9.9999, 10.0051, 10.0053, 15]
    answers_s = [19.9997, 19.9999, 20.0001, 20.0003]
    found = sent(made, *(np.array(enters_s) - hop_s), *(np.array(answers_s) - back_s))
    waits, comes_back = [False, False, True, True, False, False], [False, True, True, False]
    assert found["jitter_us"].isna().tolist() == [*waits, *[False] * 4]
    assert found["jitter_us"].dropna().tolist() == [0] * 8
    assert found["owd_error_us"].isna().tolist() == [*waits, *[False] * 4]
    assert found["owd_back_error_us"].isna().tolist() == [*[False] * 6, *comes_back]
    assert found["error_us"].isna().tolist() == [*waits, *comes_back]


def test_who_enters_as_nobody_waits_any_more_does_not_wait(lines):
    made = lines(ROW, {"one": {"extra_delay_ms": [[0, 8], [10, 3]]}}, "b", one=["ab"])
    end_s = 10 + EDGE_S + 0.005
    assert sent(made, np.nextafter(end_s, 0), end_s)["jitter_us"].isna().tolist() == [True, False]


# -- by tables that were recorded --------------------------------------------------------------------------


def recorded(made, *changes):
    """(applied_s, next hop of a towards b); all else goes by c, from the first tables on."""
    first = [(-1.0, *ends) for ends in ("cbb", "dbb", "bac", "caa", "daa")]
    rows = [*first, *((t_s, "a", "b", via) for t_s, via in changes)]
    table = pd.DataFrame(rows, columns=["applied_s", "node", "dst", "via"])
    made.tables["routes"] = table.assign(t_s=np.nan, family="both")


def square(lines, **routing):
    """Half a microsecond further by d."""
    classes = {"line": {}, "longer": {"fixed_delay_ms": 0.0005}}
    return lines(SQUARE, classes, "b", line=["ac", "cb", "db"], longer=["ad"], routing=routing)


def test_a_way_is_known_where_all_readings_of_the_tables_agree_and_the_oracle_s_is_another(lines):
    """Changes may be noted 10 ms late, and of two equal next hops nobody knows which is taken."""
    made = square(lines, protocol="ospf")
    recorded(made, (-1.0, "c"), (10.0, "d"), (20.0, "c d"), (30.0, None), (40.0, "c"))
    found = sent(made, 5, 9.98, 9.995, 10.1, 19.98, 19.995, 20.1, 30.1, 40.1)
    by_c, by_d, nobody = "a > c > b", "a > d > b", ""
    assert found["path"].tolist() == [by_c, by_c, by_c, by_d, by_d, by_d, by_c, nobody, by_c]
    assert found["known"].tolist() == [True, True, False, True, True, False, False, True, True]
    assert found["expected_lost"].tolist() == [False] * 7 + [True, False]
    cosine = math.cos(math.radians(8)) * math.cos(math.radians(10))
    there_us = 2 * (math.degrees(math.acos(cosine)) * US_PER_DEG + WIRE_US)
    nan = np.nan
    further_us = np.array([0, 0, nan, 0.5, 0.5, nan, nan, nan, 0])
    assert found["true_rtt_us"].to_numpy() == approx(2 * there_us + further_us, abs=0.01, nan_ok=True)
    assert found["true_owd_us"].to_numpy() == approx(there_us + further_us, abs=0.01, nan_ok=True)
    assert found["oracle_rtt_us"].to_numpy() == approx(2 * there_us, abs=0.01)


def test_around_a_link_that_is_held_down_the_oracle_s_way_is_the_one_it_leads(lines):
    made = square(lines)
    held = {"t_s": 10.0, "link": "a--c", "a": "a", "b": "c", "direction": "both", "property": "carrier"}
    row = dict.fromkeys(CHANGED.dtypes) | held | {"value": 0.0, "by": "prompt"}
    made.tables["changed"] = pd.DataFrame([row])[[*CHANGED.dtypes]]
    recorded(made, (-1.0, "c"), (10.0, "d"))
    made.tables["routes"].loc[len(made.tables["routes"])] = [10.0, "b", "a", "d", np.nan, "both"]
    found = sent(made, 5, 15)
    assert found["path"].tolist() == ["a > c > b", "a > d > b"] and found["known"].all()
    assert np.diff(found["true_rtt_us"]) == approx([1.0], abs=1e-3)
    assert found["oracle_rtt_us"].equals(found["true_rtt_us"])


# -- of long runs ------------------------------------------------------------------------------------------


@pytest.fixture
def long_run(builder, monkeypatch):
    """600 probes of one flow and then 60 of another, of which 100 are held at once; and all their truth."""
    made = builder(traffic=[PROBE, PROBE | {"name": "p2", "rate_hz": 1}])
    every = truth.probes(made.told()).set_index(["flow", "seq"])
    for module in (runs, truth):
        monkeypatch.setattr(module, "PIECE_ROWS", 100)
    return made.load(), every


def true_of(every, rows):
    """Whether rows have the truth that all have."""
    own = every.loc[[*zip(rows["flow"].astype(str), rows["seq"], strict=True)]]
    same = np.array_equal(own["true_rtt_us"], rows["true_rtt_us"], equal_nan=True)
    return same and own["path"].tolist() == rows["path"].tolist()


def test_a_long_run_is_gone_through_piece_by_piece(long_run):
    run, every = long_run
    pieces = {flow.name: [*truth.pieces(run, flow)] for flow in truth.flows(run)}
    assert {name: [len(rows) for rows in of if len(rows)] for name, of in pieces.items()} == {
        "p1": [100] * 6, "p2": [60],
    }  # fmt: skip
    whole = pd.concat([rows for of in pieces.values() for rows in of])
    assert whole["seq"].tolist() == [*range(600), *range(60)] and true_of(every, whole)


def test_a_figure_of_a_long_run_shows_one_probe_of_seven_of_each_piece(long_run):
    run, every = long_run
    shown = truth.thinned(run)
    assert truth.shown_of(run) == 7  # 660 rows are more than six pieces
    of_first = [seq for piece in range(0, 600, 100) for seq in range(piece, piece + 100, 7)]
    assert shown["seq"].tolist() == [*of_first, *range(0, 60, 7)] and true_of(every, shown)
    assert shown["flow"].tolist() == ["p1"] * 90 + ["p2"] * 9 and [*shown.index] == [*range(99)]


def test_a_figure_of_a_run_that_is_not_long_shows_all_probes_and_works_nothing_out_again(
    builder, monkeypatch
):
    run = builder().told()
    every = truth.probes(run)
    monkeypatch.setattr(truth, "one_way", None)
    assert truth.thinned(run).equals(every) and len(every) == 600


@pytest.mark.parametrize("rows, every", [(1, 1), (3 * PIECE_ROWS, 3), (3 * PIECE_ROWS + 1, 4)])
def test_of_a_long_run_so_many_probes_are_shown_as_one_piece_has(rows, every):
    run = SimpleNamespace(long=lambda name: rows > PIECE_ROWS, length=lambda name: rows)
    assert truth.shown_of(run) == every


def test_of_what_is_in_memory_already_all_is_shown():
    run = SimpleNamespace(long=lambda name: False, length=lambda name: 3 * PIECE_ROWS)
    assert truth.shown_of(run) == 1
