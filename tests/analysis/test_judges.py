"""What judges say exactly at a limit, in the first second, on the way back: on runs of a few rows."""

import numpy as np
import pandas as pd
import pytest
from pytest import approx

from skybed.analysis.measures import classes, delays, hand, truth
from skybed.analysis.measures.classes import Carried, Late
from skybed.analysis.verdict import bundles, judging, links, machine, tasks, timeline, traffic
from skybed.analysis.verdict.model import EXIT_CODES, Errors, Rate, Verdict
from skybed.topologies.errors import InvalidRun, RunError
from skybed.topologies.model import kinds
from skybed.topologies.model.scenario import Limit
from support.tiny_sky import PROBE, RADIO, S1_MIYUN, one_way_s

TO_MEASURE = Errors(n=100, p50_us=1, p99_us=1, max_us=1)
NONE = Errors(n=0, p50_us=None, p99_us=None, max_us=None)


@pytest.fixture
def quiet(builder):
    """A Builder of a run without traffic; keyword arguments change its scenario."""
    return lambda **changes: builder(traffic=[], **changes)


def delays_of(made, rows):
    """Sets what was to be done and was: (t_s, late_us; None: skipped), all of them delays of s1--Miyun."""
    planned = made.tables["events"].iloc[[2] * len(rows)].reset_index(drop=True)
    planned = planned.assign(event=range(len(rows)), t_s=[float(t_s) for t_s, _ in rows])
    late_us = np.array([np.nan if late is None else late for _, late in rows], float)
    made.tables["events"] = planned
    made.tables["applied"] = planned.assign(
        applied_s=planned["t_s"] + late_us * 1e-6, late_us=late_us, skipped=np.isnan(late_us)
    )


# -- events ----------------------------------------------------------------------------------------------


def test_lateness_counts_from_the_first_instant_after_the_start_on(quiet):
    made = quiet()
    delays_of(made, [(0, 99_000), (0.5, 20_000), (1, 30_000), (10, 50)])
    events = timeline.events(made.told())
    assert (events.planned, events.applied, events.late) == (4, 4, 2)
    assert events.late_pct == approx(200 / 3)
    assert (events.late_p50_us, events.late_max_us) == (20_000, 30_000)
    assert events.late_p99_us == approx(29_800)


@pytest.mark.parametrize("late_us, late", [(9_999, 0), (10_000, 0), (10_001, 1)])
def test_as_late_as_may_be_is_not_late(quiet, late_us, late):
    made = quiet()
    delays_of(made, [(t_s, late_us if t_s == 7 else 50) for t_s in range(20)])
    assert timeline.events(made.told()).late == late


@pytest.mark.parametrize("late, says", [(1, []), (2, ["2 % of the events were late by more than 10 ms; "])])
def test_as_many_may_be_late_as_the_limit_says(quiet, late, says):
    made = quiet()
    delays_of(made, [(1 + t_s / 10, 20_000 if t_s < late else 50) for t_s in range(100)])
    run = made.told()
    events = timeline.events(run)
    good = timeline.Delay(bound_us=50, max_error_us=None, within=True)
    said = timeline.reasons(run, events, timeline.routes(run), good)
    assert [reason[: len(starts)] for reason, starts in zip(said, says, strict=True)] == says


def test_what_is_too_early_is_not_late(quiet):
    made = quiet()
    delays_of(made, [(5, -20_000), (6, 50)])
    events = timeline.events(made.told())
    assert (events.late, events.late_max_us) == (0, 50)


def test_no_event_is_late_where_there_is_none(quiet):
    made = quiet()
    delays_of(made, [(0, 50)])
    events = timeline.events(made.told())
    assert (events.late, events.late_pct, events.late_max_us) == (0, 0.0, None)


def test_what_was_to_be_done_as_the_run_ended_was_to_be_done(quiet):
    made = quiet()
    made.manifest["played_s"] = 20.0
    delays_of(made, [(10, 50), (20, 50), (20.5, 50), (30, 50)])
    made.tables["applied"] = made.tables["applied"][:1]
    run = made.told()
    events = timeline.events(run)
    assert (events.planned, events.applied, events.missing, events.otherwise) == (2, 1, 1, 0)
    good = timeline.Delay(bound_us=50, max_error_us=None, within=True)
    said = timeline.reasons(run, events, timeline.routes(run), good)
    assert said == ["1 of 2 events were neither applied nor skipped."]


def test_what_was_neither_applied_nor_skipped_is_missing_and_what_was_skipped_is_late(quiet):
    made = quiet()
    delays_of(made, [(5, None), (6, 50), (7, None), (8, 50)])
    made.tables["applied"].loc[2, "skipped"] = False  # noted, and not done
    events = timeline.events(made.told())
    assert (events.applied, events.skipped, events.missing, events.late) == (2, 1, 1, 1)


