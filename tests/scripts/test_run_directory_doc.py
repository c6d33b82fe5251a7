"""docs/run-directory.md is the reference of a run directory: it has every table and column."""

import pathlib
import re

import pandas as pd

from skybed.analysis.manifest import Manifest
from skybed.analysis.routing import convergence
from skybed.analysis.verdict import FullVerdict

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "run-directory.md").read_text()
TYPES = {"str": "text", "object": "text", "float64": "float", "int64": "integer", "int32": "integer"}


def section(title):
    return re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)[1]


def columns(title):
    """The columns that a section's table tells, with their types."""
    rows = re.findall(r"^\| (`[^|]*) \| (\w+) \|", section(title), re.MULTILINE)
    return {name: kind for names, kind in rows for name in re.findall(r"`(\w+)`", names)}


def test_every_column_of_every_table_is_there(good_run):
    for path in good_run.glob("*.parquet"):
        found = {name: TYPES.get(str(kind), str(kind)) for name, kind in pd.read_parquet(path).dtypes.items()}
        shared = columns("events.parquet") if path.stem == "applied" else {}
        assert shared | columns(path.name) == found


def test_every_column_of_what_routing_cost_is_there():
    told = {name: TYPES.get(kind, kind) for name, kind in convergence.COLUMNS.items()}
    assert columns("routing.parquet") == told


def test_every_part_of_a_stored_plan_is_there(good_run):
    told = {
        name: set(re.findall(r"`(\w+)`", columns))
        for name, columns in re.findall(r"^\| `(\w+)` \| (.*) \|$", section("plan/"), re.MULTILINE)
    }
    for path in (good_run / "plan").glob("*.parquet"):
        found = set(pd.read_parquet(path).columns)
        assert told.pop(path.stem) - {"sgp4init"} == (found if path.stem != "orbits" else {"name"})
    assert not told


def test_every_key_of_the_manifest_is_there():
    assert {*Manifest.model_fields} == keys("manifest.json")


def test_every_key_of_the_verdict_is_there():
    assert {*FullVerdict.model_fields} == keys("verdict.json")


def keys(title):
    """Those that the first column of a section's table tells."""
    rows = re.findall(r"^\| (`[^|]*) \|", section(title), re.MULTILINE)
    return {name for names in rows for name in re.findall(r"`(\w+)`", names)}
