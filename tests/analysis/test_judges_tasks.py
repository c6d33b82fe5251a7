"""What tasks are held to exactly at the limits, in real time: times that are the same agree within 0.25 s."""

import itertools

import numpy as np
import pandas as pd
import pytest
from pytest import approx

from skybed.analysis import verdict
from skybed.analysis.measures import ledger
from skybed.analysis.verdict import balances, tasks
from support.tiny_sky import BOUND_US, S1_MIYUN, TINY, one_way_s
from support.tiny_tasks import FIELDS, ON_WIRE_S, POWER, PRODUCT, SCENE, build, in_bundles

VIEW, OBSERVE, COMPUTE, DELIVERY, NEXT = 0, 1, 2, 3, 5  # rows of number 0; those of the next are five further
CARRIES = FIELDS["layers"]["leo"]["carries"]


@pytest.fixture
def made(tmp_path):
    made = build(tmp_path / "run")
    made.manifest["clock"] = "real"
    return made


def change(made, table, row, **values):
    for column, value in values.items():
        made.tables[table].loc[made.tables[table].index[row], column] = value


def said(made, part=""):
    """What tasks are a reason for, of the sentences with a part."""
    return [reason for reason in tasks.reasons(made.told()) if part in reason]


def carrying(tmp_path, **changes):
    """A run whose satellites carry something else."""
    leo = TINY["layers"]["leo"] | {"carries": CARRIES | changes}
    made = build(tmp_path / "other", layers={"leo": leo})
    made.manifest["clock"] = "real"
    return made


def test_each_task_has_its_own_books(tmp_path):
    """Another task, of which nothing was seen."""
    (task,) = FIELDS["tasks"]
    made = build(tmp_path / "run", tasks=[task, task | {"name": "smoke"}])
    fire, smoke = tasks.figures(made.told()).books
    assert (fire.asked, fire.observed_bytes) == (3, 3 * SCENE)
    assert (smoke.asked, smoke.observed_bytes, smoke.made_less_bytes) == (0, 0, 0)


def test_a_good_run_has_no_reason(made):
    assert said(made) == [] and balances.storage_off_bytes(made.told()) == 0


def test_tasks_are_part_of_the_verdict(made):
    change(made, "tasks", VIEW, queued_s=5.5)
    judged = verdict.judge(made.told())
    assert judged.status == "invalid" and any("was asked for at 5.5" in reason for reason in judged.reasons)


# -- asked, seen, computed -------------------------------------------------------------------------------


@pytest.mark.parametrize("asked_s, told", [(4.74, 1), (4.75, 0), (5.25, 0), (5.26, 1)])
def test_asked_for_within_the_clock(made, asked_s, told):
    change(made, "tasks", VIEW, queued_s=asked_s)
    assert len(said(made, "was asked for at")) == told


@pytest.mark.parametrize("played_s, told", [(20.0, 0), (20.25, 0), (20.26, 1), (60.0, 1)])
def test_what_was_to_be_asked_for_just_as_the_run_ended_may_be_missing(made, played_s, told):
    made.manifest["played_s"] = played_s
    made.tables["tasks"] = made.tables["tasks"][made.tables["tasks"]["number"] != 2]
    assert len(said(made, "was to be asked for at 20.000000 s, and was not")) == told


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_number_is_held_to_its_own_row(made, number):
    change(made, "tasks", number * NEXT + VIEW, queued_s=4.0)
    (first, *_) = said(made, "was asked for at")
    assert first.startswith(f"fire, number {number}: was asked for at 4.000000 s, not at ")


def test_every_stage_on_the_way_to_the_data_is_where_its_observer_is(made):
    change(made, "tasks", VIEW, node="s2")
    assert said(made, "fire, number 0, view: was at s2, where s1 observes.")


def test_a_target_that_nobody_ever_sees_is_to_be_observed_by_nobody(tmp_path):
    """On the other side of the Earth. Its one row has no node."""
    (task,) = FIELDS["tasks"]
    task = task | {"by": "leo", "target": {"lat_deg": -30, "lon_deg": -60}}
    made = build(tmp_path / "run", tasks=[task])
    rows = made.tables["tasks"]
    rows = rows[rows["stage"] == "view"].assign(node=None, began_s=np.nan, ended_s=np.nan, outcome="held")
    made.tables |= {"tasks": rows, "transfers": made.tables["transfers"].iloc[:0]}
    assert set(ledger.prospect(made.told()).asked["node"]) == {-1}
    assert not said(made, "observes") and not said(made, "was to be asked for")


@pytest.mark.parametrize("late_s, told", [(-0.25, 0), (-0.26, 1), (0.25, 0), (0.26, 1)])
def test_a_target_is_seen_while_it_is_in_view_within_the_clock(tmp_path, late_s, told):
    """s1 is right above it at 15 s, and higher than 88 degrees for some seconds before and after."""
    (task,) = FIELDS["tasks"]
    target = {"lat_deg": 26.57, "lon_deg": 125.99}
    made = build(tmp_path / "run", tasks=[task | {"target": target, "min_elevation_deg": 88}])
    made.manifest["clock"] = "real"
    ((start_s, end_s),) = ledger.prospect(made.told()).views.of(0)
    assert (start_s + end_s) / 2 == approx(15, abs=0.1) and 10 < end_s - start_s < 15
    change(made, "tasks", VIEW, ended_s=start_s + late_s if late_s < 0 else end_s + late_s)
    assert len(said(made, "fire, number 0, view: ended at")) == told
    change(made, "tasks", VIEW, outcome="missed")
    assert not said(made, "fire, number 0, view: ended at")


@pytest.mark.parametrize("ended_s, told", [(15.0, 0), (3000.0, 1), (6610.0, 0)])
def test_a_target_may_be_seen_in_the_next_round(tmp_path, ended_s, told):
    """13.1 rounds a day are 6,595 s each. Meanwhile the target is 27 degrees further, and still in view."""
    (task,) = FIELDS["tasks"]
    task = task | {"target": {"lat_deg": 26.57, "lon_deg": 125.99}, "min_elevation_deg": 1}
    far = {"carries": CARRIES | {"camera": CARRIES["camera"] | {"max_off_nadir_deg": 80}}}
    layers = {"leo": TINY["layers"]["leo"] | far}
    made = build(tmp_path / "run", duration_s=7200.0, tasks=[task], layers=layers)
    made.manifest |= {"duration_s": 7200.0, "played_s": 7200.0}
    assert len(ledger.prospect(made.told()).views.of(0)) == 2
    change(made, "tasks", VIEW, ended_s=ended_s)
    assert len(said(made, "fire, number 0, view: ended at")) == told