@pytest.mark.parametrize("column, value", [
    ("t_s", 5.5), ("link", "s2--Miyun"), ("kind", "up"), ("delay_us", 1.0), ("slope_us_s", 1.0),
    ("direction", "there"), ("value", 2.0), ("value", np.nan),
])  # fmt: skip
def test_what_was_applied_otherwise_than_planned_is_told(quiet, column, value):
    made = quiet()
    delays_of(made, [(5, 50), (6, 50)])
    made.tables["applied"].loc[1, column] = value
    run = made.told()
    assert timeline.events(run).otherwise == 1
    good = timeline.Delay(bound_us=50, max_error_us=None, within=True)
    said = timeline.reasons(run, timeline.events(run), timeline.routes(run), good)
    assert said[0].startswith("1 of 2 events were applied otherwise than planned, first event 1, ")


def test_an_event_that_nobody_planned_is_one_of_another_kind(quiet):
    made = quiet()
    delays_of(made, [(5, 50), (6, 50), (7, 50)])
    made.tables["events"] = made.tables["events"][:2]
    assert timeline.events(made.told()).otherwise == 1


# -- routes ----------------------------------------------------------------------------------------------


def routes_of(made, rows):
    """(t_s, applied_s) of each change."""
    t_s, applied_s = np.array(rows, float).reshape(-1, 2).T
    told = made.tables["routes"].iloc[[0] * len(rows)].reset_index(drop=True)
    made.tables["routes"] = told.assign(t_s=t_s, applied_s=applied_s)


def test_an_instant_of_routes_is_as_late_as_its_last_change(quiet):
    made = quiet()
    routes_of(made, [(0, 0.5), (0.25, 0.2501), (30, 30.001), (30, 30.02), (30, 30.002), (40, np.nan)])
    routes = timeline.routes(made.told())
    assert (routes.planned, routes.instants, routes.late) == (5, 3, 2)
    assert routes.late_max_us == approx(20_000)


def test_routes_that_were_due_as_the_run_ended_are_of_it(quiet):
    made = quiet()
    made.manifest["played_s"] = 30.0
    assert timeline.routes(made.told()).instants == 1
    due = int((made.plan.routes.whole()["t_s"] <= 30).sum())
    assert (made.plan.routes.whole()["t_s"] == 30).any()
    assert timeline.routes(made.told()).missing == 0
    made.tables["routes"] = made.tables["routes"].iloc[: due - 1]
    routes = timeline.routes(made.told())
    assert routes.missing == 1
    good = timeline.Delay(bound_us=50, max_error_us=None, within=True)
    said = timeline.reasons(made.told(), timeline.events(made.told()), routes, good)
    assert said == ["1 planned changes of routes were not noted as made."]


def test_a_change_of_routes_that_was_never_made_is_late_whatever_came_with_it(quiet):
    made = quiet()
    routes_of(made, [(30, 30.001), (30, np.nan), (40, 40.001)])
    routes = timeline.routes(made.told())
    assert (routes.instants, routes.late) == (2, 1)


def test_where_daemons_route_no_change_is_planned(quiet):
    made = quiet(routing={"protocol": "ospf"})
    made.tables["routes"] = made.tables["routes"][:0]
    assert timeline.routes(made.told()).missing == 0


def test_routes_after_the_end_are_not_judged(quiet):
    made = quiet()
    made.manifest["played_s"] = 29.0
    made.tables["routes"]["applied_s"] += (made.tables["routes"]["t_s"] > 29) * 1.0
    routes = timeline.routes(made.told())
    assert (routes.planned, routes.instants, routes.late, routes.missing) == (0, 0, 0, 0)


# -- delays ----------------------------------------------------------------------------------------------


def one_delay(made, off_us, slope_us_s=None, at_s=10.0, until_s=20.0):
    """s1--Miyun is up with its true delay and `off_us`, and follows it, or goes as told."""
    rows = made.tables["applied"]
    up = rows[(rows["link"] == "s1--Miyun") & (rows["kind"] == "up")].iloc[[0, 0]].reset_index(drop=True)
    true_us = 1e6 * one_way_s(made.plan, np.array([at_s, until_s]), S1_MIYUN)
    slope = np.diff(true_us)[0] / (until_s - at_s) if slope_us_s is None else slope_us_s
    made.tables["applied"] = up.assign(
        event=[0, 1], t_s=[at_s, until_s], applied_s=[at_s, until_s], late_us=0.0, kind=["up", "down"],
        delay_us=[true_us[0] + off_us, np.nan], slope_us_s=[slope, np.nan],
    )  # fmt: skip


@pytest.mark.parametrize("off_us, within", [(50.5, True), (-50.5, True), (51.5, False), (-51.5, False)])
def test_a_delay_is_within_the_bound_and_a_microsecond_of_rounding(quiet, off_us, within):
    made = quiet()
    one_delay(made, off_us, until_s=10.5)
    delay = timeline.delay(made.told())
    assert delay.within is within
    assert delay.max_error_us == approx(abs(off_us), abs=0.1)
    assert (delay.link, delay.bound_us) == ("s1--Miyun", 50)


