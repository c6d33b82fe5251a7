"""A place to run commands in, and a run directory for those that read one."""

import json
import pathlib

import numpy as np
import pytest
import yaml

from skybed.emulator.sky import tables
from skybed.emulator.sky.player import Played
from skybed.scripts.running import run
from skybed.topologies.model.tables import FLOWS, PATHS, PROBES
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from skybed.traffic import tables as traffic_tables
from support import tiny_sky

PAIR = pathlib.Path(__file__).parents[2] / "scenarios" / "pair.yaml"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty directory that commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def good_run(tmp_path_factory):
    """A run directory of a sky without traffic, in which everything happened when it should."""
    folder = tmp_path_factory.mktemp("run")
    fields = yaml.safe_load(PAIR.read_text()) | {"traffic": []}
    run.hand_over(Plan.make(Scenario.model_validate(fields)), folder)
    plan = Plan.load(folder / "plan")
    with tables.log(plan, folder) as log:
        for window in plan.windows():
            events, changes = window.events, window.changes
            done_s = (rows["t_s"] + 50e-6 for rows in (events, changes))
            log(Played(events, next(done_s), np.zeros(len(events), bool), changes, next(done_s), []))
    for table in (PROBES, PATHS, FLOWS):
        traffic_tables.write(table, [], folder)
    played = {"duration_s": 30.0, "played_s": 30.0, "scenario": "pair"}
    (folder / "manifest.json").write_text(json.dumps(tiny_sky.MANIFEST | played))
    return folder
