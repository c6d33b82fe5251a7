"""What is said of traffic exactly at a limit, and what the network may be the reason for."""

import numpy as np
import pandas as pd
import pytest
from pytest import approx

from skybed.analysis.measures import loads, losses, truth
from skybed.analysis.measures.losses import Losses
from skybed.analysis.measures.sending import Sending, sending
from skybed.analysis.verdict import traffic
from skybed.topologies.model.tables import CHANGED
from support.tiny_sky import PROBE, RADIO, TINY

ENDS = {"from": "Miyun", "to": "Sanya"}
UDP = ENDS | {"kind": "udp", "name": "u1", "rate_mbps": 4, "start_s": 5, "stop_s": 15}
TCP = ENDS | {"kind": "tcp", "name": "c1", "start_s": 5, "stop_s": 25}
BOTH = {
    "access": [{"from": "ground", "to": "leo", "link": "radio", "policy": "all"}]
}  # both satellites, always


def before_the_turn_s(builder):
    """What Miyun sends then goes over s1, and is answered over s2."""
    plan = builder(traffic=[], **BOTH).plan
    at_s = np.arange(0.0, 59.0, 0.001)
    _, path, paths = plan.trace("Miyun", "Sanya", at_s)
    over_s2 = np.array([plan.node("s2") in paths[number] for number in path])
    return round(float(at_s[over_s2.argmax()]) - 0.0095, 4)


def transfer(made, seconds=20, of="c1"):
    """It sends in the first so many seconds."""
    made.flow_rows(of, "tcp", 4.0)
    rows = made.tables["flows"]
    first_s = rows.loc[rows["flow"] == of, "start_s"].min()
    made.tables["flows"] = rows[(rows["flow"] != of) | (rows["start_s"] < first_s + seconds)]
    return made


def whys(made):
    """By the flows that fell short: the network's reason, "" where it has none."""
    run = made.told()
    return {short.sending.flow: short.why for short in traffic.shortfalls(run, sending(run))}


def by_hand(made, *rows):
    """(t_s, property, value) of s1--Miyun, in both directions."""
    made.tables["changed"] = pd.DataFrame([
        dict.fromkeys(CHANGED.dtypes) | {
            "t_s": t_s, "link": "s1--Miyun", "a": "s1", "b": "Miyun", "direction": "both", "property": what,
            "value": value, "by": "prompt",
        }
        for t_s, what, value in rows
    ])[[*CHANGED.dtypes]].astype({"value": float})  # fmt: skip


# -- what fell short ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent, short", [(1000, 0), (990, 0), (989, 1), (0, 1)])
def test_as_much_may_be_missing_as_the_limit_says(builder, sent, short):
    run = builder(traffic=[]).told()
    found = traffic.shortfalls(run, [Sending("p1", "probes", sent, 1000)])
    assert len(found) == short and all(why == "" for _, why in found)
    said = traffic.reasons(run, found)
    assert len(said) == short
    if sent == 989:
        assert said == ["p1 sent 989 of the 1000 probes that were due, 1.1 % too few; the limit is 1 %."]
    (most,) = traffic.reasons(run, traffic.shortfalls(run, [Sending("p1", "probes", 200, 1000)]))
    assert most == "p1 sent 200 of the 1000 probes that were due, 80 % too few; the limit is 1 %."
    if not sent:
        assert said == ["The flow p1 left no measurement; see traffic.log."]


def test_a_transfer_on_a_good_way_has_no_excuse(builder):
    made = transfer(builder(traffic=[TCP]), 12)
    assert whys(made) == {"c1": ""}
    run = made.told()
    short = traffic.shortfalls(run, sending(run))
    assert traffic.notes(run, short) == [] and len(traffic.reasons(run, short)) == 1


def test_a_way_back_that_is_gone_is_a_reason_too(builder):
    """A packet of 29.98 s arrives before 30 s, and its answer does not."""
    made = transfer(builder(traffic=[TCP | {"stop_s": 29.98}]), 12)
    assert whys(made) == {"c1": "no path back stood all the time"}
    made = transfer(builder(traffic=[TCP | {"stop_s": 29.9}]), 12)
    assert whys(made) == {"c1": ""}
    made = transfer(builder(traffic=[TCP | {"stop_s": 30}]), 12)
    assert whys(made) == {"c1": "no path stood all the time"}


