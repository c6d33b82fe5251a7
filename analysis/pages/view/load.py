"""What links of a run carried over time, each way: what was counted, or what flows brought over them.

Where the kernel's counters were read (table `carried`), it is all packets, with headers. Elsewhere it is the
payload of streams, tasks and bundles, put on the links of their way at that time; probes are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.measures import forwarding, loads
from skybed.analysis.measures.forwarding import Path
from skybed.analysis.measures.ledger import in_bundles
from skybed.analysis.pages.view.packing import narrow, offsets
from skybed.analysis.run import Run, kept
from skybed.topologies.model.tables import BUNDLES, CARRIED, HOPS, TRANSFERS
from skybed.topologies.plan.plan import Plan

BIN_S = 1.0
MOST = 200_000  # values; where there are more, bins are twice as long, or four times, ...
FAMILY = 4


def facts(run: Run) -> dict[str, Any]:
    bin_s, _ = _load(run)
    return {"load_bin_s": bin_s, "load_counted": run.wrote(CARRIED)}


def arrays(run: Run) -> dict[str, np.ndarray]:
    """Of each link, there and then back, where its bins begin; those with nothing carried are left out."""
    bin_s, rows = _load(run)
    return {
        "load": offsets(np.bincount(rows["key"], minlength=2 * len(run.plan.links))),
        "load_bin": narrow(rows["bin"].to_numpy(int)),
        "load_mbps": (rows["mbit"].to_numpy() / bin_s).astype("f4"),
    }


@kept
def _load(run: Run) -> tuple[float, pd.DataFrame]:
    rows = _counted(run) if run.wrote(CARRIED) else _of_flows(run)
    bin_s = BIN_S
    while len(rows) > MOST:
        rows, bin_s = _summed(rows.assign(bin=rows["bin"] // 2)), 2 * bin_s
    return bin_s, rows


def _rows(key: Any, number: Any, mbit: Any) -> pd.DataFrame:
    """key: a link twice, and 1 for the way back; bin: number of its time."""
    rows = pd.DataFrame({"key": key, "bin": number, "mbit": mbit})
    return rows.astype({"key": "int64", "bin": "int64", "mbit": "float64"})


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["mbit"] > 0].groupby(["key", "bin"], as_index=False)["mbit"].sum()


def _counted(run: Run) -> pd.DataFrame:
    rows, plan = run.table(CARRIED.name), run.plan
    keys = {
        (plan.nodes[a].name, plan.nodes[b].name): 2 * number + side
        for number, link in enumerate(plan.links)
        for side, (a, b) in enumerate(((link.a, link.b), (link.b, link.a)))
    }
    key = np.array([keys.get(pair, -1) for pair in zip(rows["node"], rows["peer"], strict=True)], int)
    known = key >= 0
    bins = (rows["t_s"].to_numpy()[known] / BIN_S).astype(int)
    return _summed(_rows(key[known], bins, rows["bytes"].to_numpy()[known] * 8e-6))


def _of_flows(run: Run) -> pd.DataFrame:
    parts = [*_of_streams(run), *_of_transfers(run), *_of_hops(run)]
    return _summed(pd.concat(parts) if parts else _rows([], [], []))


def _of_streams(run: Run) -> Iterator[pd.DataFrame]:
    """What arrived of udp and tcp flows, by their bins."""
    for load in loads.loads(run):
        rows = run.rows(load.flow)
        bins, piece = _pieces(rows["start_s"], rows["end_s"], rows["received_bytes"].fillna(0) * 8e-6)
        yield from _along(run, load.flow.source, load.flow.target, bins, piece)


def _of_transfers(run: Run) -> Iterator[pd.DataFrame]:
    if run.wrote(TRANSFERS):
        rows = run.table(TRANSFERS.name)
        are_hops = rows["flow"].isin(in_bundles(run))
        yield from _over_contacts(run, rows[are_hops], "ended_s", "bytes")
        for (node, peer), between in rows[~are_hops].groupby(["node", "peer"]):
            bins, piece = _pieces(between["began_s"], between["ended_s"], between["bytes"] * 8e-6)
            yield from _along(run, str(node), str(peer), bins, piece)


def _of_hops(run: Run) -> Iterator[pd.DataFrame]:
    if run.wrote(BUNDLES):
        yield from _over_contacts(run, run.table(HOPS.name), "arrived_s", "carried_bytes")


def _over_contacts(run: Run, hops: pd.DataFrame, ended_s: str, size: str) -> Iterator[pd.DataFrame]:
    """Bundles go over the link of their contact, whatever routes say. ended_s, size: names of columns."""
    for (node, peer), rows in hops.groupby(["node", "peer"]):
        bins, piece = _pieces(rows["began_s"], rows[ended_s], rows[size] * 8e-6)
        (key,) = _keys(run.plan, (run.plan.node(str(node)), run.plan.node(str(peer))))
        yield _rows(np.full(len(bins), key), bins, piece)


def _pieces(start_s: pd.Series, end_s: pd.Series, mbit: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Amounts that came evenly from start_s to end_s, cut at the edges of bins: number of the bin, Mbit."""
    start, end = start_s.to_numpy(float) / BIN_S, np.maximum(end_s, start_s).to_numpy(float) / BIN_S
    counts = np.floor(end).astype(int) - np.floor(start).astype(int) + 1
    row = np.repeat(np.arange(len(start)), counts)
    bins = (
        np.floor(start)[row].astype(int) + np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    )
    long = np.minimum(bins + 1, end[row]) - np.maximum(bins, start[row])
    whole = (end - start)[row]
    share = np.divide(long, whole, out=1 / counts[row], where=whole > 0)
    return bins, mbit.to_numpy(float)[row] * share


def _along(run: Run, source: str, target: str, bins: np.ndarray, mbit: np.ndarray) -> Iterator[pd.DataFrame]:
    """On the links of the way at the middle of each bin."""
    trace, *_ = forwarding.traces(run, FAMILY)
    bins, place = np.unique(bins, return_inverse=True)
    total = np.bincount(place, weights=mbit, minlength=len(bins))
    _, number, paths = trace(source, target, np.minimum((bins + 0.5) * BIN_S, run.played_s))
    for which, path in enumerate(paths):
        mine = number == which
        for key in _keys(run.plan, path):
            yield _rows(np.full(mine.sum(), key), bins[mine], total[mine])


def _keys(plan: Plan, path: Path) -> list[int]:
    """Of the links of a path, each the way that it is crossed."""
    links = forwarding.link_numbers(plan, path)
    return [2 * link + (plan.links[link].a != node) for link, node in zip(links, path, strict=False)]
