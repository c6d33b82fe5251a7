"""The tables of what was played: rows as they come, window by window."""

import pathlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from skybed.emulator.sky import tables
from skybed.emulator.sky.player import Played
from skybed.topologies.contacts import properties
from skybed.topologies.contacts.properties import KINDS, Direction
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.scenario.file import Scenario
from support import hand_made

PAIR = pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml"
NONE = np.nan


@pytest.fixture(scope="module")
def plan():
    """eo-0-0 over miyun and sanya: two links."""
    return Plan.make(Scenario.load(PAIR))


def played(events, applied_s, skipped=False, changes=(), changes_applied_s=()):
    happens = hand_made.events(events)
    return Played(
        happens, np.array(applied_s, float), np.full(len(happens), skipped),
        np.array(list(changes), CHANGE), np.array(changes_applied_s, float), [],
    )  # fmt: skip


def test_windows_make_one_table_and_numbers_run_on(plan, tmp_path):
    with tables.log(plan, tmp_path) as log:
        log(played([(0, "up", 0, 5000.0), (9, "down", 0)], [0, 0, 9.001], False, [(0, 0, 1, 1)], [0.5]))
        log(played([], []))
        log(played([(4000, "delay", 1, 6000.0)], [NONE], True, [(4000, 1, 2, -1)], [NONE]))
        assert not (tmp_path / "applied.parquet").exists()
    applied = pd.read_parquet(tmp_path / "applied.parquet")
    assert applied.event.tolist() == [0, 1, 2]
    assert applied.kind.tolist() == ["up", "down", "delay"]
    assert applied.link.tolist() == ["eo-0-0--miyun", "eo-0-0--miyun", "eo-0-0--sanya"]
    assert (applied.a + "--" + applied.b).tolist() == applied.link.tolist()
    assert applied.late_us.round().tolist()[:2] == [0, 1000]
    assert applied.skipped.tolist() == [False, False, True]
    assert applied.isna().sum().to_dict() == dict.fromkeys(applied.columns, 0) | {
        "applied_s": 1, "late_us": 1, "delay_us": 1, "slope_us_s": 1,
    }  # fmt: skip
    routes = pd.read_parquet(tmp_path / "routes.parquet")
    assert routes.node.tolist() == ["eo-0-0", "miyun"] and routes.dst.tolist() == ["miyun", "sanya"]
    assert routes.via[0] == "miyun" and routes.via.isna().tolist() == [False, True]
    assert pq.ParquetFile(tmp_path / "applied.parquet").num_row_groups == 3


def test_a_run_that_breaks_leaves_no_table(plan, tmp_path):
    with pytest.raises(RuntimeError), tables.log(plan, tmp_path) as log:
        log(played([(0, "up", 0, 5000.0)], [0, 0]))
        raise RuntimeError
    assert not list(tmp_path.glob("*.parquet"))


def test_events_are_those_of_the_plan(plan, tmp_path):
    tables.write_events(plan, tmp_path / "events.parquet")
    events, meant = pd.read_parquet(tmp_path / "events.parquet"), plan.events.whole()
    told, delay_us, slope_us_s = properties.rows(meant)
    meant = meant[told]
    assert events.event.tolist() == list(range(len(meant)))
    assert events.t_s.tolist() == meant["t_s"].tolist()
    assert events.link.tolist() == [plan.links[n].name for n in meant["link"]]
    assert events.kind.tolist() == [KINDS[kind] for kind in properties.kind(meant)]
    assert set(events.kind) == {"up", "delay"}
    np.testing.assert_array_equal(events.delay_us, delay_us[told])
    np.testing.assert_array_equal(events.slope_us_s, slope_us_s[told])
    assert events.delay_us.notna().tolist() == events.kind.isin(["up", "delay"]).tolist()


def test_every_property_is_told_with_its_direction_and_value(plan, tmp_path):
    """A delay of one way that a link comes with stands by itself: `up` tells the delay of both ways."""
    events = [
        (0, "up", 0), (0, "delay", 0, 5000.0, Direction.BACK), (0, "up", 1, 7000.0),
        (1, "rate", 0, 2.5, Direction.THERE), (2, "loss", 0, 30.0, Direction.BACK), (3, "silence", 0),
        (4, "heal", 0), (5, "loss", 0, 0.0), (6, "down", 0),
    ]  # fmt: skip
    with tables.log(plan, tmp_path) as log:
        log(played(events, np.arange(len(events) + 1)))
    applied = pd.read_parquet(tmp_path / "applied.parquet")
    assert list(zip(applied.kind, applied.direction, applied.property, applied.value, strict=True)) == [
        ("up", "both", "carrier", 1), ("up", "both", "carrier", 1), ("delay", "back", "delay", 5000),
        ("rate", "there", "rate", 2.5), ("loss", "back", "loss", 30), ("silence", "both", "silence", 1),
        ("heal", "both", "silence", 0), ("loss", "both", "loss", 0), ("down", "both", "carrier", 0),
    ]  # fmt: skip
    assert applied.delay_us.dropna().to_dict() == {1: 7000, 2: 5000}
    assert applied.event.tolist() == list(range(9))
    assert applied.applied_s.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]  # 3 is the delay that came with link 1