def test_a_path_that_is_gone_in_the_middle_is_a_reason(builder):
    """From 30 s to 32 s; the transfer lacks half a second of ten."""
    made = transfer(builder(traffic=[TCP | {"start_s": 25, "stop_s": 35}]))
    made.tables["flows"].loc[made.tables["flows"].index[5], "end_s"] -= 0.5
    assert whys(made) == {"c1": "no path stood all the time"}
    made = transfer(builder(traffic=[TCP | {"start_s": 20, "stop_s": 29.98}]))
    made.tables["flows"].loc[made.tables["flows"].index[5], "end_s"] -= 0.5
    assert whys(made) == {"c1": "no path back stood all the time"}


def test_the_longest_round_trip_of_its_time_is_what_it_may_take_to_connect(builder):
    """It changes by some hundredths from 5 s to 25 s."""
    found = truth.probes(builder(traffic=[PROBE | {"start_s": 5, "stop_s": 25}]).told())
    longest_s, shortest_s = (
        (found["true_rtt_us"].agg(which) - 4 * 84.8) / 1e6 for which in ("max", "min")
    )  # fmt: skip
    assert 1.1 * shortest_s < 1.09 * longest_s
    for part, short in ((1.09, False), (1.15, True)):
        made = transfer(builder(traffic=[TCP]))
        made.manifest["clock"] = "virtual"
        rows = made.tables["flows"].reset_index(drop=True)
        idle = rows[:1].assign(end_s=5 + part * longest_s, rtt_us=np.nan, sent_bytes=0, received_bytes=0)
        rows.loc[0, "start_s"] = 5 + part * longest_s
        made.tables["flows"] = pd.concat([idle, rows], ignore_index=True)
        assert bool(whys(made)) is short, part


@pytest.mark.parametrize("loss_pct", [0.01, {"good_s": 2, "bad_s": 2}])
@pytest.mark.parametrize("lossy", ["there", "back"])
def test_links_that_lose_packets_one_way_only_are_a_reason(builder, lossy, loss_pct):
    """Packets go up from Miyun, and acknowledgements down to it; or lost now and then."""
    way = {"there": "up", "back": "down"}[lossy]
    rule = TINY["access"][0]
    changes = {
        "links": {"radio": RADIO, "lossy": RADIO | {way: {"loss_pct": loss_pct}}},
        "access": [rule | {"from": ["Miyun"], "link": "lossy"}, rule | {"from": ["Sanya"]}],
    }
    made = transfer(builder(traffic=[TCP], **changes), 12)
    assert whys(made) == {"c1": "links on its way lose packets"}
    run = made.told()
    short = traffic.shortfalls(run, sending(run))
    assert traffic.reasons(run, short) == []
    assert traffic.notes(run, short) == [
        "c1 sent 12 of the 20 seconds that were due; the network may be why: links on its way lose packets."
    ]


def test_what_is_changed_by_hand_on_the_way_is_a_reason(builder):
    made = transfer(builder(traffic=[TCP]), 12)
    by_hand(made, (10.0, "rate", 1.0), (11.0, "rate", np.nan))
    assert whys(made) == {"c1": "a link on its way was changed by hand"}
    by_hand(made, (40.0, "rate", 1.0), (41.0, "rate", np.nan))
    assert whys(made) == {"c1": ""}


def test_a_transfer_that_was_told_late_to_begin_has_no_excuse(builder):
    made = transfer(builder(traffic=[TCP], links={"radio": RADIO | {"loss_pct": 1}}), 12)
    rows = made.tables["flows"]
    for late_s, why in ((0.199, "links on its way lose packets"), (0.201, "")):  # 1 % of 20 s
        made.tables["flows"] = rows.assign(start_s=rows["start_s"] + late_s, end_s=rows["end_s"] + late_s)
        assert whys(made) == {"c1": why}, late_s


def test_in_virtual_time_a_transfer_begins_within_a_millisecond(builder):
    made = transfer(builder(traffic=[TCP], links={"radio": RADIO | {"loss_pct": 1}}), 12)
    made.manifest["clock"] = "virtual"
    rows = made.tables["flows"]
    for late_s, why in ((0.0009, "links on its way lose packets"), (0.0011, "")):
        made.tables["flows"] = rows.assign(start_s=rows["start_s"] + late_s, end_s=rows["end_s"] + late_s)
        assert whys(made) == {"c1": why}, late_s