def test_a_delay_is_looked_at_every_second(quiet):
    """It is off for a second only, in the middle of thirty."""
    made = quiet()
    one_delay(made, 0.0, until_s=20.0)
    looks = delays.compare(made.told())
    assert looks["t_s"].tolist() == approx(np.arange(10.0, 20.1, 1.0))
    assert (looks["allowed_us"] == 50).all()


@pytest.mark.parametrize("looks", [1, 50, 2**17])
def test_piece_by_piece_each_delay_is_looked_at_once(builder, monkeypatch, looks):
    run = builder().told()
    whole = delays.compare(run)
    monkeypatch.setattr(delays, "PIECE", looks)
    parts = list(delays.pieces(run))
    order = ["link", "t_s", "applied_us"]
    found = pd.concat(parts).sort_values(order, ignore_index=True)
    assert found.equals(whole.sort_values(order, ignore_index=True))
    assert (len(parts) == 1) == (looks > len(whole))


def test_what_an_event_s_lateness_adds_counts_from_when_it_was_due(quiet):
    """The second value is due at 15 s and 2 s late; the first was wrong long before."""
    made = quiet()
    one_delay(made, 0.0, slope_us_s=0.0, at_s=10.0, until_s=17.0)
    rows = made.tables["applied"]
    rows.loc[1, ["t_s", "late_us", "kind", "delay_us", "slope_us_s"]] = [15.0, 2e6, "delay", 9_000.0, 0.0]
    looks = delays.compare(made.told())
    first = looks[looks["t_s"] < 17]
    rate_us_s = 1e7 * abs(np.diff(one_way_s(made.plan, np.array([16.9, 17.0]), S1_MIYUN))[0])
    for t_s, allowed_us in zip(first["t_s"], first["allowed_us"], strict=True):
        assert allowed_us == approx(50 + (2 * rate_us_s if t_s > 15 else 0), rel=1e-5), t_s


def test_the_worst_look_is_the_one_that_is_furthest_beyond_what_is_allowed(quiet):
    """60 us off at 10 s, where 50 are allowed, and more later, where lateness accounts for it."""
    made = quiet()
    one_delay(made, 60.0, at_s=10.0, until_s=17.0)
    rows = made.tables["applied"]
    rows.loc[0, "slope_us_s"] += 20 / 7
    true_us = 1e6 * float(one_way_s(made.plan, 17.0, S1_MIYUN))
    rows.loc[1, ["t_s", "late_us", "kind", "delay_us", "slope_us_s"]] = [10.5, 6.5e6, "delay", true_us, 0.0]
    made.manifest["played_s"] = 17.01
    looks = delays.compare(made.told())
    assert (looks["allowed_us"][looks["t_s"].between(10.6, 16.9)] > 100).all()
    delay = timeline.delay(made.told())
    assert delay.within is False and (delay.t_s, delay.allowed_us) == (10.0, 50.0)
    assert delay.error_us == approx(60, abs=0.1)
    assert delay.max_error_us == approx(looks["error_us"].abs().max()) and delay.max_error_us > 75


def test_a_value_that_comes_too_early_leaves_no_slack(quiet):
    made = quiet()
    one_delay(made, 0.0, at_s=10.0, until_s=14.0)
    rows = made.tables["applied"]
    rows.loc[1, ["t_s", "late_us", "kind", "delay_us", "slope_us_s"]] = [15.0, -1e6, "delay", 9_000.0, 0.0]
    assert (delays.compare(made.told())["allowed_us"] == 50).all()


def test_a_link_that_should_be_gone_is_not_judged(quiet):
    """Its end was due at 12 s and came at 20 s."""
    made = quiet()
    one_delay(made, 0.0, slope_us_s=0.0, at_s=10.0, until_s=20.0)
    made.tables["applied"].loc[1, ["t_s", "late_us"]] = [12.0, 8e6]
    held = delays.segments(made.told())
    assert held[["start_s", "end_s", "due_s", "late_us"]].to_numpy().tolist() == [[10.0, 12.0, 12.0, 0.0]]
    assert delays.compare(made.told())["t_s"].max() == 12.0


def test_the_last_value_holds_until_the_end_of_the_run(quiet):
    made = quiet()
    one_delay(made, 0.0, at_s=10.0)
    made.tables["applied"] = made.tables["applied"][:1]
    made.manifest["played_s"] = 13.0
    held = delays.segments(made.told())
    assert held[["start_s", "end_s", "due_s", "late_us"]].to_numpy().tolist() == [[10.0, 13.0, 13.0, 0.0]]


