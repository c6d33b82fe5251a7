"""What bundle agents know of contacts: worked out before a run (topologies.bundles.contacts), and read in a
lane with Arrow alone.
"""

from __future__ import annotations

import pathlib
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies import parquet
from skybed.topologies.bundles.sabr import Contact


class Outage(NamedTuple):
    """A node is out of service, and what it held at the begin is lost."""

    node: int
    start_s: float
    end_s: float


class Outlook(NamedTuple):
    """Contacts each way, by their start; node and peer are numbers of the plan.

    actual: when links stand, as both their ends notice. planned: as they were to without unplanned faults.
    """

    actual: list[Contact]
    planned: list[Contact]
    dead: list[Outage]


ROWS: dict[str, Any] = {"actual": Contact, "planned": Contact, "dead": Outage}


def save(outlook: Outlook, folder: pathlib.Path) -> None:
    """Write it into a new folder."""
    folder.mkdir()
    for name, kind in ROWS.items():
        rows = [row._asdict() for row in getattr(outlook, name)]
        columns = {field: [row[field] for row in rows] for field in kind._fields}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def load(folder: pathlib.Path) -> Outlook:
    """What `save` wrote."""
    tables = {name: parquet.read(folder / f"{name}.parquet").to_pylist() for name in ROWS}
    return Outlook(**{name: [ROWS[name](**row) for row in rows] for name, rows in tables.items()})
