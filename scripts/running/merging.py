"""One run directory of what several hosts or cores wrote, by the first one's clock."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise, zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skybed.emulator.kernel import pcapng
from skybed.emulator.kernel.control import PROTOCOLS
from skybed.scripts.running.hosting import TABLES
from skybed.topologies import parquet
from skybed.topologies.arrays import Array, Index
from skybed.topologies.files import whole
from skybed.topologies.model.flows import Flow
from skybed.topologies.model.tables import APPLIED, CARRIED, CONTROL, EVENTS, ROUTES, Table
from skybed.topologies.plan.score import Playable
from skybed.traffic import crossings, processes
from skybed.traffic.tables import GROUP_ROWS

GREATEST = "hop_cost_us", "clock_stepped_ms", "load_s", "build_s", "converge_s", "teardown_s"  # of facts


class Written(NamedTuple):
    """What a part of a sky wrote. drift_us: by how much its clock went away from the first one's in the run;
    None: it is the same clock, by which it ended, too.
    """

    folder: Path
    drift_us: float | None = None


def merge(parts: Sequence[Written], plan: Playable, place: Index, played_s: float) -> None:
    """Put what all parts wrote into the tables and folders of the first one's, the run directory. place:
    int[nodes], the number of the part of each.

    Rows are in the order in which one part alone would have written them.
    """
    run, *others = [part.folder for part in parts]
    known_by = {link.name: len({int(place[link.a]), int(place[link.b])}) for link in plan.links}
    _merge_applied(parts, known_by, played_s)
    for table in TABLES[1:]:
        if files := _files(parts, table):
            rows = [_by_first(table, parquet.read(files[part]), part, played_s) for part in files]
            with whole(run / f"{table.name}.parquet") as file:
                pq.write_table(in_order(table, pa.concat_tables(rows), plan), file, compression="zstd")
    for table in crossings.written(plan.scenario.flows):
        files = _files(parts, table)
        if any(part.folder != run for part in files):
            by_flow(table, [*files.values()], plan.scenario.flows, run / f"{table.name}.parquet")
    for folder in others:
        for table in (*TABLES, *crossings.written(plan.scenario.flows)):
            (folder / f"{table.name}.parquet").unlink(missing_ok=True)
        for name in (pcapng.FOLDER, processes.FOLDER):
            move(folder / name, run / name)


def _files(parts: Sequence[Written], table: Table) -> dict[Written, Path]:
    """Of the parts that wrote it."""
    files = {part: part.folder / f"{table.name}.parquet" for part in parts}
    return {part: file for part, file in files.items() if file.exists()}


def move(source: Path, target: Path) -> None:
    """What is in a folder, if there is one, into another."""
    if source.exists():
        target.mkdir(exist_ok=True)
        for path in source.iterdir():
            path.replace(target / path.name)
        source.rmdir()


# -- of the sky ----------------------------------------------------------------------------------------


def _by_first(table: Table, rows: pa.Table, part: Written, played_s: float) -> pa.Table:
    """Rows by the clock of the first part, and none of what came after its end."""
    if part.drift_us is None:
        return rows
    if "applied_s" in rows.column_names:
        at_s = by_first(rows["applied_s"].to_numpy(), part.drift_us, played_s)
        column = rows.column_names.index("applied_s")
        return rows.set_column(column, "applied_s", pa.array(at_s, from_pandas=True))
    return rows.filter(pc.less(rows["t_s"], played_s)) if table is CARRIED else rows


def by_first(t_s: Array, drift_us: float, played_s: float) -> Array:
    """Run times of a part by the first one's clock, from which its own went away by drift_us in the run."""
    return t_s * (1 - 1e-6 * drift_us / played_s) if played_s > 0 else t_s


def in_order(table: Table, rows: pa.Table, plan: Playable) -> pa.Table:
    """Rows as one part would have written them: those of planned routes by the numbers of nodes."""
    keys, ranks = table.key, dict[str, Sequence[str]]()
    if table is CONTROL:
        ranks["protocol"] = PROTOCOLS
    elif table is ROUTES and plan.scenario.routing.means.filled_by != "daemons":
        names = [node.name for node in plan.nodes]
        keys, ranks = ("t_s", "node", "dst"), {"node": names, "dst": names}
    columns = {
        key: pc.index_in(rows[key], pa.array(ranks[key])) if key in ranks else rows[key] for key in keys
    }
    return rows.take(pc.sort_indices(pa.table(columns), [(key, "ascending") for key in keys]))


