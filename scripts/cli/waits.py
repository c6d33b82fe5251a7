"""Show how long one waits for a way from one node to another.

PLAN is a scenario, or the directory of a plan or of a run. A way counts while planned routes lead there and
back, over any number of links. One asks at a random instant of the plan; who names several ends takes the
first to be reached. Nothing is emulated.

\b
  skybed waits sc-mini --from eo-0-0 --to beijing --duration 86400
  skybed waits ring12 --from comp-0-0 --to miyun,kashi --to ground
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console

from skybed.scripts.cli import scenarios
from skybed.scripts.cli.tables import columns, rounded
from skybed.scripts.cli.terminal import Terminal
from skybed.scripts.running.progress import ProgressBar
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.closest import hint
from skybed.topologies.model.routing import belongs
from skybed.topologies.plan.plan import Plan
from skybed.topologies.tasks.reach import reach, thinned
from skybed.topologies.tasks.waits import Waits, waits

WIDTH = 160  # lines break in the terminal, not here
WIDEST = 60  # names of ends
DIGITS = 6  # of what is written


@click.command("waits", help=__doc__)
@click.argument("plan", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--from", "sources", required=True, multiple=True, metavar="NODES",
              help="Who waits: nodes or layers, each of which gets a row.")  # fmt: skip
@click.option("--to", "targets", required=True, multiple=True, metavar="NODES",
              help="For a way to whom: nodes, layers or `ground`, of which the first counts.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON.")
@scenarios.start_option
@scenarios.duration_option
def command(
    plan: Path, sources: tuple[str, ...], targets: tuple[str, ...], as_json: bool, start: str | None,
    duration_s: float | None,
) -> None:  # fmt: skip
    if plan.is_dir() and (start or duration_s):
        raise ScenarioError(f"{plan} has its plan already: --start and --duration are for scenarios.")
    of = scenarios.saved_or_planned(plan, duration_s, start)
    waiting = dict.fromkeys(node for text in sources for node in _nodes(of, text))
    rows = _rows(of, [*waiting], [(text, _nodes(of, text)) for text in targets])
    if as_json:
        json.dump(_as_json(of, rows), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        _render(of, rows, Terminal(width=WIDTH))


class Row(NamedTuple):
    """How long a node waits for others, as they were asked for and by their numbers."""

    source: int
    asked: str
    targets: list[int]
    waits: Waits


def _nodes(plan: Plan, text: str) -> list[int]:
    """The nodes that are meant by names, which commas part."""
    names = [name.strip() for name in text.split(",")]
    known = {*plan.index, *(node.layer or "ground" for node in plan.nodes)}
    for name in names:
        if name not in known:
            what = f"no node and no layer {name or 'without a name'}"
            raise ScenarioError(f"{plan.scenario.name} has {what}{hint(name, known)}.")
    return [n for n, node in enumerate(plan.nodes) if belongs(names, node.name, node.layer)]


def _rows(plan: Plan, sources: Sequence[int], wanted: Sequence[tuple[str, list[int]]]) -> list[Row]:
    targets = sorted({node for _, nodes in wanted for node in nodes})
    pairs = np.array(
        [(source, target) for source in sources for target in targets if source != target], np.int64
    ).reshape(-1, 2)
    with ProgressBar() as bar:
        told = thinned(plan, pairs, lambda what, share: bar.at("planning", share, what))
        ways = reach(told, pairs)
    rows = []
    for source in sources:
        for asked, nodes in wanted:
            mine = (pairs[:, 0] == source) & np.isin(pairs[:, 1], nodes)
            if not mine.any():
                raise ScenarioError(
                    f"{plan.nodes[source].name} does not wait for itself; name others with --to."
                )
            rows.append(Row(source, asked, nodes, waits(ways.where(mine[ways.key]), 0.0, plan.duration_s)))
    return rows


def _as_json(plan: Plan, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "scenario": plan.scenario.name,
        "duration_s": plan.duration_s,
        "waits": [
            {
                "from": plan.nodes[row.source].name,
                "to": [plan.nodes[n].name for n in row.targets],
                **{name: _plain(value) for name, value in row.waits._asdict().items()},
            }
            for row in rows
        ],
    }


def _plain(value: float) -> float | None:
    """None where there is nothing."""
    return None if math.isnan(value) else round(value, DIGITS)


def _render(plan: Plan, rows: Sequence[Row], console: Console) -> None:
    console.print(
        f"{plan.scenario.name}: until there is a way there and back, from any instant of the "
        f"{plan.duration_s:g} s from {plan.scenario.begin:%Y-%m-%d %H:%M:%S} UTC on",
        soft_wrap=True,
    )
    heads = ["at once\n(%)", *(f"{name}\n(min)" for name in ("mean", "median", "p90", "longest"))]
    table = columns("from\n", "to\n", numbers=heads)
    for row in rows:
        now, *rest_s, _ = row.waits
        cells = (rounded(None if math.isnan(x) else x / 60, 1) or "-" for x in rest_s)
        asked = row.asked if len(row.asked) <= WIDEST else f"{row.asked[:WIDEST]}..."
        table.add_row(plan.nodes[row.source].name, asked, rounded(100 * now, 1), *cells)
    console.print(table, soft_wrap=True)
    if (open_s := max(row.waits.open_s for row in rows)) > 0:
        console.print(
            f"Up to {open_s / 60:.1f} min at the end of the plan are followed by no way: they count as not "
            "at once, and in no wait; see --duration.",
            soft_wrap=True,
        )
