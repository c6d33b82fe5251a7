"""The table of a campaign: a row for each flow of each run, as a Parquet data set partitioned by parameter.

    table/access[0].policy=keep/duration_s=60/part-0.parquet

Columns, beside the parameters that the folders name:
repeat                              from 0
run                                 the run's directory in `runs`
scenario_sha256, seed, clock, skybed  provenance, as in manifest.json
kernel, packages                    the same, packages as JSON; null in runs that broke off early
verdict                             pass, fail, invalid, or error for a run that broke off
flow, kind, src, dst                of the flow
the campaign's metrics              null where a flow does not measure one, and in runs that are invalid or
                                    broke off
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from skybed.analysis.manifest import Manifest
from skybed.analysis.run import load, reading
from skybed.analysis.verdict import Verdict
from skybed.topologies.errors import RunError
from skybed.topologies.model.metrics import METRICS
from skybed.topologies.scenario.campaign import Campaign, Case, values
from skybed.topologies.scenario.campaign_figures import FigureModel

USABLE = ("pass", "fail")  # beyond an acceptance limit, the figures are still figures
PROVENANCE = pa.schema(
    {
        "repeat": pa.int64(), "run": pa.string(), "scenario_sha256": pa.string(), "seed": pa.int64(),
        "clock": pa.string(), "skybed": pa.string(), "kernel": pa.string(), "packages": pa.string(),
        "verdict": pa.string(), "flow": pa.string(), "kind": pa.string(), "src": pa.string(),
        "dst": pa.string(),
    }
)  # fmt: skip


def write(cases: Sequence[Case], runs: Path, metrics: Sequence[str], folder: Path) -> pa.Table:
    """Write the table of all cases, whose run directories are in `runs`, anew into `folder`.

    Rows are in the order of cases and flows, so the same runs give the same table, whenever each was made.
    """
    every = [row for case in cases for row in rows(case, runs / case.key, metrics)]
    parameters = pa.schema({at: _type(levels) for at, levels in values(cases).items()})
    measured = pa.schema(
        {name: pa.int64() if name in METRICS and METRICS[name].whole else pa.float64() for name in metrics}
    )
    schema = pa.unify_schemas([parameters, PROVENANCE, measured])
    for row in every:
        row.update({field.name: _text(row[field.name]) for field in parameters if field.type == pa.string()})
    table = pa.Table.from_pylist(every, schema)
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


def describe(campaign: Campaign, cases: Sequence[Case], folder: Path) -> None:
    """Write campaign.json: what a report needs to know beside the table; values are as the table has them."""
    about = {
        "name": campaign.name, "about": campaign.about, "clock": campaign.clock, "metrics": campaign.metrics,
        "parameters": {
            at: [*map(_text, levels)] if _type(levels) == pa.string() else levels
            for at, levels in values(cases).items()
        },
        "figures": [figure.model_dump(exclude_none=True) for figure in campaign.figures],
    }  # fmt: skip
    (folder / "campaign.json").write_text(json.dumps(about, indent=2) + "\n")


@dataclass(frozen=True)
class Results:
    """A campaign that was run. table: as `write` has it, parameters first, in the order of the campaign."""

    dir: Path
    name: str
    about: str
    clock: str
    parameters: dict[str, list[Any]]  # with their values, in the order of the file
    metrics: list[str]
    figures: list[FigureModel]
    table: pd.DataFrame

    @property
    def runs(self) -> pd.DataFrame:
        """One row for each run: run, the parameters, repeat, seed, verdict."""
        columns = ["run", *self.parameters, "repeat", "seed", "verdict"]
        return self.table[columns].drop_duplicates("run", ignore_index=True)

    def of_runs(self, name: str) -> pd.DataFrame:
        """A table of the run directories, such as "tasks", of all runs that can be used: run, the parameters,
        repeat, then its own columns. Raises RunError where a run has no such table.
        """
        runs = self.runs[self.runs["verdict"].isin(USABLE)]
        keys = ["run", *self.parameters, "repeat"]
        parts = []
        for key in runs[keys].to_dict("records"):
            rows = load(self.dir / "runs" / key["run"]).table(name)
            parts.append(pd.DataFrame(key, index=rows.index).join(rows))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=keys)


def exit_code(verdicts: Collection[str]) -> int:
    """Of a campaign, by the verdicts of its runs: 3 if one cannot be used, 1 if every one fails, else 0."""
    if not {*verdicts} <= {*USABLE}:
        return 3
    return 1 if {*verdicts} == {"fail"} else 0


def is_campaign(folder: Path) -> bool:
    """Whether `skybed campaign run` made this directory."""
    return (folder / "campaign.json").is_file()


def read(folder: Path) -> Results:
    """The campaign in a directory. RunError where `skybed campaign run` has not finished one there."""
    if not is_campaign(folder) or not (folder / "table").is_dir():
        raise RunError(
            f"{folder}: there is no campaign's table here; name a directory in which `skybed campaign run` "
            "has come to its end."
        )
    about = json.loads((folder / "campaign.json").read_text())
    parameters = about["parameters"]
    schema = pa.schema({at: _type(levels) for at, levels in parameters.items()})
    with reading(folder / "table"):
        stored = ds.dataset(
            folder / "table",
            partitioning=ds.partitioning(schema, flavor="hive") if parameters else None,
        ).to_table()  # fmt: skip
    table = stored.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    table = table[[*parameters, *table.columns.drop([*parameters])]]
    places = pd.DataFrame(
        {at: table[at].map(parameters[at].index) for at in parameters} | {"repeat": table["repeat"]}
    )
    table = table.iloc[np.lexsort(places.to_numpy().T[::-1])].reset_index(drop=True)
    about["figures"] = [FigureModel.model_validate(figure) for figure in about["figures"]]
    return Results(folder, table=table, **about)


def rows(case: Case, run: Path, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of one run: its figures are those of its verdict."""
    record, verdict = json.loads((run / "case.json").read_text()), Verdict.read(run)
    manifest = Manifest.read(run) if (run / "manifest.json").is_file() else None
    packages = json.dumps({"python": manifest.python} | manifest.versions) if manifest else None
    figures = {row.flow: row.metrics for row in verdict.flows} if verdict.status in USABLE else {}
    run_wide = {
        **case.parameters, "repeat": case.repeat, "run": case.key, "scenario_sha256": case.scenario.sha256,
        "seed": case.scenario.seed, "clock": case.clock, "skybed": record["skybed"],
        "kernel": manifest and manifest.kernel, "packages": packages, "verdict": verdict.status,
    }  # fmt: skip
    return [
        run_wide
        | {"flow": flow.name, "kind": flow.kind, "src": flow.ends[0], "dst": flow.ends[1]}
        | {metric: figures.get(str(flow.name), {}).get(metric) for metric in metrics}
        for flow in case.scenario.flows
    ]


def _type(values: Sequence[Any]) -> pa.DataType:
    """Of a parameter's column: numbers if all are, else text."""
    kinds = {type(value) for value in values}
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds <= {int, float} else pa.string()


def _text(value: Any) -> str:
    """What a column of text holds of it. Null is text too: pandas does not read it from a folder's name."""
    return value if isinstance(value, str) else json.dumps(value)
