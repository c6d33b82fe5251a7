"""What is measured of a run, to the packet and at the edges of spans: on runs of a few rows."""

import numpy as np
import pandas as pd
import pytest
from pytest import approx

from skybed.analysis import run as runs
from skybed.analysis.measures import classes, delays, hand, losses, probed, sending, truth
from skybed.topologies.contacts.properties import Property
from skybed.topologies.model.tables import CHANGED
from support.tiny_sky import BOUND_US, PROBE, RADIO, S1_MIYUN, S2_MIYUN

ENDS = {"from": "Miyun", "to": "Sanya"}
UDP = ENDS | {"kind": "udp", "name": "u1", "rate_mbps": 4, "start_s": 5, "stop_s": 15}


@pytest.fixture
def quiet(builder):
    return builder(traffic=[])


def by_hand(made, *rows):
    """(t_s, property, value[, direction[, link[, by]]])"""
    full = [(*row, *("both", "s1--Miyun", "prompt")[len(row) - 3 :]) for row in rows]
    made.tables["changed"] = pd.DataFrame([
        dict.fromkeys(CHANGED.dtypes) | {
            "t_s": float(t_s), "link": link, "a": "s1", "b": "Miyun", "direction": direction,
            "property": what, "value": value, "by": by,
        }
        for t_s, what, value, direction, link, by in full
    ])[[*CHANGED.dtypes]].astype({"value": float})  # fmt: skip
    return made.told()


# -- by hand -----------------------------------------------------------------------------------------------


def test_a_property_is_held_from_its_first_value_until_it_is_released(quiet):
    run = by_hand(
        quiet, (5, "rate", 1), (6, "rate", 2), (9, "rate", np.nan), (20, "rate", 3), (30, "loss", 5, "there"),
        (33, "loss", np.nan, "there"),
    )  # fmt: skip
    rate, loss = (hand.held(run, what) for what in (Property.RATE, Property.LOSS))
    assert rate.of(S1_MIYUN) == [(5, 9), (20, np.inf)] and loss.of(S1_MIYUN) == [(30, 33)]
    assert hand.held(run, Property.RATE, Property.LOSS).of(S1_MIYUN) == [(5, 9), (20, np.inf)]
    assert len(hand.held(run, Property.DELAY).key) == 0


def test_each_direction_is_held_for_itself_and_what_was_never_held_is_not_released(quiet):
    run = by_hand(
        quiet, (2, "rate", np.nan), (5, "rate", 1, "there"), (7, "rate", 1, "back"),
        (8, "rate", np.nan, "there"), (10, "rate", np.nan, "back"), (12, "rate", 0, "both", "s2--Miyun"),
        (13, "rate", np.nan, "both", "s2--Miyun"),
    )  # fmt: skip
    held = hand.held(run, Property.RATE)
    assert held.of(S1_MIYUN) == [(5, 10)] and held.of(S2_MIYUN) == [(12, 13)]


@pytest.mark.parametrize("what", ["rate", "loss", "delay", "carrier", "silence"])
def test_a_packet_meets_what_is_held_a_second_before_and_two_after(quiet, what):
    run = by_hand(quiet, (10, what, 1), (12, what, np.nan))
    sent_s = np.array([8.99, 9.0, 11.0, 14.0, 14.01, 11.0, 11.0])
    path = np.array([0, 0, 0, 0, 0, 1, -1])
    met = hand.meets(run, sent_s, path, [{S1_MIYUN}, {S2_MIYUN}])
    judged = what in ("carrier", "silence")
    assert met.tolist() == [False, not judged, not judged, not judged, False, False, False]


