"""The tables of a run directory exist with their columns and types even when nothing was measured."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from skybed.topologies.model.tables import FLOWS, TABLES
from skybed.traffic import tables
from skybed.traffic.crossings import Crossings
from support.plain_netns import FakeClock


@pytest.mark.parametrize("name", ["probes", "paths", "flows"])
def test_a_run_without_flows_writes_empty_tables_with_their_types(tmp_path, name):
    with Crossings([], {}, {}, 1.0, tmp_path) as crossings:
        crossings.open()
        crossings.begin(FakeClock())
        crossings.run()
    found = pq.read_table(tmp_path / f"{name}.parquet")
    assert found.num_rows == 0
    assert found.schema.remove_metadata() == TABLES[name].schema


def test_none_and_nan_become_null():
    part = {column.name: [None] for column in FLOWS.columns} | {"rtt_us": np.array([np.nan])}
    assert all(column.null_count == 1 for column in tables.arrow(FLOWS, [part]).columns)
