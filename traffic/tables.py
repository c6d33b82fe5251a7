"""The tables that traffic leaves in a run directory: columns, types, writer.

Times are run time in s. A column that ends in a unit is in that unit; null where there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PROBES = pa.schema(
    [
        ("flow", pa.string()),
        ("protocol", pa.string()),
        ("src", pa.string()),
        ("dst", pa.string()),
        ("seq", pa.int64()),
        ("sent_s", pa.float64()),
        ("rtt_us", pa.float64()),
        ("owd_us", pa.float64()),
        ("owd_back_us", pa.float64()),
        ("lost", pa.bool_()),
        ("expired_at", pa.string()),
        ("reordered", pa.bool_()),
    ]
)

PATHS = pa.schema(
    [
        ("flow", pa.string()),
        ("src", pa.string()),
        ("dst", pa.string()),
        ("sent_s", pa.float64()),
        ("hop", pa.int32()),
        ("node", pa.string()),
        ("reached", pa.bool_()),
    ]
)

FLOWS = pa.schema(
    [
        ("flow", pa.string()),
        ("kind", pa.string()),
        ("src", pa.string()),
        ("dst", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("sent_packets", pa.int64()),
        ("received_packets", pa.int64()),
        ("lost_packets", pa.int64()),
        ("reordered_packets", pa.int64()),
        ("sent_bytes", pa.int64()),
        ("received_bytes", pa.int64()),
        ("throughput_mbps", pa.float64()),
        ("retransmits", pa.int64()),
        ("rtt_us", pa.float64()),
    ]
)


def table(schema: pa.Schema, parts: Iterable[Mapping[str, Any]]) -> pa.Table:
    """One table from parts that each hold every column as a sequence; no parts give a table without rows.

    NaN in a part becomes null.
    """
    batches = []
    for part in parts:
        arrays = [_column(part[field.name], field.type) for field in schema]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return pa.Table.from_batches(batches, schema)


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, np.ndarray):
        return pa.array(values, kind, from_pandas=True)
    return pa.array(values, kind)


def write(schema: pa.Schema, parts: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write a table to a Parquet file."""
    pq.write_table(table(schema, parts), path)
