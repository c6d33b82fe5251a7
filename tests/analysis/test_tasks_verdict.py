"""What a run with tasks is held to: each rule broken once, on a run that is written by hand."""

import re

import numpy as np
import pytest
from pytest import approx

from skybed.analysis import verdict
from skybed.analysis.measures import custody, ledger
from skybed.analysis.verdict import tasks
from skybed.topologies.tasks import carriers
from support.tiny_sky import S1_MIYUN, one_way_s
from support.tiny_tasks import COMPUTE_S, ON_WIRE_S, PRODUCT, SCENE, build

OBSERVE, COMPUTE, DELIVERY = 1, 2, 3  # rows of number 0; those of the next number are five further


@pytest.fixture
def made(tmp_path):
    return build(tmp_path / "run")


def reasons(made):
    """What the tasks alone are a reason for; the rest of a verdict has tests of its own."""
    return tasks.reasons(made.told())


def change(made, table, row, **values):
    for column, value in values.items():
        made.tables[table].loc[made.tables[table].index[row], column] = value


def test_a_good_run_passes_and_its_books_are_even(made):
    judged = verdict.judge(made.told())
    assert (judged.status, judged.reasons) == ("pass", [])
    assert judged.notes == ["A note only: there are no probes, so the RTT error was not judged."]
    (books,) = judged.tasks.books
    assert (books.asked, books.observed_bytes, books.delivered_bytes) == (3, 3 * SCENE, 3 * PRODUCT)
    assert books.made_less_bytes == 3 * (SCENE - PRODUCT)
    assert books.slack_least_s == approx(0, abs=1e-6)  # nothing waits for anything
    assert judged.tasks.storage_off_bytes == 0 and judged.tasks.battery_off_wh < 1e-6


def test_without_queues_a_response_is_the_bound(made):
    """TCP connects, a round trip, then the bytes leave at 10 Mbit/s and take the light time."""
    table = ledger.responses(made.told(), "fire")
    light_s = one_way_s(made.plan, table["asked_s"] + 1.0 + COMPUTE_S, S1_MIYUN)
    sending_s = np.array([carriers.sending_s("tcp", PRODUCT, 10.0, 2 * of_s) for of_s in light_s])
    assert (sending_s >= ON_WIRE_S).all()  # it waits for acknowledgements
    at_best_s = 1.0 + COMPUTE_S + 3 * light_s + sending_s
    assert table["bound_s"].to_numpy() == approx(at_best_s.to_numpy(), abs=1e-6)
    assert table["response_s"].to_numpy() == approx(at_best_s.to_numpy(), abs=1e-6)


def test_a_run_without_tasks_has_no_books(builder):
    assert verdict.judge(builder().load()).tasks is None


# -- what was asked for ------------------------------------------------------------------------------------


def test_what_was_not_asked_for(made):
    made.tables["tasks"] = made.tables["tasks"][made.tables["tasks"]["number"] != 1]
    assert "fire, number 1: was to be asked for at 12.000000 s, and was not." in reasons(made)


def test_what_was_asked_for_and_was_not_to_be(made):
    rows = made.tables["tasks"]
    rows.loc[rows["number"] == 2, "number"] = 7
    assert reasons(made)[0].startswith("fire, number 7: was asked for, and the plan has no such number.")


def test_asked_for_at_another_time(made):
    change(made, "tasks", 0, queued_s=4.5)
    said = reasons(made)
    assert said[0] == "fire, number 0: was asked for at 4.500000 s, not at 5.000000 s."


def test_seen_by_another_satellite(made):
    change(made, "tasks", OBSERVE, node="s2")
    said = reasons(made)
    assert said[0] == "fire, number 0, observe: was at s2, where s1 observes."
    assert said[1] == "fire, number 0: has its stage 1, observe, at s2, where its data was at s1."


def test_a_stage_that_does_not_follow(made):
    change(made, "tasks", COMPUTE, queued_s=6.5)
    assert reasons(made)[0] == (
        "fire, number 0: has its stage 2, compute, queued at 6.500000 s, where what came before it ended at "
        "6.000000 s."
    )


def test_a_stage_that_is_missing(made):
    made.tables["tasks"] = made.tables["tasks"].drop(index=COMPUTE)
    assert reasons(made)[0] == "fire, number 0: has no stage compute for step 0, whose input came at 6 s."


def test_a_product_of_another_size(made):
    change(made, "tasks", COMPUTE, out_bytes=PRODUCT - 1)
    assert "fire, number 0: made 99999 bytes of 1000000 in step 0, not 100000." in reasons(made)


