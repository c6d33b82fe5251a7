"""Long plans are gone through window by window: as they are counted, as they are written for a run."""

import pathlib
import weakref
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from skybed.emulator.sky import tables
from skybed.scripts.cli.plan import counts
from skybed.scripts.running import run
from skybed.topologies.contacts import properties
from skybed.topologies.plan import steps
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def made():
    """Ten windows of a minute, not yet worked out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "WINDOW_S", 60.0)
        patch.setattr(steps, "CHUNK_S", 20.0)
        yield Plan.make(Scenario.load(SCENARIOS / "sc-mini.yaml"), duration_s=600)


class Watch:
    """Of a table: how often it was gone through, and how many of its pieces there ever were at once."""

    def __init__(self):
        self.times = self.most = 0

    def over(self, pieces):
        self.times += 1
        seen = []
        for rows in pieces:
            seen.append(weakref.ref(rows))
            self.most = max(self.most, sum(piece() is not None for piece in seen))
            yield rows


@pytest.fixture
def watches():
    return {"events": Watch(), "routes": Watch()}


@pytest.fixture
def plan(made, watches):
    return replace(
        made, **{name: Pieces(partial(x.over, getattr(made, name))) for name, x in watches.items()}
    )


def test_counting_holds_no_more_than_two_windows(plan, watches):
    counted = counts(plan, with_routes=True)
    assert [watches[name].most for name in ("events", "routes")] == [2, 2]
    events, changes = plan.events.whole(), plan.routes.whole()
    ups = properties.comes(events).sum()  # each with a first delay, which is no event of its own to who reads
    assert counted["events"].startswith(f"{len(events) - ups}: {ups} up, ")
    assert f"{properties.goes(events).sum()} down" in counted["events"]
    assert counted["routes"] == f"{len(changes)} changes at {len(np.unique(changes['t_s']))} instants"


def test_writing_holds_no_more_than_two_windows(plan, watches, tmp_path):
    tables.write_events(plan, tmp_path / "events.parquet")
    assert watches["events"].most == 2 and watches["routes"].times == 0


def test_a_run_begins_with_events_that_are_worked_out_once(plan, watches, tmp_path):
    run.hand_over(plan, tmp_path)
    assert [(watches[name].times, watches[name].most) for name in ("events", "routes")] == [(1, 2), (1, 2)]
    events = pd.read_parquet(tmp_path / "events.parquet")
    meant = plan.events.whole()
    assert events["t_s"].tolist() == meant["t_s"][properties.rows(meant)[0]].tolist()


def test_links_at_once_are_those_of_neighbouring_windows(plan):
    """Counted minute by minute: what a contact of this minute or the next one needs; some contacts share."""
    needed = [
        plan.contacts.link[(plan.contacts.start_s < 60 * n + 120) & (plan.contacts.end_s >= 60 * n)].nunique()
        for n in range(10)
    ]
    assert max(needed) <= run.links_at_once(plan) < len(plan.links)
    assert run.links_at_once(plan) <= 1.1 * max(needed)
