"""The tables of a stored plan, read with Arrow alone."""

from __future__ import annotations

import pathlib
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from skybed.topologies import parquet
from skybed.topologies.contacts.nodes import Link, Node
from skybed.topologies.contacts.properties import Direction, Property
from skybed.topologies.model.links import LinkClass
from skybed.topologies.routing import windowed
from skybed.topologies.routing.windowed import Pieces

SCENARIO, EVENTS, ROUTES = "scenario.yaml", "events.parquet", "routes.parquet"
CHANGES = "changes.parquet"  # of links' values: a part of the network, as contacts are
# The tables that are read at once, and the columns that reading needs; of orbits see plan.store.
COLUMNS: dict[str, tuple[str, ...]] = {
    "plan": ("duration_s",),
    "nodes": ("name", "kind", "layer", "ip", "ip6"),
    "links": ("name", "a", "b", "kind", "class_name", "link_class", "turned", "given"),
    "contacts": ("link", "start_s", "end_s", "route_start_s", "route_end_s"),
    "faults": ("link", "kind", "planned", "start_s", "end_s"),
}


def table(folder: pathlib.Path, name: str, columns: tuple[str, ...]) -> pa.Table:
    """A table, which has these columns. Raises RunError if it is missing, damaged or of another version."""
    path = folder / f"{name}.parquet"
    rows: pa.Table = windowed.stored(path, parquet.read)
    if lacking := [column for column in columns if column not in rows.column_names]:
        raise windowed.other_version(path, f"no column {lacking[0]}")
    return rows


def _rows(folder: pathlib.Path, name: str) -> list[dict[str, Any]]:
    columns = COLUMNS[name]
    return table(folder, name, columns).select(columns).to_pylist()


def duration_s(folder: pathlib.Path) -> float:
    rows = _rows(folder, "plan")
    if not rows:
        raise windowed.other_version(folder / "plan.parquet", "no row")
    return float(rows[0]["duration_s"])


def nodes(folder: pathlib.Path) -> list[Node]:
    return [Node(**row) for row in _rows(folder, "nodes")]


def links(folder: pathlib.Path, nodes: int) -> list[Link]:
    """nodes: how many the plan has."""
    rows = _rows(folder, "links")
    classes = {text: LinkClass.model_validate_json(text) for text in {row["link_class"] for row in rows}}
    found = [Link(**row | {"link_class": classes[row["link_class"]]}) for row in rows]
    ends = {end: np.array([getattr(link, end) for link in found], np.int64) for end in "ab"}
    windowed.check_numbers(folder / "links.parquet", ends, dict.fromkeys(ends, nodes))
    return found


def pieces(path: pathlib.Path, dtype: np.dtype, until_s: float, nodes: int, links: int) -> Pieces:
    """A long table, its pieces read when they are gone through. nodes, links: how many the plan has."""
    windowed.check(path, dtype, until_s)
    known = {
        "link": links, **dict.fromkeys(("node", "dst", "via"), nodes),
        "property": len(Property), "direction": Direction.BOTH + 1,
    }  # fmt: skip
    most = {name: known[name] for name in dtype.names or () if name in known}
    return Pieces(partial(windowed.read, path, dtype, most))
