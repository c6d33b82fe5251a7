"""What the player did, as tidy tables: `events` (meant), `applied` (done), `routes` (both)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from topologies.timeline import EventKind

if TYPE_CHECKING:
    from emulator.player import Player
    from topologies.plan import Plan

KINDS = np.array([kind.name.lower() for kind in sorted(EventKind)])


def events(plan: Plan, rows: np.ndarray) -> pd.DataFrame:
    """event, t_s, kind, link ("a--b"), a, b, delay_us (null where an event sets none)."""
    ends = np.array([(plan.nodes[x.a].name, plan.nodes[x.b].name) for x in plan.links], object).reshape(-1, 2)
    a, b = ends[rows["link"]].T
    sets_delay = np.isin(rows["kind"], (EventKind.UP, EventKind.DELAY))
    return pd.DataFrame(
        {
            "event": np.arange(len(rows)),
            "t_s": rows["t_s"],
            "kind": KINDS[rows["kind"]],
            "link": a + "--" + b,
            "a": a,
            "b": b,
            "delay_us": np.where(sets_delay, rows["delay_us"], np.nan),
        }
    )


def applied(plan: Plan, player: Player, until_s: float) -> pd.DataFrame:
    """As `events`, up to until_s, with applied_s, late_us and skipped (superseded: the player was behind)."""
    table = events(plan, player.events)
    table.insert(2, "applied_s", player.applied_s)
    table.insert(3, "late_us", (player.applied_s - player.events["t_s"]) * 1e6)
    table["skipped"] = player.skipped
    return table[table["t_s"] <= until_s]


def routes(plan: Plan, player: Player, until_s: float) -> pd.DataFrame:
    """t_s, applied_s, node, dst, via (the next hop; null: no route)."""
    names = np.array([node.name for node in plan.nodes] + [None], object)  # via -1 is the last
    rows = player.routes
    table = pd.DataFrame(
        {
            "t_s": rows["t_s"],
            "applied_s": player.routes_applied_s,
            "node": names[rows["node"]],
            "dst": names[rows["dst"]],
            "via": names[rows["via"]],
        }
    )
    return table[table["t_s"] <= until_s]


def write(table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)
