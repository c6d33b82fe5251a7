"""What routing costs, against values worked out by hand from tiny_sky: 10 probes a second, 31 ms long."""

import numpy as np
import pandas as pd
import pytest
from pytest import approx

from skybed.analysis import verdict
from skybed.analysis.measures import forwarding, probed
from skybed.analysis.routing import control, convergence
from skybed.topologies.model.tables import CONTROL, ROUTING
from support.tiny_sky import TINY, ways_ms

# A line between two sites that nobody else is linked to: what happens to it is on no path.
ASIDE = {
    "stations": [*TINY["stations"], *({"name": name, "lat_deg": 30, "lon_deg": lon_deg, "antenna": False}
                                      for name, lon_deg in (("Lab", 110), ("Depot", 111)))],
    "fibre": [{"a": "Lab", "b": "Depot"}],
}  # fmt: skip


def outage(a, b, at_s, for_s=None, kind="silent", **more):
    return {"kind": kind, "link": [a, b], "at_s": at_s} | ({"for_s": for_s} if for_s else {}) | more


def happening(builder, *faults):
    """A run with these outages whose probes do not mind them: a test says which are lost."""
    made, undisturbed = builder(faults=list(faults), **ASIDE), builder()
    made.tables["probes"] = undisturbed.tables["probes"]
    return made


def lose(made, *spans):
    """Lose the probes of these numbers, from first to not including last."""
    for first, last in spans:
        made.tables["probes"].loc[first : last - 1, ["lost", "rtt_us"]] = [True, np.nan]


def of(run, kind):
    (row,) = convergence.table(run).query("kind == @kind").to_dict("records")
    return row


def test_the_planned_end_of_a_link_on_the_path(builder):
    """From 30 s to 32 s there is no path: 20 probes, two samples of ten."""
    run = builder().load()
    assert len(convergence.table(run)) == 1
    row = of(run, "planned")
    assert (row["event"], row["t_s"], row["until_s"], row["what"]) == (0, 30.0, 60.0, "2 links of s1")
    assert row["on_path"] and row["lost"] == 20 and row["loss_derived_s"] == approx(2.0)
    assert (row["dropped_s"], row["recovered_s"], row["rate_derived_s"]) == approx((30.0, 32.0, 2.0))
    assert (row["outages"], row["outage_s"], row["outage_max_s"]) == approx((1, 2.0, 2.0))
    assert row["sampling_s"] == 1.0
    # Both stations and both satellites lose, or gain, the routes to each other, and those that lead on.
    assert (row["route_changes"], row["nodes_changed"], row["destinations_changed"]) == (12, 4, 4)


def test_the_planned_end_of_a_link_off_the_path_is_no_event(builder):
    made = builder()
    made.tables["routes"].loc[made.tables["routes"]["via"] == "s1", "via"] = "s2"
    assert convergence.table(made.load()).empty


def silent(builder):
    """s1--Miyun drops everything from 10.01 s to 20 s; the line aside is cut from 9.95 s on.

    Lost are 25 probes from 10.0 s on, three of them in a loop, and a single one at 15 s.
    """
    made = happening(
        builder, outage("s1", "Miyun", 10.01, 9.99), outage("Lab", "Depot", 9.95, kind="carrier")
    )
    lose(made, (100, 125), (150, 151))
    made.tables["probes"].loc[110:112, "expired_at"] = "s1"
    return made


def test_an_outage_and_its_repair(builder):
    run = silent(builder).load()
    assert convergence.table(run)["kind"].tolist() == ["down", "silence", "heal", "planned"]
    row = of(run, "silence")
    assert row["what"] == "s1--Miyun" and row["on_path"] and row["until_s"] == 20.0
    assert row["lost"] == 26 and row["loss_derived_s"] == approx(2.6) and row["expired"] == 3
    # The third sample has five of ten, that of the single one nine, which is no drop.
    assert (row["dropped_s"], row["recovered_s"], row["rate_derived_s"]) == approx((10.0, 13.0, 3.0))
    assert (row["outages"], row["outage_s"]) == approx((1, 2.5))
    heal = of(run, "heal")
    assert (heal["lost"], heal["rate_derived_s"]) == (0, 0.0) and np.isnan(heal["dropped_s"])


def test_probes_under_way_count_to_the_event_on_their_path_that_loses_them(builder):
    """The probe of 10.0 s left after the one event, and was lost by the other."""
    run = silent(builder).load()
    assert of(run, "down")["lost"] == 0 and not of(run, "down")["on_path"]
    assert convergence.table(run)["lost"].sum() == run.probes["lost"].sum()


def test_a_loss_period_counts_as_a_whole_to_the_event_that_it_began_with(builder):
    made = happening(builder, outage("s1", "Miyun", 10.0, 15.0), outage("Lab", "Depot", 11.0, kind="carrier"))
    lose(made, (101, 121))
    run = made.load()
    assert (of(run, "silence")["lost"], of(run, "down")["lost"]) == (20, 0)
    assert of(run, "silence")["until_s"] == 11.0


def test_a_planned_outage_is_known_to_routing(builder):
    made = happening(builder, outage("s1", "Miyun", 10.0, 10.0, planned=True))
    assert convergence.table(made.load())["kind"].tolist() == ["planned", "planned"]