def test_what_was_never_applied_holds_nothing(quiet):
    made = quiet()
    one_delay(made, 0.0)
    made.tables["applied"].loc[0, "applied_s"] = np.nan
    assert delays.segments(made.told()).empty
    delay = timeline.delay(made.told())
    assert (delay.within, delay.max_error_us, delay.link) == (True, None, None)


def test_a_silence_holds_no_delay_and_its_end_holds_what_the_link_has_then(quiet):
    made = quiet()
    one_delay(made, 0.0, at_s=10.0, until_s=11.0)
    rows = made.tables["applied"]
    for kind, held in (("silence", 0), ("heal", 1), ("delay", 1), ("up", 1), ("rate", 0)):
        rows.loc[0, "kind"] = kind
        assert len(delays.segments(made.told())) == held, kind


# -- the whole -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, met", [(9.9, False), (10, True), (15, True), (20, True), (20.1, False), (None, False)]
)
def test_a_limit_that_is_met_exactly_is_met(value, met):
    both = judging.outcome(Limit(flow="p1", metric="rtt_p99_ms", min=10, max=20), value)
    assert both.met is met and bool(judging.unmet(both)) is not met
    least = judging.outcome(Limit(flow="p1", metric="rtt_p99_ms", min=10), value)
    most = judging.outcome(Limit(flow="p1", metric="rtt_p99_ms", max=20), value)
    assert (least.met, most.met) == (
        value is not None and value >= 10, value is not None and value <= 20
    )  # fmt: skip


def test_what_is_not_met_is_told_by_the_limit_that_it_leaves():
    limit = Limit(flow="p1", metric="rtt_p99_ms", min=10, max=20)
    said = {value: judging.unmet(judging.outcome(limit, value)) for value in (9.0, 21.0)}
    assert said == {
        9.0: "p1: rtt_p99_ms is 9, at least 10 is accepted.",
        21.0: "p1: rtt_p99_ms is 21, at most 20 is accepted.",
    }
    least = Limit(flow="p1", metric="rtt_p99_ms", min=10)
    assert judging.unmet(judging.outcome(least, 3)) == "p1: rtt_p99_ms is 3, at least 10 is accepted."


@pytest.mark.parametrize("column", ["rtt_us", "owd_us", "owd_back_us"])
@pytest.mark.parametrize("off_us, status", [(299, "pass"), (301, "invalid")])
def test_the_errors_of_probes_have_a_limit_in_every_direction(builder, column, off_us, status):
    """Half of the one-way delays are of each direction, so their median is seen by way of both."""
    made = builder()
    held_us = {"rtt_us": 40, "owd_us": 20, "owd_back_us": 20}[column]
    made.tables["probes"][column] += off_us - held_us
    if column != "rtt_us":
        other = {"owd_us": "owd_back_us", "owd_back_us": "owd_us"}[column]
        made.tables["probes"][other] += off_us - 20
    assert judging.judge(made.told()).status == status


def test_errors_to_both_sides_do_not_make_up_for_each_other(builder):
    made = builder()
    made.tables["probes"]["rtt_us"] += np.where(made.tables["probes"]["seq"] % 2, 400.0, -480.0)
    judged = judging.judge(made.told())
    assert judged.rtt_error.p50_us == approx(440, abs=1) and judged.rtt_error.max_us == approx(440, abs=1)
    assert judged.status == "invalid"


@pytest.mark.parametrize("p50_us, p99_us, told", [
    (300, 1000, 0), (300.5, 1000, 1), (300, 1000.5, 1), (300.5, 1000.5, 2), (-300, 1000, 0),
    (-300.5, 1000, 1),
])  # fmt: skip
def test_an_error_may_be_as_great_as_its_limit(builder, monkeypatch, p50_us, p99_us, told):
    """Most probes have the one error, and one in twenty the other."""
    made = builder()
    found = truth.probes(made.told())
    found["error_us"] = np.where(found["seq"] % 20, p50_us, p99_us)
    monkeypatch.setattr(truth, "probes", lambda run: found)
    said = judging.judge(made.told()).reasons
    assert len(said) == told and all("The RTT error has a p" in reason for reason in said)


def test_a_limit_that_is_not_met_fails_a_run_and_a_distortion_makes_it_invalid(builder):
    limit = {"flow": "p1", "metric": "rtt_p50_ms", "max": 1}
    for accept, off_us, status in (([limit], 0, "fail"), ([limit], 2000, "invalid"), ([], 0, "pass")):
        made = builder(accept=accept)
        made.tables["probes"]["rtt_us"] += off_us
        judged = judging.judge(made.told())
        assert judged.status == status and bool(judged.reasons) is (status != "pass")
    assert judged.notes == []


def test_of_errors_the_median_the_worst_hundredth_and_the_worst_are_told(builder):
    made = builder()
    made.tables["probes"].loc[7, "rtt_us"] -= 540.0
    error = judging.judge(made.told()).rtt_error
    assert (error.p50_us, error.max_us) == (approx(40, abs=0.01), approx(500, abs=0.01))
    assert error.p99_us == approx(40, abs=0.01) and error.n == 580


