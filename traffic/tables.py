"""The tables that traffic leaves in a run directory: writes them, and says what one of them means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies.files import whole
from skybed.topologies.model.flows import LoadFlow
from skybed.topologies.model.tables import Table

GROUP_ROWS = 2**17  # of a file, at most, in a row group


def arrow(table: Table, parts: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A table from parts that each hold every column as a sequence, or as a text that is that of all rows; no
    parts give a table without rows.

    NaN in a part becomes null.
    """
    batches = [batch for part in parts for batch in _batches(table, part)]
    return pa.Table.from_batches(batches, table.schema)


def _batches(table: Table, part: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
    """The rows of a part, GROUP_ROWS at once."""
    count = next(len(values) for values in part.values() if not isinstance(values, str))
    for first in range(0, count, GROUP_ROWS):
        rows = slice(first, min(first + GROUP_ROWS, count))
        arrays = [_array(part[column.name], column.type, rows) for column in table.columns]
        yield pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def columns(table: Table, rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """A part of a table from its rows."""
    return {column.name: [row[place] for row in rows] for place, column in enumerate(table.columns)}


def _array(values: Any, kind: pa.DataType, rows: slice) -> pa.Array:
    if isinstance(values, str):
        return pa.repeat(values, rows.stop - rows.start)
    return pa.array(values[rows], kind, from_pandas=isinstance(values, np.ndarray))


def write(table: Table, parts: Iterable[Mapping[str, Any]], run: Path) -> None:
    """Write a table of a run directory. Each part has row groups of its own: one is made at a time, and who
    looks for the rows of a flow finds them.
    """
    with whole(run / f"{table.name}.parquet") as file, pq.ParquetWriter(file, table.schema) as writer:
        for part in parts:
            for batch in _batches(table, part):
                writer.write_batch(batch)


def mean_mbps(flow: LoadFlow, received_bytes: float, t_s: float) -> float:
    """What of a flow has been received by a run time, over the time that it has had; nan: who knows when one
    begins that comes after another.
    """
    start_s, stop_s = flow.window_s(t_s)
    return received_bytes * 8e-6 / (stop_s - start_s) if stop_s > start_s and not flow.after else math.nan


def completion_s(rows: Any, flow: LoadFlow) -> float:
    """From the start of a flow to the arrival of all its volume, of its rows of the table `flows`; nan where
    it has none, or not all of it arrived.
    """
    done = rows["received_bytes"].sum() == flow.most_bytes
    return float(rows["end_s"].max()) - flow.start_s if done else math.nan


def throughput_mbps(rows: Any) -> float:
    """Received, over the time in which a flow was sending, of its rows of the table `flows`; nan where there
    are none.
    """
    received_bytes, sending = rows["received_bytes"].sum(min_count=1), rows[rows["sent_bytes"].notna()]
    length_s = sending["end_s"].max() - sending["start_s"].min()
    return received_bytes * 8e-6 / length_s if length_s > 0 else math.nan