def test_connecting_takes_a_round_trip_and_a_tenth(builder):
    """Of a second a transfer was connected but for some 18 ms."""
    way_s = (
        truth.probes(builder(traffic=[PROBE | {"start_s": 5}]).told())["true_rtt_us"].iloc[0] - 4 * 84.8
    ) / 1e6
    for part, short in ((1.0, False), (1.05, False), (1.15, True), (2.0, True)):
        made = transfer(builder(traffic=[TCP | {"stop_s": 6}]))
        made.manifest["clock"] = "virtual"
        rows = made.tables["flows"]
        idle = rows.assign(end_s=5 + part * way_s, rtt_us=np.nan, sent_bytes=0, received_bytes=0)
        made.tables["flows"] = pd.concat(
            [idle, rows.assign(start_s=5 + part * way_s, end_s=6.0)], ignore_index=True
        )
        assert bool(whys(made)) is short, part


@pytest.mark.parametrize("rtt_us, why", [(20_000.0, "its stop came first"), (np.nan, "")])
def test_a_volume_that_was_being_sent_as_its_stop_came(builder, rtt_us, why):
    made = transfer(builder(traffic=[TCP | {"volume_mb": 20}]))
    made.tables["flows"]["rtt_us"] = rtt_us
    assert whys(made) == {"c1": why}


def test_a_volume_whose_stop_comes_before_it_can_connect_has_a_reason(builder):
    for stop_s, why in ((5.01, "its stop came first"), (5.05, "")):
        made = transfer(builder(traffic=[TCP | {"volume_mb": 20, "stop_s": stop_s}]))
        made.tables["flows"]["rtt_us"] = np.nan
        assert whys(made) == {"c1": why}, stop_s


def test_a_volume_of_which_some_intervals_had_no_answer_was_being_sent(builder):
    made = transfer(builder(traffic=[TCP | {"volume_mb": 20}]))
    made.tables["flows"].loc[made.tables["flows"].index[0], "rtt_us"] = np.nan
    assert whys(made) == {"c1": "its stop came first"}


def test_other_load_that_only_answers_meet_is_a_reason(builder):
    """The last packets go over s1, and are answered over s2, where the load is."""
    sent_s = before_the_turn_s(builder)
    load = UDP | {"from": "s2", "to": "Sanya", "start_s": 0, "stop_s": 60}
    for stop_s, why in ((sent_s, "other load was on its way"), (sent_s - 1, "")):
        made = transfer(builder(traffic=[TCP | {"stop_s": stop_s}, load], **BOTH), 5)
        assert whys(made)["c1"] == why, stop_s


def test_other_load_on_the_way_is_a_reason(builder):
    other = UDP | {"start_s": 5, "stop_s": 25}
    made = transfer(builder(traffic=[TCP, other]), 12)
    made.flow_rows("u1", "udp", 4.0)
    assert whys(made) == {"c1": "other load was on its way"}
    made = transfer(builder(traffic=[TCP, other | {"start_s": 10, "stop_s": 12}]), 12)
    assert whys(made)["c1"] == "other load was on its way"
    made = transfer(builder(traffic=[TCP, other | {"start_s": 40, "stop_s": 50}]), 12)
    made.flow_rows("u1", "udp", 4.0)
    assert whys(made) == {"c1": ""}


# -- in its time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent_s, strays", [
    (4.9, 1), (4.999998, 1), (4.9999995, 0), (5.0, 0), (15.0, 0), (15.999, 0), (16.0, 0), (16.001, 1),
])  # fmt: skip
def test_a_probe_may_be_sent_a_second_after_the_stop_and_none_before_the_start(builder, sent_s, strays):
    made = builder(traffic=[PROBE | {"start_s": 5, "stop_s": 15}])
    made.tables["probes"].loc[50, "sent_s"] = sent_s
    run = made.told()
    said = [reason for reason in traffic.reasons(run, []) if "outside its time" in reason]
    assert len(said) == strays
    if strays:
        assert said == ["1 probes of p1 were sent outside its time, which is from 5 to 15 s."]


@pytest.mark.parametrize("dropped, told", [(0, False), (1, False), (2, True)])
def test_one_packet_in_a_hundred_may_find_no_room_in_the_sink(builder, dropped, told):
    made = builder(traffic=[UDP | {"stop_s": 6}])
    made.flow_rows("u1", "udp", 4.0)
    made.tables["flows"]["sent_packets"] = 100
    made.manifest["traffic"] = {"dropped_by_sink": {"u1": dropped}}
    assert any("buffer of its own sink" in reason for reason in traffic.reasons(made.told(), [])) is told
    made.manifest |= {"traffic": None, "finished": False}
    assert not any("buffer of its own sink" in reason for reason in traffic.reasons(made.told(), []))


