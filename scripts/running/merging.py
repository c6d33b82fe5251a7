"""One run directory of the tables that several hosts wrote, by the first one's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.scripts.running import handover
from skybed.scripts.running.hosting import TABLES
from skybed.topologies.arrays import Index
from skybed.topologies.contacts.nodes import Link
from skybed.topologies.files import whole
from skybed.topologies.model.tables import APPLIED, CARRIED, EVENTS, Table


def merge(
    run: Path, links: Sequence[Link], place: Index, hosts: Sequence[Mapping[str, Any]], played_s: float
) -> None:
    """Put what each host wrote into the tables of the first. hosts: their facts, in the manifest's words."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for number, host in enumerate(hosts):
        for table in TABLES:
            path = (run / handover.ELSEWHERE / host["name"] if number else run) / f"{table.name}.parquet"
            if path.exists():
                rows = pq.read_table(path).to_pandas()
                if "applied_s" in rows:
                    rows["applied_s"] = by_first(rows["applied_s"], host["drift_us"], played_s)
                parts.setdefault(table.name, []).append(rows)
                if number:
                    path.unlink()
    known_by = {link.name: len({int(place[link.a]), int(place[link.b])}) for link in links}
    events = pq.read_table(run / f"{EVENTS.name}.parquet").to_pandas()
    _write(run, APPLIED, applied(events, parts[APPLIED.name], known_by))
    for table in TABLES[1:]:
        if table.name in parts:
            rows = pd.concat(parts[table.name])
            if table is CARRIED:  # others than the first count until it tells them that it is over
                rows = rows[rows["t_s"] < played_s]
            _write(run, table, rows.sort_values(list(table.key), kind="stable"))


def by_first(t_s: pd.Series, drift_us: float, played_s: float) -> pd.Series:
    """Run times of a host by the first one's clock, from which its own went away by drift_us in the run."""
    return t_s * (1 - 1e-6 * drift_us / played_s) if played_s > 0 else t_s


def applied(events: pd.DataFrame, parts: Sequence[pd.DataFrame], known_by: Mapping[str, int]) -> pd.DataFrame:
    """The table `applied` of all hosts. events: the table; parts: `applied` of each host, which has the rows
    of its links. known_by: how many hosts play each link.

    A host counts its events by itself: what tells them is the how manieth of its link each one is. One of a
    link that crosses is applied when both hosts have; where one did not, it is not.
    """
    rows = pd.concat([_counted(part) for part in parts])
    same = rows.groupby(["link", "nth"])
    merged = same.nth(0).set_index(["link", "nth"]).sort_index()
    by_all = same["applied_s"].count() == merged.index.get_level_values("link").map(known_by)
    merged["applied_s"] = same["applied_s"].max().where(by_all)
    merged["skipped"] = same["skipped"].any()
    numbers = _counted(events).set_index(["link", "nth"])["event"]
    merged["event"] = numbers.reindex(merged.index)
    merged["late_us"] = (merged["applied_s"] - merged["t_s"]) * 1e6
    return merged.reset_index().sort_values("event")[list(APPLIED.dtypes)]


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(nth=rows.groupby("link").cumcount())


def _write(run: Path, table: Table, rows: pd.DataFrame) -> None:
    with whole(run / f"{table.name}.parquet") as file:
        pq.write_table(
            pa.Table.from_pandas(rows, table.schema, preserve_index=False), file, compression="zstd"
        )
