"""What a verdict does not take for granted: a good run is made wrong in one way, and the sentence is read."""

import numpy as np
import pandas as pd
import pytest

from skybed.analysis import verdict
from skybed.topologies.model.tables import CONTROL
from support.tiny_sky import PROBE, RADIO, TRACE

ENDS = {"from": "Miyun", "to": "Sanya"}
UDP = ENDS | {"kind": "udp", "name": "u1", "rate_mbps": 4, "stop_s": 20}
TCP = ENDS | {"kind": "tcp", "name": "c1", "stop_s": 20}


def cut(made, table, rows):
    """Leave out the rows (by a condition on the table) of a table."""
    made.tables[table] = made.tables[table][~rows(made.tables[table])]


def reasons(made):
    return verdict.judge(made.told()).reasons


# -- all of it was sent --------------------------------------------------------------------------


def test_what_is_due_is_told_beside_what_was_sent(builder):
    made = builder(traffic=[PROBE, TRACE, UDP, TCP])
    made.flow_rows("u1", "udp", 4.0)
    made.flow_rows("c1", "tcp", 4.0)
    judged = verdict.judge(made.told())
    assert judged.status == "pass"
    assert [(row.sending.sent, row.sending.due, row.sending.unit) for row in judged.flows] == [
        (600, 600, "probes"), (60, 60, "rounds"), (8333, 8334, "packets"), (20, 20, "seconds"),
    ]  # fmt: skip


def test_traffic_that_is_ready_late_is_invalid_whatever_the_kind(builder):
    """Run time was 4.4 s before anything was sent. Loss is of what was sent, so it does not show that."""
    made = builder(traffic=[PROBE, TRACE, UDP, TCP])
    made.flow_rows("u1", "udp", 4.0)
    made.flow_rows("c1", "tcp", 4.0)
    for table in ("probes", "paths"):
        cut(made, table, lambda rows: rows["sent_s"] < 4.4)
    flows = made.tables["flows"]
    flows.loc[flows["start_s"] < 4, ["sent_packets", "received_packets", "lost_packets"]] = 0
    flows.loc[flows["flow"] == "c1", ["start_s", "end_s"]] += 4.4
    assert reasons(made) == [
        "p1 sent 556 of the 600 probes that were due, 7.3 % too few; the limit is 1 %.",
        "t1 sent 55 of the 60 rounds that were due, 8.3 % too few; the limit is 1 %.",
        "u1 sent 6667 of the 8334 packets that were due, 20 % too few; the limit is 1 %.",
        "c1 sent 15.6 of the 20 seconds that were due, 22 % too few; the limit is 1 %.",
    ]


@pytest.mark.parametrize("clock, limit_pct, missing, status", [
    ("real", 1, 6, "pass"), ("real", 1, 7, "invalid"), ("real", 0.5, 4, "invalid"),
    ("virtual", 1, 1, "invalid"),
])  # fmt: skip
def test_a_busy_machine_may_miss_a_few_probes_and_virtual_time_none(
    builder, clock, limit_pct, missing, status
):
    made = builder(fidelity={"missing_pct": limit_pct})
    made.manifest["clock"] = clock
    cut(made, "probes", lambda rows: rows["seq"].between(100, 99 + missing))
    assert verdict.judge(made.told()).status == status


def test_a_flow_that_has_nothing_to_send_yet_left_nothing_out(builder):
    """Of three flows of one probe in 100 s the third is due first at 66.7 s, after the end."""
    slow = [PROBE | {"name": name, "rate_hz": 0.01} for name in ("a", "b", "c")]
    made = builder(traffic=slow)
    cut(made, "probes", lambda rows: rows["flow"] == "c")
    judged = verdict.judge(made.told())
    assert judged.status == "pass" and judged.flows[2].sending.due == 0


def test_a_run_that_ended_early_owes_what_was_due_by_then(builder):
    """Traffic goes on a little after the sky stops, and a flow that was to come later is none to ask for."""
    made = builder(traffic=[PROBE, TRACE, UDP, UDP | {"name": "later", "start_s": 40, "stop_s": 50}])
    made.flow_rows("u1", "udp", 4.0)
    made.manifest |= {"finished": False, "played_s": 12.0}
    for table in ("probes", "paths"):
        cut(made, table, lambda rows: rows["sent_s"] > 12.3)
    judged = verdict.judge(made.told())
    assert judged.reasons == ["The run was not finished: 12 s of 60 s were played."]
    assert [row.sending.due for row in judged.flows] == [120, 12, 5000, 0]


# -- transfers, which the network may keep from sending ------------------------------------------


