"""A plan on disk: a folder with scenario.yaml and Parquet tables."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.contacts.contacts import Link, Node
from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import EVENT
from skybed.topologies.model.links import LinkClass
from skybed.topologies.orbits import ephemeris
from skybed.topologies.routing import windowed
from skybed.topologies.routing.routes import CHANGE
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario

# The tables that are read at once, and the columns that load needs.
PARTS: dict[str, tuple[str, ...]] = {
    "plan": ("duration_s",),
    "nodes": ("name", "kind", "layer", "ip", "ip6"),
    "links": ("name", "a", "b", "kind", "class_name", "link_class"),
    "contacts": ("link", "start_s", "end_s", "route_start_s", "route_end_s"),
    "faults": ("link", "kind", "planned", "start_s", "end_s"),
    "orbits": ("name", "jdsatepoch", "jdsatepochF", *ephemeris.ELEMENTS),
}
EVENTS, ROUTES = "events.parquet", "routes.parquet"


class Stored(NamedTuple):
    """What a folder holds; routes are None where they were left out."""

    scenario: Scenario
    network: Network
    events: Pieces
    routes: Pieces | None


def save(
    folder: pathlib.Path,
    scenario: Scenario,
    network: Network,
    events: Iterable[np.ndarray],
    routes: Iterable[np.ndarray] | None,
) -> None:
    """Write a plan, piece by piece where it is long. routes: None leaves them out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.yaml").write_text(scenario.dump(), encoding="utf-8")
    links = [(x.name, x.a, x.b, x.kind, x.class_name, x.link_class.model_dump_json()) for x in network.links]
    tables = {
        "plan": pd.DataFrame({"duration_s": [network.duration_s]}),
        "nodes": pd.DataFrame([asdict(node) for node in network.nodes]),
        "links": pd.DataFrame(links, columns=list(PARTS["links"])),
        "contacts": network.contacts,
        "faults": network.lost,
        "orbits": network.orbits,
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    windowed.write(folder / EVENTS, EVENT, events)
    if routes is None:
        (folder / ROUTES).unlink(missing_ok=True)
    else:
        windowed.write(folder / ROUTES, CHANGE, routes)


def load(folder: pathlib.Path) -> Stored:
    """What save wrote; events and routes are read when they are gone through. Raises RunError for a part that
    is missing, damaged or of another version.
    """
    scenario = Scenario.load(folder / "scenario.yaml")
    duration_s = float(_table(folder, "plan").duration_s[0])
    nodes = [Node(**row) for row in _table(folder, "nodes").to_dict("records")]
    links = [
        Link(**row | {"link_class": LinkClass.model_validate_json(row["link_class"])})
        for row in _table(folder, "links")[list(PARTS["links"])].to_dict("records")
    ]
    standing, lost, orbits = (_table(folder, name) for name in ("contacts", "faults", "orbits"))
    events = _pieces(folder / EVENTS, EVENT, duration_s)
    routes = _pieces(folder / ROUTES, CHANGE, duration_s) if (folder / ROUTES).exists() else None
    network = Network(scenario, duration_s, nodes, links, standing, lost, orbits)
    return Stored(scenario, network, events, routes)


def _pieces(path: pathlib.Path, dtype: np.dtype, duration_s: float) -> Pieces:
    windowed.check(path, dtype, duration_s)
    return Pieces(partial(windowed.read, path, dtype))


def _table(folder: pathlib.Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    table: pd.DataFrame = windowed.stored(path, pd.read_parquet)
    lacking = [column for column in PARTS[name] if column not in table.columns]
    if lacking:
        raise windowed.other_version(path, f"no column {lacking[0]}")
    return table
