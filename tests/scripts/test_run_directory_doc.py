"""docs/run-directory.md is the reference of a run directory: it has every table and column."""

import pathlib
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skybed.analysis.manifest import Manifest
from skybed.analysis.verdict import FullVerdict
from skybed.topologies.model import tables
from skybed.topologies.plan import export

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "run-directory.md").read_text()
TYPES = {pa.string(): "text", pa.float64(): "float", pa.bool_(): "bool"}  # else integer


def section(title):
    return re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize("table", [*tables.TABLES.values(), tables.ROUTING], ids=lambda table: table.name)
def test_every_table_is_there_with_its_columns(table):
    text = section(f"{table.name}.parquet")
    shared = {column.name for column in tables.EVENTS.columns} if table is tables.APPLIED else ()
    assert " ".join(text.split()).startswith(table.rows)
    assert re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE) == [
        (column.name, TYPES.get(column.type, "integer"), column.about)
        for column in table.columns
        if column.name not in shared
    ]


def test_a_run_writes_these_tables(good_run):
    found = {path.stem: pq.read_schema(path) for path in good_run.glob("*.parquet")}
    assert found == {table.name: table.schema for table in tables.EVERY_RUN}


def test_every_part_of_a_stored_plan_is_there(good_run):
    told = {
        name: set(re.findall(r"`(\w+)`", columns))
        for name, columns in re.findall(r"^\| `(\w+)` \| (.*) \|$", section("plan/"), re.MULTILINE)
    }
    for path in (good_run / "plan").glob("*.parquet"):
        found = set(pd.read_parquet(path).columns)
        assert told.pop(path.stem) - {"sgp4init"} == (found if path.stem != "orbits" else {"name", "states"})
    assert not told


def test_every_key_of_the_manifest_is_there():
    assert {*Manifest.model_fields} == keys("manifest.json")


def test_every_key_of_the_verdict_is_there():
    assert {*FullVerdict.model_fields} == keys("verdict.json")


def test_every_format_of_exports_is_there():
    told = re.findall(r"^\*\*`(\.[\w.]+)`\*\*", section("A plan for other programs"), re.MULTILINE)
    assert told == [*export.FORMATS, *export.OF_NODE, *export.AT_TIME]


def keys(title):
    """Those that the first column of a section's table tells."""
    rows = re.findall(r"^\| (`[^|]*) \|", section(title), re.MULTILINE)
    return {name for names in rows for name in re.findall(r"`(\w+)`", names)}
