"""A run directory, read back: the manifest, the plan and the tidy tables, each when first asked for.

Every check of what a run directory must hold is made here, so that the rest of this package works on
tables whose columns and types are known. All times are run time in s since the scenario's epoch.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skybed.analysis.manifest import Manifest
from skybed.analysis.stored import AGAIN, DAMAGED, OTHER_VERSION, first_line
from skybed.topologies import parquet
from skybed.topologies.errors import RunError, SkybedError
from skybed.topologies.model import kinds
from skybed.topologies.model.fields import GREATEST
from skybed.topologies.model.flows import SCRIPT, Flow, LoadFlow
from skybed.topologies.model.tables import BEGUN, MEASURES, TABLES, Table
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario

# Text of tables of millions of rows: kept once for each value, as categories.
LONG = {"routes": ["node", "dst", "via", "family"]}

PIECE_ROWS = 2**17  # of a table that has more, so many at once are in memory where that is enough

OF_NODES = ("a", "b", "node", "peer", "src", "dst")  # columns, in all tables
REPORT = "report.html"  # of a run directory, where one was asked for

WORDS = {"str": "text", "bool": "true or false", "float64": "numbers"}  # else whole numbers

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(eq=False)
class Run:
    """One run directory. Tables are read and checked on first use and then kept."""

    dir: Path
    manifest: Manifest
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` gives, worked out when first asked for; it goes with the run. See `kept`."""
        if key not in self._kept:
            self._kept[key] = work()
        value: T = self._kept[key]
        return value

    @property
    def name(self) -> str:
        return self.dir.resolve().name

    @property
    def played_s(self) -> float:
        """How much of the scenario was played; what a clock ran before or after it does not count."""
        return max(0.0, min(self.manifest.played_s, self.manifest.duration_s))

    @cached_property
    def plan(self) -> Plan:
        if not (self.dir / "plan").is_dir():
            raise RunError(f"{self.dir}: the folder plan is missing; {AGAIN}.")
        try:
            return Plan.load(self.dir / "plan")
        except (SkybedError, MemoryError):
            raise
        except Exception as why:
            raise RunError(f"{self.dir}/plan: the plan cannot be read ({why}); {OTHER_VERSION}.") from why

    @property
    def scenario(self) -> Scenario:
        return self.plan.scenario

    @cached_property
    def traffic(self) -> list[Flow]:
        """The flows of the scenario, with the times that they had. One that comes after another begins when
        the run says; where it did not begin, at the end. One with a volume stops when all of it had arrived.
        """
        return [self._timed(flow) for flow in self.scenario.flows]

    def _timed(self, flow: Flow) -> Flow:
        if flow.after is not None:
            start_s = float(self.rows(flow, BEGUN)["start_s"].min())
            flow = flow.begun(self.manifest.duration_s if math.isnan(start_s) else start_s)
        if isinstance(flow, LoadFlow) and flow.volume_mb is not None:
            completion_s = kinds.of(flow).measure(self, flow)["completion_s"]
            if not math.isnan(completion_s):
                flow = flow.model_copy(update={"stop_s": flow.start_s + completion_s})
        return flow

    @property
    def events(self) -> pd.DataFrame:
        return self.table("events")

    @property
    def applied(self) -> pd.DataFrame:
        return self.table("applied")

    @property
    def routes(self) -> pd.DataFrame:
        return self.table("routes")

    @property
    def control(self) -> pd.DataFrame:
        return self.table("control")

    @property
    def probes(self) -> pd.DataFrame:
        return self.table("probes")

    @property
    def paths(self) -> pd.DataFrame:
        return self.table("paths")

    @property
    def flows(self) -> pd.DataFrame:
        return self.table("flows")

    def table(self, name: str) -> pd.DataFrame:
        """The table of a name, with the columns and types that `topologies.model.tables` tells."""
        return self.once(("table", name), lambda: self._read(name))

    def rows(self, flow: Flow, table: Table | None = None) -> pd.DataFrame:
        """Those of a flow, of a table (None: that of its kind)."""
        rows = self.table((table or kinds.of(flow).TABLE).name)
        return rows[rows["flow"] == flow.name]

    def pieces(
        self, flow: Flow, table: Table | None = None, columns: Collection[str] = ()
    ) -> Iterator[pd.DataFrame]:
        """`rows` piece by piece: of a long table PIECE_ROWS at most are in memory, and text is categories.
        columns: those that are wanted, at least; none: all.
        """
        name = (table or kinds.of(flow).TABLE).name
        if not self.long(name):
            yield self.rows(flow, table)
            return
        wanted = [column for column in TABLES[name].dtypes if column in columns or not columns]
        with reading(self.table_file(name)), self._opened(name) as file:
            yield self._frame(name, file.schema_arrow.empty_table(), wanted)  # a flow may have no rows
            groups = [
                n for n in range(file.num_row_groups) if _may_hold(file.metadata.row_group(n), flow.name)
            ]
            for rows in parquet.pieces(file, PIECE_ROWS, groups, [*dict.fromkeys(["flow", *wanted])]):
                yield self._frame(name, rows.filter(pc.equal(rows["flow"], flow.name)), wanted)

    def flow_names(self, table: Table) -> list[str]:
        """Whose rows a table has, in its order."""
        if not self.long(table.name):
            return [*self.table(table.name)["flow"].unique()]
        with reading(self.table_file(table.name)), self._opened(table.name) as file:
            pieces = parquet.pieces(file, PIECE_ROWS, columns=["flow"])
            return [*dict.fromkeys(name for rows in pieces for name in pc.unique(rows["flow"]).to_pylist())]

    def long(self, name: str) -> bool:
        """Whether a table has so many rows that one had better go through it in `pieces`."""
        return ("table", name) not in self._kept and self.length(name) > PIECE_ROWS

    def length(self, name: str) -> int:
        """How many rows a table has."""
        path = self.table_file(name)
        with reading(path):
            return int(pq.read_metadata(path).num_rows)

    def _opened(self, name: str) -> pq.ParquetFile:
        text = [column for column, dtype in TABLES[name].dtypes.items() if dtype == "str"]
        return pq.ParquetFile(self.table_file(name), read_dictionary=text)

    @cached_property
    def units(self) -> dict[str, list[str]]:
        """Of each metric that programs printed, in which units they did."""
        if not self.wrote(MEASURES):
            return {}
        printed = self.table(MEASURES.name)[["flow", "metric", "unit"]].drop_duplicates().dropna()
        of_programs = printed[printed["flow"] != SCRIPT].groupby("metric")["unit"]
        return {str(metric): sorted({*units}) for metric, units in of_programs}

    def wrote(self, table: Table) -> bool:
        """Whether it has a table that not every run has."""
        return (self.dir / f"{table.name}.parquet").is_file()

    def table_file(self, name: str) -> Path:
        """The Parquet file of a table; RunError where there is none."""
        path = self.dir / f"{name}.parquet"
        if not path.is_file():
            raise RunError(f"{self.dir}: the table {path.name} is missing; {AGAIN}.")
        return path

    def _read(self, name: str) -> pd.DataFrame:
        path = self.table_file(name)
        with reading(path):
            table = parquet.read(path, LONG.get(name))
        return self._frame(name, table, TABLES[name].dtypes)

    def _frame(self, name: str, table: pa.Table, columns: Collection[str]) -> pd.DataFrame:
        """Rows of a table, checked."""
        path = self.table_file(name)
        whole = {column.name for column in TABLES[name].columns if not column.null}
        dtypes = {column: TABLES[name].dtypes[column] for column in columns}
        for column, dtype in dtypes.items():
            if column not in table.column_names:
                raise RunError(f"{self.dir}: the table {path.name} has no column {column}; {OTHER_VERSION}.")
            arrow_type = table.schema.field(column).type
            if not _is(arrow_type, dtype):
                wanted = WORDS.get(dtype, "whole numbers")
                raise RunError(
                    f"{self.dir}: column {column} of {path.name} holds {arrow_type}, {wanted} were expected; "
                    f"{OTHER_VERSION}."
                )
            if dtype in ("str", "bool") and column in whole and table[column].null_count:
                raise RunError(f"{self.dir}: column {column} of {path.name} has gaps; {DAMAGED}.")
            self._check(path, column, table[column])
        frame = (
            table.select(list(dtypes)).replace_schema_metadata(None).to_pandas()
        )  # it is of pandas's index
        return frame.astype({column: dtype for column, dtype in dtypes.items() if dtype == "float64"})

    def _check(self, path: Path, column: str, values: pa.ChunkedArray) -> None:
        """Raise RunError for what no run writes: a column of numbers or names."""
        wrong = None
        if pa.types.is_floating(values.type):
            ends = pc.min_max(values)
            wrong = next((end for end in ends.as_py().values() if end and abs(end) > GREATEST), None)
        elif column in self._names:
            known = self._names[column]
            wrong = next((x for x in pc.unique(values).to_pylist() if x is not None and x not in known), None)
        if wrong is not None:
            raise RunError(
                f"{self.dir}: column {column} of {path.name} has {wrong}, which is not of this run's plan; "
                f"{DAMAGED}."
            )

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """What columns of names may have, by column."""
        nodes = {node.name for node in self.plan.nodes}
        return {"link": {link.name for link in self.plan.links}, **dict.fromkeys(OF_NODES, nodes)}