@pytest.mark.parametrize("took_s, told", [(1.25, 0), (1.24, 1), (1.75, 0), (1.76, 1)])
def test_a_link_is_acquired_in_its_time_within_the_clock(tmp_path, took_s, told):
    (task,) = FIELDS["tasks"]
    made = build(tmp_path / "run", tasks=[task | {"acquisition_s": 1.5}])
    made.manifest["clock"] = "real"
    rows = made.tables["tasks"]
    row = rows.iloc[[VIEW]].assign(stage="acquire", queued_s=6.0, began_s=6.0, ended_s=6.0 + took_s)
    made.tables["tasks"] = pd.concat([rows, row], ignore_index=True)
    says = f"fire, number 0, acquire: took {took_s:.6f} s, where 1.500000 s are due."
    assert (says in said(made)) == told


def test_bytes_of_which_nobody_tells_are_told(made, monkeypatch):
    monkeypatch.setattr(ledger, "books", lambda run: [ledger.Books("fire", 4, observed=10, made_less=3)])
    assert said(made, "fire, number 4: 7 of 10 bytes are in no book.")


@pytest.mark.parametrize("values, told", [
    ({"began_s": 6.25}, 0), ({"began_s": 6.26}, 1), ({"at_work_s": 1.75}, 0), ({"at_work_s": 1.74}, 1),
    ({"ended_s": 7.75}, 0), ({"ended_s": 7.74}, 1), ({"at_work_s": 5.0}, 0),
    ({"began_s": 6.26, "outcome": "held"}, 0),
])  # fmt: skip
def test_a_job_takes_its_time_within_the_clock(made, values, told):
    change(made, "tasks", COMPUTE, **values)
    assert len(said(made, "where it takes 2.000000 s")) == told


@pytest.mark.parametrize("began_s, slots, told", [(7.74, 1, 1), (7.76, 1, 0), (13.0, 1, 0), (7.0, 2, 0)])
def test_a_slot_is_free_as_a_job_leaves_it(tmp_path, began_s, slots, told):
    made = carrying(tmp_path, computing=CARRIES["computing"] | {"slots": slots})
    change(made, "tasks", NEXT + COMPUTE, began_s=began_s)
    assert len(said(made, f"when its slots, {slots}, were all taken")) == told


def test_a_job_that_never_ended_keeps_its_slot_until_the_run_is_over(made):
    change(made, "tasks", COMPUTE, ended_s=np.nan, outcome="held")
    (reason,) = said(made, "were all taken")
    assert (
        reason.startswith("fire, number 1, stage 2 (compute): s1 began it at 13.000000 s")
        and "1 more" in reason
    )


@pytest.mark.parametrize("row, values, part, told", [
    (NEXT + OBSERVE, {"began_s": 5.75}, "before the last one was taken", 0),
    (NEXT + OBSERVE, {"began_s": 5.74}, "before the last one was taken", 1),
    (OBSERVE, {"ended_s": 5.75}, "took it in less than 1 s", 0),
    (OBSERVE, {"ended_s": 5.74}, "took it in less than 1 s", 1),
    (OBSERVE, {"ended_s": 5.74, "outcome": "failed"}, "took it in less than 1 s", 0),
    (OBSERVE, {"ended_s": 5.0}, "took it in less than 1 s", 1),
])  # fmt: skip
def test_a_camera_takes_one_scene_after_another_each_in_its_time(made, row, values, part, told):
    change(made, "tasks", row, **values)
    assert len(said(made, part)) == told


# -- sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("began_s, ended_s, told", [
    (-0.25, 1.0, 0), (-0.26, 1.0, 1), (29.0, 31.0, 0), (29.0, 31.01, 1), (29.0, 30.0, 0), (31.5, 31.6, 1),
])  # fmt: skip
def test_what_is_sent_is_within_a_contact_and_what_was_under_way_comes_a_second_later(
    made, began_s, ended_s, told
):
    change(made, "transfers", 2, began_s=began_s, ended_s=ended_s, arrived_s=ended_s)
    assert len(said(made, "in which the plan has no contact all the time")) == told


@pytest.mark.parametrize("began_s, told", [(8.0, 0), (11.5, 1), (14.5, 0)])
def test_what_is_sent_is_within_one_of_several_contacts(tmp_path, began_s, told):
    """Between s1 and Miyun there is none from 10 s to 14 s."""
    fault = {"kind": "carrier", "link": ["s1", "Miyun"], "at_s": 10, "for_s": 4, "reacquire_s": 0}
    made = build(tmp_path / "run", faults=[fault])
    change(made, "transfers", 0, began_s=began_s, ended_s=began_s + 0.1, arrived_s=began_s + 0.1)
    assert len(said(made, "in which the plan has no contact all the time")) == told


@pytest.mark.parametrize("over", ["path", "contact"])
def test_what_is_brought_to_a_step_goes_as_the_step_says(tmp_path, over):
    """At 40 s s1 has neither a path nor a contact, and what it lacks is told."""
    (task,) = FIELDS["tasks"]
    made = build(tmp_path / "run", tasks=[task | {"steps": [task["steps"][0] | {"over": over}]}])
    change(made, "tasks", DELIVERY, step=0)
    change(made, "transfers", 0, began_s=40.0, ended_s=40.1, arrived_s=40.1)
    assert len(said(made, f"in which the plan has no {over} all the time")) == 1


@pytest.mark.parametrize("via, peer, over", [
    ({}, "s1", "path"), ({"via": ["Sanya"]}, "s1", "contact"), ({"via": ["Sanya"]}, "Miyun", "path"),
])  # fmt: skip
def test_a_command_goes_up_by_the_contact_of_the_stations_it_is_to_go_by(tmp_path, via, peer, over):
    """Between 30 s and 32 s there is no way to anybody."""
    (task,) = FIELDS["tasks"]
    made = build(tmp_path / "run", tasks=[task | {"command": {"from": "Sanya"} | via}])
    change(made, "tasks", VIEW, stage="command", node="Sanya", peer=peer)
    change(made, "transfers", 0, place=0, node="Sanya", peer=peer, began_s=30.5, ended_s=31.9, arrived_s=31.9)
    assert len(said(made, f"in which the plan has no {over} all the time")) == 1
    assert not said(made, "where s1 observes")


