"""Skies for Mininet's own command:

    sudo .venv/bin/mn --custom emulator/mn.py --topo sky,pair --controller none

builds a still of the sky at the scenario's epoch; `--topo sky,pair,30` the one 30 s later.
"""

from skybed.emulator.sky.net import SkyTopo
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario


def sky(scenario: str, at_s: float = 0.0) -> SkyTopo:
    loaded = Scenario.load(scenario)
    return SkyTopo(Plan.make(loaded, duration_s=max(at_s + 1.0, 1.0)), at_s=float(at_s))


topos = {"sky": sky}
