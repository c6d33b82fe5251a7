"""What a page is given of a run: tasks and bundles span by span, what nodes held, what links carried."""

import numpy as np
import pandas as pd
import pytest

from skybed.analysis.pages.view import amounts, lives, load
from skybed.topologies.model.tables import BUFFERS, BUNDLES, CARRIED, CONTACT_USE, HOPS
from support import tiny_tasks
from support.tiny_sky import S1_MIYUN, S1_SANYA, S2_MIYUN, S2_SANYA, TINY, Builder, plan_of

UDP = {"kind": "udp", "name": "u1", "from": "Miyun", "to": "Sanya", "rate_mbps": 1, "size_bytes": 1000}
BUNDLE = {"kind": "bundles", "name": "b1", "from": "Miyun", "to": "Sanya", "every_s": 30, "lifetime_s": 20}
# Of bundle 0: it goes over s1. Of bundle 1: nobody takes it.
HOPPED = [
    ("b1", 0, False, 0, 10_000, "Miyun", "s1", 0.0, 1.0, 1.5, 10_100, True),
    ("b1", 0, False, 0, 10_000, "s1", "Sanya", 1.5, 2.0, 3.0, 10_100, True),
]
MADE = [
    ("b1", 0, "Miyun", "Sanya", 10_000, 0.0, 3.0, np.nan, 2, 1, 0, "delivered"),
    ("b1", 1, "Miyun", "Sanya", 10_000, 30.0, np.nan, np.nan, 0, 0, 0, "expired"),
]


def rows(table, values):
    return pd.DataFrame(values, columns=list(table.dtypes)).astype(table.dtypes)


@pytest.fixture
def tasks(tmp_path):
    return tiny_tasks.build(tmp_path / "run").load()


@pytest.fixture
def bundles(tmp_path):
    made = Builder(tmp_path / "run", plan_of(TINY | {"traffic": [BUNDLE]}))
    tables = {
        BUNDLES: MADE,
        HOPS: HOPPED,
        CONTACT_USE: [],
        BUFFERS: [("s1", 1.5, 10_000, 50_000)],
    }
    made.tables |= {table.name: rows(table, values) for table, values in tables.items()}
    return made.load()


def spans_of(run, life):
    """(stage, node, peer, queued_s, began_s, ended_s, outcome) of each span of a life, as a page has them."""
    facts, arrays = lives.facts(run), lives.arrays(run)
    names = [None, *(node.name for node in run.plan.nodes)]
    return [
        (
            facts["stages"][arrays["span_stage"][row]], names[arrays["span_node"][row]],
            names[arrays["span_peer"][row]], *(arrays[f"span_{name}"][row] for name in lives.TIMES),
            facts["outcomes"][arrays["span_outcome"][row]],
        )
        for row in range(*arrays["life"][life : life + 2].tolist())
    ]  # fmt: skip


def test_a_task_is_followed_from_its_view_to_its_arrival(tasks):
    assert lives.facts(tasks)["followed"] == [["fire", 0]]
    assert lives.arrays(tasks)["life_number"].tolist() == [0, 1, 2]
    stages = [span[:3] for span in spans_of(tasks, 1)]
    assert stages == [
        ("view", "s1", None), ("observe", "s1", None), ("compute", "s1", None), ("delivery", "s1", "Miyun"),
        ("arrive", "Miyun", None),
    ]  # fmt: skip
    table = tasks.table("tasks").query("number == 1")
    np.testing.assert_allclose([span[5] for span in spans_of(tasks, 1)], table["ended_s"], atol=1e-6)


def test_a_span_that_is_sent_has_its_connections_and_no_other_has_any(tasks):
    arrays = lives.arrays(tasks)
    counts = np.diff(arrays["part"].astype(int))
    assert counts.tolist() == [0, 0, 0, 1, 0] * 3
    np.testing.assert_allclose(arrays["part_began_s"], tasks.table("transfers")["began_s"], atol=1e-6)
    assert lives.reached(tasks) == ["Miyun"]


