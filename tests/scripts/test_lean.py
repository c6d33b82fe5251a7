"""What is imported inside a lane, in a fresh interpreter: numpy, Arrow and what is used there, no more."""

import json
import pathlib
import subprocess
import sys

import pytest

from skybed.scripts.running import run
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

ROOT = pathlib.Path(__file__).parents[2]
UNUSED = {
    "pandas", "scipy", "scapy", "matplotlib", "setuptools", "pkg_resources", "skyfield", "sgp4", "rich",
    "ssl", "pyarrow.dataset", "pyarrow._s3fs", "pyarrow._gcsfs",
}  # fmt: skip
# What a lane does, but for what takes a kernel.
INSIDE = """
import json, pathlib, sys
from skybed.scripts.running import inside, lean
lean.imports()
from skybed.scripts.running import handover, playing
from skybed.emulator.daemons import daemons, routers
from skybed.emulator.sky import tables
from skybed.emulator.sky.player import Played
from skybed.topologies.plan import score
from skybed.traffic import crossings
from skybed.traffic.crossings import Crossings

folder = pathlib.Path(sys.argv[1])
plan, packets, grace_s, costs, *_ = handover.take(folder)
with tables.log(plan, folder) as log:
    for window in plan.windows():
        events, changes = len(window.events), len(window.changes)
        log(Played(window.events, window.events["t_s"], window.events["link"] < 0, window.changes,
                   window.changes["t_s"], []))
crossings.ports(plan.scenario.flows)
with Crossings([], {}, packets, 1.0, folder, grace_s):
    pass
usable = len(plan.usable.key)
reachable = int(score.reachable(plan, 0.0).sum())
routed = len(routers.of_plan(plan, costs)) if len(costs) else None
told = {"reachable": reachable, "events": events, "changes": changes, "routed": routed, "usable": usable}
print(json.dumps(told | {"imported": sorted(sys.modules)}))
"""


@pytest.fixture(params=["sc-mini", "bgp-links", "space-cloud"])
def given(request, tmp_path):
    """(a plan, a run directory with what an inside is given of it)"""
    plan = Plan.make(Scenario.load(ROOT / "scenarios" / f"{request.param}.yaml"), duration_s=5)
    run.hand_over(plan, tmp_path)
    return plan, tmp_path


def test_a_lane_imports_what_it_uses(given):
    plan, folder = given
    done = subprocess.run([sys.executable, "-c", INSIDE, folder], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not UNUSED & {*told["imported"], *(name.split(".")[0] for name in told["imported"])}
    (window,) = plan.windows()
    assert (told["events"], told["changes"]) == (len(window.events), len(window.changes))
    assert told["routed"] == (len(plan.nodes) if plan.scenario.routing.means.filled_by == "daemons" else None)
    assert told["usable"] == len(plan.usable.key)
    assert told["reachable"] == len(plan.nodes) * (len(plan.nodes) - 1)
    assert (folder / "probes.parquet").is_file() and (folder / "applied.parquet").is_file()


def test_what_is_kept_out_can_be_imported_later():
    """By a flow kind of a user's, say; and what stands in for a module does so for Mininet alone."""
    program = """
from skybed.scripts.running import lean
lean.imports()
import pandas, pyroute2.netlink.rtnl, pyarrow.dataset, ssl
ssl.create_default_context()
from mininet.node import OVSSwitch
OVSSwitch.OVSVersion = "2.17.9"
assert not OVSSwitch.isOldOVS()
import distutils.version
assert distutils.version.StrictVersion.__module__ == "distutils.version"
pandas.DataFrame({"a": [1]}).sum()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
