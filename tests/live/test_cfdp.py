"""CFDP over a link that loses packets, by the program of docs/cfdp, with cfdp-py: class 2 survives that."""

import os
import sys

import pytest

from skybed.analysis.run import load
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

SCENARIO = ROOT / "docs" / "cfdp" / "cfdp.yaml"
FILE_BYTES = 100_000


def test_the_example_is_a_scenario():
    scenario = Scenario.load(SCENARIO)
    assert [flow.name for flow in scenario.traffic] == ["ground", "once", "acked"]
    assert "](cfdp/cfdp.yaml)" in (ROOT / "docs" / "programs.md").read_text()


@pytest.mark.live
@needs.virtual_time
def test_class_2_brings_what_class_1_loses(skybed, tmp_path):
    scenario = Scenario.load(SCENARIO)
    path = os.environ.get("PYTHONPATH", "")
    traffic = [
        flow.model_copy(update={"command": [sys.executable, *flow.command[1:]], "env": {"PYTHONPATH": path}})
        for flow in scenario.traffic
    ]
    plain = [flow.model_dump(mode="json", by_alias=True, exclude_none=True) for flow in traffic]
    (tmp_path / "cfdp.yaml").write_text(scenario.with_(traffic=plain).dump())
    done = skybed("run", tmp_path / "cfdp.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    run = load(tmp_path / "run")
    assert run.table("programs").query("flow != 'ground'")["exit_code"].tolist() == [0, 0]
    rows = run.table("measures")
    whole, size, at_s = (
        rows[rows["metric"] == name][column].tolist()
        for name, column in (("whole", "value"), ("received_bytes", "value"), ("whole", "t_s"))
    )
    assert whole == [0, 1] and size == [FILE_BYTES] * 2  # holes are zeros
    assert at_s[1] - 15 > 3  # what is lost comes after a NAK: 1 s there, back, and there again
    (took_s,) = rows.query("flow == 'acked' and metric == 'put_s'")["value"]
    assert at_s[1] - 15 < took_s + 2 < 30