def test_kinds_of_flow_have_reasons_and_notes_of_their_own(builder, monkeypatch):
    monkeypatch.setattr(kinds, "hook", lambda flow, what: lambda run, flow: [f"{what} of {flow.name}."])
    judged = judging.judge(builder(traffic=[PROBE]).told())
    assert judged.reasons == ["reasons of p1."] and "notes of p1." in judged.notes


def test_a_proof_of_another_path_is_noted_and_changes_nothing(builder):
    made = builder()
    rows = made.tables["paths"]
    rows.loc[(rows["sent_s"] == 5) & (rows["hop"] == 1), "node"] = "s2"
    judged = judging.judge(made.told())
    assert (judged.proofs.n, judged.proofs.agreeing, judged.status) == (60, 59, "pass")
    assert judged.notes == ["1 of 60 path proofs saw another path than the plan's."]


def test_where_daemons_route_a_proof_is_held_to_the_tables_that_were_recorded(builder):
    made = builder(routing={"protocol": "ospf", "drain_ms": 0})
    rows = made.tables["paths"]
    rows.loc[(rows["sent_s"] == 5) & (rows["hop"] == 1), "node"] = "s2"
    proofs, daemons, *_ = judging.judge(made.told()).notes
    assert proofs == "1 of 60 path proofs saw another path than that of the forwarding tables."
    assert daemons.startswith("Paths were chosen by ospf: ")


def test_what_routing_made_of_probes_is_told_of_their_flow(builder):
    """Each probe came back 40 us later than by the oracle's path, which takes 31 ms there and back."""
    (of,) = (flow for flow in judging.judge(builder().told()).flows if flow.flow == "p1")
    assert of.metrics["path_stretch_p50"] == approx(1 + 40 / 1e3 / of.true_rtt_p50_ms, rel=1e-4)
    assert of.metrics["path_stretch_pct"] == 0 and of.metrics["expired"] == 0


def test_a_limit_is_on_the_flow_that_it_names(builder):
    """p2 goes while no path stands, so it lost all; p1 did not."""
    while_none = PROBE | {"name": "p2", "start_s": 30.5, "stop_s": 31.5}
    limits = [{"flow": name, "metric": "loss_pct", "max": 50} for name in ("p1", "p2")]
    judged = judging.judge(builder(traffic=[PROBE, while_none], accept=limits).told())
    assert [limit.met for limit in judged.limits] == [True, False]
    assert judged.limits[1].value == 100


def test_that_nothing_was_measured_is_noted(builder, quiet):
    judged = judging.judge(quiet().told())
    assert judged.notes == ["A note only: there are no probes, so the RTT error was not judged."]
    while_none = PROBE | {"start_s": 30.5, "stop_s": 31.5}
    judged = judging.judge(builder(traffic=[while_none]).told())
    assert judged.notes == [
        "A note only: no probe came back over unloaded links, so the RTT error was not judged."
    ]
    judged = judging.judge(builder(links={"radio": RADIO | {"jitter_ms": 1}}).told())
    assert judged.notes == ["Probes met jitter on their ways, so they are judged by their mean."]


def test_only_probes_have_a_true_round_trip_and_how_fast_routing_converged(builder):
    load = {"kind": "udp", "name": "u1", "from": "Miyun", "to": "Sanya", "rate_mbps": 1, "stop_s": 9}
    made = builder(traffic=[PROBE, load])
    made.flow_rows("u1", "udp", 1.0)
    probes, stream = judging.judge(made.told()).flows
    assert (stream.loaded, stream.true_rtt_p50_ms, stream.rtt_error_p50_us) == (None, None, None)
    assert {"outage_s"} <= probes.metrics.keys() and probes.loaded > 0


def test_figures_of_a_flow_of_probes(builder):
    made = builder()
    rows = made.tables["probes"]
    rows.loc[5:8, "lost"] = True
    rows.loc[5:8, ["rtt_us", "owd_us", "owd_back_us"]] = np.nan
    rows.loc[rows["sent_s"].between(30.05, 30.45), "lost"] = False
    flow, trace = judging.judge(made.told()).flows
    assert (trace.loaded, trace.true_rtt_p50_ms, trace.unexpected_lost) == (None, None, None)
    assert (flow.unexpected_lost, flow.unexpected_back, flow.loaded) == (4, 4, 0)
    assert flow.sending.model_dump() == {"unit": "probes", "sent": 600, "due": 600}
    assert (flow.rtt_error_p50_us, flow.rtt_error_p99_us) == (approx(40, abs=0.1), approx(40, abs=0.1))
    true_ms = truth.probes(made.told())["true_rtt_us"].dropna() / 1e3
    assert flow.true_rtt_p50_ms == approx(true_ms.quantile(0.5))
    assert flow.true_rtt_p99_ms == approx(true_ms.quantile(0.99))