def kept(work: Callable[Concatenate[Run, P], T]) -> Callable[Concatenate[Run, P], T]:
    """Makes a function of a run, and of what can be hashed, do its work once for each run.

    A DataFrame is given to each caller as one of its own, though its columns are there once.
    """

    @functools.wraps(work)
    def once(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (work, args, tuple(sorted(kwargs.items())))
        value = run.once(key, lambda: work(run, *args, **kwargs))
        return value.copy(deep=False) if isinstance(value, pd.DataFrame) else value

    return once


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what goes wrong in reading a Parquet file into a RunError."""
    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as why:  # KeyError: a list where text was to be
        raise RunError(f"{path}: the table cannot be read ({first_line(why)}); {DAMAGED}.") from why


def load(run_dir: str | Path) -> Run:
    """The run in `run_dir`. Raises RunError where the directory is not one that a run has made."""
    folder = Path(run_dir)
    if not folder.is_dir():
        raise RunError(f"{folder}: there is no such directory; name one that `skybed run` made.")
    if not (folder / "manifest.json").is_file():
        raise RunError(
            f"{folder}: not a run directory, it has no manifest.json; name one that `skybed run` made."
        )
    return Run(folder, Manifest.read(folder))


def _may_hold(group: pq.RowGroupMetaData, flow: str | None) -> bool:
    """Whether a row group of a table may have rows of a flow."""
    statistics = next(
        (
            column.statistics
            for n in range(group.num_columns)
            if (column := group.column(n)).path_in_schema == "flow"
        ),
        None,
    )
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= flow <= statistics.max)


def _is(arrow_type: pa.DataType, dtype: str) -> bool:
    t = pa.types
    if t.is_null(arrow_type):  # a column without a single value
        return True
    if t.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if dtype == "str":
        return t.is_string(arrow_type) or t.is_large_string(arrow_type)
    if dtype == "bool":
        return t.is_boolean(arrow_type)
    return t.is_integer(arrow_type) or (dtype == "float64" and t.is_floating(arrow_type))