def test_links_that_are_lost_by_hand_and_come_back(quiet):
    """s1 and Miyun are in contact from 0 to 30 s."""
    run = by_hand(
        quiet, (0, "carrier", 0), (5, "carrier", np.nan), (10, "silence", 1), (12, "silence", np.nan),
        (28, "carrier", 0), (40, "carrier", np.nan),
    )  # fmt: skip
    assert hand.lost_and_back(run) == [
        (5.0, "up", S1_MIYUN), (28.0, "down", S1_MIYUN), (10.0, "silence", S1_MIYUN),
        (12.0, "heal", S1_MIYUN),
    ]  # fmt: skip
    quiet.manifest["played_s"] = 10.0
    run = by_hand(quiet, (10, "silence", 1), (12, "silence", np.nan))
    assert hand.lost_and_back(run) == [(10.0, "silence", S1_MIYUN)]


def test_what_was_changed_is_told_and_noted(quiet):
    run = by_hand(
        quiet, (5, "rate", 1.5, "there"), (6, "carrier", 0, "back"),
        (7, "rate", np.nan, "there", "s1--Miyun", "script"),
    )  # fmt: skip
    assert [(row["t_s"], row["direction"], row["what"], row["by"]) for row in hand.told(run)] == [
        (5.0, "s1 to Miyun", "rate 1.5 Mbit/s", "prompt"), (6.0, "Miyun to s1", "down", "prompt"),
        (7.0, "s1 to Miyun", "rate as planned", "script"),
    ]  # fmt: skip
    (note,) = hand.notes(run)
    assert note.startswith("Properties of links were changed by hand, 2 at the prompt and 1 by the script;")
    del quiet.tables["changed"]
    assert hand.notes(quiet.told()) == [] and hand.told(quiet.told()) == []


# -- what was sent -----------------------------------------------------------------------------------------


def test_of_a_run_that_was_cut_short_only_what_was_sent_until_then_counts(builder):
    made = builder(traffic=[PROBE])
    for finished, played_s, sent in ((True, 12.0, 600), (False, 12.0, 120), (False, 12.05, 121)):
        made.manifest |= {"finished": finished, "played_s": played_s}
        assert [one.sent for one in sending.sending(made.told())] == [sent], played_s


def test_each_of_several_flows_is_due_by_its_own_place(builder):
    flows = [PROBE | {"name": name, "rate_hz": 0.01} for name in ("a", "b", "c")]
    made = builder(traffic=flows)
    assert [one.due for one in sending.sending(made.told())] == [1, 1, 0]


def test_nothing_may_be_missing_in_virtual_time(quiet):
    assert sending.missing_pct(quiet.told()) == 1
    quiet.manifest["clock"] = "virtual"
    assert sending.missing_pct(quiet.told()) == 0
    assert (
        sending.Sending("p1", "probes", 3, 5).missing == 2
        and sending.Sending("p1", "probes", 6, 5).missing == 0
    )


# -- losses ------------------------------------------------------------------------------------------------


def test_losses_of_probes_are_of_those_that_had_a_path_and_their_chance_is_that_of_four_links(builder):
    made = builder(links={"radio": RADIO | {"loss_pct": 2}})
    rows = made.tables["probes"]
    rows.loc[10:29, "lost"] = True
    rows.loc[300:304, "lost"] = False  # without a path
    (of,) = losses.losses(made.told())
    chance = 1 - 0.98**4
    assert (of.flow, of.what, of.n, of.lost, of.back) == ("p1", "probes", 600, 20, 5)
    assert of.by_links == approx(580 * chance) and of.variance == approx(580 * chance * (1 - chance))


def test_losses_of_a_stream_are_of_its_whole_seconds_with_a_way(builder):
    made = builder(traffic=[UDP | {"start_s": 25, "stop_s": 40}], links={"radio": RADIO | {"loss_pct": 2}})
    made.flow_rows("u1", "udp", 4.0)
    rows = made.tables["flows"]
    rows["sent_packets"], rows["lost_packets"] = 100, np.arange(15)
    (of,) = losses.losses(made.told())
    chance = 1 - 0.98**2
    with_way = [25, 26, 27, 28, *range(32, 40)]  # of the last before 30 s some come too late
    lost = sum(second - 25 for second in with_way)
    assert (of.flow, of.what) == ("u1", "packets")
    assert (of.n, of.lost) == (1200, lost)
    assert of.by_links == approx(of.n * chance) and of.variance == approx(of.n * chance * (1 - chance))