def test_what_a_task_sends_as_a_bundle_has_its_hops(tmp_path):
    run = tiny_tasks.in_bundles(tmp_path / "run").load()
    arrays, names = lives.arrays(run), [None, *(node.name for node in run.plan.nodes)]
    ends = [[names[number] for number in arrays[f"part_{end}"]] for end in ("node", "peer")]
    times = (arrays[f"part_{name}"].tolist() for name in ("began_s", "ended_s", "bytes"))
    assert list(zip(*ends, *times, strict=True))[: len(tiny_tasks.HOPS)] == tiny_tasks.HOPS
    assert lives.reached(run) == []  # by routes


def test_a_bundle_is_followed_over_its_hops(bundles):
    assert spans_of(bundles, 0) == [
        ("hop", "Miyun", "s1", 0.0, 1.0, 1.5, "done"), ("hop", "s1", "Sanya", 1.5, 2.0, 3.0, "done"),
    ]  # fmt: skip


def test_a_bundle_that_nobody_takes_is_held_until_it_expires(bundles):
    assert spans_of(bundles, 1) == [("hold", "Miyun", None, 30.0, 30.0, 50.0, "expired")]


def test_in_an_epidemic_all_who_met_a_bundle_keep_it(bundles):
    flow = bundles.traffic[0].model_copy(update={"routing": "epidemic"})
    rows = lives.holds(flow, bundles.rows(flow), bundles.table("hops"), 60.0)
    assert [(row["number"], row["node"], row["queued_s"], row["ended_s"]) for row in rows] == [
        (0, "Miyun", 0.0, 20.0), (1, "Miyun", 30.0, 50.0), (0, "s1", 1.5, 20.0),
    ]  # fmt: skip


def test_a_run_without_tasks_and_bundles_has_nothing_to_follow(tmp_path):
    run = Builder(tmp_path / "run", plan_of(TINY)).load()
    assert lives.facts(run)["followed"] == []
    assert lives.arrays(run)["life"].tolist() == [0]
    assert amounts.arrays(run)["held"].tolist() == [0] * (len(run.plan.nodes) + 1)
    assert load.arrays(run)["load"].tolist() == [0] * (2 * len(run.plan.links) + 1)


def test_storage_and_battery_are_those_of_the_tables(tasks):
    arrays, node = amounts.arrays(tasks), tasks.plan.node("s1")
    held = slice(*arrays["held"][node : node + 2].tolist())
    table = tasks.table("storage").query("node == 's1'")
    np.testing.assert_allclose(arrays["held_s"][held], table["t_s"], atol=1e-3)
    np.testing.assert_allclose(arrays["held_mb"][held], table["held_bytes"] / 1e6, rtol=1e-6)
    energy = tasks.table("energy").drop_duplicates("t_s", keep="last")
    np.testing.assert_allclose(arrays["battery_wh"], energy["battery_wh"], rtol=1e-6)
    assert amounts.facts(tasks)["rooms_mb"] == {"s1": 3.0}
    assert amounts.facts(tasks)["batteries_wh"]["s1"] == tiny_tasks.POWER["battery_wh"]


def test_what_agents_of_bundles_hold_is_storage_too(bundles):
    assert amounts.arrays(bundles)["held_mb"].tolist() == pytest.approx([0.01])
    assert amounts.facts(bundles)["rooms_mb"] == {"s1": 0.05}


def test_of_many_changes_the_most_that_is_held_and_the_least_that_is_left_stay(tasks, monkeypatch):
    monkeypatch.setattr(amounts, "MOST", 3)
    arrays = amounts.arrays(tasks)
    s1 = slice(*arrays["held"][:2].tolist())
    assert len(arrays["held_s"][s1]) <= 3 and len(arrays["battery_s"]) <= 3
    assert arrays["held_mb"][s1].max() == pytest.approx(1.0)
    assert arrays["battery_wh"].min() == pytest.approx(tasks.table("energy")["battery_wh"].min())


