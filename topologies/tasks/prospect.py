"""What tasks can know beforehand: when what is in view of whom, when who has a way to whom, and when the Sun
shines. Worked out before a run (topologies.tasks.foreseen), and read in a lane with Arrow alone.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skybed.topologies import parquet
from skybed.topologies.arrays import Array, Index
from skybed.topologies.contacts.spans import Spans

OBSERVER = -1  # in the place of a node: whoever has observed
ASKED = np.dtype(
    [("task", "i4"), ("number", "i4"), ("asked_s", "f8"), ("seen_s", "f8"), ("node", "i4"),
     ("lat_deg", "f8"), ("lon_deg", "f8"), ("acquisition_s", "f8")]
)  # fmt: skip


@dataclass(frozen=True)
class Prospect:
    """Nodes are told by their numbers in the plan.

    asked: ASKED, by task (its place in the scenario's tasks) and asked_s: node is who sees the target first,
    and seen_s when; nan and -1: nobody does before the end.
    views: when who sees the target of a row of `asked` does, by its number.
    at: [task][step] the nodes at which a step can be done, OBSERVER among them, and last the receiver.
    pairs: int[n, 2] node, peer; path, contact: when a pair has a way there and back, or a direct link in use,
    by number of the pair. looks_s: ascending; delay_s, rate_mbps: [pair, look] of the best path from then on,
    inf and 0: none.
    sunlit: when the Sun shines on a node, by its number. dead: when it is out of service, and what it held is
    lost at the begin of each.
    """

    asked: np.ndarray
    views: Spans
    at: list[list[list[int]]]
    pairs: Index
    path: Spans
    contact: Spans
    looks_s: Array
    delay_s: Array
    rate_mbps: Array
    sunlit: Spans
    dead: Spans


FOLDER = "tasks"
ASKED_FILE, PAIRS_FILE, LOOKS_FILE, AT_FILE = (
    f"{name}.parquet" for name in ("asked", "pairs", "looks", "at")
)
SPANS = ("views", "path", "contact", "sunlit", "dead")


def save(prospect: Prospect, folder: pathlib.Path) -> None:
    """Write it into a new folder."""
    folder.mkdir()
    asked = {name: np.ascontiguousarray(prospect.asked[name]) for name in ASKED.names or ()}
    pq.write_table(pa.table(asked), folder / ASKED_FILE)
    pq.write_table(
        pa.table({"node": prospect.pairs[:, 0], "peer": prospect.pairs[:, 1]}), folder / PAIRS_FILE
    )
    for name in SPANS:
        pq.write_table(pa.table(getattr(prospect, name)._asdict()), folder / f"{name}.parquet")
    looks = {
        "t_s": np.tile(prospect.looks_s, len(prospect.pairs)),
        "delay_s": prospect.delay_s.ravel(),
        "rate_mbps": prospect.rate_mbps.ravel(),
    }
    pq.write_table(pa.table(looks), folder / LOOKS_FILE)
    rows = [
        (task, step, node)
        for task, steps in enumerate(prospect.at)
        for step, nodes in enumerate(steps)
        for node in nodes
    ]
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    pq.write_table(pa.table(dict(zip(("task", "step", "node"), columns, strict=True))), folder / AT_FILE)


def load(folder: pathlib.Path) -> Prospect:
    """What `save` wrote."""
    rows = parquet.read(folder / ASKED_FILE)
    asked = np.empty(rows.num_rows, ASKED)
    for name in ASKED.names or ():
        asked[name] = rows[name].to_numpy()
    pairs = _columns(folder / PAIRS_FILE, ("node", "peer"))
    looks = _columns(folder / LOOKS_FILE, ("t_s", "delay_s", "rate_mbps"))
    shape = len(pairs[0]), len(looks[0]) // max(1, len(pairs[0]))
    spans = {name: Spans(*_columns(folder / f"{name}.parquet", Spans._fields)) for name in SPANS}
    return Prospect(
        asked=asked,
        at=_at(*_columns(folder / AT_FILE, ("task", "step", "node"))),
        pairs=np.stack(pairs, axis=1),
        looks_s=looks[0][: shape[1]],
        delay_s=looks[1].reshape(shape),
        rate_mbps=looks[2].reshape(shape),
        **spans,
    )


def _columns(path: pathlib.Path, names: Sequence[str]) -> list[np.ndarray]:
    table = parquet.read(path)
    return [table[name].to_numpy() for name in names]


def _at(task: Index, step: Index, node: Index) -> list[list[list[int]]]:
    """Every task and step has a node at least."""
    at: list[list[list[int]]] = [[] for _ in range(int(task.max(initial=-1)) + 1)]
    for t, s, n in zip(task.tolist(), step.tolist(), node.tolist(), strict=True):
        if s == len(at[t]):
            at[t].append([])
        at[t][s].append(n)
    return at