def test_a_stream_that_left_nothing_lost_nothing(builder):
    (of,) = losses.losses(builder(traffic=[UDP]).told())
    assert of == losses.Losses("u1", "packets", 0, 0, 0.0, 0.0)


@pytest.mark.parametrize("rate_mbps, judged", [(4, True), (8.5, True), (9.2, False), (12, False)])
def test_a_stream_that_may_fill_its_links_is_not_judged_by_what_it_lost(builder, rate_mbps, judged):
    """With headers a stream takes a tenth more than its rate; 0.9 of 10 Mbit/s may be full."""
    made = builder(traffic=[UDP | {"rate_mbps": rate_mbps}])
    made.flow_rows("u1", "udp", float(rate_mbps))
    (of,) = losses.losses(made.told())
    assert bool(of.n) is judged


# -- what links carried ------------------------------------------------------------------------------------


def test_a_stream_that_fills_a_link_shows_its_rate(builder):
    """10 Mbit/s with headers; the first second fills the queue, and the last is not whole."""
    flow = UDP | {"rate_mbps": 12, "start_s": 5, "stop_s": 25}
    made = builder(traffic=[flow])
    model = made.plan.scenario.flows[0]
    payload_mbps = 10 * model.size_bytes / model.wire_bytes
    made.flow_rows("u1", "udp", payload_mbps)
    (of,) = classes.carried(made.told())
    assert (of.link_class, of.way) == ("radio", "both") and of.bins == 17
    assert of.planned_mbit == approx(of.bins * payload_mbps, rel=1e-6)
    assert of.carried_mbit == approx(of.planned_mbit, rel=1e-5)
    assert of.bin_off_p95_pct == approx(0, abs=1e-3)
    assert of.waiting_mbit == approx(8e-6 * model.size_bytes)
    made.tables["flows"]["received_bytes"] = (made.tables["flows"]["received_bytes"] * 0.97).astype(int)
    (less,) = classes.carried(made.told())
    assert less.carried_mbit == approx(0.97 * of.planned_mbit, rel=1e-5)
    assert less.bin_off_p95_pct == approx(3, abs=1e-3)


@pytest.mark.parametrize("rate_mbps, filled", [(9.5, False), (10.0, True), (12, True)])
def test_who_sends_less_than_a_link_carries_shows_nothing_of_its_rate(builder, rate_mbps, filled):
    made = builder(traffic=[UDP | {"rate_mbps": rate_mbps}])
    made.flow_rows("u1", "udp", float(rate_mbps))
    assert bool(classes.carried(made.told())) is filled


def test_directions_that_are_not_alike_are_told_apart(builder):
    made = builder(traffic=[UDP | {"rate_mbps": 12}], links={"radio": RADIO | {"up": {"rate_mbps": 5}}})
    made.flow_rows("u1", "udp", 4.8)
    assert [(of.link_class, of.way) for of in classes.carried(made.told())] == [("radio", "up")]
    made = builder(traffic=[UDP | {"rate_mbps": 12}], links={"radio": RADIO | {"down": {"rate_mbps": 5}}})
    made.flow_rows("u1", "udp", 4.8)
    assert [(of.link_class, of.way) for of in classes.carried(made.told())] == [("radio", "down")]


def test_links_that_lose_packets_or_carry_others_show_nothing_of_their_rate(builder):
    for changes in (
        {"traffic": [UDP | {"rate_mbps": 12}], "links": {"radio": RADIO | {"loss_pct": 1}}},
        {
            "traffic": [
                UDP | {"rate_mbps": 12},
                UDP | {"name": "u2", "rate_mbps": 1, "start_s": 0, "stop_s": 60},
            ]
        },
    ):
        made = builder(**changes)
        made.flow_rows("u1", "udp", 9.0)
        assert classes.carried(made.told()) == []