@pytest.mark.parametrize("over, told", [("path", 0), ("contact", 1)])
def test_a_bundle_that_is_to_take_the_contact_goes_no_other_way(tmp_path, over, told):
    """Of its two fragments one goes from s1 right to Miyun, the other takes three hops."""
    found = said(in_bundles(tmp_path / "run", over=over), "and was to take the contact only.")
    says = "fire, number 0, stage 3 (delivery): went from s1 to Sanya, and was to take the contact only."
    assert len(found) == told and all(reason == f"{says} 2 more like it." for reason in found)


def test_a_node_that_is_out_of_service_sends_nothing_and_gets_nothing(tmp_path):
    """From 10 s to 20 s."""
    for node in ("s1", "Miyun"):
        fault = {"kind": "carrier", "node": node, "at_s": 10, "for_s": 10, "dead": True}
        made = build(tmp_path / node, faults=[fault])
        made.manifest["clock"] = "real"
        for began_s, told in ((10.25, 0), (10.26, 1), (19.74, 1), (19.75, 0), (9.0, 0), (21.0, 0)):
            change(made, "transfers", 0, began_s=began_s)
            part = f"was sent at {began_s:.6f} s, when {node} was out of service"
            assert len(said(made, part)) == told, (node, began_s)


@pytest.mark.parametrize("began_s, told", [(9.75, 0), (9.74, 1), (10.0, 0)])
def test_a_node_sends_one_thing_after_another(made, began_s, told):
    change(made, "transfers", 0, ended_s=10.0)
    change(made, "transfers", 1, began_s=began_s)
    assert len(said(made, "while it sent something else")) == told


def test_a_long_connection_is_not_forgotten_after_a_short_one(made):
    change(made, "transfers", 0, ended_s=25.0)
    change(made, "transfers", 2, began_s=24.0)
    (reason,) = said(made, "while it sent something else")
    assert "1 more like it" in reason


@pytest.mark.parametrize("values, told", [
    ({}, 0), ({"out_bytes": 5}, 0), ({"in_bytes": PRODUCT + 1}, 1), ({"in_bytes": PRODUCT - 1}, 1),
    ({"in_bytes": PRODUCT + 1, "outcome": "held"}, 0), ({"in_bytes": PRODUCT - 1, "outcome": "held"}, 1),
    ({"outcome": "held"}, 0),
])  # fmt: skip
def test_all_of_what_is_done_arrived_and_no_more_than_was_sent_of_what_is_not(made, values, told):
    change(made, "tasks", DELIVERY, **values)
    assert len(said(made, "bytes arrived at Miyun of")) == told


def test_a_connection_without_a_stage_is_told(made):
    """Nobody knows which way it was to take, so any path will do; at 40 s there is none."""
    change(made, "transfers", 0, place=9, began_s=40.0, ended_s=40.1, arrived_s=40.1)
    assert said(made, "fire, number 0, stage 9: was sent, and is not in the table tasks.")
    assert said(made, "in which the plan has no path all the time")


def test_a_connection_with_a_node_that_the_plan_has_not_goes_no_way(made):
    change(made, "transfers", 0, peer="Nowhere")
    assert len(said(made, "was sent from s1 to Nowhere")) == 1
    assert not said(made, "where light and rates take")


@pytest.mark.parametrize("ended_s, until_s, told", [
    (9.0, 15.5, 0), (10.0, 15.5, 0), (10.01, 15.5, 1), (9.0, 10.0, 1), (9.0, 10.01, 0), (9.0, np.nan, 0),
])  # fmt: skip
def test_what_its_receiver_lost_may_come_once_more(tmp_path, ended_s, until_s, told):
    """Miyun is dead from 10 s to 12 s, and from 20 s to 22 s."""
    fault = {"kind": "carrier", "node": "Miyun", "for_s": 2, "dead": True}
    made = build(tmp_path / "run", faults=[fault | {"at_s": 10}, fault | {"at_s": 20}])
    parts = made.tables["transfers"]
    again = parts.iloc[[0]].assign(began_s=15.0, ended_s=15.5, arrived_s=15.5, bytes=PRODUCT)
    made.tables["transfers"] = pd.concat([parts, again], ignore_index=True)
    change(made, "transfers", 0, ended_s=ended_s, arrived_s=ended_s)
    change(made, "tasks", DELIVERY, ended_s=until_s)
    assert len(said(made, f"{2 * PRODUCT} bytes arrived at Miyun of {PRODUCT} that were sent")) == told


def test_a_node_died_and_nothing_was_sent(tmp_path):
    fault = {"kind": "carrier", "node": "Miyun", "at_s": 10, "for_s": 2, "dead": True}
    made = build(tmp_path / "run", faults=[fault])
    made.tables["transfers"] = made.tables["transfers"].iloc[:0]
    assert said(made, f"0 bytes arrived at Miyun of {PRODUCT} that were sent")


def least_s(made, began_s, trips=3, hops=1):
    """How long tcp takes at least for a product: light, a hundredth and what the bound allows for aside."""
    light_s = float(one_way_s(made.plan, began_s, S1_MIYUN))
    return trips * max(0.0, 0.99 * light_s - hops * BOUND_US * 1e-6) + 0.99 * ON_WIRE_S


@pytest.mark.parametrize("off_s, told", [(-1e-4, 1), (1e-4, 0)])
def test_a_connection_takes_a_round_trip_and_then_its_bytes(made, off_s, told):
    made.manifest["clock"] = "virtual"
    ended_s = 8.0 + least_s(made, 8.0) + off_s
    change(made, "transfers", 0, ended_s=ended_s, arrived_s=ended_s)
    change(made, "tasks", DELIVERY, ended_s=ended_s)
    assert len(said(made, "where light and rates take")) == told


@pytest.mark.parametrize("node, peer", [("Miyun", "s1"), ("s1", "Miyun"), ("Sanya", "s2"), ("s2", "Sanya")])
def test_no_node_sends_sooner_than_light_to_any(made, node, peer):
    """Over a contact light takes a millisecond at least; the least is the smaller, as nobody is at work."""
    made.manifest["clock"] = "virtual"
    change(made, "transfers", 0, node=node, peer=peer, ended_s=8.001, arrived_s=8.001)
    change(made, "tasks", DELIVERY, node=node, peer=peer, ended_s=8.001)
    (reason,) = said(made, "where light and rates take")
    assert f"bytes went from {node} to {peer} in 0.001000 s" in reason


@pytest.mark.parametrize("off_s, told", [(-0.26, 1), (-0.24, 0)])
def test_in_real_time_a_connection_may_be_a_quarter_of_a_second_too_quick(made, off_s, told):
    """Ten times as many bytes take 0.84 s."""
    took_s = least_s(made, 8.0) + 9 * 0.99 * ON_WIRE_S + off_s
    change(made, "transfers", 0, bytes=10 * PRODUCT, ended_s=8.0 + took_s, arrived_s=8.0 + took_s)
    change(made, "tasks", DELIVERY, ended_s=8.0 + took_s)
    assert len(said(made, "where light and rates take")) == told


