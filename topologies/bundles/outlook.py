"""What bundle agents know of contacts: worked out before a run (topologies.bundles.contacts), and read in a
lane with Arrow alone.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies.bundles.sabr import Contact


class Outlook(NamedTuple):
    """Contacts each way, by their start; node and peer are numbers of the plan.

    actual: when links stand, as both their ends notice. planned: as they were to without unplanned faults.
    """

    actual: list[Contact]
    planned: list[Contact]


def save(outlook: Outlook, folder: pathlib.Path) -> None:
    """Write it into a new folder."""
    folder.mkdir()
    for name, contacts in outlook._asdict().items():
        pq.write_table(_table(contacts), folder / f"{name}.parquet")


def _table(contacts: Sequence[Contact]) -> pa.Table:
    columns = zip(*contacts, strict=True) if contacts else ([] for _ in Contact._fields)
    return pa.table(dict(zip(Contact._fields, map(list, columns), strict=True)))


def load(folder: pathlib.Path) -> Outlook:
    """What `save` wrote."""
    tables = (pq.read_table(folder / f"{name}.parquet") for name in Outlook._fields)
    return Outlook(*([Contact(**row) for row in table.to_pylist()] for table in tables))
