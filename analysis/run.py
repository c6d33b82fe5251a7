"""A run directory, read back: the manifest, the plan and the tidy tables, each when first asked for.

Every check of what a run directory must hold is made here, so that the rest of this package works on
tables whose columns and types are known. All times are run time in s since the scenario's epoch.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies.errors import RunError, SkybedError
from skybed.topologies.model.tables import TABLES
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

# Text of tables of millions of rows: kept once for each value, as categories.
LONG = {"routes": ["node", "dst", "via", "family"]}

# Of the manifest: what every run notes, and what one that came to its end does.
MANIFEST: dict[str, type | tuple[type, ...]] = {
    "skybed": str, "started_utc": str, "versions": dict, "lane": str, "clock": str, "cpu_count": int,
    "duration_s": (int, float), "played_s": (int, float), "finished": bool,
}  # fmt: skip
MANIFEST_LATER: dict[str, type | tuple[type, ...]] = {"host_load_1m": list, "steal_pct": (int, float)}
WORDS = {"str": "text", "bool": "true or false", "float64": "numbers"}  # else whole numbers
AGAIN = "the run was not finished, run it again"
DAMAGED = "the file is damaged, run the scenario again"
OTHER_VERSION = "it was written by another version of skybed, run the scenario again"


@dataclass(eq=False)  # a run is the same as itself only, so that what is worked out of it can be kept
class Run:
    """One run directory. Tables are read and checked on first use and then kept."""

    dir: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return self.dir.resolve().name

    @property
    def played_s(self) -> float:
        """How much of the scenario was played; what a clock ran on after its end does not count."""
        return float(min(self.manifest["played_s"], self.manifest["duration_s"]))

    @cached_property
    def plan(self) -> Plan:
        if not (self.dir / "plan").is_dir():
            raise RunError(f"{self.dir}: the folder plan is missing; {AGAIN}.")
        try:
            return Plan.load(self.dir / "plan")
        except SkybedError:
            raise
        except Exception as why:
            raise RunError(f"{self.dir}/plan: the plan cannot be read ({why}); {OTHER_VERSION}.") from why

    @property
    def scenario(self) -> Scenario:
        return self.plan.scenario

    @cached_property
    def events(self) -> pd.DataFrame:
        return self._table("events")

    @cached_property
    def applied(self) -> pd.DataFrame:
        return self._table("applied")

    @cached_property
    def routes(self) -> pd.DataFrame:
        return self._table("routes")

    @cached_property
    def control(self) -> pd.DataFrame:
        return self._table("control")

    @cached_property
    def probes(self) -> pd.DataFrame:
        return self._table("probes")

    @cached_property
    def paths(self) -> pd.DataFrame:
        return self._table("paths")

    @cached_property
    def flows(self) -> pd.DataFrame:
        return self._table("flows")

    def table_file(self, name: str) -> Path:
        """The Parquet file of a table; RunError where there is none."""
        path = self.dir / f"{name}.parquet"
        if not path.is_file():
            raise RunError(f"{self.dir}: the table {path.name} is missing; {AGAIN}.")
        return path

    def _table(self, name: str) -> pd.DataFrame:
        path = self.table_file(name)
        with reading(path):
            table = pq.read_table(path, read_dictionary=LONG.get(name))
        for column, dtype in (dtypes := TABLES[name].dtypes).items():
            if column not in table.column_names:
                raise RunError(f"{self.dir}: the table {path.name} has no column {column}; {OTHER_VERSION}.")
            found = table.schema.field(column).type
            if not _is(found, dtype):
                wanted = WORDS.get(dtype, "whole numbers")
                raise RunError(
                    f"{self.dir}: column {column} of {path.name} holds {found}, {wanted} were expected; "
                    f"{OTHER_VERSION}."
                )
        frame = table.select(list(dtypes)).to_pandas()
        return frame.astype({column: dtype for column, dtype in dtypes.items() if dtype == "float64"})


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what goes wrong in reading a Parquet file into a RunError."""
    try:
        yield
    except (pa.ArrowException, OSError) as why:
        raise RunError(f"{path}: the table cannot be read ({_first_line(why)}); {DAMAGED}.") from why


def load(run_dir: str | Path) -> Run:
    """The run in `run_dir`. Raises RunError where the directory is not one that a run has made."""
    folder = Path(run_dir)
    if not folder.is_dir():
        raise RunError(f"{folder}: there is no such directory; name one that `skybed run` made.")
    path = folder / "manifest.json"
    if not path.is_file():
        raise RunError(
            f"{folder}: not a run directory, it has no manifest.json; name one that `skybed run` made."
        )
    try:
        manifest = json.loads(path.read_text())
    except (ValueError, OSError) as why:
        raise RunError(f"{path}: the manifest cannot be read ({_first_line(why)}); {DAMAGED}.") from why
    if not isinstance(manifest, dict):
        raise RunError(f"{path}: the manifest is not a JSON object; {DAMAGED}.")
    for key, kind in (MANIFEST | MANIFEST_LATER).items():
        if key in MANIFEST and key not in manifest:
            raise RunError(f"{path}: the manifest has no {key}; {OTHER_VERSION}.")
        if key in manifest and not isinstance(manifest[key], kind):
            raise RunError(f"{path}: {key} of the manifest is {manifest[key]!r}; {OTHER_VERSION}.")
    return Run(folder, manifest)


def _is(found: pa.DataType, dtype: str) -> bool:
    t = pa.types
    if t.is_null(found):  # a column without a single value
        return True
    if t.is_dictionary(found):
        found = found.value_type
    if dtype == "str":
        return t.is_string(found) or t.is_large_string(found)
    if dtype == "bool":
        return t.is_boolean(found)
    return t.is_integer(found) or (dtype == "float64" and t.is_floating(found))


def _first_line(why: Exception) -> str:
    """Of an error, without the path, which the message names already."""
    first = (str(why).splitlines() or [type(why).__name__])[0]
    return first.split("': ")[-1].rstrip(".")