def test_a_flow_that_never_comes_back(builder):
    made = happening(builder, outage("s2", "Miyun", 55.0))
    lose(made, (550, 600))
    run = made.load()
    row = of(run, "silence")
    assert np.isnan(row["recovered_s"]) and row["rate_derived_s"] == approx(59.9 - 55.0)
    (flow,) = [x for x in verdict.judge(run).flows if x.flow == "p1"]
    assert flow.convergence_s == approx(4.9) and flow.expired == 0


def test_stretch_is_over_the_oracle_s_round_trip(builder):
    made = builder()
    made.tables["probes"].loc[:59, "rtt_us"] *= 1.5
    found = probed.of_run(made.load()).flows["p1"].stretch
    assert found.n == 580 and found.above_pct == approx(100 * 60 / 580)
    rtt_ms = np.add(*ways_ms())  # to which the machine adds 40 us
    assert found.p50 == approx(1 + 0.04 / np.median(rtt_ms), abs=1e-4)
    assert found.p99 == approx(1.5 * (1 + 0.04 / rtt_ms[0]), abs=1e-4)


def test_control_traffic_by_protocol_and_link(builder):
    """Two links stand for 58 s: 232 s of a direction. Seconds 30 to 36 are busy, five of them with links."""
    made = builder()
    rows = [(0, "Miyun", "s1", "ospf", 2, 200), (0, "s1", "Miyun", "ospf", 1, 90),
            (33, "s2", "Miyun", "ospf", 9, 930), (33, "s2", "Miyun", "bfd", 3, 300),
            (59, "s2", "Sanya", "bfd", 1, 100)]  # fmt: skip
    made.tables["control"] = pd.DataFrame(rows, columns=[*CONTROL.dtypes]).astype(CONTROL.dtypes)
    run = made.load()
    busy = convergence.busy(run, convergence.table(run))
    assert np.flatnonzero(busy).tolist() == list(range(30, 37))
    found = control.summary(run, busy).set_index("protocol")
    assert found.index.tolist() == ["ospf", "bfd", "all"]
    assert found.loc["ospf"].tolist() == approx([12 / 60, 1220 / 60, 1220 / 232, 930, 290 / 212, 930 / 20])
    assert found.loc["all", "link_max_bytes_s"] == 1230
    assert control.by_second(run).loc[[0, 1, 33]].tolist() == [290, 0, 1230]


ROUTES = [  # applied_s, node, dst, via, family
    (-1.0, "Miyun", "Sanya", "s1", "4"), (-1.0, "s1", "Sanya", "Sanya", "4"),
    (-1.0, "s1", "Sanya", "s2", "6"), (5.0, "s1", "Sanya", "Miyun", "4"),
    (5.2, "Miyun", "Sanya", "s2 s1", "4"), (6.0, "s2", "Sanya", "Sanya", "4"),
]  # fmt: skip


@pytest.fixture
def recorded(builder):
    """A run whose tables were recorded."""
    made = builder()
    rows = pd.DataFrame(ROUTES, columns=["applied_s", "node", "dst", "via", "family"])
    made.tables["routes"] = rows.assign(t_s=np.nan)
    return made.load()


def test_the_way_by_recorded_tables(recorded):
    ways = forwarding.Ways(forwarding.changes(recorded, 4), "Sanya")
    assert ways.path("Miyun", -2) == ["Miyun"]
    assert ways.path("Miyun", 0) == ["Miyun", "s1", "Sanya"]
    assert ways.path("Miyun", 5.1) == ["Miyun", "s1", "Miyun"]  # a loop
    assert ways.path("Miyun", 5.9) == ["Miyun", "s2"]
    assert ways.path("Miyun", 6.0) == ["Miyun", "s2", "Sanya"]
    assert ways.loops("Miyun", 5.1) and not ways.loops("Miyun", 5.9)


def test_for_how_long_an_event_had_packets_run_in_a_circle(builder):
    """s1 sends packets back to Miyun from 5 s on, Miyun sends them over s2 from 5.2 s on."""
    made = happening(builder, outage("s1", "Miyun", 5.0))
    rows = pd.DataFrame(ROUTES, columns=["applied_s", "node", "dst", "via", "family"])
    made.tables["routes"] = rows.assign(t_s=np.nan)
    assert of(made.load(), "silence")["loop_s"] == approx(0.2)


def test_churn_is_of_one_family_and_after_the_start(recorded):
    found = forwarding.churn(recorded, 4).set_index("t_s")
    assert len(found) == 60
    assert found.loc[5].tolist() == [2, 2, 1] and found.loc[6].tolist() == [1, 1, 1]
    assert found["changes"].sum() == 3 and forwarding.churn(recorded, 6)["changes"].sum() == 0
    assert forwarding.churn_by_destination(recorded, 4).to_dict() == {"Sanya": 3}


def test_the_verdict_tells_it_and_writes_the_table(builder):
    run = builder().load()
    judged = verdict.judge(run)
    assert judged.routing.events == 1 and judged.routing.control == []
    assert judged.routing.churn.changes == 12
    verdict.write(run, judged)
    stored = pd.read_parquet(run.dir / "routing.parquet")
    assert stored["loss_derived_s"].tolist() == approx([2.0]) and [*stored.columns] == [*ROUTING.dtypes]
