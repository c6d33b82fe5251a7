"""When a run passes, fails, or must not be used."""

import json

import numpy as np
import pytest
from pytest import approx

from skybed.analysis import verdict
from skybed.analysis.measures import delays, truth
from skybed.topologies.errors import RunError
from skybed.topologies.model import metrics
from support.tiny_sky import BOUND_US, PROBE, RADIO, S1_MIYUN, S1_SANYA, one_way_s

LATER = 2  # the first event after the start: a delay of s1--Miyun, at 7.30 s
LOAD = dict(kind="udp", name="u1", rate_mbps=4, start_s=10, stop_s=20) | {"from": "Miyun", "to": "Sanya"}


def test_a_good_run_passes(builder):
    judged = verdict.judge(builder().told())
    assert (judged.status, judged.exit_code, judged.reasons) == ("pass", 0, [])
    off = {"n": 580, "p50_us": 40.0, "p99_us": 40.0, "max_us": 40.0}
    assert judged.rtt_error.model_dump() == approx(off, abs=0.01)
    assert judged.owd_error.p50_us == approx(20.0, abs=0.01)
    assert (judged.proofs.n, judged.proofs.agreeing) == (60, 60)
    assert judged.flows[0].unexpected_lost == 0


def test_serialisation_is_part_of_the_truth(builder):
    run = builder().told()
    first = truth.probes(run).iloc[0]
    light_us = 1e6 * one_way_s(run.plan, 0.0, S1_MIYUN, S1_SANYA)
    assert first["true_owd_us"] == approx(light_us + 2 * 84.8, abs=2e-3)  # 106 bytes at 10 Mbit/s, twice
    assert first["path"] == "Miyun > s1 > Sanya"


def test_the_applied_delay_stays_within_the_bound(builder):
    """Delays rise or fall all the time, so a value is the most off when it, or the next one, is set."""
    run = builder().told()
    held = delays.segments(run)
    numbers = {link.name: number for number, link in enumerate(run.plan.links)}
    links = held["link"].map(numbers).to_numpy()
    off_us = [held["delay_us"] - 1e6 * run.plan.delay_s(links, held[end]) for end in ("start_s", "end_s")]
    most_us = np.abs(off_us).max()
    assert verdict.judge(run).delay.max_error_us == approx(most_us) and 45 < most_us < BOUND_US
    looks = delays.compare(run)
    assert (looks["error_us"].abs() <= looks["allowed_us"] + delays.TOLERANCE_US).all()


def test_a_late_event_may_leave_the_bound_by_its_lateness_times_the_rate(builder):
    made = builder()
    table = made.tables["applied"]
    late_s = table.loc[LATER, "t_s"] + 2.0
    table.loc[LATER, ["applied_s", "late_us"]] = [late_s, 2e6]
    delay = verdict.judge(made.told()).delay
    old_us = table.loc[table["link"] == "s1--Miyun", "delay_us"].iloc[0]
    off_us = 1e6 * made.plan.delay_s(S1_MIYUN, late_s) - old_us
    assert delay.max_error_us == approx(off_us) and off_us > 70  # 50 us, and 2 s at 13 us/s
    assert delay.within


def test_a_wrong_applied_value_is_invalid(builder):
    made = builder()
    made.tables["applied"].loc[LATER, "delay_us"] += 70
    judged = verdict.judge(made.told())
    row = made.tables["applied"].loc[LATER]
    off_us = row["delay_us"] - 1e6 * made.plan.delay_s(S1_MIYUN, row["applied_s"])
    assert off_us == approx(120, abs=5)
    assert judged.status == "invalid" and judged.exit_code == 3
    assert judged.reasons == [
        "1 of 19 events were applied otherwise than planned, first event 2, delay of s1--Miyun at 7.30 s.",
        f"The applied delay of s1--Miyun was {off_us:.0f} us off the true one at 7.30 s; "
        "the bound and an event's lateness account for 50 us.",
    ]


def test_a_value_with_a_slope_goes_on_from_when_it_was_due(builder):
    made = builder()
    table = made.tables["applied"]
    table.loc[LATER, ["applied_s", "late_us"]] += [1.0, 1e6]
    table.loc[LATER, "slope_us_s"] = 3.0
    looks, row = delays.compare(made.told(), ["s1--Miyun"]), table.loc[LATER]
    looks = looks[(looks["t_s"] >= row["applied_s"]) & (looks["t_s"] < row["applied_s"] + 2)]
    assert len(looks) > 1
    expected = row["delay_us"] + 3.0 * (looks["t_s"] - row["t_s"])
    np.testing.assert_allclose(looks["applied_us"].iloc[1:], expected.iloc[1:])


def test_late_events_are_invalid(builder):
    made = builder()
    made.tables["applied"].loc[LATER, ["applied_s", "late_us"]] += [0.02, 20_000.0]
    assert verdict.judge(made.told()).reasons == [
        "5.9 % of the events were late by more than 10 ms; the limit is 1 %."  # one of 17 after the start
    ]