@pytest.mark.parametrize("column, row, value, at_s", [
    ("end_s", 3, 9.1, 8), ("start_s", 4, 8.9, 8), ("end_s", 9, 13.5, 14), ("end_s", 3, 9.0000005, None),
    ("end_s", 9, 15.5, None), ("end_s", 9, 14.0, None),
])  # fmt: skip
def test_an_interval_ends_before_the_next_one_begins_and_after_its_own_begin(
    builder, column, row, value, at_s
):
    made = builder(traffic=[UDP])
    made.flow_rows("u1", "udp", 4.0)
    made.tables["flows"].loc[row, column] = value
    said = [reason for reason in traffic.reasons(made.told(), []) if "overlap" in reason]
    assert said == ([] if at_s is None else [
        f"Intervals of u1 overlap: the one at {at_s:.2f} s goes on beyond the next one's begin."
    ])  # fmt: skip


def test_as_many_bytes_may_arrive_as_were_to_be_sent(builder):
    made = transfer(builder(traffic=[TCP | {"volume_mb": 10}]))
    assert made.tables["flows"]["received_bytes"].sum() == 10_000_000
    assert not any("arrived." in reason for reason in traffic.reasons(made.told(), []))
    made.tables["flows"].loc[made.tables["flows"].index[0], "received_bytes"] += 1
    assert "Of the 10000000 bytes of c1 10000001 arrived." in traffic.reasons(made.told(), [])


def test_no_more_arrives_than_links_can_have_carried_by_then(builder):
    """At 10 Mbit/s; a tenth of a Mbit may be of rounding, and nothing comes before light does."""
    for mbit, told in ((9.9, False), (10.0, True), (10.3, True)):
        made = builder(traffic=[UDP | {"rate_mbps": 10}])
        made.flow_rows("u1", "udp", mbit)
        assert any("can have carried" in x for x in traffic.reasons(made.told(), [])) is told, mbit
    by_hand(made, (0.0, "rate", 100.0))
    assert not any("can have carried" in x for x in traffic.reasons(made.told(), []))


def test_what_is_carried_while_a_rate_is_changed_by_hand_is_not_judged(builder):
    made = builder(traffic=[UDP | {"rate_mbps": 10}])
    made.flow_rows("u1", "udp", 12.0)
    assert any("can have carried" in x for x in traffic.reasons(made.told(), []))
    by_hand(made, (10.0, "rate", 100.0), (11.0, "rate", np.nan))
    assert not any("can have carried" in x for x in traffic.reasons(made.told(), []))


def test_the_worst_instant_of_what_came_too_fast_is_told(builder):
    """In the first twentieth of a second 0.5 Mbit, then nothing."""
    made = builder(traffic=[UDP | {"rate_mbps": 10}])
    made.flow_rows("u1", "udp", 1.0)
    rows = made.tables["flows"]
    rows["received_bytes"] = 0
    rows.loc[0, ["end_s", "received_bytes"]] = [5.05, 62_500]
    (said,) = [x for x in traffic.reasons(made.told(), []) if "can have carried" in x]
    assert said.startswith(
        "u1 had received 0.5 Mbit at 5.05 s, and the links of its way can have carried 0.3"
    )


def test_what_comes_late_in_a_flow_is_held_to_all_that_links_carried_until_then(builder):
    made = builder(traffic=[UDP | {"rate_mbps": 10}])
    made.flow_rows("u1", "udp", 5.0)
    rows = made.tables["flows"]
    rows.loc[9, "received_bytes"] = 54e6 / 8  # 99 Mbit in 10 s
    assert not any("can have carried" in x for x in traffic.reasons(made.told(), []))
    rows.loc[9, "received_bytes"] = 55.5e6 / 8
    (said,) = [x for x in traffic.reasons(made.told(), []) if "can have carried" in x]
    assert said == "u1 had received 100.5 Mbit at 15.00 s, and the links of its way can have carried 99.85."


