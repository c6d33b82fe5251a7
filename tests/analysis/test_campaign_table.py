"""A campaign's table is one table, whoever reads it."""

import json

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

from skybed.analysis.campaign import table as table_of
from skybed.topologies.errors import RunError
from support import tiny_campaign

GRID = """
grid:
  links.x-quick.loss_pct: [0.5, 0]
  access[0].policy: [nearest, keep]
  start: ["2026-05-09T00:00:00Z", null]
  traffic[down].rate_hz: [10, 9]
repeats: 2
metrics: [sent, rtt_p50_ms]
"""
TYPES = {
    "links.x-quick.loss_pct": "float64", "access[0].policy": "str", "start": "str",
    "traffic[down].rate_hz": "Int64",
}  # fmt: skip
PROVENANCE = ["scenario_sha256", "seed", "clock", "skybed", "kernel", "packages", "verdict"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    def outcome(case):
        quick = case.parameters["access[0].policy"] == "nearest"
        if case.repeat and quick:
            return ("invalid", {"down": {"sent": 3}}) if case.parameters["start"] else ("error", {})
        return "pass", {"down": {"sent": 300 + case.repeat, "rtt_p50_ms": 7.5}, "across": {"sent": 10}}

    return tiny_campaign.make(tmp_path_factory.mktemp("c") / "c", GRID, outcome)


def read_with_pandas(folder):
    return pd.read_parquet(folder / "table")


def read_with_duckdb(folder):
    types = "{'links.x-quick.loss_pct': DOUBLE, 'access[0].policy': VARCHAR, 'start': VARCHAR}"
    files = f"'{folder}/table/**/*.parquet', hive_partitioning = true, hive_types = {types}"
    return duckdb.sql(f"SELECT * FROM read_parquet({files})").df()


def read_with_polars(folder):
    return pl.read_parquet(folder / "table", hive_partitioning=True).to_pandas()


@pytest.mark.parametrize("read", [read_with_pandas, read_with_duckdb, read_with_polars])
def test_pandas_duckdb_and_polars_read_the_same_table_with_each_row_s_provenance(folder, read):
    expected = table_of.read(folder).table
    assert len(expected) == 2**5 * 3 and expected["verdict"].value_counts().to_dict() == {
        "pass": 72, "invalid": 12, "error": 12,
    }  # fmt: skip
    found = read(folder)
    assert set(found) == set(expected) >= {*TYPES, *PROVENANCE}
    found = found.astype({at: "str" if kind == "str" else "float64" for at, kind in TYPES.items()})
    key = [*TYPES, "repeat", "flow"]
    pd.testing.assert_frame_equal(
        found.set_index(key).sort_index()[[*expected.columns.drop(key)]],
        expected.astype({"traffic[down].rate_hz": "float64"}).set_index(key).sort_index(),
        check_dtype=False, check_index_type=False,
    )  # fmt: skip


def test_a_campaign_is_read_in_the_order_of_its_file(folder):
    read = table_of.read(folder)
    assert {at: str(read.table[at].dtype) for at in read.parameters} == TYPES
    assert read.parameters["links.x-quick.loss_pct"] == [0.5, 0]
    assert read.parameters["start"] == ["2026-05-09T00:00:00Z", "null"]
    told = read.table[[*TYPES, "repeat"]].drop_duplicates().values.tolist()
    assert [row[:2] for row in told[:16:8]] == [[0.5, "nearest"], [0.5, "keep"]]
    assert told[:3] == [
        [0.5, "nearest", "2026-05-09T00:00:00Z", 10, 0],
        [0.5, "nearest", "2026-05-09T00:00:00Z", 10, 1],
        [0.5, "nearest", "2026-05-09T00:00:00Z", 9, 0],
    ]
    assert read.table["flow"][:3].tolist() == ["down", "across", "path"]
    assert len(read.runs) == 32 and read.runs["verdict"].tolist()[:3] == ["pass", "invalid", "pass"]


def test_provenance_tells_seed_versions_and_kernel(folder):
    table = table_of.read(folder).table
    whole = table[table["verdict"] == "invalid"].iloc[0]
    assert json.loads(whole["packages"]) == {"python": "3.11.2", "scapy": "2.8.0"}
    assert whole["kernel"] == "6.12.0" and pd.isna(whole["sent"])
    assert table["seed"].nunique() == 2 and table["run"].nunique() == table["scenario_sha256"].nunique() == 32
    broken = table[table["verdict"] == "error"]
    assert broken["packages"].isna().all() and (broken["skybed"] == "0.1.0").all()


def test_a_campaign_without_parameters_is_read_too(tmp_path):
    folder = tiny_campaign.make(
        tmp_path / "c", "metrics: [sent]\n", lambda case: ("pass", {"down": {"sent": 7}})
    )
    read = table_of.read(folder)
    assert read.parameters == {} and read.table["sent"].tolist()[0] == 7
    assert ds.dataset(folder / "table").count_rows() == 3


def test_what_is_no_finished_campaign_is_told_so(folder, tmp_path):
    with pytest.raises(RunError, match="there is no campaign's table here"):
        table_of.read(tmp_path)


def test_the_tables_of_all_runs_that_can_be_used_are_one(folder, monkeypatch):
    class Loaded:
        def __init__(self, path):
            self.path = path

        def table(self, name):
            return pd.DataFrame({"what": [name] * 2, "of": self.path.name})

    monkeypatch.setattr(table_of, "load", Loaded)
    results = table_of.read(folder)
    rows = results.of_runs("tasks")
    usable = results.runs[results.runs["verdict"] == "pass"]
    assert rows["run"].tolist() == rows["of"].tolist() == usable["run"].repeat(2).tolist()
    assert [*rows] == ["run", *results.parameters, "repeat", "what", "of"]
    assert set(rows["what"]) == {"tasks"}
