"""skybed from Python, for a notebook or a script.

import skybed

pair = skybed.Scenario.load("scenarios/pair.yaml")
run = skybed.run(pair.with_({"traffic[down].rate_hz": 20}))
skybed.results(run).metrics
"""

from scripts.api import RunResults, campaign, results, run
from topologies.errors import InvalidRun, MachineError, RunError, ScenarioError, SkybedError
from topologies.plan import Plan
from topologies.scenario import Scenario

__all__ = [
    "InvalidRun",
    "MachineError",
    "Plan",
    "RunError",
    "RunResults",
    "Scenario",
    "ScenarioError",
    "SkybedError",
    "campaign",
    "results",
    "run",
]