def test_a_skipped_event_counts_as_late_and_its_absence_shows_in_the_delay(builder):
    made = builder()
    made.tables["applied"].loc[LATER, ["skipped", "applied_s", "late_us"]] = [True, np.nan, np.nan]
    reasons = verdict.judge(made.told()).reasons
    assert reasons[0] == (
        "5.9 % of the events were late by more than 10 ms, 1 of them skipped; the limit is 1 %."
    )
    table = made.tables["applied"][made.tables["applied"]["link"] == "s1--Miyun"]
    off_us = 1e6 * made.plan.delay_s(S1_MIYUN, table["applied_s"].iloc[2]) - table["delay_us"].iloc[0]
    says = f"The applied delay of s1--Miyun was {off_us:.0f} us off the true one at 14.48 s;"
    assert reasons[1].startswith(says) and off_us == approx(150, abs=5)


def test_an_event_that_was_never_played_is_invalid(builder):
    made = builder()
    made.tables["applied"] = made.tables["applied"].drop(index=[0])
    assert "1 of 19 events were neither applied nor skipped." in verdict.judge(made.told()).reasons


def test_late_routes_are_invalid(builder):
    made = builder()
    made.tables["routes"].loc[made.tables["routes"]["t_s"] == 30, "applied_s"] += 0.02
    judged = verdict.judge(made.told())
    assert judged.reasons == ["50 % of the route changes were late by more than 10 ms; the limit is 1 %."]
    assert judged.routes.late_max_us == approx(20_080)


def test_a_distorted_rtt_is_invalid_even_where_a_limit_fails_too(builder):
    made = builder(accept=[{"flow": "p1", "metric": "loss_pct", "max": 1}])
    made.tables["probes"]["rtt_us"] += 2000
    judged = verdict.judge(made.told())
    assert judged.status == "invalid"
    assert judged.reasons == [
        "The RTT error has a p50 of 2040 us over 580 probes; the limit is 300 us.",
        "The RTT error has a p99 of 2040 us over 580 probes; the limit is 1000 us.",
        "p1: loss_pct is 3.333, at most 1 is accepted.",
    ]


def test_a_delay_in_one_direction_only_is_seen_though_the_rtt_is_right(builder):
    made = builder()
    made.tables["probes"]["owd_us"] += 5000
    made.tables["probes"]["owd_back_us"] -= 5000
    reasons = verdict.judge(made.told()).reasons
    assert reasons[0] == "The one-way delay error has a p50 of 5000 us over 1160 probes; the limit is 300 us."


def test_queueing_behind_load_is_measured_but_not_held_against_the_emulation(builder):
    made = builder(traffic=[PROBE, LOAD])
    made.flow_rows("u1", "udp", 4.0)
    table = made.tables["probes"]
    table.loc[table["sent_s"].between(10, 20), "rtt_us"] += 50_000
    judged = verdict.judge(made.told())
    assert judged.status == "pass"
    assert judged.flows[0].loaded == 121  # 10 s of load and 2 s for its queue to drain
    assert judged.rtt_error.n == 580 - 121


def test_acceptance_limits(builder):
    limits = [
        {"flow": "p1", "metric": "outage_s", "max": 5}, {"flow": "p1", "metric": "rtt_p99_ms", "max": 15},
        {"flow": "p2", "metric": "rtt_p99_ms", "max": 50},
    ]  # fmt: skip
    while_none_stands = PROBE | {"name": "p2", "start_s": 30.5, "stop_s": 31.5}
    judged = verdict.judge(builder(accept=limits, traffic=[PROBE, while_none_stands]).told())
    assert (judged.status, judged.exit_code) == ("fail", 1)
    assert [limit.met for limit in judged.limits] == [True, False, False]
    assert judged.reasons == [
        "p1: rtt_p99_ms is 32.54, at most 15 is accepted.",
        "p2: rtt_p99_ms was not measured, so its limit is not met.",
    ]


def test_an_unfinished_run_is_invalid_whatever_is_left_of_it(builder):
    made = builder()
    made.manifest |= {"finished": False, "played_s": 12.0}
    del made.tables["probes"]
    judged = verdict.judge(made.load())
    assert judged.status == "invalid"
    assert judged.reasons == [
        "The run was not finished: 12 s of 60 s were played.",
        f"{made.dir}: the table probes.parquet is missing; the run was not finished, run it again.",
    ]


def test_a_flow_that_left_nothing_is_invalid(builder):
    reasons = verdict.judge(builder(traffic=[PROBE, LOAD]).told()).reasons
    assert reasons == ["The flow u1 left no measurement; see traffic.log."]


