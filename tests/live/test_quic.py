"""QUIC over the Starlink-like user link, by the program of docs/campaigns, with aioquic."""

import os
import re
import sys

import pytest
import yaml

from skybed.analysis.run import load
from skybed.topologies.model import ready
from skybed.topologies.scenario.file import Scenario
from support import needs
from support.places import ROOT

PAGE = ROOT / "docs" / "campaigns" / "starlink-tcp.md"
CAPACITY_MBPS = 43  # of the link's slots with the scenario's seed, without headers


def with_quic(seconds, python):
    """The base of the campaign starlink-tcp with the traffic of its page, for so many seconds."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    traffic = yaml.safe_load(text)["traffic"]
    for flow in traffic:
        flow["command"] = [python, *flow["command"][1:]]
        flow["files"] = {"quic.py": (PAGE.parent / "quic.py").read_text()}
        flow["env"] = flow.get("env", {}) | {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    traffic[-1]["command"][-1] = str(seconds)
    user = Scenario.load(ready.FOLDERS["campaign"] / "base" / "starlink-user.yaml")
    return user.with_(traffic=traffic, duration_s=5.0 + seconds)


def test_the_page_has_a_scenario():
    assert [flow.name for flow in with_quic(30, "python3").traffic] == ["server", "quic"]


@pytest.mark.live
@needs.virtual_time
def test_quic_takes_most_of_the_link(skybed, tmp_path):
    (tmp_path / "s.yaml").write_text(with_quic(5, sys.executable).dump())
    done = skybed("run", tmp_path / "s.yaml", "--clock", "virtual", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout + done.stderr
    (mbps,) = load(tmp_path / "run").table("measures")["value"]
    assert 0.5 * CAPACITY_MBPS < mbps < CAPACITY_MBPS