def test_a_product_that_ended_elsewhere(made):
    change(made, "tasks", DELIVERY, peer="Sanya")
    assert "fire, number 0: ended at Sanya, where Miyun was to get it." in reasons(made)


def test_a_product_that_is_there_and_never_arrived(made):
    made.tables["tasks"] = made.tables["tasks"].iloc[:-1]
    assert reasons(made) == [
        "fire, number 2: has no stage arrive, and all of its product was there at 23.109918 s."
    ]


# -- what was sent -----------------------------------------------------------------------------------------


def test_sooner_than_light_and_rate(made):
    rows = made.tables["transfers"]
    soon_s = rows.loc[0, "began_s"] + 0.05
    change(made, "transfers", 0, ended_s=soon_s, arrived_s=soon_s)
    change(made, "tasks", DELIVERY, ended_s=soon_s)
    said = next(reason for reason in reasons(made) if "light and rates" in reason)
    least_s = float(re.search(r"take ([\d.]+) s at least", said)[1])
    light_s = float(one_way_s(made.plan, 8.0, S1_MIYUN))
    assert said.startswith(
        "fire, number 0, stage 3 (delivery): 100000 bytes went from s1 to Miyun in 0.050000 s"
    )
    assert least_s == approx(3 * light_s + ON_WIRE_S, rel=0.02) and least_s > 0.08


def test_bytes_that_did_not_arrive_and_yet_did(made):
    change(made, "transfers", 1, bytes=PRODUCT - 500)
    assert reasons(made) == [
        "fire, number 1, stage 3 (delivery): 99500 bytes arrived at Miyun of 100000 that were sent."
    ]


def test_sent_when_there_is_no_contact(made):
    """s1 has left Miyun at 30 s."""
    change(made, "transfers", 2, began_s=40.0, ended_s=40.11, arrived_s=40.11)
    said = reasons(made)
    assert said[0] == (
        "fire, number 2, stage 3 (delivery): was sent from s1 to Miyun from 40.000000 to 40.110000 s, in "
        "which the plan has no contact all the time."
    )


def test_what_was_in_a_queue_when_the_sender_turned_to_something_else_may_come_later(made):
    """Number 0 is broken off after 20 ms, and number 1 begins; what was queued comes when it would have."""
    rows = made.tables["transfers"]
    turned_s = rows.loc[0, "began_s"] + 0.02
    change(made, "transfers", 0, ended_s=turned_s)
    change(made, "transfers", 1, began_s=turned_s + 0.001)
    change(made, "tasks", DELIVERY + 5, began_s=turned_s + 0.001)
    assert not any("while it sent" in reason or "light and rates" in reason for reason in reasons(made))


def test_two_things_sent_at_once(made):
    rows = made.tables["transfers"]
    change(made, "transfers", 1, began_s=rows.loc[0, "began_s"] + 0.02)
    assert any(
        reason.endswith("s1 sent it from 8.020000 s on, while it sent something else.")
        for reason in reasons(made)
    )


# -- what was computed and observed ------------------------------------------------------------------------


def test_computed_too_soon(made):
    change(made, "tasks", COMPUTE, began_s=6.5, at_work_s=1.5)
    assert reasons(made)[0] == (
        "fire, number 0, stage 2 (compute): s1 computed it in 1.500000 s, where it takes 2.000000 s."
    )


def test_more_jobs_than_slots(made):
    change(made, "tasks", 5 + COMPUTE, began_s=7.0)
    assert (
        "fire, number 1, stage 2 (compute): s1 began it at 7.000000 s, when its slots, 1, were all taken."
        in reasons(made)
    )


def test_a_camera_that_is_too_quick(made):
    change(made, "tasks", 5 + OBSERVE, began_s=5.5)
    assert (
        "fire, number 1, stage 1 (observe): s1 began it at 5.500000 s, before the last one was taken."
        in reasons(made)
    )


# -- balances ----------------------------------------------------------------------------------------------


def test_bytes_that_a_node_holds_and_nobody_brought(made):
    rows = made.tables["storage"].reset_index(drop=True)
    made.tables["storage"] = rows
    at = rows.index[(rows["node"] == "s1") & (rows["t_s"] == 5.0)][0]
    change(made, "storage", at, held_bytes=SCENE + 7)
    judged = verdict.judge(made.told())
    assert judged.reasons == ["s1 held 1000007 bytes at 5.000000 s, and by its tasks 1000000."]
    assert judged.tasks.storage_off_bytes == 7