def _merge_applied(parts: Sequence[Written], known_by: Mapping[str, int], played_s: float) -> None:
    """Window by window, each of which is a row group of every part."""
    run = parts[0].folder
    with ExitStack() as stack:

        def windows(path: Path) -> Iterator[pa.Table]:
            file = stack.enter_context(pq.ParquetFile(path))
            return (file.read_row_group(number) for number in range(file.num_row_groups))

        events = windows(run / f"{EVENTS.name}.parquet")
        files = _files(parts, APPLIED)
        path = stack.enter_context(whole(run / f"{APPLIED.name}.parquet"))
        writer = stack.enter_context(pq.ParquetWriter(path, APPLIED.schema, compression="zstd"))
        for due, *done in zip_longest(events, *(windows(file) for file in files.values())):
            frames = [
                _by_first(APPLIED, rows, part, played_s).to_pandas()
                for part, rows in zip(files, done, strict=True)
                if rows is not None
            ]
            if frames:
                rows = applied(due.to_pandas(), frames, known_by)
                writer.write_table(pa.Table.from_pandas(rows, APPLIED.schema, preserve_index=False))


def applied(events: pd.DataFrame, parts: Sequence[pd.DataFrame], known_by: Mapping[str, int]) -> pd.DataFrame:
    """The table `applied` of all parts. events: the table; parts: `applied` of each part, which has the rows
    of its links. known_by: how many parts play each link.

    A part counts its events by itself: what tells them is the how manieth of its link each one is. One of a
    link that crosses is applied when both parts have; where one did not, it is not.
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


# -- of traffic ----------------------------------------------------------------------------------------


def by_flow(table: Table, files: Sequence[Path], flows: Sequence[Flow], out: Path) -> None:
    """One table of several, each of which has the rows of its flows in the order of the flows. No more than a
    row group of each is in memory.
    """
    numbers = {str(flow.name): number for number, flow in enumerate(flows)}
    with ExitStack() as stack:
        read = [stack.enter_context(pq.ParquetFile(file)) for file in files]
        path = stack.enter_context(whole(out))
        writer = stack.enter_context(pq.ParquetWriter(path, table.schema))
        runs = (_runs(file, numbers) for file in read)
        for _, rows in heapq.merge(*runs, key=itemgetter(0)):
            writer.write_table(rows)


def _runs(file: pq.ParquetFile, numbers: Mapping[str, int]) -> Iterator[tuple[int, pa.Table]]:
    """The number of a flow and rows of it, flow by flow."""
    for rows in parquet.pieces(file, GROUP_ROWS):
        if len(rows):
            flow = rows["flow"].combine_chunks()
            begins = [0, *(np.flatnonzero(pc.not_equal(flow[1:], flow[:-1])) + 1).tolist(), len(rows)]
            for first, end in pairwise(begins):
                yield numbers[flow[first].as_py()], rows.slice(first, end - first)


# -- for the manifest ----------------------------------------------------------------------------------


def joined(facts: Sequence[Mapping[str, Any]], nodes: Sequence[int]) -> dict[str, Any]:
    """What the manifest says of parts that were played side by side. facts: what it would say of each by
    itself; nodes: how many stood in each.
    """
    one = dict(facts[0]) | {
        "played_s": min(of["played_s"] for of in facts),
        "finished": all(of["finished"] for of in facts),
        "fallen": next((of["fallen"] for of in facts if of["fallen"]), None),
        "player_cpu_s": round(sum(of["player_cpu_s"] for of in facts), 3),
        "routing": _routing([of["routing"] for of in facts], nodes),
        "traffic": {"dropped_by_sink": _all([of["traffic"]["dropped_by_sink"] for of in facts])},
    }
    one |= {name: max(of[name] for of in facts) for name in GREATEST}
    if recorders := [of["recorder"] for of in facts if "recorder" in of]:
        one["recorder"] = {name: round(sum(of[name] for of in recorders), 3) for name in recorders[0]}
    if captures := [of["captures"] for of in facts if "captures" in of]:
        one["captures"] = _all(captures)
    return one


def _all(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: of for facts in each for name, of in facts.items()}


def _routing(each: Sequence[Mapping[str, Any]], nodes: Sequence[int]) -> dict[str, Any]:
    """Of daemons the versions of all; their memory is the mean of all nodes."""
    one = dict(each[0])
    if "daemon" in one:
        versions = [version for of in each for version in of["daemon"].split(", ")]
        one["daemon"] = ", ".join(dict.fromkeys(versions))
        for name in ("memory_mib", "private_memory_mib"):
            one[name] = round(float(np.average([of[name] for of in each], weights=nodes)), 2)
    return one
