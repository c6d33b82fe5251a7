"""Long plans are gone through window by window: as they are counted, as they are written for a run."""

import pathlib
import weakref
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skybed.emulator.sky import tables
from skybed.scripts.cli.plan import counts
from skybed.scripts.running import run
from skybed.topologies.model.scenario import Scenario
from skybed.topologies.plan import timeline
from skybed.topologies.plan.plan import Plan
from skybed.topologies.routing import windowed

SCENARIOS = pathlib.Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def made():
    """Ten windows of a minute, not yet worked out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "WINDOW_S", 60.0)
        patch.setattr(timeline, "CHUNK_S", 20.0)
        yield Plan.make(Scenario.load(SCENARIOS / "sc-mini.yaml"), duration_s=600)


@pytest.fixture
def plan(made):
    return replace(made)


@pytest.fixture
def most(plan, monkeypatch):
    """How many windows there ever were at once, of events and of routes, once something has gone through."""
    most = defaultdict(int)

    def watched(name, windows):
        made = []
        for rows in windows():
            made.append(weakref.ref(rows))
            most[name] = max(most[name], sum(old() is not None for old in made))
            yield rows

    for name in ("timeline_windows", "routes_windows"):
        windows = getattr(plan, name)
        monkeypatch.setattr(plan, name, lambda name=name, windows=windows: watched(name, windows))
    return most


def test_counting_holds_no_more_than_two_windows(plan, most):
    counted = counts(plan, with_routes=True)
    assert most == {"timeline_windows": 2, "routes_windows": 2}
    events, changes = plan.timeline().events, plan.routes().changes
    assert counted["events"].startswith(f"{len(events)}: ")
    assert f"{(events['kind'] == timeline.EventKind.DOWN).sum()} down" in counted["events"]
    assert counted["routes"] == f"{len(changes)} changes at {len(np.unique(changes['t_s']))} instants"


def test_writing_holds_no_more_than_two_windows(plan, most, tmp_path):
    tables.write_events(plan, tmp_path / "events.parquet")
    assert most == {"timeline_windows": 2}


def test_a_run_begins_with_events_that_are_worked_out_once(plan, most, monkeypatch, tmp_path):
    asked, windows = [], timeline.windows
    monkeypatch.setattr(timeline, "windows", lambda *args: asked.append(args) or windows(*args))
    run._write_plan(plan, tmp_path)
    assert most == {"timeline_windows": 2, "routes_windows": 2} and len(asked) == 1
    events = pd.read_parquet(tmp_path / "events.parquet")
    assert events["t_s"].tolist() == plan.timeline().events["t_s"].tolist()


def test_links_at_once_are_those_of_neighbouring_windows(plan):
    """Counted minute by minute: what a contact of this minute or the next one needs; some contacts share."""
    needed = [
        plan.contacts.link[(plan.contacts.start_s < 60 * n + 120) & (plan.contacts.end_s >= 60 * n)].nunique()
        for n in range(10)
    ]
    assert max(needed) <= run._links_at_once(plan) < len(plan.links)
    assert run._links_at_once(plan) <= 1.1 * max(needed)
