"""What a table of a run directory holds, to the last bit, and a hash of it.

The bytes of a Parquet file do not tell: they depend on who wrote it. So the content is hashed: a line of JSON
with names and types of the columns, then for every CHUNK_ROWS rows their number and, column by column, which
values there are (a byte each, 0 for null) and the values: numbers as they are in memory, little-endian, nulls
as 0 and every nan as the same nan; text as its lengths in bytes and then UTF-8. How the file is divided into
row groups, and how text is stored, does not matter; the order of rows does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.analysis.run import Run, kept, reading
from skybed.topologies import parquet
from skybed.topologies.errors import RunError
from skybed.topologies.model.tables import TABLES

CHUNK_ROWS = 65_536


def hashes(run_dir: Path) -> dict[str, str]:
    """SHA-256 of the content of each table in a run directory, by the table's name; see the module."""
    paths = {name: run_dir / f"{name}.parquet" for name in TABLES}
    return {name: _hash(path) for name, path in paths.items() if path.is_file()}


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    digest.update(json.dumps(columns(path)).encode() + b"\n")
    for chunk in chunks(path):
        digest.update(np.array(len(chunk), "<i8").tobytes())
        for column in chunk.columns:
            valid, values = plain(column)
            digest.update(valid.tobytes())
            for part in _bytes(values):
                digest.update(part)
    return digest.hexdigest()


def columns(path: Path) -> list[tuple[str, str]]:
    """Names and types; text is "string" however it is stored."""
    with reading(path):
        schema = pq.read_schema(path)
    return [(field.name, "string" if _is_text(field.type) else str(field.type)) for field in schema]


def chunks(path: Path) -> Iterator[pa.Table]:
    """All rows, CHUNK_ROWS at a time (the last fewer), wherever row groups end."""
    with reading(path):
        file = pq.ParquetFile(path)
        rest = file.schema_arrow.empty_table()
        for piece in parquet.pieces(file, CHUNK_ROWS):
            rest = pa.concat_tables([rest, piece])
            while len(rest) >= CHUNK_ROWS:
                yield rest.slice(0, CHUNK_ROWS)
                rest = rest.slice(CHUNK_ROWS)
        if len(rest):
            yield rest


def plain(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array | np.ndarray]:
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


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


@kept
def altered(run: Run) -> list[str]:
    """Tables that are not as the run wrote them; a run that did not note what it wrote has none."""
    noted = run.manifest.tables_sha256 or {}
    there = hashes(run.dir) if noted else {}
    return [name for name in noted if there.get(name) != noted[name]]