def test_a_probe_flow_that_left_nothing_is_invalid(builder):
    made = builder()
    made.tables["probes"] = made.tables["probes"][:0]
    judged = verdict.judge(made.told())
    assert judged.reasons == ["The flow p1 left no measurement; see traffic.log."]
    assert (judged.flows[0].sent, judged.flows[0].outages) == (0, None)


def test_a_busy_host_is_noted_where_the_probes_kept_time_and_invalid_where_there_are_none(builder):
    made = builder()
    made.manifest["host_load_1m"] = [1.0, 6.5]
    judged = verdict.judge(made.told())
    assert judged.status == "pass"
    assert judged.notes == ["The host was busy: load 6.5 on 2 CPUs, 0.0 % of their time stolen."]
    made = builder(traffic=[])
    made.manifest["host_load_1m"] = [1.0, 6.5]
    assert verdict.judge(made.told()).status == "invalid"
    made.manifest["clock"] = "virtual"
    assert verdict.judge(made.told()).status == "pass"


def test_probes_lost_over_a_standing_path_are_invalid(builder):
    made = builder()
    made.tables["probes"].loc[:49, "lost"] = True
    made.tables["probes"].loc[:49, ["rtt_us", "owd_us", "owd_back_us"]] = np.nan
    assert verdict.judge(made.told()).reasons == [
        "50 probes of p1 were lost though a path stood; the loss of the links accounts for 0."
    ]


@pytest.mark.parametrize("lost, status", [(50, "pass"), (75, "pass"), (100, "invalid")])
def test_loss_that_the_links_are_meant_to_have_is_not_held_against_the_emulation(builder, lost, status):
    """45 of 580 on average, with a standard deviation of 6.5: 75 may be, 100 may not."""
    made = builder(links={"radio": RADIO | {"loss_pct": 2}})
    made.tables["probes"].loc[: lost - 1, "lost"] = True
    made.tables["probes"].loc[: lost - 1, ["rtt_us", "owd_us", "owd_back_us"]] = np.nan
    run = made.told()
    assert truth.probes(run)["loss_probability"].iloc[0] == approx(1 - 0.98**4)
    assert verdict.judge(run).status == status


def test_probes_that_come_back_without_a_path_are_invalid(builder):
    made = builder()
    made.tables["probes"].loc[300:319, "lost"] = False
    assert verdict.judge(made.told()).reasons == ["20 probes of p1 came back though no path stood."]


def test_a_run_without_traffic_is_judged_by_its_timeline(builder):
    made = builder(traffic=[])
    judged = verdict.judge(made.told())
    assert judged.status == "pass"
    assert judged.rtt_error.model_dump() == {"n": 0, "p50_us": None, "p99_us": None, "max_us": None}


def test_the_verdict_is_plain_json(builder):
    run = builder().load()
    judged = verdict.judge(run)
    path = verdict.write(run, judged)
    assert json.loads(path.read_text()) == judged.as_json()
    assert verdict.Verdict.read(run.dir) == judged


def test_a_verdict_of_another_version_says_so_in_a_sentence(builder):
    run = builder().load()
    path = verdict.write(run, verdict.judge(run))
    told = json.loads(path.read_text())
    for change, says in [
        ({"format": 7}, "the verdict has format 7, expected is 1"),
        ({"status": "good"}, "status of the verdict is 'good'"),
        ({"events": told["events"] | {"late": "two"}}, "events.late of the verdict is 'two'"),
        ({"flows": [told["flows"][0] | {"loss_pct": "3 %"}]}, "flows[0].loss_pct of the verdict is '3 %'"),
        ({"flows": [{"flow": "p1"}]}, "the verdict has no flows[0].kind"),
    ]:
        path.write_text(json.dumps(told | change))
        with pytest.raises(RunError) as caught:
            verdict.Verdict.read(run.dir)
        other = "it was written by another version of skybed, write it anew with `skybed report`"
        assert str(caught.value) == f"{path}: {says}; {other}."


def test_a_run_that_left_nothing_to_judge_has_a_verdict_too(tmp_path):
    made = verdict.Verdict.broken_off("a1b2", 60.0, "error", "OSError: full")
    made.write(tmp_path)
    assert verdict.Verdict.read(tmp_path) == made
    assert (made.reasons, made.flows, made.finished, made.exit_code) == (["OSError: full"], [], False, 3)


def test_a_daemon_that_fell_in_the_run_is_a_reason(builder):
    made = builder()
    made.manifest |= {"finished": False, "fallen": "BIRD on s1 ended with signal 9."}
    judged = verdict.judge(made.told())
    assert judged.exit_code == 3 and judged.reasons[1] == "BIRD on s1 ended with signal 9."


def test_what_stands_beside_the_metrics_of_a_flow_is_no_name_for_one():
    """Programs and scripts name metrics of their own, which stand in the same place."""
    assert {*verdict.FlowFigures.model_fields} <= metrics.TAKEN | {*metrics.METRICS}
    assert not any(metrics.may_be_called(name) for name in verdict.FlowFigures.model_fields)
