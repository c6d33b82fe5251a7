"""What nodes of a run held, and had in their batteries, over time, as a page draws it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.pages.view.packing import offsets
from skybed.analysis.run import Run
from skybed.topologies.model.tables import BUFFERS, ENERGY, STORAGE
from skybed.topologies.plan import score

MOST = 1500  # rows of a node; where there are more, the most held and the least left of each of so many times


def facts(run: Run) -> dict[str, Any]:
    """By the name of a node: what it can hold, MB, and its battery, Wh."""
    carried = {node.name: score.carried(run.plan, number) for number, node in enumerate(run.plan.nodes)}
    rooms_mb = {name: rows["room_bytes"].iloc[0] / 1e6 for name, rows in _held(run).groupby("node")}
    return {
        "rooms_mb": {name: room_mb for name, room_mb in rooms_mb.items() if room_mb == room_mb},
        "batteries_wh": {name: of.power.battery_wh for name, of in carried.items() if of.power},
    }


def arrays(run: Run) -> dict[str, np.ndarray]:
    """By node, then time: held_s and held_mb, from then on; battery_s and battery_wh, with a straight line to
    the next.
    """
    energy = _table(run, ENERGY, "battery_wh")
    return _by_node(run, "held", "held_mb", _held(run), "max") | _by_node(
        run, "battery", "battery_wh", energy, "min"
    )


def _held(run: Run) -> pd.DataFrame:
    """Of tasks and of bundles: what a node holds of either."""
    parts = [_table(run, table, "held_bytes", "room_bytes") for table in (STORAGE, BUFFERS)]
    held = pd.concat([part for part in parts if len(part)] or parts[:1])
    return held.assign(held_mb=held["held_bytes"] / 1e6)


def _table(run: Run, table: Any, *columns: str) -> pd.DataFrame:
    if not run.wrote(table):
        return pd.DataFrame(columns=["node", "t_s", *columns], dtype=float)
    return run.table(table.name)[["node", "t_s", *columns]]


def _by_node(run: Run, name: str, column: str, rows: pd.DataFrame, of_several: str) -> dict[str, np.ndarray]:
    by_name = {str(node): part for node, part in rows.groupby("node", sort=False)}
    parts = [_thinned(by_name[node.name], column, of_several) if node.name in by_name else rows[:0]
             for node in run.plan.nodes]  # fmt: skip
    every = pd.concat(parts)
    return {
        name: offsets(np.array([len(part) for part in parts], int)),
        f"{name}_s": np.round(every["t_s"].to_numpy(float), 3),
        column: every[column].to_numpy("f4"),
    }


def _thinned(rows: pd.DataFrame, column: str, of_several: str) -> pd.DataFrame:
    rows = rows.sort_values("t_s", kind="stable").drop_duplicates("t_s", keep="last")
    if len(rows) <= MOST:
        return rows
    t_s = rows["t_s"].to_numpy()
    bins = np.minimum((t_s - t_s[0]) / (t_s[-1] - t_s[0]) * MOST, MOST - 1).astype(int)
    return rows.groupby(bins).agg({"t_s": "min", column: of_several})
