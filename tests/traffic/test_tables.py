"""The tables of a run directory exist with their columns and types even when nothing was measured."""

import pyarrow.parquet as pq
import pytest
from plain_netns import FakeClock

from skybed.traffic import session, tables


@pytest.mark.parametrize("name", ["probes", "paths", "flows"])
def test_a_run_without_flows_writes_empty_tables_with_their_types(tmp_path, name):
    assert session.run([], {}, FakeClock(), 1.0, tmp_path) == {"dropped_by_sink": {}}
    found = pq.read_table(tmp_path / f"{name}.parquet")
    assert found.num_rows == 0
    assert found.schema.remove_metadata() == getattr(tables, name.upper())


def test_none_and_nan_become_null():
    import numpy as np

    part = {field.name: [None] for field in tables.FLOWS} | {"rtt_us": np.array([np.nan])}
    assert all(column.null_count == 1 for column in tables.table(tables.FLOWS, [part]).columns)