def test_a_run_that_broke_off_is_invalid_and_a_finished_one_without_its_tables_is_an_error(builder):
    made = builder()
    assert EXIT_CODES == {"pass": 0, "fail": 1, "invalid": 3, "error": 3}
    judged = judging.judge(made.told())
    judging.refuse_invalid(made.told(), judged)
    with pytest.raises(InvalidRun, match=r"this run is invalid\. Too hot\."):
        judging.refuse_invalid(
            made.told(), judged.model_copy(update={"status": "invalid", "reasons": ["Too hot."]})
        )


@pytest.mark.parametrize(
    "judge", [bundles, links, machine, tasks, timeline, traffic], ids=lambda of: of.__name__
)
def test_what_each_judge_says_is_a_reason_and_makes_a_run_invalid(quiet, monkeypatch, judge):
    monkeypatch.setattr(judge, "reasons", lambda *asked: ["It was the wind."])
    judged = judging.judge(quiet().told())
    assert (judged.status, judged.reasons) == ("invalid", ["It was the wind."])


@pytest.mark.parametrize("teller", [hand, links, machine, traffic], ids=lambda of: of.__name__)
def test_what_each_has_to_note_is_noted_and_changes_nothing(quiet, monkeypatch, teller):
    monkeypatch.setattr(teller, "notes", lambda *asked: ["It was windy."])
    judged = judging.judge(quiet().told())
    assert judged.status == "pass" and "It was windy." in judged.notes


def test_a_finished_run_that_lacks_a_table_cannot_be_judged(builder):
    made = builder()
    del made.tables["probes"]
    with pytest.raises(RunError, match=r"the table probes\.parquet is missing"):
        judging.judge(made.load())
    made.manifest |= {"finished": False, "played_s": 30.0, "fallen": "BIRD on s1 ended."}
    judged = judging.judge(made.load())
    assert (judged.status, judged.played_s, judged.duration_s) == ("invalid", 30, 60)
    assert judged.reasons[:2] == ["The run was not finished: 30 s of 60 s were played.", "BIRD on s1 ended."]


def test_what_is_written_of_a_run_is_its_verdict_and_how_routing_converged(builder):
    run = builder(traffic=[]).load()
    judged = judging.judge(run)
    assert judging.write(run, judged) == run.dir / "verdict.json"
    assert (run.dir / "routing.parquet").is_file()
    broken = Verdict.broken_off(run.name, 60.0, "error", "It fell.")
    (run.dir / "routing.parquet").unlink()
    judging.write(run, broken)
    assert Verdict.read(run.dir) == broken and not (run.dir / "routing.parquet").is_file()


@pytest.mark.parametrize("what", ["loaded", "known"])
def test_probes_under_load_and_on_unknown_ways_are_not_judged(builder, monkeypatch, what):
    """Those of the first half, which are off by 5 ms."""
    made = builder()
    made.tables["probes"].loc[:299, ["rtt_us", "owd_us"]] += 5000.0
    found = truth.probes(made.told())
    assert judging.judge(made.told()).status == "invalid"
    found.loc[:299, what] = what == "loaded"
    monkeypatch.setattr(truth, "probes", lambda run: found)
    judged = judging.judge(made.told())
    assert judged.rtt_error.n == 280 and judged.rtt_error.max_us < 100
    assert judged.owd_error.max_us < 100


@pytest.mark.parametrize("families", [False, True])
def test_routing_figures_count_changes_of_ipv4_after_the_start(builder, families):
    made = builder(traffic=[])
    rows = made.tables["routes"]
    later = rows[rows["t_s"] > 0]
    if families:
        parts = [rows.assign(family="4"), later.iloc[:3].assign(family="6")]
        made.tables["routes"] = pd.concat(parts, ignore_index=True)
    routing = judging.judge(made.told()).routing
    made.tables["routes"] = rows[rows["t_s"] == 0]
    churn = judging.judge(made.told()).routing.churn
    assert (churn.changes, churn.destinations, churn.destination_max) == (0, 0, 0)
    assert routing.churn.changes == len(later) and len(later) > 0
    assert routing.churn.destinations == later["dst"].nunique()
    assert routing.churn.destination_max == later["dst"].value_counts().max()
    per_s = later.groupby(later["t_s"].astype(int)).size()
    assert routing.churn.changes_max_s == per_s.max()
    assert routing.churn.changes_s == approx(len(later) / 60, rel=0.02)


