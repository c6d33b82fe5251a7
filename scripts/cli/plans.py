"""What `skybed plan` shows: a sky in numbers, when its moving links stand, how it differs from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from skybed.topologies.contacts import properties
from skybed.topologies.plan import diff
from skybed.topologies.plan.plan import Plan

ROWS = 40  # contacts shown; a saved plan has them all


def counts(plan: Plan, with_routes: bool) -> dict[str, str]:
    """How many events and changes of routes there are, to be shown: the plan is gone through by windows."""
    by_kind = np.zeros(len(properties.KINDS), int)
    for events in plan.events:
        told, _ = properties.rows(events)
        by_kind += np.bincount(properties.kind(events[told]), minlength=len(by_kind))
    kinds = {kind: int(count) for kind, count in zip(properties.KINDS, by_kind, strict=True) if count}
    total, routes = by_kind.sum(), "left out"
    if with_routes:
        found = [(len(changes), len(np.unique(changes["t_s"]))) for changes in plan.routes]
        routes = "{} changes at {} instants".format(*np.sum(found, axis=0))
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
        "links": f"{len(plan.links)}: {_counted(kinds)}",
        **counted,
    }
    _facts(facts, console)
    _contacts(plan, console)


def render_difference(plan: Plan, other: Plan, console: Console) -> None:
    """What is not as in the other plan."""
    found = diff.compare(plan, other)
    counts = ", ".join(f"{found.count(change)} {change}" for change in ("added", "removed", "moved"))
    facts = {
        "plan": _span(plan),
        "against": _span(other),
        "compared": f"{found.common.start_s:g} to {found.common.end_s:g} s",
        "contacts": f"{found.same} the same, {counts}, {found.count('delay')} with another delay",
        "the same": f"within {diff.EDGE_S * 1e3:g} ms, delays within {diff.DELAY_MS * 1e3:g} us",
    }
    _facts(facts, console)
    if found.changes.empty:
        return
    table = Table(
        "link", "change", "from s", "until s", "delay ms", "was from", "was until", "was delay",
        box=None, pad_edge=False, header_style="dim",
    )  # fmt: skip
    for row in found.changes.head(ROWS).itertuples(index=False):
        table.add_row(*row[:2], *("" if np.isnan(value) else f"{value:.3f}" for value in row[2:]))
    console.print(table)
    if len(found.changes) > ROWS:
        console.print(f"... and {len(found.changes) - ROWS} more; topologies.plan.diff gives all as a table.")


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
    ends = plan.delay_s(contact.link, np.array([contact.start_s, contact.end_s])) * 1e3
    return f"{ends[0]:.3f} to {ends[1]:.3f}"