def test_probes_that_links_lost_by_their_classes(builder):
    made = builder(links={"radio": RADIO | {"loss_pct": 2}})
    made.tables["probes"].loc[5:9, "lost"] = True
    (row,) = classes.lost(made.told()).to_dict("records")
    chance = 1 - 0.98**4
    assert (row["classes"], row["packets"], row["lost"]) == ("radio", 580, 5)
    assert row["by_links"] == approx(580 * chance) and row["variance"] == approx(580 * chance * (1 - chance))
    assert classes.lost(builder().told()).empty


def test_probes_under_jitter_are_late_on_average(builder):
    """Two links of 5 ms each on the way there, evenly spread."""
    jitter = RADIO | {"jitter_ms": 5}
    made = builder(links={"radio": jitter})
    found = truth.probes(made.told())
    arrived = found["owd_us"].notna()
    assert found["jitter_us"][arrived].to_numpy() == approx(found["jitter_us"].iloc[0])
    made.tables["probes"]["owd_us"] += 300.0
    made.tables["probes"].loc[3, "owd_us"] -= 40.0
    (late,) = classes.late(made.told())
    assert (late.flow, late.n) == ("p1", int(arrived.sum()))
    assert late.meant_us == approx(found["jitter_us"].iloc[0])
    off_us = (made.tables["probes"]["owd_us"] - found["true_owd_us"]).dropna()
    assert late.mean_us == approx(late.meant_us + off_us.mean())
    assert late.least_us == approx((off_us + late.meant_us).min())
    assert late.error_us == approx(found["jitter_deviation_us"].iloc[0] / np.sqrt(late.n))
    assert found["error_us"].isna().all() and found["owd_error_us"].isna().all()


def test_what_is_spread_evenly_over_twice_its_mean_deviates_by_that_over_the_root_of_three(builder):
    made = builder(links={"radio": RADIO | {"jitter_ms": 5, "jitter": "uniform"}})
    found = truth.probes(made.told())
    assert found["jitter_us"].iloc[0] == approx(2 * 5000)
    assert found["jitter_deviation_us"].iloc[0] == approx(np.sqrt(2) * 5000 / np.sqrt(3), rel=1e-3)


# -- delays that links had ---------------------------------------------------------------------------------


def applied(made, *events, link="s1--Miyun"):
    """(t_s, kind, delay_us, late_us)"""
    rows = pd.DataFrame(events, columns=["t_s", "kind", "delay_us", "late_us"])
    applied_s = rows["t_s"] + rows["late_us"] * 1e-6
    made.tables["applied"] = rows.assign(event=rows.index, link=link, applied_s=applied_s, slope_us_s=0.0)
    return made.told()


def test_a_value_holds_until_the_next_is_applied_and_none_for_no_time(quiet):
    run = applied(
        quiet, (0.0, "up", 9000.0, 0.0), (4.0, "delay", 8000.0, 1e6), (5.0, "delay", 7000.0, 0.0),
        (7.0, "down", np.nan, 2e6),
    )  # fmt: skip
    assert delays.segments(run).to_dict("records") == [
        {"link": "s1--Miyun", "start_s": start_s, "end_s": end_s, "delay_us": delay_us, "slope_us_s": 0.0,
         "since_s": since_s, "due_s": due_s, "late_us": late_us}
        for start_s, end_s, delay_us, since_s, due_s, late_us in (
            (0.0, 5.0, 9000.0, 0.0, 4.0, 1e6), (5.0, 7.0, 7000.0, 5.0, 7.0, 0.0),
        )
    ]  # fmt: skip
    assert delays.compare(run)["t_s"].tolist() == [*range(6), 5, 6, 7]


