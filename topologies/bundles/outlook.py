"""What bundle agents know of contacts: worked out before a run (topologies.bundles.contacts), and read in a
lane with Arrow alone.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

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

    actual: when links stand, as both their ends notice. copies: as some nodes believe that they stand. held:
    of each node the number of its copy.
    """

    actual: list[Contact]
    copies: list[list[Contact]]
    held: list[int]
    dead: list[Outage]


class _Held(NamedTuple):
    copy: int


Row = TypeVar("Row")
ACTUAL, COPY, HELD, DEAD = "actual", "copy", "held", "dead"


def save(outlook: Outlook, folder: pathlib.Path) -> None:
    """Write it into a new folder."""
    folder.mkdir()
    _write(folder / ACTUAL, Contact, outlook.actual)
    for number, copy in enumerate(outlook.copies):
        _write(folder / f"{COPY}-{number}", Contact, copy)
    _write(folder / HELD, _Held, [_Held(number) for number in outlook.held])
    _write(folder / DEAD, Outage, outlook.dead)


def load(folder: pathlib.Path) -> Outlook:
    """What `save` wrote."""
    count = len(list(folder.glob(f"{COPY}-*")))
    return Outlook(
        _read(folder / ACTUAL, Contact),
        [_read(folder / f"{COPY}-{number}", Contact) for number in range(count)],
        [row.copy for row in _read(folder / HELD, _Held)],
        _read(folder / DEAD, Outage),
    )


def _write(file: pathlib.Path, kind: type[NamedTuple], rows: Sequence[NamedTuple]) -> None:
    columns = zip(*rows, strict=True) if rows else [()] * len(kind._fields)
    pq.write_table(pa.table(dict(zip(kind._fields, map(list, columns), strict=True))), file)


def _read(file: pathlib.Path, kind: type[Row]) -> list[Row]:
    columns = [column.to_pylist() for column in parquet.read(file).columns]
    return list(map(kind, *columns))