def test_a_transfer_that_ends_early_though_nothing_hindered_it_is_invalid(builder):
    made = builder(traffic=[TCP])
    made.flow_rows("c1", "tcp", 4.0)
    cut(made, "flows", lambda rows: rows["start_s"] >= 12)
    assert reasons(made)[0] == "c1 sent 12 of the 20 seconds that were due, 40 % too few; the limit is 1 %."


def test_a_transfer_that_could_not_connect_for_want_of_a_path_is_the_network_s(builder):
    """Between 30 s and 32 s there is no path."""
    limit = {"flow": "c1", "metric": "throughput_mbps", "min": 1}
    judged = verdict.judge(
        builder(traffic=[PROBE, TCP | {"start_s": 30, "stop_s": 32}], accept=[limit]).load()
    )
    assert judged.status == "fail"
    assert judged.reasons == ["c1: throughput_mbps was not measured, so its limit is not met."]
    assert judged.notes == [
        "c1 sent 0 of the 2 seconds that were due; the network may be why: no path stood all the time."
    ]


def test_a_transfer_that_left_nothing_though_a_path_stood_is_invalid(builder):
    assert "The flow c1 left no measurement; see traffic.log." in reasons(builder(traffic=[TCP]))


@pytest.mark.parametrize("why, says", [
    ("loss", "links on its way lose packets"), ("load", "other load was on its way"),
])  # fmt: skip
def test_what_else_may_hinder_a_transfer(builder, why, says):
    loss_pct = 0.01 if why == "loss" else 0
    traffic = [PROBE, TCP, UDP] if why == "load" else [PROBE, TCP]
    made = builder(traffic=traffic, links={"radio": RADIO | {"loss_pct": loss_pct}})
    made.flow_rows("c1", "tcp", 4.0)
    if why == "load":
        made.flow_rows("u1", "udp", 4.0)
    cut(made, "flows", lambda rows: (rows["flow"] == "c1") & (rows["start_s"] >= 12))
    judged = verdict.judge(made.told())
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.notes == [f"c1 sent 12 of the 20 seconds that were due; the network may be why: {says}."]
    made.tables["flows"].loc[made.tables["flows"]["flow"] == "c1", ["start_s", "end_s"]] += 0.5
    assert "c1 sent 12 of the 20 seconds that were due, 40 % too few; the limit is 1 %." in reasons(made)


# -- in its time, and once -----------------------------------------------------------------------


def test_what_is_sent_outside_its_time_is_by_another_clock(builder):
    made = builder(traffic=[PROBE, TRACE])
    made.tables["probes"].loc[:9, "sent_s"] -= 1.0
    made.tables["paths"].loc[made.tables["paths"]["sent_s"] == 59, "sent_s"] = 61.5
    assert reasons(made)[:2] == [
        "10 probes of p1 were sent outside its time, which is from 0 to 60 s.",
        "1 rounds of t1 were sent outside its time, which is from 0 to 60 s.",
    ]


def test_a_clock_that_was_set_during_the_run_is_invalid(builder):
    made = builder()
    made.manifest["clock_stepped_ms"] = 9.9
    assert reasons(made) == []
    made.manifest["clock_stepped_ms"] = -5000.0
    assert reasons(made) == [
        "The machine's clock was set by -5.000 s during the run, so probes and events are not on one time; "
        "the limit is 10 ms."
    ]


def test_intervals_that_overlap_are_invalid(builder):
    made = builder(traffic=[PROBE, UDP])
    made.flow_rows("u1", "udp", 4.0)
    made.tables["flows"].loc[12, "end_s"] += 0.5
    assert reasons(made) == [
        "Intervals of u1 overlap: the one at 12.00 s goes on beyond the next one's begin."
    ]


def test_a_flow_that_is_faster_than_its_links_is_invalid(builder):
    made = builder(traffic=[PROBE, UDP | {"rate_mbps": 20}])
    made.flow_rows("u1", "udp", 12.0)
    assert reasons(made) == [
        "u1 had received 240 Mbit at 20.00 s, and the links of its way can have carried 199.8.",
        "Links of radio carried 204 Mbit where 164.3 were planned, 24 % off; the limit is 3 %.",
    ]
    made = builder(traffic=[PROBE, TCP | {"start_s": 30.5, "stop_s": 31.5}])
    made.flow_rows("c1", "tcp", 4.0)
    assert reasons(made) == [
        "c1 had received 4 Mbit at 31.50 s, and the links of its way can have carried 0."
    ]


