"""Runs compared to the last bit: where two tables differ.

In virtual time a scenario, a seed and one set of versions give the same tables each time.
"""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skybed.analysis import contents
from skybed.analysis.run import Run, reading
from skybed.topologies.model.tables import EVERY_RUN, TABLES

# Of the manifest: what must be the same for two runs to be.
CIRCUMSTANCES = ("scenario_sha256", "seed", "clock", "lane", "kernel", "skybed", "python", "played_s")


class Difference(NamedTuple):
    """How a table of two runs differs; a and b are the two.

    differing: rows that are not the same, those that only one has included. row: the first of them, from 0,
    `key` says which one it is; column and values (None: null) are the first there that differ. Where one
    table has ended, column is "". Where the columns are not the same, row is None and values name the first.
    """

    table: str
    rows: tuple[int, int]
    differing: int
    row: int | None
    key: dict[str, Any]
    column: str
    values: tuple[Any, Any]

    def __str__(self) -> str:
        a, b = self.values
        if self.row is None:
            return f"{self.table}: other columns: {a or 'none'} and {b or 'none'}."
        many = f"{self.differing:,} of {max(self.rows):,} rows differ"
        key = ", ".join(f"{name} {value}" for name, value in self.key.items())
        first = f"the first is row {self.row:,}" + (f" ({key})" if key else "")
        if self.column:
            return f"{self.table}: {many}; {first}: {self.column} is {_shown(a)} and {_shown(b)}."
        which = "first" if self.rows[0] > self.rows[1] else "second"
        return f"{self.table}: {many}; {first}, which only the {which} run has."


class Compared(NamedTuple):
    """Two runs: the tables that differ, and the hashes of all tables of each."""

    differences: list[Difference]
    tables_sha256: tuple[dict[str, str], dict[str, str]]


def compare(a: Run, b: Run) -> Compared:
    """Where two runs differ; RunError where one of them lacks a table. A table is read anew only where its
    hash tells that there is a difference to find."""
    both = contents.hashes(a.dir), contents.hashes(b.dir)
    names = [x.name for x in TABLES.values() if x in EVERY_RUN or x.name in both[0] or x.name in both[1]]
    files = {name: (a.table_file(name), b.table_file(name)) for name in names}
    differences = (first_difference(name, *files[name]) for name in names if both[0][name] != both[1][name])
    return Compared([difference for difference in differences if difference], both)


def circumstances(a: Run, b: Run) -> list[str]:
    """Why two runs may differ: what is not the same in their manifests, as "seed: 1 and 2"."""
    pairs = [(key, getattr(a.manifest, key), getattr(b.manifest, key)) for key in CIRCUMSTANCES]
    versions_a, versions_b = a.manifest.versions, b.manifest.versions
    pairs += [
        (name, versions_a.get(name), versions_b.get(name)) for name in sorted({*versions_a, *versions_b})
    ]
    reasons = [f"{name}: {_shown(x)} and {_shown(y)}" for name, x, y in pairs if x != y]
    if not (a.manifest.virtual and b.manifest.virtual):
        reasons.append("clock: runs in real time are never the same to the bit")
    return reasons


def first_difference(table: str, a: Path, b: Path) -> Difference | None:
    """Of two files that hold one table; None where they are the same to the bit."""
    rows = (_rows(a), _rows(b))
    for column_a, column_b in zip_longest(contents.columns(a), contents.columns(b)):
        if column_a != column_b:
            names = tuple(f"{c[0]} ({c[1]})" if c else None for c in (column_a, column_b))
            return Difference(table, rows, max(rows), None, {}, "", names)  # type: ignore[arg-type]
    first: Difference | None = None
    differing, before = abs(rows[0] - rows[1]), 0
    for x, y in zip(contents.chunks(a), contents.chunks(b), strict=False):
        both = min(len(x), len(y))
        unlike = np.array([_unlike(x[name][:both], y[name][:both]) for name in x.column_names])
        wrong = unlike.any(axis=0)
        differing += int(wrong.sum())
        if first is None and wrong.any():
            row = int(wrong.argmax())
            name = x.column_names[int(unlike[:, row].argmax())]
            values = (x[name][row].as_py(), y[name][row].as_py())
            first = Difference(table, rows, 0, before + row, _key(table, x, row), name, values)
        if first is None and len(x) != len(y):
            longer = x if len(x) > both else y
            first = Difference(table, rows, 0, before + both, _key(table, longer, both), "", (None, None))
        before += both
    if first is None and differing:  # one ends where a chunk does
        first = Difference(table, rows, 0, before, {}, "", (None, None))
    return first and first._replace(differing=differing)


def _key(table: str, chunk: pa.Table, row: int) -> dict[str, Any]:
    return {name: chunk[name][row].as_py() for name in TABLES[table].key if name in chunk.column_names}


def _rows(path: Path) -> int:
    with reading(path):
        return int(pq.read_metadata(path).num_rows)


def _unlike(a: pa.ChunkedArray, b: pa.ChunkedArray) -> np.ndarray:
    """Where two columns of one type are not the same, to the bit."""
    (valid_a, x), (valid_b, y) = contents.plain(a), contents.plain(b)
    if not isinstance(x, np.ndarray):
        return (valid_a != valid_b) | pc.not_equal(x, y).to_numpy(zero_copy_only=False)
    bits = f"u{x.dtype.itemsize}"
    return (valid_a != valid_b) | (x.view(bits) != y.view(bits))


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value) if isinstance(value, float) else str(value)
