"""A place to run commands in, and a run directory for those that read one."""

import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import emulator.tables
import traffic.tables
from topologies.plan import Plan
from topologies.scenario import Scenario

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
    plan = Plan.make(Scenario.model_validate(fields))
    plan.save(folder / "plan")
    events, routes = plan.timeline().events, plan.routes().changes
    player = SimpleNamespace(
        events=events, applied_s=events["t_s"] + 50e-6, skipped=np.zeros(len(events), bool),
        routes=routes, routes_applied_s=routes["t_s"] + 50e-6,
    )  # fmt: skip
    emulator.tables.write(emulator.tables.events(plan, events), folder / "events.parquet")
    emulator.tables.write(emulator.tables.applied(plan, player, 30.0), folder / "applied.parquet")
    emulator.tables.write(emulator.tables.routes(plan, player, 30.0), folder / "routes.parquet")
    for name in ("probes", "paths", "flows"):
        traffic.tables.write(getattr(traffic.tables, name.upper()), [], folder / f"{name}.parquet")
    manifest = {
        "skybed": "0.1.0", "started_utc": "2026-05-09T00:00:00Z", "versions": {}, "lane": "uml",
        "clock": "real", "cpu_count": 2, "duration_s": 30.0, "played_s": 30.0, "finished": True,
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