def test_a_flow_that_arrives_sooner_than_light_is_invalid(builder):
    """0.04 s of 10 Mbit/s are more than its packets, but no link is so short."""
    made = builder(traffic=[PROBE, UDP | {"rate_mbps": 9, "bin_s": 0.1}])
    made.flow_rows("u1", "udp", 9.0)
    assert reasons(made) == []
    first = made.tables["flows"].index[made.tables["flows"]["flow"] == "u1"][0]
    made.tables["flows"].loc[first, "received_bytes"] = 10e6 / 8  # of its first second
    assert reasons(made)[0].startswith("u1 had received 10 Mbit at 1.00 s, and the links of its way can have")


def test_a_volume_that_is_there_sooner_than_its_links_carry_it_is_invalid(builder):
    """5 Mbit over 10 Mbit/s take half a second, and 15 ms of light time."""
    made = builder(traffic=[PROBE, TCP | {"volume_mb": 0.625, "start_s": 3}])
    made.flow_rows("c1", "tcp", 5.0)
    rows = made.tables["flows"]
    for end_s, wrong in ((3.53, False), (3.4, True)):
        made.tables["flows"] = rows[rows["start_s"] == 3].assign(end_s=end_s)
        judged = verdict.judge(made.told())
        assert judged.flows[1].metrics["completion_s"] == pytest.approx(end_s - 3)
        assert judged.flows[1].sending.model_dump() == {"unit": "bytes", "sent": 625_000, "due": 625_000}
        said = "c1 had received 5 Mbit at 3.40 s, and the links of its way can have carried 3.8"
        assert [said in reason for reason in judged.reasons] == [True] * wrong


def test_a_volume_that_is_not_all_sent_may_be_the_network_s_and_more_than_it_is_wrong(builder):
    made = builder(traffic=[PROBE, TCP | {"volume_mb": 20}])
    made.flow_rows("c1", "tcp", 4.0)
    judged = verdict.judge(made.told())
    assert (judged.status, judged.flows[1].metrics["completion_s"]) == ("pass", None)
    assert judged.notes[0] == (
        "c1 sent 10000000 of the 20000000 bytes that were due; the network may be why: its stop came first."
    )
    made = builder(traffic=[PROBE, TCP | {"volume_mb": 9}])
    made.flow_rows("c1", "tcp", 4.0)
    assert reasons(made) == ["Of the 9000000 bytes of c1 10000000 arrived."]


def test_a_flow_that_comes_after_another_has_the_time_that_the_run_says(builder):
    """It is to send from 10.5 s on, and what was never to begin is not asked for."""
    later = [PROBE | {"name": "p2", "after": "p1", "stop_s": 58}, TCP | {"after": "p2", "plus_s": 2}]
    made = builder(traffic=[PROBE | {"stop_s": 10.5}, *later, UDP | {"after": "c1", "volume_mb": 1}])
    names, after = ["p2", "c1", "u1"], ["p1", "p2", "c1"]
    times = {"ended_s": [10.5, 58.0, np.nan], "start_s": [10.5, np.nan, np.nan]}
    made.tables["begun"] = pd.DataFrame({"flow": names, "after": after} | times)
    run = made.told()
    assert [flow.window_s(60.0) for flow in run.traffic] == [(0, 10.5), (10.5, 58), (60, 60), (60, 60)]
    judged = verdict.judge(run)
    assert [row.sending.due for row in judged.flows] == [105, 475, 0, 0]
    assert judged.notes[:2] == [
        "c1 never began: p2 ended at 58 s, too late for it.",
        "u1 never began: c1, after which it comes, did not end.",
    ]


def test_a_transfer_is_given_the_round_trip_that_it_takes_to_connect(builder):
    """Some 31 ms, of which in virtual time none is excused otherwise."""
    made = builder(traffic=[PROBE, TCP])
    made.manifest["clock"] = "virtual"
    made.flow_rows("c1", "tcp", 4.0)
    first = made.tables["flows"].index[made.tables["flows"]["flow"] == "c1"][0]
    rows = made.tables["flows"].loc[[first]].assign(end_s=0.03, rtt_us=np.nan, sent_bytes=0, received_bytes=0)
    made.tables["flows"].loc[first, "start_s"] = 0.03
    made.tables["flows"] = pd.concat([rows, made.tables["flows"]], ignore_index=True)
    judged = verdict.judge(made.told())
    assert (judged.status, judged.reasons, judged.notes) == ("pass", [], judged.notes)
    assert judged.flows[1].sending.sent == 19.97 and not any("c1" in note for note in judged.notes)


# -- lost to the network, and to nothing else ----------------------------------------------------


def test_packets_that_the_sink_had_no_room_for_are_not_the_network_s_loss(builder):
    made = builder(traffic=[PROBE, UDP])
    made.flow_rows("u1", "udp", 4.0)
    made.manifest["traffic"] = {"dropped_by_sink": {"u1": 83}}
    assert reasons(made) == []
    made.manifest["traffic"] = {"dropped_by_sink": {"u1": 84}}
    assert reasons(made) == [
        "84 of 8333 packets of u1 were lost in the buffer of its own sink, not in the network; "
        "the limit is 1 %."
    ]


