"""A plan on disk: a folder with scenario.yaml and Parquet tables."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pandas as pd

from skybed.topologies.contacts.network import Network
from skybed.topologies.contacts.properties import EVENT
from skybed.topologies.files import whole
from skybed.topologies.orbits import ephemeris
from skybed.topologies.plan import folder
from skybed.topologies.routing import windowed
from skybed.topologies.routing.changes import CHANGE
from skybed.topologies.routing.windowed import Pieces
from skybed.topologies.scenario.file import Scenario

# Columns that load needs.
ORBITS = {
    "name": folder.TEXT, **dict.fromkeys(("jdsatepoch", "jdsatepochF", *ephemeris.ELEMENTS), folder.NUMBER),
    "states": folder.LISTS,
}  # fmt: skip


class Stored(NamedTuple):
    """What a folder holds; routes are None where they were left out."""

    scenario: Scenario
    network: Network
    events: Pieces
    routes: Pieces | None


def save(
    place: pathlib.Path,
    scenario: Scenario,
    network: Network,
    events: Iterable[np.ndarray],
    routes: Iterable[np.ndarray] | None,
) -> None:
    """Write a plan, piece by piece where it is long. routes: None leaves them out."""
    place.mkdir(parents=True, exist_ok=True)
    with whole(place / folder.SCENARIO) as file:
        file.write_text(scenario.dump(), encoding="utf-8")
    links = [
        (x.name, x.a, x.b, x.kind, x.class_name, x.link_class.model_dump_json(), x.turned, x.given)
        for x in network.links
    ]
    tables = {
        "plan": pd.DataFrame({"duration_s": [network.duration_s]}),
        "nodes": pd.DataFrame([asdict(node) for node in network.nodes]),
        "links": pd.DataFrame(links, columns=list(folder.COLUMNS["links"])),
        "contacts": network.contacts,
        "faults": network.lost,
        "orbits": network.orbits,
    }
    for name, table in tables.items():
        with whole(place / f"{name}.parquet") as file:
            table.to_parquet(file)
    windowed.write(place / folder.CHANGES, EVENT, [network.changes])
    windowed.write(place / folder.EVENTS, EVENT, events)
    if routes is None:
        (place / folder.ROUTES).unlink(missing_ok=True)
    else:
        windowed.write(place / folder.ROUTES, CHANGE, routes)


def load(place: pathlib.Path) -> Stored:
    """What save wrote; events and routes are read when they are gone through. Raises RunError for a part that
    is missing, damaged or of another version.
    """
    scenario, duration_s = Scenario.load(place / folder.SCENARIO), folder.duration_s(place)
    columns = {name: folder.COLUMNS[name] for name in ("contacts", "faults")} | {"orbits": ORBITS}
    standing, lost, orbits = (folder.table(place, *named).to_pandas() for named in columns.items())
    if not np.isfinite(orbits[list(ORBITS)[1:-1]].to_numpy(float)).all():
        raise windowed.other_version(place / "orbits.parquet", "elements that are no numbers")
    nodes = folder.nodes(place)
    links = folder.links(place, len(nodes))
    for name, rows in (("contacts", standing), ("faults", lost)):
        numbers = {"link": rows["link"].to_numpy()}
        windowed.check_numbers(place / f"{name}.parquet", numbers, {"link": len(links)})
    if not np.isfinite(standing[["start_s", "end_s"]].to_numpy(float)).all():
        raise windowed.other_version(place / "contacts.parquet", "a contact without an end")
    satellites = [node.name for node in nodes if node.kind == "satellite"]
    if list(orbits["name"]) != satellites:
        raise windowed.other_version(place / "orbits.parquet", "other satellites than nodes.parquet")
    many = len(nodes), len(links)
    events = folder.pieces(place / folder.EVENTS, EVENT, duration_s, *many)
    stored = (place / folder.ROUTES).exists()
    routes = folder.pieces(place / folder.ROUTES, CHANGE, duration_s, *many) if stored else None
    changes = folder.pieces(place / folder.CHANGES, EVENT, 0.0, *many).whole()
    network = Network(scenario, duration_s, nodes, links, standing, lost, orbits, changes)
    varies = np.isnan(network.values.constant).any(axis=(1, 2))
    if lacking := sorted(
        {*np.flatnonzero(varies).tolist()} & {*standing["link"].tolist()} - {*changes["link"].tolist()}
    ):
        raise windowed.other_version(place / folder.CHANGES, f"no values of {links[lacking[0]].name}")
    return Stored(scenario, network, events, routes)
