"""The table of a campaign: a row for each flow of each run, as a Parquet data set partitioned by parameter.

    table/access[0].policy=keep/duration_s=60/part-0.parquet

Columns, beside the parameters that the folders name:
repeat                              from 0
run                                 the run's directory in `runs`
scenario_sha256, seed, clock, skybed  provenance, as in manifest.json
verdict                             pass, fail, invalid, or error for a run that broke off
flow, kind, src, dst                of the flow
the campaign's metrics              of analysis.metrics; null where a flow does not measure one, and in runs
                                    that are invalid or broke off
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from analysis.metrics import COUNTS
from topologies.campaign import Case

USABLE = ("pass", "fail")  # beyond an acceptance limit, the figures are still figures
PROVENANCE = pa.schema(
    {
        "repeat": pa.int64(), "run": pa.string(), "scenario_sha256": pa.string(), "seed": pa.int64(),
        "clock": pa.string(), "skybed": pa.string(), "verdict": pa.string(), "flow": pa.string(),
        "kind": pa.string(), "src": pa.string(), "dst": pa.string(),
    }
)  # fmt: skip


def write(cases: Sequence[Case], runs: Path, metrics: Sequence[str], folder: Path) -> pa.Table:
    """Write the table of all cases, whose run directories are in `runs`, anew into `folder`.

    Rows are in the order of cases and flows, so the same runs give the same table, whenever each was made.
    """
    rows = [row for case in cases for row in _rows(case, runs / case.key, metrics)]
    parameters = pa.schema({at: _type([case.parameters[at] for case in cases]) for at in cases[0].parameters})
    measured = pa.schema({name: pa.int64() if name in COUNTS else pa.float64() for name in metrics})
    schema = pa.unify_schemas([parameters, PROVENANCE, measured])
    for row in rows:
        row.update({field.name: _text(row[field.name]) for field in parameters if field.type == pa.string()})
    table = pa.Table.from_pylist(rows, schema)
    unfinished = folder.with_name(f".{folder.name}")
    for old in (unfinished, folder):
        shutil.rmtree(old, ignore_errors=True)
    ds.write_dataset(
        table, unfinished, format="parquet", use_threads=False, max_partitions=len(cases),
        partitioning=ds.partitioning(parameters, flavor="hive") if parameters.names else None,
        basename_template="part-{i}.parquet",
    )  # fmt: skip
    unfinished.rename(folder)
    return table


def _rows(case: Case, run: Path, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of one run: its figures are those of its verdict."""
    record, verdict = (json.loads((run / name).read_text()) for name in ("case.json", "verdict.json"))
    figures = {flow["flow"]: flow for flow in verdict["flows"]} if verdict["status"] in USABLE else {}
    run_wide = {
        **case.parameters, "repeat": case.repeat, "run": case.key, "scenario_sha256": case.scenario.sha256,
        "seed": case.scenario.seed, "clock": case.clock, "skybed": record["skybed"],
        "verdict": verdict["status"],
    }  # fmt: skip
    return [
        run_wide
        | {"flow": flow.name, "kind": flow.kind, "src": flow.source, "dst": flow.target}
        | {metric: figures.get(str(flow.name), {}).get(metric) for metric in metrics}
        for flow in case.scenario.traffic
    ]


def _type(values: Sequence[Any]) -> pa.DataType:
    """Of a parameter's column: numbers if all are, else text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
