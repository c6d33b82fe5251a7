"""Work out what the sky of a scenario will do, and show it.

SCENARIO is a file, or a name that `skybed list` shows. With --against, show only which contacts came, went,
moved or changed their delay. With --map, show where stations and satellites are.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from skybed.analysis.pages.sky.instant import Instant
from skybed.scripts.cli import scenarios, world
from skybed.scripts.cli.terminal import Terminal
from skybed.scripts.running import folders
from skybed.scripts.running.progress import ProgressBar
from skybed.topologies.contacts import properties, received
from skybed.topologies.contacts.received import Received
from skybed.topologies.errors import ScenarioError
from skybed.topologies.model.space import BY_PLANES
from skybed.topologies.orbits import elements
from skybed.topologies.plan import diff, export
from skybed.topologies.plan.export import yang
from skybed.topologies.plan.plan import Plan

ROWS = 40  # contacts shown; a saved plan has them all


@click.command("plan", help=__doc__)
@scenarios.argument
@scenarios.start_option
@scenarios.duration_option
@scenarios.set_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIRECTORY", help="Save the plan there, as tables."
)
@click.option("--no-routes", is_flag=True, help="Leave routes out, which take most of the time.")
@click.option("--export", "exported", type=click.Path(path_type=Path), metavar="FILE",
              help="Write it for other programs: contacts as .csv, or for ION .ionrc, for HDTN .hdtn.json, "
              "as the IETF's schedules .tvr.json; those of --node for uD3TN .ud3tn, for hardy .hardy, its "
              "orbit as .oem (CCSDS); the sky as .czml (Cesium) or .geojson; the topology --at a time as "
              ".graphml.")  # fmt: skip
@click.option(
    "--node",
    metavar="NAME",
    help="Which node .ud3tn, .hardy and .oem are of; or FILE has {node} in its name.",
)
@click.option("--yang", "modules", type=click.Path(path_type=Path), metavar="DIRECTORY",
              help="Check what .tvr.json gets by the YANG modules that are there.")  # fmt: skip
@click.option(
    "--map", "mapped", is_flag=True, help="Show the world in the terminal, with stations and satellites."
)
@click.option(
    "--at", "at_s", type=float, metavar="SECONDS", help="Run time of --map and .graphml.  [default: 0]"
)
@click.option("--against", type=click.Path(path_type=Path), metavar="PLAN",
              help="Show what differs from that plan: a directory of --out, or a scenario.")  # fmt: skip
def command(
    scenario: Path, start: str | None, duration_s: float | None, settings: tuple[tuple[str, Any], ...],
    out: Path | None, no_routes: bool, exported: Path | None, node: str | None, modules: Path | None,
    mapped: bool, at_s: float | None, against: Path | None,
) -> None:  # fmt: skip
    if exported is not None:
        export.check(exported, node, at_s)
    elif node is not None:
        raise ScenarioError("--node is of an export; give --export, too.")
    if modules is not None and not (exported and exported.name.endswith(".tvr.json")):
        raise ScenarioError("--yang is of an export to .tvr.json; give one.")
    if at_s is not None and not mapped and not (exported and export.is_of_an_instant(exported)):
        raise ScenarioError("--at is of --map and of an export to .graphml; give one of them, too.")
    loaded = scenarios.load(scenario, start, dict(settings))
    other = scenarios.saved_or_planned(against, duration_s) if against else None
    with folders.fresh(out) if out else contextlib.nullcontext():
        with ProgressBar() as bar:
            plan = scenarios.plan(loaded, duration_s, bar)
            if out is not None:
                plan.save(out, with_routes=not no_routes)
            if exported is not None:
                for name in export.write(plan, exported, node, at_s):
                    click.echo(f"{name} has no contacts in which it can send: no file is written.", err=True)
            if exported is not None and modules is not None:
                yang.check(exported.read_text(encoding="utf-8"), modules)
                click.echo(f"{exported} is valid by the YANG modules in {modules}.")
            if other is None and not mapped:
                counted = counts(Plan.load(out) if out else plan, not no_routes)
        if mapped:
            _show_map(plan, at_s or 0.0)
        elif other is None:
            render(plan, counted, Terminal())
            for station in [node.name for node in plan.nodes if node.kind == "ground"][:1]:
                click.echo(f"Passes over a station: skybed passes {scenario} {station}")
        else:
            render_difference(plan, other, Terminal())


def _show_map(plan: Plan, at_s: float) -> None:
    if not 0 <= at_s <= plan.duration_s:
        raise ScenarioError(f"--at is {at_s:g}; this plan is of 0 to {plan.duration_s:g} s.")
    world.show(Instant(plan, at_s), Terminal())


def counts(plan: Plan, with_routes: bool) -> dict[str, str]:
    """How many events and changes of routes there are, to be shown: the plan is gone through by windows."""
    by_kind = np.zeros(len(properties.KINDS), int)
    for events in plan.events:
        are_rows, *_ = properties.rows(events)
        by_kind += np.bincount(properties.kind(events[are_rows]), minlength=len(by_kind))
    kinds = {kind: int(count) for kind, count in zip(properties.KINDS, by_kind, strict=True) if count}
    total, routes = by_kind.sum(), "left out"
    if with_routes:
        sizes = [(len(changes), len(np.unique(changes["t_s"]))) for changes in plan.routes]
        routes = "{} changes at {} instants".format(*np.sum(sizes, axis=0))
    return {
        "events": f"{total}: {_counted(kinds)}; {total / plan.duration_s:.1f} a second",
        "routes": routes,
    }


def render(plan: Plan, counted: dict[str, str], console: Console) -> None:
    """counted: see counts."""
    layers = Counter(node.layer or "ground" for node in plan.nodes)
    kinds = Counter(link.kind for link in plan.links)
    facts = {
        "scenario": _span(plan),
        "nodes": f"{len(plan.nodes)}: {_counted(layers)}",
        **_planes(plan),
        "links": f"{len(plan.links)}: {_counted(kinds)}",
        **counted,
    }
    _facts(facts, console)
    for what, command in plan.scenario.code.items():
        line = f"runs      {what}: {' '.join(command.split())}"
        console.print(Text(line), overflow="ellipsis", no_wrap=True)
    for one in received.of_classes(plan.network):
        console.print(_heard(one), soft_wrap=True)
    _contacts(plan, console)


def _heard(one: Received) -> str:
    """How well a class of links is heard."""
    words = [f"out for {one.outage_s:.0f} s of {one.contact_s:.0f} s"]
    if one.c_n_db is not None:
        used = " to ".join(dict.fromkeys(one.modcods)) if one.modcods else "no MODCOD works"
        words = ["C/N {:.1f} to {:.1f} dB".format(*one.c_n_db), used, *words]
    return f"{'light' if one.c_n_db is None else 'radio'}     {one.class_name} {one.way}: {', '.join(words)}"


def _planes(plan: Plan) -> dict[str, str]:
    """How many planes were found in element files, and with how many satellites."""
    counted = []
    for name, layer in plan.scenario.layers.items():
        if not layer.is_arranged and layer.isl.pattern in BY_PLANES:
            flying = elements.of_layer(name, layer, plan.scenario.epoch, plan.scenario.begin)
            sizes = Counter(Counter(satellite.plane for satellite in flying).values())
            shown = [f"{count} of {size}" for size, count in sorted(sizes.items(), reverse=True)]
            counted.append(f"{name} {' and '.join(shown)}")
    return {"planes": ", ".join(counted)} if counted else {}


def render_difference(plan: Plan, other: Plan, console: Console) -> None:
    """What is not as in the other plan."""
    difference = diff.compare(plan, other)
    counts = ", ".join(f"{difference.count(change)} {change}" for change in ("added", "removed", "moved"))
    facts = {
        "plan": _span(plan),
        "against": _span(other),
        "compared": f"{difference.common.start_s:g} to {difference.common.end_s:g} s",
        "contacts": f"{difference.same} the same, {counts}, {difference.count('delay')} with another delay",
        "the same": f"within {diff.EDGE_S * 1e3:g} ms, delays within {diff.DELAY_MS * 1e3:g} us",
    }
    _facts(facts, console)
    if difference.changes.empty:
        return
    table = Table(
        "link", "change", "from s", "until s", "delay ms", "was from", "was until", "was delay",
        box=None, pad_edge=False, header_style="dim",
    )  # fmt: skip
    for row in difference.changes.head(ROWS).itertuples(index=False):
        table.add_row(*row[:2], *("" if np.isnan(value) else f"{value:.3f}" for value in row[2:]))
    console.print(table)
    if len(difference.changes) > ROWS:
        console.print(
            f"... and {len(difference.changes) - ROWS} more; "
            "skybed.topologies.plan.diff gives all as a table."
        )


def _span(plan: Plan) -> str:
    return f"{plan.scenario.name}, {plan.scenario.begin:%Y-%m-%d %H:%M:%S} UTC + {plan.duration_s:g} s"


def _facts(facts: dict[str, str], console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in facts.items():
        table.add_row(name, value)
    console.print(table)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _contacts(plan: Plan, console: Console) -> None:
    """The contacts that begin or end within the plan: what moves."""
    moving = plan.contacts[(plan.contacts["start_s"] > 0) | (plan.contacts["end_s"] < plan.duration_s)]
    if moving.empty:
        stands = "Every link stands from the beginning to the end."
        console.print("No link ever stands." if plan.contacts.empty else stands)
        return
    table = Table("link", "from s", "until s", "delay ms", box=None, pad_edge=False, header_style="dim")
    for row in moving.sort_values("start_s").head(ROWS).itertuples():
        table.add_row(plan.links[row.link].name, f"{row.start_s:.3f}", f"{row.end_s:.3f}", _delays(plan, row))
    console.print(table)
    if len(moving) > ROWS:
        console.print(f"... and {len(moving) - ROWS} more contacts; --out saves all.")


def _delays(plan: Plan, contact: pd.Series) -> str:
    t_s = np.array([contact.start_s, np.nextafter(contact.end_s, 0)])
    given = plan.links[contact.link].given  # by a table, which has all of it
    ends = (plan.network.one_way_s(contact.link, 0, t_s) if given else plan.delay_s(contact.link, t_s)) * 1e3
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