def test_of_what_was_broken_off_a_second_may_have_been_under_way(made):
    """Twenty times as many bytes take 1.65 s."""
    for off_s, told in ((-0.01, 1), (0.01, 0)):
        took_s = least_s(made, 8.0, trips=1) + 19 * 0.99 * ON_WIRE_S - 1.25 + off_s
        change(made, "transfers", 0, bytes=20 * PRODUCT, ended_s=8.0 + took_s, arrived_s=8.0 + took_s)
        change(made, "tasks", DELIVERY, ended_s=20.0)
        assert len(said(made, "where light and rates take")) == told, off_s


@pytest.mark.parametrize("row_s, told", [(9.25, 1), (9.26, 0), (8.75, 1), (8.74, 0)])
def test_a_connection_that_ended_with_its_stage_is_whole_within_the_clock(made, row_s, told):
    """At 9 s: all that would take 1.65 s came in one, and of what was broken off a part may be on its way."""
    change(made, "transfers", 0, bytes=20 * PRODUCT, ended_s=9.0, arrived_s=9.0)
    change(made, "tasks", DELIVERY, ended_s=row_s)
    assert len(said(made, "where light and rates take")) == told


@pytest.mark.parametrize("clock, began_s, share, told", [
    ("virtual", 29.0, 0.75, 0), ("virtual", 10.0, 0.75, 1), ("virtual", 29.0, 0.45, 1),
    ("real", 29.0, 0.45, 0), ("real", 29.0, 0.42, 1),
])  # fmt: skip
def test_over_two_ways_one_after_the_other_bytes_come_twice_as_quickly_at_most(
    tmp_path, clock, began_s, share, told
):
    """From Miyun to Sanya, over s1 until 30 s and from 32 s on over s2: in a share of the 4 s it takes. A
    quarter of a second is a sixteenth of it.
    """
    made = build(tmp_path / "run", tasks=[FIELDS["tasks"][0] | {"over": "path"}])
    made.manifest["clock"] = clock
    ended_s = began_s + share * 50 * 0.99 * ON_WIRE_S + 0.03
    change(made, "tasks", DELIVERY, node="Miyun", peer="Sanya", ended_s=ended_s)
    change(made, "transfers", 0, node="Miyun", peer="Sanya", bytes=50 * PRODUCT, began_s=began_s)
    change(made, "transfers", 0, ended_s=ended_s, arrived_s=ended_s)
    assert len(said(made, "where light and rates take")) == told


@pytest.mark.parametrize("size, told", [(0, 0), (1, 1)])
def test_a_connection_over_which_nothing_came_took_no_time(made, size, told):
    change(made, "transfers", 0, bytes=size, ended_s=8.0, arrived_s=np.nan)
    change(made, "tasks", DELIVERY, ended_s=8.0)
    assert len(said(made, "where light and rates take")) == told


def test_what_arrived_late_is_held_to_when_it_arrived(made):
    made.manifest["clock"] = "virtual"
    change(made, "transfers", 0, ended_s=8.01)
    change(made, "tasks", DELIVERY, ended_s=8.01)
    assert said(made, "where light and rates take") == []


# -- storage ---------------------------------------------------------------------------------------------


def off(made, part=""):
    """What is wrong with storage and power, of the sentences with a part."""
    return [reason for of in balances.wrong(made.told()) for reason in of if part in reason]


def at(made, table, node, t_s):
    rows = made.tables[table].reset_index(drop=True)
    made.tables[table] = rows
    return int(np.flatnonzero((rows["node"] == node) & (rows["t_s"] == t_s))[0])


def test_a_node_may_be_full_and_no_more(tmp_path):
    made = carrying(tmp_path, storage={"gb": 0.001})
    rows = made.tables["storage"]
    rows.loc[rows["node"] == "s1", "room_bytes"] = 1e6
    assert off(made) == []
    rows.loc[rows["node"] == "s1", "room_bytes"] = 1e6 - 1
    assert off(made, "s1 held 1000000 bytes at 5.000000 s of 999999 it can.")
    assert off(made, "s1 had room for 999999 bytes, where the scenario gives it 1000000.")


def test_nothing_holds_less_than_nothing(made):
    rows = made.tables["storage"]
    rows.loc[(rows["node"] == "s1") & (rows["held_bytes"] == 0), "held_bytes"] = -1
    assert off(made, "s1 held -1 bytes at")


@pytest.mark.parametrize("more", [7, -7])
def test_what_is_held_is_told_to_the_byte(made, more):
    change(made, "storage", at(made, "storage", "s1", 5.0), held_bytes=SCENE + more)
    run = made.told()
    assert balances.storage_off_bytes(run) == 7
    assert off(made) == [f"s1 held {SCENE + more} bytes at 5.000000 s, and by its tasks {SCENE}."]


def test_of_several_nodes_the_one_that_is_most_off_is_told(made):
    made.manifest["clock"] = "virtual"
    change(made, "storage", at(made, "storage", "s1", 5.0), held_bytes=SCENE + 7)
    change(made, "storage", at(made, "storage", "Miyun", 8.0), held_bytes=PRODUCT + 3)
    assert len(off(made)) == 2 and balances.storage_off_bytes(made.told()) == 7


@pytest.mark.parametrize("t_s, told", [(5.2, 0), (4.75, 0), (4.74, 1)])
def test_a_scene_is_there_within_the_clock_of_when_it_was_asked_for(made, t_s, told):
    change(made, "storage", at(made, "storage", "s1", 5.0), t_s=t_s)
    assert len(off(made, "s1 held 1000000 bytes at")) == told


def test_what_a_node_held_at_the_end_is_in_the_books(made):
    """The last that is told of s1 is a product; it was let go."""
    rows = made.tables["storage"]
    last_s = rows.loc[rows["node"] == "s1", "t_s"].max()
    made.tables["storage"] = rows[(rows["node"] != "s1") | (rows["t_s"] < last_s)]
    assert off(made) == []  # it may leave any time
    made.tables["storage"] = rows[rows["node"] != "s1"]
    made.manifest["played_s"] = 7.0
    assert off(made, "s1 held 0 bytes at 7.000000 s, and by its tasks ")


# -- what a node holds that others freed, or that was lost --------------------------------------------------


