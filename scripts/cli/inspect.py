"""Look at a run that goes on: its links as they are now, and why others are not there.

RUN is its directory, the last part of it, or the name of its scenario: `skybed ps` lists all. With --at it
may also be a scenario, or the directory of a plan or of a run: what was planned is shown then. NODE is a
satellite or a station; without it each node has a line.

\b
  skybed inspect sc-mini miyun
  skybed inspect sc-mini miyun --at 12
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from skybed.scripts.cli import scenarios
from skybed.scripts.cli.tables import columns, rounded
from skybed.scripts.cli.terminal import Terminal
from skybed.scripts.running import entering
from skybed.topologies.contacts import candidates
from skybed.topologies.contacts.candidates import Candidate
from skybed.topologies.contacts.properties import Property
from skybed.topologies.contacts.values import BESIDE
from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan.plan import Plan

WIDTH = 160  # lines break in the terminal, not here
FAR = 5  # candidates shown that are out of sight, unless all are asked for

# By link, what is in force: [direction][Property], and whether it is held by hand.
InForce = dict[int, tuple[np.ndarray, np.ndarray]]


@click.command("inspect", help=__doc__)
@click.argument("run")
@click.argument("node", required=False)
@click.option("--at", "at_s", type=float, metavar="SECONDS", help="As it is planned at that run time.")
@click.option("--all", "everyone", is_flag=True, help="Also those that are far out of sight.")
@click.option("--json", "as_json", is_flag=True, help="In JSON, with all candidates.")
def command(run: str, node: str | None, at_s: float | None, everyone: bool, as_json: bool) -> None:
    begun = entering.find(run) if at_s is None else entering.found(run)
    plan = Plan.load(begun.run / "plan") if begun else scenarios.saved_or_planned(Path(run))
    if begun and at_s is None:
        seen = entering.look(begun)
        at_s, in_force = seen.t_s, {n: (np.array(values), np.array(held)) for n, values, held in seen.links}
    else:
        assert at_s is not None
        if not 0 <= at_s <= plan.duration_s:
            raise ScenarioError(f"--at is {at_s:g}; this plan is of 0 to {plan.duration_s:g} s.")
        in_force = _by_plan(plan, at_s)
    number = None if node is None else plan.node(node)
    if as_json:
        json.dump(_as_json(plan, number, at_s, in_force), sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif number is None:
        _render_all(plan, at_s, in_force, Terminal(width=WIDTH))
    else:
        _render(plan, number, at_s, in_force, everyone, Terminal(width=WIDTH))


def _by_plan(plan: Plan, t_s: float) -> InForce:
    """Of the links that stand then by plan."""
    standing = plan.network.standing(t_s)
    values = plan.network.values.all_at(standing, t_s)
    values[..., Property.CARRIER] = 1.0
    values[..., Property.DELAY] = plan.delay_s(standing, t_s)[:, None] * 1e6
    nothing = np.zeros(values.shape[1:], bool)
    return {n: (of_link, nothing) for n, of_link in zip(standing.tolist(), values, strict=True)}


def _standing(in_force: InForce) -> list[int]:
    """The links that have their carrier."""
    return [n for n, (values, _) in in_force.items() if values[0, Property.CARRIER]]


# -- on a terminal -------------------------------------------------------------------------------


def _render_all(plan: Plan, t_s: float, in_force: InForce, console: Console) -> None:
    console.print(f"{plan.scenario.name} at {t_s:.3f} s of {plan.duration_s:g}")
    standing = _standing(in_force)
    table = columns("node", "layer", "linked with", numbers=())
    partners: dict[int, list[str]] = {}
    for n in standing:
        a, b = plan.links[n].a, plan.links[n].b
        partners.setdefault(a, []).append(plan.nodes[b].name)
        partners.setdefault(b, []).append(plan.nodes[a].name)
    for number, node in enumerate(plan.nodes):
        table.add_row(node.name, node.layer or "ground", " ".join(partners.get(number, ["-"])))
    console.print(table, soft_wrap=True)


def _render(plan: Plan, node: int, t_s: float, in_force: InForce, everyone: bool, console: Console) -> None:
    about = plan.nodes[node]
    console.print(f"{about.name} ({about.ip}, {about.ip6}) at {t_s:.3f} s of {plan.duration_s:g}")
    all_of_them = candidates.of(plan.network, node, t_s)
    standing = {*_standing(in_force)}
    linked = [x for x in all_of_them if _link(plan, node, x) in standing]
    others = [x for x in all_of_them if _link(plan, node, x) not in standing]
    shown = others if everyone else _near(others)
    numbers = ("km", "deg", "ms", "Mbit/s", "loss %")
    table = columns("linked with", "by", numbers=numbers)
    table.add_column("", no_wrap=True)
    for one in linked:
        values, held = in_force[_link(plan, node, one)]
        one_way_ms = values[:, [Property.DELAY, *BESIDE]].sum(axis=1) * 1e-3
        shown_values = (one_way_ms, values[:, Property.RATE], values[:, Property.LOSS])
        cells = (_both(each) for each in shown_values)
        by_hand = "; changed by hand" if held.any() else ""
        table.add_row(plan.nodes[one.peer].name, one.by, *_place(one), *cells, f"{one.why}{by_hand}")
    console.print(table if linked else "It has no link.", soft_wrap=True)
    if shown:
        console.print()
        table = columns("not with", "by", numbers=numbers[:2])
        table.add_column("why", no_wrap=True)
        for one in shown:
            down = " (it stands by plan: taken down by hand)" if one.stands else ""
            table.add_row(plan.nodes[one.peer].name, one.by, *_place(one), f"{one.why}{down}")
        console.print(table, soft_wrap=True)
    if left := len(others) - len(shown):
        console.print(f"and {left} more out of sight: --all shows them.")


def _link(plan: Plan, node: int, candidate: Candidate) -> int:
    return plan.network.link_between.get((node, candidate.peer), -1)


def _near(others: list[Candidate]) -> list[Candidate]:
    """Those in sight, and the nearest of the rest, of each rule."""
    far: dict[str, int] = {}
    near = []
    for one in others:
        if one.elevation_deg < 0 or one.why == candidates.UNMET["min_radius_km"]:
            far[one.by] = far.get(one.by, 0) + 1
            if far[one.by] > FAR:
                continue
        near.append(one)
    return near


def _place(one: Candidate) -> tuple[str, str]:
    elevation = None if np.isnan(one.elevation_deg) else one.elevation_deg
    return rounded(one.range_km, 0), rounded(elevation, 1)


def _both(values: np.ndarray) -> str:
    """Of the two directions, one number where they are equal."""
    there, back = (f"{value:.6g}" for value in values.tolist())
    return there if there == back else f"{there} / {back}"


def _as_json(plan: Plan, node: int | None, t_s: float, in_force: InForce) -> dict:
    of_node = [] if node is None else candidates.of(plan.network, node, t_s)
    links = []
    for n in _standing(in_force):
        link = plan.links[n]
        if node not in (None, link.a, link.b):
            continue
        values, held = in_force[n]
        links.append({
            "link": link.name, "a": plan.nodes[link.a].name, "b": plan.nodes[link.b].name,
            "there": dict(zip(_NAMES, values[0].tolist(), strict=True)),
            "back": dict(zip(_NAMES, values[1].tolist(), strict=True)),
            "by_hand": bool(held.any()),
        })  # fmt: skip
    rows = candidates.table(plan.network, of_node).astype(object).where(lambda x: x.notna(), None)
    return {"t_s": t_s, "links": links, "candidates": rows.to_dict("records")}


_NAMES = [what.name.lower() for what in Property]
