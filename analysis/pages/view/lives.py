"""What tasks and bundles of a run went through, as a page follows them: span by span, in which node, or on
the way between which two.

A life is that of a number of a task, or of a bundle with all its copies. Its spans begin when all before them
was done (queued), and wait until they begin; what is sent is under way from `node` to `peer` while a
connection lasts (the parts of a span), and else waits at `node`. What a task sends as a bundle goes from
neighbour to neighbour, a part each, and waits wherever they left some of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from skybed.analysis.measures.ledger import in_bundles
from skybed.analysis.pages.view.packing import narrow, offsets
from skybed.analysis.run import Run, kept
from skybed.topologies.model.bundles import BundleFlow
from skybed.topologies.model.tables import BUNDLES, HOPS, TASKS, TRANSFERS

SPAN = ["flow", "number", "place", "stage", "tile", "node", "peer", "queued_s", "began_s", "ended_s", "bytes",
        "outcome"]  # fmt: skip
PART = ["flow", "number", "place", "node", "peer", "began_s", "ended_s", "bytes"]
HOLDS = "hold"  # a node has a copy of a bundle and sends it nowhere
TIMES = ("queued_s", "began_s", "ended_s")
DIGITS = 6  # of times, s


def facts(run: Run) -> dict[str, Any]:
    """followed: of each flow its name, and the first of its lives; stages, outcomes: their words."""
    spans = _spans(run)
    lives = spans[["flow", "number"]].drop_duplicates().reset_index(drop=True)
    first = lives.drop_duplicates("flow")
    return {
        "followed": [[name, int(place)] for place, name in first["flow"].items()],
        "stages": _words(spans["stage"]),
        "outcomes": _words(spans["outcome"]),
    }


def arrays(run: Run) -> dict[str, np.ndarray]:
    """Lives one after the other, and of each its spans. Times in s, nan: it did not. span_node, span_peer: a
    node and 1, 0 for none. part: where the connections of each span begin; part_node, part_peer: the ends of
    a hop, 0 where routes lead from the node of the span to its peer.
    """
    spans, parts = _spans(run), _parts(run)
    lives = spans.groupby(["flow", "number"], sort=False)
    nodes = {node.name: number for number, node in enumerate(run.plan.nodes, 1)}
    of_span = spans.reset_index().merge(parts, on=["flow", "number", "place"], suffixes=("", "_part"))
    of_span = of_span.sort_values(["index", "began_s_part"], kind="stable")
    is_hop = of_span["flow"].isin(in_bundles(run))
    return {
        "life": offsets(lives.size().to_numpy()),
        "life_number": narrow(lives["number"].first().to_numpy(int)),
        **{f"span_{name}": np.round(spans[name].to_numpy(float), DIGITS) for name in TIMES},
        **{f"span_{end}": narrow(spans[end].map(nodes).fillna(0).to_numpy(int)) for end in ("node", "peer")},
        "span_tile": narrow(spans["tile"].to_numpy(int)),
        "span_bytes": spans["bytes"].to_numpy(float),
        **{f"span_{name}": _numbers(spans[name]) for name in ("stage", "outcome")},
        "part": offsets(np.bincount(of_span["index"], minlength=len(spans))),
        "part_began_s": np.round(of_span["began_s_part"].to_numpy(float), DIGITS),
        "part_ended_s": np.round(of_span["ended_s_part"].to_numpy(float), DIGITS),
        "part_bytes": of_span["bytes_part"].to_numpy(float),
        **{
            f"part_{end}": narrow(of_span[f"{end}_part"].map(nodes).where(is_hop, 0).to_numpy(int))
            for end in ("node", "peer")
        },
    }


def reached(run: Run) -> list[str]:
    """The nodes to which something was sent by routes."""
    parts = _parts(run)
    return sorted(set(parts["peer"][~parts["flow"].isin(in_bundles(run))]))


def _words(column: pd.Series) -> list[str]:
    return sorted(column.unique().tolist())


def _numbers(column: pd.Series) -> np.ndarray:
    return narrow(np.searchsorted(np.array(_words(column), object), column.to_numpy(object)))


@kept
def _spans(run: Run) -> pd.DataFrame:
    """Columns SPAN; by flow, number, and when they were queued."""
    parts = [*_of_tasks(run), *_of_bundles(run)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SPAN)


@kept
def _parts(run: Run) -> pd.DataFrame:
    """The connections of spans, or hops: columns PART."""
    if not run.wrote(TRANSFERS):
        return pd.DataFrame(columns=PART)
    return run.table(TRANSFERS.name)[PART]


def _of_tasks(run: Run) -> Iterator[pd.DataFrame]:
    if not run.wrote(TASKS):
        return
    rows = run.table(TASKS.name).rename(columns={"in_bytes": "bytes"})
    for task in run.scenario.tasks:
        yield rows[rows["flow"] == task.name].sort_values(["number", "place"])[SPAN]


def _of_bundles(run: Run) -> Iterator[pd.DataFrame]:
    """Hops, and where copies were that went no further."""
    if not run.wrote(BUNDLES):
        return
    for flow in run.traffic:
        if not isinstance(flow, BundleFlow):
            continue
        hops = run.rows(flow, HOPS)
        hops = hops.assign(
            stage=np.where(hops["report"], "report", "hop"), tile=0, ended_s=hops["arrived_s"],
            outcome=np.where(hops["whole"], "done", "broken"),
        )  # fmt: skip
        held = pd.DataFrame(holds(flow, run.rows(flow), hops[~hops["report"]], run.played_s))
        rows = pd.concat([part for part in (hops, held) if len(part)] or [hops])
        rows = rows.sort_values(["number", "queued_s", "began_s"], kind="stable")
        yield rows.assign(place=rows.groupby("number").cumcount())[SPAN]


def holds(
    flow: BundleFlow, bundles: pd.DataFrame, hops: pd.DataFrame, until_s: float
) -> list[dict[str, Any]]:
    """A row for each node that had a bundle and sent it nowhere, or kept a copy as all do in an epidemic,
    until it expired or the run ended.
    """
    had: dict[tuple[int, str], tuple[float, int]] = {}
    for one in bundles.itertuples():
        had[one.number, one.src] = one.created_s, one.bytes
    for hop in hops.sort_values("arrived_s").itertuples():
        had.setdefault((hop.number, hop.peer), (hop.arrived_s, hop.bytes))
    sent = set() if flow.routing == "epidemic" else {(hop.number, hop.node) for hop in hops.itertuples()}
    of = {one.number: one for one in bundles.itertuples()}
    rows = []
    for (number, node), (since_s, size) in had.items():
        one = of[number]
        if node == one.dst or (number, node) in sent:
            continue
        ends_s = min(until_s, one.created_s + flow.lifetime_s)
        rows.append({
            "flow": flow.name, "number": number, "stage": HOLDS, "tile": 0, "node": node, "peer": None,
            "queued_s": since_s, "began_s": since_s, "ended_s": max(since_s, ends_s), "bytes": size,
            "outcome": "done" if one.outcome == "delivered" else one.outcome,
        })  # fmt: skip
    return rows
