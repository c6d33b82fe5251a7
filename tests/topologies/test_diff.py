"""What changed between two plans, when it is known what was changed in the scenario."""

import pathlib

import numpy as np
import pytest
import yaml

from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan import diff
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

FIELDS = yaml.safe_load((pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml").read_text())
RADIO = FIELDS["links"]["x-quick"]


def pair(duration_s=None, **changes):
    fields = FIELDS | {"traffic": []} | changes
    return Plan.make(Scenario.model_validate(fields), duration_s=duration_s)


def radio(**changes):
    return {"links": {"x-quick": RADIO | changes}}


@pytest.fixture(scope="module")
def plain():
    return pair()


def test_a_plan_is_as_itself_also_when_it_was_stored(plain, tmp_path):
    plain.save(tmp_path / "plan")
    for other in (plain, Plan.load(tmp_path / "plan")):
        found = diff.compare(plain, other)
        assert found.changes.empty
        assert list(found.changes.columns) == list(diff.COLUMNS)
        assert found.same == 2


def test_a_higher_mask_moves_the_edge_and_leaves_the_delay(plain):
    found = diff.compare(pair(**radio(min_elevation_deg=6)), plain)
    (row,) = found.changes.itertuples()
    assert (row.link, row.change, found.same) == ("eo-0-0--miyun", "moved", 1)
    assert row.was_start_s == pytest.approx(8.709, abs=1e-3) and row.start_s > row.was_start_s + 5
    assert (row.end_s, row.was_end_s) == (30, 30)
    assert row.delay_ms == pytest.approx(row.was_delay_ms, abs=1e-9)


def test_a_move_within_the_tolerance_is_none(plain):
    later = pair(**radio(setup_s=2.5))
    assert diff.compare(later, plain, edge_s=0.6).changes.empty
    (row,) = diff.compare(later, plain, edge_s=0.4).changes.itertuples()
    assert row.start_s - row.was_start_s == pytest.approx(0.5, abs=1e-6)


def test_a_longer_delay_without_a_moved_edge(plain):
    found = diff.compare(pair(**radio(fixed_delay_ms=1)), plain)
    assert list(found.changes["change"]) == ["delay", "delay"]
    assert list(found.changes.delay_ms - found.changes.was_delay_ms) == pytest.approx([1, 1])
    assert diff.compare(pair(**radio(fixed_delay_ms=1)), plain, delay_ms=2).changes.empty


def test_both_at_once(plain):
    found = diff.compare(pair(**radio(fixed_delay_ms=1, setup_s=3)), plain)
    assert sorted(found.changes["change"]) == ["delay", "moved, delay"]
    assert [found.count(change) for change in ("moved", "delay", "added")] == [1, 2, 0]


def test_a_mask_that_hides_a_station_takes_its_contact(plain):
    high = pair(**radio(min_elevation_deg=10))
    (gone,) = diff.compare(high, plain).changes.itertuples()
    assert (gone.link, gone.change, gone.was_end_s) == ("eo-0-0--miyun", "removed", 30)
    assert np.isnan([gone.start_s, gone.end_s, gone.delay_ms, gone.was_delay_ms]).all()
    (come,) = diff.compare(plain, high).changes.itertuples()
    assert (come.link, come.change, come.end_s) == ("eo-0-0--miyun", "added", 30)


def test_a_failure_cuts_a_contact_in_two(plain):
    fault = {"kind": "carrier", "link": ["eo-0-0", "sanya"], "at_s": 10, "for_s": 5}
    found = diff.compare(pair(faults=[fault]), plain)
    first, second = found.changes.itertuples()
    assert (first.change, first.start_s, first.end_s, first.was_end_s) == ("moved", 0, 10, 30)
    assert (second.change, second.start_s, second.end_s) == ("added", 17, 30)  # after 2 s of set-up


def test_only_the_time_that_both_plans_tell_of_counts(plain):
    found = diff.compare(pair(duration_s=20), plain)
    assert (found.common.start_s, found.common.end_s) == (0, 20)
    assert found.changes.empty


def test_the_order_of_the_nodes_does_not_count(plain):
    found = diff.compare(pair(stations=["sanya", "miyun"]), plain)
    assert found.changes.empty and found.same == 2


def test_plans_of_different_epochs_are_compared_in_utc(plain):
    assert diff.compare(pair(epoch="2026-05-09T01:42:00Z"), plain).common == (0, 20, 10)
    with pytest.raises(ScenarioError, match="have no time in common: they begin 30 s apart"):
        diff.compare(pair(epoch="2026-05-09T01:42:20Z"), plain)