def test_bytes_that_are_never_let_go(made):
    rows = made.tables["storage"]
    made.tables["storage"] = rows[~((rows["node"] == "Miyun") & (rows["held_bytes"] == 0))]
    assert any(reason.startswith("Miyun held 100000 bytes") for reason in reasons(made))


def test_more_than_there_is_room_for(made):
    made.tables["storage"]["held_bytes"] *= 4
    said = reasons(made)
    assert "s1 held 4000000 bytes at 5.000000 s of 3000000 it can. 2 more like it." in said


def test_a_battery_that_gains_what_no_sun_gives(made):
    rows = made.tables["energy"]
    rows.loc[rows["t_s"] > 10, "battery_wh"] += 0.01
    judged = verdict.judge(made.told())
    (reason,) = judged.reasons
    assert reason.startswith("s1 had ") and "Wh at 12.000000 s, and by the Sun and its tasks" in reason
    assert judged.tasks.battery_off_wh == approx(0.01, abs=1e-6)


def test_a_job_that_draws_nothing(made):
    rows = made.tables["energy"]
    at = rows.index[rows["t_s"] == 6.0][0]
    change(made, "energy", at, compute_w=0.0, load_w=1.0)
    assert reasons(made) == [
        "s1 had a compute_w of 0 from 6.000000 s on, where the Sun and its tasks make 5."
    ]


def test_a_load_that_is_not_the_sum_of_its_parts(made):
    change(made, "energy", 0, load_w=2.5)
    assert reasons(made) == ["s1 drew 2.5 W at 0.000000 s, and what draws it makes 1 W."]


def test_computing_while_the_battery_rests(made):
    rows = made.tables["energy"]
    at = rows.index[rows["t_s"] == 6.0][0]
    change(made, "energy", at, paused=True)
    assert any(
        reason.startswith("s1 computed at 6.000000 s, when its battery was to rest.")
        for reason in reasons(made)
    )


def test_a_pause_that_nobody_needs(made):
    change(made, "energy", 0, paused=True)
    assert "s1 paused at 0.000000 s, with 5.0000 Wh in its battery, and may go on with 2.5." in reasons(made)


# -- what did not arrive -----------------------------------------------------------------------------------


def test_what_is_held_at_the_end_is_in_the_books(made):
    """The last product is not sent: s1 has it, and its row is open."""
    rows = made.tables["tasks"] = made.tables["tasks"].iloc[:-1]
    change(made, "tasks", len(rows) - 1, began_s=np.nan, ended_s=np.nan, at_work_s=0.0, outcome="held")
    made.tables["transfers"] = made.tables["transfers"].iloc[:2]
    held = made.tables["storage"]
    made.tables["storage"] = held[(held["t_s"] < 23) | ((held["node"] == "s1") & (held["t_s"] == 23))]
    energy = made.tables["energy"]
    sending = energy["transmit_w"].gt(0) & energy["t_s"].gt(22)
    energy.loc[sending, ["transmit_w", "load_w"]] = [0.0, 1.0]
    judged = verdict.judge(made.told())
    (books,) = judged.tasks.books
    assert books.held_bytes == PRODUCT and books.delivered_bytes == 2 * PRODUCT
    assert [reason for reason in judged.reasons if " Wh at " not in reason] == []


def test_a_limit_on_a_task(tmp_path):
    late = build(tmp_path / "late", accept=[{"task": "fire", "metric": "response_p90_s", "max": 3}])
    assert verdict.judge(late.told()).reasons == ["fire: response_p90_s is 3.11, at most 3 is accepted."]
    met = build(tmp_path / "met", accept=[{"task": "fire", "metric": "response_p90_s", "max": 4}])
    assert verdict.judge(met.load()).status == "pass"


def test_a_bundle_that_soon_was_a_scene_was_never_there_for_sure():
    """Its last byte came at 15.02 s and it was a scene at 15.29 s, by clocks that are off by 0.25 s."""
    clock_s, came_s, ended_s = 0.25, 15.02, 15.29
    assert not sum(size for _, size in custody.held_surely([(came_s + clock_s, ended_s - clock_s, 1e7)]))
    low = custody.held_surely([(1.0, 3.0, 10.0), (2.0, 3.0, -20.0), (4.0, np.inf, 5.0)])
    held = np.cumsum([size for _, size in low]).tolist()
    assert held == [10.0, 0.0, 0.0, 0.0, 5.0]
    assert custody.next_s([2.0, np.inf], 1.0) == 2.0 and custody.next_s([2.0], 3.0) == -np.inf