def loads_of(run, link, side):
    """Mbit/s by the second."""
    arrays = load.arrays(run)
    mine = slice(*arrays["load"][2 * link + side : 2 * link + side + 2].tolist())
    return dict(zip(arrays["load_bin"][mine].tolist(), arrays["load_mbps"][mine].tolist(), strict=True))


def test_a_stream_loads_the_links_of_its_way_in_its_direction(tmp_path):
    made = Builder(tmp_path / "run", plan_of(TINY | {"traffic": [UDP]}))
    made.flow_rows("u1", "udp", 1.0)
    run = made.load()
    side = 0 if run.plan.nodes[run.plan.links[S1_MIYUN].a].name == "Miyun" else 1
    there, back = loads_of(run, S1_MIYUN, side), loads_of(run, S1_MIYUN, 1 - side)
    on = loads_of(run, S1_SANYA, 1 - side)
    assert back == {} and there == on == dict.fromkeys(range(30), pytest.approx(1.0))  # then it is over s2
    assert not load.facts(run)["load_counted"]


def test_what_a_task_sends_loads_the_link_that_it_takes(tasks):
    side = 0 if tasks.plan.links[S1_MIYUN].a == tasks.plan.node("s1") else 1
    loads = loads_of(tasks, S1_MIYUN, side)
    assert set(loads) == {8, 15, 23}
    assert sum(loads.values()) == pytest.approx(3 * tiny_tasks.PRODUCT * 8e-6, rel=1e-6)


def test_a_task_s_bundle_loads_the_links_of_its_hops_without_any_route(tmp_path):
    run = tiny_tasks.in_bundles(tmp_path / "run").load()
    for link, node, second, size in (
        (S1_SANYA, "s1", 8, 40_000), (S1_MIYUN, "s1", 8, 60_000),
        (S2_SANYA, "Sanya", 33, 40_000), (S2_MIYUN, "s2", 34, 40_000),
    ):  # fmt: skip
        side = 0 if run.plan.links[link].a == run.plan.node(node) else 1
        assert loads_of(run, link, side)[second] == pytest.approx(size * 8e-6)
        assert loads_of(run, link, 1 - side) == {}


def test_a_bundle_loads_the_link_of_its_contact_evenly(bundles):
    plan = bundles.plan
    up = 0 if plan.links[S1_MIYUN].a == plan.node("Miyun") else 1
    assert loads_of(bundles, S1_MIYUN, up) == {1: pytest.approx(10_100 * 8e-6)}
    assert loads_of(bundles, S1_SANYA, 1 - up) == {2: pytest.approx(10_100 * 8e-6)}


def test_what_the_kernel_counted_counts(tmp_path):
    made = Builder(tmp_path / "run", plan_of(TINY | {"traffic": [UDP]}))
    made.tables["carried"] = rows(
        CARRIED, [(7.0, "s1", "Miyun", 10, 125_000), (8.0, "s1", "Miyun", 1, 250_000)]
    )
    run = made.load()
    side = 0 if run.plan.links[S1_MIYUN].a == run.plan.node("s1") else 1
    assert loads_of(run, S1_MIYUN, side) == {7: 1.0, 8: 2.0}
    assert load.facts(run) == {"load_bin_s": 1.0, "load_counted": True}


def test_of_many_seconds_several_are_one(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "MOST", 1)
    made = Builder(tmp_path / "run", plan_of(TINY | {"traffic": [UDP]}))
    made.tables["carried"] = rows(
        CARRIED, [(8.0, "s1", "Miyun", 10, 125_000), (9.0, "s1", "Miyun", 1, 250_000)]
    )
    run = made.load()
    side = 0 if run.plan.links[S1_MIYUN].a == run.plan.node("s1") else 1
    assert load.facts(run)["load_bin_s"] == 2.0
    assert loads_of(run, S1_MIYUN, side) == {4: 1.5}
