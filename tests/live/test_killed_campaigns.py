"""Campaigns that are killed and interrupted end with the table of one that was left alone."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from skybed.analysis import contents
from skybed.scripts.running.run import Options, execute
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT
from support.tiny_campaign import PAIRS

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
]

PATIENCE_S = 120


@pytest.fixture
def start(tmp_path):
    """start(out) begins a campaign in a process group of its own, as a terminal does."""
    file = tmp_path / "campaign.yaml"
    file.write_text(PAIRS)
    begun = []

    def begin(out):
        program = "from skybed.scripts.cli.main import main; main()"
        command = [sys.executable, "-c", program, "campaign", "run", file, "--out", out]
        begun.append(
            subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
        )
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def wait_for(out, runs, process):
    """Until so many runs are there and more are under way."""
    until_s = time.monotonic() + PATIENCE_S
    while len(finished(out)) < runs or not list(out.glob(".unfinished/dask-scratch-space/*/run-*/run/plan")):
        assert process.poll() is None and time.monotonic() < until_s
        time.sleep(0.05)


def finished(out):
    return sorted(path.name for path in out.glob("runs/*"))


def files(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*.parquet")}


def test_a_campaign_that_is_killed_and_interrupted_gives_the_same_table(start, machine, tmp_path):
    alone, out = tmp_path / "a", tmp_path / "b"
    before = machine()
    _, told = (process := start(alone)).communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told

    process = start(out)
    wait_for(out, 0, process)
    process.kill()
    process.wait()
    assert len(finished(out)) < 4

    process = start(out)
    wait_for(out, 1, process)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE_S)
    kept = finished(out)
    assert process.returncode == 130 and 1 <= len(kept) < 4
    assert told.endswith(f"interrupted; {len(kept)} of 4 runs are done and kept in {out}.\n")
    assert "Traceback" not in told
    assert machine() == before  # no process, no file of a lane
    made_s = {name: (out / "runs" / name / "manifest.json").stat().st_mtime for name in kept}

    _, told = (process := start(out)).communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    assert (
        made_s.items()
        <= {name: (out / "runs" / name / "manifest.json").stat().st_mtime for name in finished(out)}.items()
    )
    assert files(alone / "table") == files(out / "table")

    table = pd.read_parquet(out / "table").query("flow == 'down'")
    assert table["sent"].tolist() == [50] * 4 and set(table["verdict"]) == {"pass"}
    lossy = table["links.x-quick.loss_pct"].astype(int) == 20
    assert (table.loss_pct[~lossy] == 0).all() and (table.loss_pct[lossy] > 5).all()
    assert table.seed.nunique() == 2 and table.run.nunique() == 4
    for run, sha256, seed in zip(table.run, table.scenario_sha256, table.seed, strict=True):
        manifest = json.loads((out / "runs" / run / "manifest.json").read_text())
        assert (manifest["scenario_sha256"], manifest["seed"]) == (sha256, seed)


def test_a_plan_made_before_changes_nothing(tmp_path):
    scenario = Scenario.load(ROOT / "scenarios" / "pair.yaml").with_(duration_s=5)
    Plan.make(scenario.in_virtual_time()).save(tmp_path / "plan")
    for name, plan in (("without", None), ("with", Plan.load(tmp_path / "plan"))):
        (tmp_path / name).mkdir()
        execute(scenario, Options(clock="virtual"), tmp_path / name, plan=plan)
    assert contents.hashes(tmp_path / "without") == contents.hashes(tmp_path / "with")
