"""Print the best path from A to B over time, as CSV.

A and B are names of nodes. The path is the best by `routing.metric`, which is delay by
default, over the links that stand, whatever routes.
Columns: t_s, rtt_ms (there and back), path (node names); the last two are empty when B cannot be reached.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click
import numpy as np

from skybed.scripts.cli import scenarios
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan

FINEST_STEP_S = 1e-3


@click.command("path", help=__doc__)
@scenarios.argument
@click.argument("a")
@click.argument("b")
@scenarios.start_option
@click.option("--step", "step_s", type=float, default=1.0, show_default=True, metavar="SECONDS",
              help="From one row to the next.")  # fmt: skip
@scenarios.duration_option
def command(
    scenario: Path, a: str, b: str, start: str | None, step_s: float, duration_s: float | None
) -> None:
    plan = Plan.make(scenarios.load(scenario, start), duration_s=duration_s)
    if not FINEST_STEP_S <= step_s <= plan.duration_s:
        raise ScenarioError(
            f"--step is {step_s:g}; it must be at least {FINEST_STEP_S:g} s and at most the duration, "
            f"{plan.duration_s:g} s."
        )
    t_s = np.arange(int(plan.duration_s / step_s + 1e-9) + 1) * step_s
    paths = plan.path(a, b, t_s)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["t_s", "rtt_ms", "path"])
    for at_s, rtt_ms, number in zip(t_s, paths.rtt_ms, paths.path_id, strict=True):
        reached = number >= 0
        names = " ".join(paths.paths[number]) if reached else ""
        rows.writerow([f"{at_s:.10g}", f"{rtt_ms:.6f}" if reached else "", names])