# -- the machine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("load, steal_pct, busy", [
    ([3.0, 0.1], 0.0, False), ([0.1, 3.0], 5.0, False), ([3.1, 0.1], 0.0, True), ([0.1, 3.1], 0.0, True),
    ([0.1, 0.1], 5.1, True), ([], 0.0, False),
])  # fmt: skip
def test_a_host_is_busy_beyond_three_jobs_on_two_processors_or_a_twentieth_stolen(
    quiet, load, steal_pct, busy
):
    made = quiet()
    made.manifest |= {"host_load_1m": load, "steal_pct": steal_pct}
    host = machine.host(made.told())
    assert (host.busy, host.load_1m, host.steal_pct, host.cpu_count) == (busy, load, steal_pct, 2)
    said = machine.reasons(made.told(), host, NONE)
    assert bool(said) is busy and machine.reasons(made.told(), host, TO_MEASURE) == []
    assert bool(machine.notes(made.told(), host, TO_MEASURE)) is busy
    assert machine.notes(made.told(), host, NONE) == []
    made.manifest["clock"] = "virtual"
    assert not machine.host(made.told()).busy


def test_the_most_of_what_a_host_had_to_do_is_told(quiet):
    made = quiet()
    made.manifest |= {"host_load_1m": [9.0, 2.0], "steal_pct": 1.25}
    host = machine.host(made.told())
    assert machine.reasons(made.told(), host, NONE) == [
        "The host was busy: load 9.0 on 2 CPUs, 1.2 % of their time stolen, and no probe shows that the "
        "delays were kept."
    ]


def test_the_player_s_share_of_a_processor_is_that_of_the_time_played(quiet):
    made = quiet()
    made.manifest |= {"player_cpu_s": 1.5, "played_s": 50.0}
    assert machine.host(made.told()).player_cpu_pct == approx(3.0)
    made.manifest |= {"played_s": -1.0, "finished": False}
    assert machine.host(made.told()).player_cpu_pct is None
    made.manifest |= {"played_s": 50.0, "player_cpu_s": None}
    assert machine.host(made.told()).player_cpu_pct is None
    made.manifest |= {"host_load_1m": None, "steal_pct": None}
    assert machine.host(made.told()).load_1m == [] and machine.host(made.told()).steal_pct == 0


@pytest.mark.parametrize(
    "stepped_ms, told", [(10.0, False), (-10.0, False), (10.5, True), (-10.5, True), (None, False)]
)
def test_a_clock_may_be_set_by_as_much_as_an_event_may_be_late(quiet, stepped_ms, told):
    made = quiet()
    made.manifest |= {"clock_stepped_ms": stepped_ms, "finished": False}
    said = machine.reasons(made.told(), machine.host(made.told()), TO_MEASURE)
    assert bool(said) is told


def test_a_clock_of_which_nothing_is_known_was_not_set(quiet):
    made = quiet(fidelity={"late_ms": 0.5})
    made.manifest |= {"clock_stepped_ms": None, "finished": False}
    assert machine.reasons(made.told(), machine.host(made.told()), TO_MEASURE) == []


HOST = {"name": "b", "nodes": 3, "underlay_rtt_us": {"a": 900.0}, "offset_us": 5e6, "drift_us": 0.0}


@pytest.mark.parametrize(
    "facts, told",
    [
        ({"uncertainty_us": 10_000.0}, None),
        ({"uncertainty_us": 10_001.0}, "was known within 10.001 ms and went away by +0.000 ms in"),
        (
            {"uncertainty_us": 9000.0, "drift_us": -1001.0},
            "was known within 9.000 ms and went away by -1.001",
        ),
        ({"uncertainty_us": 1.0, "clock_stepped_ms": -20.0}, "was set by -0.020 s during the run; the limit"),
    ],
)
def test_hosts_are_on_one_time_within_what_an_event_may_be_late(quiet, facts, told):
    made = quiet()
    made.manifest["hosts"] = [HOST | facts]
    said = machine.reasons(made.told(), machine.host(made.told()), TO_MEASURE)
    assert not said if told is None else (len(said) == 1 and f"The clock of host b {told}" in said[0])


def test_of_several_hosts_it_is_noted_what_nobody_can_measure(quiet):
    made = quiet()
    made.manifest["hosts"] = [HOST | {"uncertainty_us": 1.0}]
    (note,) = machine.notes(made.told(), machine.host(made.told()), NONE)
    assert note.startswith("Played on 1 hosts. The underlay took up to 0.450 ms one way, by which links were")


def test_a_capture_that_lacks_packets_is_noted(quiet):
    made = quiet()
    made.manifest["captures"] = {"a--b": {"packets": 9, "dropped": 0}, "b--c": {"packets": 9, "dropped": 1}}
    assert machine.notes(made.told(), machine.host(made.told()), NONE) == [
        "The capture of b--c lacks 1 packets, for which it had no room."
    ]


