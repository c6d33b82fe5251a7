"""Runs compared to the last bit: a hash of what a table holds, and where two tables differ.

In virtual time a scenario, a seed and one set of versions give the same tables each time. The bytes of a
Parquet file do not tell: they depend on who wrote it. So the content is hashed: a line of JSON with names and
types of the columns, then for every CHUNK_ROWS rows their number and, column by column, which values there
are (a byte each, 0 for null) and the values: numbers as they are in memory, little-endian, nulls as 0 and
every nan as the same nan; text as its lengths in bytes and then UTF-8. How the file is divided into row
groups, and how text is stored, does not matter; the order of rows does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skybed.analysis.run import Run, reading
from skybed.topologies.errors import RunError
from skybed.topologies.model.tables import EVERY_RUN, TABLES

CHUNK_ROWS = 65_536

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


def hashes(run_dir: Path) -> dict[str, str]:
    """SHA-256 of the content of each table in a run directory, by the table's name; see the module."""
    paths = {name: run_dir / f"{name}.parquet" for name in TABLES}
    return {name: _hash(path) for name, path in paths.items() if path.is_file()}


class Compared(NamedTuple):
    """Two runs: the tables that differ, and the hashes of all tables of each."""

    differences: list[Difference]
    tables_sha256: tuple[dict[str, str], dict[str, str]]


def compare(a: Run, b: Run) -> Compared:
    """Where two runs differ; RunError where one of them lacks a table. A table is read anew only where its
    hash tells that there is a difference to find."""
    both = hashes(a.dir), hashes(b.dir)
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


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps(_columns(path)).encode() + b"\n")
    for chunk in _chunks(path):
        digest.update(np.array(len(chunk), "<i8").tobytes())
        for column in chunk.columns:
            valid, values = _plain(column)
            digest.update(valid.tobytes())
            for part in _bytes(values):
                digest.update(part)
    return digest.hexdigest()


def first_difference(table: str, a: Path, b: Path) -> Difference | None:
    """Of two files that hold one table; None where they are the same to the bit."""
    rows = (_rows(a), _rows(b))
    for column_a, column_b in zip_longest(_columns(a), _columns(b)):
        if column_a != column_b:
            names = tuple(f"{c[0]} ({c[1]})" if c else None for c in (column_a, column_b))
            return Difference(table, rows, max(rows), None, {}, "", names)  # type: ignore[arg-type]
    first: Difference | None = None
    differing, before = abs(rows[0] - rows[1]), 0
    for x, y in zip(_chunks(a), _chunks(b), strict=False):  # the longer one's rest differs in any case
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


def _columns(path: Path) -> list[tuple[str, str]]:
    """Names and types; text is "string" however it is stored."""
    with reading(path):
        schema = pq.read_schema(path)
    return [(field.name, "string" if _is_text(field.type) else str(field.type)) for field in schema]


def _chunks(path: Path) -> Iterator[pa.Table]:
    """All rows, CHUNK_ROWS at a time (the last fewer), wherever row groups end."""
    with reading(path):
        file = pq.ParquetFile(path)
        rest = file.schema_arrow.empty_table()
        for batch in file.iter_batches(CHUNK_ROWS):
            rest = pa.concat_tables([rest, pa.Table.from_batches([batch])])
            while len(rest) >= CHUNK_ROWS:
                yield rest.slice(0, CHUNK_ROWS)
                rest = rest.slice(CHUNK_ROWS)
        if len(rest):
            yield rest


def _plain(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array | np.ndarray]:
    """Which values there are (bool); the values without nulls: large_string, or an array of numbers."""
    valid = column.is_valid().to_numpy()
    if pa.types.is_null(column.type):
        return valid, np.zeros(len(column), "u1")
    if _is_text(column.type):
        text = column.cast(pa.large_string()).fill_null("").combine_chunks()
        return valid, text
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
            or pa.types.is_boolean(column.type)):  # fmt: skip
        raise RunError(f"A column of {column.type} cannot be compared; the table is not one of skybed's.")
    values = column.fill_null(pa.scalar(0).cast(column.type)).to_numpy()
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
    return valid, values.astype(values.dtype.newbyteorder("<"), copy=False)


def _bytes(values: pa.Array | np.ndarray) -> Iterator[bytes]:
    if isinstance(values, np.ndarray):
        yield values.tobytes()
    else:
        _, places, text = values.buffers()
        place = np.frombuffer(places, "i8")[values.offset :][: len(values) + 1]
        yield np.diff(place).astype("<i8").tobytes()
        yield text[place[0] : place[-1]].to_pybytes() if text else b""


def _unlike(a: pa.ChunkedArray, b: pa.ChunkedArray) -> np.ndarray:
    """Where two columns of one type are not the same, to the bit."""
    (valid_a, x), (valid_b, y) = _plain(a), _plain(b)
    if not isinstance(x, np.ndarray):
        return (valid_a != valid_b) | pc.not_equal(x, y).to_numpy(zero_copy_only=False)
    bits = f"u{x.dtype.itemsize}"
    return (valid_a != valid_b) | (x.view(bits) != y.view(bits))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value) if isinstance(value, float) else str(value)