def held(made, *rows):
    """Sets what s1 held: (t_s, bytes)."""
    table = made.tables["storage"]
    mine = pd.DataFrame([("s1", t_s, size, 3e6) for t_s, size in rows], columns=[*table])
    made.tables["storage"] = pd.concat([table[table["node"] != "s1"], mine], ignore_index=True)


def test_what_was_freed_may_leave_later_each_as_a_whole_and_once(made):
    """Products leave as their sender learns of it: here two of three at once, and the last at the end."""
    scenes = (5, SCENE), (8, PRODUCT), (12, SCENE + PRODUCT), (15, 2 * PRODUCT)
    more = (20, SCENE + 2 * PRODUCT), (23, 3 * PRODUCT)
    held(made, *scenes, *more, (25, PRODUCT), (30, 0))
    assert off(made) == []
    held(made, *scenes, *more, (25, 0))
    assert off(made) == []
    held(made, *scenes, *more, (25, PRODUCT // 2), (30, 0))
    assert off(made) == ["s1 held 50000 bytes at 25.000000 s, and by its tasks 300000."]
    held(made, (5, SCENE), (8, PRODUCT), (10, 0), (12, SCENE - PRODUCT))
    assert off(made) == [f"s1 held {SCENE - PRODUCT} bytes at 12.000000 s, and by its tasks {SCENE}."]
    held(made, (5, SCENE), (7.8, 0))
    assert off(made) == ["s1 held 0 bytes at 7.800000 s, and by its tasks 100000."]


@pytest.mark.parametrize("left", [5, 4, 3, 2, 0])
def test_of_much_that_was_freed_one_two_three_or_all_leave_at_once(tmp_path, left):
    made = build(tmp_path / "run", at_s=[5.0, 8.2, 11.4, 14.6, 17.8])
    came = [
        row
        for n in range(5)
        for row in ((5 + 3.2 * n, SCENE + n * PRODUCT), (8 + 3.2 * n, (n + 1) * PRODUCT))
    ]
    held(made, *came, (25, left * PRODUCT), (30, 0))
    assert off(made) == []


@pytest.mark.parametrize("next_s, told", [(5.4, 0), (5.5, 0), (5.51, 1)])
def test_of_rows_so_near_that_clocks_do_not_tell_which_came_first_the_last_counts(made, next_s, told):
    held(
        made,
        (5.0, 7),
        (next_s, SCENE),
        (8, PRODUCT),
        (10, 0),
        (12, SCENE),
        (15, PRODUCT),
        (17, 0),
        (20, SCENE),
    )
    assert len(off(made, "s1 held 7 bytes at 5.000000 s, and by its tasks 1000000.")) == told


@pytest.mark.parametrize("rows, says", [
    ([(5, SCENE), (7, 0), (12, SCENE)], None), ([(5, SCENE), (12, SCENE)], None),
    ([(5, SCENE), (6.75, 0)], None),
    ([(5, SCENE), (6.74, 0)], "s1 held 0 bytes at 6.740000 s"),
    ([(5, SCENE), (7.5, SCENE)], "s1 held 1000000 bytes at 7.5"),
    ([(5, SCENE), (7, 1)], "s1 held 1 bytes at 7.000000 s, and by its tasks 0."),
])  # fmt: skip
@pytest.mark.parametrize("told_s", [7.0, 7.2])
def test_what_a_node_held_is_lost_as_it_goes_out_of_service(tmp_path, rows, says, told_s):
    """At 7 s, while it computes, whenever it is told of its work."""
    fault = {"kind": "carrier", "node": "s1", "at_s": 7, "for_s": 1, "dead": True}
    made = build(tmp_path / "run", faults=[fault])
    made.manifest |= {"clock": "real", "played_s": 12.5}
    table = made.tables["tasks"]
    change(made, "tasks", COMPUTE, ended_s=told_s, outcome="lost")
    made.tables["tasks"] = table.drop(index=[DELIVERY, DELIVERY + 1])
    held(made, *rows, *([(12, SCENE)] if rows[-1][0] < 12 else []))
    found = off(made, "s1 held")
    assert len(found) == bool(says) and all(reason.startswith(says) for reason in found)


@pytest.mark.parametrize("lost_s, again, says", [
    (8.5, PRODUCT, None), (8.25, PRODUCT, None),
    (8.24, PRODUCT, "Miyun held 0 bytes at 8.240000 s, and by its tasks 100000."),
    (8.5, 2 * PRODUCT, "Miyun held 200000 bytes at 10.000000 s, and by its tasks 100000."),
])  # fmt: skip
def test_what_had_come_is_lost_as_its_receiver_goes_out_of_service_and_comes_anew(
    tmp_path, lost_s, again, says
):
    """Miyun is out of service from 8.5 s to 9.5 s; from 10 s to 11 s it gets all of it once more."""
    fault = {"kind": "carrier", "node": "Miyun", "at_s": 8.5, "for_s": 1, "dead": True}
    made = build(tmp_path / "run", faults=[fault])
    made.manifest["clock"] = "real"
    sent, rows = made.tables["transfers"], made.tables["storage"]
    second = sent.iloc[[0]].assign(part=1, began_s=10.0, ended_s=11.0, arrived_s=11.0)
    made.tables["transfers"] = pd.concat([sent, second], ignore_index=True)
    change(made, "transfers", 0, ended_s=8.5, arrived_s=8.5, bytes=10)
    change(made, "tasks", DELIVERY, ended_s=11.0)
    change(made, "tasks", DELIVERY + 1, queued_s=11.0, began_s=11.0, ended_s=11.0)
    steps = [("Miyun", *step, np.nan) for step in ((8, PRODUCT), (lost_s, 0), (10, again), (11, 0))]
    later = rows[(rows["node"] == "Miyun") & (rows["t_s"] > 11)]
    made.tables["storage"] = pd.concat([pd.DataFrame(steps, columns=[*rows]), later], ignore_index=True)
    assert off(made, "Miyun held") == ([says] if says else [])
    assert said(made, "bytes arrived at Miyun") == []


@pytest.mark.parametrize("held_bytes, told", [(SCENE, 0), (SCENE - PRODUCT, 1)])
def test_what_was_freed_before_a_node_went_out_of_service_is_not_freed_again(tmp_path, held_bytes, told):
    """s1 has sent its product at 8.11 s, and is out of service from 8.3 s on, for a tenth of a second."""
    fault = {"kind": "carrier", "node": "s1", "at_s": 8.3, "for_s": 0.1, "dead": True}
    made = build(tmp_path / "run", faults=[fault])
    made.manifest |= {"clock": "real", "played_s": 12.5}
    held(made, (5, SCENE), (8, PRODUCT), (8.6, 0), (12, held_bytes))
    assert len(off(made, f"s1 held {held_bytes} bytes at 12.000000 s")) == told


@pytest.mark.parametrize("node, t_s, least, most", [
    ("s1", 5.5, SCENE, SCENE), ("s1", 8.7, 60_000, 100_000), ("s1", 9.5, 0, 100_000),
    ("s1", 12.5, SCENE, SCENE),
    ("Sanya", 8.2, 0, 100_000), ("Sanya", 9.0, 40_000, 40_000), ("Sanya", 34.0, 0, 40_000),
    ("Sanya", 36.0, 0, 0),
    ("s2", 33.2, 0, 100_000), ("s2", 34.2, 40_000, 40_000), ("Miyun", 20.0, 60_000, 60_000),
    ("Miyun", 8.0, 0, 0),
])  # fmt: skip
def test_a_node_holds_of_bundles_what_has_come_and_is_not_known_to_have_gone(
    tmp_path, node, t_s, least, most
):
    made = in_bundles(tmp_path / "run")
    for size in (least - 1, least, most, most + 1):
        made.tables["storage"] = pd.DataFrame([(node, t_s, size, np.nan)], columns=[*made.tables["storage"]])
        said = off(made, f"{node} held {size} bytes at {t_s:.6f} s, and by its tasks")
        assert len(said) == (not least <= size <= most), size
        if said and size >= 0:
            assert balances.storage_off_bytes(made.told()) == 1


@pytest.mark.parametrize("t_s, least, most", [
    (4.74, 0, 0), (4.75, 0, SCENE), (5.2, 0, SCENE), (5.25, SCENE, SCENE), (7.7, SCENE, SCENE),
])  # fmt: skip
def test_beside_bundles_a_scene_is_there_within_the_clock(tmp_path, t_s, least, most):
    made = in_bundles(tmp_path / "run")
    made.manifest["clock"] = "real"
    for size in (least - 1, least, most, most + 1):
        made.tables["storage"] = pd.DataFrame([("s1", t_s, size, 3e6)], columns=[*made.tables["storage"]])
        assert bool(off(made, "and by its tasks")) == (not least <= size <= most), size


@pytest.mark.parametrize("clock, dead_s, rows", [
    ("virtual", 5.5, [(5.2, SCENE), (5.5, 0), (6.5, 0)]), ("real", 5.2, [(6.5, 0)]),
])  # fmt: skip
def test_beside_bundles_what_was_there_before_a_node_went_out_of_service_is_lost(
    tmp_path, clock, dead_s, rows
):
    """So it was at 2 s, and is once more at 50 s."""
    fault = {"kind": "carrier", "node": "s1", "for_s": 0.1, "dead": True}
    made = in_bundles(tmp_path / "run", faults=[fault | {"at_s": at_s} for at_s in (2, dead_s, 50)])
    made.manifest["clock"] = clock
    for t_s, size in rows:
        for off_by in (-1, 0, 1):
            row = ("s1", t_s, size + off_by, np.nan)
            made.tables["storage"] = pd.DataFrame([row], columns=[*made.tables["storage"]])
            assert bool(off(made, "and by its tasks")) == bool(off_by), (t_s, off_by)


@pytest.mark.parametrize("t_s, least, most", [
    (8.05, PRODUCT, PRODUCT), (8.2, 0, PRODUCT), (39.0, 0, 3 * PRODUCT), (45.0, SCENE, SCENE + 3 * PRODUCT),
])  # fmt: skip
def test_of_who_sends_both_ways_what_is_freed_may_be_there_still(tmp_path, t_s, least, most):
    """Three products go over tcp, by 23.2 s; a scene of 40 s waits to go as a bundle."""
    later = FIELDS["tasks"][0] | {
        "name": "later",
        "at_s": [40],
        "carrier": "bundles",
        "over": "path",
        "steps": [],
    }
    made = build(tmp_path / "run", tasks=[*FIELDS["tasks"], later], routing={"destinations": []})
    rows = made.tables["tasks"]
    times = {name: rows[name] + 35.0 for name in ("queued_s", "began_s", "ended_s")}
    second = rows.assign(flow="later", **times).iloc[[VIEW, OBSERVE, COMPUTE]]
    second.iloc[2, [second.columns.get_loc(name) for name in ("stage", "peer", "outcome")]] = [
        "delivery", "Miyun", "held",
    ]  # fmt: skip
    made.tables["tasks"] = pd.concat([rows, second], ignore_index=True)
    change(made, "tasks", -1, began_s=np.nan, ended_s=np.nan, at_work_s=0.0)
    for size in (least - 1, least, most, most + 1):
        held(made, (t_s, size))
        assert bool(off(made, f"s1 held {size} bytes")) == (not least <= size <= most), size


def test_where_flows_of_bundles_have_some_of_the_room_more_may_be_held_and_not_less(tmp_path):
    flow = {"kind": "bundles", "name": "b1", "from": "s1", "to": "Miyun", "size_bytes": 10}
    made = build(tmp_path / "run", traffic=[flow], routing={"destinations": []})
    for size, told in ((SCENE - 1, 1), (SCENE, 0), (SCENE + 1, 0)):
        held(made, (5.5, size))
        assert len(off(made, f"s1 held {size} bytes at 5.500000 s, and by its tasks {SCENE}.")) == told


# -- power -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["compute_w", "camera_w", "solar_w"])
@pytest.mark.parametrize("off_w", [2e-6, -2e-6])
def test_what_draws_power_is_told_to_a_microwatt(made, name, off_w):
    rows = made.tables["energy"]
    rows.loc[rows.index[2], name] += off_w
    if name != "solar_w":
        rows.loc[rows.index[2], "load_w"] += off_w
    assert len(off(made, f"s1 had a {name} of")) == 1
    rows.loc[rows.index[2], name] -= off_w * 0.75
    assert not off(made, f"s1 had a {name} of")


@pytest.mark.parametrize("until_s, told", [(6.0, 0), (6.01, 1)])
def test_what_draws_power_for_no_longer_than_four_times_the_clock_is_not_told(made, until_s, told):
    """The clock is a quarter of a second. The camera is on from 5 s to 6 s."""
    change(made, "energy", 1, camera_w=3.0)
    change(made, "energy", 2, t_s=until_s)
    assert len(off(made, "s1 had a camera_w of 3 from 5.000000 s on")) == told


@pytest.mark.parametrize("off_w", [2e-6, -2e-6])
def test_a_load_is_the_sum_of_its_parts_to_a_microwatt(made, off_w):
    rows = made.tables["energy"]
    rows.loc[rows.index[3], "load_w"] += off_w
    assert len(off(made, "and what draws it makes")) == 1
    rows.loc[rows.index[3], "load_w"] -= off_w * 0.75
    assert not off(made, "and what draws it makes")


def test_a_computer_that_is_on_draws_its_idle_power_too(tmp_path):
    made = carrying(tmp_path, computing=CARRIES["computing"] | {"idle_w": 0.5})
    assert off(made, "s1 drew 1 W at 0.000000 s, and what draws it makes 1.5 W.")
    rows = made.tables["energy"]
    rows["load_w"] += 0.5
    rows["battery_wh"] -= 0.5 * rows["t_s"] / 3600
    made.manifest["clock"] = "virtual"
    assert off(made) == []


def test_a_camera_and_a_computer_of_which_nothing_is_known_draw_nothing(tmp_path):
    """The task itself says how large a scene is and how long a job takes."""
    leo = TINY["layers"]["leo"] | {"carries": {"storage": CARRIES["storage"], "power": POWER}}
    (task,) = FIELDS["tasks"]
    tasks = [task | {"scene_mb": 1, "steps": [task["steps"][0] | {"seconds": 2}]}]
    made = build(tmp_path / "run", layers={"leo": leo}, tasks=tasks)
    rows = made.tables["energy"]
    assert {reason.split(" from ")[0] for reason in off(made, " from ")} == {
        "s1 had a compute_w of 5", "s1 had a camera_w of 2",
    }  # fmt: skip
    rows[["compute_w", "camera_w"]] = 0.0
    rows["load_w"] = 1 + rows["transmit_w"]
    net_wh = (10 - rows["load_w"]).iloc[:-1] * np.diff(rows["t_s"]) / 3600
    rows["battery_wh"] = np.append(5, 5 + net_wh.cumsum())
    assert off(made) == []


@pytest.mark.parametrize("off_wh, told", [(0.0, 0), (3e-4, 1), (-1e-3, 1)])
def test_a_battery_is_held_to_what_sun_and_load_make_of_it(made, off_wh, told):
    """But for what a sender draws until it knows: 3 W for a quarter of a second are 0.21 mWh."""
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    rows.loc[rows["t_s"] >= 5, "battery_wh"] += off_wh
    assert bool(off(made, "Wh off are allowed")) == told


def test_of_a_battery_the_part_of_each_connection_is_allowed(made):
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    receipt_wh = 0.25 * POWER["transmit_w"] / 3600
    for count, t_s in ((1, 9.0), (3, 30.0)):
        for part, told in ((0.95, 0), (1.1, 1)):
            made.tables["energy"] = rows.assign(
                battery_wh=rows["battery_wh"] + (rows["t_s"] > t_s) * part * count * receipt_wh
            )
            assert bool(off(made, "Wh off are allowed")) == told, (count, part)


def test_how_far_a_battery_is_off_is_told_to_both_sides(made):
    rows = made.tables["energy"]
    before = rows["battery_wh"].copy()
    for off_wh in (0.01, -0.01):
        rows["battery_wh"] = before + (rows["t_s"] > 10) * off_wh
        assert balances.battery_off_wh(made.told()) == approx(0.01, abs=1e-6)


def test_of_several_batteries_the_one_that_is_most_off_is_told(made):
    """s2 draws 1 W, gets 10 W from the Sun, and is right."""
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    quiet = rows.iloc[[0, -1]].assign(node="s2", battery_wh=[5.0, 5.15], load_w=1.0)
    rows["battery_wh"] += (rows["t_s"] > 10) * 0.01
    made.tables["energy"] = pd.concat([rows, quiet], ignore_index=True)
    assert balances.battery_off_wh(made.told()) == approx(0.01, abs=1e-6)
    assert off(made, "s2 ") == []


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_of_no_battery_or_of_one_that_was_hardly_told_of_nothing_is_off(made, rows):
    made.tables["energy"] = made.tables["energy"].iloc[:rows]
    assert balances.battery_off_wh(made.told()) == approx(0, abs=1e-9) and off(made) == []


@pytest.mark.parametrize("sent, drawn_s, told", [(1, 10, 0), (2, 10, 0), (2, 20, 1), (1, 9, 1)])
def test_who_sends_two_ways_at_once_draws_for_one(made, sent, drawn_s, told):
    """s2 sends for 10 s, at 3 W; else it draws 1 W, and gets 10 W from the Sun."""
    made.manifest["clock"] = "virtual"
    rows, parts = made.tables["energy"], made.tables["transfers"]
    level_wh = 5 + (9 * 60 - 3 * drawn_s) / 3600
    made.tables["energy"] = rows.iloc[[0, -1]].assign(node="s2", battery_wh=[5.0, level_wh], load_w=1.0)
    more = parts.iloc[:sent].assign(node="s2", began_s=40.0, ended_s=50.0, arrived_s=50.0)
    made.tables["transfers"] = pd.concat([parts, more], ignore_index=True)
    assert len(off(made, "s2 had")) == told


def test_a_battery_stays_at_full_and_at_empty(tmp_path):
    made = carrying(tmp_path, power=POWER | {"start_pct": 100})
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    rows["battery_wh"] = POWER["battery_wh"]  # the Sun gives more than anything draws
    assert off(made) == []
    made = carrying(tmp_path, power=POWER | {"start_pct": 0, "panel_w": 0})
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    rows["battery_wh"], rows["solar_w"] = 0.0, 0.0
    assert off(made, "Wh off are allowed") == []


@pytest.mark.parametrize("w, told", [(0.0, 0), (0.5, 1), (5.0, 1)])
def test_a_job_that_rests_draws_nothing(made, w, told):
    """From 6 s to 8 s the battery is told to rest, and what is computed waits."""
    change(made, "energy", at(made, "energy", "s1", 6.0), paused=True, compute_w=w, load_w=1.0 + w)
    assert len(off(made, "s1 had a compute_w")) == len(off(made, "s1 computed at 6.000000 s")) == told
    assert off(made, "s1 paused at 6.000000 s")


@pytest.mark.parametrize("level_wh, paused, part, told", [
    (1.9, False, "did not pause", 1), (2.1, False, "did not pause", 0), (1.9, True, "did not pause", 0),
    (2.4, True, "paused at", 0), (2.6, True, "paused at", 1), (2.6, False, "paused at", 0),
])  # fmt: skip
def test_a_node_rests_under_its_floor_and_until_it_may_go_on(tmp_path, level_wh, paused, part, told):
    """The floor is 20 % of 10 Wh, and 25 % are enough to go on."""
    made = carrying(tmp_path, power=POWER | {"floor_pct": 20, "resume_pct": 25})
    made.manifest["clock"] = "virtual"
    made.tables["energy"]["battery_wh"] = level_wh
    made.tables["energy"]["paused"] = paused
    assert bool(off(made, part)) == bool(told)


@pytest.mark.parametrize("off_wh, told", [(5e-6, 0), (-5e-6, 0), (5e-5, 1), (-5e-5, 1)])
def test_before_anything_is_sent_a_battery_is_known_to_the_rounding(made, off_wh, told):
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    rows.loc[rows["t_s"] == 5, "battery_wh"] += off_wh
    assert len(off(made, "s1 had ")) == told
    assert balances.battery_off_wh(made.told()) == approx(abs(off_wh), rel=0.01)


@pytest.mark.parametrize("off_wh, told", [(2.1e-3, 0), (-2.1e-3, 0), (2.4e-3, 1), (-2.4e-3, 1)])
def test_in_real_time_each_change_may_be_a_quarter_of_a_second_off(made, off_wh, told):
    """By 5 s there are two of at most 16 W, of which the panels are 10: 2.2 mWh."""
    rows = made.tables["energy"]
    rows.loc[rows["t_s"] == 5, "battery_wh"] += off_wh
    assert len(off(made, "s1 had ")) == told


@pytest.mark.parametrize("clock, told", [("real", 0), ("virtual", 1)])
def test_what_is_drawn_for_a_second_only_says_nothing_in_real_time(made, clock, told):
    """The camera is on from 5 s to 6 s: that is no longer than four times what the clocks are off."""
    made.manifest["clock"] = clock
    rows = made.tables["energy"]
    rows.loc[rows["t_s"] == 5, ["camera_w", "load_w"]] = [0.0, 1.0]
    assert len(off(made, "s1 had a camera_w of 0")) == told


@pytest.mark.parametrize("t_s, told", [(4.2, 0), (4.6, 1), (4.85, 1)])
def test_a_row_of_which_the_middle_is_near_a_change_says_nothing(made, t_s, told):
    """Until 6 s, and the camera begins at 5 s."""
    rows = made.tables["energy"]
    made.tables["energy"] = rows.assign(t_s=rows["t_s"].where(rows["t_s"] != 5, t_s)).assign(
        camera_w=rows["camera_w"].where(rows["t_s"] != 5, 0.0),
        load_w=rows["load_w"].where(rows["t_s"] != 5, 1.0),
    )
    assert len(off(made, "s1 had a camera_w of 0")) == told


def test_a_job_that_never_ended_draws_power_to_the_end(made):
    """Of number 2, from 21 s on."""
    made.manifest["clock"] = "virtual"
    table = made.tables["tasks"]
    change(made, "tasks", 2 * NEXT + COMPUTE, ended_s=np.nan, outcome="held")
    made.tables["tasks"] = table.drop(index=[2 * NEXT + DELIVERY, 2 * NEXT + DELIVERY + 1])
    assert any(
        reason.startswith("s1 had a compute_w of 0 from 23.1") and reason.endswith("make 5.")
        for reason in off(made, "compute_w")
    )


def test_the_sun_shines_on_who_is_not_behind_the_earth(made):
    rows = made.tables["energy"]
    rows["solar_w"] = 0.0
    made.manifest["clock"] = "virtual"
    assert len(off(made, "s1 had a solar_w of 0 from ")) == len(rows) - 1  # the last has no length


@pytest.mark.parametrize("w, told", [(10.0, 0), (9.0, 1)])
def test_the_sun_shines_before_and_after_a_satellite_is_behind_the_earth(tmp_path, w, told):
    """In two hours s1 goes round once, a good third of it in the shadow: panels give w in two spans."""
    made = build(tmp_path / "run", duration_s=7200.0)
    made.manifest |= {"duration_s": 7200.0, "played_s": 7200.0}
    lit = ledger.prospect(made.told()).sunlit.of(made.plan.node("s1"))
    dark_s = [b - a for (_, a), (b, _) in itertools.pairwise(lit)]
    assert len(dark_s) == len(lit) - 1 > 0 and all(30 * 60 < shadow_s < 37 * 60 for shadow_s in dark_s)
    t_s = sorted({edge_s + more_s for span in lit for edge_s in span for more_s in (0.0, 60.0)})
    solar_w = [w * any(begin_s <= at_s < end_s for begin_s, end_s in lit) for at_s in t_s]
    row = made.tables["energy"].iloc[[-1]]
    rows = pd.concat([row] * len(t_s), ignore_index=True).assign(t_s=t_s, solar_w=solar_w)
    made.tables["energy"] = rows
    assert bool(off(made, "solar_w")) == told


@pytest.mark.parametrize("level_wh, told", [(2.5, 0), (2.5005, 0), (2.502, 1)])
def test_a_pause_is_judged_beyond_a_milliwatt_hour(tmp_path, level_wh, told):
    made = carrying(tmp_path, power=POWER | {"floor_pct": 20, "resume_pct": 25})
    made.manifest["clock"] = "virtual"
    made.tables["energy"]["battery_wh"] = level_wh
    made.tables["energy"]["paused"] = True
    assert bool(off(made, "paused at 0.000000 s")) == bool(told)


def test_of_a_row_both_ends_are_looked_at(tmp_path):
    """It began under its floor and ended above, or the other way round: it may have been so late. At the
    floor a milliwatt-hour is nothing.
    """
    made = carrying(tmp_path, power=POWER | {"floor_pct": 20, "resume_pct": 25})
    made.manifest["clock"] = "virtual"
    rows = made.tables["energy"]
    for levels in ([1.5, 2.2], [2.2, 1.5], [1.5, 1.9995], [1.9995, 1.5], [1.5, 1.5]):
        rows["battery_wh"] = 2.2
        rows.loc[rows.index[:2], "battery_wh"] = levels
        assert bool(off(made, "did not pause at 0.000000 s")) == (levels == [1.5, 1.5]), levels
    rows["paused"] = True
    for levels in ([2.8, 2.2], [2.2, 2.8], [2.8, 2.5005], [2.5005, 2.8], [2.8, 2.8]):
        rows["battery_wh"] = 2.2
        rows.loc[rows.index[:2], "battery_wh"] = levels
        assert bool(off(made, "paused at 0.000000 s")) == (levels == [2.8, 2.8]), levels