@pytest.mark.parametrize("lost, back, says", [
    (37, 0, []), (3, 0, []), (20, 9, []),
    (38, 0, ["38 probes of p1 were lost though a path stood; the loss of the links accounts for 20."]),
    (2, 0, ["Only 2 probes of p1 were lost; the loss of the links accounts for 20."]),
    (20, 10, ["10 probes of p1 came back though no path stood."]),
])  # fmt: skip
def test_losses_may_be_off_by_the_edge_and_by_chance_and_what_comes_back_by_the_edge(
    builder, monkeypatch, lost, back, says
):
    """The edge of a path is 5 probes, or 2 %: of 450 nine; and chance four standard deviations of 2."""
    run = builder(traffic=[]).told()
    monkeypatch.setattr(traffic, "losses", lambda run: [Losses("p1", "probes", 450, lost, 20.0, 4.0, back)])
    assert traffic.reasons(run, []) == says


def test_chance_is_four_standard_deviations():
    of = Losses("p1", "probes", 100, 0, 20.0, 16.0)
    assert (of.edge, of.chance) == (5, 16)
    assert [losses.edge(packets) for packets in (0, 250, 251, 1000)] == [5, 5, approx(5.02), 20]


# -- flows that never began --------------------------------------------------------------------------------


def test_a_flow_that_begins_in_time_is_no_note(builder):
    made = builder(traffic=[PROBE | {"stop_s": 10}, PROBE | {"name": "p2", "after": "p1"}])
    for ended_s, start_s, says in (
        (10.0, 10.0, []),
        (10.0, np.nan, ["p2 never began: p1 ended at 10 s, too late for it."]),
        (np.nan, np.nan, ["p2 never began: p1, after which it comes, did not end."]),
    ):
        row = {"flow": "p2", "after": "p1", "ended_s": ended_s, "start_s": start_s}
        made.tables["begun"] = pd.DataFrame([row])
        assert traffic.notes(made.told(), []) == says


# -- load --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent_s, met", [
    (9.99, False), (10.0, True), (15.0, True), (20.0, True), (22.0, True), (22.01, False),
])  # fmt: skip
def test_a_packet_meets_load_from_its_begin_to_two_seconds_after_its_end(builder, sent_s, met):
    run = builder(traffic=[UDP | {"start_s": 10, "stop_s": 20}]).told()
    at_s = np.array([sent_s])
    _, path, paths = run.plan.trace("Miyun", "Sanya", at_s)
    assert loads.shared(run, at_s, path, paths).tolist() == [met]
    assert loads.shared(run, at_s, path, paths, but="u1").tolist() == [False]


def test_a_packet_that_had_no_path_met_nothing(builder):
    run = builder(traffic=[UDP | {"start_s": 10, "stop_s": 40}]).told()
    at_s = np.array([29.0, 31.0, 33.0])
    _, path, paths = run.plan.trace("Miyun", "Sanya", at_s)
    path = np.where(at_s == 31, -1, path)
    assert loads.shared(run, at_s, path, paths).tolist() == [True, False, True]


def test_load_on_other_links_is_none(builder):
    """Until 30 s probes take s1; what s2 sends to itself of a station is on no link of theirs."""
    run = builder(traffic=[UDP | {"from": "s2", "to": "Sanya", "start_s": 0, "stop_s": 60}], **BOTH).told()
    at_s = np.arange(1.0, 60.0, 1.0)
    _, path, paths = run.plan.trace("Miyun", "Sanya", at_s)
    over_s2 = np.array([run.plan.node("s2") in paths[number] for number in path])
    assert loads.shared(run, at_s, path, paths).tolist() == over_s2.tolist()
    assert over_s2.any() and not over_s2.all()


def test_load_on_the_way_back_alone_is_seen(builder):
    """A probe that is on its way as routes turn from s1 to s2 comes back over s2, where the load is."""
    sent_s = before_the_turn_s(builder)
    load = UDP | {"from": "s2", "to": "Sanya", "start_s": 0, "stop_s": 60}
    probe = PROBE | {"start_s": sent_s, "stop_s": sent_s + 0.01}
    found = truth.probes(builder(traffic=[probe, load], **BOTH).told())
    assert found["path"].tolist() == ["Miyun > s1 > Sanya"] and found["loaded"].tolist() == [True]
    earlier = probe | {"start_s": sent_s - 1, "stop_s": sent_s - 0.99}
    assert not truth.probes(builder(traffic=[earlier, load], **BOTH).told())["loaded"].any()