def test_a_stream_that_loses_packets_though_a_path_stood_is_invalid(builder):
    made = builder(traffic=[PROBE, UDP | {"stop_s": 40}])
    made.flow_rows("u1", "udp", 4.0)
    flows = made.tables["flows"]
    flows.loc[flows["start_s"].between(30, 31), "lost_packets"] = 400  # then there is no path
    assert reasons(made) == []
    flows.loc[flows["start_s"].between(5, 6), "lost_packets"] = 400
    assert reasons(made) == [
        "949 packets of u1 were lost though a path stood; the loss of the links accounts for 0."
    ]


@pytest.mark.parametrize("load", [PROBE | {"name": "p2"}, UDP | {"name": "u2"}], ids=["probe", "udp"])
def test_only_other_load_on_its_way_explains_what_a_stream_loses(builder, load):
    made = builder(traffic=[PROBE, UDP, load])
    made.flow_rows("u1", "udp", 4.0)
    if load["kind"] == "udp":
        made.flow_rows("u2", "udp", 4.0)
    flows = made.tables["flows"]
    flows.loc[(flows["flow"] == "u1") & flows["start_s"].between(5, 9), "lost_packets"] = 200
    assert len(reasons(made)) == (load["kind"] == "probe")


def test_links_that_do_not_lose_what_they_are_to_lose_are_invalid(builder):
    """Of 580 probes 45 on average, with a standard deviation of 6.5; of 8333 packets 330, and 18."""
    for flow, what in ((PROBE, "probes of p1"), (UDP, "packets of u1")):
        made = builder(traffic=[flow], links={"radio": RADIO | {"loss_pct": 2}})
        if flow is UDP:
            made.flow_rows("u1", "udp", 4.0)
        made.tables["flows"]["lost_packets"] = 0
        by_links = 45 if flow is PROBE else 330
        assert reasons(made) == [f"Only 0 {what} were lost; the loss of the links accounts for {by_links}."]


# -- what was done -------------------------------------------------------------------------------


@pytest.mark.parametrize("column, value", [("t_s", 7.0), ("kind", "heal"), ("link", "s2--Sanya")])
def test_an_event_that_was_applied_otherwise_than_planned_is_invalid(builder, column, value):
    made = builder()
    made.tables["applied"].loc[2, column] = value
    row = made.tables["applied"].loc[2]
    says = f"event 2, {row['kind']} of {row['link']} at {row['t_s']:.2f} s."
    assert f"1 of 19 events were applied otherwise than planned, first {says}" in reasons(made)


def test_changes_of_routes_of_which_nothing_is_noted_are_invalid(builder):
    made = builder()
    made.tables["routes"] = made.tables["routes"][:-1]
    assert reasons(made) == ["1 planned changes of routes were not noted as made."]


def test_what_the_recorder_missed_is_invalid(builder):
    made = builder()
    rows = [(0, "Miyun", "s1", "ospf", 990, 99_000)]
    made.tables["control"] = pd.DataFrame(rows, columns=[*CONTROL.dtypes]).astype(CONTROL.dtypes)
    made.manifest["recorder"] = {"cpu_s": 0.1, "missed_packets": 10, "overruns": 0}
    assert reasons(made) == []
    made.manifest["recorder"] = {"cpu_s": 0.1, "missed_packets": 11, "overruns": 2}
    assert reasons(made) == [
        "Changes of routes were missed 2 times, as more came at once than could wait: which way packets had "
        "to go is not known.",
        "11 of 1001 packets of control traffic were not recorded; the limit is 1 %.",
    ]


# -- how it is said ------------------------------------------------------------------------------


def test_all_of_it_is_100_percent(builder):
    made = builder()
    made.tables["routes"].loc[made.tables["routes"]["t_s"] > 0, "applied_s"] += 0.02
    assert reasons(made) == ["100 % of the route changes were late by more than 10 ms; the limit is 1 %."]


def test_a_run_that_was_stopped_before_it_began_played_nothing(builder):
    made = builder()
    made.manifest |= {"finished": False, "played_s": -0.4, "player_cpu_s": 0.0}
    for table in ("probes", "paths", "applied"):
        made.tables[table] = made.tables[table][:0]
    judged = verdict.judge(made.told())
    assert judged.played_s == 0 and judged.host.player_cpu_pct is None
    assert judged.reasons[0] == "The run was not finished: 0 s of 60 s were played."
    assert judged.flows[0].sending.due == 0