@pytest.mark.parametrize("missed, told", [(0, False), (1, False), (2, True)])
def test_one_packet_of_control_traffic_in_a_hundred_may_be_missed(quiet, missed, told):
    made = quiet()
    row = {"packets": 100 - missed, "link": "s1--Miyun"}
    made.tables["control"] = pd.DataFrame([row])
    made.manifest["recorder"] = {"cpu_s": 0.1, "missed_packets": missed, "overruns": 0}
    said = machine.reasons(made.told(), machine.host(made.told()), TO_MEASURE)
    assert bool(said) is told
    if told:
        assert said == ["2 of 100 packets of control traffic were not recorded; the limit is 1 %."]


def test_changes_of_routes_that_were_missed_once_are_told(quiet):
    made = quiet()
    made.manifest["recorder"] = {"cpu_s": 0.1, "missed_packets": 0, "overruns": 1}
    (said,) = machine.reasons(made.told(), machine.host(made.told()), TO_MEASURE)
    assert said.startswith("Changes of routes were missed 1 times,")


def test_what_was_missed_on_any_host_was_missed(quiet):
    made = quiet()
    made.tables["control"] = pd.DataFrame([{"packets": 98, "link": "s1--Miyun"}])
    missed = {"cpu_s": 0.1, "missed_packets": 1, "overruns": 2}
    made.manifest |= {"recorder": missed, "hosts": [HOST | {"uncertainty_us": 1.0, "recorder": missed}]}
    routes, packets = machine.reasons(made.told(), machine.host(made.told()), TO_MEASURE)
    assert routes.startswith("Changes of routes were missed 4 times,")
    assert packets.startswith("2 of 100 packets of control traffic were not recorded;")


# -- links -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "carried, within", [(100, True), (106, True), (94, True), (106.5, False), (93.5, False)]
)
def test_a_rate_may_be_off_by_its_limit_and_what_was_in_queues(quiet, monkeypatch, carried, within):
    """3 % of 100 Mbit, and 3 Mbit that waited."""
    run = quiet(fidelity={"rate_pct": 3.125}).told()
    planned = 96.0  # of which 3.125 % are 3
    monkeypatch.setattr(
        classes, "carried", lambda run: [Carried("radio", "up", 7, planned, carried - 4, 3.0, 1.5)]
    )
    (rate,) = links.rates(run)
    assert rate.within is within and (rate.link_class, rate.way, rate.bins) == ("radio", "up", 7)
    said = [*links.reasons(run, [rate], [])]
    assert bool(said) is not within
    if carried == 106.5:
        assert said == [
            "Links of radio carried 102.5 Mbit up where 96 were planned, 6.8 % off; the limit is 3.125 %."
        ]


def test_how_far_a_rate_is_off_is_told_to_both_sides(quiet):
    run = quiet().told()
    for carried in (20.0, 180.0):
        rate = Rate(
            link_class="radio", way="both", bins=1, planned_mbit=100.0, carried_mbit=carried,
            bin_off_p95_pct=0, within=False,
        )  # fmt: skip
        assert [*links.reasons(run, [rate], [])] == [
            f"Links of radio carried {carried:g} Mbit where 100 were planned, 80 % off; the limit is 3 %."
        ]


def test_a_load_that_is_not_known_is_none(quiet):
    made = quiet()
    made.manifest |= {"host_load_1m": [], "steal_pct": 5.5}
    (said,) = machine.reasons(made.told(), machine.host(made.told()), NONE)
    assert said.startswith("The host was busy: load 0.0 on 2 CPUs, 5.5 % of their time stolen")


@pytest.mark.parametrize(
    "lost, within", [(100, True), (100 + 28, True), (100 - 28, True), (129, False), (71, False)]
)
def test_losses_of_links_may_be_off_by_chance_and_an_edge(quiet, monkeypatch, lost, within):
    """Of 400 packets 8 at the edge, and four standard deviations of 5."""
    row = {"classes": "radio", "packets": 400, "lost": lost, "by_links": 100.0, "variance": 25.0}
    monkeypatch.setattr(classes, "lost", lambda run: pd.DataFrame([row]))
    (loss,) = links.losses(quiet().told())
    assert loss.within is within and (loss.packets, loss.lost, loss.by_links) == (400, lost, 100)


@pytest.mark.parametrize("mean_us, least_us, within", [
    (1000, 0, True), (1340, 0, True), (660, 0, True), (1341, 0, False), (659, 0, False),
    (1000, -1000, True), (1000, -1001, False), (1341, -1001, False),
])  # fmt: skip
def test_jitter_is_right_on_average_and_none_comes_sooner_than_it_can(
    quiet, monkeypatch, mean_us, least_us, within
):
    """On average within 300 us and four standard errors of 10 us; the first within 1000 us."""
    monkeypatch.setattr(classes, "late", lambda run: [Late("p1", 50, mean_us, 1000.0, 10.0, least_us)])
    run = quiet().told()
    (late,) = links.jitter(run)
    assert late.within is within
    assert bool([*links.reasons(run, [], [late])]) is not within
