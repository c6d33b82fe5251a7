"""The tables of a stored plan, read with Arrow alone."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from skybed.topologies import parquet
from skybed.topologies.contacts.nodes import LINK_KINDS, Link, Node
from skybed.topologies.contacts.properties import Direction, Property
from skybed.topologies.model.fields import GREATEST, LONGEST_S
from skybed.topologies.model.links import LinkClass
from skybed.topologies.routing import windowed
from skybed.topologies.routing.windowed import Pieces

SCENARIO, EVENTS, ROUTES = "scenario.yaml", "events.parquet", "routes.parquet"
CHANGES = "changes.parquet"  # of links' values: a part of the network, as contacts are
TEXT, WHOLE, NUMBER, TRUTH, LISTS = "text", "whole numbers", "numbers", "true or false", "lists of numbers"
# The tables that are read at once, and the columns that reading needs; of orbits see plan.store.
COLUMNS: dict[str, dict[str, str]] = {
    "plan": {"duration_s": NUMBER},
    "nodes": dict.fromkeys(("name", "kind", "layer", "ip", "ip6"), TEXT),
    "links": {
        "name": TEXT, "a": WHOLE, "b": WHOLE, "kind": TEXT, "class_name": TEXT, "link_class": TEXT,
        "turned": TRUTH, "given": TRUTH,
    },
    "contacts": {
        "link": WHOLE, "start_s": NUMBER, "end_s": NUMBER, "route_start_s": NUMBER, "route_end_s": NUMBER,
    },
    "faults": {"link": WHOLE, "kind": TEXT, "planned": TRUTH, "start_s": NUMBER, "end_s": NUMBER},
}  # fmt: skip


def table(folder: pathlib.Path, name: str, columns: Mapping[str, str]) -> pa.Table:
    """A table, which has these columns. Raises RunError if it is missing, damaged or of another version."""
    path = folder / f"{name}.parquet"
    rows: pa.Table = windowed.stored(path, parquet.read)
    for column, kind in columns.items():
        if column not in rows.column_names:
            raise windowed.other_version(path, f"no column {column}")
        values = rows[column]
        if len(values) and not (
            _is(values.type, kind) and (kind in (NUMBER, LISTS) or not values.null_count)
        ):
            raise windowed.other_version(path, f"no {kind} in its column {column}")
        if kind == NUMBER and _too_great(values.to_numpy()):
            raise windowed.other_version(path, f"numbers in its column {column} that nothing can be")
    return rows.select(list(columns)).replace_schema_metadata(None)  # which is of pandas, for its index


def _is(arrow_type: pa.DataType, kind: str) -> bool:
    t = pa.types
    return {
        TEXT: t.is_string(arrow_type) or t.is_large_string(arrow_type),
        WHOLE: t.is_integer(arrow_type),
        NUMBER: t.is_floating(arrow_type) or t.is_integer(arrow_type),
        TRUTH: t.is_boolean(arrow_type),
        LISTS: t.is_null(arrow_type) or (t.is_list(arrow_type) and t.is_floating(arrow_type.value_type)),
    }[kind]


def _too_great(values: np.ndarray) -> bool:
    sizes = np.abs(values.astype(float))
    return bool(((sizes > GREATEST) & (sizes < np.inf)).any())


def _rows(folder: pathlib.Path, name: str) -> list[dict[str, Any]]:
    return table(folder, name, COLUMNS[name]).to_pylist()


def duration_s(folder: pathlib.Path) -> float:
    rows = _rows(folder, "plan")
    if not rows:
        raise windowed.other_version(folder / "plan.parquet", "no row")
    duration_s = rows[0]["duration_s"]
    if duration_s is None or not 0 < duration_s <= LONGEST_S:
        raise windowed.other_version(folder / "plan.parquet", "no duration that a plan can have")
    return float(duration_s)


def nodes(folder: pathlib.Path) -> list[Node]:
    return [Node(**row) for row in _rows(folder, "nodes")]


def links(folder: pathlib.Path, nodes: int) -> list[Link]:
    """nodes: how many the plan has."""
    rows = _rows(folder, "links")
    try:
        classes = {text: LinkClass.model_validate_json(text) for text in {row["link_class"] for row in rows}}
    except ValidationError:
        raise windowed.other_version(folder / "links.parquet", "what is no class of a link") from None
    if unknown := {row["kind"] for row in rows} - {*LINK_KINDS}:
        raise windowed.other_version(folder / "links.parquet", f"links of the kind {min(unknown)}")
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