@pytest.mark.parametrize(
    "link, name, moves_us_s", [(S1_MIYUN, "s1--Miyun", 13), (S2_MIYUN, "s2--Miyun", -13)]
)
def test_a_late_event_allows_what_the_delay_moves_meanwhile(quiet, link, name, moves_us_s):
    """Whichever way it moves, and also just after the run began."""
    run = applied(quiet, (0.0, "up", 9000.0, 0.0), (0.3, "delay", 8990.0, 2e5), link=name)
    exactly_us_s = 1e6 * (run.plan.delay_s(link, 0.5) - run.plan.delay_s(link, 0.4)) / 0.1
    assert exactly_us_s == approx(moves_us_s, abs=0.5)
    looks = delays.compare(run)
    late = looks["t_s"] == 0.5
    assert looks["allowed_us"][late].iloc[0] == approx(BOUND_US + 0.2 * abs(exactly_us_s), rel=1e-6)
    assert (looks["allowed_us"][~late] == BOUND_US).all()


# -- what probes came to -----------------------------------------------------------------------------------


def test_errors_and_ratios_are_told_of_each_flow_and_of_all_together(builder):
    """Of 580 probes of p1 and 29 of p2 each; those of p1 came back 40 us too soon."""
    made = builder(traffic=[PROBE, PROBE | {"name": "p2", "rate_hz": 0.5}])
    rows = made.tables["probes"]
    rows.loc[rows["flow"] == "p1", ["rtt_us", "owd_us", "owd_back_us"]] -= [80.0, 40.0, 40.0]
    found = probed.of_run(made.told())
    assert [(name, of.errors.n, of.stretch.n) for name, of in found.flows.items()] == [
        ("p1", 580, 580), ("p2", 29, 29),
    ]  # fmt: skip
    for errors in (*(of.errors for of in found.flows.values()), found.rtt_errors):
        assert errors[1:] == approx((40, 40, 40), abs=1e-3)
    assert (found.rtt_errors.n, found.owd_errors.n, found.stretch.n) == (609, 2 * 609, 609)
    assert found.owd_errors[1:] == approx((20, 20, 20), abs=1e-3)
    assert found.flows["p1"].stretch.p50 < 1 < found.flows["p2"].stretch.p50


def test_only_probes_that_met_jitter_and_arrived_are_late(builder):
    """Half a microsecond of jitter is enough."""
    assert probed.of_run(builder().told()).flows["p1"].late is None
    made = builder(links={"radio": RADIO | {"up": {"jitter_ms": [[0, 0], [10, 0.0005]]}}})
    made.tables["probes"].loc[200:209, ["owd_us", "rtt_us", "lost"]] = [np.nan, np.nan, True]
    late = probed.of_run(made.told()).flows["p1"].late
    assert (late.n, late.meant_us) == (480 - 10, approx(0.5)) and late.mean_us == approx(20 + 0.5, abs=1e-3)


def test_the_earliest_of_a_long_run_is_that_of_all_its_pieces(builder, monkeypatch):
    made = builder(links={"radio": RADIO | {"up": {"jitter_ms": 3}}})
    made.tables["probes"].loc[150, "owd_us"] -= 500.0
    for module in (runs, truth):
        monkeypatch.setattr(module, "PIECE_ROWS", 100)
    late = probed.of_run(made.load()).flows["p1"].late
    assert (late.n, late.least_us) == (580, approx(3000 + 20 - 500, abs=1e-3))


# -- ways against the oracle's -----------------------------------------------------------------------------


def test_a_way_is_stretched_against_the_oracle_s_where_both_are_known_and_nothing_else_goes():
    told = pd.DataFrame({
        "rtt_us": [110.0, 200.0, np.nan, 50.0, 90.0], "oracle_rtt_us": [100.0, 100.0, 100.0, np.nan, 100.0],
        "loaded": [False, True, False, False, False],
    })  # fmt: skip
    assert probed.ratios(told).tolist() == [1.1, 0.9]


def test_a_way_is_long_beyond_a_twentieth():
    with probed.Ratios() as ratios:
        ratios.add([1.0, 1.05, 1.06, 2.0])
        ratios.add([1.05])
        assert (ratios.stretch.n, ratios.stretch.above_pct) == (5, 40.0)
    with probed.Ratios() as none:
        assert none.stretch.n == 0 and np.isnan(none.stretch.above_pct)
